/* channel_log.h - a channel's log: a Merkle tree over its events, as files that any web server serves
 *
 * The files are those of C2SP tlog-tiles (tiles.h), in the channel's log_dir. The feed store is the truth: a place that
 * was given there is an entry of the log, with the same index, and what is signed of the log stands there before
 * anybody sees it. A round does these in turn, each durable before the next:
 *   1. bundles of entries and tiles of hashes, made of the store's places;
 *   2. one transaction that records the size, the tree's right edge (log_edge.h) and the signed checkpoint;
 *   3. the file `checkpoint`.
 * So whatever is killed, at any point: what was signed and shown is in the store, the next checkpoint goes on from
 * there, and no two are inconsistent. Files of a round that was cut short are written again, the same.
 *
 * A round appends LOG_ROUND_MAX entries at most; a backlog is caught up in several. Its cost is the entries' own, and of
 * the rest O(log n); memory is a bundle and LOG_EDGE. Partial tiles and bundles go when the full one is there. Bundles
 * that lie wholly before the channel's first place in the store are past their retention: `feed.json` tells of it, then
 * they are deleted; tiles stay.
 * Owner: one thread, log_keeper.c's. Waits for the disk.
 */
#ifndef PUBLISHER_CHANNEL_LOG_H
#define PUBLISHER_CHANNEL_LOG_H

#include "base/clock.h"
#include "base/config.h"
#include "publisher/feed_store.h"
#include "publisher/log_keys.h"

enum {
	LOG_ROUND_MAX = 4096, /* entries */
	LOG_RENEW_MS = 9000,  /* without news, it is signed anew after this */
	LOG_PRUNE_MAX = 256,  /* bundles that a round deletes */
};

struct channel_log;

/* What it is made from. All of it is lent. */
struct channel_log_parts {
	const struct config *config;
	size_t channel; /* its number in the config */
	struct feed_store *store;
	struct log_keys *keys;
	const char *origin;
};

/* RESULT_OK or RESULT_NOMEM. Nothing is read or written yet. */
MUST_USE int channel_log_new(const struct channel_log_parts *parts, struct channel_log **log);
void channel_log_free(struct channel_log **log);

/* How a round ended. */
struct log_round {
	bool is_signed;    /* there is a new checkpoint: channel_log_note() has it */
	bool has_more;     /* entries wait for the next round */
	const char *where; /* of a failure: what could not be done, constant text */
	int error;         /* and errno; 0: `where` says all */
};

/* Does what is due at `now`: a checkpoint if there is news, and config->checkpoint_ms have passed since the last one, or
 * `hurry`; one without news after LOG_RENEW_MS. RESULT_OK; else nothing of it is shown, or not all files, and the next
 * round does it again: RESULT_FULL, _STORE (a file or the store can't be written or read), _NOMEM (or a token can't
 * sign). */
MUST_USE int channel_log_round(struct channel_log *log, const struct clock_reading *now, bool hurry,
			       struct log_round *round);

/* The last checkpoint that was shown, and its size. Empty before the first one. */
const struct buffer *channel_log_note(const struct channel_log *log);
uint64_t channel_log_size(const struct channel_log *log);

#endif
