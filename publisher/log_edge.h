/* log_edge.h - the right edge of a log's tree: what must be kept to go on with it
 *
 * Of each level the hashes of the tile that is not full yet, as many as the size says: at most 64 KiB, however long the
 * log is. From it come the root, the partial tiles, and, while entries are appended, each tile that they fill.
 * Pure; owner: whoever has it.
 */
#ifndef PUBLISHER_LOG_EDGE_H
#define PUBLISHER_LOG_EDGE_H

#include "base/buffer.h"
#include "publisher/merkle.h"
#include "publisher/tiles.h"

struct log_edge {
	uint64_t size;
	struct merkle_hash tiles[TILES_LEVELS][TILES_WIDTH];
};

/* How many hashes the tile of this level has that is not full; 0: the level's tiles are full. */
unsigned log_edge_width(const struct log_edge *edge, unsigned level);

/* Its number. */
uint64_t log_edge_tile(const struct log_edge *edge, unsigned level);

/* Appends a leaf. *filled says of how many levels, from 0 on, a tile is full now: their hashes stand in tiles[] until the
 * next call. RESULT_OK; RESULT_NOMEM, or RESULT_FULL at MERKLE_SIZE_MAX: then the edge is of no more use. */
MUST_USE int log_edge_append(struct log_edge *edge, const struct merkle_hash *leaf,
			     unsigned *filled);

/* The compact range of the same tree. RESULT_OK, RESULT_NOMEM. */
MUST_USE int log_edge_range(const struct log_edge *edge, struct merkle_range *range);

/* Appends its hashes, level by level, and reads them again: of a log of `size` entries just log_edge_bytes(size). */
void log_edge_write(const struct log_edge *edge, struct buffer *into);
size_t log_edge_bytes(uint64_t size);
void log_edge_read(struct log_edge *edge, uint64_t size, const void *bytes);

#endif
