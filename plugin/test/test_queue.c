/* The queue between the front end's threads and the capture thread. */
#include "plugin/queue.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { UNIT = 64 };

static uint64_t position; /* behind what put() put in last, by one thread */

static struct queue_entry entry_of(const char *registrar, const char *command, const char *response)
{
	return (struct queue_entry){.wall_us = 1,
				    .monotonic_us = 2,
				    .registrar = registrar,
				    .command = command,
				    .command_size = strlen(command),
				    .response = response,
				    .response_size = strlen(response)};
}

static struct queue *queue_of(size_t bytes)
{
	struct queue *queue;
	assert_int_equal(queue_new(bytes, &queue), RESULT_OK);
	return queue;
}

static void an_entry_comes_out_as_it_went_in(void **state)
{
	(void)state;
	struct queue *queue = queue_of(4096);
	struct queue_entry in = entry_of("clientx", "<command>", "<response>"), out;
	in.wall_us = INT64_MAX;
	in.monotonic_us = INT64_MIN;
	in.owner = 4096;
	in.kind = QUEUE_END;
	in.ticket = UINT64_MAX;
	assert_false(queue_peek(queue, &out));
	assert_int_equal(queue_put(queue, &in, &position), RESULT_OK);
	assert_true(queue_peek(queue, &out));
	assert_string_equal(out.registrar, "clientx");
	assert_int_equal(out.command_size, 9);
	assert_memory_equal(out.command, "<command>", 9);
	assert_int_equal(out.response_size, 10);
	assert_memory_equal(out.response, "<response>", 10);
	assert_true(out.wall_us == INT64_MAX && out.monotonic_us == INT64_MIN);
	assert_int_equal(out.owner, 4096);
	assert_int_equal(out.kind, QUEUE_END);
	assert_true(out.ticket == UINT64_MAX);
	assert_int_equal(queue_room_of(&out), queue_room_of(&in));
	assert_int_equal(queue_used(queue), queue_room_of(&in));
	assert_int_equal(queue_end(queue), position);
	queue_pop(queue);
	assert_int_equal(queue_used(queue), 0);
	assert_int_equal(queue_start(queue), queue_end(queue));
	assert_false(queue_peek(queue, &out));
	queue_free(&queue);
	assert_null(queue);
	queue_free(&queue);
}

static void a_long_registrar_is_cut_to_what_no_token_can_be(void **state)
{
	(void)state;
	char longest[200];
	struct queue *queue = queue_of(4096);
	memset(longest, 'r', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	struct queue_entry in = entry_of(longest, "c", "r"), out;
	assert_int_equal(queue_put(queue, &in, &position), RESULT_OK);
	assert_true(queue_peek(queue, &out));
	assert_int_equal(strlen(out.registrar), 65);
	assert_memory_equal(out.command, "c", 1);
	queue_free(&queue);
}

static void what_must_stay_free_for_others_is_not_taken(void **state)
{
	(void)state;
	struct queue *queue = queue_of(16 * UNIT);
	struct queue_entry in = entry_of("", "command", "response");
	int taken = 0;
	in.spare = 3 * UNIT;
	while (queue_put(queue, &in, &position) == RESULT_OK)
		taken++;
	assert_int_equal(taken, 6);
	in.spare = 0;
	while (queue_put(queue, &in, &position) == RESULT_OK)
		taken++;
	assert_int_equal(taken, 8);
	queue_free(&queue);
}

static void a_full_queue_takes_nothing_and_goes_on_when_there_is_room(void **state)
{
	(void)state;
	struct queue *queue = queue_of(16 * UNIT);
	struct queue_entry in = entry_of("", "command", "response"), out;
	int taken = 0;
	while (queue_put(queue, &in, &position) == RESULT_OK)
		taken++;
	assert_int_equal(taken, 8); /* each is a unit of header and one of bytes */
	uint64_t end = queue_end(queue);
	assert_int_equal(queue_put(queue, &in, &position), RESULT_FULL);
	assert_int_equal(queue_end(queue), end);
	assert_true(queue_peek(queue, &out));
	queue_pop(queue);
	assert_int_equal(queue_put(queue, &in, &position), RESULT_OK);
	assert_int_equal(queue_put(queue, &in, &position), RESULT_FULL);
	for (taken = 0; queue_peek(queue, &out); queue_pop(queue))
		taken++;
	assert_int_equal(taken, 8);
	queue_free(&queue);
}

static void an_entry_over_the_queue_is_full_and_one_of_its_size_fits(void **state)
{
	(void)state;
	enum { SIZE = 64 * 1024 };
	char *large = malloc(SIZE);
	memset(large, 'x', SIZE);
	struct queue *queue = queue_of(SIZE);
	struct queue_entry in = entry_of("", "", "r"), out;
	in.command = large;
	in.command_size =
		SIZE - UNIT - 1; /* with a registrar's NUL and the response one too many */
	assert_int_equal(queue_put(queue, &in, &position), RESULT_FULL);
	in.command_size = SIZE - UNIT - 2;
	assert_int_equal(queue_put(queue, &in, &position), RESULT_OK);
	assert_true(queue_peek(queue, &out));
	assert_memory_equal(out.command, large, in.command_size);
	assert_memory_equal(out.response, "r", 1);
	queue_pop(queue);
	/* Sizes that no memory has must not wrap to small ones. */
	in.command_size = SIZE_MAX / 2;
	in.response_size = 1;
	assert_int_equal(queue_put(queue, &in, &position), RESULT_FULL);
	queue_free(&queue);
	free(large);
}

/* Entries of all sizes, so that the ring's end is met in every way, with and without padding. */
static void entries_stay_whole_over_the_rings_end(void **state)
{
	(void)state;
	enum { CAPACITY = 32 * UNIT, MOST = 13 * UNIT };
	static char bytes[MOST];
	struct queue *queue = queue_of(CAPACITY);
	unsigned put = 0, got = 0;
	for (unsigned round = 0; round < 20000; round++) {
		struct queue_entry in = entry_of("", "", "end"), out;
		in.command = bytes;
		in.command_size = put * 37 % MOST;
		memset(bytes, (int)('a' + put % 26), in.command_size);
		if (queue_put(queue, &in, &position) == RESULT_OK) {
			put++;
			continue;
		}
		assert_true(queue_peek(queue, &out));
		assert_int_equal(out.command_size, got * 37 % MOST);
		for (size_t i = 0; i < out.command_size; i++)
			if (out.command[i] != (char)('a' + got % 26))
				fail_msg("entry %u, byte %zu", got, i);
		assert_memory_equal(out.response, "end", 3);
		queue_pop(queue);
		got++;
	}
	assert_true(put > 5000);
	assert_true(queue_end(queue) > 100 * CAPACITY);
	queue_free(&queue);
}

static void what_was_consumed_is_overwritten_with_zeros(void **state)
{
	(void)state;
	struct queue *queue = queue_of(64 * UNIT);
	struct queue_entry in = entry_of("clientx", "secret of a registrant", "its answer"), out;
	assert_int_equal(queue_put(queue, &in, &position), RESULT_OK);
	assert_true(queue_peek(queue, &out));
	const char *ring = out.registrar - UNIT;
	assert_memory_equal(out.command, "secret", 6);
	queue_pop(queue);
	for (int i = 0; i < 4 * UNIT; i++)
		assert_int_equal(ring[i], 0);
	queue_free(&queue);
}

enum { PRODUCERS = 8, PER_PRODUCER = 4000 };

struct stamp {
	unsigned producer, number;
};

struct producer {
	struct queue *queue;
	unsigned id;
	_Atomic unsigned *refused;
};

static size_t size_of(unsigned producer, unsigned number)
{
	return sizeof(struct stamp) + (producer * 131 + number * 17) % 900;
}

static void *produce(void *context)
{
	struct producer *producer = context;
	char bytes[1024];
	for (unsigned number = 0; number < PER_PRODUCER; number++) {
		struct stamp stamp = {producer->id, number};
		size_t size = size_of(producer->id, number);
		memset(bytes, (int)(producer->id + 1), size);
		memcpy(bytes, &stamp, sizeof stamp);
		struct queue_entry entry = entry_of("r", "", "ok");
		uint64_t behind;
		entry.command = bytes;
		entry.command_size = size;
		while (queue_put(producer->queue, &entry, &behind) == RESULT_FULL) {
			atomic_fetch_add(producer->refused, 1);
			sched_yield();
		}
	}
	return NULL;
}

static void check_stamped(const struct queue_entry *out, unsigned next[PRODUCERS])
{
	struct stamp stamp;
	memcpy(&stamp, out->command, sizeof stamp);
	assert_true(stamp.producer < PRODUCERS);
	assert_int_equal(stamp.number, next[stamp.producer]);
	assert_int_equal(out->command_size, size_of(stamp.producer, stamp.number));
	for (size_t i = sizeof stamp; i < out->command_size; i++)
		if (out->command[i] != (char)(stamp.producer + 1))
			fail_msg("bytes of another producer in entry %u", stamp.number);
	assert_memory_equal(out->response, "ok", 2);
	next[stamp.producer]++;
}

static void each_producers_order_is_kept_and_nothing_is_lost_or_mixed(void **state)
{
	(void)state;
	struct queue *queue = queue_of(16 * 1024);
	_Atomic unsigned refused = 0;
	pthread_t threads[PRODUCERS];
	struct producer producers[PRODUCERS];
	unsigned next[PRODUCERS] = {0};
	for (unsigned i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){queue, i, &refused};
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (unsigned got = 0; got < PRODUCERS * PER_PRODUCER;) {
		struct queue_entry out;
		if (!queue_peek(queue, &out)) {
			sched_yield();
			continue;
		}
		check_stamped(&out, next);
		queue_pop(queue);
		got++;
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(next[i], PER_PRODUCER);
	}
	assert_int_equal(queue_start(queue), queue_end(queue));
	assert_true(atomic_load(&refused) > 0); /* else it was never full, and the test too easy */
	queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_comes_out_as_it_went_in),
		cmocka_unit_test(a_long_registrar_is_cut_to_what_no_token_can_be),
		cmocka_unit_test(what_must_stay_free_for_others_is_not_taken),
		cmocka_unit_test(a_full_queue_takes_nothing_and_goes_on_when_there_is_room),
		cmocka_unit_test(an_entry_over_the_queue_is_full_and_one_of_its_size_fits),
		cmocka_unit_test(entries_stay_whole_over_the_rings_end),
		cmocka_unit_test(what_was_consumed_is_overwritten_with_zeros),
		cmocka_unit_test(each_producers_order_is_kept_and_nothing_is_lost_or_mixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
