#include "subscriber/audit_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVEL_BITS = 8, WORDS_SIZE = 256 };

/* A tile while its subtree is walked: what its file has, and what that should be. */
struct pair {
	bool is_there; /* the file could be read */
	struct merkle_hash has[TILES_WIDTH], is[TILES_WIDTH];
};

struct walk {
	struct audit_tree *tree;
	struct pair inner[TILES_LEVELS], edge[TILES_LEVELS];
	bool edge_is_good; /* what the files of the edge have makes the checkpoint's root */
	struct log_bundle bundle;
};

/* What the tile above has in the place of one. */
struct claim {
	struct merkle_hash hash;
	bool is_there;
	bool is_trusted; /* it leads to the checkpoint */
	unsigned level;  /* of that tile */
	uint64_t tile;
};

/* What is being looked at. */
struct place {
	unsigned level;
	uint64_t tile;
	unsigned width;
};

static void tell(struct walk *walk, const char *file, const char *what)
{
	walk->tree->fault(walk->tree->context, file, what);
}

static void tell_tile(struct walk *walk, const struct place *place, const char *what)
{
	char path[TILES_PATH_SIZE];
	tiles_tile_path(place->level, place->tile, place->width, path);
	tell(walk, path, what);
}

static void tell_bundle(struct walk *walk, const struct place *place, const char *what)
{
	char path[TILES_PATH_SIZE];
	tiles_bundle_path(place->tile, place->width, path);
	tell(walk, path, what);
}

/* The reader's words, without the address and the name that they begin with. */
static const char *what_of(const struct walk *walk)
{
	const char *why = walk->tree->reader->why;
	const char *address = fetch_address(walk->tree->reader->fetch);
	if (strncmp(why, address, strlen(address)) == 0)
		why += strlen(address);
	const char *words = strstr(why, ": ");
	return words ? words + 2 : why;
}

/* Is it the log's fault that there is no such file, or not a good one? Others may go away. */
static bool is_fault(int result)
{
	return result == RESULT_INVALID || result == FETCH_ABSENT || result == RESULT_FULL;
}

static int read_has(struct walk *walk, const struct place *place, struct pair *pair)
{
	int result = log_reader_raw_tile(walk->tree->reader, place->level, place->tile,
					 place->width, pair->has);
	pair->is_there = result == RESULT_OK;
	if (is_fault(result))
		tell_tile(walk, place, what_of(walk));
	else if (result != RESULT_OK)
		return result;
	walk->tree->tiles++;
	return RESULT_OK;
}

/* The leaves of a bundle; of entries that can't be read, what the tile has, so that one fault is told once. */
static int read_leaves(struct walk *walk, const struct place *place, struct pair *pair)
{
	struct audit_tree *tree = walk->tree;
	struct log_bundle *bundle = &walk->bundle;
	uint64_t first = place->tile * TILES_WIDTH;
	memcpy(pair->is, pair->has, sizeof pair->is);
	int result = log_reader_raw_bundle(tree->reader, place->tile, place->width, bundle);
	if (result == FETCH_ABSENT && first + place->width <= tree->minimum_index) {
		tree->pruned += place->width;
		return RESULT_OK;
	}
	if (is_fault(result))
		tell_bundle(walk, place, what_of(walk));
	else if (result != RESULT_OK)
		return result;
	tree->bundles++;
	for (unsigned i = 0; i < bundle->count; i++) {
		if (merkle_leaf(bundle->entries[i].bytes, bundle->entries[i].size, &pair->is[i]) !=
		    RESULT_OK)
			return RESULT_NOMEM;
	}
	return tree->entries(tree->context, first, bundle);
}

/* The first place where they differ, and how many there are. */
static unsigned differences(const struct pair *pair, unsigned width, unsigned *first)
{
	unsigned count = 0;
	for (unsigned i = 0; i < width && pair->is_there; i++) {
		if (!merkle_equal(&pair->has[i], &pair->is[i]) && count++ == 0)
			*first = i;
	}
	return count;
}

static void write_others(unsigned count, char text[32])
{
	text[0] = '\0';
	if (count > 1)
		snprintf(text, 32, " (and %u more)", count - 1);
}

/* The tile is right, so what lies below is not: of entries that is told here, of tiles it was told of the child. */
static void judge_below(struct walk *walk, const struct place *place, unsigned first,
			unsigned count)
{
	char words[WORDS_SIZE], others[32];
	if (place->level > 0)
		return;
	write_others(count, others);
	snprintf(words, sizeof words,
		 "entry %u, index %" PRIu64 ", is not the one that the log's tree has%s", first,
		 place->tile * TILES_WIDTH + first, others);
	tell_bundle(walk, place, words);
}

static void judge_tile(struct walk *walk, const struct place *place, unsigned first, unsigned count)
{
	char words[WORDS_SIZE], others[32];
	write_others(count, others);
	snprintf(words, sizeof words,
		 "hash %u is wrong%s: what it stands for makes another, which the checkpoint "
		 "vouches for",
		 first, others);
	tell_tile(walk, place, words);
}

static void judge_neither(struct walk *walk, const struct place *place, unsigned first,
			  unsigned count)
{
	char words[WORDS_SIZE], others[32];
	write_others(count, others);
	snprintf(words, sizeof words,
		 "hash %u and what it stands for do not fit%s, and neither leads to the checkpoint",
		 first, others);
	tell_tile(walk, place, words);
}

/* The tile's hashes are those of its entries, and yet not what the tile above has. */
static void judge_both(struct walk *walk, const struct place *place, const struct claim *claim)
{
	char above[TILES_PATH_SIZE], words[WORDS_SIZE];
	uint64_t size = walk->tree->checkpoint->size;
	tiles_tile_path(claim->level, claim->tile, tiles_width(size, claim->level, claim->tile),
			above);
	snprintf(words, sizeof words,
		 "its hashes do not make hash %u of %s, which the checkpoint vouches for: it was "
		 "changed",
		 (unsigned)(place->tile % TILES_WIDTH), above);
	tell_tile(walk, place, words);
}

static int judge(struct walk *walk, const struct place *place, const struct pair *pair,
		 bool is_trusted, const struct claim *claim, struct merkle_hash *made)
{
	unsigned first = 0, count = differences(pair, place->width, &first);
	int result = log_tile_root(pair->is, place->width, made);
	if (result != RESULT_OK)
		return result;
	if (is_trusted && count > 0)
		judge_below(walk, place, first, count);
	if (is_trusted || !claim)
		return RESULT_OK; /* of an edge that is not, judge_edge() knows more */
	bool fits = claim->is_there && merkle_equal(made, &claim->hash);
	if (count > 0 && fits)
		judge_tile(walk, place, first, count);
	else if (count > 0)
		judge_neither(walk, place, first, count);
	else if (pair->is_there && !fits && claim->is_trusted)
		judge_both(walk, place, claim);
	return RESULT_OK;
}

static int visit(struct walk *walk, const struct place *place, const struct claim *claim,
		 struct pair *pair, struct merkle_hash *made);

static int visit_children(struct walk *walk, const struct place *place, struct pair *pair,
			  bool is_trusted)
{
	for (unsigned i = 0; i < place->width; i++) {
		const struct claim claim = {.hash = pair->has[i],
					    .is_there = pair->is_there,
					    .is_trusted = is_trusted,
					    .level = place->level,
					    .tile = place->tile};
		const struct place child = {.level = place->level - 1,
					    .tile = place->tile * TILES_WIDTH + i,
					    .width = TILES_WIDTH};
		int result = visit(walk, &child, &claim, &walk->inner[child.level], &pair->is[i]);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

static int visit(struct walk *walk, const struct place *place, const struct claim *claim,
		 struct pair *pair, struct merkle_hash *made)
{
	struct merkle_hash root;
	bool is_trusted = walk->edge_is_good;
	int result = read_has(walk, place, pair);
	if (result == RESULT_OK && claim) {
		result = log_tile_root(pair->has, place->width, &root);
		is_trusted = claim->is_trusted && merkle_equal(&root, &claim->hash);
	}
	is_trusted &= pair->is_there;
	if (result == RESULT_OK)
		result = place->level == 0 ? read_leaves(walk, place, pair)
					   : visit_children(walk, place, pair, is_trusted);
	return result == RESULT_OK ? judge(walk, place, pair, is_trusted, claim, made) : result;
}

static struct place edge_place(const struct walk *walk, unsigned level)
{
	uint64_t count = walk->tree->checkpoint->size >> (LEVEL_BITS * level);
	return (struct place){.level = level,
			      .tile = count / TILES_WIDTH,
			      .width = (unsigned)(count % TILES_WIDTH)};
}

static int edge_fits(struct walk *walk, bool by_files, bool *fits)
{
	const struct merkle_hash *hashes[TILES_LEVELS];
	struct merkle_hash root;
	for (unsigned level = 0; level < TILES_LEVELS; level++)
		hashes[level] = by_files ? walk->edge[level].has : walk->edge[level].is;
	int result = log_edge_root(walk->tree->checkpoint->size, hashes, &root);
	*fits = result == RESULT_OK && merkle_equal(&root, &walk->tree->checkpoint->root);
	return result;
}

/* Looks at the edge before all else, without a word: what is wrong there is told when it is walked. */
static int judge_edge_files(struct walk *walk)
{
	bool all = true;
	for (unsigned level = 0; level < TILES_LEVELS; level++) {
		const struct place place = edge_place(walk, level);
		if (place.width == 0)
			continue;
		int result = log_reader_raw_tile(walk->tree->reader, level, place.tile, place.width,
						 walk->edge[level].has);
		if (result != RESULT_OK && !is_fault(result))
			return result;
		all &= result == RESULT_OK;
	}
	int result = edge_fits(walk, true, &walk->edge_is_good);
	walk->edge_is_good &= all;
	return result;
}

/* The files of the edge do not make the root: do the entries? Then it is known where they are wrong. */
static int judge_edge(struct walk *walk)
{
	bool fits, told = false;
	int result = walk->edge_is_good ? RESULT_OK : edge_fits(walk, false, &fits);
	if (walk->edge_is_good || result != RESULT_OK)
		return result;
	for (unsigned level = 0; level < TILES_LEVELS; level++) {
		const struct place place = edge_place(walk, level);
		unsigned first, count = differences(&walk->edge[level], place.width, &first);
		told |= !walk->edge[level].is_there && place.width > 0;
		if (count == 0)
			continue;
		told = true;
		if (fits)
			judge_tile(walk, &place, first, count);
		else
			judge_neither(walk, &place, first, count);
	}
	if (!fits && !told)
		tell(walk, TILES_CHECKPOINT,
		     "its root is not that of the log's tiles and entries, which fit each other: "
		     "the log was rewritten, or the checkpoint is another log's");
	return RESULT_OK;
}

/* From left to right: the tiles of the highest level stand for the first entries. */
int audit_tree_walk(struct audit_tree *tree)
{
	struct walk *walk = calloc(1, sizeof *walk);
	if (!walk)
		return RESULT_NOMEM;
	walk->tree = tree;
	tree->tiles = tree->bundles = tree->pruned = 0;
	int result = judge_edge_files(walk);
	for (int level = TILES_LEVELS - 1; level >= 0 && result == RESULT_OK; level--) {
		const struct place place = edge_place(walk, (unsigned)level);
		struct merkle_hash made;
		if (place.width > 0)
			result = visit(walk, &place, NULL, &walk->edge[level], &made);
	}
	if (result == RESULT_OK)
		result = judge_edge(walk);
	free(walk);
	return result;
}
