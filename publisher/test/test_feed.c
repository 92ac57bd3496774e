/* Commits with a real store and real sockets: what gets which place, what is sent, and what is not. */
#include "publisher/feed.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zmq.h>

#include <cmocka.h>

enum { VETTED, PUBLIC, NARROW, CHANNELS };
enum { HOUR_S = 3600, STORE_LIMIT = 16 << 20, FRAME = 256 };

static struct scratch scratch;
static struct config *config;
static struct feed_store *store;
static struct outlet *outlets[CHANNELS];
static struct tallies tallies;
static struct feed *feed;
static struct batch batch;
static struct clock_reading now;
static void *zmq, *readers[CHANNELS];

struct message {
	char topic[FRAME], index[FRAME], jws[FRAME];
};

static void open_feed(uint64_t limit)
{
	char why[512];
	if (feed_store_open(config->state_dir, limit, false, &store, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(feed_new(config, store, outlets, &tallies, &feed), RESULT_OK);
}

static void reopen_feed(uint64_t limit)
{
	feed_free(&feed);
	feed_store_close(&store);
	open_feed(limit);
}

static void read_frame(void *socket, char frame[FRAME])
{
	int size = zmq_recv(socket, frame, FRAME - 1, 0);
	if (size < 0)
		fail_msg("no message came in time");
	frame[size < FRAME ? size : FRAME - 1] = '\0';
}

static struct message receive(int channel)
{
	struct message message = {0};
	read_frame(readers[channel], message.topic);
	read_frame(readers[channel], message.index);
	read_frame(readers[channel], message.jws);
	return message;
}

static void assert_received(int channel, const char *topic, const char *index, const char *jws)
{
	struct message message = receive(channel);
	assert_string_equal(message.topic, topic);
	assert_string_equal(message.index, index);
	assert_string_equal(message.jws, jws);
}

/* A mark goes the same way as all else, so what was sent before it would have come before it. */
static void assert_nothing_received(int channel)
{
	static uint64_t mark;
	char digits[FRAME];
	outlet_send(outlets[channel], "~mark", ++mark, "m", 1);
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)mark);
	assert_received(channel, "~mark", digits, "m");
}

/* A SUB socket hears nothing until its subscription has reached the other end: asks until it has. */
static void subscribe(int channel)
{
	int wait_ms = 20, patience_ms = 10000;
	readers[channel] = zmq_socket(zmq, ZMQ_SUB);
	assert_int_equal(zmq_setsockopt(readers[channel], ZMQ_SUBSCRIBE, "", 0), 0);
	assert_int_equal(zmq_connect(readers[channel], config->channels[channel].bind), 0);
	zmq_setsockopt(readers[channel], ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
	char frame[FRAME];
	do
		outlet_send(outlets[channel], "~probe", 0, "", 0);
	while (zmq_recv(readers[channel], frame, sizeof frame, 0) < 0);
	zmq_setsockopt(readers[channel], ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
	outlet_send(outlets[channel], "~end", 0, "", 0);
	do
		read_frame(readers[channel], frame);
	while (strcmp(frame, "~end") != 0);
	read_frame(readers[channel], frame);
	read_frame(readers[channel], frame);
}

static void empty_batch(void)
{
	static const struct spool_order none;
	batch_clear(&batch, &none);
}

static int set_up(void **state)
{
	(void)state;
	char channels[1024], why[512];
	scratch = scratch_make();
	snprintf(channels, sizeof channels,
		 "retention: 2d\n"
		 "channels:\n"
		 "  - {name: vetted, bind: 'ipc://%s/vetted'}\n"
		 "  - name: public\n"
		 "    bind: ipc://%s/public\n"
		 "    delay: {create: 24h, delete: 12h, zones: {shop.co.example: {create: 1h}, "
		 "co.example: {create: 2h}}}\n"
		 "  - name: narrow\n"
		 "    bind: ipc://%s/narrow\n"
		 "    zones: [co.example]\n"
		 "    kinds: [create, restore]\n",
		 scratch.path, scratch.path, scratch.path);
	config = fixture_config(&scratch, channels);
	mkdir(config->state_dir, 0700);
	memset(&tallies, 0, sizeof tallies);
	batch_init(&batch);
	empty_batch();
	now = (struct clock_reading){.wall_us = 1790000000000000, .boottime_us = 1000000};
	zmq = zmq_ctx_new();
	for (int i = 0; i < CHANNELS; i++) {
		if (outlet_open(zmq, &config->channels[i], &outlets[i], why, sizeof why) !=
		    RESULT_OK)
			fail_msg("%s", why);
		assert_true(outlet_bind(outlets[i]));
		subscribe(i);
	}
	open_feed(STORE_LIMIT);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_free(&feed);
	feed_store_close(&store);
	for (int i = 0; i < CHANNELS; i++) {
		int no_linger = 0;
		outlet_close(&outlets[i], 0);
		zmq_setsockopt(readers[i], ZMQ_LINGER, &no_linger, sizeof no_linger);
		zmq_close(readers[i]);
	}
	zmq_ctx_term(zmq);
	batch_free(&batch);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

static struct batch_item *add(enum change_object object, enum change_verb verb, const char *name,
			      const char *jws)
{
	struct batch_item *item = &batch.items[batch.count];
	struct sign_job *job = &batch.jobs[batch.count++];
	*item = (struct batch_item){.object = (uint8_t)object, .verb = (uint8_t)verb};
	assert_int_equal(change_name_read(&item->name, name, strlen(name)), RESULT_OK);
	buffer_reset(&job->jws);
	buffer_append_text(&job->jws, jws);
	job->is_signed = true;
	return item;
}

static void commit(void)
{
	assert_int_equal(feed_commit(feed, batch_is_empty(&batch) ? NULL : &batch, &now),
			 RESULT_OK);
	empty_batch();
}

static void time_passes(int64_t seconds)
{
	now.boottime_us += seconds * 1000000;
	now.wall_us += seconds * 1000000;
}

static void each_event_goes_out_as_topic_index_and_jws(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "first");
	add(CHANGE_HOST, CHANGE_CREATE, "ns1.a.example", "second");
	commit();
	for (int channel = VETTED; channel <= PUBLIC; channel++) {
		assert_received(channel, "example.a.", "0", "first");
		assert_received(channel, "example.a.ns1.", "1", "second");
		assert_nothing_received(channel);
	}
	assert_nothing_received(NARROW);
	assert_int_equal(tallies.published, 2);
	assert_int_equal(tallies.placed, 4);
}

static void a_renamed_host_goes_out_under_both_names_with_one_index(void **state)
{
	(void)state;
	struct batch_item *item = add(CHANGE_HOST, CHANGE_UPDATE, "ns1.a.example", "renamed");
	assert_int_equal(change_name_read(&item->new_name, "ns9.b.example", 13), RESULT_OK);
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "next");
	commit();
	assert_received(VETTED, "example.a.ns1.", "0", "renamed");
	assert_received(VETTED, "example.b.ns9.", "0", "renamed");
	assert_received(VETTED, "example.a.", "1", "next");
	assert_nothing_received(VETTED);
}

static void a_create_waits_on_the_delayed_channel_alone(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_CREATE, "new.example", "created");
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "updated");
	commit();
	assert_received(VETTED, "example.new.", "0", "created");
	assert_received(VETTED, "example.a.", "1", "updated");
	assert_received(PUBLIC, "example.a.", "0", "updated");
	assert_int_equal(tallies.held, 1);
	assert_false(feed_is_due(feed, &now));
	time_passes(24 * HOUR_S - 1);
	assert_false(feed_is_due(feed, &now));
	commit();
	assert_nothing_received(PUBLIC);
	time_passes(1);
	assert_true(feed_is_due(feed, &now));
	commit();
	assert_received(PUBLIC, "example.new.", "1", "created");
	assert_nothing_received(VETTED);
	assert_false(feed_is_due(feed, &now));
	assert_int_equal(tallies.held, 0);
	assert_int_equal(tallies.published, 2);
}

static void the_longest_zone_that_fits_decides_the_delay(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_CREATE, "new.shop.co.example", "first");
	add(CHANGE_DOMAIN, CHANGE_CREATE, "new.co.example", "second");
	add(CHANGE_DOMAIN, CHANGE_CREATE, "newco.example", "third");
	commit();
	time_passes(HOUR_S);
	commit();
	assert_received(PUBLIC, "example.co.shop.new.", "0", "first");
	assert_nothing_received(PUBLIC);
	time_passes(HOUR_S);
	commit();
	assert_received(PUBLIC, "example.co.new.", "1", "second");
	assert_nothing_received(PUBLIC);
	time_passes(22 * HOUR_S);
	commit();
	assert_received(PUBLIC, "example.newco.", "2", "third");
}

static void a_held_delete_comes_out_before_the_event_that_brings_it_out(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_DELETE, "a.example", "deleted");
	commit();
	assert_nothing_received(PUBLIC);
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "b.example", "other");
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "restored");
	commit();
	assert_received(PUBLIC, "example.b.", "0", "other");
	assert_received(PUBLIC, "example.a.", "1", "deleted");
	assert_received(PUBLIC, "example.a.", "2", "restored");
	/* Within one batch, too. */
	add(CHANGE_DOMAIN, CHANGE_DELETE, "a.example", "deleted");
	add(CHANGE_DOMAIN, CHANGE_CREATE, "a.example", "created");
	commit();
	assert_received(PUBLIC, "example.a.", "3", "deleted");
	assert_received(PUBLIC, "example.a.", "4", "created");
}

static void a_channel_takes_only_its_zones_and_kinds(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_CREATE, "a.example", "other zone");
	add(CHANGE_DOMAIN, CHANGE_CREATE, "a.co.example", "created");
	add(CHANGE_HOST, CHANGE_CREATE, "ns1.a.co.example", "host");
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.co.example", "updated");
	add(CHANGE_DOMAIN, CHANGE_DELETE, "a.co.example", "deleted");
	add(CHANGE_DOMAIN, CHANGE_RENEW, "a.co.example", "renewed");
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.co.example", "restored")->restore = true;
	commit();
	assert_received(NARROW, "example.co.a.", "0", "created");
	assert_received(NARROW, "example.co.a.ns1.", "1", "host");
	assert_received(NARROW, "example.co.a.", "2", "restored");
	assert_nothing_received(NARROW);
}

static void a_transfer_is_a_kind_of_its_own(void **state)
{
	(void)state;
	config->channels[PUBLIC].kinds = CONFIG_KIND_UPDATE;
	config->channels[NARROW].kinds = CONFIG_KIND_TRANSFER;
	add(CHANGE_DOMAIN, CHANGE_TRANSFER, "a.co.example", "transfer");
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.co.example", "update");
	commit();
	assert_received(VETTED, "example.co.a.", "0", "transfer");
	assert_received(VETTED, "example.co.a.", "1", "update");
	assert_received(PUBLIC, "example.co.a.", "0", "update");
	assert_received(NARROW, "example.co.a.", "0", "transfer");
	assert_nothing_received(NARROW);
	assert_nothing_received(PUBLIC);
}

/* They have no zone, so they go where the channel's kinds let them; with their own topic, and never late. */
static void objects_without_a_name_go_to_all_zones_at_once(void **state)
{
	(void)state;
	static const char *const topics[] = {"~nsset.s:1.", "~keyset.s:1.", "~nsgroup.s:1.",
					     "~keygroup.s:1."};
	for (int i = 0; i < FEED_CLASSES; i++) {
		struct batch_item *item = &batch.items[batch.count];
		struct sign_job *job = &batch.jobs[batch.count++];
		*item = (struct batch_item){.object = (uint8_t)(CHANGE_NSSET + i),
					    .verb = i == 3 ? CHANGE_UPDATE : CHANGE_CREATE,
					    .name = {"S:1"}};
		buffer_reset(&job->jws);
		buffer_append_text(&job->jws, "set");
		job->is_signed = true;
	}
	commit();
	for (int i = 0; i < FEED_CLASSES; i++) {
		char index[FRAME];
		snprintf(index, sizeof index, "%d", i);
		assert_received(VETTED, topics[i], index, "set");
		assert_received(PUBLIC, topics[i], index, "set");
		if (i < 3)
			assert_received(NARROW, topics[i], index, "set");
	}
	assert_nothing_received(NARROW);
	assert_int_equal(tallies.held, 0);
}

static void the_end_of_a_held_create_is_of_its_kind_and_waits_with_it(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_CREATE, "a.co.example", "pending");
	add(CHANGE_DOMAIN, CHANGE_CREATE, "a.co.example", "completed")->is_end = true;
	commit();
	assert_received(NARROW, "example.co.a.", "0", "pending");
	assert_received(NARROW, "example.co.a.", "1", "completed");
	assert_nothing_received(PUBLIC);
	time_passes(2 * HOUR_S);
	commit();
	assert_received(PUBLIC, "example.co.a.", "0", "pending");
	assert_received(PUBLIC, "example.co.a.", "1", "completed");
}

static void what_no_channel_wants_is_counted_and_not_stored(void **state)
{
	(void)state;
	struct feed_txn txn;
	uint64_t count;
	struct config *narrowed = config;
	size_t all = narrowed->channel_count;
	for (size_t i = 0; i < all; i++)
		narrowed->channels[i].kinds = CONFIG_KIND_RENEW;
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "unwanted");
	add(CHANGE_DOMAIN, CHANGE_RENEW, "a.example", "wanted");
	commit();
	assert_received(VETTED, "example.a.", "0", "wanted");
	assert_int_equal(tallies.unwanted, 1);
	assert_int_equal(tallies.published, 1);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_event_count(&txn, &count), RESULT_OK);
	feed_txn_abort(&txn);
	assert_int_equal(count, 1);
}

static void indices_and_held_events_go_on_after_a_restart(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "first");
	add(CHANGE_DOMAIN, CHANGE_CREATE, "new.example", "held");
	commit();
	tallies.held = 77;
	reopen_feed(STORE_LIMIT);
	assert_int_equal(tallies.held, 1);
	assert_false(feed_is_due(feed, &now));
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "second");
	time_passes(24 * HOUR_S);
	assert_true(feed_is_due(feed, &now));
	commit();
	assert_received(PUBLIC, "example.a.", "0", "first");
	assert_received(PUBLIC, "example.new.", "1", "held");
	assert_received(PUBLIC, "example.a.", "2", "second");
	assert_received(VETTED, "example.a.", "0", "first");
	assert_received(VETTED, "example.new.", "1", "held");
	assert_received(VETTED, "example.a.", "2", "second");
}

/* The publisher's rounds, while nothing happens: it commits when something is due, and then is at rest. */
static void rounds(void)
{
	for (int i = 0; i < 3 && feed_is_due(feed, &now); i++)
		commit();
	assert_false(feed_is_due(feed, &now));
}

enum { YEAR_S = 365 * 24 * HOUR_S };

static void wall_steps(int64_t seconds)
{
	now.wall_us += seconds * 1000000;
}

/* The machine was off for so long, and comes up with a wall clock that is `wrong_s` beside the right time. To the feed
 * a reboot is a store whose last commit was made in another boot; with events that wait it records the new one at
 * once. */
static void reboot(int64_t off_s, int64_t wrong_s)
{
	static char last_boot = 'a';
	struct feed_txn txn;
	struct feed_clock clock;
	feed_free(&feed);
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_clock(&txn, &clock), RESULT_OK);
	memset(clock.boot_id, last_boot++, sizeof clock.boot_id - 1);
	assert_int_equal(feed_txn_set_clock(&txn, &clock), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	assert_int_equal(feed_new(config, store, outlets, &tallies, &feed), RESULT_OK);
	now.boottime_us = now.monotonic_us = 7000000;
	wall_steps(off_s + wrong_s);
	rounds();
}

/* A create is held for 24 hours; reads what has come of it on the vetted channel. */
static void hold_a_create(void)
{
	add(CHANGE_DOMAIN, CHANGE_CREATE, "new.example", "created");
	commit();
	assert_received(VETTED, "example.new.", "0", "created");
}

/* It is held for just so much longer, by the clock that does not step. */
static void assert_released_after(int64_t seconds)
{
	time_passes(seconds - 1);
	rounds();
	commit();
	assert_nothing_received(PUBLIC);
	time_passes(1);
	rounds();
	assert_received(PUBLIC, "example.new.", "0", "created");
	assert_nothing_received(PUBLIC);
}

static void steps_of_the_wall_clock_release_nothing_early_or_late(void **state)
{
	(void)state;
	const int64_t steps[] = {30 * YEAR_S, -60 * YEAR_S, 25 * HOUR_S, -25 * HOUR_S, 1, -1};
	hold_a_create();
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		wall_steps(steps[i]);
		rounds();
		assert_nothing_received(PUBLIC);
		time_passes(HOUR_S);
	}
	assert_released_after(18 * HOUR_S);
}

static void steps_between_restarts_of_the_process_release_nothing_early_or_late(void **state)
{
	(void)state;
	hold_a_create();
	wall_steps(30 * YEAR_S);
	time_passes(HOUR_S);
	reopen_feed(STORE_LIMIT);
	rounds();
	assert_nothing_received(PUBLIC);
	wall_steps(-60 * YEAR_S);
	reopen_feed(STORE_LIMIT);
	assert_released_after(23 * HOUR_S);
}

/* In suspend CLOCK_BOOTTIME goes on, CLOCK_MONOTONIC stands still: delays run on. */
static void time_in_suspend_counts(void **state)
{
	(void)state;
	hold_a_create();
	now.monotonic_us = 5000000;
	time_passes(24 * HOUR_S);
	rounds();
	assert_received(PUBLIC, "example.new.", "0", "created");
}

static void the_time_that_a_monotonic_clock_alone_shows_does_not_count(void **state)
{
	(void)state;
	hold_a_create();
	now.monotonic_us = (int64_t)YEAR_S * 1000000;
	assert_released_after(24 * HOUR_S);
}

static void over_a_reboot_the_wall_clock_decides(void **state)
{
	(void)state;
	hold_a_create();
	time_passes(2 * HOUR_S);
	reboot(10 * HOUR_S, 0);
	assert_released_after(12 * HOUR_S);
}

static void what_falls_due_while_the_machine_is_off_goes_out_when_it_is_back(void **state)
{
	(void)state;
	hold_a_create();
	reboot(24 * HOUR_S, 0);
	assert_received(PUBLIC, "example.new.", "0", "created");
}

static void a_wall_clock_that_went_back_over_a_reboot_neither_releases_nor_stops_the_time(
	void **state)
{
	(void)state;
	hold_a_create();
	time_passes(4 * HOUR_S);
	commit();
	reboot(HOUR_S, -3 * HOUR_S);
	assert_released_after(20 * HOUR_S);
}

static void a_boot_at_1970_that_is_set_right_later_releases_nothing_early(void **state)
{
	(void)state;
	int64_t wrong_s = -now.wall_us / 1000000;
	hold_a_create();
	reboot(0, wrong_s);
	time_passes(HOUR_S);
	wall_steps(-wrong_s);
	rounds();
	assert_nothing_received(PUBLIC);
	assert_released_after(23 * HOUR_S);
}

static void a_boot_at_1970_that_was_never_set_right_does_not_release_at_the_next(void **state)
{
	(void)state;
	int64_t wrong_s = -now.wall_us / 1000000;
	hold_a_create();
	reboot(0, wrong_s);
	time_passes(HOUR_S);
	commit();
	reboot(HOUR_S, -wrong_s);
	assert_released_after(22 * HOUR_S);
}

/* The first boot of a machine without a battery: events are held at 1970, then the clock is set right, and nothing else
 * happens before the next reboot. */
static void a_step_within_a_boot_is_not_taken_for_time_that_passed_at_the_next(void **state)
{
	(void)state;
	int64_t right_us = now.wall_us;
	now.wall_us = 0;
	hold_a_create();
	now.wall_us = right_us;
	rounds();
	time_passes(HOUR_S);
	reboot(HOUR_S, 0);
	assert_released_after(22 * HOUR_S);
}

/* Events of this size, so that a store of 2 MiB is soon full. */
static void add_large(int count)
{
	static char jws[20000];
	memset(jws, 'j', sizeof jws - 1);
	for (int i = 0; i < count; i++)
		add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", jws);
}

static void consume(uint8_t segment, const struct spool_mark *mark)
{
	struct batch_mark *made = &batch.marks[batch.mark_count++];
	*made = (struct batch_mark){.mark = *mark};
	memset(made->segment.id, segment, sizeof made->segment.id);
}

static struct spool_mark mark_in_store(uint8_t segment)
{
	uint8_t id[SPOOL_ID_SIZE];
	struct feed_txn txn;
	struct spool_mark mark;
	memset(id, segment, sizeof id);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_mark(&txn, id, &mark), RESULT_OK);
	feed_txn_abort(&txn);
	return mark;
}

static void consumption_is_committed_with_the_events_and_forgotten_after_the_file(void **state)
{
	(void)state;
	uint8_t first[SPOOL_ID_SIZE];
	memset(first, 1, sizeof first);
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "e");
	consume(1, &(struct spool_mark){.bytes = 1234, .last_wall_us = 5, .finished = true});
	consume(2, &(struct spool_mark){.bytes = 7, .closed = true});
	commit();
	assert_int_equal(mark_in_store(1).bytes, 1234);
	assert_int_equal(mark_in_store(1).last_wall_us, 5);
	assert_true(mark_in_store(1).finished && !mark_in_store(1).closed);
	assert_true(mark_in_store(2).closed && !mark_in_store(2).finished);
	feed_forget_segment(feed, first);
	assert_int_equal(mark_in_store(1).bytes, 1234);
	consume(2, &(struct spool_mark){.bytes = 99});
	commit();
	assert_int_equal(mark_in_store(1).bytes, 0);
	assert_int_equal(mark_in_store(2).bytes, 99);
}

static struct batch_item *add_own(const char *jws)
{
	struct batch_item *item = &batch.items[batch.count];
	struct sign_job *job = &batch.jobs[batch.count++];
	*item = (struct batch_item){.kind = BATCH_OWN};
	buffer_reset(&job->jws);
	buffer_append_text(&job->jws, jws);
	job->is_signed = true;
	return item;
}

/* Whatever the channels' zones, kinds and delays are; and it brings nothing out that is held. */
static void what_is_of_the_taps_own_goes_to_all_channels_at_once(void **state)
{
	(void)state;
	struct feed_txn txn;
	struct feed_event event;
	add(CHANGE_DOMAIN, CHANGE_CREATE, "new.example", "held");
	add_own("gap");
	commit();
	assert_received(VETTED, "example.new.", "0", "held");
	assert_received(VETTED, FEED_EVENT_TOPIC, "1", "gap");
	assert_received(PUBLIC, FEED_EVENT_TOPIC, "0", "gap");
	assert_received(NARROW, FEED_EVENT_TOPIC, "0", "gap");
	for (int channel = 0; channel < CHANNELS; channel++)
		assert_nothing_received(channel);
	assert_int_equal(tallies.held, 1);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_event(&txn, 1, &event), RESULT_OK);
	assert_int_equal(event.object, FEED_OWN_EVENT);
	assert_string_equal(event.name, "");
	feed_txn_abort(&txn);
}

enum { WRITER = 77 };

static void keep(struct batch_item *item, const char *payload)
{
	item->payload = (struct batch_bytes){batch.bytes.size, strlen(payload)};
	buffer_append_text(&batch.bytes, payload);
}

static void add_intent(uint64_t ticket, const char *payload)
{
	struct batch_item *item = &batch.items[batch.count++];
	*item = (struct batch_item){.kind = BATCH_INTENT,
				    .writer = WRITER,
				    .ticket = ticket,
				    .header = {.wall_us = (int64_t)ticket}};
	keep(item, payload);
}

static void an_intent_is_kept_until_its_end_is_committed(void **state)
{
	(void)state;
	struct feed_txn txn;
	const void *bytes;
	size_t size;
	int64_t wall_us;
	uint64_t ticket = 0;
	add_intent(5, "five");
	add_intent(6, "six");
	add_intent(7, "seven");
	commit();
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 3);
	assert_int_equal(fixture_count(store, TABLE_EVENTS), 0);
	struct batch_item *change = add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "done");
	change->writer = WRITER;
	change->ticket = 5;
	batch.items[batch.count++] =
		(struct batch_item){.kind = BATCH_NOTHING, .writer = WRITER, .ticket = 7};
	batch.items[batch.count++] =
		(struct batch_item){.kind = BATCH_NOTHING, .writer = WRITER + 1, .ticket = 6};
	commit();
	assert_received(VETTED, "example.a.", "0", "done");
	assert_nothing_received(VETTED);
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 1);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_next_intent(&txn, WRITER, &ticket, &wall_us, &bytes, &size),
			 RESULT_OK);
	assert_int_equal(ticket, 6);
	assert_int_equal(wall_us, 6);
	assert_memory_equal(bytes, "six", 3);
	feed_txn_abort(&txn);
}

/* One within the same batch, too. */
static void an_intent_that_ends_at_once_leaves_nothing(void **state)
{
	(void)state;
	add_intent(5, "five");
	batch.items[batch.count++] =
		(struct batch_item){.kind = BATCH_NOTHING, .writer = WRITER, .ticket = 5};
	commit();
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
}

static void write_identity(bool renewed)
{
	const struct feed_identity identity = {.stream = {1}, .renewed = renewed};
	struct feed_txn txn;
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_set_identity(&txn, &identity), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
}

/* An item of every kind that keeps books: intents, quarantine, keys, a renewal; with a mark and the order. */
static void add_books(void)
{
	struct batch_item *item;
	add_intent(9, "nine");
	item = add_own("gap");
	item->sets_aside = true;
	item->header = (struct aside_header){.kind = SPOOL_CHANGE, .reason = "undecodable"};
	keep(item, "payload");
	item = add_own("key");
	item->has_key = true;
	strcpy(item->key.id, "kid");
	item->key.record.state = KEY_RETIRED;
	add_own("new log")->tells_renewal = true;
	item = add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "from quarantine");
	item->takes_back = true;
	item->aside = 0;
	consume(3, &(struct spool_mark){.bytes = 1000});
	batch.order.newest_us = 4242;
}

/* What is in the books, as one text. */
static const char *books(void)
{
	static char text[256];
	struct feed_txn txn;
	struct feed_identity identity;
	struct spool_order order;
	struct aside_header header = {0};
	const void *payload;
	size_t size;
	uint64_t number = 0, intents = fixture_count(store, TABLE_INTENTS),
		 keys = fixture_count(store, TABLE_KEYS);
	struct spool_mark mark = mark_in_store(3);
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_identity(&txn, &identity), RESULT_OK);
	assert_int_equal(feed_txn_order(&txn, &order), RESULT_OK);
	int result = feed_txn_next_aside(&txn, &number, &header, &payload, &size);
	snprintf(text, sizeof text,
		 "intents %d, keys %d, renewed %u, order %d, mark %d, aside %d: %.*s", (int)intents,
		 (int)keys, identity.renewed, (int)order.newest_us, (int)mark.bytes,
		 result == RESULT_OK ? (int)number : -1, result == RESULT_OK ? (int)size : 0,
		 result == RESULT_OK ? (char *)payload : "");
	feed_txn_abort(&txn);
	return text;
}

static void the_books_are_kept_in_the_same_transaction_or_not_at_all(void **state)
{
	(void)state;
	write_identity(true);
	struct batch_item *item = add_own("gap");
	item->sets_aside = true;
	keep(item, "old");
	commit();
	reopen_feed(2 << 20);
	static const char before[] = "intents 0, keys 0, renewed 1, order 0, mark 0, aside 0: old";
	assert_string_equal(books(), before);
	add_books();
	add_large(200);
	for (int i = 0; i < 3; i++)
		assert_int_equal(feed_commit(feed, &batch, &now), RESULT_FULL);
	assert_string_equal(books(), before);
	assert_received(VETTED, FEED_EVENT_TOPIC, "0", "gap");
	assert_nothing_received(VETTED);
	reopen_feed(STORE_LIMIT);
	commit();
	assert_string_equal(books(), "intents 1, keys 1, renewed 0, order 4242, mark 1000, "
				     "aside 1: payload");
	assert_received(VETTED, FEED_EVENT_TOPIC, "1", "gap");
	assert_received(VETTED, FEED_EVENT_TOPIC, "2", "key");
	assert_received(VETTED, FEED_EVENT_TOPIC, "3", "new log");
	assert_received(VETTED, "example.a.", "4", "from quarantine");
}

static void nothing_is_sent_or_consumed_when_the_commit_fails(void **state)
{
	(void)state;
	add(CHANGE_DOMAIN, CHANGE_DELETE, "d.example", "held delete");
	reopen_feed(2 << 20);
	commit();
	assert_received(VETTED, "example.d.", "0", "held delete");
	/* The failing batch would also bring out the delete. */
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "d.example", "updated");
	add_large(200);
	consume(5, &(struct spool_mark){.bytes = 1000});
	for (int i = 0; i < 3; i++)
		assert_int_equal(feed_commit(feed, &batch, &now), RESULT_FULL);
	assert_nothing_received(VETTED);
	assert_nothing_received(PUBLIC);
	assert_int_equal(mark_in_store(5).bytes, 0);
	assert_int_equal(tallies.published, 1);
	assert_int_equal(tallies.placed, 1);
	assert_int_equal(tallies.held, 1);
	/* With room, the same batch goes, and once. */
	reopen_feed(STORE_LIMIT);
	commit();
	assert_received(VETTED, "example.d.", "1", "updated");
	assert_received(PUBLIC, "example.d.", "0", "held delete");
	assert_received(PUBLIC, "example.d.", "1", "updated");
	assert_int_equal(mark_in_store(5).bytes, 1000);
}

static void a_full_store_goes_on_by_itself_when_its_events_are_old(void **state)
{
	(void)state;
	int result = RESULT_OK, tries;
	reopen_feed(2 << 20);
	while (result == RESULT_OK) {
		empty_batch();
		add_large(5);
		result = feed_commit(feed, &batch, &now);
	}
	assert_int_equal(result, RESULT_FULL);
	assert_int_equal(feed_commit(feed, &batch, &now), RESULT_FULL);
	time_passes(2 * 24 * HOUR_S + 1);
	for (tries = 0; tries < 50 && result != RESULT_OK; tries++)
		result = feed_commit(feed, &batch, &now);
	assert_int_equal(result, RESULT_OK);
}

static struct batch_note *add_note(struct batch_item *item, enum note_kind kind, uint8_t first,
				   bool drops)
{
	struct batch_note *note = &item->notes[item->note_count++];
	*note = (struct batch_note){.key = {.kind = (uint8_t)kind, .hash = {first}},
				    .drops = drops};
	return note;
}

/* A message with that news; its note's number is `news`. */
static struct batch_item *add_news(uint8_t news, const char *jws)
{
	struct batch_item *item = add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", jws);
	item->once = true;
	add_note(item, NOTE_TOLD, news, false);
	return item;
}

static bool is_noted(enum note_kind kind, uint8_t first)
{
	const struct note_key key = {.kind = (uint8_t)kind, .hash = {first}};
	struct feed_txn txn;
	const void *value;
	int64_t feed_ms;
	size_t size;
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	int result = feed_txn_note(&txn, &key, &feed_ms, &value, &size);
	feed_txn_abort(&txn);
	assert_true(result == RESULT_OK || result == RESULT_INVALID);
	return result == RESULT_OK;
}

/* Whatever was seen when it was made: in the same batch, in a later one, after a restart. */
static void news_is_told_once_and_repeats_are_counted(void **state)
{
	(void)state;
	add_news(1, "first");
	add_note(add_news(1, "again"), NOTE_PENDING, 7, false);
	add_news(2, "other");
	commit();
	add_news(1, "and again");
	commit();
	reopen_feed(STORE_LIMIT);
	add_news(1, "and again");
	add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "no news");
	commit();
	assert_received(VETTED, "example.a.", "0", "first");
	assert_received(VETTED, "example.a.", "1", "other");
	assert_received(VETTED, "example.a.", "2", "no news");
	assert_nothing_received(VETTED);
	assert_int_equal(tallies.repeats, 3);
	assert_int_equal(tallies.published, 3);
	assert_int_equal(fixture_count(store, TABLE_EVENTS), 3);
	/* What is not told leaves no notes. */
	assert_false(is_noted(NOTE_PENDING, 7));
}

/* What an item was the end of, or taken out of quarantine, is over even if it was told. */
static void a_repeat_keeps_its_books(void **state)
{
	(void)state;
	add_intent(5, "five");
	add_news(1, "first");
	struct batch_item *item = add_news(1, "again");
	item->writer = WRITER;
	item->ticket = 5;
	commit();
	assert_int_equal(fixture_count(store, TABLE_INTENTS), 0);
	assert_int_equal(tallies.repeats, 1);
}

static void notes_come_and_go_with_their_events_until_they_are_old(void **state)
{
	(void)state;
	struct batch_item *item = add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "pending");
	add_note(item, NOTE_PENDING, 1, false)->value = (struct batch_bytes){batch.bytes.size, 5};
	buffer_append_text(&batch.bytes, "value");
	add_note(item, NOTE_PENDING, 2, false);
	commit();
	assert_true(is_noted(NOTE_PENDING, 1) && is_noted(NOTE_PENDING, 2));
	add_note(add(CHANGE_DOMAIN, CHANGE_UPDATE, "a.example", "end"), NOTE_PENDING, 1, true);
	commit();
	assert_false(is_noted(NOTE_PENDING, 1));
	time_passes(2 * 24 * HOUR_S);
	commit();
	assert_true(is_noted(NOTE_PENDING, 2));
	time_passes(1);
	commit();
	assert_false(is_noted(NOTE_PENDING, 2));
	assert_int_equal(fixture_count(store, TABLE_AGES), 0);
}

/* Nobody acknowledges it, and it is polled each day. */
static void a_message_that_comes_for_longer_than_the_retention_is_still_told_once(void **state)
{
	(void)state;
	add_news(1, "first");
	commit();
	for (int day = 0; day < 20; day++) {
		time_passes(24 * HOUR_S);
		add_news(1, "again");
		commit();
	}
	/* Also when the maker saw that it was told. */
	for (int day = 0; day < 20; day++) {
		struct batch_item *item;
		time_passes(24 * HOUR_S + 1);
		item = add_news(1, "");
		item->kind = BATCH_NOTHING;
		item->told = true;
		commit();
	}
	assert_received(VETTED, "example.a.", "0", "first");
	assert_nothing_received(VETTED);
	assert_int_equal(tallies.repeats, 40);
	time_passes(4 * 24 * HOUR_S);
	commit();
	add_news(1, "long after");
	commit();
	assert_received(VETTED, "example.a.", "1", "long after");
}

static void notes_of_a_commit_that_fails_were_never_made(void **state)
{
	(void)state;
	reopen_feed(2 << 20);
	add_news(1, "news");
	add_large(200);
	assert_int_equal(feed_commit(feed, &batch, &now), RESULT_FULL);
	assert_false(is_noted(NOTE_TOLD, 1));
	assert_int_equal(tallies.repeats, 0);
	reopen_feed(STORE_LIMIT);
	commit();
	assert_received(VETTED, "example.a.", "0", "news");
	assert_true(is_noted(NOTE_TOLD, 1));
}

#define WITH_FEED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FEED(each_event_goes_out_as_topic_index_and_jws),
		WITH_FEED(a_renamed_host_goes_out_under_both_names_with_one_index),
		WITH_FEED(a_create_waits_on_the_delayed_channel_alone),
		WITH_FEED(the_longest_zone_that_fits_decides_the_delay),
		WITH_FEED(a_held_delete_comes_out_before_the_event_that_brings_it_out),
		WITH_FEED(a_channel_takes_only_its_zones_and_kinds),
		WITH_FEED(a_transfer_is_a_kind_of_its_own),
		WITH_FEED(objects_without_a_name_go_to_all_zones_at_once),
		WITH_FEED(the_end_of_a_held_create_is_of_its_kind_and_waits_with_it),
		WITH_FEED(what_no_channel_wants_is_counted_and_not_stored),
		WITH_FEED(indices_and_held_events_go_on_after_a_restart),
		WITH_FEED(steps_of_the_wall_clock_release_nothing_early_or_late),
		WITH_FEED(steps_between_restarts_of_the_process_release_nothing_early_or_late),
		WITH_FEED(time_in_suspend_counts),
		WITH_FEED(the_time_that_a_monotonic_clock_alone_shows_does_not_count),
		WITH_FEED(over_a_reboot_the_wall_clock_decides),
		WITH_FEED(what_falls_due_while_the_machine_is_off_goes_out_when_it_is_back),
		WITH_FEED(
			a_wall_clock_that_went_back_over_a_reboot_neither_releases_nor_stops_the_time),
		WITH_FEED(a_boot_at_1970_that_is_set_right_later_releases_nothing_early),
		WITH_FEED(a_boot_at_1970_that_was_never_set_right_does_not_release_at_the_next),
		WITH_FEED(a_step_within_a_boot_is_not_taken_for_time_that_passed_at_the_next),
		WITH_FEED(consumption_is_committed_with_the_events_and_forgotten_after_the_file),
		WITH_FEED(what_is_of_the_taps_own_goes_to_all_channels_at_once),
		WITH_FEED(an_intent_is_kept_until_its_end_is_committed),
		WITH_FEED(an_intent_that_ends_at_once_leaves_nothing),
		WITH_FEED(the_books_are_kept_in_the_same_transaction_or_not_at_all),
		WITH_FEED(nothing_is_sent_or_consumed_when_the_commit_fails),
		WITH_FEED(a_full_store_goes_on_by_itself_when_its_events_are_old),
		WITH_FEED(news_is_told_once_and_repeats_are_counted),
		WITH_FEED(a_repeat_keeps_its_books),
		WITH_FEED(notes_come_and_go_with_their_events_until_they_are_old),
		WITH_FEED(a_message_that_comes_for_longer_than_the_retention_is_still_told_once),
		WITH_FEED(notes_of_a_commit_that_fails_were_never_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
