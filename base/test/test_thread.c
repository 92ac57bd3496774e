#include "base/thread.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int blocked_signals(void)
{
	sigset_t mask;
	int count = 0;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < NSIG; i++)
		count += sigismember(&mask, i) == 1;
	return count;
}

static void *look(void *context)
{
	int *blocked = context;
	*blocked = blocked_signals();
	return NULL;
}

static void a_thread_blocks_all_signals_and_its_starter_none_more_than_before(void **state)
{
	(void)state;
	pthread_t thread;
	int blocked = 0;
	sigset_t all;
	sigfillset(&all);
	int before = blocked_signals(), every = 0;
	for (int i = 1; i < NSIG; i++)
		every += sigismember(&all, i) == 1;
	assert_int_equal(thread_start(&thread, "look", look, &blocked), RESULT_OK);
	pthread_join(thread, NULL);
	/* SIGKILL and SIGSTOP can't be blocked. */
	assert_int_equal(blocked, every - 2);
	assert_int_equal(blocked_signals(), before);
}

static void blocked_signals_are_restored_as_they_were(void **state)
{
	(void)state;
	sigset_t one, before, after;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	int count = blocked_signals();
	thread_block_signals(&before);
	assert_true(blocked_signals() > count);
	thread_restore_signals(&before);
	assert_int_equal(blocked_signals(), count);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(sigismember(&after, SIGUSR1), 1);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

struct room {
	pthread_mutex_t lock;
	pthread_cond_t condition;
	bool inside, leave;
};

static void *wait_inside(void *context)
{
	struct room *room = context;
	pthread_mutex_lock(&room->lock);
	room->inside = true;
	pthread_cond_broadcast(&room->condition);
	while (!room->leave)
		pthread_cond_wait(&room->condition, &room->lock);
	pthread_mutex_unlock(&room->lock);
	return NULL;
}

/* The thread lives until it was looked at. */
static void a_long_name_is_cut_to_what_the_kernel_takes(void **state)
{
	(void)state;
	struct room room = {.lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t thread;
	char name[32];
	thread_condition_init(&room.condition);
	assert_int_equal(thread_start(&thread, "a-name-of-over-15-characters", wait_inside, &room),
			 RESULT_OK);
	assert_int_equal(pthread_getname_np(thread, name, sizeof name), 0);
	assert_string_equal(name, "a-name-of-over-");
	pthread_mutex_lock(&room.lock);
	room.leave = true;
	pthread_cond_broadcast(&room.condition);
	pthread_mutex_unlock(&room.lock);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&room.condition);
}

static void a_wait_ends_at_its_deadline_on_the_monotonic_clock(void **state)
{
	(void)state;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition;
	thread_condition_init(&condition);
	pthread_mutex_lock(&lock);
	int64_t deadline_us = clock_monotonic_us() + 20000;
	/* It may wake early, but never says false before the deadline. */
	while (thread_wait(&condition, &lock, deadline_us))
		;
	assert_true(clock_monotonic_us() >= deadline_us);
	assert_false(thread_wait(&condition, &lock, deadline_us - 1000000));
	assert_false(thread_wait(&condition, &lock, 0));
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&condition);
}

static void a_wait_ends_when_the_condition_is_signalled(void **state)
{
	(void)state;
	struct room room = {.lock = PTHREAD_MUTEX_INITIALIZER, .leave = true};
	pthread_t thread;
	bool in_time = true;
	thread_condition_init(&room.condition);
	pthread_mutex_lock(&room.lock);
	assert_int_equal(thread_start(&thread, "signals", wait_inside, &room), RESULT_OK);
	int64_t deadline_us = clock_monotonic_us() + 60 * 1000000LL;
	while (!room.inside && in_time)
		in_time = thread_wait(&room.condition, &room.lock, deadline_us);
	pthread_mutex_unlock(&room.lock);
	assert_true(room.inside && in_time);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&room.condition);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_blocks_all_signals_and_its_starter_none_more_than_before),
		cmocka_unit_test(blocked_signals_are_restored_as_they_were),
		cmocka_unit_test(a_long_name_is_cut_to_what_the_kernel_takes),
		cmocka_unit_test(a_wait_ends_at_its_deadline_on_the_monotonic_clock),
		cmocka_unit_test(a_wait_ends_when_the_condition_is_signalled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
