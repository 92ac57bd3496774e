#include "base/clock.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

/* The local syslog: a datagram socket of the test's own. */
static char syslog_path[64];
static int syslog_fd = -1;

static int open_syslog(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(syslog_path, sizeof syslog_path, "/tmp/epptap-test-log-%ld", (long)getpid());
	unlink(syslog_path);
	memcpy(address.sun_path, syslog_path, sizeof syslog_path);
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	log_syslog_socket = syslog_path;
	if (bind(syslog_fd, (const struct sockaddr *)&address, sizeof address) != 0)
		return -1;
	return take_stderr(state);
}

static int close_syslog(void **state)
{
	give_stderr_back(state);
	unsetenv("EPPTAP_LOG");
	unsetenv("JOURNAL_STREAM");
	close(syslog_fd);
	unlink(syslog_path);
	log_begin(); /* what is at descriptor 2 now is stderr again */
	return 0;
}

/* The next line that the syslog got; empty if there is none. */
static const char *received(void)
{
	static char line[1024];
	ssize_t size = recv(syslog_fd, line, sizeof line - 1, 0);
	line[size < 0 ? 0 : size] = '\0';
	return line;
}

/* Puts /dev/null, or nothing, at descriptor 2. */
static void lose_stderr(bool null)
{
	close(STDERR_FILENO);
	if (null)
		assert_int_equal(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
}

static void assert_syslog_gets(const char *level, int priority)
{
	char expected[128];
	snprintf(expected, sizeof expected, "<%d>epptap[%ld]: %s: disk 7 is full", priority,
		 (long)getpid(), level);
	const char *line = received();
	assert_string_equal(line, expected);
	assert_string_equal(received(), "");
}

static void without_a_stderr_that_is_read_lines_go_to_syslog(void **state)
{
	(void)state;
	for (int null = 0; null <= 1; null++) {
		lose_stderr(null);
		log_begin();
		log_warning("disk %d is full", 7);
		assert_syslog_gets("warning", 28);
		log_error("disk %d is full", 7);
		assert_syslog_gets("error", 27);
	}
}

static void what_somebody_else_put_at_descriptor_2_is_not_written_to(void **state)
{
	(void)state;
	FILE *theirs = tmpfile();
	char byte;
	log_begin();
	dup2(fileno(theirs), STDERR_FILENO);
	log_error("disk %d is full", 7);
	assert_syslog_gets("error", 27);
	assert_int_equal(pread(fileno(theirs), &byte, 1, 0), 0);
	fclose(theirs);
	assert_string_equal(written(), "");
}

static void the_environment_may_decide(void **state)
{
	(void)state;
	setenv("EPPTAP_LOG", "syslog", 1);
	log_begin();
	log_error("disk %d is full", 7);
	assert_syslog_gets("error", 27);
	setenv("EPPTAP_LOG", "stderr", 1);
	log_begin();
	log_error("disk %d is full", 7);
	setenv("EPPTAP_LOG", "elsewhere", 1);
	log_begin();
	log_error("disk %d is full", 8);
	assert_string_equal(received(), "");
	assert_string_equal(written(), "epptap: error: disk 7 is full\n"
				       "epptap: error: disk 8 is full\n");
}

static void the_journals_stream_gets_the_priority(void **state)
{
	(void)state;
	struct stat now;
	char stream[64];
	fstat(STDERR_FILENO, &now);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)now.st_dev, (uintmax_t)now.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_begin();
	log_error("disk full");
	setenv("JOURNAL_STREAM", "1:2", 1); /* a child's whose stderr is another */
	log_begin();
	log_warning("disk full");
	assert_string_equal(written(), "<3>epptap: error: disk full\n"
				       "epptap: warning: disk full\n");
}

static void a_syslog_that_is_full_or_gone_is_not_waited_for(void **state)
{
	(void)state;
	lose_stderr(true);
	log_begin();
	for (int i = 0; i < 2000; i++) { /* far more than a socket's queue holds */
		log_error("line %d", i);
		now_us += 10 * 1000000 + 1;
	}
	assert_non_null(strstr(received(), "line 0"));
	close(syslog_fd);
	syslog_fd = -1;
	log_error("nobody listens");
	unlink(syslog_path);
	log_error("there is no socket");
}

#define taken(test)  cmocka_unit_test_setup_teardown(test, take_stderr, give_stderr_back)
#define syslog(test) cmocka_unit_test_setup_teardown(test, open_syslog, close_syslog)

int main(void)
{
	const struct CMUnitTest tests[] = {
		taken(a_line_names_program_and_level),
		taken(a_long_line_is_cut_and_still_ends),
		taken(a_burst_is_cut_and_the_next_line_tells_how_much),
		taken(what_was_withheld_is_told_once),
		taken(slow_lines_are_never_withheld),
		syslog(without_a_stderr_that_is_read_lines_go_to_syslog),
		syslog(what_somebody_else_put_at_descriptor_2_is_not_written_to),
		syslog(the_environment_may_decide),
		syslog(the_journals_stream_gets_the_priority),
		syslog(a_syslog_that_is_full_or_gone_is_not_waited_for),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
