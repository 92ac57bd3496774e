/* Hashes, ranges and proofs, held against the example tree of RFC 6962's authors and against the RFC's own recursive
 * definition, written down once more here. */
#include "publisher/merkle.h"
#include "publisher/tiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ENTRIES = 70000, SMALL = 600, LEVELS = 3 };

/* Of each level the hashes of a log of ENTRIES entries, and the roots of its trees, by size, as a range gives them. */
static struct merkle_hash *levels[LEVELS], *roots;

static struct merkle_hash leaf_of(uint64_t index)
{
	char entry[32];
	struct merkle_hash hash;
	int size = snprintf(entry, sizeof entry, "entry %llu", (unsigned long long)index);
	assert_int_equal(merkle_leaf(entry, (size_t)size, &hash), RESULT_OK);
	return hash;
}

/* MTH() of RFC 6962, section 2.1. */
static struct merkle_hash tree_hash(const struct merkle_hash *leaves, uint64_t count)
{
	struct merkle_hash hash;
	uint64_t half = 1;
	if (count == 1)
		return leaves[0];
	while (half * 2 < count)
		half *= 2;
	struct merkle_hash left = tree_hash(leaves, half);
	struct merkle_hash right = tree_hash(leaves + half, count - half);
	assert_int_equal(merkle_node(&left, &right, &hash), RESULT_OK);
	return hash;
}

static void make_roots(void)
{
	struct merkle_range range;
	merkle_range_init(&range);
	roots = calloc(ENTRIES + 1, sizeof *roots);
	for (uint64_t i = 0; i <= ENTRIES; i++) {
		assert_int_equal(merkle_range_root(&range, &roots[i]), RESULT_OK);
		if (i < ENTRIES)
			assert_int_equal(merkle_range_append(&range, &levels[0][i]), RESULT_OK);
		assert_int_equal(range.size, i < ENTRIES ? i + 1 : i);
	}
}

static int make_log(void **state)
{
	(void)state;
	size_t count = ENTRIES;
	for (int level = 0; level < LEVELS; level++, count /= TILES_WIDTH) {
		levels[level] = calloc(count, sizeof **levels);
		for (size_t i = 0; i < count; i++)
			levels[level][i] = level == 0
						   ? leaf_of(i)
						   : tree_hash(levels[level - 1] + i * TILES_WIDTH,
							       TILES_WIDTH);
	}
	make_roots();
	return 0;
}

static int free_log(void **state)
{
	(void)state;
	for (int level = 0; level < LEVELS; level++)
		free(levels[level]);
	free(roots);
	return 0;
}

/* A log of `size` entries: more than its tiles have must not be asked for. */
struct log {
	uint64_t size;
	unsigned reads;
	int answer;
};

static int read_tile(void *context, unsigned level, uint64_t tile, unsigned width,
		     struct merkle_hash *hashes)
{
	struct log *log = context;
	log->reads++;
	if (log->answer != RESULT_OK)
		return log->answer;
	assert_in_range(width, 1, TILES_WIDTH);
	assert_int_equal(width, tiles_width(log->size, level, tile));
	memcpy(hashes, levels[level] + tile * TILES_WIDTH, width * sizeof *hashes);
	return RESULT_OK;
}

static struct merkle_reader reader_of(struct log *log)
{
	return (struct merkle_reader){.context = log, .read_tile = read_tile};
}

static void from_hex(const char *hex, struct merkle_hash *hash)
{
	for (size_t i = 0; i < MERKLE_HASH_SIZE; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		hash->bytes[i] = (uint8_t)byte;
	}
}

/* The tree of the reference implementation of RFC 6962. */
static void the_known_tree_has_the_known_roots(void **state)
{
	(void)state;
	static const struct {
		const char *entry;
		size_t size;
		const char *root;
	} steps[] = {
		{"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"\x00", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{" !", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		{"01", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
		{"@ABC", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
		{"PQRSTUVW", 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
		{"`abcdefghijklmno", 16,
		 "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	};
	struct merkle_range range;
	struct merkle_hash leaf, root, expected;
	merkle_range_init(&range);
	from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &expected);
	assert_int_equal(merkle_range_root(&range, &root), RESULT_OK);
	assert_true(merkle_equal(&root, &expected));
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		assert_int_equal(merkle_leaf(steps[i].entry, steps[i].size, &leaf), RESULT_OK);
		assert_int_equal(merkle_range_append(&range, &leaf), RESULT_OK);
		assert_int_equal(merkle_range_root(&range, &root), RESULT_OK);
		from_hex(steps[i].root, &expected);
		assert_true(merkle_equal(&root, &expected));
	}
}

static void a_range_has_the_root_that_the_definition_gives(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= ENTRIES; size += size < SMALL ? 1 : 9973) {
		struct merkle_hash expected = tree_hash(levels[0], size);
		assert_true(merkle_equal(&roots[size], &expected));
	}
}

static void a_range_is_read_from_tiles(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {1,   2,     255,   256,   257,    511,
					 600, 65535, 65536, 65537, ENTRIES};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (uint64_t count = 0; count <= sizes[i]; count += 1 + count / 7) {
			struct log log = {.size = sizes[i]};
			struct merkle_reader reader = reader_of(&log);
			struct merkle_range range;
			struct merkle_hash root;
			assert_int_equal(merkle_read_range(&reader, count, sizes[i], &range),
					 RESULT_OK);
			assert_int_equal(range.size, count);
			assert_int_equal(merkle_range_root(&range, &root), RESULT_OK);
			assert_true(merkle_equal(&root, &roots[count]));
			assert_in_range(log.reads, 0, 2 * LEVELS);
		}
	}
}

/* Each hash of a proof, the leaf and the root count; so does the proof's length. */
static void assert_inclusion_is_strict(const struct merkle_proof *proof, uint64_t index,
				       uint64_t size, const struct merkle_hash *root)
{
	struct merkle_proof wrong = *proof;
	const struct merkle_hash *leaf = &levels[0][index];
	for (size_t i = 0; i < proof->count; i++) {
		wrong.hashes[i].bytes[index % MERKLE_HASH_SIZE] ^= 0x10;
		assert_int_equal(merkle_verify_inclusion(&wrong, index, size, leaf, root),
				 RESULT_INVALID);
		wrong = *proof;
	}
	wrong.hashes[wrong.count++] = *root;
	assert_int_equal(merkle_verify_inclusion(&wrong, index, size, leaf, root), RESULT_INVALID);
	assert_int_equal(merkle_verify_inclusion(proof, index, size, root, root),
			 size == 1 ? RESULT_OK : RESULT_INVALID);
	assert_int_equal(merkle_verify_inclusion(proof, index, size, leaf, &proof->hashes[0]),
			 RESULT_INVALID);
	assert_int_equal(merkle_verify_inclusion(proof, size, size, leaf, root), RESULT_INVALID);
	if (proof->count == 0)
		return;
	wrong = *proof;
	wrong.count--;
	assert_int_equal(merkle_verify_inclusion(&wrong, index, size, leaf, root), RESULT_INVALID);
	assert_int_equal(merkle_verify_inclusion(proof, index ^ 1, size, leaf, root),
			 RESULT_INVALID);
}

static void assert_included(uint64_t index, uint64_t size, const struct merkle_hash *root)
{
	struct log log = {.size = size};
	struct merkle_reader reader = reader_of(&log);
	struct merkle_proof proof;
	assert_int_equal(merkle_prove_inclusion(&reader, index, size, &proof), RESULT_OK);
	assert_int_equal(merkle_verify_inclusion(&proof, index, size, &levels[0][index], root),
			 RESULT_OK);
	if (index % 17 == size % 17)
		assert_inclusion_is_strict(&proof, index, size, root);
}

static void every_entry_is_proved_to_be_included(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= SMALL; size++) {
		for (uint64_t index = 0; index < size; index += size < 70 ? 1 : 1 + size / 9)
			assert_included(index, size, &roots[size]);
		assert_included(size - 1, size, &roots[size]);
	}
	for (uint64_t index = 0; index < ENTRIES; index += 211)
		assert_included(index, ENTRIES, &roots[ENTRIES]);
	assert_included(ENTRIES - 1, ENTRIES, &roots[ENTRIES]);
}

static void assert_consistent(uint64_t old_size, uint64_t size, const struct merkle_hash *old_root,
			      const struct merkle_hash *root)
{
	struct log log = {.size = size};
	struct merkle_reader reader = reader_of(&log);
	struct merkle_proof proof, wrong;
	assert_int_equal(merkle_prove_consistency(&reader, old_size, size, &proof), RESULT_OK);
	assert_int_equal(merkle_verify_consistency(&proof, old_size, old_root, size, root),
			 RESULT_OK);
	wrong = proof;
	for (size_t i = 0; i < proof.count; i++) {
		wrong.hashes[i].bytes[size % MERKLE_HASH_SIZE] ^= 1;
		assert_int_equal(merkle_verify_consistency(&wrong, old_size, old_root, size, root),
				 RESULT_INVALID);
		wrong = proof;
	}
	wrong.hashes[wrong.count++] = *root;
	assert_int_equal(merkle_verify_consistency(&wrong, old_size, old_root, size, root),
			 RESULT_INVALID);
	if (old_size != size)
		assert_int_equal(merkle_verify_consistency(&proof, old_size, root, size, root),
				 RESULT_INVALID);
	assert_int_equal(merkle_verify_consistency(&proof, size + 1, old_root, size, root),
			 RESULT_INVALID);
	wrong = proof;
	wrong.count--;
	if (proof.count > 0)
		assert_int_equal(merkle_verify_consistency(&wrong, old_size, old_root, size, root),
				 RESULT_INVALID);
}

static void every_tree_is_proved_to_be_the_beginning_of_later_ones(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= SMALL; size += size < 70 ? 1 : 23)
		for (uint64_t old_size = 0; old_size <= size; old_size += size < 70 ? 1 : 7)
			assert_consistent(old_size, size, &roots[old_size], &roots[size]);
	for (uint64_t old_size = 0; old_size <= ENTRIES; old_size += 1003)
		assert_consistent(old_size, ENTRIES, &roots[old_size], &roots[ENTRIES]);
}

static void what_can_not_be_proved_is_refused(void **state)
{
	(void)state;
	struct log log = {.size = 10};
	struct merkle_reader reader = reader_of(&log);
	struct merkle_proof proof;
	struct merkle_range range;
	assert_int_equal(merkle_prove_inclusion(&reader, 10, 10, &proof), RESULT_INVALID);
	assert_int_equal(merkle_prove_inclusion(&reader, 0, UINT64_MAX, &proof), RESULT_INVALID);
	assert_int_equal(merkle_prove_consistency(&reader, 11, 10, &proof), RESULT_INVALID);
	assert_int_equal(merkle_read_range(&reader, 11, 10, &range), RESULT_INVALID);
	assert_int_equal(log.reads, 0);
	log.answer = RESULT_STORE;
	assert_int_equal(merkle_prove_inclusion(&reader, 1, 10, &proof), RESULT_STORE);
	assert_int_equal(merkle_prove_consistency(&reader, 3, 10, &proof), RESULT_STORE);
	assert_int_equal(merkle_read_range(&reader, 3, 10, &range), RESULT_STORE);
}

static void a_range_of_the_largest_size_is_full(void **state)
{
	(void)state;
	struct merkle_range range = {.size = MERKLE_SIZE_MAX - 1};
	struct merkle_hash root;
	assert_int_equal(merkle_range_append(&range, &levels[0][0]), RESULT_OK);
	assert_int_equal(merkle_peaks(range.size), MERKLE_PEAKS_MAX);
	assert_int_equal(merkle_range_root(&range, &root), RESULT_OK);
	assert_int_equal(merkle_range_append(&range, &levels[0][0]), RESULT_FULL);
	assert_int_equal(range.size, MERKLE_SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_tree_has_the_known_roots),
		cmocka_unit_test(a_range_has_the_root_that_the_definition_gives),
		cmocka_unit_test(a_range_is_read_from_tiles),
		cmocka_unit_test(every_entry_is_proved_to_be_included),
		cmocka_unit_test(every_tree_is_proved_to_be_the_beginning_of_later_ones),
		cmocka_unit_test(what_can_not_be_proved_is_refused),
		cmocka_unit_test(a_range_of_the_largest_size_is_full),
	};
	return cmocka_run_group_tests(tests, make_log, free_log);
}
