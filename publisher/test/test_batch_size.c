/* How much goes into one batch. */
#include "publisher/batch.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CHANGES = 300, STORE_LIMIT = 16 << 20 };

static struct scratch scratch;
static struct config *config;
static struct signing_key *key;
static struct spool_merge *merge;
static struct batch_maker *maker;
static struct batch batch;
static struct feed_store *store;
static struct tallies tallies;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	batch_init(&batch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	batch_free(&batch);
	batch_maker_free(&maker);
	feed_store_close(&store);
	spool_merge_free(&merge);
	signing_key_free(&key);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

static int nothing_consumed(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	(void)context;
	(void)id;
	*mark = (struct spool_mark){0};
	return RESULT_OK;
}

/* A spool of so many changes of that kind, and a channel of those delays. */
static void prepare(enum change_object object, enum change_verb verb, const char *delays)
{
	char path[128], text[256], why[512];
	struct fixture_segment segment;
	struct change change;
	change_init(&change);
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	snprintf(text, sizeof text,
		 "channels:\n  - name: public\n    bind: ipc://%s/public\n    delay: %s\n",
		 scratch.path, delays);
	config = fixture_config(&scratch, text);
	fixture_segment_begin(&segment, STATE_DIR_WRITERS, 1);
	for (int i = 0; i < CHANGES; i++) {
		snprintf(text, sizeof text, "n%d.example", i);
		fixture_change(&change, object, verb, text);
		fixture_change_record(&segment, SPOOL_CHANGE, 0, i, &change);
	}
	fixture_segment_put(&segment, config->state_dir);
	fixture_segment_free(&segment);
	change_free(&change);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	assert_int_equal(
		spool_merge_new(NULL, config->state_dir, 0, nothing_consumed, NULL, &merge),
		RESULT_OK);
	if (feed_store_open(config->state_dir, STORE_LIMIT, false, &store, why, sizeof why) !=
	    RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(batch_maker_new(config, key, store, &tallies, &maker), RESULT_OK);
}

static void next_has(size_t expected)
{
	const struct clock_reading now = {.wall_us = FIXTURE_WALL_US, .monotonic_us = 1000000};
	batch_fill(maker, merge, &now, false, &batch);
	assert_int_equal(batch.count, expected);
}

static void creates_that_may_be_delayed_come_in_small_batches(void **state)
{
	(void)state;
	prepare(CHANGE_DOMAIN, CHANGE_CREATE, "{zones: {example: {create: 1h}}}");
	for (int left = CHANGES; left > 0; left -= BATCH_DELAYED_MAX)
		next_has(left < BATCH_DELAYED_MAX ? (size_t)left : BATCH_DELAYED_MAX);
}

static void so_do_deletes(void **state)
{
	(void)state;
	prepare(CHANGE_DOMAIN, CHANGE_DELETE, "{delete: 1h}");
	next_has(BATCH_DELAYED_MAX);
}

static void creates_that_nobody_delays_come_all_at_once(void **state)
{
	(void)state;
	prepare(CHANGE_DOMAIN, CHANGE_CREATE, "{create: 0s}");
	next_has(CHANGES);
}

static void other_events_of_a_channel_with_delays_come_all_at_once(void **state)
{
	(void)state;
	prepare(CHANGE_HOST, CHANGE_CREATE, "{create: 1h}");
	next_has(CHANGES);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(creates_that_may_be_delayed_come_in_small_batches),
		IN_FOLDER(so_do_deletes),
		IN_FOLDER(creates_that_nobody_delays_come_all_at_once),
		IN_FOLDER(other_events_of_a_channel_with_delays_come_all_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
