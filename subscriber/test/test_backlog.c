#include "subscriber/test/signer.h"

#include "subscriber/backlog.h"

static int set_up(void **state)
{
	struct backlog *backlog = calloc(1, sizeof *backlog);
	assert_non_null(backlog);
	assert_int_equal(backlog_new(backlog), RESULT_OK);
	*state = backlog;
	return 0;
}

static int tear_down(void **state)
{
	struct backlog *backlog = *state;
	backlog_free(backlog);
	free(backlog);
	return 0;
}

static void add(struct backlog *backlog, uint64_t index, const char *text)
{
	char number[32];
	const struct buffer jws = {.data = (char *)text, .size = strlen(text)};
	snprintf(number, sizeof number, "%llu", (unsigned long long)index);
	const struct message message = message_of("topic.", number, &jws);
	assert_int_equal(backlog_add(backlog, index, &message), RESULT_OK);
}

static void assert_first(struct backlog *backlog, uint64_t index, const char *text)
{
	struct message message;
	assert_true(backlog_peek(backlog, index, &message));
	assert_int_equal(message.frames, MESSAGE_FRAMES);
	assert_int_equal(message.jws.size, strlen(text));
	assert_memory_equal(message.jws.bytes, text, message.jws.size);
	assert_int_equal(message.topic.size, 6);
	assert_memory_equal(message.topic.bytes, "topic.", 6);
}

static void messages_wait_in_order(void **state)
{
	struct backlog *backlog = *state;
	struct message message;
	assert_false(backlog_peek(backlog, 0, &message));
	add(backlog, 5, "five");
	add(backlog, 6, "six");
	add(backlog, 7, "seven");
	add(backlog, 6, "six again");
	assert_false(backlog_peek(backlog, 4, &message));
	assert_int_equal(backlog->count, 3);
	assert_first(backlog, 6, "six");
	backlog_drop(backlog);
	assert_first(backlog, 7, "seven");
	backlog_drop(backlog);
	assert_false(backlog_peek(backlog, 8, &message));
}

static void a_hole_makes_it_begin_anew(void **state)
{
	struct backlog *backlog = *state;
	add(backlog, 5, "five");
	add(backlog, 7, "seven");
	assert_int_equal(backlog->count, 1);
	assert_first(backlog, 7, "seven");
	/* So does a number that went back. */
	add(backlog, 3, "three");
	assert_int_equal(backlog->first, 3);
}

static void it_is_bounded_in_number_and_in_bytes(void **state)
{
	struct backlog *backlog = *state;
	for (uint64_t i = 0; i < BACKLOG_MAX; i++)
		add(backlog, i, "x");
	assert_int_equal(backlog->count, BACKLOG_MAX);
	add(backlog, BACKLOG_MAX, "y");
	assert_int_equal(backlog->count, 1);
	assert_first(backlog, BACKLOG_MAX, "y");
	char *large = calloc(1, 65001);
	memset(large, 'z', 65000);
	for (uint64_t i = 0; i < 2000; i++) {
		add(backlog, BACKLOG_MAX + 1 + i, large);
		assert_true(backlog->bytes <= BACKLOG_BYTES_MAX);
	}
	free(large);
	backlog_clear(backlog);
	assert_int_equal(backlog->bytes, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(messages_wait_in_order),
		TEST(a_hole_makes_it_begin_anew),
		TEST(it_is_bounded_in_number_and_in_bytes),
	};
	return cmocka_run_group_tests_name("backlog", tests, NULL, NULL);
}
