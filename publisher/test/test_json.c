/* JSON as it is written: commas, escapes, members that are left out, and a buffer that is full. */
#include "publisher/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct buffer text;
static struct json json;

static int begin(void **state)
{
	(void)state;
	buffer_init(&text, 4096);
	json = (struct json){.into = &text};
	return 0;
}

static int end(void **state)
{
	(void)state;
	buffer_free(&text);
	return 0;
}

static void assert_text(const char *expected)
{
	buffer_append_byte(&text, 0);
	assert_false(text.failed);
	assert_string_equal(text.data, expected);
}

static void commas_stand_between_and_nowhere_else(void **state)
{
	(void)state;
	json_open_object(&json, NULL);
	json_put_text(&json, "a", "x");
	json_open_list(&json, "b");
	json_put_number(&json, NULL, 1);
	json_open_object(&json, NULL);
	json_close_object(&json);
	json_put_true(&json, NULL);
	json_close_list(&json);
	json_open_object(&json, "c");
	json_put_true(&json, "d");
	json_put_bool(&json, "f", false);
	json_close_object(&json);
	json_put_bytes(&json, "e", "xyz", 2);
	json_close_object(&json);
	assert_text("{\"a\":\"x\",\"b\":[1,{},true],\"c\":{\"d\":true,\"f\":false},\"e\":\"xy\"}");
}

static void numbers_are_whole_over_their_whole_range(void **state)
{
	(void)state;
	json_open_list(&json, NULL);
	json_put_number(&json, NULL, 0);
	json_put_number(&json, NULL, -1);
	json_put_number(&json, NULL, INT64_MAX);
	json_put_number(&json, NULL, INT64_MIN);
	json_close_list(&json);
	assert_text("[0,-1,9223372036854775807,-9223372036854775808]");
}

static void every_ascii_character_comes_back_from_a_parser(void **state)
{
	(void)state;
	char all[127];
	json_error_t error;
	for (int i = 0; i < 127; i++)
		all[i] = (char)(i + 1);
	json_open_list(&json, NULL);
	json_put_bytes(&json, NULL, all, sizeof all);
	json_close_list(&json);
	for (size_t i = 0; i < text.size; i++)
		assert_in_range(text.data[i], ' ', '~');
	json_t *read = json_loadb(text.data, text.size, 0, &error);
	assert_non_null(read);
	assert_int_equal(json_string_length(json_array_get(read, 0)), sizeof all);
	assert_memory_equal(json_string_value(json_array_get(read, 0)), all, sizeof all);
	json_decref(read);
}

static void quotes_and_backslashes_are_escaped_in_names_too(void **state)
{
	(void)state;
	json_open_object(&json, NULL);
	json_put_text(&json, "a\"b", "\\\n");
	json_close_object(&json);
	assert_text("{\"a\\u0022b\":\"\\u005c\\u000a\"}");
}

static void what_would_be_empty_is_left_out_with_its_comma(void **state)
{
	(void)state;
	json_open_object(&json, NULL);
	struct json_mark first = json_open_list_if_any(&json, "first");
	json_close_list_if_any(&json, first);
	json_put_text(&json, "a", "");
	struct json_mark outer = json_open_object_if_any(&json, "outer");
	struct json_mark inner = json_open_list_if_any(&json, "inner");
	json_close_list_if_any(&json, inner);
	json_close_object_if_any(&json, outer);
	struct json_mark kept = json_open_list_if_any(&json, "kept");
	json_put_number(&json, NULL, 5);
	json_close_list_if_any(&json, kept);
	json_close_object(&json);
	assert_text("{\"a\":\"\",\"kept\":[5]}");
}

static void a_full_buffer_shows_as_failed(void **state)
{
	(void)state;
	struct buffer small;
	buffer_init(&small, 12);
	struct json writer = {.into = &small};
	json_open_object(&writer, NULL);
	struct json_mark mark = json_open_object_if_any(&writer, "abcdefghijkl");
	json_put_text(&writer, "a", "b");
	json_close_object_if_any(&writer, mark);
	json_close_object(&writer);
	assert_true(small.failed);
	assert_true(small.size <= 12);
	buffer_free(&small);
}

#define WITH_BUFFER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BUFFER(commas_stand_between_and_nowhere_else),
		WITH_BUFFER(numbers_are_whole_over_their_whole_range),
		WITH_BUFFER(every_ascii_character_comes_back_from_a_parser),
		WITH_BUFFER(quotes_and_backslashes_are_escaped_in_names_too),
		WITH_BUFFER(what_would_be_empty_is_left_out_with_its_comma),
		cmocka_unit_test(a_full_buffer_shows_as_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
