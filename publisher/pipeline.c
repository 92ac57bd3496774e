#include "publisher/pipeline_inside.h"

#include "base/log.h"
#include "publisher/gauges.h"
#include "publisher/jwks.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <zmq.h>

enum {
	PAUSE_MS = 20, /* at most; what is written into the spool ends it */
	/* Where nobody tells of that, strangers are at our own door, a sender has a backlog, or something is in trouble. */
	SHORT_PAUSE_MS = 5,
	APART_US = 50000,        /* between batches that are small */
	RETRY_PAUSE_MS = 200,    /* after a commit that failed, or a port that was taken */
	COMPLAINT_US = 10000000, /* between log lines about either */
	SIGN_TRIES = 5, /* before what can't be signed, while other events can, is set aside */
};

bool pipeline_may_complain(struct pipeline *pipeline)
{
	int64_t now_us = clock_monotonic_us();
	if (pipeline->last_complaint_us && now_us - pipeline->last_complaint_us < COMPLAINT_US)
		return false;
	pipeline->last_complaint_us = now_us;
	return true;
}

/* Until the descriptor is readable, if it is one. */
static void sleep_until_readable(int fd, long milliseconds)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};
	if (milliseconds <= 0)
		return;
	if (fd < 0 || (poll(&item, 1, (int)milliseconds) < 0 && errno != EINTR))
		clock_sleep_us(milliseconds * 1000);
}

/* Sleeps, and looks who comes, or gives the senders what they had no room for. */
void pipeline_pause(struct pipeline *pipeline, long milliseconds)
{
	int watch = pipeline->listens ? spool_watch_fd(pipeline->watch) : -1;
	if (!pipeline->door) {
		for (size_t i = 0; i < pipeline->config->channel_count; i++)
			if (!outlet_flush(pipeline->outlets[i]) && milliseconds > SHORT_PAUSE_MS)
				milliseconds = SHORT_PAUSE_MS;
		sleep_until_readable(watch, milliseconds);
		return;
	}
	zmq_pollitem_t items[] = {
		{.socket = door_socket(pipeline->door), .events = ZMQ_POLLIN},
		{.fd = watch, .events = ZMQ_POLLIN},
	};
	if (zmq_poll(items, watch < 0 ? 1 : 2, milliseconds) > 0 && items[0].revents)
		door_answer(pipeline->door);
	for (size_t i = 0; i < pipeline->config->channel_count; i++)
		outlet_look(pipeline->outlets[i]);
}

/* Nothing is taken from the spool before every channel can be heard: else its first messages would reach nobody. */
static bool bind_all(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->config->channel_count && !pipeline->bound; i++) {
		if (outlet_bind(pipeline->outlets[i]))
			continue;
		if (pipeline_may_complain(pipeline))
			log_error(
				"channel %s can't bind %s: %s; changes wait in the spool until it "
				"can",
				pipeline->config->channels[i].name,
				pipeline->config->channels[i].bind, zmq_strerror(errno));
		tally_state(pipeline->tallies, PUBLISHER_WAITS_FOR_PORT);
		return false;
	}
	if (!pipeline->bound)
		tally_state(pipeline->tallies, PUBLISHER_PUBLISHING);
	return pipeline->bound = true;
}

/* A batch that is neither being signed nor waits to be committed. */
static struct batch *free_batch(const struct pipeline *pipeline)
{
	struct batch *batch = pipeline->batches;
	while (batch == pipeline->signing || batch == pipeline->signed_)
		batch++;
	return batch;
}

/* Fills a batch with what the spool has. What a commit costs hardly depends on how many events it has: so while few come,
 * but often, those that come within a short time go together. */
static void fill(struct pipeline *pipeline, const struct clock_reading *now)
{
	struct batch *batch = free_batch(pipeline);
	spool_watch_clear(pipeline->watch);
	bool alone = !pipeline->signing && !pipeline->signed_;
	bool had_all = batch_fill(pipeline->maker, pipeline->merge, now, alone, batch);
	if (batch_is_empty(batch))
		return;
	pipeline->filled = batch;
	pipeline->next_fill_us =
		had_all && batch_is_small(batch) ? now->monotonic_us + APART_US : 0;
}

static void begin_signing(struct pipeline *pipeline)
{
	struct batch *batch = pipeline->filled;
	if (!batch || pipeline->signing)
		return;
	pipeline->signing = batch;
	pipeline->filled = NULL;
	pipeline->sign_failures = 0;
	sign_pool_begin(pipeline->pool, batch->jobs, batch->count);
}

/* What can't be signed while other events of the batch can, must not hold up the rest. If none can, it is the key's
 * fault, and all wait. */
static void set_unsigned_aside(struct pipeline *pipeline, struct batch *batch)
{
	struct clock_reading now;
	size_t good = 0;
	clock_read(&now);
	for (size_t i = 0; i < batch->count; i++)
		good += batch->jobs[i].is_signed && batch->items[i].kind <= BATCH_OWN;
	for (size_t i = 0; i < batch->count && good > 0; i++)
		if (!batch->jobs[i].is_signed &&
		    batch_set_aside(pipeline->maker, i, &now, batch) != RESULT_OK)
			return; /* no memory: the next try comes here again */
}

static void end_signing(struct pipeline *pipeline)
{
	struct batch *batch = pipeline->signing;
	if (!batch || pipeline->signed_)
		return;
	if (sign_pool_wait(pipeline->pool)) {
		pipeline->signed_ = batch;
		pipeline->signing = NULL;
		return;
	}
	tally(&pipeline->tallies->signing_failures, 1);
	tally_state(pipeline->tallies, PUBLISHER_SIGNING_FAILS);
	if (pipeline_may_complain(pipeline))
		log_error("events can't be signed: no memory, or the key can't be used; trying "
			  "again");
	if (++pipeline->sign_failures % SIGN_TRIES == 0)
		set_unsigned_aside(pipeline, batch);
	clock_sleep_us(RETRY_PAUSE_MS * 1000);
	sign_pool_begin(pipeline->pool, batch->jobs, batch->count);
}

void pipeline_clean_up(struct pipeline *pipeline, const struct batch *batch)
{
	char why[1024];
	for (size_t i = 0; i < batch->mark_count; i++) {
		const struct batch_mark *mark = &batch->marks[i];
		if (mark->mark.finished && spool_merge_remove(pipeline->merge, &mark->segment))
			feed_forget_segment(pipeline->feed, mark->segment.id);
	}
	for (size_t i = 0; i < batch->count; i++)
		if (batch->items[i].has_key &&
		    jwks_publish(pipeline->config, pipeline->store, why, sizeof why) != RESULT_OK)
			log_error("%s", why);
}

/* Commits and sends the signed batch, or what is due. False: the store failed, and the batch is kept. */
static bool commit(struct pipeline *pipeline, const struct clock_reading *now)
{
	struct batch *batch = pipeline->signed_;
	if (!batch && !feed_is_due(pipeline->feed, now))
		return true;
	int result = feed_commit(pipeline->feed, batch, now);
	if (result != RESULT_OK) {
		tally(&pipeline->tallies->store_failures, 1);
		tally_state(pipeline->tallies, PUBLISHER_STORE_FAILS);
		if (pipeline_may_complain(pipeline))
			log_error("the feed store can't be written: %s; changes wait in the spool",
				  feed_store_trouble(result));
		return false;
	}
	tally_state(pipeline->tallies, PUBLISHER_PUBLISHING);
	pipeline->last_complaint_us = 0;
	pipeline->signed_ = NULL;
	atomic_store(&pipeline->tallies->last_commit_us, now->monotonic_us);
	if (batch)
		pipeline_clean_up(pipeline, batch);
	return true;
}

void pipeline_tell_positions(struct pipeline *pipeline, const struct clock_reading *now, bool last)
{
	const struct config *config = pipeline->config;
	if (pipeline->keeper)
		return; /* the logs say it */
	if (!last && now->monotonic_us - pipeline->last_position_us < config->checkpoint_ms * 1000)
		return;
	pipeline->last_position_us = now->monotonic_us;
	for (size_t i = 0; i < config->channel_count; i++) {
		uint64_t events = feed_channel_events(pipeline->feed, i);
		if (events == pipeline->told_events[i])
			continue;
		if (identity_tell_position(&config->channels[i], &pipeline->identity, events) ==
		    RESULT_OK)
			pipeline->told_events[i] = events;
		else if (pipeline_may_complain(pipeline))
			log_error("channel %s: position.json in %s can't be written: %s",
				  config->channels[i].name, config->channels[i].log_dir,
				  strerror(errno));
	}
}

static void send_checkpoint(void *context, size_t channel, uint64_t size, const void *note,
			    size_t note_size)
{
	struct pipeline *pipeline = context;
	outlet_send(pipeline->outlets[channel], FEED_CHECKPOINT_TOPIC, size, note, note_size);
}

/* By now all of a checkpoint's events were sent: it was signed of what is committed, and they go out right after that. */
void pipeline_send_checkpoints(struct pipeline *pipeline)
{
	log_keeper_take(pipeline->keeper, send_checkpoint, pipeline);
}

/* How long to pause after a round. `wait_us`: the spool is not looked at before. */
static long pause_after(struct pipeline *pipeline, const struct clock_reading *now, int64_t wait_us)
{
	bool told = spool_watch_fd(pipeline->watch) >= 0 && !pipeline->door;
	long most_ms = told ? PAUSE_MS : SHORT_PAUSE_MS;
	if (!pipeline->idle || feed_is_due(pipeline->feed, now))
		return 0;
	pipeline->listens = wait_us <= 0;
	if (pipeline->listens)
		wait_us =
			spool_merge_due_us(pipeline->merge, now->monotonic_us) - now->monotonic_us;
	if (wait_us <= 0)
		return SHORT_PAUSE_MS; /* what could go on did not: something is in trouble */
	return wait_us < most_ms * 1000 ? (long)(wait_us / 1000) + 1 : most_ms;
}

/* The signers get the next batch as soon as they are done with one; while they work, that one is committed, and in the
 * next round another filled. */
long pipeline_round(struct pipeline *pipeline, const struct clock_reading *now, bool hurry)
{
	int64_t wait_us = hurry ? 0 : pipeline->next_fill_us - now->monotonic_us;
	pipeline->listens =
		false; /* while something fails: who writes must not hasten the next try */
	if (hurry)
		spool_merge_look_closely(pipeline->merge);
	if (!pipeline->filled && wait_us <= 0)
		fill(pipeline, now); /* without a port, too: so that the lag is known */
	if (!bind_all(pipeline))
		return RETRY_PAUSE_MS;
	end_signing(pipeline);
	begin_signing(pipeline);
	pipeline->idle = !pipeline->signing && !pipeline->signed_;
	bool committed = commit(pipeline, now);
	pipeline_send_checkpoints(pipeline);
	pipeline_tell_positions(pipeline, now, false);
	if (!committed)
		return RETRY_PAUSE_MS;
	return pause_after(pipeline, now, wait_us);
}

bool pipeline_is_idle(const struct pipeline *pipeline)
{
	return pipeline->idle;
}

/* When the oldest change that is read and not committed was captured, wall clock; 0: there is none. */
static int64_t oldest_us(const struct pipeline *pipeline)
{
	const struct batch *const in_turn[] = {pipeline->signed_, pipeline->signing,
					       pipeline->filled};
	for (size_t i = 0; i < sizeof in_turn / sizeof *in_turn; i++)
		for (size_t j = 0; in_turn[i] && j < in_turn[i]->count; j++)
			if (in_turn[i]->items[j].header.wall_us)
				return in_turn[i]->items[j].header.wall_us;
	return 0;
}

bool pipeline_has_writer(const struct pipeline *pipeline, uint64_t writer)
{
	return spool_merge_has(pipeline->merge, writer);
}

/* The door is here, or each channel's sender has one and may leave messages behind. */
static void write_outlets(const struct pipeline *pipeline, struct buffer *json)
{
	const struct publisher_host *host = pipeline->parts.host;
	buffer_append_byte(json, ',');
	if (!host->channel_fds) {
		door_write_counts(door_counts(pipeline->door), json);
		return;
	}
	host->write_senders(host->context, json);
	buffer_append_text(json, ",\"dropped\":{");
	for (size_t i = 0; i < pipeline->config->channel_count; i++)
		buffer_printf(json, "%s\"%s\":%" PRIu64, i ? "," : "",
			      pipeline->config->channels[i].name,
			      outlet_dropped(pipeline->outlets[i]));
	buffer_append_byte(json, '}');
}

void pipeline_write_stats(struct pipeline *pipeline, const struct clock_reading *now,
			  struct buffer *json)
{
	int64_t oldest = oldest_us(pipeline);
	int64_t lag_us = oldest ? now->wall_us - oldest : 0;
	buffer_printf(json, ",\"lag_ms\":%lld", lag_us > 0 ? (long long)lag_us / 1000 : 0);
	write_outlets(pipeline, json);
	log_keeper_write_stats(pipeline->keeper, json);
	gauges_write(pipeline->config, pipeline->store, now, pipeline->boot_id, json);
}
