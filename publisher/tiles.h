/* tiles.h - the files of a log: names, widths, entry bundles (C2SP tlog-tiles)
 *
 * A log is a folder: `checkpoint`, tiles of hashes `tile/<L>/<N>[.p/<W>]`, bundles of entries
 * `tile/entries/<N>[.p/<W>]`. A tree of `size` entries needs, of each level, full tiles and at most one partial one, the
 * rightmost; bundles stand beside the tiles of level 0, and are as wide.
 * Pure; any thread. For publisher and subscriber.
 */
#ifndef PUBLISHER_TILES_H
#define PUBLISHER_TILES_H

#include "base/buffer.h"
#include "base/result.h"
#include "publisher/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TILES_CHECKPOINT "checkpoint"
#define TILES_FOLDER     "tile"
#define TILES_ENTRIES    "tile/entries"

enum {
	TILES_WIDTH = MERKLE_TILE_WIDTH,
	TILES_BYTES = TILES_WIDTH * MERKLE_HASH_SIZE, /* of a full tile */
	TILES_LEVELS = 8,                             /* that a log of MERKLE_SIZE_MAX has */
	TILES_PATH_SIZE = 64,                         /* bytes of a name with its NUL, never more */
	TILES_ENTRY_MAX = 65535,
	TILES_BUNDLE_MAX = TILES_WIDTH * (2 + TILES_ENTRY_MAX), /* bytes of a bundle, never more */
};

/* How many tiles of the level a tree of this size has, the last one partial or full. */
uint64_t tiles_count(uint64_t size, unsigned level);

/* How many hashes of tile number `tile` such a tree has: TILES_WIDTH is a full one, 0 none. For bundles: level 0. */
unsigned tiles_width(uint64_t size, unsigned level, uint64_t tile);

/* The name of a tile, or of a bundle, of this width, within the log's folder. */
void tiles_tile_path(unsigned level, uint64_t tile, unsigned width, char path[TILES_PATH_SIZE]);
void tiles_bundle_path(uint64_t tile, unsigned width, char path[TILES_PATH_SIZE]);

/* Which tile or bundle a name within the log's folder is. */
struct tiles_name {
	bool is_bundle;
	unsigned level; /* 0 of a bundle */
	uint64_t tile;
	unsigned width;
};
/* RESULT_OK, or RESULT_INVALID: it is no such name to the letter. */
MUST_USE int tiles_parse_path(const char *path, struct tiles_name *name);

/* Appends an entry to a bundle. RESULT_OK; RESULT_FULL: over TILES_ENTRY_MAX bytes, the buffer's maximum, or no memory:
 * the bundle is as it was. */
MUST_USE int tiles_bundle_append(struct buffer *bundle, const void *entry, size_t size);

/* Takes the entry at *at, which goes on behind it; *entry lies within `bundle`. RESULT_OK; RESULT_INVALID: it is cut
 * off, or *at is the bundle's end. A bundle of width W is good if W entries end just at its size. */
MUST_USE int tiles_bundle_next(const void *bundle, size_t bundle_size, size_t *at,
			       const char **entry, size_t *size);

#endif
