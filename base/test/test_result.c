#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

static void each_result_has_a_sentence_of_its_own(void **state)
{
	(void)state;
	for (int result = RESULT_OK; result >= RESULT_LAST; result--) {
		assert_string_not_equal(result_text(result), "unknown result");
		for (int other = result - 1; other >= RESULT_LAST; other--)
			assert_string_not_equal(result_text(result), result_text(other));
	}
}

static void every_other_number_is_unknown(void **state)
{
	(void)state;
	const int others[] = {1, RESULT_LAST - 1, INT_MAX, INT_MIN};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_string_equal(result_text(others[i]), "unknown result");
}

static void the_numbers_are_those_of_the_public_interface(void **state)
{
	(void)state;
	assert_int_equal(RESULT_OK, 0);
	assert_int_equal(RESULT_INVALID, -1);
	assert_int_equal(RESULT_CONFIG, -2);
	assert_int_equal(RESULT_FULL, -3);
	assert_int_equal(RESULT_FORK, -4);
	assert_int_equal(RESULT_BUSY, -5);
	assert_int_equal(RESULT_STORE, -6);
	assert_int_equal(RESULT_NOMEM, -7);
	assert_int_equal(RESULT_TIMEOUT, -8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_result_has_a_sentence_of_its_own),
		cmocka_unit_test(every_other_number_is_unknown),
		cmocka_unit_test(the_numbers_are_those_of_the_public_interface),
	};
	return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}
