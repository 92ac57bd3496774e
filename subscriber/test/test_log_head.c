#include "subscriber/test/log_maker.h"

#include "subscriber/log_head.h"

#define WHERE "log/checkpoint"

struct bench {
	struct log_maker *maker;
	struct verifier keys[2];
	struct log_keys trusted;
	struct buffer note;
	struct log_head head;
	char why[512];
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	bench->maker = log_maker_new();
	log_maker_fill(bench->maker, 5);
	bench->keys[0] = bench->maker->log;
	bench->keys[1] = bench->maker->cosigner;
	bench->trusted = (struct log_keys){.origin = LOG_ORIGIN, .keys = bench->keys, .count = 2};
	bench->note = log_maker_note(bench->maker, 5, LOG_MAKER_TIME_S);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	buffer_free(&bench->note);
	log_maker_free(bench->maker);
	free(bench);
	return 0;
}

static int parse(struct bench *bench)
{
	return log_head_parse(bench->note.data, bench->note.size, &bench->trusted, WHERE,
			      &bench->head, bench->why, sizeof bench->why);
}

static void assert_refused(struct bench *bench, const char *said)
{
	assert_int_equal(parse(bench), RESULT_INVALID);
	if (!strstr(bench->why, said))
		print_error("%s\n", bench->why);
	assert_non_null(strstr(bench->why, said));
	assert_non_null(strstr(bench->why, WHERE ": "));
}

static void a_checkpoint_that_both_signed_is_good(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(parse(bench), RESULT_OK);
	assert_int_equal(bench->head.checkpoint.size, 5);
	assert_int_equal(bench->head.time_s, LOG_MAKER_TIME_S);
	assert_int_equal(bench->head.note_size, bench->note.size);
	assert_memory_equal(bench->head.note, bench->note.data, bench->note.size);
}

static void no_bit_of_it_can_be_flipped(void **state)
{
	struct bench *bench = *state;
	for (size_t bit = 0; bit < 8 * bench->note.size; bit++) {
		char *at = &bench->note.data[bit / 8];
		*at = (char)(*at ^ 1 << bit % 8);
		if (parse(bench) == RESULT_OK)
			fail_msg("bit %zu: %.*s", bit, (int)bench->note.size, bench->note.data);
		*at = (char)(*at ^ 1 << bit % 8);
	}
	assert_int_equal(parse(bench), RESULT_OK);
}

static void it_cannot_be_cut(void **state)
{
	struct bench *bench = *state;
	size_t whole = bench->note.size;
	for (bench->note.size = 0; bench->note.size < whole; bench->note.size++)
		assert_int_equal(parse(bench), RESULT_INVALID);
}

static void each_key_must_have_signed_it(void **state)
{
	struct bench *bench = *state;
	struct log_maker *other = log_maker_new();
	bench->keys[0] = other->log;
	assert_refused(bench, "no signature of the log's key");
	bench->keys[0] = bench->maker->log;
	bench->keys[1] = other->cosigner;
	assert_refused(bench, "no signature of the cosigner's key");
	/* Who knows no cosigner can't ask for one. */
	bench->trusted.count = 1;
	assert_int_equal(parse(bench), RESULT_OK);
	assert_int_equal(bench->head.time_s, 0);
	log_maker_free(other);
}

static void it_must_be_of_the_log_that_is_meant(void **state)
{
	struct bench *bench = *state;
	bench->trusted.origin = "registry.example/vetted";
	assert_refused(bench, "of the log registry.example/public, not of");
	bench->trusted.origin = NULL;
	assert_int_equal(parse(bench), RESULT_OK);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
	struct bench *bench = *state;
	bench->note.size = 0;
	assert_refused(bench, "no signed note");
	char *large = calloc(1, LOG_HEAD_MAX + 1);
	assert_int_equal(log_head_parse(large, LOG_HEAD_MAX + 1, &bench->trusted, WHERE,
					&bench->head, bench->why, sizeof bench->why),
			 RESULT_INVALID);
	free(large);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_checkpoint_that_both_signed_is_good),
		TEST(no_bit_of_it_can_be_flipped),
		TEST(it_cannot_be_cut),
		TEST(each_key_must_have_signed_it),
		TEST(it_must_be_of_the_log_that_is_meant),
		TEST(what_is_no_checkpoint_is_refused),
	};
	return cmocka_run_group_tests_name("log_head", tests, NULL, NULL);
}
