#include "subscriber/log_reader.h"

#include "subscriber/complaint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVEL_BITS = 8 };

void log_reader_init(struct log_reader *reader, struct fetch *fetch)
{
	*reader = (struct log_reader){.fetch = fetch};
	buffer_init(&reader->file, TILES_BUNDLE_MAX);
}

void log_reader_free(struct log_reader *reader)
{
	buffer_free(&reader->file);
}

static int say(struct log_reader *reader, int result, const char *path, const char *words)
{
	snprintf(reader->why, sizeof reader->why, "%s%s: %s", fetch_address(reader->fetch), path,
		 words);
	return result;
}

static int no_memory(struct log_reader *reader)
{
	snprintf(reader->why, sizeof reader->why, "out of memory");
	return RESULT_NOMEM;
}

int log_tile_root(const struct merkle_hash *hashes, unsigned width, struct merkle_hash *root)
{
	struct merkle_range range;
	merkle_range_init(&range);
	int result = RESULT_OK;
	for (unsigned i = 0; i < width && result == RESULT_OK; i++)
		result = merkle_range_append(&range, &hashes[i]);
	return result == RESULT_OK ? merkle_range_root(&range, root) : result;
}

int log_edge_root(uint64_t size, const struct merkle_hash *const edge[TILES_LEVELS],
		  struct merkle_hash *root)
{
	struct merkle_range whole = {.size = size};
	size_t count = 0;
	int result = RESULT_OK;
	for (int level = TILES_LEVELS - 1; level >= 0 && result == RESULT_OK; level--) {
		struct merkle_range part;
		unsigned width = size >> (LEVEL_BITS * level) & (TILES_WIDTH - 1);
		merkle_range_init(&part);
		for (unsigned i = 0; i < width && result == RESULT_OK; i++)
			result = merkle_range_append(&part, &edge[level][i]);
		for (size_t i = 0; i < merkle_peaks(part.size); i++)
			whole.peaks[count++] = part.peaks[i];
	}
	return result == RESULT_OK ? merkle_range_root(&whole, root) : result;
}

/* A file that has this width now may be a full one only, since the log went on: that begins with the same. */
static int fetch_either(struct log_reader *reader, const char *partial, const char *full)
{
	int result =
		fetch_get(reader->fetch, partial, &reader->file, reader->why, sizeof reader->why);
	if (result != FETCH_ABSENT || strcmp(partial, full) == 0)
		return result;
	char why[sizeof reader->why];
	int other = fetch_get(reader->fetch, full, &reader->file, why, sizeof why);
	if (other != FETCH_ABSENT && other != RESULT_OK)
		memcpy(reader->why, why, sizeof why);
	return other;
}

int log_reader_raw_tile(struct log_reader *reader, unsigned level, uint64_t tile, unsigned width,
			struct merkle_hash *hashes)
{
	char partial[TILES_PATH_SIZE], full[TILES_PATH_SIZE], words[128];
	tiles_tile_path(level, tile, width, partial);
	tiles_tile_path(level, tile, TILES_WIDTH, full);
	reader->file.max = TILES_BYTES;
	int result = fetch_either(reader, partial, full);
	if (result != RESULT_OK)
		return result;
	size_t size = reader->file.size, right = (size_t)width * MERKLE_HASH_SIZE;
	if (size != right && size != TILES_BYTES) {
		snprintf(words, sizeof words, "has %zu bytes: %zu, for %u hashes, would be right",
			 size, right, width);
		return say(reader, RESULT_INVALID, partial, words);
	}
	memcpy(hashes, reader->file.data, right);
	return RESULT_OK;
}

static int split_bundle(struct log_reader *reader, const char *path, unsigned width, bool may_go_on,
			struct log_bundle *bundle)
{
	char words[160];
	size_t at = 0, size = reader->file.size;
	for (; bundle->count < width; bundle->count++) {
		struct message_frame *entry = &bundle->entries[bundle->count];
		if (tiles_bundle_next(reader->file.data, size, &at, &entry->bytes, &entry->size) ==
		    RESULT_OK)
			continue;
		snprintf(words, sizeof words,
			 "ends within entry %u: %u whole ones would be right: it was cut off, or a "
			 "length changed",
			 bundle->count, width);
		return say(reader, RESULT_INVALID, path, words);
	}
	if (at == size || may_go_on)
		return RESULT_OK;
	snprintf(words, sizeof words, "goes on after %u entries, at byte %zu: a length was changed",
		 width, at);
	return say(reader, RESULT_INVALID, path, words);
}

int log_reader_raw_bundle(struct log_reader *reader, uint64_t number, unsigned width,
			  struct log_bundle *bundle)
{
	char partial[TILES_PATH_SIZE], full[TILES_PATH_SIZE];
	bundle->count = 0;
	tiles_bundle_path(number, width, partial);
	tiles_bundle_path(number, TILES_WIDTH, full);
	reader->file.max = TILES_BUNDLE_MAX;
	int result =
		fetch_get(reader->fetch, partial, &reader->file, reader->why, sizeof reader->why);
	bool is_full = result == FETCH_ABSENT && width < TILES_WIDTH;
	if (is_full)
		result = fetch_get(reader->fetch, full, &reader->file, reader->why,
				   sizeof reader->why);
	if (result != RESULT_OK)
		return result;
	return split_bundle(reader, is_full ? full : partial, width, is_full, bundle);
}

static int read_edge(struct log_reader *reader, uint64_t size, struct log_tile edge[TILES_LEVELS])
{
	for (unsigned level = 0; level < TILES_LEVELS; level++) {
		uint64_t count = size >> (LEVEL_BITS * level);
		struct log_tile *tile = &edge[level];
		*tile = (struct log_tile){.number = count / TILES_WIDTH,
					  .width = count % TILES_WIDTH};
		if (tile->width == 0)
			continue;
		int result =
			log_reader_raw_tile(reader, level, tile->number, tile->width, tile->hashes);
		if (result != RESULT_OK)
			return result;
		tile->is_there = true;
	}
	return RESULT_OK;
}

/* Names all tiles that the root is made of: which of them it is, the audit finds out. */
static int complain_edge(struct log_reader *reader, const struct log_tile edge[TILES_LEVELS],
			 uint64_t size)
{
	char paths[256] = "";
	size_t at = 0;
	for (unsigned level = 0; level < TILES_LEVELS && at < sizeof paths; level++) {
		char path[TILES_PATH_SIZE];
		if (!edge[level].is_there)
			continue;
		tiles_tile_path(level, edge[level].number, edge[level].width, path);
		at += (size_t)snprintf(paths + at, sizeof paths - at, "%s%s", at ? ", " : "", path);
	}
	snprintf(reader->why, sizeof reader->why,
		 "%s: the hashes in %s do not make the root of the checkpoint of size %" PRIu64,
		 fetch_address(reader->fetch), paths, size);
	return RESULT_INVALID;
}

static int check_edge(struct log_reader *reader, const struct log_head *head,
		      const struct log_tile edge[TILES_LEVELS])
{
	const struct merkle_hash *hashes[TILES_LEVELS];
	struct merkle_hash root;
	for (unsigned level = 0; level < TILES_LEVELS; level++)
		hashes[level] = edge[level].hashes;
	int result = log_edge_root(head->checkpoint.size, hashes, &root);
	if (result != RESULT_OK)
		return no_memory(reader);
	return merkle_equal(&root, &head->checkpoint.root)
		       ? RESULT_OK
		       : complain_edge(reader, edge, head->checkpoint.size);
}

int log_reader_turn_to(struct log_reader *reader, const struct log_head *head)
{
	struct log_tile *edge = calloc(TILES_LEVELS, sizeof *edge);
	int result = edge ? read_edge(reader, head->checkpoint.size, edge) : no_memory(reader);
	if (result == RESULT_OK)
		result = check_edge(reader, head, edge);
	if (result == RESULT_OK) {
		reader->head = *head;
		memcpy(reader->edge, edge, sizeof reader->edge);
		/* What fitted another tree need not fit this one. */
		for (unsigned level = 0; level < TILES_LEVELS; level++)
			reader->inner[level].is_there = false;
	}
	free(edge);
	return result;
}

static int complain_tile(struct log_reader *reader, unsigned level, uint64_t number)
{
	char path[TILES_PATH_SIZE], above[TILES_PATH_SIZE], words[160];
	uint64_t size = reader->head.checkpoint.size, parent = number / TILES_WIDTH;
	tiles_tile_path(level, number, TILES_WIDTH, path);
	tiles_tile_path(level + 1, parent, tiles_width(size, level + 1, parent), above);
	snprintf(words, sizeof words,
		 "its hashes do not make hash %u of %s: it was changed, or a tree of another log's",
		 (unsigned)(number % TILES_WIDTH), above);
	return say(reader, RESULT_INVALID, path, words);
}

/* A full tile is vouched for by the one above it. */
static int read_inner(struct log_reader *reader, unsigned level, uint64_t number,
		      const struct merkle_hash *expected)
{
	struct merkle_hash root;
	struct log_tile *tile = &reader->inner[level];
	tile->is_there = false;
	int result = log_reader_raw_tile(reader, level, number, TILES_WIDTH, tile->hashes);
	if (result != RESULT_OK)
		return result;
	if (log_tile_root(tile->hashes, TILES_WIDTH, &root) != RESULT_OK)
		return no_memory(reader);
	if (!merkle_equal(&root, expected))
		return complain_tile(reader, level, number);
	tile->is_there = true;
	tile->number = number;
	tile->width = TILES_WIDTH;
	return RESULT_OK;
}

/* The one of these two that is at hand already. */
static const struct log_tile *at_hand(const struct log_reader *reader, unsigned level,
				      uint64_t number)
{
	const struct log_tile *edge = &reader->edge[level], *inner = &reader->inner[level];
	if (edge->is_there && edge->number == number)
		return edge;
	return inner->is_there && inner->number == number ? inner : NULL;
}

/* Goes up to a tile that is at hand, the edge at last, and down again. */
int log_reader_tile(struct log_reader *reader, unsigned level, uint64_t tile,
		    const struct log_tile **found)
{
	unsigned above = level;
	while (above < TILES_LEVELS &&
	       !at_hand(reader, above, tile >> (LEVEL_BITS * (above - level))))
		above++;
	*found = above < TILES_LEVELS
			 ? at_hand(reader, above, tile >> (LEVEL_BITS * (above - level)))
			 : NULL;
	for (; *found && above > level; above--) {
		uint64_t number = tile >> (LEVEL_BITS * (above - 1 - level));
		unsigned place = number % TILES_WIDTH;
		if (place >= (*found)->width)
			break; /* beyond the tree */
		int result = read_inner(reader, above - 1, number, &(*found)->hashes[place]);
		if (result != RESULT_OK)
			return result;
		*found = &reader->inner[above - 1];
	}
	if (*found && above == level)
		return RESULT_OK;
	snprintf(reader->why, sizeof reader->why, "%s: a tree of %" PRIu64 " has no such tile",
		 fetch_address(reader->fetch), reader->head.checkpoint.size);
	return RESULT_INVALID;
}

static int check_entries(struct log_reader *reader, uint64_t number, const struct log_tile *tile,
			 const struct log_bundle *bundle)
{
	char path[TILES_PATH_SIZE], words[160];
	for (unsigned i = 0; i < bundle->count; i++) {
		struct merkle_hash leaf;
		if (merkle_leaf(bundle->entries[i].bytes, bundle->entries[i].size, &leaf) !=
		    RESULT_OK)
			return no_memory(reader);
		if (merkle_equal(&leaf, &tile->hashes[i]))
			continue;
		tiles_bundle_path(number, bundle->count, path);
		snprintf(words, sizeof words,
			 "entry %u, index %" PRIu64 ", is not the one that the log's tree has: it "
			 "was changed",
			 i, number * TILES_WIDTH + i);
		return say(reader, RESULT_INVALID, path, words);
	}
	return RESULT_OK;
}

int log_reader_bundle(struct log_reader *reader, uint64_t number, struct log_bundle *bundle)
{
	const struct log_tile *tile;
	bundle->count = 0;
	int result = log_reader_tile(reader, 0, number, &tile);
	if (result == RESULT_OK)
		result = log_reader_raw_bundle(reader, number, tile->width, bundle);
	if (result == RESULT_OK)
		result = check_entries(reader, number, tile, bundle);
	if (result != RESULT_OK)
		bundle->count = 0;
	return result;
}

static int read_for_merkle(void *context, unsigned level, uint64_t tile, unsigned width,
			   struct merkle_hash *hashes)
{
	const struct log_tile *found;
	int result = log_reader_tile(context, level, tile, &found);
	if (result == RESULT_OK)
		memcpy(hashes, found->hashes, width * sizeof *hashes);
	return result;
}

int log_reader_range(struct log_reader *reader, uint64_t size, struct merkle_range *range)
{
	const struct merkle_reader tiles = {.context = reader, .read_tile = read_for_merkle};
	uint64_t whole = reader->head.checkpoint.size;
	if (size <= whole)
		return merkle_read_range(&tiles, size, whole, range);
	snprintf(reader->why, sizeof reader->why,
		 "%s: index %" PRIu64 " was asked for, the log has %" PRIu64 " entries",
		 fetch_address(reader->fetch), size, whole);
	return RESULT_INVALID;
}

int log_reader_is_consistent(struct log_reader *reader, const struct checkpoint *old)
{
	struct merkle_range range;
	struct merkle_hash root;
	uint64_t size = reader->head.checkpoint.size;
	if (old->size > size) {
		snprintf(reader->why, sizeof reader->why,
			 "the log has %" PRIu64 " entries, and had %" PRIu64
			 " before: entries were taken away",
			 size, old->size);
		return RESULT_INVALID;
	}
	int result = log_reader_range(reader, old->size, &range);
	if (result == RESULT_OK && merkle_range_root(&range, &root) != RESULT_OK)
		result = no_memory(reader);
	if (result != RESULT_OK || merkle_equal(&root, &old->root))
		return result;
	snprintf(reader->why, sizeof reader->why,
		 "the first %" PRIu64 " entries of the log are others than before: its history "
		 "was rewritten, or it shows each reader another",
		 old->size);
	return RESULT_INVALID;
}

int log_reader_prove(struct log_reader *reader, uint64_t index, struct merkle_proof *proof)
{
	const struct merkle_reader tiles = {.context = reader, .read_tile = read_for_merkle};
	uint64_t size = reader->head.checkpoint.size;
	int result = merkle_prove_inclusion(&tiles, index, size, proof);
	if (index >= size)
		snprintf(reader->why, sizeof reader->why,
			 "the log has no index %" PRIu64 ": its entries go from 0 to %" PRIu64,
			 index, size ? size - 1 : 0);
	return result;
}
