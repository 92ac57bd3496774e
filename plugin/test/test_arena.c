/* Blocks of an arena: none overlap, all come back, what was in them is gone. */
#include "plugin/arena.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 64, ROUNDS = 20000, THREADS = 4 };

static void the_room_is_a_power_of_two(void **state)
{
	(void)state;
	assert_int_equal(arena_room_of(1), ARENA_UNIT);
	assert_int_equal(arena_room_of(ARENA_UNIT), ARENA_UNIT);
	assert_int_equal(arena_room_of(ARENA_UNIT + 1), 2 * ARENA_UNIT);
	assert_int_equal(arena_room_of(5 * ARENA_UNIT), 8 * ARENA_UNIT);
}

static void all_of_it_can_be_had_in_any_size(void **state)
{
	(void)state;
	struct arena *arena;
	void *blocks[MANY];
	for (size_t units = 1; units <= MANY; units++) {
		assert_int_equal(arena_new(units * ARENA_UNIT + 7, &arena), RESULT_OK);
		assert_int_equal(arena_capacity(arena), units * ARENA_UNIT);
		for (int round = 0; round < 2; round++) {
			for (size_t i = 0; i < units; i++)
				assert_non_null(blocks[i] = arena_take(arena, 1));
			assert_null(arena_take(arena, 1));
			assert_int_equal(arena_used(arena), arena_capacity(arena));
			for (size_t i = 0; i < units; i++)
				arena_give(arena, blocks[(i + 5) % units], 0);
			assert_int_equal(arena_used(arena), 0);
			/* What lies side by side is one again. */
			size_t largest = ARENA_UNIT;
			while (2 * largest <= units * ARENA_UNIT)
				largest *= 2;
			void *whole = arena_take(arena, largest);
			assert_non_null(whole);
			assert_null(arena_take(arena, 2 * largest));
			arena_give(arena, whole, 0);
		}
		arena_free(&arena);
		assert_null(arena);
	}
}

static void what_is_more_than_all_of_it_is_not_to_be_had(void **state)
{
	(void)state;
	struct arena *arena;
	assert_int_equal(arena_new(1 << 20, &arena), RESULT_OK);
	assert_null(arena_take(arena, (1 << 20) + 1));
	assert_null(arena_take(arena, SIZE_MAX / 4));
	assert_int_equal(arena_used(arena), 0);
	arena_free(&arena);
	arena_free(&arena);
}

static void what_was_given_back_is_zero(void **state)
{
	(void)state;
	struct arena *arena;
	static const char secret[] = "CANARY";
	assert_int_equal(arena_new(8 * ARENA_UNIT, &arena), RESULT_OK);
	char *block = arena_take(arena, 4 * ARENA_UNIT);
	for (int i = 0; i < 4 * ARENA_UNIT; i++)
		block[i] = secret[i % 6];
	arena_give(arena, block, 4 * ARENA_UNIT);
	char *all = arena_take(arena, 8 * ARENA_UNIT);
	assert_null(memmem(all, 8 * ARENA_UNIT, secret, 6));
	arena_free(&arena);
}

struct load {
	struct arena *arena;
	unsigned seed;
	int failures;
};

/* Takes and gives at random; each block bears its owner's mark until it is given back. */
static void *run(void *context)
{
	struct load *load = context;
	struct {
		unsigned char *at;
		size_t size;
	} held[MANY] = {0};
	for (int i = 0; i < ROUNDS; i++) {
		int k = rand_r(&load->seed) % MANY;
		unsigned char mark = (unsigned char)(load->seed | 1);
		if (held[k].at) {
			load->failures +=
				held[k].at[0] != held[k].at[held[k].size - 1] || held[k].at[0] == 0;
			arena_give(load->arena, held[k].at, held[k].size);
			held[k].at = NULL;
			continue;
		}
		held[k].size = (size_t)1 << (rand_r(&load->seed) % 14);
		held[k].at = arena_take(load->arena, held[k].size);
		if (held[k].at)
			held[k].at[0] = held[k].at[held[k].size - 1] = mark;
	}
	for (int k = 0; k < MANY; k++)
		if (held[k].at)
			arena_give(load->arena, held[k].at, held[k].size);
	return NULL;
}

static void threads_do_not_get_the_same_block(void **state)
{
	(void)state;
	struct arena *arena;
	struct load loads[THREADS];
	pthread_t threads[THREADS];
	assert_int_equal(arena_new(300 * ARENA_UNIT, &arena), RESULT_OK);
	for (int i = 0; i < THREADS; i++) {
		loads[i] = (struct load){arena, (unsigned)i, 0};
		pthread_create(&threads[i], NULL, run, &loads[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(loads[i].failures, 0);
	}
	assert_int_equal(arena_used(arena), 0);
	assert_non_null(arena_take(arena, 256 * ARENA_UNIT));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_room_is_a_power_of_two),
		cmocka_unit_test(all_of_it_can_be_had_in_any_size),
		cmocka_unit_test(what_is_more_than_all_of_it_is_not_to_be_had),
		cmocka_unit_test(what_was_given_back_is_zero),
		cmocka_unit_test(threads_do_not_get_the_same_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
