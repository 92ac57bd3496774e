/* What is measured of spool, store and channels, against a real store and real segments. */
#include "publisher/gauges.h"

#include "publisher/hold.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch scratch;
static struct config *config;
static struct feed_store *store;
static char boot_id[CLOCK_BOOT_ID_SIZE];
static json_t *seen;

static int set_up(void **state)
{
	(void)state;
	char channels[512], why[512];
	scratch = scratch_make();
	snprintf(channels, sizeof channels,
		 "spool: {limit: 1MiB}\n"
		 "store: {limit: 64MiB}\n"
		 "channels:\n"
		 "  - {name: vetted, bind: 'ipc://%s/vetted'}\n"
		 "  - {name: public, bind: 'ipc://%s/public'}\n",
		 scratch.path, scratch.path);
	config = fixture_config(&scratch, channels);
	mkdir(config->state_dir, 0700);
	clock_boot_id(boot_id);
	return feed_store_open(config->state_dir, config->store_limit, false, &store, why,
			       sizeof why) == RESULT_OK
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(seen);
	seen = NULL;
	feed_store_close(&store);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

static void measure(void)
{
	struct buffer text;
	struct clock_reading now;
	clock_read(&now);
	buffer_init(&text, 65536);
	buffer_append_text(&text, "{\"first\":0");
	gauges_write(config, store, &now, boot_id, &text);
	buffer_append_byte(&text, '}');
	json_decref(seen);
	seen = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(seen);
	buffer_free(&text);
}

static json_int_t of(const char *group, const char *name)
{
	const json_t *object = group ? json_object_get(seen, group) : seen;
	const json_t *member = json_object_get(object, name);
	return json_is_integer(member) ? json_integer_value(member) : -1;
}

static void what_waits_in_the_spool_is_told_from_what_is_consumed(void **state)
{
	(void)state;
	struct fixture_segment segment;
	struct feed_txn txn;
	char path[PATH_MAX];
	measure();
	assert_int_equal(of("spool", "bytes"), 0);
	fixture_segment_begin(&segment, 1, 0);
	uint64_t head = segment.bytes.size;
	fixture_record(&segment, SPOOL_CHANGE, 0, 1, "0123456789", 10);
	fixture_segment_put(&segment, config->state_dir);
	measure();
	assert_int_equal(of("spool", "segments"), 1);
	assert_int_equal(of("spool", "bytes"), segment.bytes.size);
	assert_int_equal(of("spool", "waiting_bytes"), segment.bytes.size - head);
	assert_int_equal(of("spool", "limit_bytes"), 1 << 20);
	struct spool_gauge gauge; /* who has no store to look into */
	gauge_spool(config->state_dir, NULL, &gauge);
	assert_int_equal(gauge.waiting_bytes, segment.bytes.size - head);

	const struct spool_mark mark = {.bytes = segment.bytes.size};
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_set_mark(&txn, segment.header.id, &mark), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	measure();
	assert_int_equal(of("spool", "waiting_bytes"), 0);
	fixture_record(&segment, SPOOL_END, 0, 2, "", 0);
	fixture_segment_put(&segment, config->state_dir);
	fixture_segment_path(path, config->state_dir, 2, 0, ".bad");
	fclose(fopen(path, "we"));
	measure();
	assert_int_equal(of("spool", "bytes"), segment.bytes.size);
	assert_int_equal(of("spool", "waiting_bytes"), 0);
	assert_int_equal(of("spool", "bad_files"), 1);
	fixture_segment_free(&segment);
}

static void what_is_set_aside_or_open_is_counted(void **state)
{
	(void)state;
	struct feed_txn txn;
	const struct aside_header header = {.kind = SPOOL_CHANGE, .reason = "undecodable"};
	measure();
	assert_int_equal(of(NULL, "quarantined"), 0);
	assert_int_equal(of(NULL, "open_intents"), 0);
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_put_aside(&txn, &header, "x", 1), RESULT_OK);
	assert_int_equal(feed_txn_add_intent(&txn, 7, 1, 0, "x", 1), RESULT_OK);
	assert_int_equal(feed_txn_add_intent(&txn, 7, 2, 0, "x", 1), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	measure();
	assert_int_equal(of(NULL, "quarantined"), 1);
	assert_int_equal(of(NULL, "open_intents"), 2);
}

/* Holds a domain's create for 10 s from feed time 0 on. */
static void hold_one(struct feed_txn *txn, struct channel_record *record)
{
	static const struct hold_delays delays = {10000, 0};
	struct hold_released released = {0};
	const struct feed_event event = {.object = CHANGE_DOMAIN,
					 .verb = CHANGE_CREATE,
					 .name = "new.example",
					 .new_name = "",
					 .jws = "e",
					 .jws_size = 1};
	uint64_t number;
	bool waits;
	assert_int_equal(feed_txn_add_event(txn, &event, 1, &number), RESULT_OK);
	assert_int_equal(hold_judge(txn, record, &delays, &event, number, 0, &released, &waits),
			 RESULT_OK);
	assert_true(waits);
	hold_released_free(&released);
}

static void channels_tell_what_they_have_and_hold(void **state)
{
	(void)state;
	struct feed_txn txn;
	struct channel_record record;
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "public", true, &record), RESULT_OK);
	record.next_index = 5;
	hold_one(&txn, &record);
	assert_int_equal(feed_txn_set_channel(&txn, "public", &record), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	measure();
	assert_null(json_object_get(json_object_get(seen, "channels"), "vetted"));
	const json_t *public = json_object_get(json_object_get(seen, "channels"), "public");
	assert_int_equal(json_integer_value(json_object_get(public, "events")), 5);
	assert_int_equal(json_integer_value(json_object_get(public, "held")), 1);
	assert_int_equal(json_integer_value(json_object_get(public, "next_due_ms")), 10000);
}

static void the_store_tells_how_much_is_in_use(void **state)
{
	(void)state;
	static char jws[50000];
	struct feed_txn txn;
	uint64_t number;
	measure();
	json_int_t before = of("store", "used_bytes");
	const struct feed_event event = {
		.name = "a.example", .new_name = "", .jws = jws, .jws_size = sizeof jws};
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(feed_txn_add_event(&txn, &event, 1, &number), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	measure();
	assert_in_range(of("store", "used_bytes") - before, 100 * sizeof jws, 120 * sizeof jws);
	assert_int_equal(of("store", "limit_bytes"), 64 << 20);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_waits_in_the_spool_is_told_from_what_is_consumed),
		WITH_STORE(what_is_set_aside_or_open_is_counted),
		WITH_STORE(channels_tell_what_they_have_and_hold),
		WITH_STORE(the_store_tells_how_much_is_in_use),
	};
	return cmocka_run_group_tests_name("gauges", tests, NULL, NULL);
}
