#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each test runs in an empty folder of its own. */
static char folder[] = "/tmp/epptap-test-XXXXXX";

static int enter_folder(void **state)
{
	(void)state;
	memset(folder + sizeof folder - 7, 'X', 6);
	umask(022);
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
	(void)state;
	unlink("a");
	unlink("a.new");
	rmdir("b/c");
	rmdir("b");
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), RESULT_OK);
	close(fd);
}

static void holds(const char *path, const char *text)
{
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	assert_int_equal(file_read(path, &bytes), RESULT_OK);
	assert_int_equal(bytes.size, strlen(text));
	if (bytes.size > 0)
		assert_memory_equal(bytes.data, text, bytes.size);
	buffer_free(&bytes);
}

static void a_file_is_read_behind_what_the_buffer_holds(void **state)
{
	(void)state;
	struct buffer bytes;
	put("a", "def");
	buffer_init(&bytes, 6);
	buffer_append_text(&bytes, "abc");
	assert_int_equal(file_read("a", &bytes), RESULT_OK);
	assert_int_equal(bytes.size, 6);
	assert_memory_equal(bytes.data, "abcdef", 6);
	buffer_free(&bytes);
}

static void a_file_larger_than_the_buffer_may_be_is_refused(void **state)
{
	(void)state;
	struct buffer bytes;
	put("a", "abcdef");
	buffer_init(&bytes, 5);
	assert_int_equal(file_read("a", &bytes), RESULT_FULL);
	buffer_free(&bytes);
}

static void what_could_make_us_wait_for_ever_is_refused(void **state)
{
	(void)state;
	struct buffer bytes;
	buffer_init(&bytes, 100000);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	static const char *const paths[] = {"fifo", "/dev/zero"};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(file_read(paths[i], &bytes), RESULT_STORE);
		assert_int_equal(errno, ENOTSUP);
	}
	buffer_free(&bytes);
	assert_int_equal(unlink("fifo"), 0);
}

static void what_is_no_readable_file_says_why(void **state)
{
	(void)state;
	struct buffer bytes;
	buffer_init(&bytes, 5);
	assert_int_equal(file_read("a", &bytes), RESULT_STORE);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_read(".", &bytes), RESULT_STORE);
	assert_int_equal(errno, EISDIR);
	buffer_free(&bytes);
}

static void a_replaced_file_has_the_new_bytes_and_mode(void **state)
{
	(void)state;
	struct stat now;
	put("a", "old and longer");
	assert_int_equal(file_replace("a", "new", 3, 0640, true), RESULT_OK);
	holds("a", "new");
	assert_int_equal(stat("a", &now), 0);
	assert_int_equal(now.st_mode & 0777, 0640);
	assert_int_equal(access("a.new", F_OK), -1);
}

static void what_a_crash_left_does_not_hinder_a_replacement(void **state)
{
	(void)state;
	struct stat now;
	put("a.new", "torn");
	assert_int_equal(chmod("a.new", 0666), 0);
	assert_int_equal(file_replace("a", "", 0, 0600, true), RESULT_OK);
	holds("a", "");
	assert_int_equal(stat("a", &now), 0);
	assert_int_equal(now.st_mode & 0777, 0600);
}

static void a_replacement_that_fails_leaves_no_part_behind(void **state)
{
	(void)state;
	assert_int_equal(mkdir("b", 0700), 0);
	assert_int_equal(mkdir("b/c", 0700), 0);
	assert_int_equal(file_replace("b", "new", 3, 0600, true), RESULT_STORE);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(access("b.new", F_OK), -1);
	assert_int_equal(file_replace("nowhere/a", "new", 3, 0600, true), RESULT_STORE);
	assert_int_equal(errno, ENOENT);
}

static void a_replacement_that_need_not_last_is_as_whole(void **state)
{
	(void)state;
	struct stat now;
	put("a", "old and longer");
	assert_int_equal(file_replace("a", "new", 3, 0640, false), RESULT_OK);
	holds("a", "new");
	assert_int_equal(stat("a", &now), 0);
	assert_int_equal(now.st_mode & 0777, 0640);
	assert_int_equal(access("a.new", F_OK), -1);
	assert_int_equal(file_replace("nowhere/a", "new", 3, 0600, false), RESULT_STORE);
	assert_int_equal(errno, ENOENT);
}

static void a_folder_is_synced(void **state)
{
	(void)state;
	put("a", "");
	assert_int_equal(file_sync_folder("."), RESULT_OK);
	assert_int_equal(file_sync_folder(folder), RESULT_OK);
	assert_int_equal(file_sync_folder("a"), RESULT_STORE);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(file_sync_folder("nowhere"), RESULT_STORE);
	assert_int_equal(errno, ENOENT);
}

static void a_file_is_told_from_other_uris(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"/a/b", "/a/b"},
		{"/pkcs11:a", "/pkcs11:a"},
		{"a", "a"},
		{"1:a", "1:a"},
		{"", ""},
		{"file:/a", "/a"},
		{"FILE:/a", "/a"},
		{"file:///a%20b", "/a%20b"},
		{"file://localhost/a", "/a"},
		{"file:a", NULL},
		{"file:", NULL},
		{"file://a/b", NULL},
		{"pkcs11:a", NULL},
		{"org.openssl.engine:a:b", NULL},
		{"x:/a", NULL},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *path = file_path_of(texts[i][0]);
		assert_int_equal(path == NULL, texts[i][1] == NULL);
		if (path)
			assert_string_equal(path, texts[i][1]);
	}
}

static const char hint[] = "`make keys`";

static void a_private_file_is_read_behind_what_the_buffer_holds(void **state)
{
	(void)state;
	static const mode_t modes[] = {0600, 0400, 0700};
	put("a", "key\n");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		struct buffer bytes;
		char why[256] = "";
		buffer_init(&bytes, 6);
		buffer_append_text(&bytes, "a ");
		assert_int_equal(chmod("a", modes[i]), 0);
		assert_int_equal(file_read_private("a", &bytes, hint, why, sizeof why), RESULT_OK);
		assert_int_equal(bytes.size, 6);
		assert_memory_equal(bytes.data, "a key\n", 6);
		assert_string_equal(why, "");
		buffer_free(&bytes);
	}
}

static void assert_private_refused(const char *path, size_t max, const char *says)
{
	struct buffer bytes;
	char why[256] = "";
	buffer_init(&bytes, max);
	buffer_append_text(&bytes, "a");
	assert_int_equal(file_read_private(path, &bytes, hint, why, sizeof why), RESULT_CONFIG);
	assert_string_equal(why, says);
	assert_int_equal(bytes.size, 1);
	for (size_t i = 1; i < bytes.capacity && i < max; i++)
		assert_true(bytes.data[i] != 'k');
	buffer_free(&bytes);
}

static void a_private_file_that_others_can_use_is_refused(void **state)
{
	(void)state;
	static const struct {
		mode_t mode;
		const char *says;
	} wrong[] = {
		{0640,
		 "a: its mode is 640, so others than its owner can use this key; `chmod 600 a`"},
		{0620,
		 "a: its mode is 620, so others than its owner can use this key; `chmod 600 a`"},
		{0604,
		 "a: its mode is 604, so others than its owner can use this key; `chmod 600 a`"},
		{0602,
		 "a: its mode is 602, so others than its owner can use this key; `chmod 600 a`"},
	};
	put("a", "kkk");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(chmod("a", wrong[i].mode), 0);
		assert_private_refused("a", 100, wrong[i].says);
	}
}

static void a_private_file_that_can_not_be_read_says_why_and_what_to_do(void **state)
{
	(void)state;
	put("a", "kkk");
	assert_private_refused("nowhere", 100, "nowhere: No such file or directory; `make keys`");
	assert_private_refused(".", 100, ".: Is a directory; `make keys`");
	assert_private_refused("a", 3, "a: too large for a key; `make keys`");
}

static void a_path_too_long_for_the_system_is_refused(void **state)
{
	(void)state;
	char path[5000];
	memset(path, 'a', sizeof path);
	path[sizeof path - 1] = '\0';
	assert_int_equal(file_replace(path, "", 0, 0600, true), RESULT_STORE);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(file_make_folder(path, 0700), RESULT_STORE);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void folders_are_made_with_those_above_them(void **state)
{
	(void)state;
	struct stat now;
	assert_int_equal(file_make_folder("b//c/", 0700), RESULT_OK);
	assert_int_equal(stat("b/c", &now), 0);
	assert_int_equal(now.st_mode & 0777, 0700);
	assert_int_equal(stat("b", &now), 0);
	assert_int_equal(now.st_mode & 0777, 0755);
	assert_int_equal(file_make_folder("b/c", 0755), RESULT_OK);
	assert_int_equal(stat("b/c", &now), 0);
	assert_int_equal(now.st_mode & 0777, 0700);
	assert_int_equal(file_make_folder(folder, 0755), RESULT_OK);
}

static void a_folder_is_not_made_of_a_file(void **state)
{
	(void)state;
	put("a", "");
	assert_int_equal(file_make_folder("a", 0700), RESULT_STORE);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(file_make_folder("a/b", 0700), RESULT_STORE);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(file_make_folder("", 0700), RESULT_STORE);
	assert_int_equal(errno, ENOENT);
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	int fd = open("/dev/full", O_WRONLY);
	if (fd < 0)
		skip();
	assert_int_equal(file_write_all(fd, "abc", 3), RESULT_STORE);
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_folder(a_file_is_read_behind_what_the_buffer_holds),
		in_folder(a_file_larger_than_the_buffer_may_be_is_refused),
		in_folder(what_could_make_us_wait_for_ever_is_refused),
		in_folder(what_is_no_readable_file_says_why),
		in_folder(a_replaced_file_has_the_new_bytes_and_mode),
		in_folder(what_a_crash_left_does_not_hinder_a_replacement),
		in_folder(a_replacement_that_fails_leaves_no_part_behind),
		in_folder(a_replacement_that_need_not_last_is_as_whole),
		in_folder(a_folder_is_synced),
		in_folder(a_file_is_told_from_other_uris),
		in_folder(a_private_file_is_read_behind_what_the_buffer_holds),
		in_folder(a_private_file_that_others_can_use_is_refused),
		in_folder(a_private_file_that_can_not_be_read_says_why_and_what_to_do),
		in_folder(a_path_too_long_for_the_system_is_refused),
		in_folder(folders_are_made_with_those_above_them),
		in_folder(a_folder_is_not_made_of_a_file),
		in_folder(a_full_disk_is_told),
	};
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
