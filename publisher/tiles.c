#include "publisher/tiles.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILE_BITS = 8, GROUP = 1000, GROUPS_MAX = 7, LENGTH_SIZE = 2 };

/* How many hashes the level has. */
static uint64_t level_size(uint64_t size, unsigned level)
{
	return level < TILES_LEVELS ? size >> (TILE_BITS * level) : 0;
}

uint64_t tiles_count(uint64_t size, unsigned level)
{
	uint64_t hashes = level_size(size, level);
	return hashes / TILES_WIDTH + (hashes % TILES_WIDTH != 0);
}

unsigned tiles_width(uint64_t size, unsigned level, uint64_t tile)
{
	uint64_t hashes = level_size(size, level);
	if (tile < hashes / TILES_WIDTH)
		return TILES_WIDTH;
	return tile == hashes / TILES_WIDTH ? (unsigned)(hashes % TILES_WIDTH) : 0;
}

/* Writes the number in groups of three digits, all but the last with an x; then the width of what is partial. */
static void write_number(char *at, size_t size, uint64_t tile, unsigned width)
{
	unsigned groups[GROUPS_MAX];
	size_t count = 0, used = 0;
	do
		groups[count++] = (unsigned)(tile % GROUP);
	while ((tile /= GROUP) > 0);
	while (count-- > 0)
		used += (size_t)snprintf(at + used, size - used, count ? "x%03u/" : "%03u",
					 groups[count]);
	if (width < TILES_WIDTH)
		snprintf(at + used, size - used, ".p/%u", width);
}

void tiles_tile_path(unsigned level, uint64_t tile, unsigned width, char path[TILES_PATH_SIZE])
{
	int used = snprintf(path, TILES_PATH_SIZE, TILES_FOLDER "/%u/", level);
	write_number(path + used, TILES_PATH_SIZE - (size_t)used, tile, width);
}

void tiles_bundle_path(uint64_t tile, unsigned width, char path[TILES_PATH_SIZE])
{
	static const char folder[] = TILES_ENTRIES "/";
	memcpy(path, folder, sizeof folder);
	write_number(path + sizeof folder - 1, TILES_PATH_SIZE - (sizeof folder - 1), tile, width);
}

/* Reads digits, and goes on behind them. */
static uint64_t take_number(const char **at)
{
	uint64_t number = 0;
	for (int digits = 0; digits < 3 && **at >= '0' && **at <= '9'; digits++, ++*at)
		number = 10 * number + (uint64_t)(**at - '0');
	return number;
}

/* Reads whatever looks like a name, and holds it against the name of what was read. */
int tiles_parse_path(const char *path, struct tiles_name *name)
{
	static const char tiles[] = TILES_FOLDER "/", bundles[] = TILES_ENTRIES "/";
	char exact[TILES_PATH_SIZE];
	const char *at = path + sizeof tiles - 1;
	*name = (struct tiles_name){.width = TILES_WIDTH};
	name->is_bundle = strncmp(path, bundles, sizeof bundles - 1) == 0;
	if (strncmp(path, tiles, sizeof tiles - 1) != 0)
		return RESULT_INVALID;
	if (name->is_bundle)
		at = path + sizeof bundles - 1;
	else
		name->level = (unsigned)take_number(&at);
	at += !name->is_bundle && *at == '/';
	for (int groups = 1; *at == 'x' && groups < GROUPS_MAX; groups++) {
		at++;
		name->tile = (name->tile + take_number(&at)) * GROUP;
		at += *at == '/';
	}
	name->tile += take_number(&at);
	if (strncmp(at, ".p/", 3) == 0) {
		at += 3;
		name->width = (unsigned)take_number(&at);
	}
	if (name->level >= TILES_LEVELS || name->width == 0 || name->width > TILES_WIDTH)
		return RESULT_INVALID;
	if (name->is_bundle)
		tiles_bundle_path(name->tile, name->width, exact);
	else
		tiles_tile_path(name->level, name->tile, name->width, exact);
	return strcmp(path, exact) == 0 ? RESULT_OK : RESULT_INVALID;
}

int tiles_bundle_append(struct buffer *bundle, const void *entry, size_t size)
{
	const uint8_t length[LENGTH_SIZE] = {(uint8_t)(size >> 8), (uint8_t)size};
	size_t before = bundle->size;
	if (size > TILES_ENTRY_MAX)
		return RESULT_FULL;
	buffer_append(bundle, length, sizeof length);
	buffer_append(bundle, entry, size);
	if (!bundle->failed)
		return RESULT_OK;
	bundle->failed = false;
	bundle->size = before;
	return RESULT_FULL;
}

int tiles_bundle_next(const void *bundle, size_t bundle_size, size_t *at, const char **entry,
		      size_t *size)
{
	const uint8_t *bytes = bundle;
	if (bundle_size < *at || bundle_size - *at < LENGTH_SIZE)
		return RESULT_INVALID;
	size_t length = (size_t)bytes[*at] << 8 | bytes[*at + 1];
	if (bundle_size - *at - LENGTH_SIZE < length)
		return RESULT_INVALID;
	*entry = (const char *)bytes + *at + LENGTH_SIZE;
	*size = length;
	*at += LENGTH_SIZE + length;
	return RESULT_OK;
}
