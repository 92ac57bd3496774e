/* Who may have how much of the queue, and that each loss is told once. */
#include "plugin/registrars.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 1 << 20, SECOND_US = 1000000 };

static struct registrars *registrars;

static int set_up(void **state)
{
	(void)state;
	return registrars_new(&registrars);
}

static int tear_down(void **state)
{
	(void)state;
	registrars_free(&registrars);
	return 0;
}

static unsigned find(const char *login)
{
	return registrars_find(registrars, login);
}

static bool hold(unsigned who, uint64_t bytes, uint64_t used)
{
	return registrars_hold(registrars, who, SHARED_QUEUE, bytes, used, CAPACITY);
}

static void each_login_keeps_a_place_of_its_own(void **state)
{
	(void)state;
	static const char *const logins[] = {"", "a", "b", "ab", "ba", "ClientX", "clientx"};
	enum { LOGINS = sizeof logins / sizeof *logins };
	unsigned places[LOGINS];
	for (int i = 0; i < LOGINS; i++) {
		places[i] = find(logins[i]);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(places[i], places[j]);
	}
	for (int i = 0; i < LOGINS; i++)
		assert_int_equal(find(logins[i]), places[i]);
	assert_int_equal(find(NULL), find(""));
}

static void a_login_is_cut_to_what_no_token_can_be(void **state)
{
	(void)state;
	char longest[200], cut[66];
	memset(longest, 'r', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	memcpy(cut, longest, 65);
	cut[65] = '\0';
	assert_int_equal(find(longest), find(cut));
	cut[64] = '\0';
	assert_int_not_equal(find(longest), find(cut));
}

static void those_that_find_no_place_share_one_without_a_name(void **state)
{
	(void)state;
	char login[16];
	struct registrar_losses losses;
	size_t place = 0;
	unsigned shared = 0;
	for (int i = 0; i < 6000; i++) {
		snprintf(login, sizeof login, "r%d", i);
		if (find(login) == 0) {
			shared++;
			registrars_lose(registrars, 0, LOSS_QUEUE_FULL, 1 + i);
		}
	}
	assert_in_range(shared, 6000 - 4096, 3000);
	assert_true(registrars_next_losses(registrars, &place, 0, &losses));
	assert_string_equal(losses.login, "");
	assert_int_equal(losses.count, shared);
	assert_false(registrars_next_losses(registrars, &place, 0, &losses));
}

static void one_registrar_alone_may_have_the_whole_queue(void **state)
{
	(void)state;
	unsigned only = find("only");
	for (uint64_t used = 0; used < CAPACITY; used += 1024)
		assert_true(hold(only, 1024, used));
}

static void a_registrar_with_a_quarter_is_refused_where_room_is_short(void **state)
{
	(void)state;
	enum { QUARTER = CAPACITY / 4 };
	unsigned greedy = find("greedy"), modest = find("modest");
	/* Three quarters are anybody's. */
	assert_true(hold(greedy, 3 * QUARTER, 0));
	assert_false(hold(greedy, 64, 3 * QUARTER));
	/* A refusal holds nothing: what is given back is enough again. */
	registrars_release(registrars, greedy, SHARED_QUEUE, 2 * QUARTER + 64);
	assert_true(hold(greedy, 64, 3 * QUARTER));
	assert_false(hold(greedy, 64, 3 * QUARTER));
	/* The last quarter is there for others, up to a quarter each. */
	assert_true(hold(modest, QUARTER, 3 * QUARTER));
	assert_false(hold(modest, 64, 3 * QUARTER));
	/* What it has of one thing doesn't count for another. */
	assert_true(registrars_hold(registrars, greedy, SHARED_TICKETS, 1, 15, 16));
}

static void a_login_is_known_by_its_place(void **state)
{
	(void)state;
	assert_string_equal(registrars_login(registrars, find("clientx")), "clientx");
	assert_string_equal(registrars_login(registrars, find(NULL)), "");
	assert_string_equal(registrars_login(registrars, 0), "");
	assert_string_equal(registrars_login(registrars, REGISTRARS_REGISTRY), "");
}

static void the_registry_is_no_other_registrar(void **state)
{
	(void)state;
	enum { QUARTER = CAPACITY / 4 };
	unsigned only = find("only");
	assert_true(hold(REGISTRARS_REGISTRY, 64, 0));
	for (uint64_t used = 64; used < CAPACITY; used += 1024)
		assert_true(hold(only, 1024, used));
	/* A registrar's flood takes nothing of the registry's quarter. */
	assert_true(hold(REGISTRARS_REGISTRY, QUARTER - 64, 3 * QUARTER));
	/* But to the registry, a registrar is another. */
	assert_false(hold(REGISTRARS_REGISTRY, 64, 3 * QUARTER));
}

static void the_registry_alone_may_have_the_whole_queue(void **state)
{
	(void)state;
	for (uint64_t used = 0; used < CAPACITY; used += 1024)
		assert_true(hold(REGISTRARS_REGISTRY, 1024, used));
}

static void losses_of_the_registry_are_nobodys(void **state)
{
	(void)state;
	struct registrar_losses losses;
	size_t place = 0;
	registrars_lose(registrars, REGISTRARS_REGISTRY, LOSS_QUEUE_FULL, 100);
	registrars_lose(registrars, find("clientx"), LOSS_QUEUE_FULL, 200);
	assert_true(registrars_next_losses(registrars, &place, 0, &losses));
	assert_string_equal(losses.login, "");
	assert_int_equal(losses.who, REGISTRARS_REGISTRY);
	assert_int_equal(losses.count, 1);
	registrars_told(registrars, &losses, 0);
	assert_true(registrars_next_losses(registrars, &place, 0, &losses));
	assert_string_equal(losses.login, "clientx");
	registrars_told(registrars, &losses, 0);
	place = 0;
	assert_false(registrars_next_losses(registrars, &place, INT64_MAX, &losses));
}

static void losses_are_told_with_count_and_times_and_only_once(void **state)
{
	(void)state;
	struct registrar_losses losses;
	size_t place = 0;
	unsigned who = find("clientx");
	assert_false(registrars_next_losses(registrars, &place, 0, &losses));
	registrars_lose(registrars, who, LOSS_FRAME_LIMIT, 100);
	registrars_lose(registrars, who, LOSS_FRAME_LIMIT, 300);
	for (int told = 0; told < 2; told++) {
		/* As long as nobody said that they were told, they come again. */
		place = 0;
		assert_true(registrars_next_losses(registrars, &place, 0, &losses));
		assert_string_equal(losses.login, "clientx");
		assert_int_equal(losses.who, who);
		assert_int_equal(losses.reason, LOSS_FRAME_LIMIT);
		assert_int_equal(losses.count, 2);
		assert_int_equal(losses.from_us, 100);
		assert_int_equal(losses.to_us, 300);
		assert_false(registrars_next_losses(registrars, &place, 0, &losses));
	}
	registrars_told(registrars, &losses, 0);
	place = 0;
	assert_false(registrars_next_losses(registrars, &place, INT64_MAX, &losses));
}

static void each_reason_of_each_registrar_is_told_once_a_second(void **state)
{
	(void)state;
	struct registrar_losses losses;
	size_t place = 0;
	unsigned one = find("one"), two = find("two");
	int64_t now_us = 1;
	registrars_lose(registrars, one, LOSS_QUEUE_FULL, 100);
	assert_true(registrars_next_losses(registrars, &place, now_us, &losses));
	registrars_told(registrars, &losses, now_us);
	registrars_lose(registrars, one, LOSS_QUEUE_FULL, 200);
	registrars_lose(registrars, one, LOSS_DISK_FULL, 200);
	registrars_lose(registrars, two, LOSS_QUEUE_FULL, 200);
	now_us += SECOND_US - 1;
	place = 0;
	for (int i = 0; i < 2; i++) {
		assert_true(registrars_next_losses(registrars, &place, now_us, &losses));
		assert_true(losses.who == two || losses.reason == LOSS_DISK_FULL);
		registrars_told(registrars, &losses, now_us);
	}
	assert_false(registrars_next_losses(registrars, &place, now_us, &losses));
	place = 0;
	assert_true(registrars_next_losses(registrars, &place, now_us + 1, &losses));
	assert_int_equal(losses.who, one);
	assert_int_equal(losses.from_us, 200);
	/* At the end, nothing waits. */
	place = 0;
	assert_true(registrars_next_losses(registrars, &place, INT64_MAX, &losses));
}

static void losses_that_come_in_the_wrong_order_have_a_time_all_the_same(void **state)
{
	struct registrar_losses losses;
	size_t place = 0;
	(void)state;
	unsigned who = find("one");
	registrars_lose(registrars, who, LOSS_QUEUE_FULL, 500);
	registrars_lose(registrars, who, LOSS_QUEUE_FULL, 20);
	assert_true(registrars_next_losses(registrars, &place, INT64_MAX, &losses));
	assert_int_equal(losses.count, 2);
	assert_int_equal(losses.from_us, 20);
	assert_int_equal(losses.to_us, 20);
}

enum { THREADS = 8, PER_THREAD = 20000, LOGINS = 5 };

static _Atomic unsigned running;

static void *lose_many(void *number)
{
	char login[16];
	unsigned seed = *(unsigned *)number;
	for (unsigned i = 0; i < PER_THREAD; i++) {
		snprintf(login, sizeof login, "r%u", (seed + i) % LOGINS);
		registrars_lose(registrars, find(login), (seed + i) % LOSSES, 1 + i);
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

/* Tells as a capture thread does, while others lose; answers how many it told. */
static uint64_t tell(void)
{
	struct registrar_losses losses;
	size_t place = 0;
	uint64_t told = 0;
	while (registrars_next_losses(registrars, &place, INT64_MAX, &losses)) {
		assert_int_equal(losses.login[0], 'r');
		assert_in_range(losses.from_us, 1, PER_THREAD);
		assert_in_range(losses.to_us, losses.from_us, PER_THREAD);
		registrars_told(registrars, &losses, 0);
		told += losses.count;
	}
	return told;
}

static void under_many_threads_each_loss_is_told_once(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];
	uint64_t told = 0;
	atomic_store(&running, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, lose_many, &numbers[i]), 0);
	}
	while (atomic_load(&running) > 0)
		told += tell();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	told += tell();
	assert_int_equal(told, THREADS * PER_THREAD);
	assert_int_equal(tell(), 0);
}

static void *hold_many(void *got)
{
	for (int i = 0; i < 10000; i++)
		if (hold(find("greedy"), 64, CAPACITY - 64))
			++*(unsigned *)got;
	return NULL;
}

static void many_threads_of_one_registrar_get_no_more_than_its_quarter(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	unsigned got[THREADS] = {0}, all = 0;
	find("other");
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hold_many, &got[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += got[i];
	}
	assert_in_range(all, CAPACITY / 4 / 64 - THREADS, CAPACITY / 4 / 64);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(each_login_keeps_a_place_of_its_own),
		WITH_TABLE(a_login_is_cut_to_what_no_token_can_be),
		WITH_TABLE(those_that_find_no_place_share_one_without_a_name),
		WITH_TABLE(one_registrar_alone_may_have_the_whole_queue),
		WITH_TABLE(a_registrar_with_a_quarter_is_refused_where_room_is_short),
		WITH_TABLE(a_login_is_known_by_its_place),
		WITH_TABLE(the_registry_is_no_other_registrar),
		WITH_TABLE(the_registry_alone_may_have_the_whole_queue),
		WITH_TABLE(losses_of_the_registry_are_nobodys),
		WITH_TABLE(losses_are_told_with_count_and_times_and_only_once),
		WITH_TABLE(each_reason_of_each_registrar_is_told_once_a_second),
		WITH_TABLE(losses_that_come_in_the_wrong_order_have_a_time_all_the_same),
		WITH_TABLE(under_many_threads_each_loss_is_told_once),
		WITH_TABLE(many_threads_of_one_registrar_get_no_more_than_its_quarter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
