#include "publisher/log_edge.h"

#include <string.h>

enum { TILE_BITS = 8 };

static uint64_t level_size(uint64_t size, unsigned level)
{
	return size >> (TILE_BITS * level);
}

static unsigned width_of(uint64_t size, unsigned level)
{
	return (unsigned)(level_size(size, level) % TILES_WIDTH);
}

unsigned log_edge_width(const struct log_edge *edge, unsigned level)
{
	return width_of(edge->size, level);
}

uint64_t log_edge_tile(const struct log_edge *edge, unsigned level)
{
	return level_size(edge->size, level) / TILES_WIDTH;
}

/* The root of a complete subtree: 2^n hashes. They are overwritten. */
static int reduce(struct merkle_hash *hashes, size_t count, struct merkle_hash *root)
{
	int result = RESULT_OK;
	for (; count > 1 && result == RESULT_OK; count /= 2)
		for (size_t i = 0; i < count / 2 && result == RESULT_OK; i++)
			result = merkle_node(&hashes[2 * i], &hashes[2 * i + 1], &hashes[i]);
	*root = hashes[0];
	return result;
}

static int root_of(const struct merkle_hash *from, size_t count, struct merkle_hash *root)
{
	struct merkle_hash hashes[TILES_WIDTH];
	memcpy(hashes, from, count * sizeof *hashes);
	return reduce(hashes, count, root);
}

int log_edge_append(struct log_edge *edge, const struct merkle_hash *leaf, unsigned *filled)
{
	struct merkle_hash hash = *leaf;
	unsigned level = 0;
	*filled = 0;
	if (edge->size == MERKLE_SIZE_MAX)
		return RESULT_FULL;
	for (;; level++) {
		unsigned width = width_of(edge->size, level);
		edge->tiles[level][width] = hash;
		if (width + 1 < TILES_WIDTH)
			break;
		int result = root_of(edge->tiles[level], TILES_WIDTH, &hash);
		if (result != RESULT_OK)
			return result;
	}
	edge->size++;
	*filled = level;
	return RESULT_OK;
}

int log_edge_range(const struct log_edge *edge, struct merkle_range *range)
{
	size_t count = 0;
	int result = RESULT_OK;
	range->size = edge->size;
	for (unsigned level = TILES_LEVELS; level-- > 0;) {
		size_t width = log_edge_width(edge, level), at = 0;
		for (size_t part = TILES_WIDTH / 2; part > 0 && result == RESULT_OK; part /= 2) {
			if (!(width & part))
				continue;
			result = root_of(&edge->tiles[level][at], part, &range->peaks[count++]);
			at += part;
		}
	}
	return result;
}

void log_edge_write(const struct log_edge *edge, struct buffer *into)
{
	for (unsigned level = 0; level < TILES_LEVELS; level++)
		buffer_append(into, edge->tiles[level],
			      log_edge_width(edge, level) * sizeof(struct merkle_hash));
}

size_t log_edge_bytes(uint64_t size)
{
	size_t bytes = 0;
	for (unsigned level = 0; level < TILES_LEVELS; level++)
		bytes += width_of(size, level) * sizeof(struct merkle_hash);
	return bytes;
}

void log_edge_read(struct log_edge *edge, uint64_t size, const void *bytes)
{
	const char *at = bytes;
	edge->size = size;
	for (unsigned level = 0; level < TILES_LEVELS; level++) {
		size_t width_bytes = width_of(size, level) * sizeof(struct merkle_hash);
		memcpy(edge->tiles[level], at, width_bytes);
		at += width_bytes;
	}
}
