/* What is measured of spool, store and channels, against a real store and real segments. */
#include "publisher/gauges.h"

#include "publisher/hold.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

static struct scratch scratch;
static struct config *config;
static struct feed_store *store;
static struct gauges *gauges;
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
	FIXTURE_MUST(feed_store_open(config->state_dir, config->store_limit, false, &store, why,
				     sizeof why) == RESULT_OK);
	return gauges_new(config, store, &gauges) == RESULT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(seen);
	seen = NULL;
	gauges_free(&gauges);
	feed_store_close(&store);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

static void show(void)
{
	struct buffer text;
	buffer_init(&text, 65536);
	buffer_append_text(&text, "{\"first\":0");
	gauges_write(gauges, &text);
	buffer_append_byte(&text, '}');
	json_decref(seen);
	seen = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(seen);
	buffer_free(&text);
}

static void measure(int64_t oldest_us, int64_t committed_us)
{
	struct clock_reading now;
	clock_read(&now);
	gauges_measure(gauges, &now, oldest_us ? now.wall_us - oldest_us : 0,
		       committed_us ? now.monotonic_us - committed_us : 0);
	show();
}

static json_int_t of(const char *group, const char *name)
{
	const json_t *object = group ? json_object_get(seen, group) : seen;
	const json_t *member = json_object_get(object, name);
	return json_is_integer(member) ? json_integer_value(member) : -1;
}

static void before_the_first_measure_nothing_is_shown(void **state)
{
	(void)state;
	show();
	assert_int_equal(json_object_size(seen), 1);
}

static void ages_are_told_of_what_there_is(void **state)
{
	(void)state;
	measure(0, 0);
	assert_int_equal(of(NULL, "lag_ms"), 0);
	assert_int_equal(of(NULL, "last_commit_ms_ago"), -1);
	measure(3 * SECOND_US, 2 * SECOND_US);
	assert_int_equal(of(NULL, "lag_ms"), 3000);
	assert_int_equal(of(NULL, "last_commit_ms_ago"), 2000);
	measure(-3 * SECOND_US, 0); /* the wall clock was set back since */
	assert_int_equal(of(NULL, "lag_ms"), 0);
}

static void what_waits_in_the_spool_is_told_from_what_is_consumed(void **state)
{
	(void)state;
	struct buffer bytes;
	struct feed_txn txn;
	uint8_t id[SPOOL_ID_SIZE];
	char path[PATH_MAX];
	measure(0, 0);
	assert_int_equal(of("spool", "bytes"), 0);
	fixture_segment_begin(&bytes, 1);
	uint64_t head = bytes.size;
	fixture_record(&bytes, SPOOL_CHANGE, "0123456789", 10);
	fixture_segment_file(config->state_dir, 1, bytes.data, bytes.size);
	measure(0, 0);
	assert_int_equal(of("spool", "segments"), 1);
	assert_int_equal(of("spool", "bytes"), bytes.size);
	assert_int_equal(of("spool", "waiting_bytes"), bytes.size - head);
	assert_int_equal(of("spool", "limit_bytes"), 1 << 20);

	memset(id, 1, sizeof id);
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_set_consumed(&txn, id, bytes.size), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	measure(0, 0);
	assert_int_equal(of("spool", "waiting_bytes"), 0);
	fixture_record(&bytes, SPOOL_END, "", 0);
	fixture_segment_file(config->state_dir, 1, bytes.data, bytes.size);
	fixture_segment_path(path, config->state_dir, 2, "seg.bad");
	fclose(fopen(path, "we"));
	measure(0, 0);
	assert_int_equal(of("spool", "bytes"), bytes.size);
	assert_int_equal(of("spool", "waiting_bytes"), 0);
	assert_int_equal(of("spool", "bad_files"), 1);
	buffer_free(&bytes);
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
	measure(0, 0);
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
	measure(0, 0);
	json_int_t before = of("store", "used_bytes");
	const struct feed_event event = {
		.name = "a.example", .new_name = "", .jws = jws, .jws_size = sizeof jws};
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(feed_txn_add_event(&txn, &event, 1, &number), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	measure(0, 0);
	assert_in_range(of("store", "used_bytes") - before, 100 * sizeof jws, 120 * sizeof jws);
	assert_int_equal(of("store", "limit_bytes"), 64 << 20);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(before_the_first_measure_nothing_is_shown),
		WITH_STORE(ages_are_told_of_what_there_is),
		WITH_STORE(what_waits_in_the_spool_is_told_from_what_is_consumed),
		WITH_STORE(channels_tell_what_they_have_and_hold),
		WITH_STORE(the_store_tells_how_much_is_in_use),
	};
	return cmocka_run_group_tests_name("gauges", tests, NULL, NULL);
}
