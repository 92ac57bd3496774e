/* The rule of the delays against a model of it: two channels, a few names and hosts, thousands of random events and
 * steps of time. The model is a list that is searched from end to end; it shares no code or order of thought with
 * hold.c. EPPTAP_SEED=number runs that one seed, which a failure names. */
#include "publisher/hold.h"

#include "eppparse/change.h"
#include "plugin/test/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SEEDS = 300, STEPS = 1500, CHANNELS = 2, MOST_EVENTS = STEPS };

static const char *const domains[] = {"a.example", "b.example", "co.example", "a.co.example",
				      "long-name.example"};
static const char *const hosts[] = {"ns.a.example", "x.y.a.example",    "a.example",
				    "ns.b.example", "ns.a.co.example",  "ns.co.example",
				    "nsa.example",  "ns.other.example", "example"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* What the model knows of an event. */
struct event {
	const char *name;
	enum change_object object;
	enum change_verb verb;
	bool waits;
	struct event *behind; /* the held create or delete that it waits with; its own */
	int64_t due_ms;       /* of one that others wait with */
};

struct side {
	struct hold_delays delays;
	struct channel_record record;     /* the store's */
	struct event events[MOST_EVENTS]; /* the model's, by number */
};

struct numbers {
	uint64_t all[MOST_EVENTS];
	size_t count;
};

static struct scratch scratch;
static struct feed_store *store;
static struct feed_txn txn;
static struct side sides[CHANNELS];
static size_t event_count;
static int64_t now_ms;
static uint64_t chance;

/* A number below `below`, by xorshift. */
static unsigned below(unsigned limit)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)((chance >> 11) % limit);
}

static bool is_below(const char *host, const char *domain)
{
	size_t size = strlen(host), domain_size = strlen(domain);
	return size > domain_size && host[size - domain_size - 1] == '.' &&
	       strcmp(host + size - domain_size, domain) == 0;
}

/* The create or delete by which `name` is held, maybe one that is out already, while others wait behind it. */
static struct event *model_holder(struct side *side, enum change_object object, const char *name)
{
	struct event *nearest = NULL;
	for (size_t i = 0; i < event_count; i++) {
		struct event *held = side->events[i].behind;
		if (!side->events[i].waits)
			continue;
		if (strcmp(held->name, name) != 0 &&
		    (object != CHANGE_HOST || !is_below(name, held->name)))
			continue;
		if (!nearest || strlen(held->name) > strlen(nearest->name))
			nearest = held;
	}
	return nearest;
}

static void model_out(struct side *side, struct event *event, struct numbers *out)
{
	event->waits = false;
	out->all[out->count++] = (uint64_t)(event - side->events);
}

/* The newest event happens: what goes out by that. */
static void model_judge(struct side *side, struct event *event, struct numbers *out)
{
	struct event *holder = model_holder(side, event->object, event->name);
	int64_t delay_ms = event->verb == CHANGE_CREATE   ? side->delays.create_ms
			   : event->verb == CHANGE_DELETE ? side->delays.delete_ms
							  : 0;
	if (holder && holder->verb == CHANGE_CREATE) {
		event->behind = holder;
		event->waits = true;
	} else if (event->object == CHANGE_DOMAIN && holder) {
		model_out(side, holder, out);
		model_out(side, event, out);
	} else if (event->object == CHANGE_DOMAIN && delay_ms > 0) {
		event->behind = event;
		event->due_ms = now_ms + delay_ms;
		event->waits = true;
	} else {
		model_out(side, event, out);
	}
}

/* Is one of them to go out before the other? */
static bool is_before(const struct event *one, const struct event *other)
{
	if (one->behind->due_ms != other->behind->due_ms)
		return one->behind->due_ms < other->behind->due_ms;
	return one->behind != other->behind ? one->behind < other->behind : one < other;
}

/* The next event to go out. NULL: none is due. */
static struct event *model_next(struct side *side)
{
	struct event *first = NULL;
	for (size_t i = 0; i < event_count; i++) {
		struct event *event = &side->events[i];
		if (event->waits && event->behind->due_ms <= now_ms &&
		    (!first || is_before(event, first)))
			first = event;
	}
	return first;
}

static void model_release(struct side *side, const struct hold_pace *pace, struct numbers *out)
{
	const struct event *holder = NULL;
	size_t names = 0;
	while (out->count < pace->events) {
		struct event *next = model_next(side);
		if (!next)
			break;
		names += next->behind != holder;
		if (names > pace->names)
			break;
		holder = next->behind;
		model_out(side, next, out);
	}
}

static void open_store(void)
{
	char why[512], name[] = "0";
	if (feed_store_open(scratch.path, 64 << 20, false, &store, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	for (int c = 0; c < CHANNELS; c++, name[0]++)
		assert_int_equal(feed_txn_channel(&txn, name, true, &sides[c].record), RESULT_OK);
}

static void restart(void)
{
	char name[] = "0";
	for (int c = 0; c < CHANNELS; c++, name[0]++)
		assert_int_equal(feed_txn_set_channel(&txn, name, &sides[c].record), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	feed_store_close(&store);
	open_store();
}

static void assert_same(const struct numbers *expected, const struct hold_released *released)
{
	assert_int_equal(released->count, expected->count);
	for (size_t i = 0; i < expected->count; i++)
		assert_int_equal(released->numbers[i], expected->all[i]);
}

static void an_event_happens(void)
{
	static const enum change_verb verbs[] = {CHANGE_CREATE, CHANGE_CREATE, CHANGE_DELETE,
						 CHANGE_DELETE, CHANGE_UPDATE, CHANGE_RENEW};
	bool is_host = below(3) == 0;
	struct event event = {
		.object = is_host ? CHANGE_HOST : CHANGE_DOMAIN,
		.verb = verbs[below(COUNT(verbs))],
		.name = is_host ? hosts[below(COUNT(hosts))] : domains[below(COUNT(domains))],
	};
	const struct feed_event stored = {.object = (uint8_t)event.object,
					  .verb = (uint8_t)event.verb,
					  .name = event.name,
					  .new_name = "",
					  .jws = "j",
					  .jws_size = 1};
	uint64_t number;
	assert_int_equal(feed_txn_add_event(&txn, &stored, CHANNELS, &number), RESULT_OK);
	assert_int_equal(number, event_count++);
	for (int c = 0; c < CHANNELS; c++) {
		struct hold_released released = {0};
		static struct numbers expected;
		bool waits;
		expected.count = 0;
		sides[c].events[number] = event;
		model_judge(&sides[c], &sides[c].events[number], &expected);
		assert_int_equal(hold_judge(&txn, &sides[c].record, &sides[c].delays, &stored,
					    number, now_ms, &released, &waits),
				 RESULT_OK);
		assert_int_equal(waits, sides[c].events[number].waits);
		expected.count -= !waits; /* the event itself goes out last */
		assert_same(&expected, &released);
		hold_released_free(&released);
	}
}

static void what_is_due_is_released(const struct hold_pace *pace)
{
	for (int c = 0; c < CHANNELS; c++) {
		struct hold_released released = {0};
		static struct numbers expected;
		expected.count = 0;
		model_release(&sides[c], pace, &expected);
		assert_int_equal(hold_release_due(&txn, &sides[c].record, now_ms, pace, &released),
				 RESULT_OK);
		assert_same(&expected, &released);
		hold_released_free(&released);
	}
}

/* When the next is due, and how many wait. */
static void assert_same_queue(void)
{
	for (int c = 0; c < CHANNELS; c++) {
		int64_t due_ms, expected_ms = INT64_MAX;
		uint64_t waiting = 0;
		for (size_t i = 0; i < event_count; i++) {
			const struct event *event = &sides[c].events[i];
			waiting += event->waits;
			if (event->waits && event->behind->due_ms < expected_ms)
				expected_ms = event->behind->due_ms;
		}
		assert_int_equal(hold_next_due(&txn, &sides[c].record, &due_ms), RESULT_OK);
		assert_true(due_ms == expected_ms);
		assert_int_equal(sides[c].record.held, waiting);
	}
}

static void run_seed(unsigned seed)
{
	static const int64_t delays[] = {0, 1, 50, 50, 300, 2000};
	static const struct hold_pace paces[] = {
		{SIZE_MAX, SIZE_MAX}, {SIZE_MAX, 1}, {SIZE_MAX, 3}, {1, SIZE_MAX}, {2, 4}};
	print_message("seed %u\n", seed);
	chance = 0x9e3779b97f4a7c15 * (seed + 1);
	scratch = scratch_make();
	event_count = 0;
	now_ms = 1000;
	open_store();
	while (event_count < STEPS) {
		if (below(200) == 0)
			for (int c = 0; c < CHANNELS; c++)
				sides[c].delays = (struct hold_delays){
					delays[below(COUNT(delays))], delays[below(COUNT(delays))]};
		if (below(300) == 0)
			restart();
		if (below(2) == 0)
			now_ms += below(8) == 0 ? below(1000) : below(20);
		if (below(3) == 0)
			what_is_due_is_released(&paces[below(COUNT(paces))]);
		an_event_happens();
		assert_same_queue();
	}
	now_ms += 2000;
	what_is_due_is_released(&paces[0]);
	assert_same_queue();
	feed_txn_abort(&txn);
	feed_store_close(&store);
	scratch_remove(scratch.path);
}

static void the_queue_does_what_the_model_does(void **state)
{
	(void)state;
	const char *only = getenv("EPPTAP_SEED");
	for (unsigned seed = 0; seed < SEEDS; seed++)
		if (!only || strtoul(only, NULL, 10) == seed)
			run_seed(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_queue_does_what_the_model_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
