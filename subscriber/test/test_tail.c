#include "subscriber/test/log_maker.h"

#include "subscriber/tail.h"

struct bench {
	struct log_maker *maker;
	struct tail tail;
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	bench->maker = log_maker_new();
	log_maker_fill(bench->maker, 100);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	tail_free(&bench->tail);
	log_maker_free(bench->maker);
	free(bench);
	return 0;
}

/* The entries from where it is up to `end`. */
static void read_to(struct bench *bench, size_t end)
{
	while (tail_next(&bench->tail) < end)
		assert_int_equal(
			tail_add(&bench->tail, &bench->maker->leaves[tail_next(&bench->tail)]),
			RESULT_OK);
}

static enum tail_answer check(struct bench *bench, size_t size)
{
	struct checkpoint checkpoint = {.size = size};
	enum tail_answer answer;
	log_maker_root(bench->maker, size, &checkpoint.root);
	assert_int_equal(tail_check(&bench->tail, &checkpoint, &answer), RESULT_OK);
	return answer;
}

static void a_checkpoint_may_lag_behind_the_entries_or_be_before_them(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(check(bench, 0), TAIL_FITS);
	read_to(bench, 10);
	assert_int_equal(check(bench, 11), TAIL_LACKS);
	assert_int_equal(check(bench, 7), TAIL_FITS);
	assert_int_equal(bench->tail.range.size, 7);
	assert_int_equal(tail_next(&bench->tail), 10);
	assert_int_equal(check(bench, 6), TAIL_OLDER);
	assert_int_equal(check(bench, 7), TAIL_FITS);
	read_to(bench, 100);
	assert_int_equal(check(bench, 100), TAIL_FITS);
	assert_int_equal(bench->tail.count, 0);
}

static void an_entry_that_is_another_differs_and_changes_nothing(void **state)
{
	struct bench *bench = *state;
	read_to(bench, 5);
	assert_int_equal(tail_add(&bench->tail, &bench->maker->leaves[6]), RESULT_OK);
	read_to(bench, 8);
	assert_int_equal(check(bench, 5), TAIL_FITS);
	assert_int_equal(check(bench, 6), TAIL_DIFFERS);
	assert_int_equal(check(bench, 8), TAIL_DIFFERS);
	assert_int_equal(bench->tail.range.size, 5);
	assert_int_equal(tail_next(&bench->tail), 8);
}

static void leaves_since_the_checkpoint_are_at_hand(void **state)
{
	struct bench *bench = *state;
	read_to(bench, 10);
	assert_int_equal(check(bench, 4), TAIL_FITS);
	assert_null(tail_leaf(&bench->tail, 3));
	assert_true(merkle_equal(tail_leaf(&bench->tail, 4), &bench->maker->leaves[4]));
	assert_true(merkle_equal(tail_leaf(&bench->tail, 9), &bench->maker->leaves[9]));
	assert_null(tail_leaf(&bench->tail, 10));
}

static void it_is_bounded(void **state)
{
	struct bench *bench = *state;
	for (int i = 0; i < TAIL_MAX; i++)
		assert_int_equal(tail_add(&bench->tail, &bench->maker->leaves[0]), RESULT_OK);
	assert_int_equal(tail_add(&bench->tail, &bench->maker->leaves[0]), RESULT_FULL);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_checkpoint_may_lag_behind_the_entries_or_be_before_them),
		TEST(an_entry_that_is_another_differs_and_changes_nothing),
		TEST(leaves_since_the_checkpoint_are_at_hand),
		TEST(it_is_bounded),
	};
	return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
