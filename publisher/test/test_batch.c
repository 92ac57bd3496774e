/* What goes into one batch. */
#include "publisher/batch.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CHANGES = 300 };

static struct scratch scratch;
static struct config *config;
static struct signing_key *key;
static struct spool_reader *reader;
static struct batch_maker *maker;
static struct batch batch;
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
	spool_reader_free(&reader);
	signing_key_free(&key);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

/* A spool of so many changes of that kind, and a channel of those delays. */
static void prepare(enum change_object object, enum change_verb verb, const char *delays)
{
	char path[128], text[256], why[512];
	struct buffer bytes;
	struct change change;
	change_init(&change);
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	snprintf(text, sizeof text,
		 "channels:\n  - name: public\n    bind: ipc://%s/public\n    delay: %s\n",
		 scratch.path, delays);
	config = fixture_config(&scratch, text);
	fixture_segment_begin(&bytes, 1);
	for (int i = 0; i < CHANGES; i++) {
		snprintf(text, sizeof text, "n%d.example", i);
		fixture_change(&change, object, verb, text);
		fixture_change_record(&bytes, &change);
	}
	fixture_segment_file(config->state_dir, 1, bytes.data, bytes.size);
	buffer_free(&bytes);
	change_free(&change);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	assert_int_equal(spool_reader_new(config->state_dir, 1, true, &reader), RESULT_OK);
	assert_int_equal(batch_maker_new(config, key, &tallies, &maker), RESULT_OK);
}

static void next_has(size_t expected)
{
	const struct clock_reading now = {.wall_us = 1790000000000000};
	enum spool_step step = batch_fill(maker, reader, &now, &batch);
	if (step == SPOOL_STEP_SEGMENT)
		step = batch_fill(maker, reader, &now, &batch);
	assert_int_equal(step, SPOOL_STEP_RECORD);
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
