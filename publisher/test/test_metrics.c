/* The metrics file's text, and that a folder that can't be written harms nothing. */
#include "publisher/metrics.h"

#include "plugin/test/scratch.h"

#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct buffer text;

static int set_up(void **state)
{
	(void)state;
	buffer_init(&text, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buffer_free(&text);
	return 0;
}

/* What is printed of that JSON, NUL-terminated. */
static const char *printed(const char *json)
{
	json_t *gathered = json_loads(json, 0, NULL);
	assert_non_null(gathered);
	buffer_reset(&text);
	metrics_print(gathered, &text);
	buffer_append_byte(&text, '\0');
	json_decref(gathered);
	assert_false(text.failed);
	return text.data;
}

static void what_has_no_number_is_not_told_of(void **state)
{
	(void)state;
	assert_string_equal(printed("{}"), "");
	assert_string_equal(printed("{\"sum\":{\"lost\":{}},\"publisher\":{\"state\":3,"
				    "\"lag_ms\":\"x\",\"channels\":[1]}}"),
			    "");
	assert_string_equal(printed("{\"sum\":{\"skipped\":12,\"of a later version\":1}}"),
			    "# HELP epptap_calls_skipped_total Commands that the scan saw to be no "
			    "change.\n"
			    "# TYPE epptap_calls_skipped_total counter\n"
			    "epptap_calls_skipped_total 12\n");
}

static void members_of_a_group_are_labels(void **state)
{
	(void)state;
	const char *seen = printed("{\"sum\":{\"lost\":{\"queue_full\":3,\"closed\":0}}}");
	assert_non_null(strstr(seen, "epptap_lost_total{reason=\"queue_full\"} 3\n"
				     "epptap_lost_total{reason=\"closed\"} 0\n"));
	seen = printed("{\"publisher\":{\"channels\":{\"vetted\":{\"events\":2},"
		       "\"public\":{\"events\":1,\"held\":7,\"next_due_ms\":-61001}}}}");
	assert_non_null(strstr(seen, "\nepptap_channel_events_total{channel=\"vetted\"} 2\n"
				     "epptap_channel_events_total{channel=\"public\"} 1\n"));
	assert_non_null(strstr(seen, "gauge\nepptap_channel_held_events{channel=\"public\"} 7\n"));
	assert_non_null(strstr(seen, "{channel=\"public\"} -61.001\n"));
}

static void milliseconds_are_told_as_seconds_in_every_locale(void **state)
{
	(void)state;
	setlocale(LC_ALL, "de_DE.UTF-8"); /* if it is there */
	const char *seen = printed("{\"now_ms\":1790000000007,\"publisher\":{\"lag_ms\":12,"
				   "\"last_commit_ms_ago\":61000}}");
	assert_non_null(strstr(seen, "epptap_last_write_timestamp_seconds 1790000000.007\n"));
	assert_non_null(strstr(seen, "epptap_lag_seconds 0.012\n"));
	assert_non_null(strstr(seen, "epptap_last_commit_age_seconds 61.000\n"));
}

static void every_state_has_a_series_and_one_is_1(void **state)
{
	(void)state;
	const char *seen = printed("{\"publisher\":{\"state\":\"store_fails\"}}");
	assert_non_null(strstr(seen, "{state=\"publishing\"} 0\n"));
	assert_non_null(strstr(seen, "{state=\"store_fails\"} 1\n"));
	seen = printed("{\"publisher\":{\"state\":\"of_a_later_version\"}}");
	assert_non_null(strstr(seen, "{state=\"publishing\"} 0\n"));
	assert_non_null(strstr(seen, "{state=\"of_a_later_version\"} 1\n"));
}

static void nothing_that_is_no_word_becomes_a_label(void **state)
{
	(void)state;
	const char *seen = printed("{\"sum\":{\"lost\":{\"a\\\"} 1\\nx{b=\\\"\":1,\"\":2,\"a b\":3,"
				   "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":4,\"good\":5}},"
				   "\"publisher\":{\"version\":\"1\\\"\\n\"}}");
	assert_non_null(strstr(seen, "counter\nepptap_lost_total{reason=\"good\"} 5\n"));
	assert_null(strstr(seen, "build_info"));
}

static void a_group_is_cut_at_a_bound(void **state)
{
	(void)state;
	json_t *lost = json_object();
	unsigned lines = 0;
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof name, "r%d", i);
		json_object_set_new(lost, name, json_integer(1));
	}
	json_t *gathered = json_pack("{s:{s:o}}", "sum", "lost", lost);
	metrics_print(gathered, &text);
	json_decref(gathered);
	for (size_t i = 0; i < text.size; i++)
		lines += text.data[i] == '\n';
	assert_int_equal(lines, 2 + 128);
}

static void the_file_is_replaced_for_all_to_read(void **state)
{
	(void)state;
	struct scratch scratch = scratch_make();
	struct clock_reading now = {.monotonic_us = 1};
	struct stat file;
	char path[PATH_MAX], line[64] = "";
	snprintf(path, sizeof path, "%s/epptap.prom", scratch.path);
	struct metrics_file metrics = {.path = path};
	json_t *gathered = json_pack("{s:i}", "taps", 1);
	for (int i = 0; i < 2; i++)
		metrics_write(&metrics, gathered, &now);
	assert_int_equal(scratch_count(scratch.path), 1);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 07777, 0644);
	FILE *stream = fopen(path, "re");
	assert_non_null(fgets(line, sizeof line, stream));
	fclose(stream);
	assert_memory_equal(line, "# HELP epptap_taps ", 19);
	json_decref(gathered);
	scratch_remove(scratch.path);
}

/* How many lines the log had, when so many seconds lay between calls. */
static int complaints(int calls, int seconds)
{
	struct metrics_file metrics = {.path = "/nonexistent/epptap.prom"};
	struct clock_reading now = {.monotonic_us = 1};
	json_t *gathered = json_pack("{s:i}", "taps", 1);
	FILE *taken = tmpfile();
	int lines = 0, real_stderr = dup(STDERR_FILENO);
	dup2(fileno(taken), STDERR_FILENO);
	for (int i = 0; i < calls; i++, now.monotonic_us += INT64_C(1000000) * seconds)
		metrics_write(&metrics, gathered, &now);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(taken);
	for (int c; (c = fgetc(taken)) != EOF;)
		lines += c == '\n';
	fclose(taken);
	json_decref(gathered);
	return lines;
}

static void a_folder_that_is_missing_is_told_once_in_a_while(void **state)
{
	(void)state;
	assert_int_equal(complaints(500, 1), 1);
	assert_int_equal(complaints(3, 601), 3);
}

static void without_a_path_nothing_is_written(void **state)
{
	(void)state;
	struct metrics_file none = {.path = NULL};
	struct clock_reading now = {.monotonic_us = 1};
	json_t *gathered = json_pack("{s:i}", "taps", 1);
	metrics_write(&none, gathered, &now);
	metrics_write(&none, NULL, &now);
	assert_int_equal(none.complained_us, 0);
	json_decref(gathered);
}

#define WITH_TEXT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TEXT(what_has_no_number_is_not_told_of),
		WITH_TEXT(members_of_a_group_are_labels),
		WITH_TEXT(milliseconds_are_told_as_seconds_in_every_locale),
		WITH_TEXT(every_state_has_a_series_and_one_is_1),
		WITH_TEXT(nothing_that_is_no_word_becomes_a_label),
		WITH_TEXT(a_group_is_cut_at_a_bound),
		cmocka_unit_test(the_file_is_replaced_for_all_to_read),
		cmocka_unit_test(a_folder_that_is_missing_is_told_once_in_a_while),
		cmocka_unit_test(without_a_path_nothing_is_written),
	};
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
