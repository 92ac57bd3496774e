#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static void all_three_clocks_are_read(void **state)
{
	(void)state;
	struct clock_reading first, second;
	clock_read(&first);
	clock_read(&second);
	assert_true(first.wall_us > INT64_C(1600000000) * 1000000); /* after 2020: microseconds */
	assert_true(first.monotonic_us > 0);
	assert_true(first.boottime_us >= first.monotonic_us - 1000000);
	assert_true(second.monotonic_us >= first.monotonic_us);
	assert_true(second.boottime_us >= first.boottime_us);
}

static void the_short_call_reads_the_same_monotonic_clock(void **state)
{
	(void)state;
	struct clock_reading between;
	int64_t before_us = clock_monotonic_us();
	clock_read(&between);
	int64_t after_us = clock_monotonic_us();
	assert_true(before_us <= between.monotonic_us && between.monotonic_us <= after_us);
}

static void a_sleep_lasts_as_long_as_it_says(void **state)
{
	(void)state;
	int64_t before_us = clock_monotonic_us();
	clock_sleep_us(2000);
	assert_true(clock_monotonic_us() - before_us >= 2000);
	clock_sleep_us(0);
	clock_sleep_us(-1); /* comes back at once */
}

static void the_boots_id_is_the_same_each_time(void **state)
{
	(void)state;
	char id[CLOCK_BOOT_ID_SIZE], again[CLOCK_BOOT_ID_SIZE];
	clock_boot_id(id);
	clock_boot_id(again);
	assert_string_equal(id, again);
	if (*id == '\0')
		skip(); /* no /proc */
	assert_int_equal(strlen(id), CLOCK_BOOT_ID_SIZE - 1);
	assert_int_equal(strspn(id, "0123456789abcdef-"), CLOCK_BOOT_ID_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_three_clocks_are_read),
		cmocka_unit_test(the_short_call_reads_the_same_monotonic_clock),
		cmocka_unit_test(a_sleep_lasts_as_long_as_it_says),
		cmocka_unit_test(the_boots_id_is_the_same_each_time),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
