/* What the spool's records become: events, gaps, books; from the spool by merge, batch and commit to the feed store.
 * Nothing is signed here: a job holds "header.payload". */
#include "publisher/batch.h"

#include "publisher/feed.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zmq.h>

#include <cmocka.h>

enum { SECOND_US = 1000000, STORE_LIMIT = 512 << 20, REORDER_US = 50000, WRITERS = 4 };

#define START_US (INT64_C(1000) * SECOND_US)

static struct scratch scratch;
static struct config *config;
static struct signing_key *key;
static struct state_dir *dir;
static struct feed_store *store;
static struct spool_merge *merge;
static struct batch_maker *maker;
static struct tallies tallies;
static struct outlet *outlet;
static struct feed *feed;
static struct batch batch;
static struct clock_reading now;
static struct change change;
static void *zmq;
static struct fixture_segment segments[WRITERS];
static char why[1024];

static int look_up(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	(void)context;
	return feed_store_mark(store, id, mark);
}

static void open_all(void)
{
	struct spool_order order;
	struct feed_txn txn;
	if (feed_store_open(config->state_dir, STORE_LIMIT, false, &store, why, sizeof why) !=
	    RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(spool_merge_new(dir, NULL, REORDER_US, look_up, NULL, &merge), RESULT_OK);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_order(&txn, &order), RESULT_OK);
	feed_txn_abort(&txn);
	spool_merge_set_order(merge, &order);
	assert_int_equal(batch_maker_new(config, key, store, &tallies, &maker), RESULT_OK);
	assert_int_equal(feed_new(config, store, &outlet, &tallies, &feed), RESULT_OK);
}

static void close_all(void)
{
	feed_free(&feed);
	batch_maker_free(&maker);
	spool_merge_free(&merge);
	feed_store_close(&store);
}

static int set_up(void **state)
{
	(void)state;
	char path[128];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	config = fixture_config(&scratch, "zones: [example]\n"
					  "channels:\n"
					  "  - {name: all, bind: 'tcp://127.0.0.1:7700'}\n");
	memset(&tallies, 0, sizeof tallies);
	now = (struct clock_reading){.wall_us = FIXTURE_WALL_US + START_US,
				     .monotonic_us = START_US,
				     .boottime_us = START_US};
	zmq = zmq_ctx_new();
	change_init(&change);
	batch_init(&batch);
	if (signing_key_load(config->key_event, &key, why, sizeof why) != RESULT_OK ||
	    state_dir_open(config->state_dir, &dir, why, sizeof why) != RESULT_OK ||
	    outlet_open(zmq, &config->channels[0], &outlet, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	open_all();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_all();
	outlet_close(&outlet, 0);
	zmq_ctx_term(zmq);
	state_dir_close(&dir);
	signing_key_free(&key);
	batch_free(&batch);
	change_free(&change);
	for (int i = 0; i < WRITERS; i++) {
		fixture_segment_free(&segments[i]);
		segments[i] = (struct fixture_segment){0};
	}
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

/* The spool. Stamps are seconds behind START_US. */

static uint64_t number_of(int writer)
{
	return STATE_DIR_WRITERS + 1 + (uint64_t)writer;
}

static void begin(int writer, uint32_t sequence)
{
	fixture_segment_free(&segments[writer]);
	fixture_segment_begin(&segments[writer], number_of(writer), sequence);
}

static void put(int writer)
{
	fixture_segment_put(&segments[writer], config->state_dir);
}

static int64_t stamp(int second)
{
	return START_US + second * (int64_t)SECOND_US;
}

static void add(int writer, enum spool_kind kind, uint64_t ticket, int second, const char *name)
{
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, name);
	fixture_change_record(&segments[writer], kind, ticket, stamp(second), &change);
}

static void add_bare(int writer, uint32_t kind, uint64_t ticket, int second)
{
	fixture_record(&segments[writer], kind, ticket, stamp(second), "", 0);
}

static void live(int writer)
{
	assert_int_equal(state_dir_lock(dir, number_of(writer)), RESULT_OK);
}

/* The publisher. */

static bool fill(bool is_alone)
{
	now.monotonic_us += 100 * (int64_t)SECOND_US;
	now.boottime_us += 100 * (int64_t)SECOND_US;
	now.wall_us += 100 * (int64_t)SECOND_US;
	batch_fill(maker, merge, &now, is_alone, &batch);
	assert_true(batch.count <= BATCH_MAX);
	assert_true(batch.mark_count <= BATCH_MARKS);
	return !batch_is_empty(&batch);
}

static void commit(void)
{
	assert_int_equal(feed_commit(feed, &batch, &now), RESULT_OK);
	for (size_t i = 0; i < batch.mark_count; i++)
		if (batch.marks[i].mark.finished &&
		    spool_merge_remove(merge, &batch.marks[i].segment))
			feed_forget_segment(feed, batch.marks[i].segment.id);
}

/* Publishes all; answers in how many batches. */
static int publish(void)
{
	int batches = 0;
	for (; fill(true); batches++)
		commit();
	return batches;
}

/* A member of the one event in the claims, as text; empty: there is none. */
static const char *member(json_t *claims, const char *name)
{
	static char number[32];
	json_t *events = json_object_get(claims, "events");
	json_t *value = json_object_get(json_object_iter_value(json_object_iter(events)), name);
	snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return json_is_integer(value) ? number : value ? json_string_value(value) : "";
}

/* What the feed tells, in short. */
static const char *story(void)
{
	static char text[1 << 16];
	size_t size = 0;
	json_t *claims;
	text[0] = '\0';
	for (uint64_t i = 0; (claims = fixture_claims(store, i)) && size < sizeof text - 1000;
	     i++) {
		const char *name =
			json_object_iter_key(json_object_iter(json_object_get(claims, "events")));
		const char *separator = i ? ", " : "";
		if (strcmp(name, "urn:epptap:gap") == 0)
			size += (size_t)sprintf(text + size, "%sgap %s", separator,
						member(claims, "reason"));
		else if (strcmp(name, "urn:epptap:key") == 0)
			size += (size_t)sprintf(text + size, "%skey %s", separator,
						member(claims, "action"));
		else {
			size += (size_t)sprintf(text + size, "%s%s", separator,
						member(claims, "ldhName"));
			size += (size_t)sprintf(text + size, " %s", member(claims, "outcome"));
		}
		json_decref(claims);
	}
	json_decref(claims);
	return text;
}

static void assert_member(uint64_t index, const char *name, const char *expected)
{
	json_t *claims = fixture_claims(store, index);
	assert_non_null(claims);
	assert_string_equal(member(claims, name), expected);
	json_decref(claims);
}

/* RFC 3339 text of a wall clock time. */
static const char *told(int64_t wall_us)
{
	static char text[64];
	char whole[48];
	struct tm utc;
	time_t when = wall_us / 1000000;
	gmtime_r(&when, &utc);
	strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof text, "%s.%03dZ", whole, (int)(wall_us / 1000 % 1000));
	return text;
}

static void changes_and_what_a_clean_end_leaves(void **state)
{
	(void)state;
	begin(0, 1);
	add(0, SPOOL_CHANGE, 0, 1, "a.example");
	add(0, SPOOL_CHANGE, 0, 2, "b.other");
	add(0, SPOOL_CHANGE, 0, 3, "c.example");
	add_bare(0, SPOOL_CLOSED, 0, 4);
	put(0);
	publish();
	assert_string_equal(story(), "a.example completed, c.example completed");
	assert_int_equal(tallies.outside_zones, 1);
	assert_false(fixture_segment_is_there(config->state_dir, number_of(0), 1, ""));
	assert_int_equal(publish(), 0);
}

/* Names with U-labels. */
static void add_named(int writer, enum spool_kind kind, uint64_t ticket, int second,
		      const char *name, const char *host)
{
	struct change_name *added;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, name);
	assert_int_equal(change_registrar_read(&change.registrar, "Client X", 8), RESULT_OK);
	assert_int_equal(change_add_host(&change.add, &added), RESULT_OK);
	assert_int_equal(change_name_read(added, host, strlen(host)), RESULT_OK);
	fixture_change_record(&segments[writer], kind, ticket, stamp(second), &change);
}

static void names_are_published_as_a_labels(void **state)
{
	(void)state;
	begin(0, 1);
	add_named(0, SPOOL_CHANGE, 0, 1, "bücher.example", "ns.ü.example");
	add_named(0, SPOOL_CHANGE, 0, 2, "bücher.other", "☃.example");
	add_bare(0, SPOOL_CLOSED, 0, 4);
	put(0);
	publish();
	assert_string_equal(story(), "xn--bcher-kva.example completed");
	assert_member(0, "unicodeName", "bücher.example");
	assert_int_equal(tallies.outside_zones, 1);
	assert_int_equal(tallies.invalid_names, 0);
}

static void a_name_that_is_none_is_a_gap_and_its_record_is_consumed(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 7, 0, "b.example");
	add_named(0, SPOOL_CHANGE, 0, 1, "☃.example", "ns.example");
	add_named(0, SPOOL_CHANGE, 7, 2, "b.example", "☃.example");
	add_named(0, SPOOL_INTENT, 8, 3, "☃.example", "ns.example");
	add_bare(0, SPOOL_UNKNOWN, 8, 4);
	add(0, SPOOL_CHANGE, 0, 5, "c.example");
	put(0);
	publish();
	assert_string_equal(story(), "gap value, gap value, gap value, c.example completed");
	for (uint64_t i = 0; i < 3; i++) {
		assert_member(i, "count", "1");
		assert_member(i, "registrar", "Client X");
		assert_member(i, "txn", "SV-1");
	}
	assert_member(1, "from", told(FIXTURE_WALL_US + stamp(2)));
	assert_member(1, "to", told(FIXTURE_WALL_US + stamp(2)));
	assert_int_equal(tallies.invalid_names, 3);
	assert_int_equal(tallies.gaps, 3);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 0);
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
}

/* The config's zones are about names. */
static void objects_without_a_name_lie_outside_no_zone(void **state)
{
	(void)state;
	begin(0, 1);
	fixture_change(&change, CHANGE_NSSET, CHANGE_UPDATE, "a.other");
	change.name.text[0] = '\0';
	assert_int_equal(change_token_read(&change.handle, "a.other", 7), RESULT_OK);
	fixture_change_record(&segments[0], SPOOL_CHANGE, 0, stamp(1), &change);
	add_bare(0, SPOOL_CLOSED, 0, 4);
	put(0);
	publish();
	assert_member(0, "handle", "a.other");
	assert_member(0, "objectClassName", "nsset");
	assert_int_equal(tallies.outside_zones, 0);
}

static void an_intent_ends_with_its_change_or_when_it_is_given_up(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 1, 1, "a.example");
	add(0, SPOOL_INTENT, 2, 2, "b.example");
	add(0, SPOOL_INTENT, 3, 3, "c.example");
	put(0);
	publish();
	assert_string_equal(story(), "");
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 3);
	add(0, SPOOL_CHANGE, 2, 4, "b.example");
	add_bare(0, SPOOL_GIVEN_UP, 1, 5);
	add_bare(0, SPOOL_GIVEN_UP, 99, 5);
	put(0);
	publish();
	assert_string_equal(story(), "b.example completed");
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 1);
}

static void an_end_that_is_unknown_is_told_once(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 1, 1, "a.example");
	add(0, SPOOL_INTENT, 3, 1, "c.example");
	add_bare(0, SPOOL_UNKNOWN, 1, 2);
	add_bare(0, SPOOL_UNKNOWN, 1, 3);
	add_bare(0, SPOOL_UNKNOWN, 2, 3); /* not 3, which is the next one */
	put(0);
	publish();
	assert_string_equal(story(), "a.example unknown");
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 1);
}

static void what_ends_no_intent_leaves_it_open_when_it_is_set_aside(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 5, 0, "a.example");
	add_bare(0, 77, 5, 1);
	add_bare(0, SPOOL_GAP, 5, 2);
	add_bare(0, SPOOL_TEST, 5, 3);
	add_bare(0, SPOOL_REVOKE, 5, 4);
	put(0);
	publish();
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 4);
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 1);
}

static void an_intent_that_nothing_could_end_is_set_aside(void **state)
{
	(void)state;
	begin(0, 1);
	add(0, SPOOL_INTENT, 0, 1, "a.example");
	add_bare(0, SPOOL_CLOSED, 0, 2);
	put(0);
	publish();
	assert_string_equal(story(), "gap undecodable");
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 1);
}

/* What stands in the store is looked for only when all that was made before is in it. */
static void what_needs_the_store_waits_for_the_batches_before_it(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 1, 1, "a.example");
	add_bare(0, SPOOL_UNKNOWN, 1, 2);
	put(0);
	assert_true(fill(false));
	assert_int_equal(batch.count, 1);
	commit();
	assert_false(fill(false));
	assert_true(fill(true));
	commit();
	assert_string_equal(story(), "a.example unknown");
}

static void a_dead_writers_open_intents_are_unknown_and_a_crash_is_told(void **state)
{
	(void)state;
	begin(0, 1);
	add(0, SPOOL_CHANGE, 0, 1, "a.example");
	add(0, SPOOL_INTENT, 1, 2, "b.example");
	put(0);
	publish();
	assert_string_equal(story(), "a.example completed, b.example unknown, gap crash");
	assert_member(2, "count", "");
	assert_member(2, "from", told(FIXTURE_WALL_US + stamp(2)));
	int64_t restart_us = now.wall_us;
	bool found = false;
	for (int i = 0; i < 5; i++, restart_us -= 100 * (int64_t)SECOND_US) {
		json_t *claims = fixture_claims(store, 2);
		found |= strcmp(member(claims, "to"), told(restart_us)) == 0;
		json_decref(claims);
	}
	assert_true(found);
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
}

static void after_a_clean_end_open_intents_are_unknown_and_no_crash_is_told(void **state)
{
	(void)state;
	begin(0, 1);
	add(0, SPOOL_INTENT, 1, 2, "b.example");
	add_bare(0, SPOOL_CLOSED, 0, 3);
	put(0);
	publish();
	assert_string_equal(story(), "b.example unknown");
}

/* Also when the publisher was restarted between the CLOSED and the end. */
static void a_clean_end_is_remembered_over_a_restart(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_CHANGE, 0, 1, "a.example");
	add_bare(0, SPOOL_CLOSED, 0, 3);
	put(0);
	publish();
	close_all();
	state_dir_unlock(dir, number_of(0));
	open_all();
	publish();
	assert_string_equal(story(), "a.example completed");
	assert_false(fixture_segment_is_there(config->state_dir, number_of(0), 1, ""));
}

static void the_crash_of_one_that_wrote_nothing_begins_with_its_segment(void **state)
{
	(void)state;
	begin(0, 1);
	put(0);
	publish();
	assert_string_equal(story(), "gap crash");
	assert_member(0, "from", told(FIXTURE_WALL_US));
}

enum { MANY = 1300 };

static void leave_many_intents(int writer, int first)
{
	char name[32];
	begin(writer, 1);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "n%d.example", first + i);
		add(writer, SPOOL_INTENT, (uint64_t)(first + i) * 3 + 1, 1, name);
	}
	put(writer);
}

static void count_names(uint8_t *counts, int most)
{
	json_t *claims;
	for (uint64_t i = 0; (claims = fixture_claims(store, i)); i++) {
		const char *name = member(claims, "ldhName");
		if (*name == 'n') {
			assert_string_equal(member(claims, "outcome"), "unknown");
			assert_in_range(atoi(name + 1), 0, most - 1);
			counts[atoi(name + 1)]++;
		}
		json_decref(claims);
	}
}

static void many_open_intents_are_told_once_each_over_batches_and_restarts(void **state)
{
	(void)state;
	static uint8_t counts[3 * MANY];
	/* The second has smaller tickets, and its end may come between two batches of the first. */
	leave_many_intents(0, 2 * MANY);
	leave_many_intents(1, 0);
	leave_many_intents(2, MANY);
	int batches = 0;
	for (; fill(true); batches++) {
		commit();
		if (batches % 2) {
			close_all();
			open_all();
		}
	}
	assert_true(batches > 3 * MANY / BATCH_MAX);
	memset(counts, 0, sizeof counts);
	count_names(counts, 3 * MANY);
	for (int i = 0; i < 3 * MANY; i++)
		assert_int_equal(counts[i], 1);
	assert_int_equal(tallies.gaps, 3);
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
}

/* Another writer dies while the first one's intents are gone through. */
static void a_death_between_two_batches_hides_no_intent(void **state)
{
	(void)state;
	static uint8_t counts[3 * MANY];
	live(2);
	leave_many_intents(2, 0);
	while (fixture_count(store, TABLE_INTENTS) < MANY && fill(true))
		commit();
	live(0);
	leave_many_intents(0, MANY);
	while (fixture_count(store, TABLE_INTENTS) < 2 * MANY && fill(true))
		commit();
	state_dir_unlock(dir, number_of(0));
	assert_true(fill(true));
	commit();
	state_dir_unlock(dir, number_of(2));
	publish();
	memset(counts, 0, sizeof counts);
	count_names(counts, 2 * MANY);
	for (int i = 0; i < 2 * MANY; i++)
		assert_int_equal(counts[i], 1);
}

static void damage_is_told_from_the_record_before_to_the_one_behind(void **state)
{
	(void)state;
	begin(0, 1);
	add(0, SPOOL_CHANGE, 0, 1, "a.example");
	size_t second = segments[0].bytes.size;
	add(0, SPOOL_CHANGE, 0, 2, "b.example");
	add(0, SPOOL_CHANGE, 0, 3, "c.example");
	add_bare(0, SPOOL_CLOSED, 0, 4);
	segments[0].bytes.data[second + 50] ^= 4;
	put(0);
	publish();
	assert_string_equal(story(), "a.example completed, gap damaged, c.example completed");
	assert_member(1, "from", told(FIXTURE_WALL_US + stamp(1)));
	assert_member(1, "to", told(FIXTURE_WALL_US + stamp(3)));
	assert_member(1, "count", "");
	assert_int_equal(tallies.damaged, 1);
	assert_true(fixture_segment_is_there(config->state_dir, number_of(0), 1, ".bad"));
	assert_false(fixture_segment_is_there(config->state_dir, number_of(0), 1, ""));
}

static void a_damaged_tail_is_told_unless_it_is_torn_by_a_death(void **state)
{
	(void)state;
	for (uint32_t sequence = 1; sequence <= 2; sequence++) {
		begin(0, sequence);
		add(0, SPOOL_CHANGE, 0, (int)sequence, "a.example");
		add(0, SPOOL_CHANGE, 0, (int)sequence, "b.example");
		segments[0].bytes.size -= 3;
		put(0);
	}
	publish();
	assert_string_equal(story(),
			    "a.example completed, gap damaged, a.example completed, gap crash");
	assert_member(1, "from", told(FIXTURE_WALL_US + stamp(1)));
	assert_member(3, "from", told(FIXTURE_WALL_US + stamp(2)));
	assert_int_equal(tallies.damaged, 1);
}

static void an_unreadable_segment_is_told_once(void **state)
{
	(void)state;
	begin(0, 1);
	add(0, SPOOL_CHANGE, 0, 1, "a.example");
	segments[0].bytes.data[30] ^= 1;
	put(0);
	begin(0, 2);
	add(0, SPOOL_CHANGE, 0, 2, "b.example");
	add_bare(0, SPOOL_CLOSED, 0, 3);
	put(0);
	publish();
	close_all();
	open_all();
	publish();
	assert_string_equal(story(), "gap damaged, b.example completed");
	assert_true(fixture_segment_is_there(config->state_dir, number_of(0), 1, ".bad"));
}

/* Its writer died while it made the file: nothing was in it, so nothing is damaged. */
static void a_segment_that_was_not_made_to_its_end_is_a_crash(void **state)
{
	(void)state;
	begin(0, 1);
	fixture_segment_cut(&segments[0], config->state_dir, 10);
	publish();
	assert_string_equal(story(), "gap crash");
	assert_int_equal(tallies.damaged, 0);
	assert_false(fixture_segment_is_there(config->state_dir, number_of(0), 1, ".bad"));
}

static struct spool_gap some_gap(void)
{
	return (struct spool_gap){.count = 12,
				  .from_us = FIXTURE_WALL_US + 1234000,
				  .to_us = FIXTURE_WALL_US + 5678000,
				  .reason = "queue_full",
				  .registrar = "Client X",
				  .txn = "SV-77"};
}

static void a_gap_of_the_writers_is_passed_on_with_all_it_says(void **state)
{
	(void)state;
	struct spool_gap gap = some_gap();
	live(0);
	begin(0, 1);
	fixture_record(&segments[0], SPOOL_GAP, 0, stamp(1), &gap, sizeof gap);
	gap = (struct spool_gap){.to_us = FIXTURE_WALL_US, .reason = "disk"};
	fixture_record(&segments[0], SPOOL_GAP, 0, stamp(2), &gap, sizeof gap);
	put(0);
	publish();
	assert_string_equal(story(), "gap queue_full, gap disk");
	assert_member(0, "count", "12");
	assert_member(0, "from", told(FIXTURE_WALL_US + 1234000));
	assert_member(0, "to", told(FIXTURE_WALL_US + 5678000));
	assert_member(0, "registrar", "Client X");
	assert_member(0, "txn", "SV-77");
	assert_member(1, "count", "");
	assert_member(1, "from", "");
	assert_member(1, "registrar", "");
	assert_member(1, "txn", "");
	json_t *claims = fixture_claims(store, 0);
	assert_string_equal(json_string_value(json_object_get(claims, "txn")), "SV-77");
	assert_true(json_real_value(json_object_get(claims, "toe")) == 1790000005.678);
	json_decref(claims);
	assert_int_equal(tallies.gaps, 2);
	assert_int_equal(tallies.undecodable, 0);
}

static void a_gap_that_no_writer_of_ours_wrote_is_set_aside(void **state)
{
	(void)state;
	struct spool_gap gaps[9];
	live(0);
	begin(0, 1);
	for (size_t i = 0; i < 9; i++)
		gaps[i] = some_gap();
	memset(gaps[0].reason, 'r', sizeof gaps[0].reason);
	strcpy(gaps[1].reason, "some words");
	gaps[2].reason[0] = '\0';
	gaps[3].registrar[3] = '\n';
	memset(gaps[4].txn, 't', sizeof gaps[4].txn);
	gaps[5].txn[0] = (char)0xc3;
	gaps[6].count = UINT64_MAX;
	gaps[7].from_us = -1;
	gaps[8].to_us = INT64_MIN;
	for (size_t i = 0; i < 9; i++)
		fixture_record(&segments[0], SPOOL_GAP, 0, stamp(1), &gaps[i], sizeof *gaps);
	fixture_record(&segments[0], SPOOL_GAP, 0, stamp(1), &gaps[0], sizeof *gaps - 1);
	fixture_record(&segments[0], SPOOL_GAP, 0, stamp(1), "", 0);
	put(0);
	publish();
	assert_int_equal(tallies.undecodable, 11);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 11);
	assert_int_equal(fixture_count(store, TABLE_EVENTS), 11);
	for (uint64_t i = 0; i < 11; i++)
		assert_member(i, "reason", "undecodable");
}

static void what_is_no_change_goes_into_quarantine_and_is_told(void **state)
{
	(void)state;
	struct aside_header header;
	struct feed_txn txn;
	const void *payload;
	uint64_t number = 0;
	size_t size;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 5, 0, "a.example");
	fixture_record(&segments[0], SPOOL_CHANGE, 5, stamp(1), "nonsense", 8);
	fixture_record(&segments[0], 77, 0, stamp(2), "", 0);
	add(0, SPOOL_CHANGE, 0, 3, "b.example");
	put(0);
	publish();
	assert_string_equal(story(), "gap undecodable, gap undecodable, b.example completed");
	assert_member(0, "count", "1");
	assert_member(0, "from", told(FIXTURE_WALL_US + stamp(1)));
	assert_member(0, "to", told(FIXTURE_WALL_US + stamp(1)));
	assert_int_equal(tallies.undecodable, 2);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 2);
	/* It was the end of that intent, whatever it was. */
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_next_aside(&txn, &number, &header, &payload, &size), RESULT_OK);
	assert_memory_equal(payload, "nonsense", size);
	assert_int_equal(header.kind, SPOOL_CHANGE);
	assert_int_equal(header.wall_us, FIXTURE_WALL_US + stamp(1));
	assert_string_equal(header.reason, "undecodable");
	number = 1;
	assert_int_equal(feed_txn_next_aside(&txn, &number, &header, &payload, &size), RESULT_OK);
	assert_int_equal(header.kind, 77);
	feed_txn_abort(&txn);
}

/* A newer version can read what an older one could not: here, what was put there is good. */
static void put_aside(enum spool_kind kind, const char *name)
{
	const struct aside_header header = {.kind = kind, .wall_us = FIXTURE_WALL_US};
	struct buffer encoded;
	struct feed_txn txn;
	buffer_init(&encoded, 1 << 20);
	if (name) {
		fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, name);
		change_encode(&change, &encoded);
	} else {
		buffer_append_text(&encoded, "nonsense");
	}
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_put_aside(&txn, &header, encoded.data, encoded.size), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	buffer_free(&encoded);
}

static void retry(int second)
{
	begin(3, (uint32_t)second);
	add_bare(3, SPOOL_RETRY, 0, second);
	add_bare(3, SPOOL_CLOSED, 0, second);
	put(3);
	publish();
}

static void what_can_be_read_by_now_comes_back_from_quarantine(void **state)
{
	(void)state;
	put_aside(SPOOL_CHANGE, NULL);
	put_aside(SPOOL_CHANGE, "a.example");
	put_aside(SPOOL_GAP, NULL);
	put_aside(SPOOL_INTENT, "b.example");
	put_aside(SPOOL_CHANGE, "c.other");
	retry(1);
	assert_string_equal(story(), "a.example completed, b.example unknown");
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 2);
	retry(2);
	assert_string_equal(story(), "a.example completed, b.example unknown");
	for (int i = 0; i < 600; i++)
		put_aside(SPOOL_CHANGE, "many.example");
	retry(3);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 2);
	assert_int_equal(fixture_count(store, TABLE_EVENTS), 602);
	assert_int_equal(tallies.gaps, 0);
}

/* A message, with all that a change can hold. */
static void fill_change(void)
{
	struct change_reference *reference;
	struct change_name *host;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_TRANSFER, "ü.example");
	change.is_message = true;
	change.ends = (struct change_token){"SV-0"};
	change.initiator = CHANGE_BY_REGISTRY;
	change.outcome = CHANGE_REJECTED;
	change.transfer = (struct change_transfer){.op = TRANSFER_CANCEL,
						   .status = TRANSFER_CLIENT_CANCELLED,
						   .gaining = {"Client X"},
						   .losing = {"ClientY"}};
	change.locks = (struct change_locks){PROHIBITS_ALL, PROHIBITS_RENEW};
	change.state_at = STATE_AFTER;
	change.state_known = KNOWN_HOSTS;
	change.changed = CHANGED_ALL;
	change.has_done = true;
	change.done = 1790000000;
	change.remove.all_hosts = true;
	assert_int_equal(change_add_host(&change.state, &host), RESULT_OK);
	assert_int_equal(change_name_read(host, "ns.example", 10), RESULT_OK);
	assert_int_equal(change_add_reference(&change.add, &reference), RESULT_OK);
	*reference = (struct change_reference){CHANGE_KEYGROUP, true, {"K1"}};
}

/* Whatever a change holds is in its event, though it went through quarantine; and as news it is told once. */
static void a_change_comes_back_from_quarantine_as_it_was(void **state)
{
	(void)state;
	const struct aside_header header = {.kind = SPOOL_CHANGE, .wall_us = FIXTURE_WALL_US};
	struct buffer encoded;
	struct feed_txn txn;
	fill_change();
	buffer_init(&encoded, 1 << 20);
	change_encode(&change, &encoded);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
		assert_int_equal(feed_txn_put_aside(&txn, &header, encoded.data, encoded.size),
				 RESULT_OK);
		assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	}
	buffer_free(&encoded);
	retry(1);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 0);
	assert_int_equal(tallies.repeats, 1);
	assert_null(fixture_claims(store, 1));
	json_t *claims = fixture_claims(store, 0);
	json_t *events = json_object_get(claims, "events");
	char *value =
		json_dumps(json_object_get(events, "urn:ietf:params:xml:ns:domain-1.0#transfer"),
			   JSON_COMPACT);
	assert_string_equal(
		value, "{\"objectClassName\":\"domain\",\"ldhName\":\"xn--tda.example\","
		       "\"unicodeName\":\"ü.example\",\"initiator\":\"registry\","
		       "\"outcome\":\"rejected\","
		       "\"remove\":{\"nameservers\":{\"all\":true}},"
		       "\"set\":{\"keygroup\":\"K1\",\"done\":\"2026-09-21T14:13:20Z\"},"
		       "\"changed\":[\"registrant\",\"contacts\",\"authInfo\",\"lockPolicy\"],"
		       "\"lock\":[{\"action\":\"lock\",\"level\":\"registry\","
		       "\"prohibits\":[\"delete\",\"renew\",\"transfer\",\"update\"]},"
		       "{\"action\":\"unlock\",\"level\":\"registry\",\"prohibits\":[\"renew\"]}],"
		       "\"transfer\":{\"op\":\"cancel\",\"status\":\"clientCancelled\","
		       "\"gaining\":\"Client X\",\"losing\":\"ClientY\"},"
		       "\"state\":{\"known\":[\"nameservers\"],"
		       "\"nameservers\":[{\"ldhName\":\"ns.example\"}]}}");
	free(value);
	json_decref(claims);
}

/* What it could not read, it reads as badly when it is tried again. */
static void a_name_that_is_none_stays_in_quarantine(void **state)
{
	(void)state;
	put_aside(SPOOL_CHANGE, "☃.example");
	put_aside(SPOOL_CHANGE, "a.example");
	retry(1);
	assert_string_equal(story(), "a.example completed");
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 1);
	assert_int_equal(tallies.gaps, 0);
}

static void what_cannot_be_signed_is_set_aside_and_the_rest_goes_on(void **state)
{
	(void)state;
	live(0);
	begin(0, 1);
	add(0, SPOOL_INTENT, 7, 0, "b.example");
	put(0);
	publish();
	add(0, SPOOL_CHANGE, 0, 1, "a.example");
	add(0, SPOOL_CHANGE, 7, 2, "b.example");
	fixture_record(&segments[0], SPOOL_CHANGE, 0, stamp(3), "nonsense", 8);
	add(0, SPOOL_CHANGE, 0, 4, "c.example");
	put(0);
	assert_true(fill(true));
	assert_int_equal(batch.count, 4);
	assert_int_equal(batch_set_aside(maker, 1, &now, &batch), RESULT_OK);
	assert_int_equal(batch_set_aside(maker, 2, &now, &batch), RESULT_OK);
	commit();
	assert_string_equal(story(),
			    "a.example completed, gap unsigned, gap unsigned, c.example completed");
	assert_member(1, "count", "1");
	assert_member(1, "from", told(FIXTURE_WALL_US + stamp(2)));
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 2);
	/* Tried again, it still can't: it stays, once. */
	begin(3, 1);
	add_bare(3, SPOOL_RETRY, 0, 5);
	put(3);
	live(3);
	assert_true(fill(true));
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch_set_aside(maker, 0, &now, &batch), RESULT_OK);
	commit();
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 2);
	begin(3, 2);
	add_bare(3, SPOOL_RETRY, 0, 6);
	put(3);
	publish();
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 1);
	assert_non_null(strstr(story(), "c.example completed, gap unsigned, b.example completed"));
}

static void a_gap_of_our_own_that_cannot_be_signed_has_a_time(void **state)
{
	(void)state;
	begin(0, 1);
	put(0);
	while (fill(true) && batch.count == 0)
		commit();
	assert_int_equal(batch_set_aside(maker, 0, &now, &batch), RESULT_OK);
	commit();
	assert_string_equal(story(), "gap unsigned");
	assert_member(0, "to", told(now.wall_us));
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 0);
}

static void order_revocation(int second, const void *id, size_t size)
{
	begin(3, (uint32_t)second);
	fixture_record(&segments[3], SPOOL_REVOKE, 0, stamp(second), id, size);
	add_bare(3, SPOOL_CLOSED, 0, second);
	put(3);
	publish();
}

static enum key_state state_of(const char *id)
{
	struct key_record record;
	struct feed_txn txn;
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_key(&txn, id, &record), RESULT_OK);
	feed_txn_abort(&txn);
	return (enum key_state)record.state;
}

static void know_key(const char *id)
{
	const struct key_record record = {.key = {1}};
	struct feed_txn txn;
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_set_key(&txn, id, &record), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
}

static void a_known_key_that_does_not_sign_can_be_revoked(void **state)
{
	(void)state;
	static const char old[] = "0123456789-0123456789_0123456789-0123456789";
	char id[FEED_KEY_ID_SIZE];
	enum { SIZE = FEED_KEY_ID_SIZE - 1 };
	_Static_assert(sizeof old == FEED_KEY_ID_SIZE, "an id's length");
	order_revocation(1, old, SIZE);
	assert_string_equal(story(), "");
	know_key(old);
	know_key(signing_key_id(key));
	order_revocation(2, signing_key_id(key), SIZE);
	assert_string_equal(story(), "");
	assert_int_equal(state_of(signing_key_id(key)), KEY_TRUSTED);
	order_revocation(3, old, SIZE);
	assert_string_equal(story(), "key revoked");
	assert_member(0, "kid", old);
	assert_int_equal(state_of(old), KEY_REVOKED);
	assert_int_equal(state_of(signing_key_id(key)), KEY_TRUSTED);
	/* What no epptapctl wrote. */
	memcpy(id, old, sizeof id);
	id[0] = '\0';
	order_revocation(4, id, SIZE);
	id[0] = '\n';
	order_revocation(5, id, SIZE);
	order_revocation(6, old, SIZE - 1);
	assert_string_equal(story(),
			    "key revoked, gap undecodable, gap undecodable, gap undecodable");
	assert_int_equal(fixture_count(store, TABLE_ASIDE), 3);
}

static void any_number_of_segments_goes_through(void **state)
{
	(void)state;
	enum { SEGMENTS = 3 * BATCH_MARKS + 7 };
	char name[32];
	for (uint32_t i = 1; i <= SEGMENTS; i++) {
		begin(0, i);
		snprintf(name, sizeof name, "n%u.example", i);
		add(0, SPOOL_CHANGE, 0, (int)i % 50, name);
		add_bare(0, i < SEGMENTS ? SPOOL_END : SPOOL_CLOSED, 0, (int)i % 50);
		put(0);
	}
	assert_true(publish() >= 4);
	for (uint32_t i = 1; i <= SEGMENTS; i++) {
		snprintf(name, sizeof name, "n%u.example", i);
		assert_member(i - 1, "ldhName", name);
		assert_false(fixture_segment_is_there(config->state_dir, number_of(0), i, ""));
	}
	assert_int_equal(fixture_count(store, TABLE_EVENTS), SEGMENTS);
	commit(); /* the last files' marks are forgotten with the next commit */
	assert_int_equal(fixture_count(store, TABLE_SEGMENTS), 0);
}

static void a_batch_holds_payloads_up_to_a_bound(void **state)
{
	(void)state;
	enum { RECORDS = 7 };
	char *payload = calloc(1, SPOOL_RECORD_MAX);
	begin(0, 1);
	for (int i = 0; i < RECORDS; i++)
		fixture_record(&segments[0], SPOOL_CHANGE, 0, stamp(i), payload, SPOOL_RECORD_MAX);
	free(payload);
	put(0);
	assert_true(fill(true));
	assert_in_range(batch.count, 1, RECORDS - 1);
	assert_true(batch.bytes.size <= 32 << 20);
	commit();
	publish();
	assert_int_equal(fixture_count(store, TABLE_ASIDE), RECORDS);
	assert_int_equal(fixture_count(store, TABLE_EVENTS), RECORDS + 1); /* and the crash */
	assert_int_equal(tallies.undecodable, RECORDS);
}

static void late_ones_are_counted(void **state)
{
	(void)state;
	live(0);
	live(1);
	begin(0, 1);
	begin(1, 1);
	add(0, SPOOL_CHANGE, 0, 10, "a.example");
	put(0);
	put(1);
	publish();
	close_all();
	open_all();
	add(1, SPOOL_CHANGE, 0, 5, "b.example");
	add(1, SPOOL_CHANGE, 0, 11, "c.example");
	put(1);
	publish();
	assert_int_equal(tallies.late, 1);
	assert_string_equal(story(),
			    "a.example completed, b.example completed, c.example completed");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(changes_and_what_a_clean_end_leaves),
		WITH_STORE(names_are_published_as_a_labels),
		WITH_STORE(a_name_that_is_none_is_a_gap_and_its_record_is_consumed),
		WITH_STORE(objects_without_a_name_lie_outside_no_zone),
		WITH_STORE(an_intent_ends_with_its_change_or_when_it_is_given_up),
		WITH_STORE(an_end_that_is_unknown_is_told_once),
		WITH_STORE(what_ends_no_intent_leaves_it_open_when_it_is_set_aside),
		WITH_STORE(an_intent_that_nothing_could_end_is_set_aside),
		WITH_STORE(what_needs_the_store_waits_for_the_batches_before_it),
		WITH_STORE(a_dead_writers_open_intents_are_unknown_and_a_crash_is_told),
		WITH_STORE(after_a_clean_end_open_intents_are_unknown_and_no_crash_is_told),
		WITH_STORE(a_clean_end_is_remembered_over_a_restart),
		WITH_STORE(the_crash_of_one_that_wrote_nothing_begins_with_its_segment),
		WITH_STORE(many_open_intents_are_told_once_each_over_batches_and_restarts),
		WITH_STORE(a_death_between_two_batches_hides_no_intent),
		WITH_STORE(damage_is_told_from_the_record_before_to_the_one_behind),
		WITH_STORE(a_damaged_tail_is_told_unless_it_is_torn_by_a_death),
		WITH_STORE(an_unreadable_segment_is_told_once),
		WITH_STORE(a_segment_that_was_not_made_to_its_end_is_a_crash),
		WITH_STORE(a_gap_of_the_writers_is_passed_on_with_all_it_says),
		WITH_STORE(a_gap_that_no_writer_of_ours_wrote_is_set_aside),
		WITH_STORE(what_is_no_change_goes_into_quarantine_and_is_told),
		WITH_STORE(what_can_be_read_by_now_comes_back_from_quarantine),
		WITH_STORE(a_change_comes_back_from_quarantine_as_it_was),
		WITH_STORE(a_name_that_is_none_stays_in_quarantine),
		WITH_STORE(what_cannot_be_signed_is_set_aside_and_the_rest_goes_on),
		WITH_STORE(a_gap_of_our_own_that_cannot_be_signed_has_a_time),
		WITH_STORE(a_known_key_that_does_not_sign_can_be_revoked),
		WITH_STORE(any_number_of_segments_goes_through),
		WITH_STORE(a_batch_holds_payloads_up_to_a_bound),
		WITH_STORE(late_ones_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
