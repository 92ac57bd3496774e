/* The publisher's thread as a whole: a spool goes in, a feed comes out, over refusals of port and disk. */
#include "publisher/publisher.h"

#include "base/clock.h"
#include "publisher/feed_store.h"
#include "publisher/status_files.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <zmq.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000, POLL_US = 2000, LIVE = 100 };

static struct scratch scratch;
static struct config *config;
static struct publisher *publisher;
static struct change change;
static char why[512];

static void write_nothing(void *context, struct buffer *json)
{
	(void)context;
	buffer_append_text(json, "\"capture\":0");
}

static int start(void)
{
	const struct publisher_host host = {
		.config = config, .first_live_segment = LIVE, .write_stats = write_nothing};
	return publisher_start(&host, &publisher, why, sizeof why);
}

static void must_start(void)
{
	if (start() != RESULT_OK)
		fail_msg("%s", why);
}

static int set_up(void **state)
{
	(void)state;
	char path[128], channels[256];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	snprintf(channels, sizeof channels,
		 "sign_threads: 2\n"
		 "zones: [example]\n"
		 "channels:\n"
		 "  - {name: public, bind: 'ipc://%s/public'}\n",
		 scratch.path);
	config = fixture_config(&scratch, channels);
	mkdir(config->state_dir, 0700);
	change_init(&change);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	publisher_stop(&publisher, 0);
	change_free(&change);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

/* A segment of changes of n<first>.example and on, each with its number as svTRID. */
static void put_segment(uint64_t sequence, int first, int count)
{
	struct buffer bytes;
	char text[32];
	fixture_segment_begin(&bytes, (uint8_t)sequence);
	for (int i = first; i < first + count; i++) {
		snprintf(text, sizeof text, "n%d.example", i);
		fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, text);
		snprintf(text, sizeof text, "%d", i);
		FIXTURE_MUST(change_token_read(&change.svtrid, text, strlen(text)) == RESULT_OK);
		fixture_change_record(&bytes, &change);
	}
	fixture_segment_file(config->state_dir, sequence, bytes.data, bytes.size);
	buffer_free(&bytes);
}

static json_int_t counter(const char *name, char state_text[32])
{
	struct buffer text;
	buffer_init(&text, 65536);
	buffer_append_byte(&text, '{');
	publisher_write_stats(publisher, &text);
	buffer_append_byte(&text, '}');
	json_t *stats = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(stats);
	json_t *members = json_object_get(stats, "publisher");
	json_int_t value = json_integer_value(json_object_get(members, name));
	if (state_text)
		snprintf(state_text, 32, "%s",
			 json_string_value(json_object_get(members, "state")));
	json_decref(stats);
	buffer_free(&text);
	return value;
}

static void wait_until_counted(const char *name, json_int_t least)
{
	int64_t deadline_us = clock_monotonic_us() + MINUTE_MS * 1000LL;
	while (counter(name, NULL) < least) {
		if (clock_monotonic_us() > deadline_us)
			fail_msg("%s is %lld, not %lld", name, (long long)counter(name, NULL),
				 (long long)least);
		clock_sleep_us(POLL_US);
	}
}

static void wait_for_state(const char *expected)
{
	char state[32] = "";
	int64_t deadline_us = clock_monotonic_us() + MINUTE_MS * 1000LL;
	while (counter("published", state), strcmp(state, expected) != 0) {
		if (clock_monotonic_us() > deadline_us)
			fail_msg("the state is %s, not %s", state, expected);
		clock_sleep_us(POLL_US);
	}
}

/* The svTRID that stands in a place's event, as a number; -1: there is no such place. */
static int number_at(struct feed_txn *txn, const struct channel_record *record, uint64_t index)
{
	uint64_t number;
	struct feed_event event;
	struct buffer claims;
	if (feed_txn_placed(txn, record, index, &number) != RESULT_OK)
		return -1;
	assert_int_equal(feed_txn_event(txn, number, &event), RESULT_OK);
	const char *first = (const char *)memchr(event.jws, '.', event.jws_size) + 1;
	const char *second = memrchr(event.jws, '.', event.jws_size);
	buffer_init(&claims, 65536);
	assert_int_equal(feed_base64url_decode(first, (size_t)(second - first), &claims),
			 RESULT_OK);
	json_t *read = json_loadb(claims.data, claims.size, 0, NULL);
	assert_non_null(read);
	int found = atoi(json_string_value(json_object_get(read, "txn")));
	json_decref(read);
	buffer_free(&claims);
	return found;
}

/* Stops it, and looks into the store: each change once, in order. */
static void assert_feed_is(int count)
{
	struct feed_store *store;
	struct feed_txn txn;
	struct channel_record record;
	publisher_stop(&publisher, MINUTE_MS);
	assert_null(publisher);
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "public", false, &record), RESULT_OK);
	assert_int_equal(record.next_index, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(number_at(&txn, &record, (uint64_t)i), i);
	feed_txn_abort(&txn);
	feed_store_close(&store);
}

static int segments_left(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, config->state_dir);
	return scratch_count(path);
}

static void what_dead_processes_left_is_published_in_order_and_removed(void **state)
{
	(void)state;
	put_segment(1, 0, 700);
	put_segment(2, 700, 1);
	put_segment(5, 701, 1400);
	must_start();
	wait_until_counted("published", 2101);
	assert_feed_is(2101);
	assert_int_equal(segments_left(), 0);
}

static void the_live_segment_is_followed_and_stays(void **state)
{
	(void)state;
	put_segment(LIVE, 0, 3);
	must_start();
	wait_until_counted("published", 3);
	put_segment(LIVE, 0, 10); /* the same file, longer */
	publisher_stop(&publisher, MINUTE_MS);
	assert_int_equal(segments_left(), 1);
	must_start();
	assert_feed_is(10);
	assert_int_equal(segments_left(), 1);
}

static void stopping_without_time_loses_and_doubles_nothing(void **state)
{
	(void)state;
	put_segment(1, 0, 3000);
	for (int i = 0; i < 20; i++) {
		must_start();
		publisher_stop(&publisher, i % 3 ? 0 : 3);
	}
	must_start();
	assert_feed_is(3000);
	assert_int_equal(segments_left(), 0);
}

/* More batches than the publisher has: those that wait while the store fails must all be kept. */
static void while_the_store_fails_all_waits_and_goes_on_when_it_can(void **state)
{
	(void)state;
	struct rlimit before, tight;
	put_segment(1, 0, 1);
	must_start();
	wait_until_counted("published", 1);
	publisher_stop(&publisher, MINUTE_MS);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	put_segment(2, 1, 3000);
	tight = before;
	tight.rlim_cur = 150000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int result = start();
	if (result == RESULT_OK)
		wait_until_counted("store_failures", 4);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	if (result != RESULT_OK)
		fail_msg("%s", why);
	wait_until_counted("published", 3000);
	wait_for_state("publishing");
	assert_feed_is(3001);
}

static void a_port_that_is_taken_is_waited_for(void **state)
{
	(void)state;
	size_t size;
	char channels[256], endpoint[64];
	void *zmq = zmq_ctx_new(), *squatter = zmq_socket(zmq, ZMQ_PUB);
	assert_int_equal(zmq_bind(squatter, "tcp://127.0.0.1:*"), 0);
	size = sizeof endpoint;
	assert_int_equal(zmq_getsockopt(squatter, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	config_free(&config);
	snprintf(channels, sizeof channels, "channels:\n  - {name: public, bind: '%s'}\n",
		 endpoint);
	config = fixture_config(&scratch, channels);
	put_segment(1, 0, 5);
	must_start();
	wait_for_state("waits_for_port");
	assert_int_equal(counter("published", NULL), 0);
	wait_until_counted("lag_ms", 1);
	zmq_close(squatter);
	zmq_ctx_term(zmq);
	wait_until_counted("published", 5);
	assert_feed_is(5);
}

static void records_that_hold_no_change_and_names_outside_are_counted(void **state)
{
	(void)state;
	struct buffer bytes;
	fixture_segment_begin(&bytes, 1);
	fixture_record(&bytes, SPOOL_CHANGE, "nonsense", 8);
	fixture_record(&bytes, 77, "", 0);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.other");
	fixture_change_record(&bytes, &change);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	assert_int_equal(change_token_read(&change.svtrid, "0", 1), RESULT_OK);
	fixture_change_record(&bytes, &change);
	fixture_record(&bytes, SPOOL_END, "", 0);
	fixture_segment_file(config->state_dir, 1, bytes.data, bytes.size);
	buffer_free(&bytes);
	must_start();
	wait_until_counted("published", 1);
	assert_int_equal(counter("undecodable_records", NULL), 2);
	assert_int_equal(counter("outside_zones", NULL), 1);
	assert_feed_is(1);
}

static void an_event_too_large_is_published_with_counts(void **state)
{
	(void)state;
	struct buffer bytes;
	struct change_name *host;
	fixture_segment_begin(&bytes, 1);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	assert_int_equal(change_token_read(&change.svtrid, "0", 1), RESULT_OK);
	for (int i = 0; i < CHANGE_LIST_MAX; i++) {
		assert_int_equal(change_add_host(&change.add, &host), RESULT_OK);
		assert_int_equal(change_name_read(host, "ns1.provider.example", 20), RESULT_OK);
	}
	fixture_change_record(&bytes, &change);
	fixture_segment_file(config->state_dir, 1, bytes.data, bytes.size);
	buffer_free(&bytes);
	must_start();
	wait_until_counted("published", 1);
	assert_int_equal(counter("truncated", NULL), 1);
	assert_feed_is(1);
}

static void the_counters_and_keys_are_there_as_files(void **state)
{
	(void)state;
	char path[256];
	must_start();
	publisher_stop(&publisher, MINUTE_MS);
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER "/" STATUS_PUBLISHER_FILE,
		 config->state_dir);
	json_t *status = json_load_file(path, 0, NULL);
	assert_non_null(status);
	assert_int_equal(json_integer_value(json_object_get(status, "pid")), getpid());
	json_decref(status);
	snprintf(path, sizeof path, "%s/jwks.json", config->channels[0].log_dir);
	json_t *keys = json_load_file(path, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(keys, "keys")), 1);
	json_decref(keys);
}

static void a_key_that_is_missing_fails_the_start_and_leaves_nothing_open(void **state)
{
	(void)state;
	must_start();
	publisher_stop(&publisher, 0);
	int fds = scratch_count("/proc/self/fd"), threads = scratch_count("/proc/self/task");
	assert_int_equal(unlink(config->key_event), 0);
	assert_int_equal(start(), RESULT_CONFIG);
	assert_null(publisher);
	assert_memory_equal(why, config->key_event, strlen(config->key_event));
	assert_int_equal(scratch_count("/proc/self/fd"), fds);
	assert_int_equal(scratch_count("/proc/self/task"), threads);
}

#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CONFIG(what_dead_processes_left_is_published_in_order_and_removed),
		WITH_CONFIG(the_live_segment_is_followed_and_stays),
		WITH_CONFIG(stopping_without_time_loses_and_doubles_nothing),
		WITH_CONFIG(while_the_store_fails_all_waits_and_goes_on_when_it_can),
		WITH_CONFIG(a_port_that_is_taken_is_waited_for),
		WITH_CONFIG(records_that_hold_no_change_and_names_outside_are_counted),
		WITH_CONFIG(an_event_too_large_is_published_with_counts),
		WITH_CONFIG(the_counters_and_keys_are_there_as_files),
		WITH_CONFIG(a_key_that_is_missing_fails_the_start_and_leaves_nothing_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
