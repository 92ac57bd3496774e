#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

enum { THREADS = 6, BUSY_US = 500000 };

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

/* How far the clocks of this thread's readings are from each other, at most, while others take its processor away. */
static void *widest_reading(void *unused)
{
	(void)unused;
	int64_t until_us = clock_monotonic_us() + BUSY_US, least_us = INT64_MAX, most_us = 0;
	struct clock_reading now = {0};
	while (now.monotonic_us < until_us) {
		clock_read(&now);
		int64_t apart_us = now.boottime_us - now.monotonic_us;
		least_us = apart_us < least_us ? apart_us : least_us;
		most_us = apart_us > most_us ? apart_us : most_us;
	}
	return (void *)(uintptr_t)(most_us - least_us);
}

static void a_reading_is_of_one_moment_on_a_busy_machine(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, widest_reading, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *widest_us = NULL;
		pthread_join(threads[i], &widest_us);
		assert_in_range((uintptr_t)widest_us, 0, CLOCK_MOMENT_US);
	}
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
		cmocka_unit_test(a_reading_is_of_one_moment_on_a_busy_machine),
		cmocka_unit_test(a_sleep_lasts_as_long_as_it_says),
		cmocka_unit_test(the_boots_id_is_the_same_each_time),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
