/* Each event names the one before it about the same object, in each way of each_way.h. */
#include "publisher/chain.h"

#include "publisher/batch_maker.h"
#include "publisher/feed_books.h"
#include "publisher/test/each_way.h"
#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { STORE_LIMIT = 16 << 20, BATCHES = 12 };

static struct scratch scratch;
static struct config *config;
static struct signing_key *key;
static struct feed_store *store;
static struct batch_maker *maker;
static struct tallies tallies;
static struct batch *batches;
static size_t batch_count, committed;
static struct change change;
static const struct clock_reading now = {.wall_us = FIXTURE_WALL_US, .boottime_us = 1};

static int set_up(void **state)
{
	(void)state;
	char path[128], why[512];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	config =
		fixture_config(&scratch, "channels: [{name: all, bind: 'tcp://127.0.0.1:7700'}]\n");
	change_init(&change);
	batches = calloc(BATCHES, sizeof *batches);
	for (int i = 0; i < BATCHES; i++)
		batch_init(&batches[i]);
	batch_count = committed = 0;
	if (signing_key_load(config->key_event, &key, why, sizeof why) != RESULT_OK ||
	    feed_store_open(config->state_dir, STORE_LIMIT, false, &store, why, sizeof why) !=
		    RESULT_OK)
		fail_msg("%s", why);
	return batch_maker_new(config, key, store, &tallies, &maker);
}

static int tear_down(void **state)
{
	(void)state;
	batch_maker_free(&maker);
	feed_store_close(&store);
	signing_key_free(&key);
	for (int i = 0; i < BATCHES; i++)
		batch_free(&batches[i]);
	free(batches);
	change_free(&change);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

/* What a commit does with each item. */
static void commit(const struct batch *batch)
{
	struct feed_txn txn;
	bool told;
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	for (size_t i = 0; i < batch->count; i++)
		assert_int_equal(
			feed_books_keep(&txn, batch, &batch->items[i], 1, INT64_MAX, &told),
			RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
}

/* Then the maker knows of it by the store alone. */
static void commit_all(void)
{
	for (; committed < batch_count; committed++)
		commit(&batches[committed]);
	note_ring_clear(maker->ring);
	note_ring_clear(maker->chains);
}

/* The item of the change's event. */
static struct batch_item *tell(void)
{
	static const struct spool_order none;
	struct buffer encoded;
	buffer_init(&encoded, 1 << 20);
	change_encode(&change, &encoded);
	const struct batch_source source = {
		.header = {.wall_us = change.wall_us, .kind = SPOOL_CHANGE},
		.payload = encoded.data,
		.size = encoded.size};
	if (mode != ONE_BATCH || batch_count == committed) {
		assert_true(batch_count < BATCHES);
		batch_clear(&batches[batch_count++], &none);
	}
	struct batch *batch = &batches[batch_count - 1];
	assert_int_equal(change_decode(&maker->change, encoded.data, encoded.size), RESULT_OK);
	maker->change.wall_us = change.wall_us;
	assert_int_equal(batch_add_change(maker, &source, &now, batch), RESULT_OK);
	buffer_free(&encoded);
	struct batch_item *item = &batch->items[batch->count - 1];
	if (mode == ONE_BY_ONE)
		commit_all();
	return item;
}

static struct batch_item *event(enum change_object object, enum change_verb verb, const char *name)
{
	fixture_change(&change, object, verb, name);
	return tell();
}

static struct batch_item *update(const char *name)
{
	return event(CHANGE_DOMAIN, CHANGE_UPDATE, name);
}

static void follows(const struct batch_item *item, const struct batch_item *before)
{
	assert_true(item->chain.has_prev);
	assert_memory_equal(item->chain.prev, before->chain.id, EVENT_ID_SIZE);
}

static void is_first(const struct batch_item *item)
{
	assert_false(item->chain.has_prev);
}

static void each_event_follows_the_one_before(void **state)
{
	(void)state;
	struct batch_item *one = event(CHANGE_DOMAIN, CHANGE_CREATE, "a.example");
	struct batch_item *other = update("b.example");
	struct batch_item *host = event(CHANGE_HOST, CHANGE_CREATE, "a.example");
	is_first(one);
	is_first(other);
	is_first(host);
	struct batch_item *two = update("a.example"), *three = update("a.example");
	follows(two, one);
	follows(three, two);
	follows(update("b.example"), other);
	follows(event(CHANGE_HOST, CHANGE_UPDATE, "a.example"), host);
	commit_all();
	follows(update("a.example"), three);
}

static void a_chain_ends_when_the_object_is_purged(void **state)
{
	(void)state;
	struct batch_item *one = update("a.example");
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_DELETE, "a.example");
	change.outcome = CHANGE_PENDING;
	struct batch_item *asked = tell();
	follows(asked, one);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_DELETE, "a.example");
	struct batch_item *done = tell();
	follows(done, asked);
	is_first(event(CHANGE_DOMAIN, CHANGE_CREATE, "a.example"));
	commit_all();
	event(CHANGE_DOMAIN, CHANGE_DELETE, "a.example");
	commit_all();
	assert_int_equal(fixture_count(store, TABLE_CHAINS), 0);
}

static void a_host_takes_its_chain_along_to_a_new_name(void **state)
{
	(void)state;
	struct batch_item *one = event(CHANGE_HOST, CHANGE_CREATE, "ns1.example");
	struct batch_item *stranger = event(CHANGE_HOST, CHANGE_CREATE, "ns3.example");
	fixture_change(&change, CHANGE_HOST, CHANGE_UPDATE, "ns1.example");
	assert_int_equal(change_name_read(&change.new_name, "ns2.example", 11), RESULT_OK);
	struct batch_item *renamed = tell();
	follows(renamed, one);
	follows(event(CHANGE_HOST, CHANGE_UPDATE, "ns2.example"), renamed);
	is_first(event(CHANGE_HOST, CHANGE_CREATE, "ns1.example"));
	follows(event(CHANGE_HOST, CHANGE_UPDATE, "ns3.example"), stranger);
	commit_all();
	assert_int_equal(fixture_count(store, TABLE_CHAINS), 3);
}

static struct batch_item *set(const char *handle)
{
	change_clear(&change);
	change.wall_us = FIXTURE_WALL_US;
	change.object = CHANGE_NSSET;
	change.verb = CHANGE_UPDATE;
	assert_int_equal(change_token_read(&change.handle, handle, strlen(handle)), RESULT_OK);
	return tell();
}

static void handles_are_the_same_in_either_case(void **state)
{
	(void)state;
	struct batch_item *one = set("NSS-1");
	is_first(set("NSS-2"));
	follows(set("nss-1"), one);
}

/* An event that can't be signed is not told: the chain goes on without it. */
static void what_is_set_aside_is_left_out(void **state)
{
	(void)state;
	struct batch_item *one = update("a.example");
	struct batch_item *two = update("a.example");
	follows(two, one);
	is_first(update("b.example"));
	struct batch *batch = &batches[1];
	assert_int_equal(batch_set_aside(maker, 0, &now, batch), RESULT_OK);
	assert_int_equal(batch_set_aside(maker, 0, &now, &batches[2]), RESULT_OK);
	follows(update("a.example"), one);
	is_first(update("b.example"));
}

/* More names than the ring holds: those that are committed are found in the store. */
static void a_chain_is_found_again_behind_thousands(void **state)
{
	(void)state;
	static const struct spool_order none;
	char name[32];
	struct batch_item first = *update("first.example");
	commit_all();
	for (int i = 0; i < NOTE_RING_NOTES + 100; i++) {
		if (i % 500 == 0) {
			commit(&batches[1]);
			batch_clear(&batches[1], &none);
			batch_count = 2;
		}
		mode = ONE_BATCH;
		snprintf(name, sizeof name, "n%d.example", i);
		is_first(update(name));
	}
	follows(update("first.example"), &first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_EACH_WAY(each_event_follows_the_one_before),
		IN_EACH_WAY(a_chain_ends_when_the_object_is_purged),
		IN_EACH_WAY(a_host_takes_its_chain_along_to_a_new_name),
		IN_EACH_WAY(handles_are_the_same_in_either_case),
		cmocka_unit_test_setup_teardown(what_is_set_aside_is_left_out, in_flight,
						tear_down),
		cmocka_unit_test_setup_teardown(a_chain_is_found_again_behind_thousands, in_flight,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
