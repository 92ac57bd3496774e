/* The rule of the delays, line by line. */
#include "publisher/hold.h"

#include "eppparse/change.h"
#include "plugin/test/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { HOUR_MS = 3600 * 1000, OUT_SIZE = 65536 };

static const struct hold_pace at_once = {SIZE_MAX, SIZE_MAX};

static struct scratch scratch;
static struct feed_store *store;
static struct feed_txn txn;
static struct channel_record channel, other_channel;
static struct hold_delays delays;
static struct hold_released released;
static int64_t now_ms;
static char
	out[OUT_SIZE]; /* the numbers of the events that went out, in order, each with a blank */

static void open_store(void)
{
	char why[512];
	if (feed_store_open(scratch.path, 64 << 20, false, &store, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "public", true, &channel), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "other", true, &other_channel), RESULT_OK);
}

static void restart(void)
{
	assert_int_equal(feed_txn_set_channel(&txn, "public", &channel), RESULT_OK);
	assert_int_equal(feed_txn_set_channel(&txn, "other", &other_channel), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
	memset(&channel, 0xff, sizeof channel);
	open_store();
}

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	delays = (struct hold_delays){.create_ms = 24 * HOUR_MS, .delete_ms = 12 * HOUR_MS};
	now_ms = 1000;
	*out = '\0';
	open_store();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_txn_abort(&txn);
	feed_store_close(&store);
	hold_released_free(&released);
	scratch_remove(scratch.path);
	return 0;
}

static void went_out(uint64_t number)
{
	size_t size = strlen(out);
	snprintf(out + size, sizeof out - size, "%llu ", (unsigned long long)number);
}

static void take_released(void)
{
	for (size_t i = 0; i < released.count; i++)
		went_out(released.numbers[i]);
	released.count = 0;
}

/* An event happens now. They are numbered from 0 on. */
static void event_happens(struct channel_record *record, const struct feed_event *event)
{
	uint64_t number;
	bool waits = true;
	assert_int_equal(feed_txn_add_event(&txn, event, 1, &number), RESULT_OK);
	assert_int_equal(
		hold_judge(&txn, record, &delays, event, number, now_ms, &released, &waits),
		RESULT_OK);
	take_released();
	if (!waits)
		went_out(number);
}

static void happens_as(struct channel_record *record, enum change_object object,
		       enum change_verb verb, const char *name, bool is_end)
{
	const struct feed_event event = {.object = (uint8_t)object,
					 .is_end = is_end,
					 .verb = (uint8_t)verb,
					 .name = name,
					 .new_name = "",
					 .jws = "j",
					 .jws_size = 1};
	event_happens(record, &event);
}

static void host_renamed(const char *name, const char *new_name)
{
	const struct feed_event event = {.object = CHANGE_HOST,
					 .verb = CHANGE_UPDATE,
					 .name = name,
					 .new_name = new_name,
					 .jws = "j",
					 .jws_size = 1};
	event_happens(&channel, &event);
}

static void happens_on(struct channel_record *record, enum change_object object,
		       enum change_verb verb, const char *name)
{
	happens_as(record, object, verb, name, false);
}

static void created(const char *name)
{
	happens_on(&channel, CHANGE_DOMAIN, CHANGE_CREATE, name);
}

static void updated(const char *name)
{
	happens_on(&channel, CHANGE_DOMAIN, CHANGE_UPDATE, name);
}

static void renewed(const char *name)
{
	happens_on(&channel, CHANGE_DOMAIN, CHANGE_RENEW, name);
}

static void deleted(const char *name)
{
	happens_on(&channel, CHANGE_DOMAIN, CHANGE_DELETE, name);
}

static void host_event(enum change_verb verb, const char *name)
{
	happens_on(&channel, CHANGE_HOST, verb, name);
}

static void time_passes(int64_t milliseconds)
{
	now_ms += milliseconds;
	assert_int_equal(hold_release_due(&txn, &channel, now_ms, &at_once, &released), RESULT_OK);
	take_released();
}

static void assert_out(const char *expected)
{
	assert_string_equal(out, expected);
	*out = '\0';
}

static int64_t next_due(void)
{
	int64_t due_ms;
	assert_int_equal(hold_next_due(&txn, &channel, &due_ms), RESULT_OK);
	return due_ms;
}

static void a_create_waits_for_its_delay_and_no_millisecond_longer(void **state)
{
	(void)state;
	assert_true(next_due() == INT64_MAX);
	created("new.example");
	assert_out("");
	assert_int_equal(channel.held, 1);
	assert_true(next_due() == now_ms + delays.create_ms);
	time_passes(delays.create_ms - 1);
	assert_out("");
	time_passes(1);
	assert_out("0 ");
	assert_int_equal(channel.held, 0);
	assert_true(next_due() == INT64_MAX);
	time_passes(100 * HOUR_MS);
	assert_out("");
}

static void all_about_a_hidden_name_and_the_hosts_below_it_waits_and_goes_out_in_order(void **state)
{
	(void)state;
	created("new.example");                         /* 0 */
	updated("new.example");                         /* 1 */
	host_event(CHANGE_CREATE, "ns1.new.example");   /* 2 */
	host_event(CHANGE_UPDATE, "a.b.c.new.example"); /* 3 */
	renewed("new.example");                         /* 4 */
	deleted("new.example");                         /* 5 */
	host_event(CHANGE_DELETE, "ns1.new.example");   /* 6 */
	created("new.example");                         /* 7 */
	assert_out("");
	assert_int_equal(channel.held, 8);
	assert_true(next_due() == now_ms + delays.create_ms);
	time_passes(delays.create_ms - 1);
	assert_out("");
	time_passes(1);
	assert_out("0 1 2 3 4 5 6 7 ");
	assert_int_equal(channel.held, 0);
	updated("new.example");
	assert_out("8 ");
}

static void a_host_that_gets_a_name_below_a_known_one_does_not_wait_with_a_hidden_one(void **state)
{
	(void)state;
	created("new.example");                               /* 0 */
	created("other.example");                             /* 1 */
	host_event(CHANGE_CREATE, "ns1.new.example");         /* 2 */
	host_renamed("ns1.new.example", "ns2.other.example"); /* 3: hidden, too */
	host_renamed("ns1.new.example", "ns1.bank.example");  /* 4 */
	host_renamed("ns1.bank.example", "ns3.new.example");  /* 5 */
	assert_out("4 5 ");
	time_passes(delays.create_ms);
	assert_out("0 2 3 1 ");
}

static void names_that_merely_look_alike_are_not_hidden_with_it(void **state)
{
	(void)state;
	created("new.example");
	host_event(CHANGE_CREATE, "ns1.brandnew.example");
	updated("example");
	updated("anew.example");
	updated("new.example.org");
	host_event(CHANGE_UPDATE, "new.example.org");
	assert_out("1 2 3 4 5 ");
}

static void a_known_domain_below_a_hidden_one_is_not_hidden_with_it(void **state)
{
	(void)state;
	created("co.example");
	updated("shop.co.example");
	assert_out("1 ");
	deleted("shop.co.example");
	assert_out("");
	time_passes(delays.delete_ms);
	assert_out("2 ");
	time_passes(delays.create_ms);
	assert_out("0 ");
}

static void a_delete_waits_for_its_own_delay(void **state)
{
	(void)state;
	deleted("old.example");
	assert_out("");
	time_passes(delays.delete_ms - 1);
	assert_out("");
	time_passes(1);
	assert_out("0 ");
}

static void any_later_event_about_the_name_brings_out_a_held_delete_and_is_not_delayed(void **state)
{
	(void)state;
	deleted("a.example");
	updated("a.example");
	assert_out("0 1 ");
	deleted("b.example");
	renewed("b.example");
	assert_out("2 3 ");
	assert_int_equal(channel.held, 0);
	assert_true(next_due() == INT64_MAX);
}

static void a_create_while_the_delete_is_held_is_of_a_known_name(void **state)
{
	(void)state;
	deleted("a.example");
	created("a.example");
	assert_out("0 1 ");
	updated("a.example");
	assert_out("2 ");
	time_passes(100 * HOUR_MS);
	assert_out("");
}

static void a_create_after_the_delete_went_out_is_of_a_new_name(void **state)
{
	(void)state;
	deleted("a.example");
	time_passes(delays.delete_ms);
	assert_out("0 ");
	created("a.example");
	assert_out("");
	time_passes(delays.create_ms);
	assert_out("1 ");
}

static void a_second_delete_brings_out_the_first_and_itself(void **state)
{
	(void)state;
	deleted("a.example");
	deleted("a.example");
	assert_out("0 1 ");
	deleted("a.example");
	assert_out("");
	assert_int_equal(channel.held, 1);
}

static void all_else_about_known_names_goes_at_once(void **state)
{
	(void)state;
	updated("a.example");
	renewed("a.example");
	host_event(CHANGE_CREATE, "ns1.a.example");
	host_event(CHANGE_DELETE, "ns1.a.example");
	assert_out("0 1 2 3 ");
	assert_int_equal(channel.held, 0);
}

static void host_events_below_a_name_whose_delete_is_held_go_at_once_and_release_nothing(
	void **state)
{
	(void)state;
	deleted("a.example");
	host_event(CHANGE_DELETE, "ns1.a.example");
	host_event(CHANGE_CREATE, "ns2.a.example");
	assert_out("1 2 ");
	time_passes(delays.delete_ms);
	assert_out("0 ");
}

static void a_host_goes_by_the_nearest_name_above_it_that_is_held(void **state)
{
	(void)state;
	created("co.example");                           /* 0 */
	host_event(CHANGE_CREATE, "ns.shop.co.example"); /* 1 */
	deleted("shop.co.example");                      /* 2: so it is known */
	host_event(CHANGE_UPDATE, "ns.shop.co.example"); /* 3 */
	assert_out("3 ");
	time_passes(delays.delete_ms);
	assert_out("2 ");
	time_passes(delays.create_ms);
	assert_out("0 1 ");
}

/* A pending create is held as any other; its end, or that it came to nothing, hides nothing anew. */
static void the_end_of_a_pending_create_follows_it_or_goes_at_once(void **state)
{
	(void)state;
	created("new.example");
	happens_as(&channel, CHANGE_DOMAIN, CHANGE_CREATE, "new.example", true);
	assert_out("");
	assert_int_equal(channel.held, 2);
	time_passes(delays.create_ms);
	assert_out("0 1 ");
	created("other.example");
	time_passes(delays.create_ms);
	happens_as(&channel, CHANGE_DOMAIN, CHANGE_CREATE, "other.example", true);
	assert_out("2 3 ");
	assert_int_equal(channel.held, 0);
}

static void the_end_of_a_pending_delete_brings_it_out_and_is_not_delayed(void **state)
{
	(void)state;
	deleted("a.example");
	happens_as(&channel, CHANGE_DOMAIN, CHANGE_DELETE, "a.example", true);
	assert_out("0 1 ");
	happens_as(&channel, CHANGE_DOMAIN, CHANGE_DELETE, "a.example", true);
	assert_out("2 ");
	assert_int_equal(channel.held, 0);
}

static void a_transfer_follows_a_hidden_name_and_brings_out_a_delete(void **state)
{
	(void)state;
	created("new.example");
	happens_on(&channel, CHANGE_DOMAIN, CHANGE_TRANSFER, "new.example");
	deleted("old.example");
	assert_out("");
	happens_on(&channel, CHANGE_DOMAIN, CHANGE_TRANSFER, "old.example");
	assert_out("2 3 ");
}

/* Though their handle may look like the name that is hidden. */
static void objects_without_a_name_are_never_delayed(void **state)
{
	(void)state;
	created("new.example");
	for (int object = CHANGE_NSSET; object < CHANGE_OBJECTS; object++) {
		happens_on(&channel, (enum change_object)object, CHANGE_CREATE, "new.example");
		happens_on(&channel, (enum change_object)object, CHANGE_DELETE, "ns.new.example");
	}
	assert_out("1 2 3 4 5 6 7 8 ");
	assert_int_equal(channel.held, 1);
}

static void what_is_due_goes_out_in_the_order_of_its_times(void **state)
{
	(void)state;
	created("z.example"); /* 0, due in 24 h */
	time_passes(HOUR_MS);
	deleted("m.example"); /* 1, due in 12 h */
	time_passes(HOUR_MS);
	created("a.example"); /* 2, due in 24 h */
	created("b.example"); /* 3, at the same time: by number */
	updated("z.example"); /* 4, with 0 */
	assert_true(next_due() == 1000 + HOUR_MS + delays.delete_ms);
	time_passes(500 * HOUR_MS);
	assert_out("1 0 4 2 3 ");
}

static void releases(size_t names, size_t events, const char *expected)
{
	const struct hold_pace pace = {names, events};
	assert_int_equal(hold_release_due(&txn, &channel, now_ms, &pace, &released), RESULT_OK);
	take_released();
	assert_out(expected);
}

static void a_release_is_paced_and_the_name_stays_hidden_until_its_last_event(void **state)
{
	(void)state;
	created("a.example");
	updated("a.example");
	updated("a.example");
	created("b.example");
	now_ms += delays.create_ms;
	releases(SIZE_MAX, 2, "0 1 ");
	assert_true(next_due() <= now_ms);
	assert_int_equal(channel.held, 2);
	updated("a.example");
	host_event(CHANGE_UPDATE, "ns.a.example");
	assert_out("");
	releases(SIZE_MAX, 2, "2 4 ");
	releases(SIZE_MAX, 2, "5 3 ");
	assert_int_equal(channel.held, 0);
	updated("a.example");
	assert_out("6 ");
}

static void a_release_stops_after_so_many_names_with_all_that_waits_behind_them(void **state)
{
	(void)state;
	created("a.example");
	created("b.example");
	created("c.example");
	updated("b.example");
	updated("a.example");
	now_ms += delays.create_ms;
	releases(2, SIZE_MAX, "0 4 1 3 ");
	releases(2, SIZE_MAX, "2 ");
}

/* Due, but not released yet: it still comes before what follows about the name. */
static void an_overdue_name_keeps_its_order(void **state)
{
	(void)state;
	created("a.example");
	deleted("b.example");
	now_ms += 100 * HOUR_MS;
	updated("a.example");
	updated("b.example");
	assert_out("1 3 ");
	time_passes(0);
	assert_out("0 2 ");
}

static void zero_delays_hold_nothing(void **state)
{
	(void)state;
	delays = (struct hold_delays){0, 0};
	created("a.example");
	deleted("a.example");
	created("a.example");
	assert_out("0 1 2 ");
}

static void what_waits_from_before_the_delays_were_zero_is_still_honoured(void **state)
{
	(void)state;
	created("new.example");
	deleted("old.example");
	delays = (struct hold_delays){0, 0};
	updated("new.example");
	created("fresh.example");
	assert_out("3 ");
	updated("old.example");
	assert_out("1 4 ");
	time_passes(24 * HOUR_MS);
	assert_out("0 2 ");
}

static void held_events_survive_a_restart(void **state)
{
	(void)state;
	created("new.example");
	updated("new.example");
	deleted("old.example");
	restart();
	assert_int_equal(channel.held, 3);
	assert_true(next_due() == now_ms + delays.delete_ms);
	host_event(CHANGE_CREATE, "ns1.new.example");
	updated("old.example");
	assert_out("2 4 ");
	restart();
	time_passes(delays.create_ms);
	assert_out("0 1 3 ");
}

static void channels_hold_each_for_itself(void **state)
{
	(void)state;
	happens_on(&other_channel, CHANGE_DOMAIN, CHANGE_CREATE, "a.example");
	updated("a.example");
	assert_out("1 ");
	assert_true(next_due() == INT64_MAX);
	created("b.example");
	happens_on(&other_channel, CHANGE_DOMAIN, CHANGE_UPDATE, "b.example");
	assert_out("3 ");
	time_passes(500 * HOUR_MS);
	assert_out("2 ");
	assert_int_equal(other_channel.held, 1);
}

static void ten_thousand_names_come_out_once_each_in_order(void **state)
{
	(void)state;
	enum { NAMES = 10000 };
	char name[64];
	uint64_t expected = 0;
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof name, "n%d.example", (i * 7919) % NAMES);
		created(name);
	}
	assert_int_equal(channel.held, NAMES);
	now_ms += delays.create_ms;
	while (channel.held > 0) {
		const struct hold_pace pace = {1000, SIZE_MAX};
		assert_int_equal(hold_release_due(&txn, &channel, now_ms, &pace, &released),
				 RESULT_OK);
		assert_int_equal(released.count, 1000);
		for (size_t i = 0; i < released.count; i++)
			assert_int_equal(released.numbers[i], expected++);
		released.count = 0;
	}
	assert_int_equal(expected, NAMES);
}

static void the_longest_name_can_be_held(void **state)
{
	(void)state;
	char name[254];
	memset(name, 'a', sizeof name - 1);
	for (int i = 63; i < 253; i += 64)
		name[i] = '.';
	name[253] = '\0';
	created(name);
	updated(name);
	time_passes(delays.create_ms);
	assert_out("0 1 ");
}

/* What waits behind *event, in short. */
static const char *waiting_behind(struct hold_waiting *event)
{
	static char text[256];
	size_t size = 0;
	int result;
	text[0] = '\0';
	while ((result = hold_next(&txn, &channel, event)) == RESULT_OK)
		size += (size_t)snprintf(text + size, sizeof text - size, "%llu%s@%lld ",
					 (unsigned long long)event->number,
					 event->kind == HOLD_CREATE ? "c" : "d",
					 (long long)(event->due_ms - now_ms) / HOUR_MS);
	assert_int_equal(result, RESULT_INVALID);
	return text;
}

static void what_waits_can_be_looked_at(void **state)
{
	(void)state;
	struct hold_waiting event = {0};
	created("b.example");
	deleted("a.example");
	updated("b.example");
	happens_on(&other_channel, CHANGE_DOMAIN, CHANGE_CREATE, "a.example");
	assert_string_equal(waiting_behind(&event), "1d@12 0c@24 2c@24 ");
}

static void what_waits_can_be_looked_at_while_it_changes(void **state)
{
	(void)state;
	struct hold_waiting event = {0};
	created("b.example");
	deleted("a.example");
	updated("b.example");
	assert_int_equal(hold_next(&txn, &channel, &event), RESULT_OK);
	updated("a.example"); /* brings out the delete, behind which we stand */
	assert_int_equal(hold_next(&txn, &channel, &event), RESULT_OK);
	assert_int_equal(event.number, 0);
	restart();
	created("aa.example"); /* before it */
	updated("b.example");
	created("c.example");
	assert_string_equal(waiting_behind(&event), "2c@24 5c@24 6c@24 ");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_create_waits_for_its_delay_and_no_millisecond_longer),
		WITH_STORE(
			all_about_a_hidden_name_and_the_hosts_below_it_waits_and_goes_out_in_order),
		WITH_STORE(
			a_host_that_gets_a_name_below_a_known_one_does_not_wait_with_a_hidden_one),
		WITH_STORE(names_that_merely_look_alike_are_not_hidden_with_it),
		WITH_STORE(a_known_domain_below_a_hidden_one_is_not_hidden_with_it),
		WITH_STORE(a_delete_waits_for_its_own_delay),
		WITH_STORE(
			any_later_event_about_the_name_brings_out_a_held_delete_and_is_not_delayed),
		WITH_STORE(a_create_while_the_delete_is_held_is_of_a_known_name),
		WITH_STORE(a_create_after_the_delete_went_out_is_of_a_new_name),
		WITH_STORE(a_second_delete_brings_out_the_first_and_itself),
		WITH_STORE(all_else_about_known_names_goes_at_once),
		WITH_STORE(
			host_events_below_a_name_whose_delete_is_held_go_at_once_and_release_nothing),
		WITH_STORE(a_host_goes_by_the_nearest_name_above_it_that_is_held),
		WITH_STORE(the_end_of_a_pending_create_follows_it_or_goes_at_once),
		WITH_STORE(the_end_of_a_pending_delete_brings_it_out_and_is_not_delayed),
		WITH_STORE(a_transfer_follows_a_hidden_name_and_brings_out_a_delete),
		WITH_STORE(objects_without_a_name_are_never_delayed),
		WITH_STORE(what_is_due_goes_out_in_the_order_of_its_times),
		WITH_STORE(a_release_is_paced_and_the_name_stays_hidden_until_its_last_event),
		WITH_STORE(a_release_stops_after_so_many_names_with_all_that_waits_behind_them),
		WITH_STORE(an_overdue_name_keeps_its_order),
		WITH_STORE(zero_delays_hold_nothing),
		WITH_STORE(what_waits_from_before_the_delays_were_zero_is_still_honoured),
		WITH_STORE(held_events_survive_a_restart),
		WITH_STORE(channels_hold_each_for_itself),
		WITH_STORE(ten_thousand_names_come_out_once_each_in_order),
		WITH_STORE(the_longest_name_can_be_held),
		WITH_STORE(what_waits_can_be_looked_at),
		WITH_STORE(what_waits_can_be_looked_at_while_it_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
