#include "subscriber/test/signer.h"

#include "subscriber/cursor.h"
#include "subscriber/times.h"

static void a_cursor_is_a_number_in_a_file(void **state)
{
	char *path = file_with("");
	char why[256];
	bool is_there;
	uint64_t index;
	(void)state;
	unlink(path);
	assert_int_equal(cursor_read(path, &is_there, &index, why, sizeof why), RESULT_OK);
	assert_false(is_there);
	assert_int_equal(cursor_write(path, 1234567, why, sizeof why), RESULT_OK);
	assert_int_equal(cursor_read(path, &is_there, &index, why, sizeof why), RESULT_OK);
	assert_true(is_there);
	assert_int_equal(index, 1234567);
	rewrite_file(path, "0");
	assert_int_equal(cursor_read(path, &is_there, &index, why, sizeof why), RESULT_OK);
	assert_int_equal(index, 0);
	static const char *const wrong[] = {
		"", "\n", "-1\n", "1 2", "1x", "99999999999999999999", "9999999999999999999"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		rewrite_file(path, wrong[i]);
		assert_int_equal(cursor_read(path, &is_there, &index, why, sizeof why),
				 RESULT_CONFIG);
		assert_non_null(strstr(why, "no cursor"));
	}
	remove_file(path);
	assert_int_equal(cursor_write("/nonexistent/cursor", 1, why, sizeof why), RESULT_STORE);
}

static void times_are_read_and_written(void **state)
{
	char text[TIMES_SIZE];
	int64_t ms;
	(void)state;
	assert_true(times_read("2023-11-14T22:13:20Z", &ms));
	assert_true(ms == 1700000000000);
	times_write(ms, text);
	assert_string_equal(text, "2023-11-14T22:13:20Z");
	assert_true(times_read("2023-11-14T22:13:20.05Z", &ms));
	assert_true(ms == 1700000000050);
	times_write(ms, text);
	assert_string_equal(text, "2023-11-14T22:13:20.050Z");
	static const char *const wrong[] = {"",
					    "noon",
					    "2023-11-14",
					    "2023-11-14T22:13:20",
					    "2023-11-14T22:13:20+01:00",
					    "2023-11-14T22:13:20.Z",
					    "2023-11-14T22:13:20.1234Z",
					    "2023-11-14T22:13:20Zx",
					    "1960-01-01T00:00:00Z"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(times_read(wrong[i], &ms));
	times_write_age(119, text);
	assert_string_equal(text, "119 s");
	times_write_age(7199, text);
	assert_string_equal(text, "119 min");
	times_write_age(200000, text);
	assert_string_equal(text, "2 days");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_is_a_number_in_a_file),
		cmocka_unit_test(times_are_read_and_written),
	};
	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
