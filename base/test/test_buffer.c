#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static void holds(const struct buffer *buffer, const char *text)
{
	assert_int_equal(buffer->size, strlen(text));
	assert_memory_equal(buffer->data, text, strlen(text));
}

static void bytes_come_out_as_they_went_in(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 100);
	assert_null(buffer.data);
	buffer_append(&buffer, "a\0b", 3);
	buffer_append_text(&buffer, "cd");
	buffer_append_byte(&buffer, 0xff);
	buffer_append(&buffer, NULL, 0);
	assert_false(buffer.failed);
	assert_int_equal(buffer.size, 6);
	assert_memory_equal(buffer.data, "a\0bcd\xff", 6);
	buffer_free(&buffer);
}

static void it_grows_to_its_maximum_and_no_byte_further(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 1000);
	for (int i = 0; i < 1000; i++)
		buffer_append_byte(&buffer, (uint8_t)i);
	assert_false(buffer.failed);
	assert_int_equal(buffer.size, 1000);
	assert_true(buffer.capacity <= 1000);
	buffer_append_byte(&buffer, 1);
	assert_true(buffer.failed);
	assert_int_equal(buffer.size, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal((uint8_t)buffer.data[i], i & 0xff);
	buffer_free(&buffer);
}

static void after_a_failure_nothing_is_added_until_reset(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 4);
	buffer_append_text(&buffer, "abc");
	buffer_append_text(&buffer, "de");
	assert_true(buffer.failed);
	buffer_append_text(&buffer, "f");
	buffer_printf(&buffer, "g");
	holds(&buffer, "abc");
	buffer_reset(&buffer);
	assert_false(buffer.failed);
	buffer_append_text(&buffer, "efgh");
	assert_false(buffer.failed);
	holds(&buffer, "efgh");
	buffer_free(&buffer);
}

static void a_size_that_would_wrap_around_is_refused(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 100);
	buffer_append_text(&buffer, "abc");
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_true(buffer.failed);
	holds(&buffer, "abc");
	buffer_free(&buffer);
}

static void what_is_reserved_counts_when_it_is_added(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 100);
	char *room = buffer_reserve(&buffer, 10);
	assert_non_null(room);
	assert_int_equal(buffer.size, 0);
	memcpy(room, "abc", 3);
	buffer.size += 3;
	buffer_append_text(&buffer, "d");
	holds(&buffer, "abcd");
	buffer_free(&buffer);
}

static void printf_leaves_no_nul_behind(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 100);
	buffer_printf(&buffer, "%s-%d", "ab", 7);
	buffer_printf(&buffer, "%c", 'x');
	holds(&buffer, "ab-7x");
	buffer_printf(&buffer, "%200d", 1);
	assert_true(buffer.failed);
	holds(&buffer, "ab-7x");
	buffer_free(&buffer);
}

static void freed_it_is_as_new(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 3);
	buffer_append_text(&buffer, "abcd");
	buffer_free(&buffer);
	buffer_free(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.max, 3);
	buffer_append_text(&buffer, "abc");
	assert_false(buffer.failed);
	holds(&buffer, "abc");
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_as_they_went_in),
		cmocka_unit_test(it_grows_to_its_maximum_and_no_byte_further),
		cmocka_unit_test(after_a_failure_nothing_is_added_until_reset),
		cmocka_unit_test(a_size_that_would_wrap_around_is_refused),
		cmocka_unit_test(what_is_reserved_counts_when_it_is_added),
		cmocka_unit_test(printf_leaves_no_nul_behind),
		cmocka_unit_test(freed_it_is_as_new),
	};
	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
