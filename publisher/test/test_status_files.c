/* Counters of many processes, put together: of files that are gone, half there, of another shape, too many. */
#include "publisher/status_files.h"

#include "base/clock.h"
#include "plugin/test/scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static struct scratch scratch;
static struct status_files *files;
static json_t *all;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	return status_files_new(scratch.path, &files) == RESULT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	status_files_free(&files);
	json_decref(all);
	all = NULL;
	scratch_remove(scratch.path);
	return 0;
}

static void path_of(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/" STATUS_FOLDER "/%s", scratch.path, name);
}

static void put_file(const char *name, const char *text)
{
	char path[PATH_MAX];
	path_of(path, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_tap(uint64_t writer, const char *text)
{
	char name[64];
	snprintf(name, sizeof name, STATUS_TAP_FILE, writer);
	put_file(name, text);
}

static void write_publisher(const char *text)
{
	struct buffer members;
	buffer_init(&members, STATUS_FILE_MAX);
	buffer_append_text(&members, text);
	assert_int_equal(status_files_write(files, &members), RESULT_OK);
	buffer_free(&members);
}

static void gather(void)
{
	struct clock_reading now;
	clock_read(&now);
	json_decref(all);
	all = status_files_gather(scratch.path, now.wall_us);
	assert_non_null(all);
}

/* The number at a path such as "sum.lost.queue_full"; -1: there is none. */
static json_int_t at(const char *path)
{
	char name[64];
	const json_t *member = all;
	for (size_t size; *path; path += size + (path[size] == '.')) {
		size = strcspn(path, ".");
		snprintf(name, sizeof name, "%.*s", (int)size, path);
		member = json_object_get(member, name);
	}
	return json_is_integer(member) ? json_integer_value(member) : -1;
}

static void an_empty_folder_has_no_sums_and_no_publisher(void **state)
{
	(void)state;
	gather();
	assert_int_equal(at("taps"), 0);
	assert_int_equal(json_object_size(json_object_get(all, "sum")), 0);
	assert_null(json_object_get(all, "publisher"));
	assert_null(json_object_get(all, "fullest_queue_permille"));
	json_decref(all);
	all = status_files_gather("/nonexistent", 0);
	assert_int_equal(at("taps"), 0);
}

static void counters_of_all_processes_are_added_up(void **state)
{
	(void)state;
	put_tap(1, "{\"version\":\"1\",\"pid\":7,\"writer\":\"0000000000000001\",\"accepted\":5,"
		   "\"lost\":{\"queue_full\":1,\"closed\":2},"
		   "\"queue\":{\"used_bytes\":10,\"size_bytes\":1000}}");
	put_tap(UINT64_MAX, "{\"pid\":8,\"writer\":3,\"accepted\":6,\"lost\":{\"queue_full\":3},"
			    "\"of a later version\":1,"
			    "\"queue\":{\"used_bytes\":901,\"size_bytes\":1000}}");
	gather();
	assert_int_equal(at("taps"), 2);
	assert_int_equal(at("taps_unread"), 0);
	assert_int_equal(at("sum.accepted"), 11);
	assert_int_equal(at("sum.lost.queue_full"), 4);
	assert_int_equal(at("sum.lost.closed"), 2);
	assert_int_equal(at("sum.queue.used_bytes"), 911);
	assert_int_equal(at("fullest_queue_permille"), 901);
	assert_int_equal(at("sum.pid"), -1);
	assert_int_equal(at("sum.writer"), -1);
}

static void what_is_no_status_is_passed_over(void **state)
{
	(void)state;
	static char large[STATUS_FILE_MAX + 2];
	memset(large, ' ', STATUS_FILE_MAX + 1);
	memcpy(large, "{\"accepted\":1000}", 17);
	put_tap(1, "{\"accepted\":1}");
	put_tap(2, "{\"accepted\":");
	put_tap(3, "");
	put_tap(4, "[1]");
	put_tap(5, large);
	put_tap(6, "{\"accepted\":\"many\",\"lost\":7,\"queue\":3}");
	put_file("tap-7.json", "{\"accepted\":1000}");
	put_file("tap-000000000000000G.json", "{\"accepted\":1000}");
	put_file("tap-0000000000000009.json.new", "{\"accepted\":1000}");
	put_file("publisher.json", "{\"publisher\":[],\"retired\":8}");
	gather();
	assert_int_equal(at("taps"), 6);
	assert_int_equal(at("taps_unread"), 4);
	assert_int_equal(at("sum.accepted"), 1);
	assert_null(json_object_get(all, "publisher"));
}

static void members_that_disagree_and_numbers_too_large_do_no_harm(void **state)
{
	(void)state;
	put_tap(1, "{\"accepted\":9223372036854775807,\"lost\":{\"closed\":1}}");
	put_tap(2, "{\"accepted\":9223372036854775807,\"lost\":{\"closed\":{\"a\":1}},"
		   "\"deep\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}");
	gather();
	assert_int_equal(at("sum.accepted"), INT64_MAX);
	assert_int_equal(at("sum.deep.a.a.a.a.a"), -1);
}

static void too_many_files_are_counted_and_not_read(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= STATUS_TAPS_MAX + 3; i++)
		put_tap(i, "{\"accepted\":1}");
	gather();
	assert_int_equal(at("taps"), STATUS_TAPS_MAX + 3);
	assert_int_equal(at("taps_unread"), 3);
	assert_int_equal(at("sum.accepted"), STATUS_TAPS_MAX);
}

static void the_publishers_file_is_shown_with_its_age_and_owner(void **state)
{
	(void)state;
	struct timespec times[2] = {{.tv_sec = time(NULL) - 100}, {.tv_sec = time(NULL) - 100}};
	char path[PATH_MAX];
	struct stat file;
	write_publisher("\"publisher\":{\"state\":\"publishing\",\"published\":3}");
	path_of(path, STATUS_PUBLISHER_FILE);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	gather();
	assert_int_equal(at("publisher.published"), 3);
	assert_int_equal(at("publisher.pid"), getpid());
	assert_in_range(at("publisher.age_ms"), 0, 60000);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(all, "publisher"), "version")),
		EPPTAP_VERSION);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	gather();
	assert_in_range(at("publisher.age_ms"), 99000, 160000);
}

static void a_retired_process_stays_in_the_sums_but_not_its_queue(void **state)
{
	(void)state;
	uint64_t writers[4];
	put_tap(1, "{\"pid\":1,\"accepted\":5,\"lost\":{\"closed\":2},"
		   "\"queue\":{\"used_bytes\":1,\"size_bytes\":9}}");
	put_tap(2, "{\"pid\":2,\"accepted\":6,\"lost\":{\"closed\":1}}");
	assert_int_equal(status_files_writers(files, writers, 4), 2);
	assert_int_equal(status_files_writers(files, writers, 1), 1);
	assert_true(status_files_retire(files, 1));
	assert_true(status_files_retire(files, 1)); /* there is none any more: not added twice */
	assert_true(status_files_retire(files, 77));
	write_publisher("\"publisher\":{}");
	assert_int_equal(status_files_writers(files, writers, 4), 1);
	assert_int_equal(writers[0], 2);
	gather();
	assert_int_equal(at("taps"), 1);
	assert_int_equal(at("sum.accepted"), 11);
	assert_int_equal(at("sum.lost.closed"), 3);
	assert_int_equal(at("sum.queue.size_bytes"), -1);
	assert_int_equal(at("sum.pid"), -1);
}

static void the_next_publisher_goes_on_with_what_is_retired(void **state)
{
	(void)state;
	put_tap(1, "{\"accepted\":5}");
	assert_true(status_files_retire(files, 1));
	write_publisher("\"publisher\":{}");
	status_files_free(&files);
	assert_int_equal(status_files_new(scratch.path, &files), RESULT_OK);
	put_tap(2, "{\"accepted\":6}");
	assert_true(status_files_retire(files, 2));
	write_publisher("\"publisher\":{}");
	gather();
	assert_int_equal(at("sum.accepted"), 11);
}

/* Twice a process's namespaces with each process: the sum, which lasts, stays as it is. */
static void namespaces_are_bounded_however_many_processes_met_others(void **state)
{
	(void)state;
	char text[8192];
	for (uint64_t writer = 1; writer <= 20; writer++) {
		int used =
			snprintf(text, sizeof text,
				 "{\"namespaces\":{\"urn:own\":{\"unread\":1,\"passed_over\":0}");
		for (int i = 0; i < 2 * STATUS_NAMESPACES_MAX; i++)
			used += snprintf(text + used, sizeof text - (size_t)used,
					 ",\"urn:%d-%d\":{\"unread\":0,\"passed_over\":2}",
					 (int)writer, i);
		snprintf(text + used, sizeof text - (size_t)used,
			 ",\"(others)\":{\"unread\":3,\"passed_over\":4}}}");
		put_tap(writer, text);
	}
	for (int retired = 0; retired <= 1; retired++) {
		gather();
		const json_t *namespaces =
			json_object_get(json_object_get(all, "sum"), "namespaces");
		assert_int_equal(json_object_size(namespaces), STATUS_NAMESPACES_MAX + 1);
		assert_int_equal(at("sum.namespaces.urn:own.unread"), 20);
		assert_int_equal(at("sum.namespaces.(others).unread"), 60);
		assert_int_equal(
			at("sum.namespaces.(others).passed_over"),
			20 * 4 +
				(20 * 2 * STATUS_NAMESPACES_MAX - (STATUS_NAMESPACES_MAX - 1)) * 2);
		for (uint64_t writer = 1; writer <= 20 && !retired; writer++)
			assert_true(status_files_retire(files, writer));
		write_publisher("\"publisher\":{}");
	}
	assert_int_equal(at("taps"), 0);
}

static void a_file_that_can_not_be_read_is_retired_without_counters(void **state)
{
	(void)state;
	uint64_t writers[4];
	put_tap(1, "{\"accep");
	assert_true(status_files_retire(files, 1));
	assert_int_equal(status_files_writers(files, writers, 4), 0);
}

static void a_publisher_that_can_not_write_still_knows_its_own(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct buffer members;
	write_publisher("\"publisher\":{\"state\":\"publishing\"}");
	path_of(path, STATUS_PUBLISHER_FILE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* no file can take its place */
	put_tap(1, "{\"accepted\":5}");
	buffer_init(&members, STATUS_FILE_MAX);
	buffer_append_text(&members, "\"publisher\":{\"published\":4}");
	assert_int_equal(status_files_write(files, &members), RESULT_STORE);
	buffer_free(&members);
	json_decref(all);
	all = status_files_gather_own(files, 1790000000000000);
	assert_int_equal(at("publisher.published"), 4);
	assert_int_equal(at("publisher.age_ms"), 0);
	assert_int_equal(at("sum.accepted"), 5);
	assert_int_equal(at("now_ms"), 1790000000000);
}

static void the_folder_is_its_owners_alone_and_must_be_one(void **state)
{
	(void)state;
	char path[PATH_MAX];
	struct stat folder;
	struct status_files *others;
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER, scratch.path);
	assert_int_equal(stat(path, &folder), 0);
	assert_int_equal(folder.st_mode & 07777, 0700);
	assert_int_equal(rmdir(path), 0);
	FILE *file = fopen(path, "we");
	fclose(file);
	assert_int_equal(status_files_new(scratch.path, &others), RESULT_STORE);
	assert_null(others);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(an_empty_folder_has_no_sums_and_no_publisher),
		IN_FOLDER(counters_of_all_processes_are_added_up),
		IN_FOLDER(what_is_no_status_is_passed_over),
		IN_FOLDER(members_that_disagree_and_numbers_too_large_do_no_harm),
		IN_FOLDER(too_many_files_are_counted_and_not_read),
		IN_FOLDER(the_publishers_file_is_shown_with_its_age_and_owner),
		IN_FOLDER(a_retired_process_stays_in_the_sums_but_not_its_queue),
		IN_FOLDER(the_next_publisher_goes_on_with_what_is_retired),
		IN_FOLDER(namespaces_are_bounded_however_many_processes_met_others),
		IN_FOLDER(a_file_that_can_not_be_read_is_retired_without_counters),
		IN_FOLDER(a_publisher_that_can_not_write_still_knows_its_own),
		IN_FOLDER(the_folder_is_its_owners_alone_and_must_be_one),
	};
	return cmocka_run_group_tests_name("status files", tests, NULL, NULL);
}
