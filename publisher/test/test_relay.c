/* What goes from the publisher to a sender: a real socketpair, full, empty, and with nobody at its other end. */
#include "publisher/relay.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { READER, WRITER, ENDS };

static int ends[ENDS];
static struct relay *relay;
static char room[RELAY_MESSAGE_MAX], jws[RELAY_MESSAGE_MAX];

static int set_up(void **state)
{
	(void)state;
	memset(jws, 'j', sizeof jws);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	return relay_new(ends[WRITER], &relay);
}

static int tear_down(void **state)
{
	(void)state;
	relay_free(&relay);
	close(ends[READER]);
	close(ends[WRITER]);
	return 0;
}

/* Takes all that is to be had, which must go on from `next` in order; returns what would be the next. */
static uint64_t take_all(uint64_t next)
{
	struct relay_message message;
	for (; relay_receive(ends[READER], room, &message) == RESULT_OK; next++)
		assert_int_equal(message.index, next);
	return next;
}

static void a_message_arrives_as_it_was_sent(void **state)
{
	(void)state;
	struct relay_message message;
	relay_send(relay, "example.bank.", UINT64_MAX, "a.b.c", 5);
	assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_OK);
	assert_string_equal(message.topic, "example.bank.");
	assert_true(message.index == UINT64_MAX);
	assert_int_equal(message.size, 5);
	assert_memory_equal(message.jws, "a.b.c", 5);
	assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_TIMEOUT);
}

static void nothing_at_all_may_be_a_topic_and_a_jws(void **state)
{
	(void)state;
	struct relay_message message;
	relay_send(relay, "", 0, "", 0);
	assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_OK);
	assert_string_equal(message.topic, "");
	assert_int_equal(message.size, 0);
}

/* More than the socket takes, less than is kept: all of it comes, in order. */
static void what_finds_no_room_is_kept_and_comes_later_in_order(void **state)
{
	(void)state;
	enum { COUNT = 5000, SIZE = 1000 };
	uint64_t taken = 0;
	for (uint64_t i = 0; i < COUNT; i++)
		relay_send(relay, "t.", i, jws, SIZE);
	uint64_t in_socket = taken = take_all(0);
	assert_true(in_socket < COUNT);
	assert_false(relay_flush(relay, 0));
	/* what is new does not overtake what was kept */
	relay_send(relay, "t.", COUNT, jws, SIZE);
	for (uint64_t before = 0; before != taken; relay_flush(relay, 0)) {
		before = taken;
		taken = take_all(taken);
	}
	assert_int_equal(taken, COUNT + 1);
	assert_true(relay_flush(relay, 0));
	assert_int_equal(relay_dropped(relay), 0);
}

static void what_is_too_much_is_dropped_and_counted_without_waiting(void **state)
{
	(void)state;
	enum { COUNT = 40000, SIZE = 1000 };
	struct relay_message message;
	int64_t begun_us = clock_monotonic_us();
	for (uint64_t i = 0; i < COUNT; i++)
		relay_send(relay, "t.", i, jws, SIZE);
	assert_true(clock_monotonic_us() - begun_us < 5000000);
	uint64_t dropped = relay_dropped(relay), taken = take_all(0);
	for (uint64_t before = 0; before != taken; taken = take_all(taken)) {
		before = taken;
		relay_flush(relay, 0);
	}
	assert_true(taken >= RELAY_BACKLOG / (SIZE + 100));
	assert_true(dropped > 0);
	assert_int_equal(taken + dropped, COUNT);
	/* and from then on it goes on */
	relay_send(relay, "t.", 7, jws, SIZE);
	assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_OK);
	assert_int_equal(message.index, 7);
}

/* A reader that is slower than the writer for long: what is kept moves on, and nothing is out of order or twice. */
static void a_slow_reader_gets_an_order_with_gaps(void **state)
{
	(void)state;
	enum { COUNT = 60000, SIZE = 900 };
	struct relay_message message;
	uint64_t last = 0, taken = 0;
	for (uint64_t i = 1; i <= COUNT; i++) {
		relay_send(relay, "t.", i, jws, SIZE);
		if (i % 3 || relay_receive(ends[READER], room, &message) != RESULT_OK)
			continue;
		assert_true(message.index > last);
		last = message.index;
		taken++;
	}
	for (bool more = true; more;) {
		more = false;
		while (relay_receive(ends[READER], room, &message) == RESULT_OK) {
			assert_true(message.index > last);
			last = message.index;
			taken++;
			more = true;
		}
		relay_flush(relay, 0);
	}
	assert_true(relay_dropped(relay) > 0);
	assert_int_equal(taken + relay_dropped(relay), COUNT);
}

static void a_flush_waits_as_long_as_it_may_and_no_longer(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 5000; i++)
		relay_send(relay, "t.", i, jws, 1000);
	int64_t begun_us = clock_monotonic_us();
	relay_flush(relay, 50);
	int64_t took_us = clock_monotonic_us() - begun_us;
	assert_true(took_us >= 40000 && took_us < 5000000);
}

static void a_message_larger_than_any_event_is_dropped(void **state)
{
	(void)state;
	struct relay_message message;
	relay_send(relay, "t.", 0, jws, sizeof jws);
	assert_int_equal(relay_dropped(relay), 1);
	relay_send(relay, "t.", 1, jws, 60000);
	assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_OK);
	assert_int_equal(message.index, 1);
	assert_int_equal(message.size, 60000);
}

static void without_a_reader_messages_are_kept_and_then_dropped_and_no_signal_comes(void **state)
{
	(void)state;
	close(ends[READER]);
	for (uint64_t i = 0; i < 200; i++)
		relay_send(relay, "t.", i, jws, 60000);
	assert_in_range(relay_dropped(relay), 1, 199);
}

static void what_is_no_message_is_told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} wrong[] = {{"x", 1}, {"12345678", 8}, {"12345678topic", 13}};
	struct relay_message message;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(send(ends[WRITER], wrong[i].bytes, wrong[i].size, 0),
				 wrong[i].size);
		assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_INVALID);
	}
	assert_int_equal(relay_receive(ends[READER], room, &message), RESULT_TIMEOUT);
}

#define WITH_RELAY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RELAY(a_message_arrives_as_it_was_sent),
		WITH_RELAY(nothing_at_all_may_be_a_topic_and_a_jws),
		WITH_RELAY(what_finds_no_room_is_kept_and_comes_later_in_order),
		WITH_RELAY(what_is_too_much_is_dropped_and_counted_without_waiting),
		WITH_RELAY(a_slow_reader_gets_an_order_with_gaps),
		WITH_RELAY(a_flush_waits_as_long_as_it_may_and_no_longer),
		WITH_RELAY(a_message_larger_than_any_event_is_dropped),
		WITH_RELAY(without_a_reader_messages_are_kept_and_then_dropped_and_no_signal_comes),
		WITH_RELAY(what_is_no_message_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
