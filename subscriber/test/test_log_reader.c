#include "subscriber/test/log_maker.h"

#include "subscriber/log_reader.h"

struct bench {
	struct log_maker *maker;
	struct fetch *fetch;
	struct log_reader reader;
	struct log_bundle bundle;
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	const struct fetch_settings settings = {.stop = NULL};
	char why[512];
	assert_non_null(bench);
	bench->maker = log_maker_new();
	assert_int_equal(
		fetch_open(bench->maker->folder, &settings, &bench->fetch, why, sizeof why),
		RESULT_OK);
	log_reader_init(&bench->reader, bench->fetch);
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

/* The log of so many entries, and what its checkpoint says. */
static struct log_head head_of(struct bench *bench, size_t size)
{
	struct log_head head = {.checkpoint = {.origin = LOG_ORIGIN, .size = size}};
	log_maker_root(bench->maker, size, &head.checkpoint.root);
	return head;
}

static void publish(struct bench *bench, size_t size)
{
	log_maker_fill(bench->maker, size);
	log_maker_publish(bench->maker, LOG_MAKER_TIME_S);
}

static int turn_to(struct bench *bench, size_t size)
{
	const struct log_head head = head_of(bench, size);
	return log_reader_turn_to(&bench->reader, &head);
}

static void assert_said(struct bench *bench, int result, const char *said)
{
	assert_int_equal(result, RESULT_INVALID);
	if (!strstr(bench->reader.why, said))
		print_error("%s\n", bench->reader.why);
	assert_non_null(strstr(bench->reader.why, said));
}

static void entries_of_logs_of_all_sizes_are_read(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 255, 256, 257, 512, 600};
	struct bench *bench = *state;
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		publish(bench, sizes[s]);
		assert_int_equal(turn_to(bench, sizes[s]), RESULT_OK);
		for (size_t i = 0; i < sizes[s]; i++) {
			if (i % TILES_WIDTH == 0)
				assert_int_equal(log_reader_bundle(&bench->reader, i / TILES_WIDTH,
								   &bench->bundle),
						 RESULT_OK);
			const struct buffer *right = &bench->maker->entries[i];
			const struct message_frame *got = &bench->bundle.entries[i % TILES_WIDTH];
			assert_int_equal(got->size, right->size);
			assert_memory_equal(got->bytes, right->data, right->size);
		}
	}
}

static void ranges_and_consistency_are_those_of_the_entries(void **state)
{
	struct bench *bench = *state;
	publish(bench, 600);
	assert_int_equal(turn_to(bench, 600), RESULT_OK);
	for (size_t size = 0; size <= 600; size += 37) {
		struct merkle_range range;
		struct merkle_hash root;
		struct log_head old = head_of(bench, size);
		assert_int_equal(log_reader_range(&bench->reader, size, &range), RESULT_OK);
		assert_int_equal(merkle_range_root(&range, &root), RESULT_OK);
		assert_true(merkle_equal(&root, &old.checkpoint.root));
		assert_int_equal(log_reader_is_consistent(&bench->reader, &old.checkpoint),
				 RESULT_OK);
		if (size == 0)
			continue;
		old.checkpoint.root.bytes[0] ^= 1;
		assert_said(bench, log_reader_is_consistent(&bench->reader, &old.checkpoint),
			    "entries of the log are others than before");
	}
	struct checkpoint larger = head_of(bench, 600).checkpoint;
	larger.size++;
	assert_said(bench, log_reader_is_consistent(&bench->reader, &larger),
		    "entries were taken away");
}

static void proofs_are_good(void **state)
{
	struct bench *bench = *state;
	publish(bench, 600);
	const struct log_head head = head_of(bench, 600);
	assert_int_equal(log_reader_turn_to(&bench->reader, &head), RESULT_OK);
	for (size_t i = 0; i < 600; i += 13) {
		struct merkle_proof proof;
		assert_int_equal(log_reader_prove(&bench->reader, i, &proof), RESULT_OK);
		assert_int_equal(merkle_verify_inclusion(&proof, i, 600, &bench->maker->leaves[i],
							 &head.checkpoint.root),
				 RESULT_OK);
	}
	struct merkle_proof proof;
	assert_int_equal(log_reader_prove(&bench->reader, 600, &proof), RESULT_INVALID);
}

static void a_flipped_bit_is_named(void **state)
{
	struct bench *bench = *state;
	publish(bench, 600);
	for (size_t bit = 5; bit < 8 * TILES_BYTES; bit += 4999) {
		log_maker_flip(bench->maker, "tile/0/001", bit);
		assert_int_equal(turn_to(bench, 600), RESULT_OK);
		assert_said(bench, log_reader_bundle(&bench->reader, 1, &bench->bundle),
			    "tile/0/001: its hashes do not make hash 1 of tile/1/000.p/2");
		log_maker_flip(bench->maker, "tile/0/001", bit);
	}
	log_maker_flip(bench->maker, "tile/0/002.p/88", 100);
	assert_said(bench, turn_to(bench, 600),
		    "tile/0/002.p/88, tile/1/000.p/2 do not make the root");
	log_maker_flip(bench->maker, "tile/0/002.p/88", 100);
	/* In the middle of an entry; in a length, of the first and of the last. */
	assert_int_equal(turn_to(bench, 600), RESULT_OK);
	struct buffer file = log_maker_get(bench->maker, "tile/entries/001");
	size_t bits[] = {8 * 500, 0, 7, 15, 8 * file.size - 1};
	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
		log_maker_flip(bench->maker, "tile/entries/001", bits[i]);
		assert_said(bench, log_reader_bundle(&bench->reader, 1, &bench->bundle),
			    "tile/entries/001: ");
		assert_int_equal(bench->bundle.count, 0);
		log_maker_flip(bench->maker, "tile/entries/001", bits[i]);
	}
	assert_int_equal(log_reader_bundle(&bench->reader, 1, &bench->bundle), RESULT_OK);
	buffer_free(&file);
}

static void files_that_are_missing_or_of_another_size_are_named(void **state)
{
	struct bench *bench = *state;
	publish(bench, 600);
	assert_int_equal(turn_to(bench, 600), RESULT_OK);
	struct buffer file = log_maker_get(bench->maker, "tile/0/001");
	log_maker_put(bench->maker, "tile/0/001", file.data, file.size - 1);
	assert_said(bench, log_reader_bundle(&bench->reader, 1, &bench->bundle),
		    "tile/0/001: has 8191 bytes: 8192");
	log_maker_put(bench->maker, "tile/0/001", file.data, file.size);
	buffer_free(&file);
	file = log_maker_get(bench->maker, "tile/entries/001");
	log_maker_put(bench->maker, "tile/entries/001", file.data, file.size - 1);
	assert_said(bench, log_reader_bundle(&bench->reader, 1, &bench->bundle),
		    "tile/entries/001: ends within entry 255");
	buffer_append(&file, "ab", 2);
	log_maker_put(bench->maker, "tile/entries/001", file.data, file.size);
	assert_said(bench, log_reader_bundle(&bench->reader, 1, &bench->bundle),
		    "tile/entries/001: goes on after 256 entries");
	buffer_free(&file);
	log_maker_remove(bench->maker, "tile/entries/001");
	assert_int_equal(log_reader_bundle(&bench->reader, 1, &bench->bundle), FETCH_ABSENT);
	assert_non_null(strstr(bench->reader.why, "tile/entries/001: there is no such file"));
}

static void a_partial_tile_may_have_become_a_full_one(void **state)
{
	struct bench *bench = *state;
	publish(bench, 300);
	const struct log_head old = head_of(bench, 300);
	publish(bench, 600);
	log_maker_remove(bench->maker, "tile/0/001.p/44");
	log_maker_remove(bench->maker, "tile/entries/001.p/44");
	log_maker_remove(bench->maker, "tile/1/000.p/1");
	/* Of level 1 there is no full one yet, and no one of 1 any more: a log keeps what a checkpoint needs. */
	assert_int_equal(log_reader_turn_to(&bench->reader, &old), FETCH_ABSENT);
	struct buffer file = log_maker_get(bench->maker, "tile/1/000.p/2");
	log_maker_put(bench->maker, "tile/1/000.p/1", file.data, MERKLE_HASH_SIZE);
	buffer_free(&file);
	assert_int_equal(log_reader_turn_to(&bench->reader, &old), RESULT_OK);
	assert_int_equal(log_reader_bundle(&bench->reader, 1, &bench->bundle), RESULT_OK);
	assert_int_equal(bench->bundle.count, 44);
}

static void what_the_tree_has_not_is_refused(void **state)
{
	struct bench *bench = *state;
	const struct log_tile *tile;
	struct merkle_range range;
	publish(bench, 300);
	assert_int_equal(turn_to(bench, 300), RESULT_OK);
	assert_int_equal(log_reader_tile(&bench->reader, 0, 2, &tile), RESULT_INVALID);
	assert_int_equal(log_reader_tile(&bench->reader, 2, 0, &tile), RESULT_INVALID);
	assert_int_equal(log_reader_tile(&bench->reader, 0, UINT64_MAX / 256, &tile),
			 RESULT_INVALID);
	assert_int_equal(log_reader_range(&bench->reader, 301, &range), RESULT_INVALID);
	assert_int_equal(log_reader_bundle(&bench->reader, 2, &bench->bundle), RESULT_INVALID);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(entries_of_logs_of_all_sizes_are_read),
		TEST(ranges_and_consistency_are_those_of_the_entries),
		TEST(proofs_are_good),
		TEST(a_flipped_bit_is_named),
		TEST(files_that_are_missing_or_of_another_size_are_named),
		TEST(a_partial_tile_may_have_become_a_full_one),
		TEST(what_the_tree_has_not_is_refused),
	};
	return cmocka_run_group_tests_name("log_reader", tests, NULL, NULL);
}
