/* The state directory: opened once per process, by many processes; its locks, over forks and deaths. */
#include "base/state_dir.h"

#include "plugin/test/scratch.h"

#include <fcntl.h>
#include <sched.h>
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

enum { BYTE = 7 };

/* A child's answer: 0, or the result, negated. */
static int try_to_open(void)
{
	struct state_dir *dir;
	return -open_dir(&dir);
}

/* The same for the lock of BYTE, in a folder of its own opening. */
static int try_to_lock(void)
{
	struct state_dir *dir;
	int result = open_dir(&dir);
	return -(result == RESULT_OK ? state_dir_lock(dir, BYTE) : result);
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
	assert_int_equal(state_dir_lock(first, BYTE), RESULT_OK);
	snprintf(other_name, sizeof other_name, "%s/../%s", scratch.path,
		 strrchr(scratch.path, '/') + 1);
	assert_int_equal(state_dir_open(other_name, &second, why, sizeof why), RESULT_BUSY);
	assert_null(second);
	assert_non_null(strstr(why, other_name));
	assert_non_null(strstr(why, "open already in this process"));
	/* The failed attempt must not have cost the first its locks. */
	assert_int_equal(in_child(try_to_lock), -RESULT_BUSY);
	state_dir_close(&first);
	assert_int_equal(open_dir(&second), RESULT_OK);
	state_dir_close(&second);
}

enum { NO_NAMESPACES = 77 };

static int ask_who(void)
{
	struct state_dir *dir;
	if (open_dir(&dir) != RESULT_OK)
		return 1;
	return state_dir_holder(dir, BYTE) == STATE_DIR_SOMEBODY &&
			       state_dir_holder(dir, BYTE + 1) == 0
		       ? 0
		       : 2;
}

/* Asks from a PID namespace in which we are not to be seen. */
static int ask_from_a_namespace(void)
{
	if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
		return NO_NAMESPACES;
	return in_child(ask_who);
}

static void a_holder_in_another_pid_namespace_lives(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	int status = in_child(ask_from_a_namespace);
	state_dir_close(&dir);
	if (status == NO_NAMESPACES)
		skip();
	assert_int_equal(status, 0);
}

static void other_processes_may_open_it_too(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(in_child(try_to_open), 0);
	state_dir_close(&dir);
}

static void a_lock_is_of_one_byte_and_keeps_other_processes_out(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, BYTE - 1), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, BYTE + 1), RESULT_OK);
	assert_int_equal(in_child(try_to_lock), 0);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	assert_int_equal(in_child(try_to_lock), -RESULT_BUSY);
	state_dir_unlock(dir, BYTE);
	assert_int_equal(in_child(try_to_lock), 0);
	state_dir_close(&dir);
}

static void the_highest_writer_has_a_lock_like_any(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, STATE_DIR_LAST), RESULT_OK);
	assert_int_equal(state_dir_holder(dir, STATE_DIR_LAST), getpid());
	assert_int_equal(state_dir_holder(dir, STATE_DIR_LAST - 1), 0);
	state_dir_close(&dir);
}

/* How many writers a process sees that does not have it open, of two at the most; -1: one is not our parent. */
static int count_writers(void)
{
	long pids[2];
	size_t count;
	int result = state_dir_find_writers(scratch.path, pids, 2, &count);
	for (size_t i = 0; i < count; i++)
		if (pids[i] != getppid())
			return -1;
	return result == RESULT_OK ? (int)count : -1;
}

static void writers_are_found_from_outside(void **state)
{
	(void)state;
	static const uint64_t bytes[] = {STATE_DIR_LAST, STATE_DIR_WRITERS,
					 STATE_DIR_WRITERS + BYTE};
	static const int seen[] = {1, 2, 2};
	struct state_dir *dir;
	assert_int_equal(in_child(count_writers), 0);
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, STATE_DIR_PUBLISHER), RESULT_OK);
	assert_int_equal(in_child(count_writers), 0);
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		assert_int_equal(state_dir_lock(dir, bytes[i]), RESULT_OK);
		assert_int_equal(in_child(count_writers), seen[i]);
	}
	state_dir_close(&dir);
}

/* The kernel answers a process that asks for its own lock as if nobody had it. */
static void our_own_lock_counts_as_held(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_holder(dir, BYTE), 0);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	assert_int_equal(state_dir_holder(dir, BYTE), getpid());
	state_dir_unlock(dir, BYTE);
	assert_int_equal(state_dir_holder(dir, BYTE), 0);
	state_dir_close(&dir);
}

static void more_locks_than_a_process_needs_are_refused(void **state)
{
	(void)state;
	struct state_dir *dir;
	uint64_t byte = 100;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	while (byte < 200 && state_dir_lock(dir, byte) == RESULT_OK)
		byte++;
	assert_in_range(byte, 103, 199);
	state_dir_unlock(dir, 100);
	assert_int_equal(state_dir_lock(dir, byte), RESULT_OK);
	assert_int_equal(state_dir_holder(dir, 100), 0);
	assert_int_equal(state_dir_holder(dir, 101), getpid());
	state_dir_close(&dir);
}

/* Takes the lock, says so through the pipe, and waits to be killed. */
static void hold_until_killed(int tell)
{
	char answer = try_to_lock() == 0 ? 'y' : 'n';
	if (write(tell, &answer, 1) == 1)
		for (;;)
			pause();
	_exit(1);
}

static void a_lock_goes_with_its_process(void **state)
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
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_holder(dir, BYTE), child);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_BUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(state_dir_holder(dir, BYTE), 0);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	state_dir_close(&dir);
	close(tell[0]);
	close(tell[1]);
}

/* A child that lives on after its parent has closed, as prefork workers do. */
static void a_forked_child_keeps_no_lock(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	state_dir_close(&dir);
	assert_int_equal(in_child(try_to_lock), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* The parent's table came with the fork: it must not keep the child from opening, nor give it the parent's locks. */
static void a_child_opens_what_its_parent_has_open(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, BYTE), RESULT_OK);
	assert_int_equal(in_child(try_to_open), 0);
	assert_int_equal(in_child(try_to_lock), -RESULT_BUSY);
	assert_int_equal(state_dir_holder(dir, BYTE), getpid());
	state_dir_close(&dir);
}

static void what_the_publisher_tells_of_its_config_is_read_by_others(void **state)
{
	(void)state;
	struct state_dir *dir;
	assert_int_equal(open_dir(&dir), RESULT_OK);
	assert_int_equal(state_dir_told_config(dir), 0);
	state_dir_tell_config(dir, INT64_MAX);
	assert_true(state_dir_told_config(dir) == INT64_MAX);
	state_dir_tell_config(dir, 1700000000000000000);
	assert_true(state_dir_told_config(dir) == 1700000000000000000);
	state_dir_close(&dir);
}

static void network_file_systems_are_known_by_their_types(void **state)
{
	(void)state;
	/* As in linux/magic.h: NFS, SMB, CIFS, Ceph, 9P; ext4, XFS, tmpfs, btrfs, overlayfs. */
	static const long networks[] = {0x6969, 0x517b, (long)0xff534d42, 0x00c36400, 0x01021997};
	static const long locals[] = {0xef53,           0x58465342, 0x01021994,
				      (long)0x9123683e, 0x794c7630, 0};
	assert_string_equal(state_dir_network_type(0x6969), "NFS");
	for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
		assert_non_null(state_dir_network_type(networks[i]));
	for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
		assert_null(state_dir_network_type(locals[i]));
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

/* What others put there would be signed; and through a link that they put there, a file of ours would be written. */
static void what_others_can_write_is_refused_in_words(void **state)
{
	(void)state;
	static const mode_t modes[] = {0777, 0770, 0702, 01777};
	char locks[160];
	struct state_dir *dir;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		assert_int_equal(chmod(scratch.path, modes[i]), 0);
		assert_int_equal(open_dir(&dir), RESULT_STORE);
		assert_non_null(strstr(why, "chmod 700"));
	}
	assert_int_equal(chmod(scratch.path, 0755), 0);
	assert_int_equal(open_dir(&dir), RESULT_OK);
	state_dir_close(&dir);
	snprintf(locks, sizeof locks, "%s/" STATE_DIR_LOCKS_FILE, scratch.path);
	assert_int_equal(unlink(locks), 0);
	assert_int_equal(symlink("/dev/null", locks), 0);
	assert_int_equal(open_dir(&dir), RESULT_STORE);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(a_folder_that_is_missing_is_made_for_its_owner_alone),
		IN_SCRATCH(a_second_open_in_the_process_is_busy_under_any_name_of_the_folder),
		IN_SCRATCH(other_processes_may_open_it_too),
		IN_SCRATCH(a_holder_in_another_pid_namespace_lives),
		IN_SCRATCH(a_lock_is_of_one_byte_and_keeps_other_processes_out),
		IN_SCRATCH(the_highest_writer_has_a_lock_like_any),
		IN_SCRATCH(writers_are_found_from_outside),
		IN_SCRATCH(our_own_lock_counts_as_held),
		IN_SCRATCH(more_locks_than_a_process_needs_are_refused),
		IN_SCRATCH(a_lock_goes_with_its_process),
		IN_SCRATCH(a_forked_child_keeps_no_lock),
		IN_SCRATCH(a_child_opens_what_its_parent_has_open),
		IN_SCRATCH(what_the_publisher_tells_of_its_config_is_read_by_others),
		cmocka_unit_test(network_file_systems_are_known_by_their_types),
		IN_SCRATCH(what_is_no_folder_is_refused_in_words),
		IN_SCRATCH(what_others_can_write_is_refused_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
