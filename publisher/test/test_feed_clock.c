/* The time line of the delays: steps of the wall clock, restarts, reboots. */
#include "publisher/feed_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char first_boot[CLOCK_BOOT_ID_SIZE] = "11111111-1111-1111-1111-111111111111";
static const char second_boot[CLOCK_BOOT_ID_SIZE] = "22222222-2222-2222-2222-222222222222";
static const char third_boot[CLOCK_BOOT_ID_SIZE] = "33333333-3333-3333-3333-333333333333";

/* Moves it on to these times, in seconds; answers the feed's time in milliseconds. */
static int64_t at(struct feed_clock *clock, const char *boot, int64_t boottime_s, int64_t wall_s)
{
	const struct clock_reading now = {.boottime_us = boottime_s * 1000000,
					  .monotonic_us = 77,
					  .wall_us = wall_s * 1000000};
	return feed_clock_advance(clock, &now, boot);
}

static void it_begins_at_zero(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	assert_int_equal(at(&clock, first_boot, 5000, 1790000000), 0);
	assert_int_equal(at(&clock, first_boot, 5000, 1790000000), 0);
	assert_string_equal(clock.boot_id, first_boot);
}

static void within_a_boot_only_the_boots_clock_counts(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100, 1790000000);
	assert_int_equal(at(&clock, first_boot, 110, 1790000010), 10000);
	assert_int_equal(at(&clock, first_boot, 111, 1999999999), 11000);
	assert_int_equal(at(&clock, first_boot, 112, 0), 12000);
	assert_int_equal(at(&clock, first_boot, 86512, 1), 86412000);
}

static void a_restart_of_the_process_changes_nothing(void **state)
{
	(void)state;
	struct feed_clock clock = {0}, stored;
	at(&clock, first_boot, 100, 1000);
	at(&clock, first_boot, 160, 1060);
	memcpy(&stored, &clock, sizeof stored);
	assert_int_equal(at(&stored, first_boot, 3760, 5), 3660000);
}

static void over_a_reboot_the_wall_clock_counts(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100000, 1790000000);
	assert_int_equal(at(&clock, second_boot, 30, 1790000600), 600000);
	assert_int_equal(at(&clock, second_boot, 31, 1790000601), 601000);
	assert_string_equal(clock.boot_id, second_boot);
}

static void a_wall_clock_that_went_back_over_a_reboot_moves_nothing_back(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100, 1790000000);
	at(&clock, first_boot, 200, 1790000100);
	assert_int_equal(at(&clock, second_boot, 10, 1000), 100000);
	assert_int_equal(at(&clock, second_boot, 20, 1010), 110000);
	/* And when it is set right within the boot, that moves nothing either. */
	assert_int_equal(at(&clock, second_boot, 21, 1790000300), 111000);
}

static void a_wall_clock_that_is_behind_is_not_believed_at_the_next_reboot(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100, 1790000000);
	at(&clock, second_boot, 10, 1000);
	at(&clock, second_boot, 70, 1060);
	assert_int_equal(clock.feed_ms, 60000);
	/* A minute is counted already, and an hour has passed since the first boot: not 56 years. */
	assert_int_equal(at(&clock, third_boot, 5, 1790003600), 3600000);
}

static void a_wall_clock_that_was_behind_counts_again_when_it_has_caught_up(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100, 1790000000);
	at(&clock, second_boot, 10, 1000);
	assert_int_equal(at(&clock, second_boot, 20, 1790000500), 10000);
	assert_int_equal(at(&clock, third_boot, 5, 1790000530), 40000);
}

static void a_wall_clock_that_is_set_back_within_a_boot_is_believed_at_the_next(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100, 1990000000);
	at(&clock, first_boot, 110, 1790000000);
	assert_int_equal(at(&clock, second_boot, 5, 1790000060), 70000);
}

static void without_an_id_of_the_boot_no_more_passes_than_the_boot_clock_shows(void **state)
{
	(void)state;
	static const char unknown[CLOCK_BOOT_ID_SIZE] = "";
	struct feed_clock clock = {0};
	int64_t start_ms = at(&clock, unknown, 100, 1000);
	assert_int_equal(at(&clock, unknown, 10, 900000), start_ms);
	assert_int_equal(at(&clock, unknown, 15, 1800000), start_ms + 5000);
	assert_int_equal(at(&clock, first_boot, 20, 3600000), start_ms + 5000);
}

static void a_boot_clock_that_went_back_moves_nothing_back(void **state)
{
	(void)state;
	struct feed_clock clock = {0};
	at(&clock, first_boot, 100, 1000);
	at(&clock, first_boot, 150, 1050);
	assert_int_equal(at(&clock, first_boot, 120, 1060), 50000);
	assert_int_equal(at(&clock, first_boot, 121, 1061), 51000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_at_zero),
		cmocka_unit_test(within_a_boot_only_the_boots_clock_counts),
		cmocka_unit_test(a_restart_of_the_process_changes_nothing),
		cmocka_unit_test(over_a_reboot_the_wall_clock_counts),
		cmocka_unit_test(a_wall_clock_that_went_back_over_a_reboot_moves_nothing_back),
		cmocka_unit_test(a_wall_clock_that_is_behind_is_not_believed_at_the_next_reboot),
		cmocka_unit_test(a_wall_clock_that_was_behind_counts_again_when_it_has_caught_up),
		cmocka_unit_test(
			a_wall_clock_that_is_set_back_within_a_boot_is_believed_at_the_next),
		cmocka_unit_test(
			without_an_id_of_the_boot_no_more_passes_than_the_boot_clock_shows),
		cmocka_unit_test(a_boot_clock_that_went_back_moves_nothing_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
