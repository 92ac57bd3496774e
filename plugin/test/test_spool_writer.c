/* The spool's writer: what stands in the files, and what happens when the disk says no. */
#include "plugin/spool_writer.h"

#include "plugin/test/scratch.h"
#include "plugin/test/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { PLENTY = 1 << 30 };

static struct scratch scratch;
static struct state_dir *state_dir;
static uint64_t number; /* of the writer that was opened last */

static int make_scratch(void **state)
{
	(void)state;
	char why[256];
	scratch = scratch_make();
	return state_dir_open(scratch.path, &state_dir, why, sizeof why);
}

static int remove_scratch(void **state)
{
	(void)state;
	state_dir_close(&state_dir);
	scratch_remove(scratch.path);
	return 0;
}

static struct spool_writer *open_writer(uint64_t limit)
{
	struct spool_writer *writer;
	assert_int_equal(spool_writer_open(state_dir, limit, &writer), RESULT_OK);
	number = spool_writer_number(writer);
	return writer;
}

/* Everything in a record follows from the number of its change. */
static struct spool_note note_of(uint32_t count)
{
	return (struct spool_note){.kind = SPOOL_CHANGE,
				   .ticket = count * 3,
				   .monotonic_us = count * 5,
				   .wall_us = 1700000000000000 + count};
}

static void append_number(struct spool_writer *writer, uint32_t count, size_t size)
{
	char *payload = calloc(1, size);
	const struct spool_note note = note_of(count);
	memcpy(payload, &count, sizeof count);
	assert_int_equal(spool_writer_append(writer, &note, payload, size), RESULT_OK);
	free(payload);
}

static void assert_note(const struct spool_record_header *header, uint32_t count)
{
	const struct spool_note note = note_of(count);
	assert_int_equal(header->kind, note.kind);
	assert_int_equal(header->ticket, note.ticket);
	assert_int_equal(header->monotonic_us, note.monotonic_us);
	assert_int_equal(header->wall_us, note.wall_us);
}

/* Reads a segment of the last writer, whose changes must be numbered from *next on. Answers by what record it ends:
 * SPOOL_END, SPOOL_CLOSED, or 0. */
static int check_numbers(uint32_t sequence, uint32_t *next)
{
	struct segment_file file;
	struct spool_record_header header = {0};
	const char *payload;
	int ended = 0;
	assert_true(segment_open(&file, scratch.path, number, sequence));
	while (segment_next(&file, &header, &payload)) {
		assert_int_equal(ended, 0);
		if (header.kind == SPOOL_END || header.kind == SPOOL_CLOSED) {
			ended = (int)header.kind;
			continue;
		}
		assert_note(&header, *next);
		assert_memory_equal(payload, next, sizeof *next);
		++*next;
	}
	segment_close(&file);
	return ended;
}

static void nothing_is_in_the_file_before_the_sync_and_all_after_it(void **state)
{
	(void)state;
	uint32_t next = 0;
	struct spool_writer *writer = open_writer(PLENTY);
	assert_false(spool_writer_has_some(writer));
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	for (uint32_t i = 0; i < 10; i++)
		append_number(writer, i, 100 + i);
	assert_true(spool_writer_has_some(writer));
	assert_false(spool_writer_has_much(writer));
	assert_int_equal(check_numbers(1, &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	assert_false(spool_writer_has_some(writer));
	assert_int_equal(check_numbers(1, &next), 0);
	assert_int_equal(next, 10);
	spool_writer_close(&writer, true);
	assert_null(writer);
	spool_writer_close(&writer, true);
}

static void closing_says_whether_something_is_missing(void **state)
{
	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		uint32_t next = 0;
		struct spool_writer *writer = open_writer(PLENTY);
		append_number(writer, 0, 8);
		assert_int_equal(spool_writer_sync(writer), RESULT_OK);
		spool_writer_close(&writer, whole);
		assert_int_equal(check_numbers(1, &next), whole ? SPOOL_CLOSED : 0);
		assert_int_equal(next, 1);
	}
}

static void a_writer_has_a_number_of_its_own_whose_lock_it_holds(void **state)
{
	(void)state;
	struct segment_file file;
	struct spool_writer *first = open_writer(PLENTY), *second = open_writer(PLENTY);
	uint64_t numbers[] = {spool_writer_number(first), spool_writer_number(second)};
	uint8_t ids[2][SPOOL_ID_SIZE];
	for (int i = 0; i < 2; i++) {
		assert_in_range(numbers[i], STATE_DIR_WRITERS, STATE_DIR_LAST);
		assert_int_equal(state_dir_holder(state_dir, numbers[i]), getpid());
		assert_true(segment_open(&file, scratch.path, numbers[i], 1));
		assert_int_equal(file.header.pid, getpid());
		memcpy(ids[i], file.header.id, SPOOL_ID_SIZE);
		segment_close(&file);
	}
	assert_true(numbers[0] != numbers[1]);
	assert_memory_not_equal(ids[0], ids[1], SPOOL_ID_SIZE);
	spool_writer_close(&first, true);
	spool_writer_close(&second, false);
	for (int i = 0; i < 2; i++)
		assert_int_equal(state_dir_holder(state_dir, numbers[i]), 0);
}

static void only_a_segments_name_is_read_as_one(void **state)
{
	(void)state;
	static const char *const others[] = {
		"",
		".",
		"0000000100000000-00000001",
		"0000000100000000-00000001.segx",
		"0000000100000000-1.seg",
		"00000001000000FF-00000001.seg",
		"+000000100000000-00000001.seg",
		"0000000100000000-00000001.seg.tmp",
	};
	struct spool_name name;
	assert_true(spool_name_read("0123456789abcdef-0000002a.seg", &name));
	assert_true(name.writer == 0x0123456789abcdef && name.sequence == 42);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (spool_name_read(others[i], &name))
			fail_msg("%s is taken for a segment", others[i]);
}

static void files_are_for_their_owner_alone(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct stat file;
	struct spool_writer *writer = open_writer(PLENTY);
	segment_path(path, scratch.path, number, 1);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, scratch.path);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0700);
	spool_writer_close(&writer, true);
}

static void a_record_over_its_bound_is_refused_and_the_rest_stays(void **state)
{
	(void)state;
	uint32_t next = 0;
	char *large = calloc(1, SPOOL_RECORD_MAX + 1);
	struct spool_writer *writer = open_writer(PLENTY);
	append_number(writer, 0, 50);
	const struct spool_note note = note_of(1);
	assert_int_equal(spool_writer_append(writer, &note, large, SPOOL_RECORD_MAX + 1),
			 RESULT_FULL);
	append_number(writer, 1, SPOOL_RECORD_MAX);
	assert_true(spool_writer_has_much(writer));
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	spool_writer_close(&writer, true);
	assert_int_equal(check_numbers(1, &next), SPOOL_CLOSED);
	assert_int_equal(next, 2);
	free(large);
}

static void a_segment_over_its_size_is_closed_and_another_begun(void **state)
{
	(void)state;
	enum { RECORDS = 45, SIZE = 1 << 20 };
	uint32_t next = 0;
	struct spool_writer *writer = open_writer(PLENTY);
	for (uint32_t i = 0; i < RECORDS; i++) {
		append_number(writer, i, SIZE);
		assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	}
	assert_int_equal(check_numbers(1, &next), SPOOL_END);
	assert_int_equal(next, 16);
	assert_int_equal(check_numbers(2, &next), SPOOL_END);
	assert_int_equal(next, 32);
	assert_int_equal(check_numbers(3, &next), 0);
	assert_int_equal(next, RECORDS);
	spool_writer_close(&writer, true);
}

/* What another process left there counts as well, and what is removed is noticed only when it matters. */
static void at_the_limit_the_batch_is_kept_until_a_segment_is_removed(void **state)
{
	(void)state;
	char path[PATH_MAX];
	uint32_t next = 1;
	struct spool_writer *writer = open_writer(10000);
	append_number(writer, 0, 9000);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	spool_writer_close(&writer, true);
	segment_path(path, scratch.path, number, 1);
	writer = open_writer(10000);
	append_number(writer, 1, 2000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(spool_writer_sync(writer), RESULT_FULL);
	assert_true(spool_writer_has_some(writer));
	append_number(writer, 2, 2000);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	spool_writer_close(&writer, true);
	assert_int_equal(check_numbers(1, &next), SPOOL_CLOSED);
	assert_int_equal(next, 3);
}

/* Fails in the midst of a batch: the part that was written must be taken back. */
static void a_write_that_is_cut_short_is_tried_again_at_its_place(void **state)
{
	(void)state;
	struct rlimit before, tight;
	uint32_t next = 0;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = before;
	tight.rlim_cur = 5000;
	struct spool_writer *writer = open_writer(PLENTY);
	append_number(writer, 0, 1000);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	for (uint32_t i = 1; i < 10; i++)
		append_number(writer, i, 1000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		assert_int_equal(spool_writer_sync(writer), RESULT_STORE);
		assert_int_equal(errno, EFBIG);
	}
	/* A reader may see the first of them, and none in part. */
	next = 0;
	assert_int_equal(check_numbers(1, &next), 0);
	assert_in_range(next, 2, 9);
	append_number(writer, 10, 1000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	spool_writer_close(&writer, true);
	next = 0;
	assert_int_equal(check_numbers(1, &next), SPOOL_CLOSED);
	assert_int_equal(next, 11);
}

static void a_full_disk_is_waited_out(void **state)
{
	(void)state;
	char filler[PATH_MAX];
	static char zeros[4096];
	uint32_t next = 0;
	if (mount("tmpfs", scratch.path, "tmpfs", 0, "size=256k,mode=0700") != 0)
		skip();
	struct spool_writer *writer = open_writer(PLENTY);
	snprintf(filler, sizeof filler, "%s/filler", scratch.path);
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof zeros) > 0)
		;
	for (uint32_t i = 0; i < 20; i++)
		append_number(writer, i, 1000);
	errno = 0;
	int full = spool_writer_sync(writer), error = errno;
	close(fd);
	unlink(filler);
	int empty = spool_writer_sync(writer);
	spool_writer_close(&writer, true);
	int ended = check_numbers(1, &next);
	umount(scratch.path);
	assert_int_equal(full, RESULT_STORE);
	assert_int_equal(error, ENOSPC);
	assert_int_equal(empty, RESULT_OK);
	assert_int_equal(ended, SPOOL_CLOSED);
	assert_int_equal(next, 20);
}

static void a_folder_that_cannot_be_made_is_an_error_with_its_cause(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct spool_writer *writer;
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, scratch.path);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	int before = scratch_count("/proc/self/fd");
	errno = 0;
	assert_int_equal(spool_writer_open(state_dir, PLENTY, &writer), RESULT_STORE);
	assert_int_equal(errno, ENOTDIR);
	assert_null(writer);
	assert_int_equal(scratch_count("/proc/self/fd"), before);
}

/* As when state_dir is emptied under a front end: what came before may be lost, which is told; what comes is not. */
static void a_segment_that_is_taken_away_is_told_and_another_begun(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct segment_file file;
	struct spool_record_header header = {0};
	static const struct spool_gap none;
	const char *payload = (const char *)&none;
	struct spool_gap gap;
	struct spool_writer *writer = open_writer(PLENTY);
	append_number(writer, 0, 10);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	segment_path(path, scratch.path, number, 1);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	append_number(writer, 1, 10);
	assert_int_equal(spool_writer_sync(writer), RESULT_OK);
	assert_true(segment_open(&file, scratch.path, number, 2));
	assert_true(segment_next(&file, &header, &payload));
	assert_note(&header, 1);
	assert_true(segment_next(&file, &header, &payload));
	assert_int_equal(header.kind, SPOOL_GAP);
	assert_int_equal(header.size, sizeof gap);
	memcpy(&gap, payload, sizeof gap);
	assert_string_equal(gap.reason, "spool_removed");
	assert_true(gap.from_us > 0 && gap.from_us <= gap.to_us);
	assert_false(segment_next(&file, &header, &payload));
	segment_close(&file);
	segment_path(path, scratch.path, number, 2);
	assert_int_equal(unlink(path), 0);
	spool_writer_close(&writer, true);
	assert_true(segment_open(&file, scratch.path, number, 3));
	assert_true(segment_next(&file, &header, &payload));
	assert_int_equal(header.kind, SPOOL_GAP);
	assert_true(segment_next(&file, &header, &payload));
	assert_int_equal(header.kind, SPOOL_CLOSED);
	segment_close(&file);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(nothing_is_in_the_file_before_the_sync_and_all_after_it),
		IN_SCRATCH(a_segment_that_is_taken_away_is_told_and_another_begun),
		IN_SCRATCH(closing_says_whether_something_is_missing),
		IN_SCRATCH(a_writer_has_a_number_of_its_own_whose_lock_it_holds),
		cmocka_unit_test(only_a_segments_name_is_read_as_one),
		IN_SCRATCH(files_are_for_their_owner_alone),
		IN_SCRATCH(a_record_over_its_bound_is_refused_and_the_rest_stays),
		IN_SCRATCH(a_segment_over_its_size_is_closed_and_another_begun),
		IN_SCRATCH(at_the_limit_the_batch_is_kept_until_a_segment_is_removed),
		IN_SCRATCH(a_write_that_is_cut_short_is_tried_again_at_its_place),
		IN_SCRATCH(a_full_disk_is_waited_out),
		IN_SCRATCH(a_folder_that_cannot_be_made_is_an_error_with_its_cause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
