#include "subscriber/test/signer.h"

#include "subscriber/own_lines.h"

struct bench {
	char *path;
	struct own_lines *lines;
	struct own_listener listener;
	size_t words, wrongs;
	struct ledger_word last;
	char what[512];
};

static int on_word(void *context, const struct ledger_word *word)
{
	struct bench *bench = context;
	bench->words++;
	bench->last = *word;
	return RESULT_OK;
}

static int on_wrong(void *context, const char *what)
{
	struct bench *bench = context;
	bench->wrongs++;
	snprintf(bench->what, sizeof bench->what, "%s", what);
	return RESULT_OK;
}

static void open_lines(struct bench *bench, bool from_end)
{
	char why[256];
	own_lines_close(&bench->lines);
	bench->words = bench->wrongs = 0;
	assert_int_equal(own_lines_open(bench->path, from_end, &bench->lines, why, sizeof why),
			 RESULT_OK);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	bench->path = file_with("");
	bench->listener = (struct own_listener){on_word, on_wrong, bench};
	open_lines(bench, false);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	own_lines_close(&bench->lines);
	remove_file(bench->path);
	free(bench);
	return 0;
}

static void append(struct bench *bench, const char *text)
{
	FILE *file = fopen(bench->path, "a");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_read(struct bench *bench, size_t words, size_t wrongs)
{
	assert_int_equal(own_lines_read(bench->lines, &bench->listener), RESULT_OK);
	assert_int_equal(bench->words, words);
	assert_int_equal(bench->wrongs, wrongs);
}

#define LINE(txn) "{\"svTRID\":\"" txn "\",\"domain\":\"A.Example.\",\"action\":\"lock\"}\n"

static void lines_are_read_as_they_come(void **state)
{
	struct bench *bench = *state;
	assert_read(bench, 0, 0);
	append(bench, LINE("1"));
	assert_read(bench, 1, 0);
	assert_string_equal(bench->last.txn, "1");
	assert_string_equal(bench->last.name, "a.example");
	assert_int_equal(bench->last.actions, ACTION_LOCK);
	assert_int_equal(bench->last.time_ms, 0);
	/* A line that has no end yet is none. */
	append(bench, "{\"svTRID\":\"2\",\"domain\":\"b.example\",");
	assert_read(bench, 1, 0);
	append(bench,
	       "\"action\":[\"unlock\",\"update\"],\"time\":\"2023-11-14T22:13:20.5Z\",\"x\":{}}");
	assert_read(bench, 1, 0);
	append(bench, "\n\n" LINE("3"));
	assert_read(bench, 3, 0);
	open_lines(bench, false);
	assert_read(bench, 3, 0);
	open_lines(bench, true);
	assert_read(bench, 0, 0);
}

static void all_members_are_read(void **state)
{
	struct bench *bench = *state;
	append(bench,
	       "{\"svTRID\":\"2\",\"domain\":\"b.example\",\"action\":[\"unlock\",\"update\"],"
	       "\"time\":\"2023-11-14T22:13:20.5Z\",\"x\":{}}");
	assert_int_equal(own_lines_end(bench->lines, &bench->listener), RESULT_OK);
	assert_int_equal(bench->words, 1);
	assert_int_equal(bench->last.actions, ACTION_UNLOCK | ACTION_UPDATE);
	assert_true(bench->last.time_ms == 1700000000500);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
		{"nonsense", "a JSON object in one line"},
		{"[]", "a JSON object in one line"},
		{"{\"svTRID\":\"1\",\"svTRID\":\"1\"}", "a JSON object in one line"},
		{"{}", "svTRID: "},
		{"{\"svTRID\":\"a b\"}", "svTRID: "},
		{"{\"svTRID\":\"1\"}", "domain: "},
		{"{\"svTRID\":\"1\",\"domain\":\"a..b\"}", "domain: "},
		{"{\"svTRID\":\"1\",\"domain\":\"b\\u00fccher.example\"}", "xn-- labels"},
		{"{\"svTRID\":\"1\",\"domain\":\"a.b\"}", "action: "},
		{"{\"svTRID\":\"1\",\"domain\":\"a.b\",\"action\":\"steal\"}", "action: "},
		{"{\"svTRID\":\"1\",\"domain\":\"a.b\",\"action\":[\"lock\",1]}", "action: "},
		{"{\"svTRID\":\"1\",\"domain\":\"a.b\",\"action\":\"lock\",\"time\":\"noon\"}",
		 "time: "},
	};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char number[32];
		append(bench, cases[i].line);
		append(bench, "\n");
		assert_read(bench, 0, i + 1);
		snprintf(number, sizeof number, "line %zu: ", i + 1);
		assert_non_null(strstr(bench->what, number));
		assert_non_null(strstr(bench->what, cases[i].said));
	}
	append(bench, LINE("1"));
	assert_read(bench, 1, sizeof cases / sizeof *cases);
}

static void a_line_without_end_takes_no_memory(void **state)
{
	struct bench *bench = *state;
	char *large = calloc(1, OWN_LINE_MAX + 2);
	memset(large, 'x', OWN_LINE_MAX + 1);
	for (int i = 0; i < 3; i++) {
		append(bench, large);
		assert_read(bench, 0, 0);
	}
	append(bench, "\n" LINE("1"));
	assert_read(bench, 1, 1);
	assert_non_null(strstr(bench->what, "line 1: over"));
	free(large);
}

static void a_file_that_was_replaced_is_read_from_its_begin(void **state)
{
	struct bench *bench = *state;
	append(bench, LINE("1") LINE("2"));
	assert_read(bench, 2, 0);
	rewrite_file(bench->path, LINE("3"));
	assert_int_equal(own_lines_read(bench->lines, &bench->listener), RESULT_OK);
	assert_read(bench, 3, 0);
	assert_string_equal(bench->last.txn, "3");
	assert_int_equal(truncate(bench->path, 0), 0);
	assert_int_equal(own_lines_read(bench->lines, &bench->listener), RESULT_OK);
	append(bench, LINE("4"));
	assert_read(bench, 4, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(lines_are_read_as_they_come),
		TEST(all_members_are_read),
		TEST(what_is_wrong_is_told_with_its_line),
		TEST(a_line_without_end_takes_no_memory),
		TEST(a_file_that_was_replaced_is_read_from_its_begin),
	};
	return cmocka_run_group_tests_name("own_lines", tests, NULL, NULL);
}
