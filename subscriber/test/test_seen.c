#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subscriber/seen.h"

#include <stdio.h>

static int set_up(void **state)
{
	struct seen *seen;
	assert_int_equal(seen_new(&seen), RESULT_OK);
	*state = seen;
	return 0;
}

static int tear_down(void **state)
{
	struct seen *seen = *state;
	seen_free(&seen);
	assert_null(seen);
	return 0;
}

static void assert_new(struct seen *seen, uint64_t index, const char *jti)
{
	struct seen_answer answer = seen_add(seen, index, jti);
	assert_false(answer.repeat);
	assert_int_equal(answer.missed_to, 0);
}

static void the_same_event_under_the_same_index_is_a_repeat(void **state)
{
	assert_new(*state, 7, "a");
	assert_true(seen_add(*state, 7, "a").repeat);
	assert_new(*state, 8, "b");
	assert_true(seen_add(*state, 7, "a").repeat);
	assert_true(seen_add(*state, 8, "b").repeat);
}

static void another_event_under_the_same_index_is_none(void **state)
{
	assert_new(*state, 7, "a");
	assert_new(*state, 8, "b");
	assert_new(*state, 7, "c");
	/* The numbering began anew: 8 follows 7, and is not the 8 from before. */
	assert_new(*state, 8, "d");
	assert_true(seen_add(*state, 8, "d").repeat);
}

static void an_index_left_out_is_missed(void **state)
{
	assert_new(*state, 1000, "first");
	struct seen_answer answer = seen_add(*state, 1004, "a");
	assert_false(answer.repeat);
	assert_true(answer.missed_to > 0);
	assert_int_equal(answer.missed_from, 1001);
	assert_int_equal(answer.missed_to, 1003);
	assert_new(*state, 1002, "late");
	assert_new(*state, 1005, "b");
	assert_true(seen_add(*state, 1007, "c").missed_to > 0);
	assert_int_equal(seen_add(*state, 1007, "c").missed_to, 0);
}

static void a_repeat_after_a_restart_misses_nothing(void **state)
{
	char jti[32];
	for (int i = 0; i < 500; i++) {
		snprintf(jti, sizeof jti, "event-%d", i);
		assert_new(*state, (uint64_t)i, jti);
	}
	for (int i = 300; i < 500; i++) {
		snprintf(jti, sizeof jti, "event-%d", i);
		assert_true(seen_add(*state, (uint64_t)i, jti).repeat);
	}
	assert_new(*state, 500, "next");
}

static void the_window_forgets_and_then_shows_again(void **state)
{
	assert_new(*state, 3, "a");
	assert_true(seen_add(*state, 3 + (uint64_t)SEEN_WINDOW, "b").missed_to > 0);
	assert_new(*state, 3, "a");
}

static void the_largest_index_is_no_trouble(void **state)
{
	assert_new(*state, 0, "a");
	struct seen_answer answer = seen_add(*state, INT64_MAX, "b");
	assert_true(answer.missed_to > 0);
	assert_int_equal(answer.missed_from, 1);
	assert_int_equal(answer.missed_to, INT64_MAX - 1);
	assert_new(*state, 1, "c");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_same_event_under_the_same_index_is_a_repeat),
		TEST(another_event_under_the_same_index_is_none),
		TEST(an_index_left_out_is_missed),
		TEST(a_repeat_after_a_restart_misses_nothing),
		TEST(the_window_forgets_and_then_shows_again),
		TEST(the_largest_index_is_no_trouble),
	};
	return cmocka_run_group_tests_name("seen", tests, NULL, NULL);
}
