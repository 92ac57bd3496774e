#include "base/clock.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The test's own clock, in place of base/clock.c: the linker takes the first. */
static int64_t now_us = 1000000;

int64_t clock_monotonic_us(void)
{
	return now_us;
}

static int real_stderr;
static FILE *taken;

/* From here on stderr is a file; and whatever was logged before no longer counts against the burst. */
static int take_stderr(void **state)
{
	(void)state;
	now_us += INT64_C(3600) * 1000000;
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	taken = tmpfile();
	return taken && dup2(fileno(taken), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int give_stderr_back(void **state)
{
	(void)state;
	if (!taken)
		return 0;
	fclose(taken);
	taken = NULL;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	return 0;
}

/* What was written, NUL-terminated; ends the taking, so that a failed assertion is seen. */
static const char *written(void)
{
	static char text[65536];
	ssize_t size = pread(fileno(taken), text, sizeof text - 1, 0);
	text[size < 0 ? 0 : size] = '\0';
	give_stderr_back(NULL);
	return text;
}

static unsigned lines(const char *text)
{
	unsigned count = 0;
	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void a_line_names_program_and_level(void **state)
{
	(void)state;
	log_warning("channel %s is late", "public");
	log_error("disk full");
	assert_string_equal(written(), "epptap: warning: channel public is late\n"
				       "epptap: error: disk full\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
	(void)state;
	char word[2000];
	memset(word, 'x', sizeof word);
	word[sizeof word - 1] = '\0';
	log_warning("%s", word);
	const char *text = written();
	assert_int_equal(lines(text), 1);
	assert_true(strlen(text) <= 512);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void a_burst_is_cut_and_the_next_line_tells_how_much(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_BURST + 5; i++)
		log_error("line %d", i);
	now_us += 10 * 1000000 + 1;
	log_warning("later");
	const char *text = written();
	assert_int_equal(lines(text), LOG_BURST + 2);
	assert_non_null(strstr(text, "epptap: error: line 19\n"));
	assert_null(strstr(text, "line 20"));
	assert_non_null(strstr(text, "epptap: warning: 5 lines were withheld before this one\n"
				     "epptap: warning: later\n"));
}

static void what_was_withheld_is_told_once(void **state)
{
	(void)state;
	for (int i = 0; i < LOG_BURST + 1; i++)
		log_error("line");
	now_us += 10 * 1000000 + 1;
	log_warning("first");
	log_warning("second");
	const char *text = written();
	assert_int_equal(lines(text), LOG_BURST + 3);
	assert_non_null(strstr(text, "first\nepptap: warning: second\n"));
}

static void slow_lines_are_never_withheld(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * LOG_BURST; i++) {
		log_warning("line");
		now_us += 600000;
	}
	assert_int_equal(lines(written()), 3 * LOG_BURST);
}

#define taken(test) cmocka_unit_test_setup_teardown(test, take_stderr, give_stderr_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		taken(a_line_names_program_and_level),
		taken(a_long_line_is_cut_and_still_ends),
		taken(a_burst_is_cut_and_the_next_line_tells_how_much),
		taken(what_was_withheld_is_told_once),
		taken(slow_lines_are_never_withheld),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
