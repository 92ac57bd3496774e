#include "subscriber/test/log_maker.h"

#include "subscriber/audit_tree.h"

enum { ENTRIES = 600, FAULTS_MAX = 16 };

struct bench {
	struct log_maker *maker;
	struct fetch *fetch;
	struct log_reader reader;
	struct checkpoint checkpoint;
	struct audit_tree tree;
	size_t entries, faults;
	char files[FAULTS_MAX][TILES_PATH_SIZE], what[FAULTS_MAX][256];
};

static void on_fault(void *context, const char *file, const char *what)
{
	struct bench *bench = context;
	assert_true(bench->faults < FAULTS_MAX);
	snprintf(bench->files[bench->faults], sizeof bench->files[0], "%s", file);
	snprintf(bench->what[bench->faults++], sizeof bench->what[0], "%s", what);
}

static int on_entries(void *context, uint64_t first, const struct log_bundle *bundle)
{
	struct bench *bench = context;
	(void)first;
	bench->entries += bundle->count;
	return RESULT_OK;
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	const struct fetch_settings settings = {.stop = NULL};
	char why[512];
	assert_non_null(bench);
	bench->maker = log_maker_new();
	log_maker_fill(bench->maker, ENTRIES);
	log_maker_publish(bench->maker, LOG_MAKER_TIME_S);
	assert_int_equal(
		fetch_open(bench->maker->folder, &settings, &bench->fetch, why, sizeof why),
		RESULT_OK);
	log_reader_init(&bench->reader, bench->fetch);
	bench->checkpoint.size = ENTRIES;
	log_maker_root(bench->maker, ENTRIES, &bench->checkpoint.root);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	log_reader_free(&bench->reader);
	fetch_close(&bench->fetch);
	log_maker_free(bench->maker);
	free(bench);
	return 0;
}

static void walk(struct bench *bench)
{
	bench->entries = bench->faults = 0;
	bench->tree.reader = &bench->reader;
	bench->tree.checkpoint = &bench->checkpoint;
	bench->tree.fault = on_fault;
	bench->tree.entries = on_entries;
	bench->tree.context = bench;
	assert_int_equal(audit_tree_walk(&bench->tree), RESULT_OK);
}

static void assert_fault(struct bench *bench, const char *file, const char *what)
{
	walk(bench);
	for (size_t i = 0; i < bench->faults; i++) {
		if (strcmp(bench->files[i], file) == 0 && strstr(bench->what[i], what))
			return;
		print_error("%s: %s\n", bench->files[i], bench->what[i]);
	}
	fail_msg("%s: %s", file, what);
}

static void a_good_log_has_no_fault(void **state)
{
	struct bench *bench = *state;
	walk(bench);
	assert_int_equal(bench->faults, 0);
	assert_int_equal(bench->entries, ENTRIES);
	assert_int_equal(bench->tree.tiles, 4);
	assert_int_equal(bench->tree.bundles, 3);
}

/* Bit after bit, in all files of the tree. */
static void a_flipped_bit_is_found_in_the_file_where_it_is_and_nowhere_else(void **state)
{
	static const char *const files[] = {
		"tile/0/000",       "tile/0/001",       "tile/0/002.p/88",      "tile/1/000.p/2",
		"tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct buffer file = log_maker_get(bench->maker, files[i]);
		for (size_t turn = 0; turn < 40; turn++) {
			size_t bit = turn * 7919 * 104729 % (8 * file.size);
			log_maker_flip(bench->maker, files[i], bit);
			walk(bench);
			log_maker_flip(bench->maker, files[i], bit);
			assert_true(bench->faults > 0);
			for (size_t f = 0; f < bench->faults; f++)
				assert_string_equal(bench->files[f], files[i]);
		}
		buffer_free(&file);
	}
	walk(bench);
	assert_int_equal(bench->faults, 0);
}

static void the_number_within_the_file_is_told(void **state)
{
	struct bench *bench = *state;
	log_maker_flip(bench->maker, "tile/0/001", 17 * 8 * MERKLE_HASH_SIZE);
	assert_fault(bench, "tile/0/001", "hash 17 is wrong");
	log_maker_flip(bench->maker, "tile/0/001", 17 * 8 * MERKLE_HASH_SIZE);
	log_maker_flip(bench->maker, "tile/1/000.p/2", 8 * MERKLE_HASH_SIZE);
	assert_fault(bench, "tile/1/000.p/2", "hash 1 is wrong");
	log_maker_flip(bench->maker, "tile/1/000.p/2", 8 * MERKLE_HASH_SIZE);
	log_maker_flip(bench->maker, "tile/entries/000", 8 * 100);
	assert_fault(bench, "tile/entries/000", "entry 0, index 0, is not the one");
}

static void faults_in_several_files_are_each_told(void **state)
{
	struct bench *bench = *state;
	log_maker_flip(bench->maker, "tile/0/000", 3);
	log_maker_flip(bench->maker, "tile/entries/001", 8 * 100);
	log_maker_flip(bench->maker, "tile/entries/002.p/88", 8 * 100);
	walk(bench);
	assert_int_equal(bench->faults, 3);
	assert_string_equal(bench->files[0], "tile/0/000");
	assert_string_equal(bench->files[1], "tile/entries/001");
	assert_string_equal(bench->files[2], "tile/entries/002.p/88");
	/* A tile and the entries below it: nobody can say which of them was right. */
	log_maker_flip(bench->maker, "tile/0/001", 8 * 32 * 100);
	assert_fault(bench, "tile/0/001", "neither leads to the checkpoint");
}

static void files_that_are_missing_are_told(void **state)
{
	static const char *const files[] = {"tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2",
					    "tile/entries/001", "tile/entries/002.p/88"};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct buffer file = log_maker_get(bench->maker, files[i]);
		log_maker_remove(bench->maker, files[i]);
		assert_fault(bench, files[i], "there is no such file");
		assert_int_equal(bench->faults, 1);
		log_maker_put(bench->maker, files[i], file.data, file.size);
		buffer_free(&file);
	}
}

static void entries_that_are_no_longer_kept_are_no_fault(void **state)
{
	struct bench *bench = *state;
	log_maker_remove(bench->maker, "tile/entries/000");
	bench->tree.minimum_index = 255;
	assert_fault(bench, "tile/entries/000", "there is no such file");
	bench->tree.minimum_index = 256;
	walk(bench);
	assert_int_equal(bench->faults, 0);
	assert_int_equal(bench->tree.pruned, 256);
	assert_int_equal(bench->entries, ENTRIES - 256);
	/* The tile still is held against the one above it. */
	log_maker_flip(bench->maker, "tile/0/000", 12345);
	assert_fault(bench, "tile/0/000", "do not make hash 0 of tile/1/000.p/2");
}

static void another_logs_checkpoint_is_told(void **state)
{
	struct bench *bench = *state;
	bench->checkpoint.root.bytes[7] ^= 1;
	assert_fault(bench, "checkpoint", "its root is not that of the log's tiles and entries");
	assert_int_equal(bench->faults, 1);
}

static void an_entry_that_was_replaced_with_its_tiles_is_told(void **state)
{
	struct bench *bench = *state;
	log_maker_event(bench->maker, "evil.example", "evil", "");
	bench->maker->count--;
	struct buffer swapped = bench->maker->entries[300];
	bench->maker->entries[300] = bench->maker->entries[ENTRIES];
	bench->maker->leaves[300] = bench->maker->leaves[ENTRIES];
	log_maker_publish(bench->maker, LOG_MAKER_TIME_S);
	assert_fault(bench, "checkpoint", "the log was rewritten");
	bench->maker->entries[ENTRIES] = swapped;
	buffer_free(&bench->maker->entries[ENTRIES]);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_good_log_has_no_fault),
		TEST(a_flipped_bit_is_found_in_the_file_where_it_is_and_nowhere_else),
		TEST(the_number_within_the_file_is_told),
		TEST(faults_in_several_files_are_each_told),
		TEST(files_that_are_missing_are_told),
		TEST(entries_that_are_no_longer_kept_are_no_fault),
		TEST(another_logs_checkpoint_is_told),
		TEST(an_entry_that_was_replaced_with_its_tiles_is_told),
	};
	return cmocka_run_group_tests_name("audit_tree", tests, NULL, NULL);
}
