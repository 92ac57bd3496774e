/* Tickets: what is stale, doubled or foreign is known as such, and each is told once, whoever calls when. */
#include "plugin/tickets.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tickets *tickets;

static int set_up(void **state)
{
	(void)state;
	return tickets_new(&tickets);
}

static int tear_down(void **state)
{
	(void)state;
	tickets_free(&tickets);
	return 0;
}

static uint64_t take(unsigned owner)
{
	uint64_t ticket = 0;
	assert_int_equal(tickets_take(tickets, owner, &ticket), RESULT_OK);
	assert_true(ticket != 0);
	return ticket;
}

static int end(uint64_t ticket)
{
	unsigned owner;
	return tickets_end(tickets, ticket, &owner);
}

static void a_ticket_is_ended_once_and_then_stale(void **state)
{
	(void)state;
	unsigned owner = 0;
	uint64_t ticket = take(77);
	assert_int_equal(tickets_end(tickets, ticket, &owner), RESULT_OK);
	assert_int_equal(owner, 77);
	assert_int_equal(end(ticket), RESULT_INVALID);
	tickets_close(tickets, ticket);
	assert_int_equal(end(ticket), RESULT_INVALID);
	/* The same place, used again. */
	for (int i = 0; i < 1000; i++) {
		uint64_t next = take(1);
		assert_true(next != ticket);
		assert_int_equal(end(ticket), RESULT_INVALID);
		assert_int_equal(end(next), RESULT_OK);
		tickets_close(tickets, next);
		ticket = next;
	}
}

static void what_is_no_ticket_of_ours_is_refused(void **state)
{
	(void)state;
	struct tickets *others;
	uint64_t ticket = take(1), foreign;
	assert_int_equal(tickets_new(&others), RESULT_OK);
	assert_int_equal(tickets_take(others, 1, &foreign), RESULT_OK);
	assert_int_equal(end(foreign), RESULT_INVALID);
	tickets_free(&others);
	const uint64_t none[] = {0, 1, TICKETS - 1, TICKETS, UINT64_MAX, UINT64_MAX / 2};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(end(none[i]), RESULT_INVALID);
	for (int bit = 0; bit < 64; bit++)
		assert_int_equal(end(ticket ^ UINT64_C(1) << bit), RESULT_INVALID);
	assert_int_equal(end(ticket), RESULT_OK);
}

static void a_polls_ticket_says_whose_it_is_and_takes_no_place(void **state)
{
	(void)state;
	unsigned owner;
	struct tickets *others;
	uint64_t poll = tickets_of_poll(tickets, 4097), intent = take(1);
	assert_int_equal(tickets_used(tickets), 1);
	assert_true(tickets_is_poll(tickets, poll, &owner));
	assert_int_equal(owner, 4097);
	assert_int_equal(end(poll), RESULT_INVALID);
	assert_false(tickets_is_poll(tickets, intent, &owner));
	assert_false(tickets_is_poll(tickets, 0, &owner));
	for (int bit = 16; bit < 64; bit++)
		assert_false(tickets_is_poll(tickets, poll ^ UINT64_C(1) << bit, &owner));
	assert_int_equal(tickets_new(&others), RESULT_OK);
	assert_false(tickets_is_poll(others, poll, &owner));
	tickets_free(&others);
}

static void when_all_are_open_there_is_none_until_one_is_closed(void **state)
{
	(void)state;
	static uint64_t all[TICKETS];
	uint64_t one_more = 5;
	assert_int_equal(tickets_used(tickets), 0);
	for (int i = 0; i < TICKETS; i++)
		all[i] = take(1);
	assert_int_equal(tickets_take(tickets, 1, &one_more), RESULT_FULL);
	assert_int_equal(tickets_used(tickets), TICKETS);
	assert_int_equal(end(all[9999]), RESULT_OK);
	assert_int_equal(tickets_take(tickets, 1, &one_more), RESULT_FULL);
	tickets_close(tickets, all[9999]);
	all[9999] = take(1);
	assert_int_equal(tickets_take(tickets, 1, &one_more), RESULT_FULL);
	tickets_give_back(tickets, all[5]);
	assert_int_equal(end(all[5]), RESULT_INVALID);
	all[5] = take(1);
	for (int i = 0; i < TICKETS; i++)
		assert_int_equal(end(all[i]), RESULT_OK);
}

static void what_was_handed_over_comes_once_with_fate_and_time(void **state)
{
	(void)state;
	uint64_t failed = take(1), lost = take(1), open = take(1), ticket;
	int64_t wall_us = 0;
	assert_false(tickets_next_handed(tickets, &ticket));
	assert_int_equal(end(failed), RESULT_OK);
	assert_int_equal(end(lost), RESULT_OK);
	tickets_hand_over(tickets, failed, FATE_GIVEN_UP, 10);
	tickets_hand_over(tickets, lost, FATE_UNKNOWN, 20);
	for (int i = 0; i < 2; i++) {
		assert_true(tickets_next_handed(tickets, &ticket));
		bool is_lost = ticket == lost;
		assert_true(is_lost || ticket == failed);
		assert_int_equal(tickets_fate(tickets, ticket, &wall_us),
				 is_lost ? FATE_UNKNOWN : FATE_GIVEN_UP);
		assert_int_equal(wall_us, is_lost ? 20 : 10);
		tickets_close(tickets, ticket);
	}
	assert_false(tickets_next_handed(tickets, &ticket));
	assert_int_equal(tickets_fate(tickets, open, &wall_us), FATE_OPEN);
	assert_int_equal(tickets_fate(tickets, failed, &wall_us), FATE_OPEN);
}

static void those_whose_command_was_taken_are_found(void **state)
{
	(void)state;
	uint64_t coming = take(1), taken = take(2), found;
	size_t place = 0;
	assert_false(tickets_next_taken(tickets, &place, &found));
	tickets_intent(tickets, taken)->taken = true;
	tickets_intent(tickets, taken)->change = calloc(1, 8);
	place = 0;
	assert_true(tickets_next_taken(tickets, &place, &found));
	assert_true(found == taken && found != coming);
	assert_false(tickets_next_taken(tickets, &place, &found));
	tickets_close(tickets, taken);
	place = 0;
	assert_false(tickets_next_taken(tickets, &place, &found));
}

enum { THREADS = 8, PER_THREAD = 20000 };

static _Atomic unsigned stale, running;

/* Takes, ends and hands over, and tries each ticket again, which must be refused. */
static void *use_many(void *number)
{
	for (unsigned i = 0; i < PER_THREAD; i++) {
		uint64_t ticket;
		unsigned owner;
		while (tickets_take(tickets, *(unsigned *)number, &ticket) != RESULT_OK)
			sched_yield();
		if (tickets_end(tickets, ticket, &owner) != RESULT_OK ||
		    owner != *(unsigned *)number)
			abort();
		tickets_hand_over(tickets, ticket, FATE_GIVEN_UP, i + 1);
		if (end(ticket) == RESULT_INVALID)
			atomic_fetch_add(&stale, 1);
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static unsigned close_handed(void)
{
	uint64_t ticket;
	unsigned closed = 0;
	while (tickets_next_handed(tickets, &ticket)) {
		int64_t wall_us = 0;
		assert_int_equal(tickets_fate(tickets, ticket, &wall_us), FATE_GIVEN_UP);
		assert_in_range(wall_us, 1, PER_THREAD);
		tickets_close(tickets, ticket);
		closed++;
	}
	return closed;
}

static void many_threads_share_the_table(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	unsigned numbers[THREADS], closed = 0;
	atomic_store(&stale, 0);
	atomic_store(&running, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, use_many, &numbers[i]), 0);
	}
	while (atomic_load(&running) > 0)
		closed += close_handed();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	closed += close_handed();
	assert_int_equal(closed, THREADS * PER_THREAD);
	assert_int_equal(atomic_load(&stale), THREADS * PER_THREAD);
	/* Each place is free again, and none is there twice. */
	when_all_are_open_there_is_none_until_one_is_closed(state);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(a_ticket_is_ended_once_and_then_stale),
		WITH_TABLE(what_is_no_ticket_of_ours_is_refused),
		WITH_TABLE(a_polls_ticket_says_whose_it_is_and_takes_no_place),
		WITH_TABLE(when_all_are_open_there_is_none_until_one_is_closed),
		WITH_TABLE(what_was_handed_over_comes_once_with_fate_and_time),
		WITH_TABLE(those_whose_command_was_taken_are_found),
		WITH_TABLE(many_threads_share_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
