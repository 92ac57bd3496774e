/* The edge grows as the tree does, fills the tiles that the tree has, and comes back from its bytes. */
#include "publisher/log_edge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENTRIES = 66200, LEVELS = 3 };

/* Of each level what was in tiles that were filled, one behind the other. */
static struct merkle_hash *filled_hashes[LEVELS];
static size_t filled_counts[LEVELS];

static void keep_filled(const struct log_edge *edge, unsigned filled)
{
	for (unsigned level = 0; level < filled; level++) {
		struct merkle_hash *to = filled_hashes[level] + filled_counts[level];
		memcpy(to, edge->tiles[level], TILES_BYTES);
		filled_counts[level] += TILES_WIDTH;
		assert_int_equal(log_edge_tile(edge, level) * TILES_WIDTH, filled_counts[level]);
		assert_int_equal(log_edge_width(edge, level), 0);
	}
	assert_int_not_equal(log_edge_width(edge, filled), 0);
}

static void assert_same_root(const struct log_edge *edge, const struct merkle_range *range)
{
	struct merkle_range found;
	struct merkle_hash root, expected;
	assert_int_equal(log_edge_range(edge, &found), RESULT_OK);
	assert_int_equal(found.size, range->size);
	assert_memory_equal(found.peaks, range->peaks,
			    merkle_peaks(range->size) * sizeof *found.peaks);
	assert_int_equal(merkle_range_root(&found, &root), RESULT_OK);
	assert_int_equal(merkle_range_root(range, &expected), RESULT_OK);
	assert_true(merkle_equal(&root, &expected));
}

/* An edge that was written and read again is as good. */
static void assert_comes_back(const struct log_edge *edge)
{
	static struct log_edge back;
	struct merkle_range one, other;
	struct buffer bytes;
	buffer_init(&bytes, sizeof back);
	log_edge_write(edge, &bytes);
	assert_false(bytes.failed);
	assert_int_equal(bytes.size, log_edge_bytes(edge->size));
	log_edge_read(&back, edge->size, bytes.data ? bytes.data : "");
	assert_int_equal(log_edge_range(edge, &one), RESULT_OK);
	assert_int_equal(log_edge_range(&back, &other), RESULT_OK);
	assert_int_equal(one.size, other.size);
	assert_memory_equal(one.peaks, other.peaks, merkle_peaks(one.size) * sizeof *one.peaks);
	buffer_free(&bytes);
}

static void an_edge_is_the_tree_s(void **state)
{
	(void)state;
	static struct log_edge edge;
	struct merkle_range range;
	merkle_range_init(&range);
	for (unsigned level = 0; level < LEVELS; level++)
		filled_hashes[level] = calloc(ENTRIES, sizeof **filled_hashes);
	assert_comes_back(&edge);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct merkle_hash leaf;
		unsigned filled;
		assert_int_equal(merkle_leaf(&i, sizeof i, &leaf), RESULT_OK);
		assert_int_equal(log_edge_append(&edge, &leaf, &filled), RESULT_OK);
		assert_int_equal(merkle_range_append(&range, &leaf), RESULT_OK);
		assert_int_equal(filled, (i + 1) % 65536 == 0 ? 2 : (i + 1) % 256 == 0 ? 1 : 0);
		keep_filled(&edge, filled);
		if (i % 97 == 0 || i < 600 || (i + 2) % 256 < 3) {
			assert_same_root(&edge, &range);
			assert_comes_back(&edge);
		}
	}
	assert_int_equal(filled_counts[0], ENTRIES / 256 * 256);
	assert_int_equal(filled_counts[1], 256);
	assert_int_equal(filled_counts[2], 0);
	for (unsigned level = 0; level < LEVELS; level++)
		free(filled_hashes[level]);
}

static void the_largest_log_is_full(void **state)
{
	(void)state;
	static struct log_edge edge = {.size = MERKLE_SIZE_MAX};
	struct merkle_hash leaf = {{0}};
	unsigned filled;
	assert_int_equal(log_edge_append(&edge, &leaf, &filled), RESULT_FULL);
	assert_in_range(log_edge_bytes(MERKLE_SIZE_MAX), 1, sizeof edge.tiles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edge_is_the_tree_s),
		cmocka_unit_test(the_largest_log_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
