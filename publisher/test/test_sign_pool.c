/* The threads that sign: all of a batch, in its order, by any number of threads. */
#include "publisher/sign_pool.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { JOBS = 200 };

static struct scratch scratch;
static struct signing_key *key;
static struct sign_job jobs[JOBS];

static int set_up(void **state)
{
	(void)state;
	char path[128], why[512];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	for (int i = 0; i < JOBS; i++)
		buffer_init(&jobs[i].jws, 1000);
	return signing_key_load(path, &key, why, sizeof why);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < JOBS; i++)
		buffer_free(&jobs[i].jws);
	signing_key_free(&key);
	scratch_remove(scratch.path);
	return 0;
}

static void prepare(size_t count, int round)
{
	for (size_t i = 0; i < count; i++) {
		buffer_reset(&jobs[i].jws);
		buffer_printf(&jobs[i].jws, "round%d.job%zu", round, i);
		jobs[i].is_signed = false;
	}
}

/* Ed25519 signatures are a function of key and text, so one signer alone must give the same. */
static void check(size_t count, int round)
{
	struct signer *signer;
	struct buffer expected;
	buffer_init(&expected, 1000);
	assert_int_equal(signer_new(key, &signer), RESULT_OK);
	for (size_t i = 0; i < count; i++) {
		buffer_reset(&expected);
		buffer_printf(&expected, "round%d.job%zu", round, i);
		assert_int_equal(signer_close_jws(signer, &expected), RESULT_OK);
		assert_true(jobs[i].is_signed);
		assert_int_equal(jobs[i].jws.size, expected.size);
		assert_memory_equal(jobs[i].jws.data, expected.data, expected.size);
	}
	signer_free(&signer);
	buffer_free(&expected);
}

static void batches_of_all_sizes_are_signed_whole_by_any_number_of_threads(void **state)
{
	(void)state;
	static const unsigned threads[] = {1, 2, 7};
	static const size_t sizes[] = {0, 1, 2, 3, JOBS, 0, 5};
	for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
		struct sign_pool *pool;
		assert_int_equal(sign_pool_new(key, threads[t], &pool), RESULT_OK);
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
			prepare(sizes[s], (int)s);
			sign_pool_begin(pool, jobs, sizes[s]);
			assert_true(sign_pool_wait(pool));
			assert_true(sign_pool_wait(pool));
			check(sizes[s], (int)s);
		}
		sign_pool_free(&pool);
		assert_null(pool);
		sign_pool_free(&pool);
	}
}

static void a_job_that_fails_can_be_tried_again_and_the_others_are_signed_once(void **state)
{
	(void)state;
	struct sign_pool *pool;
	assert_int_equal(sign_pool_new(key, 2, &pool), RESULT_OK);
	prepare(3, 0);
	size_t enough = jobs[1].jws.max;
	jobs[1].jws.max = jobs[1].jws.size + 10;
	sign_pool_begin(pool, jobs, 3);
	assert_false(sign_pool_wait(pool));
	assert_true(jobs[0].is_signed && !jobs[1].is_signed && jobs[2].is_signed);
	jobs[1].jws.max = enough;
	sign_pool_begin(pool, jobs, 3);
	assert_true(sign_pool_wait(pool));
	check(3, 0);
	sign_pool_free(&pool);
}

static void a_pool_may_end_with_work_under_way(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct sign_pool *pool;
		assert_int_equal(sign_pool_new(key, 3, &pool), RESULT_OK);
		prepare(JOBS, 0);
		sign_pool_begin(pool, jobs, JOBS);
		sign_pool_free(&pool);
		assert_null(pool);
	}
}

#define WITH_KEY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KEY(batches_of_all_sizes_are_signed_whole_by_any_number_of_threads),
		WITH_KEY(a_job_that_fails_can_be_tried_again_and_the_others_are_signed_once),
		WITH_KEY(a_pool_may_end_with_work_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
