/* The pipeline by itself, at times of the test's choice: when it looks at the spool, and what goes together. */
#include "publisher/pipeline.h"

#include "publisher/batch.h"
#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

enum {
	MS = 1000,
	APART_MS = 50,  /* as in pipeline.c: between small batches */
	RETRY_MS = 200, /* as there, after a commit that failed */
	PAUSE_MS = 50,
	ROUNDS_MOST = 100,
	WRITER = STATE_DIR_WRITERS, /* it lives: this process has its lock */
};

static struct scratch scratch;
static struct config *config;
static struct state_dir *dir;
static struct signing_key *key;
static struct tallies tallies;
static struct pipeline *pipeline;
static struct fixture_segment segment;
static struct change change;
static int shown; /* changes */

static int set_up(void **state)
{
	(void)state;
	char path[128], text[256], why[512];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	snprintf(text, sizeof text,
		 "zones: [example]\nchannels:\n  - {name: public, bind: 'ipc://%s/public'}\n",
		 scratch.path);
	config = fixture_config(&scratch, text);
	change_init(&change);
	assert_int_equal(state_dir_open(config->state_dir, &dir, why, sizeof why), RESULT_OK);
	assert_int_equal(state_dir_lock(dir, WRITER), RESULT_OK);
	fixture_segment_begin(&segment, WRITER, 1);
	fixture_segment_put(&segment, config->state_dir);
	assert_int_equal(signing_key_load(config->key_event, &key, why, sizeof why), RESULT_OK);
	const struct publisher_host host = {.config = config, .dir = dir};
	tallies = (struct tallies){0};
	shown = 0;
	if (pipeline_open(&(struct pipeline_parts){config, key, &host, &tallies}, &pipeline, why,
			  sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_close(&pipeline, 0);
	signing_key_free(&key);
	fixture_segment_free(&segment);
	state_dir_close(&dir);
	change_free(&change);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

/* The writer shows so many changes. */
static void show(int count, int64_t now_us)
{
	for (int i = 0; i < count; i++) {
		char text[32];
		int size = snprintf(text, sizeof text, "%d", shown++);
		fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
		assert_int_equal(change_token_read(&change.svtrid, text, (size_t)size), RESULT_OK);
		fixture_change_record(&segment, SPOOL_CHANGE, 0, now_us, &change);
	}
	fixture_segment_put(&segment, config->state_dir);
}

/* Has it work, at this time, until it pauses; returns for how many milliseconds. */
static long work(int64_t now_us, bool hurry)
{
	const struct clock_reading now = {FIXTURE_WALL_US + now_us, now_us, now_us};
	long pause_ms = 0;
	for (int i = 0; i < ROUNDS_MOST && pause_ms == 0; i++)
		pause_ms = pipeline_round(pipeline, &now, hurry);
	return pause_ms;
}

static uint64_t published(void)
{
	return atomic_load(&tallies.published);
}

/* A time at which nothing is under way, and no batch was filled for long. */
static int64_t begin(void)
{
	int64_t now_us = clock_monotonic_us() + 60000 * MS;
	work(now_us, false);
	assert_int_equal(published(), 0);
	return now_us + 1000 * MS;
}

static void what_comes_alone_goes_on_at_once(void **state)
{
	(void)state;
	int64_t now_us = begin();
	for (int i = 1; i <= 5; i++) {
		show(1, now_us);
		work(now_us, false);
		assert_int_equal(published(), i);
		now_us += APART_MS * MS;
	}
}

static void what_comes_within_a_short_time_goes_together(void **state)
{
	(void)state;
	int64_t now_us = begin();
	show(1, now_us);
	assert_in_range(work(now_us, false), 1, APART_MS);
	assert_int_equal(published(), 1);
	for (int64_t since_us = MS; since_us < APART_MS * MS; since_us += MS) {
		show(1, now_us + since_us);
		long pause_ms = work(now_us + since_us, false);
		assert_in_range(pause_ms, 1, APART_MS);
		assert_int_equal(published(), 1);
	}
	work(now_us + APART_MS * MS, false);
	assert_int_equal(published(), shown);
}

static void many_do_not_wait(void **state)
{
	(void)state;
	int64_t now_us = begin();
	show(BATCH_SMALL, now_us);
	work(now_us, false);
	show(1, now_us + MS);
	work(now_us + MS, false);
	assert_int_equal(published(), BATCH_SMALL + 1);
}

static void who_is_in_a_hurry_does_not_wait(void **state)
{
	(void)state;
	int64_t now_us = begin();
	show(1, now_us);
	work(now_us, true);
	show(1, now_us + MS);
	work(now_us + MS, true);
	assert_int_equal(published(), 2);
	assert_true(pipeline_is_idle(pipeline));
}

/* That a command was never answered is told once its intent is committed. */
static void what_needs_a_commit_before_it_follows_at_once(void **state)
{
	(void)state;
	int64_t now_us = begin();
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "b.example");
	fixture_change_record(&segment, SPOOL_INTENT, 1, now_us, &change);
	show(1, now_us);
	fixture_record(&segment, SPOOL_UNKNOWN, 1, now_us, "", 0);
	show(0, now_us);
	work(now_us, false);
	assert_int_equal(published(), 2);
}

/* Whoever writes meanwhile must not wake us to try again: nobody clears what he woke us with, while all batches wait. */
static void a_store_that_fails_is_tried_at_its_own_pace(void **state)
{
	(void)state;
	enum { MANY = 400, ROUNDS = 5 };
	const struct rlimit tight = {.rlim_cur = 150000, .rlim_max = RLIM_INFINITY};
	struct rlimit before;
	int64_t now_us = begin();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	show(MANY, now_us);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(work(now_us, false), RETRY_MS);
		show(1, now_us += 1000 * MS);
	}
	int64_t paused_us = clock_monotonic_us();
	pipeline_pause(pipeline, PAUSE_MS);
	paused_us = clock_monotonic_us() - paused_us;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(atomic_load(&tallies.store_failures), ROUNDS);
	assert_true(paused_us >= PAUSE_MS * MS);
	work(now_us + 1000 * MS, true);
	assert_int_equal(published(), MANY + ROUNDS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_comes_alone_goes_on_at_once),
		TEST(what_comes_within_a_short_time_goes_together),
		TEST(many_do_not_wait),
		TEST(who_is_in_a_hurry_does_not_wait),
		TEST(what_needs_a_commit_before_it_follows_at_once),
		TEST(a_store_that_fails_is_tried_at_its_own_pace),
	};
	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
