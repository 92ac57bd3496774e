/* One writer per state directory: in this process, in others, over forks and deaths. */
#include "plugin/state_dir.h"

#include "plugin/test/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct scratch scratch;
static char why[512];

static int make_scratch(void **state)
{
	(void)state;
	scratch = scratch_make();
	*why = '\0';
	return 0;
}

static int remove_scratch(void **state)
{
	(void)state;
	scratch_remove(scratch.path);
	return 0;
}

static int open_dir(struct state_dir **dir)
{
	return state_dir_open(scratch.path, dir, why, sizeof why);
}

/* Runs `what` in a child and answers its exit status. */
static int in_child(int (*what)(void))
{
	int status = -1;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(what());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A child's answer: 0 it opened it; else the result, negated. */
static int try_to_open(void)
{
	struct state_dir *dir;
	char expected[128];
	int result = open_dir(&dir);
	snprintf(expected, sizeof expected, "in use by process %ld", (long)getppid());
	if (result == RESULT_BUSY && !strstr(why, expected))
		return 100;
	return -result;
}

static void a_folder_that_is_missing_is_made_for_its_owner_alone(void **state)
{
	(void)state;
	char inner[128];
	struct stat folder;
	struct state_dir *dir;
	snprintf(inner, sizeof inner, "%s/a/b", scratch.path);
	assert_int_equal(state_dir_open(inner, &dir, why, sizeof why), RESULT_OK);
	assert_int_equal(stat(inner, &folder), 0);
	assert_int_equal(folder.st_mode & 0777, 0700);
	state_dir_close(&dir);
	assert_null(dir);
	state_dir_close(&dir);
}

static void a_second_open_in_the_process_is_busy_under_any_name_of_the_folder(void **state)
{
	(void)state;
	char other_name[128];
	struct state_dir *first, *second;
	assert_int_equal(open_dir(&first), RESULT_OK);
	snprintf(other_name, sizeof other_name, "%s/../%s", scratch.path,
		 strrchr(scratch.path, '/') + 1);
	assert_int_equal(state_dir_open(other_name, &second, why, sizeof why), RESULT_BUSY);
	assert_null(second);
	assert_non_null(strstr(why, other_name));
	assert_non_null(strstr(why, "open already in this process"));
	/* The failed attempt must not have cost the first its lock. */
	assert_int_equal(in_child(try_to_open), -RESULT_BUSY);
	state_dir_close(&first);
	assert_int_equal(open_dir(&second), RESULT_OK);
	state_dir_close(&second);
}

static void another_process_is_told_who_has_it(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(in_child(try_to_open), -RESULT_BUSY);
	state_dir_close(&dir);
	assert_int_equal(in_child(try_to_open), 0);
}

/* Opens it, says so through the pipe, and waits to be killed. */
static void hold_until_killed(int tell)
{
	struct state_dir *dir;
	char answer = open_dir(&dir) == RESULT_OK ? 'y' : 'n';
	if (write(tell, &answer, 1) == 1)
		for (;;)
			pause();
	_exit(1);
}

static void it_is_released_by_the_death_of_its_process(void **state)
{
	(void)state;
	int tell[2];
	char answer = 0;
	struct state_dir *dir;
	assert_int_equal(pipe(tell), 0);
	pid_t child = fork();
	if (child == 0)
		hold_until_killed(tell[1]);
	assert_int_equal(read(tell[0], &answer, 1), 1);
	assert_int_equal(answer, 'y');
	assert_int_equal(open_dir(&dir), RESULT_BUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(open_dir(&dir), RESULT_OK);
	state_dir_close(&dir);
	close(tell[0]);
	close(tell[1]);
}

/* A child that lives on after its parent has closed, as prefork workers do. */
static void a_forked_child_keeps_nothing(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	state_dir_close(&dir);
	assert_int_equal(open_dir(&dir), RESULT_OK);
	state_dir_close(&dir);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int open_what_the_parent_gave_up(void)
{
	int result = -1;
	/* The parent's table came with the fork; its lock did not. */
	for (int tries = 0; tries < 500 && result != 0; tries++) {
		result = try_to_open();
		usleep(10000);
	}
	return result;
}

static void a_child_may_take_over_when_its_parent_has_closed(void **state)
{
	(void)state;
	struct state_dir *dir;
	int status = -1;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	pid_t child = fork();
	if (child == 0)
		_exit(open_what_the_parent_gave_up());
	state_dir_close(&dir);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void what_is_no_folder_is_refused_in_words(void **state)
{
	(void)state;
	char path[128];
	struct state_dir *dir;
	snprintf(path, sizeof path, "%s/file", scratch.path);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	int before = scratch_count("/proc/self/fd");
	assert_int_equal(state_dir_open(path, &dir, why, sizeof why), RESULT_STORE);
	assert_null(dir);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "it must be a folder"));
	assert_int_equal(scratch_count("/proc/self/fd"), before);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(a_folder_that_is_missing_is_made_for_its_owner_alone),
		IN_SCRATCH(a_second_open_in_the_process_is_busy_under_any_name_of_the_folder),
		IN_SCRATCH(another_process_is_told_who_has_it),
		IN_SCRATCH(it_is_released_by_the_death_of_its_process),
		IN_SCRATCH(a_forked_child_keeps_nothing),
		IN_SCRATCH(a_child_may_take_over_when_its_parent_has_closed),
		IN_SCRATCH(what_is_no_folder_is_refused_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
