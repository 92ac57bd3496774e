/* The feed store: what it keeps, what it refuses, and that a full one can go on. */
#include "publisher/feed_store.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { LIMIT = 16 << 20 };

static struct scratch scratch;
static struct feed_store *store;
static struct feed_txn txn;
static char why[512];

static int open_store(uint64_t limit, bool read_only)
{
	return feed_store_open(scratch.path, limit, read_only, &store, why, sizeof why);
}

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	txn = (struct feed_txn){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_txn_abort(&txn);
	feed_store_close(&store);
	scratch_remove(scratch.path);
	return 0;
}

static void begin(void)
{
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
}

static void begin_in_new_store(void)
{
	assert_int_equal(open_store(LIMIT, false), RESULT_OK);
	begin();
}

static void commit_and_reopen(void)
{
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
	begin_in_new_store();
}

static uint64_t add_event(int64_t feed_ms, uint32_t channels)
{
	const struct feed_event event = {.object = CHANGE_HOST,
					 .verb = CHANGE_UPDATE,
					 .feed_ms = feed_ms,
					 .name = "ns1.a.example",
					 .new_name = "ns2.a.example",
					 .jws = "header.payload.signature",
					 .jws_size = 24};
	uint64_t number;
	assert_int_equal(feed_txn_add_event(&txn, &event, channels, &number), RESULT_OK);
	return number;
}

static bool has_event(uint64_t number)
{
	struct feed_event event;
	int result = feed_txn_event(&txn, number, &event);
	assert_true(result == RESULT_OK || result == RESULT_INVALID);
	return result == RESULT_OK;
}

static void events_are_numbered_from_zero_and_come_back_after_a_restart(void **state)
{
	(void)state;
	struct feed_event event;
	uint64_t count;
	begin_in_new_store();
	assert_int_equal(feed_txn_event_count(&txn, &count), RESULT_OK);
	assert_int_equal(count, 0);
	assert_int_equal(add_event(5, 1), 0);
	assert_int_equal(add_event(6, 1), 1);
	commit_and_reopen();
	assert_int_equal(add_event(7, 1), 2);
	assert_int_equal(feed_txn_event(&txn, 1, &event), RESULT_OK);
	assert_int_equal(event.object, CHANGE_HOST);
	assert_int_equal(event.verb, CHANGE_UPDATE);
	assert_int_equal(event.feed_ms, 6);
	assert_string_equal(event.name, "ns1.a.example");
	assert_string_equal(event.new_name, "ns2.a.example");
	assert_int_equal(event.jws_size, 24);
	assert_memory_equal(event.jws, "header.payload.signature", 24);
	assert_int_equal(feed_txn_event(&txn, 3, &event), RESULT_INVALID);
}

static void what_is_aborted_never_was(void **state)
{
	(void)state;
	begin_in_new_store();
	add_event(1, 1);
	feed_txn_abort(&txn);
	feed_txn_abort(&txn);
	begin();
	assert_false(has_event(0));
}

static void a_channel_keeps_its_number_and_none_gets_anothers(void **state)
{
	(void)state;
	struct channel_record vetted, public_, third;
	begin_in_new_store();
	assert_int_equal(feed_txn_channel(&txn, "vetted", false, &vetted), RESULT_INVALID);
	assert_int_equal(feed_txn_channel(&txn, "vetted", true, &vetted), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "public", true, &public_), RESULT_OK);
	assert_int_not_equal(vetted.id, public_.id);
	uint64_t number = add_event(1, 1);
	assert_int_equal(feed_txn_place(&txn, &public_, number), RESULT_OK);
	assert_int_equal(feed_txn_set_channel(&txn, "public", &public_), RESULT_OK);
	commit_and_reopen();
	assert_int_equal(feed_txn_channel(&txn, "third", true, &third), RESULT_OK);
	assert_int_not_equal(third.id, vetted.id);
	assert_int_not_equal(third.id, public_.id);
	struct channel_record again;
	assert_int_equal(feed_txn_channel(&txn, "public", false, &again), RESULT_OK);
	assert_memory_equal(&again, &public_, sizeof again);
	assert_int_equal(again.next_index, 1);
}

static void places_are_each_channels_own_and_in_the_order_of_giving(void **state)
{
	(void)state;
	struct channel_record a, b;
	uint64_t number;
	begin_in_new_store();
	assert_int_equal(feed_txn_channel(&txn, "a", true, &a), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "b", true, &b), RESULT_OK);
	for (uint64_t i = 0; i < 300; i++)
		assert_int_equal(feed_txn_place(&txn, i % 3 ? &a : &b, i), RESULT_OK);
	assert_int_equal(a.next_index, 200);
	assert_int_equal(b.next_index, 100);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(feed_txn_placed(&txn, &b, i, &number), RESULT_OK);
		assert_int_equal(number, 3 * i);
		assert_int_equal(feed_txn_placed(&txn, &a, 2 * i + 1, &number), RESULT_OK);
		assert_int_equal(number, 3 * i + 2);
	}
	assert_int_equal(feed_txn_placed(&txn, &b, 100, &number), RESULT_INVALID);
}

static void consumption_is_remembered_by_segment_until_it_is_forgotten(void **state)
{
	(void)state;
	const uint8_t first[SPOOL_ID_SIZE] = {1}, second[SPOOL_ID_SIZE] = {2};
	struct spool_mark mark = {.bytes = 9}, none = {0};
	const struct spool_mark later = {
		.bytes = 2000, .last_wall_us = -5, .closed = true, .finished = true};
	begin_in_new_store();
	assert_int_equal(feed_txn_mark(&txn, first, &mark), RESULT_OK);
	assert_memory_equal(&mark, &none, sizeof mark);
	mark.bytes = 1000;
	assert_int_equal(feed_txn_set_mark(&txn, first, &mark), RESULT_OK);
	assert_int_equal(feed_txn_set_mark(&txn, first, &later), RESULT_OK);
	assert_int_equal(feed_txn_set_mark(&txn, second, &mark), RESULT_OK);
	commit_and_reopen();
	assert_int_equal(feed_txn_mark(&txn, first, &mark), RESULT_OK);
	assert_memory_equal(&mark, &later, sizeof mark);
	assert_int_equal(feed_txn_forget_segment(&txn, first), RESULT_OK);
	assert_int_equal(feed_txn_forget_segment(&txn, first), RESULT_OK);
	assert_int_equal(feed_txn_mark(&txn, first, &mark), RESULT_OK);
	assert_memory_equal(&mark, &none, sizeof mark);
	assert_int_equal(feed_txn_mark(&txn, second, &mark), RESULT_OK);
	assert_int_equal(mark.bytes, 1000);
}

static void order_and_identity_come_back(void **state)
{
	(void)state;
	struct spool_order order, order_again;
	struct feed_identity identity, identity_again;
	static const struct spool_order no_order;
	static const struct feed_identity no_identity;
	begin_in_new_store();
	assert_int_equal(feed_txn_order(&txn, &order), RESULT_OK);
	assert_memory_equal(&order, &no_order, sizeof order);
	assert_int_equal(feed_txn_identity(&txn, &identity), RESULT_OK);
	assert_memory_equal(&identity, &no_identity, sizeof identity);
	order = (struct spool_order){
		.boot_id = "b", .newest_us = 3, .second_us = 2, .newest_writer = 7};
	identity = (struct feed_identity){
		.stream = {1}, .inode = 2, .generation = 3, .renewed = 1, .machine = "m"};
	assert_int_equal(feed_txn_set_order(&txn, &order), RESULT_OK);
	assert_int_equal(feed_txn_set_identity(&txn, &identity), RESULT_OK);
	commit_and_reopen();
	assert_int_equal(feed_txn_order(&txn, &order_again), RESULT_OK);
	assert_memory_equal(&order_again, &order, sizeof order);
	assert_int_equal(feed_txn_identity(&txn, &identity_again), RESULT_OK);
	assert_memory_equal(&identity_again, &identity, sizeof identity);
}

static void assert_next_intent(uint64_t writer, uint64_t from, uint64_t ticket, const char *bytes)
{
	const void *found;
	size_t size;
	int64_t wall_us;
	assert_int_equal(feed_txn_next_intent(&txn, writer, &from, &wall_us, &found, &size),
			 RESULT_OK);
	assert_int_equal(from, ticket);
	assert_int_equal(wall_us, (int64_t)ticket * 10);
	assert_int_equal(size, strlen(bytes));
	assert_memory_equal(found, bytes, size);
}

static void assert_no_intent(uint64_t writer, uint64_t from)
{
	const void *found;
	size_t size;
	int64_t wall_us;
	assert_int_equal(feed_txn_next_intent(&txn, writer, &from, &wall_us, &found, &size),
			 RESULT_INVALID);
}

static void intents_are_found_by_writer_and_ticket_until_they_end(void **state)
{
	(void)state;
	uint64_t count;
	begin_in_new_store();
	assert_no_intent(1, 0);
	assert_int_equal(feed_txn_add_intent(&txn, 1, 300, 3000, "late", 4), RESULT_OK);
	assert_int_equal(feed_txn_add_intent(&txn, 1, 2, 20, "early", 5), RESULT_OK);
	assert_int_equal(feed_txn_add_intent(&txn, 2, 2, 20, "", 0), RESULT_OK);
	commit_and_reopen();
	assert_no_intent(0, 0);
	assert_next_intent(1, 0, 2, "early");
	assert_next_intent(1, 2, 2, "early");
	assert_next_intent(1, 3, 300, "late");
	assert_no_intent(1, 301);
	assert_next_intent(2, 0, 2, "");
	assert_no_intent(3, 0);
	assert_int_equal(feed_txn_end_intent(&txn, 1, 2), RESULT_OK);
	assert_int_equal(feed_txn_end_intent(&txn, 1, 2), RESULT_OK);
	assert_int_equal(feed_txn_end_intent(&txn, 2, 300), RESULT_OK);
	assert_next_intent(1, 0, 300, "late");
	assert_int_equal(feed_txn_count(&txn, TABLE_INTENTS, &count), RESULT_OK);
	assert_int_equal(count, 2);
}

static void what_is_set_aside_keeps_its_number_until_it_is_taken_back(void **state)
{
	(void)state;
	struct aside_header header = {.wall_us = 5, .kind = SPOOL_CHANGE, .reason = "undecodable"};
	struct aside_header found;
	const void *payload;
	uint64_t number = 0;
	size_t size;
	begin_in_new_store();
	assert_int_equal(feed_txn_next_aside(&txn, &number, &found, &payload, &size),
			 RESULT_INVALID);
	assert_int_equal(feed_txn_put_aside(&txn, &header, "first", 5), RESULT_OK);
	header.kind = 99;
	assert_int_equal(feed_txn_put_aside(&txn, &header, "", 0), RESULT_OK);
	commit_and_reopen();
	number = 0;
	assert_int_equal(feed_txn_next_aside(&txn, &number, &found, &payload, &size), RESULT_OK);
	assert_int_equal(number, 0);
	assert_int_equal(size, 5);
	assert_memory_equal(payload, "first", 5);
	assert_int_equal(found.wall_us, 5);
	assert_int_equal(found.kind, SPOOL_CHANGE);
	assert_string_equal(found.reason, "undecodable");
	assert_int_equal(feed_txn_take_back(&txn, 0), RESULT_OK);
	assert_int_equal(feed_txn_take_back(&txn, 0), RESULT_OK);
	assert_int_equal(feed_txn_next_aside(&txn, &number, &found, &payload, &size), RESULT_OK);
	assert_int_equal(number, 1);
	assert_int_equal(found.kind, 99);
	assert_int_equal(size, 0);
	/* A number is not given twice while a later one is there. */
	assert_int_equal(feed_txn_put_aside(&txn, &header, "third", 5), RESULT_OK);
	number = 2;
	assert_int_equal(feed_txn_next_aside(&txn, &number, &found, &payload, &size), RESULT_OK);
	assert_memory_equal(payload, "third", 5);
}

static void the_clock_comes_back(void **state)
{
	(void)state;
	struct feed_clock clock, again;
	begin_in_new_store();
	assert_int_equal(feed_txn_clock(&txn, &clock), RESULT_OK);
	assert_int_equal(clock.feed_ms, 0);
	clock = (struct feed_clock){.feed_ms = 1, .boottime_ms = 2, .wall_ms = 3, .boot_id = "x"};
	assert_int_equal(feed_txn_set_clock(&txn, &clock), RESULT_OK);
	commit_and_reopen();
	assert_int_equal(feed_txn_clock(&txn, &again), RESULT_OK);
	assert_memory_equal(&again, &clock, sizeof clock);
}

static int count_keys(void *context, const char *id, size_t id_size, const struct key_record *key)
{
	assert_int_equal(id_size, 2);
	assert_int_equal(id[1], (char)key->key[0]);
	++*(int *)context;
	return RESULT_OK;
}

static void keys_are_remembered_once_each_with_what_became_of_them(void **state)
{
	(void)state;
	struct key_record a = {.key = {'a'}}, b = {.key = {'b'}}, found;
	int count = 0;
	begin_in_new_store();
	assert_int_equal(feed_txn_key(&txn, "ka", &found), RESULT_INVALID);
	assert_int_equal(feed_txn_set_key(&txn, "ka", &a), RESULT_OK);
	assert_int_equal(feed_txn_set_key(&txn, "kb", &b), RESULT_OK);
	commit_and_reopen();
	a.state = KEY_REVOKED;
	assert_int_equal(feed_txn_set_key(&txn, "ka", &a), RESULT_OK);
	assert_int_equal(feed_txn_each_key(&txn, count_keys, &count), RESULT_OK);
	assert_int_equal(count, 2);
	assert_int_equal(feed_txn_key(&txn, "ka", &found), RESULT_OK);
	assert_int_equal(found.state, KEY_REVOKED);
	assert_int_equal(feed_txn_key(&txn, "kb", &found), RESULT_OK);
	assert_int_equal(found.state, KEY_TRUSTED);
}

static struct note_key note_key(enum note_kind kind, uint8_t first)
{
	return (struct note_key){.kind = (uint8_t)kind, .hash = {first}};
}

static void put_note(uint8_t first, int64_t feed_ms, const char *text)
{
	struct note_key key = note_key(NOTE_PENDING, first);
	assert_int_equal(feed_txn_put_note(&txn, &key, feed_ms, text, strlen(text)), RESULT_OK);
}

/* What is noted, and when, as text; empty: nothing. */
static const char *noted(uint8_t first)
{
	static char text[64];
	struct note_key key = note_key(NOTE_PENDING, first);
	const void *value;
	int64_t feed_ms;
	size_t size;
	int result = feed_txn_note(&txn, &key, &feed_ms, &value, &size);
	if (result == RESULT_INVALID)
		return "";
	assert_int_equal(result, RESULT_OK);
	snprintf(text, sizeof text, "%.*s at %d", (int)size, (const char *)value, (int)feed_ms);
	return text;
}

static uint64_t count_of(enum feed_table table)
{
	uint64_t count;
	assert_int_equal(feed_txn_count(&txn, table, &count), RESULT_OK);
	return count;
}

static void notes_are_found_by_kind_and_hash_until_they_are_dropped(void **state)
{
	(void)state;
	struct note_key key = note_key(NOTE_PENDING, 1), told = note_key(NOTE_TOLD, 1);
	const void *value;
	int64_t feed_ms;
	size_t size;
	begin_in_new_store();
	assert_string_equal(noted(1), "");
	put_note(1, 5, "one");
	put_note(2, 5, "");
	commit_and_reopen();
	assert_string_equal(noted(1), "one at 5");
	assert_string_equal(noted(2), " at 5");
	assert_int_equal(feed_txn_note(&txn, &told, &feed_ms, &value, &size), RESULT_INVALID);
	put_note(1, 9, "another");
	assert_string_equal(noted(1), "another at 9");
	assert_int_equal(count_of(TABLE_NOTES), 2);
	assert_int_equal(count_of(TABLE_AGES), 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(feed_txn_drop_note(&txn, &key), RESULT_OK);
	assert_string_equal(noted(1), "");
	assert_string_equal(noted(2), " at 5");
	assert_int_equal(count_of(TABLE_NOTES), 1);
	assert_int_equal(count_of(TABLE_AGES), 1);
}

static void the_oldest_notes_go_first(void **state)
{
	(void)state;
	begin_in_new_store();
	put_note(9, 300, "a");
	put_note(5, 2, "b");
	put_note(7, 299, "c");
	put_note(1, 256, "d");
	put_note(5, 400, "b"); /* noted again */
	assert_int_equal(feed_txn_prune_notes(&txn, 256, 10), RESULT_OK);
	assert_int_equal(count_of(TABLE_NOTES), 4);
	assert_int_equal(feed_txn_prune_notes(&txn, 300, 1), RESULT_OK);
	assert_string_equal(noted(1), "");
	assert_string_equal(noted(7), "c at 299");
	assert_int_equal(feed_txn_prune_notes(&txn, 300, 10), RESULT_OK);
	assert_string_equal(noted(7), "");
	assert_string_equal(noted(9), "a at 300");
	assert_string_equal(noted(5), "b at 400");
	assert_int_equal(feed_txn_prune_notes(&txn, 1000, 10), RESULT_OK);
	assert_int_equal(feed_txn_prune_notes(&txn, 1000, 10), RESULT_OK);
	assert_int_equal(count_of(TABLE_NOTES), 0);
	assert_int_equal(count_of(TABLE_AGES), 0);
}

/* A store that was made with a retention longer than its age: nothing is old. */
static void before_the_beginning_of_time_nothing_is_pruned(void **state)
{
	(void)state;
	begin_in_new_store();
	put_note(1, 0, "a");
	assert_int_equal(feed_txn_prune_notes(&txn, -1000, 10), RESULT_OK);
	assert_string_equal(noted(1), "a at 0");
}

/* Events 0 to 4, seen at 10 to 14, all for `channels` channels. */
static void add_five(uint32_t channels)
{
	for (int i = 0; i < 5; i++)
		assert_int_equal(add_event(10 + i, channels), i);
}

static void place_five(struct channel_record *channel)
{
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(feed_txn_place(&txn, channel, i), RESULT_OK);
}

static uint64_t first_place(const struct channel_record *channel)
{
	uint64_t index = 0, number;
	while (index < channel->next_index &&
	       feed_txn_placed(&txn, channel, index, &number) == RESULT_INVALID)
		index++;
	return index;
}

static void pruning_takes_the_oldest_places_and_keeps_the_indices(void **state)
{
	(void)state;
	struct channel_record channel;
	begin_in_new_store();
	assert_int_equal(feed_txn_channel(&txn, "a", true, &channel), RESULT_OK);
	add_five(1);
	place_five(&channel);
	assert_int_equal(feed_txn_prune(&txn, &channel, 10, UINT64_MAX, 100), RESULT_OK);
	assert_int_equal(first_place(&channel), 0);
	assert_int_equal(feed_txn_prune(&txn, &channel, 13, UINT64_MAX, 2), RESULT_OK);
	assert_int_equal(first_place(&channel), 2);
	assert_int_equal(feed_txn_prune(&txn, &channel, 13, UINT64_MAX, 100), RESULT_OK);
	assert_int_equal(first_place(&channel), 3);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(has_event(i), i >= 3);
	assert_int_equal(feed_txn_prune(&txn, &channel, 1000, UINT64_MAX, 100), RESULT_OK);
	assert_int_equal(feed_txn_prune(&txn, &channel, 1000, UINT64_MAX, 100), RESULT_OK);
	assert_int_equal(channel.next_index, 5);
	assert_int_equal(first_place(&channel), 5);
}

static void an_event_goes_when_the_last_of_its_channels_lets_go(void **state)
{
	(void)state;
	struct channel_record a, b;
	begin_in_new_store();
	assert_int_equal(feed_txn_channel(&txn, "a", true, &a), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "b", true, &b), RESULT_OK);
	add_five(2);
	place_five(&a);
	/* Two of them still wait on b. */
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(feed_txn_place(&txn, &b, i), RESULT_OK);
	assert_int_equal(feed_txn_prune(&txn, &a, 1000, UINT64_MAX, 100), RESULT_OK);
	assert_int_equal(first_place(&a), 5);
	for (uint64_t i = 0; i < 5; i++)
		assert_true(has_event(i));
	struct feed_event event;
	assert_int_equal(feed_txn_event(&txn, 4, &event), RESULT_OK);
	assert_memory_equal(event.jws, "header.payload.signature", 24);
	assert_int_equal(feed_txn_prune(&txn, &b, 1000, UINT64_MAX, 100), RESULT_OK);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(has_event(i), i >= 3);
}

/* Fills it in commits of ten until one fails; answers how many events it holds. */
static uint64_t fill(void)
{
	static char jws[8000];
	const struct feed_event event = {
		.name = "a.example", .new_name = "", .jws = jws, .jws_size = sizeof jws};
	uint64_t number = 0, good = 0;
	for (int result = RESULT_OK; result == RESULT_OK; good = number + 1) {
		begin();
		for (int i = 0; i < 10 && result == RESULT_OK; i++)
			result = feed_txn_add_event(&txn, &event, 1, &number);
		if (result == RESULT_OK)
			result = feed_txn_commit(&txn);
		feed_txn_abort(&txn);
		if (result != RESULT_OK) {
			assert_int_equal(result, RESULT_FULL);
			break;
		}
	}
	return good;
}

static void a_full_store_says_so_and_can_be_read_and_pruned_and_written_again(void **state)
{
	(void)state;
	struct channel_record channel;
	assert_int_equal(open_store(2 << 20, false), RESULT_OK);
	begin();
	assert_int_equal(feed_txn_channel(&txn, "a", true, &channel), RESULT_OK);
	assert_int_equal(feed_txn_place(&txn, &channel, 0), RESULT_OK);
	assert_int_equal(feed_txn_place(&txn, &channel, 1), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	uint64_t count = fill();
	assert_in_range(count, 100, 300);
	assert_int_equal(fill(), 0);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_true(has_event(0) && has_event(count - 1) && !has_event(count));
	feed_txn_abort(&txn);
	begin();
	assert_int_equal(feed_txn_prune(&txn, &channel, 1000, UINT64_MAX, 100), RESULT_OK);
	assert_false(has_event(0));
	assert_false(has_event(1));
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	begin();
	assert_int_equal(add_event(1, 1), count);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
}

/* Pages that a killed reader looked at must not stay unused for ever: then a small store would fill up. */
static void a_reader_that_was_killed_does_not_make_the_store_grow(void **state)
{
	(void)state;
	static char jws[8000];
	const struct feed_event event = {
		.name = "a.example", .new_name = "", .jws = jws, .jws_size = sizeof jws};
	struct channel_record channel;
	uint64_t number;
	int tell[2];
	char ready;
	assert_int_equal(open_store(2 << 20, false), RESULT_OK);
	begin();
	assert_int_equal(feed_txn_channel(&txn, "a", true, &channel), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	assert_int_equal(pipe(tell), 0);
	pid_t child = fork();
	if (child == 0) {
		/* A process of its own, as epptapctl is: it opens the store by itself. */
		store = NULL;
		bool good = open_store(2 << 20, true) == RESULT_OK &&
			    feed_txn_begin(store, true, &txn) == RESULT_OK;
		_exit(write(tell[1], good ? "y" : "n", 1) != 1);
	}
	assert_int_equal(read(tell[0], &ready, 1), 1);
	assert_int_equal(ready, 'y');
	waitpid(child, NULL, 0);
	for (int i = 0; i < 1000; i++) {
		begin();
		int result = feed_txn_add_event(&txn, &event, 1, &number);
		if (result == RESULT_OK)
			result = feed_txn_place(&txn, &channel, number);
		if (result == RESULT_OK)
			result = feed_txn_prune(&txn, &channel, 1000, UINT64_MAX, 2);
		if (result == RESULT_OK)
			result = feed_txn_commit(&txn);
		if (result != RESULT_OK)
			fail_msg("full after %d events", i);
	}
	close(tell[0]);
	close(tell[1]);
}

static void a_store_of_another_version_is_refused_in_words(void **state)
{
	(void)state;
	uint32_t version = FEED_STORE_VERSION + 1;
	begin_in_new_store();
	MDB_val key = {.mv_data = "version", .mv_size = 7};
	MDB_val value = {.mv_data = &version, .mv_size = sizeof version};
	assert_int_equal(mdb_put(txn.mdb, txn.tables[TABLE_META], &key, &value, 0), 0);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
	for (int read_only = 0; read_only < 2; read_only++) {
		assert_int_equal(open_store(LIMIT, read_only), RESULT_STORE);
		assert_null(store);
		assert_non_null(strstr(why, scratch.path));
		assert_non_null(strstr(why, "has format 4, this version writes 3"));
	}
}

static void put_raw(MDB_txn *mdb, MDB_dbi table, const char *name, const void *bytes, size_t size)
{
	MDB_val key = {.mv_data = (void *)(uintptr_t)name, .mv_size = strlen(name)};
	MDB_val value = {.mv_data = (void *)(uintptr_t)bytes, .mv_size = size};
	assert_int_equal(mdb_put(mdb, table, &key, &value, 0), 0);
}

enum { OLD_KEYS = 200 }; /* more than one page of them */

/* A store as version 0.1.0 left it, written by LMDB alone. */
static void make_format_1(void)
{
	static const char *const names[] = {"meta",  "events", "channels", "places",
					    "holds", "due",    "segments", "keys"};
	const struct feed_clock clock = {.feed_ms = 77};
	const uint32_t version = 1;
	const uint64_t consumed = 4711;
	const struct channel_record channel = {.id = 3, .next_index = 9, .held = 2};
	char path[128], id[FEED_KEY_ID_SIZE];
	uint8_t key[FEED_KEY_SIZE] = {0};
	MDB_dbi tables[8];
	MDB_txn *mdb;
	MDB_env *env;
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER, scratch.path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
	assert_int_equal(mdb_env_set_mapsize(env, LIMIT), 0);
	assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &mdb), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(mdb_dbi_open(mdb, names[i], MDB_CREATE, &tables[i]), 0);
	put_raw(mdb, tables[0], "version", &version, sizeof version);
	put_raw(mdb, tables[0], "clock", &clock, sizeof clock);
	put_raw(mdb, tables[2], "public", &channel, sizeof channel);
	put_raw(mdb, tables[6], "0123456789abcdef", &consumed, sizeof consumed);
	for (int i = 0; i < OLD_KEYS; i++) {
		snprintf(id, sizeof id, "%043d", i);
		key[0] = (uint8_t)i;
		put_raw(mdb, tables[7], id, key, sizeof key);
	}
	assert_int_equal(mdb_txn_commit(mdb), 0);
	mdb_env_close(env);
}

static int check_old_key(void *context, const char *id, size_t id_size,
			 const struct key_record *key)
{
	int *count = context;
	char expected[FEED_KEY_ID_SIZE];
	snprintf(expected, sizeof expected, "%043d", *count);
	assert_int_equal(id_size, FEED_KEY_ID_SIZE - 1);
	assert_memory_equal(id, expected, id_size);
	assert_int_equal(key->key[0], (uint8_t)*count);
	assert_int_equal(key->state, KEY_TRUSTED);
	++*count;
	return RESULT_OK;
}

static void a_store_of_format_1_is_upgraded_by_the_writer_and_refused_by_a_reader(void **state)
{
	(void)state;
	struct feed_clock clock;
	struct channel_record channel;
	uint64_t segments;
	int keys = 0;
	make_format_1();
	assert_int_equal(open_store(LIMIT, true), RESULT_STORE);
	assert_non_null(strstr(why, "has format 1, which this version upgrades to 3"));
	begin_in_new_store();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(feed_txn_clock(&txn, &clock), RESULT_OK);
		assert_int_equal(clock.feed_ms, 77);
		assert_int_equal(feed_txn_channel(&txn, "public", false, &channel), RESULT_OK);
		assert_int_equal(channel.id, 3);
		assert_int_equal(channel.next_index, 9);
		assert_int_equal(channel.held, 2);
		assert_int_equal(feed_txn_count(&txn, TABLE_SEGMENTS, &segments), RESULT_OK);
		assert_int_equal(segments, 0);
		keys = 0;
		assert_int_equal(feed_txn_each_key(&txn, check_old_key, &keys), RESULT_OK);
		assert_int_equal(keys, OLD_KEYS);
		commit_and_reopen();
	}
	assert_int_equal(feed_txn_add_intent(&txn, 1, 1, 1, "x", 1), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
	assert_int_equal(open_store(LIMIT, true), RESULT_OK);
}

/* Makes a store of ours one of format 2, which had no notes. */
static void make_format_2(void)
{
	const uint32_t version = 2;
	begin_in_new_store();
	assert_int_equal(add_event(5, 1), 0);
	assert_int_equal(feed_txn_set_mark(&txn, (const uint8_t *)"0123456789abcdef",
					   &(struct spool_mark){.bytes = 4711}),
			 RESULT_OK);
	assert_int_equal(feed_txn_put_aside(&txn, &(struct aside_header){.kind = 1}, "x", 1),
			 RESULT_OK);
	assert_int_equal(mdb_drop(txn.mdb, txn.tables[TABLE_NOTES], 1), 0);
	assert_int_equal(mdb_drop(txn.mdb, txn.tables[TABLE_AGES], 1), 0);
	put_raw(txn.mdb, txn.tables[TABLE_META], "version", &version, sizeof version);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
}

static void a_store_of_format_2_is_upgraded_with_all_that_is_in_it(void **state)
{
	(void)state;
	struct spool_mark mark;
	make_format_2();
	assert_int_equal(open_store(LIMIT, true), RESULT_STORE);
	assert_non_null(strstr(why, "has format 2, which this version upgrades to 3"));
	begin_in_new_store();
	put_note(1, 5, "one");
	commit_and_reopen();
	assert_string_equal(noted(1), "one at 5");
	assert_true(has_event(0));
	assert_int_equal(feed_txn_mark(&txn, (const uint8_t *)"0123456789abcdef", &mark),
			 RESULT_OK);
	assert_int_equal(mark.bytes, 4711);
	assert_int_equal(count_of(TABLE_ASIDE), 1);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
	assert_int_equal(open_store(LIMIT, true), RESULT_OK);
}

/* An upgrade is one transaction: cut short, the old store stands. */
static void an_upgrade_that_fails_leaves_the_old_store(void **state)
{
	(void)state;
	struct rlimit before, tight;
	make_format_1();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = before;
	tight.rlim_cur = 16384; /* the lock file and the first pages */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int result = open_store(LIMIT, false);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(result, RESULT_STORE);
	assert_int_equal(open_store(LIMIT, true), RESULT_STORE);
	assert_non_null(strstr(why, "has format 1"));
	assert_int_equal(open_store(LIMIT, false), RESULT_OK);
}

static void a_reader_needs_a_store_that_is_there(void **state)
{
	(void)state;
	char path[128];
	assert_int_equal(open_store(LIMIT, true), RESULT_STORE);
	assert_null(store);
	assert_non_null(strstr(why, "nothing was published from this state_dir yet"));
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER, scratch.path);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	char path[128];
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER, scratch.path);
	fclose(fopen(path, "we"));
	assert_int_equal(open_store(LIMIT, false), RESULT_STORE);
	assert_null(store);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "Not a directory"));
}

static void numbers_of_keys_sort_as_numbers(void **state)
{
	(void)state;
	static const uint64_t numbers[] = {0, 1, 255, 256, UINT32_MAX, 1ull << 32, UINT64_MAX};
	uint8_t before[8] = {0}, after[8];
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		feed_key_put_u64(after, numbers[i]);
		assert_true(feed_key_u64(after) == numbers[i]);
		if (i > 0)
			assert_true(memcmp(before, after, sizeof after) < 0);
		memcpy(before, after, sizeof after);
	}
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(events_are_numbered_from_zero_and_come_back_after_a_restart),
		IN_SCRATCH(what_is_aborted_never_was),
		IN_SCRATCH(a_channel_keeps_its_number_and_none_gets_anothers),
		IN_SCRATCH(places_are_each_channels_own_and_in_the_order_of_giving),
		IN_SCRATCH(consumption_is_remembered_by_segment_until_it_is_forgotten),
		IN_SCRATCH(the_clock_comes_back),
		IN_SCRATCH(order_and_identity_come_back),
		IN_SCRATCH(intents_are_found_by_writer_and_ticket_until_they_end),
		IN_SCRATCH(what_is_set_aside_keeps_its_number_until_it_is_taken_back),
		IN_SCRATCH(keys_are_remembered_once_each_with_what_became_of_them),
		IN_SCRATCH(notes_are_found_by_kind_and_hash_until_they_are_dropped),
		IN_SCRATCH(the_oldest_notes_go_first),
		IN_SCRATCH(before_the_beginning_of_time_nothing_is_pruned),
		IN_SCRATCH(pruning_takes_the_oldest_places_and_keeps_the_indices),
		IN_SCRATCH(an_event_goes_when_the_last_of_its_channels_lets_go),
		IN_SCRATCH(a_full_store_says_so_and_can_be_read_and_pruned_and_written_again),
		IN_SCRATCH(a_reader_that_was_killed_does_not_make_the_store_grow),
		IN_SCRATCH(a_store_of_another_version_is_refused_in_words),
		IN_SCRATCH(a_store_of_format_1_is_upgraded_by_the_writer_and_refused_by_a_reader),
		IN_SCRATCH(a_store_of_format_2_is_upgraded_with_all_that_is_in_it),
		IN_SCRATCH(an_upgrade_that_fails_leaves_the_old_store),
		IN_SCRATCH(a_reader_needs_a_store_that_is_there),
		IN_SCRATCH(a_folder_that_cannot_be_made_is_told),
		cmocka_unit_test(numbers_of_keys_sort_as_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
