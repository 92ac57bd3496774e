/* What a process has allocated is known, and is waited for, but not for ever. */
#include "publisher/pace.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PIECES = 4096, PIECE = 16 << 10, MOST = 48 << 20, WAIT_MS = 50 };

/* Sanitizers have an allocator of their own, which does not tell. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_TOLD = 0 };
#else
enum { IS_TOLD = 1 };
#endif

static void fill(char *pieces[PIECES])
{
	for (int i = 0; i < PIECES; i++) {
		pieces[i] = malloc(PIECE);
		assert_non_null(pieces[i]);
		memset(pieces[i], i, PIECE);
	}
}

static void what_is_allocated_counts_and_what_was_freed_does_not(void **state)
{
	static char *pieces[PIECES + 1];
	(void)state;
	assert_true(pace_used(MOST) <= MOST);
	fill(pieces);
	pieces[PIECES] = malloc(PIECE); /* so that the heap can't shrink */
	assert_int_equal(pace_used(MOST) > MOST, IS_TOLD);
	assert_int_equal(pace_used((size_t)2 * PIECES * PIECE), 0);
	for (int i = 0; i < PIECES; i++)
		free(pieces[i]);
	assert_true(pace_used(MOST) <= MOST);
	free(pieces[PIECES]);
}

static void it_waits_while_it_is_over_but_not_for_ever(void **state)
{
	static char *pieces[PIECES];
	(void)state;
	int64_t begun_us = clock_monotonic_us();
	assert_true(pace_wait(MOST, 60000, 60000));
	assert_true(clock_monotonic_us() - begun_us < 30000000);
	fill(pieces);
	begun_us = clock_monotonic_us();
	assert_int_equal(pace_wait(MOST, WAIT_MS, 60000), !IS_TOLD);
	int64_t waited_us = clock_monotonic_us() - begun_us;
	assert_true(waited_us >= IS_TOLD * WAIT_MS * 1000 && waited_us < 30000000);
	begun_us = clock_monotonic_us();
	assert_int_equal(pace_wait(MOST, 60000, WAIT_MS), !IS_TOLD);
	waited_us = clock_monotonic_us() - begun_us;
	assert_true(waited_us >= IS_TOLD * WAIT_MS * 1000 && waited_us < 30000000);
	for (int i = 0; i < PIECES; i++)
		free(pieces[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_allocated_counts_and_what_was_freed_does_not),
		cmocka_unit_test(it_waits_while_it_is_over_but_not_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
