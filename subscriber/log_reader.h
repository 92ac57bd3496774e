/* log_reader.h - a channel's log: tiles and entries, each held against a checkpoint before it is handed out
 *
 * A tile is believed if its hashes make the hash that the tile above it has, and so on up to the checkpoint's root;
 * entries, if their hashes are those in the tile. What does not fit is named: file, and number within it. The last tile
 * of each level is kept, so that who reads from left to right fetches each once.
 * Owner: whoever made it; one thread. Fetching blocks (fetch.h). Memory: a bundle, and 200 kB.
 */
#ifndef SUBSCRIBER_LOG_READER_H
#define SUBSCRIBER_LOG_READER_H

#include "base/buffer.h"
#include "base/result.h"
#include "publisher/merkle.h"
#include "publisher/tiles.h"
#include "subscriber/fetch.h"
#include "subscriber/log_head.h"
#include "subscriber/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_tile {
	bool is_there;
	uint64_t number;
	unsigned width;
	struct merkle_hash hashes[TILES_WIDTH];
};

struct log_reader {
	struct fetch *fetch;
	struct log_head head;                /* what all is held against */
	struct log_tile edge[TILES_LEVELS];  /* the rightmost of each level, unless it is full */
	struct log_tile inner[TILES_LEVELS]; /* the full one that was read last */
	struct buffer file;
	char why[512]; /* what the last call that failed has to say */
};

/* The entries of a bundle; they lie in the reader until its next call. */
struct log_bundle {
	unsigned count;
	struct message_frame entries[TILES_WIDTH];
};

/* Results of all that read: RESULT_OK; RESULT_INVALID: something in the log is wrong; FETCH_ABSENT: a file that must be
 * there is not (an entry before minimum_index may be gone); or as fetch_get(). The reader's `why` says what and where. */

/* Makes an empty reader of this folder, to be freed in any case. */
void log_reader_init(struct log_reader *reader, struct fetch *fetch);
void log_reader_free(struct log_reader *reader);

/* From now on all is held against this checkpoint: reads the tiles of the right edge, which make its root. If it can't be
 * done the reader is as it was. */
MUST_USE int log_reader_turn_to(struct log_reader *reader, const struct log_head *head);

/* All hashes that the tree has of this tile; good until the next call. */
MUST_USE int log_reader_tile(struct log_reader *reader, unsigned level, uint64_t tile,
			     const struct log_tile **found);

/* All entries that the tree has of this bundle. */
MUST_USE int log_reader_bundle(struct log_reader *reader, uint64_t number,
			       struct log_bundle *bundle);

/* The compact range of the log's first `size` entries, at most as many as the checkpoint has. */
MUST_USE int log_reader_range(struct log_reader *reader, uint64_t size, struct merkle_range *range);

/* Is the log as it was at the checkpoint `old`, and only longer? RESULT_INVALID: it is not: history was rewritten, or
 * these are two logs under one name. */
MUST_USE int log_reader_is_consistent(struct log_reader *reader, const struct checkpoint *old);

/* The proof that entry `index` is in the tree. */
MUST_USE int log_reader_prove(struct log_reader *reader, uint64_t index,
			      struct merkle_proof *proof);

/* Without a look at what it should be, for who finds out what is wrong: the tile's hashes as the file has them, and the
 * bundle's entries as far as the file can be read; then RESULT_INVALID, and `count` of them are good. */
MUST_USE int log_reader_raw_tile(struct log_reader *reader, unsigned level, uint64_t tile,
				 unsigned width, struct merkle_hash *hashes);
MUST_USE int log_reader_raw_bundle(struct log_reader *reader, uint64_t number, unsigned width,
				   struct log_bundle *bundle);

/* The root over the hashes of a tile. RESULT_OK, RESULT_NOMEM. */
MUST_USE int log_tile_root(const struct merkle_hash *hashes, unsigned width,
			   struct merkle_hash *root);

/* The root of a tree of `size` from its edge, the hashes of each level's partial tile. RESULT_OK, RESULT_NOMEM. */
MUST_USE int log_edge_root(uint64_t size, const struct merkle_hash *const edge[TILES_LEVELS],
			   struct merkle_hash *root);

#endif
