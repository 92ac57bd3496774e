/* Who waits for the spool is woken by what is written into it, whenever its folder comes and goes. */
#include "publisher/spool_watch.h"

#include "plugin/spool.h"
#include "plugin/test/scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct scratch scratch;
static struct spool_watch *watch;
static char folder[256];

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	snprintf(folder, sizeof folder, "%s/" SPOOL_FOLDER, scratch.path);
	assert_int_equal(spool_watch_new(scratch.path, &watch), RESULT_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spool_watch_free(&watch);
	spool_watch_free(&watch);
	scratch_remove(scratch.path);
	return 0;
}

static void write_some(void)
{
	char path[300];
	snprintf(path, sizeof path, "%s/a", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "some", 4), 4);
	close(fd);
}

static bool is_woken(void)
{
	struct pollfd item = {.fd = spool_watch_fd(watch), .events = POLLIN};
	assert_true(item.fd >= 0);
	return poll(&item, 1, 0) == 1;
}

static void what_is_written_wakes_until_it_is_cleared(void **state)
{
	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	spool_watch_clear(watch);
	assert_false(is_woken());
	for (int i = 0; i < 1000; i++)
		write_some();
	assert_true(is_woken());
	spool_watch_clear(watch);
	assert_false(is_woken());
}

static void a_folder_may_come_later_and_go(void **state)
{
	(void)state;
	spool_watch_clear(watch);
	assert_int_equal(spool_watch_fd(watch), -1);
	assert_int_equal(mkdir(folder, 0700), 0);
	spool_watch_clear(watch);
	assert_false(is_woken());
	assert_int_equal(rmdir(folder), 0);
	assert_true(is_woken());
	spool_watch_clear(watch);
	assert_int_equal(spool_watch_fd(watch), -1);
	assert_int_equal(mkdir(folder, 0700), 0);
	spool_watch_clear(watch);
	write_some();
	assert_true(is_woken());
}

static void a_segment_that_gets_its_name_wakes(void **state)
{
	(void)state;
	char from[300], to[300];
	assert_int_equal(mkdir(folder, 0700), 0);
	write_some();
	spool_watch_clear(watch);
	snprintf(from, sizeof from, "%s/a", folder);
	snprintf(to, sizeof to, "%s/b", folder);
	assert_int_equal(rename(from, to), 0);
	assert_true(is_woken());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_wakes_until_it_is_cleared),
		TEST(a_folder_may_come_later_and_go),
		TEST(a_segment_that_gets_its_name_wakes),
	};
	return cmocka_run_group_tests_name("spool_watch", tests, NULL, NULL);
}
