#include "publisher/pipeline.h"

#include "base/log.h"
#include "publisher/batch.h"
#include "publisher/door.h"
#include "publisher/feed.h"
#include "publisher/gauges.h"
#include "publisher/identity.h"
#include "publisher/jwks.h"
#include "publisher/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
	BUSY_PAUSE_MS = 1,       /* between looks at the spool while there is traffic */
	IDLE_PAUSE_MS = 5,       /* and when there is none */
	IDLE_AFTER_US = 100000,  /* how long after the last event that begins */
	RETRY_PAUSE_MS = 200,    /* after a commit that failed, or a port that was taken */
	COMPLAINT_US = 10000000, /* between log lines about either */
	SIGN_TRIES = 5, /* before what can't be signed, while other events can, is set aside */
	SIGN_THREADS_MOST = 64,
	BATCHES = 3,
};

struct pipeline {
	struct pipeline_parts parts;
	const struct config *config;
	struct tallies *tallies;
	struct feed_store *store;
	struct feed_identity identity;
	void *zmq;
	struct door *door;
	struct outlet **outlets; /* by channel */
	bool bound;
	struct spool_merge *merge;
	struct batch_maker *maker;
	struct sign_pool *pool;
	struct feed *feed;
	struct batch *batches; /* BATCHES: one is filled and one committed while one is signed */
	struct batch *filled, *signing, *signed_; /* each may be NULL */
	unsigned sign_failures;                   /* in a row, of the batch that is signed */
	bool idle;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	int64_t last_event_us, last_complaint_us, last_position_us;
	uint64_t *told_events; /* by channel: what its position.json says */
};

static bool may_complain(struct pipeline *pipeline)
{
	int64_t now_us = clock_monotonic_us();
	if (pipeline->last_complaint_us && now_us - pipeline->last_complaint_us < COMPLAINT_US)
		return false;
	pipeline->last_complaint_us = now_us;
	return true;
}

static void set_state(struct pipeline *pipeline, enum publisher_state state)
{
	atomic_store(&pipeline->tallies->state, (int)state);
}

/* Sleeps, and answers the door, or gives the senders what they had no room for. */
void pipeline_pause(struct pipeline *pipeline, long milliseconds)
{
	if (!pipeline->door) {
		for (size_t i = 0; i < pipeline->config->channel_count; i++)
			outlet_flush(pipeline->outlets[i]);
		if (milliseconds > 0)
			clock_sleep_us(milliseconds * 1000);
		return;
	}
	zmq_pollitem_t item = {.socket = door_socket(pipeline->door), .events = ZMQ_POLLIN};
	if (zmq_poll(&item, 1, milliseconds) > 0)
		door_answer(pipeline->door);
}

/* Nothing is taken from the spool before every channel can be heard: else its first messages would reach nobody. */
static bool bind_all(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->config->channel_count && !pipeline->bound; i++) {
		if (outlet_bind(pipeline->outlets[i]))
			continue;
		if (may_complain(pipeline))
			log_error(
				"channel %s can't bind %s: %s; changes wait in the spool until it "
				"can",
				pipeline->config->channels[i].name,
				pipeline->config->channels[i].bind, zmq_strerror(errno));
		set_state(pipeline, PUBLISHER_WAITS_FOR_PORT);
		return false;
	}
	if (!pipeline->bound)
		set_state(pipeline, PUBLISHER_PUBLISHING);
	return pipeline->bound = true;
}

/* How far a segment is consumed, for the merge. */
static int look_up_mark(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	struct pipeline *pipeline = context;
	struct feed_txn txn;
	int result = feed_txn_begin(pipeline->store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_mark(&txn, id, mark);
	feed_txn_abort(&txn);
	/* Without its mark the segment must not be read. */
	if (result != RESULT_OK && may_complain(pipeline))
		log_error("the feed store can't be read; trying again");
	return result;
}

/* A batch that is neither being signed nor waits to be committed. */
static struct batch *free_batch(const struct pipeline *pipeline)
{
	struct batch *batch = pipeline->batches;
	while (batch == pipeline->signing || batch == pipeline->signed_)
		batch++;
	return batch;
}

/* Fills a batch with what the spool has. */
static void fill(struct pipeline *pipeline, const struct clock_reading *now)
{
	struct batch *batch = free_batch(pipeline);
	bool alone = !pipeline->signing && !pipeline->signed_;
	batch_fill(pipeline->maker, pipeline->merge, now, alone, batch);
	if (batch_is_empty(batch))
		return;
	pipeline->filled = batch;
	pipeline->last_event_us = now->monotonic_us;
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
	set_state(pipeline, PUBLISHER_SIGNING_FAILS);
	if (may_complain(pipeline))
		log_error("events can't be signed: no memory, or the key can't be used; trying "
			  "again");
	if (++pipeline->sign_failures % SIGN_TRIES == 0)
		set_unsigned_aside(pipeline, batch);
	clock_sleep_us(RETRY_PAUSE_MS * 1000);
	sign_pool_begin(pipeline->pool, batch->jobs, batch->count);
}

static const char *store_trouble(int result)
{
	switch (result) {
	case RESULT_FULL:
		return "the disk is full, or the store at store.limit: make room, or raise the "
		       "limit and open the tap again";
	case RESULT_NOMEM:
		return "out of memory";
	default:
		return "its disk is full or fails, or it is damaged: make room, or see the "
		       "kernel's log";
	}
}

/* The committed batch's segments that are consumed to their ends go, and revoked keys leave jwks.json. */
static void clean_up(struct pipeline *pipeline, const struct batch *batch)
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
		set_state(pipeline, PUBLISHER_STORE_FAILS);
		if (may_complain(pipeline))
			log_error("the feed store can't be written: %s; changes wait in the spool",
				  store_trouble(result));
		return false;
	}
	set_state(pipeline, PUBLISHER_PUBLISHING);
	pipeline->last_complaint_us = 0;
	pipeline->signed_ = NULL;
	atomic_store(&pipeline->tallies->last_commit_us, now->monotonic_us);
	if (batch)
		clean_up(pipeline, batch);
	return true;
}

/* Says in each log_dir how far its channel is published, if there is news. */
static void tell_positions(struct pipeline *pipeline, const struct clock_reading *now, bool last)
{
	const struct config *config = pipeline->config;
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
		else if (may_complain(pipeline))
			log_error("channel %s: position.json in %s can't be written: %s",
				  config->channels[i].name, config->channels[i].log_dir,
				  strerror(errno));
	}
}

/* The signers get the next batch as soon as they are done with one; while they work, that one is committed, and in the
 * next round another filled. */
long pipeline_round(struct pipeline *pipeline, const struct clock_reading *now)
{
	if (!pipeline->filled)
		fill(pipeline, now); /* without a port, too: so that the lag is known */
	if (!bind_all(pipeline))
		return RETRY_PAUSE_MS;
	end_signing(pipeline);
	begin_signing(pipeline);
	pipeline->idle = !pipeline->signing && !pipeline->signed_;
	bool committed = commit(pipeline, now);
	tell_positions(pipeline, now, false);
	if (!committed)
		return RETRY_PAUSE_MS;
	if (!pipeline->idle)
		return 0;
	return now->monotonic_us - pipeline->last_event_us > IDLE_AFTER_US ? IDLE_PAUSE_MS
									   : BUSY_PAUSE_MS;
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
		door_write_stats(pipeline->door, json);
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
	gauges_write(pipeline->config, pipeline->store, now, pipeline->boot_id, json);
}

/* Signs and commits a batch by itself, before or after all others. */
static int publish_alone(struct pipeline *pipeline, struct batch *batch,
			 const struct clock_reading *now)
{
	sign_pool_begin(pipeline->pool, batch->jobs, batch->count);
	int result = sign_pool_wait(pipeline->pool) ? feed_commit(pipeline->feed, batch, now)
						    : RESULT_NOMEM;
	if (result == RESULT_OK)
		clean_up(pipeline, batch);
	return result;
}

static void fill_key(struct event_key *event, const struct signing_key *key, enum key_state state)
{
	*event = (struct event_key){.record = {.state = state}};
	snprintf(event->id, sizeof event->id, "%s", signing_key_id(key));
	memcpy(event->record.key, signing_key_public(key), FEED_KEY_SIZE);
}

/* An empty batch that none of the others' work is in: they have been committed. */
static struct batch *spare_batch(struct pipeline *pipeline)
{
	batch_clear(pipeline->batches, spool_merge_order(pipeline->merge));
	return pipeline->batches;
}

/* What readers were told not to trust must not come back as a new key. */
static int refuse_revoked(struct pipeline *pipeline, const char *id, char *why, size_t why_size)
{
	struct key_record known = {.state = KEY_RETIRED};
	struct feed_txn txn;
	int result = feed_txn_begin(pipeline->store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_key(&txn, id, &known);
	feed_txn_abort(&txn);
	if (result == RESULT_INVALID)
		return RESULT_OK;
	if (result != RESULT_OK)
		snprintf(why, why_size, "the feed store can't be read: %s", store_trouble(result));
	else if (known.state == KEY_REVOKED) {
		snprintf(why, why_size, KEY_WAS_REVOKED, id);
		result = RESULT_CONFIG;
	}
	return result;
}

int pipeline_announce_key(struct pipeline *pipeline, const struct signing_key *next, char *why,
			  size_t why_size)
{
	struct clock_reading now;
	struct event_key added, retired;
	clock_read(&now);
	int result = refuse_revoked(pipeline, signing_key_id(next), why, why_size);
	if (result != RESULT_OK)
		return result;
	/* What is under way is dropped, and read again: it is not committed. */
	if (pipeline->signing && !sign_pool_wait(pipeline->pool))
		tally(&pipeline->tallies->signing_failures, 1);
	pipeline->filled = pipeline->signing = pipeline->signed_ = NULL;
	struct batch *batch = spare_batch(pipeline);
	fill_key(&added, next, KEY_TRUSTED);
	fill_key(&retired, pipeline->parts.key, KEY_RETIRED);
	result = batch_add_key(pipeline->maker, &added, &now, batch);
	if (result == RESULT_OK)
		result = batch_add_key(pipeline->maker, &retired, &now, batch);
	if (result == RESULT_OK)
		result = publish_alone(pipeline, batch, &now);
	if (result != RESULT_OK)
		snprintf(why, why_size,
			 "the new event key could not be told in the feed: %s; the old one stays",
			 store_trouble(result));
	return result;
}

/* What the store knows of the key. The first key of all is just remembered: it comes with jwks.json. *told: readers know
 * that it signs. */
static int introduce_key(struct pipeline *pipeline, const struct event_key *key, bool *told,
			 char *why, size_t why_size)
{
	struct key_record known = {.state = KEY_RETIRED};
	struct feed_txn txn;
	uint64_t keys = 0;
	snprintf(why, why_size, "the feed store can't be read or written: %s",
		 store_trouble(RESULT_FULL));
	int result = feed_txn_begin(pipeline->store, false, &txn);
	if (result == RESULT_OK)
		result = feed_txn_count(&txn, TABLE_KEYS, &keys);
	if (result == RESULT_OK && keys == 0)
		result = feed_txn_set_key(&txn, key->id, &key->record);
	if (result == RESULT_OK)
		result = feed_txn_key(&txn, key->id, &known);
	*told = result == RESULT_OK && known.state == KEY_TRUSTED;
	if (result == RESULT_OK && keys == 0)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	if (result == RESULT_OK && known.state == KEY_REVOKED) {
		snprintf(why, why_size, KEY_WAS_REVOKED, key->id);
		return RESULT_BUSY;
	}
	return result == RESULT_INVALID ? RESULT_OK : result;
}

/* What must be told before anything else: a new log, and a key that no earlier one told of. */
static int tell_beginnings(struct pipeline *pipeline, char *why, size_t why_size)
{
	struct clock_reading now;
	struct event_key key;
	bool told;
	clock_read(&now);
	fill_key(&key, pipeline->parts.key, KEY_TRUSTED);
	int result = introduce_key(pipeline, &key, &told, why, why_size);
	if (result != RESULT_OK)
		return result;
	struct batch *batch = spare_batch(pipeline);
	if (pipeline->identity.renewed) {
		const struct spool_gap gap = {.to_us = now.wall_us, .reason = "new_log"};
		result = batch_add_gap(pipeline->maker, &gap, &now, batch);
		batch->items[0].tells_renewal = true;
	}
	if (result == RESULT_OK && !told) {
		result = batch_add_key(pipeline->maker, &key, &now, batch);
		log_warning(
			"the event key changed while nobody published: no key that readers trust "
			"tells of it. Give them jwks.json; next time let the publisher reload");
	}
	if (result == RESULT_OK && batch->count > 0)
		result = publish_alone(pipeline, batch, &now);
	return result;
}

static unsigned sign_threads(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long threads = config->sign_threads ? (long)config->sign_threads : cores / 2;
	return threads < 1                   ? 1
	       : threads > SIGN_THREADS_MOST ? SIGN_THREADS_MOST
					     : (unsigned)threads;
}

/* Each channel has a sender of its own: no socket is opened here, and no CURVE key. */
static int open_relays(struct pipeline *pipeline)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < pipeline->config->channel_count && result == RESULT_OK; i++)
		result = outlet_open_relay(pipeline->parts.host->channel_fds[i],
					   &pipeline->outlets[i]);
	return result;
}

static int open_sockets(struct pipeline *pipeline, char *why, size_t why_size)
{
	const struct config *config = pipeline->config;
	pipeline->outlets = calloc(config->channel_count, sizeof *pipeline->outlets);
	snprintf(why, why_size, "no memory for the channels");
	if (pipeline->outlets && pipeline->parts.host->channel_fds)
		return open_relays(pipeline);
	pipeline->zmq = zmq_ctx_new();
	if (!pipeline->zmq || !pipeline->outlets)
		return RESULT_NOMEM;
	int result = door_open(pipeline->zmq, config, &pipeline->door, why, why_size);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = outlet_open(pipeline->zmq, &config->channels[i], &pipeline->outlets[i],
				     why, why_size);
	return result;
}

static int restore_order(struct pipeline *pipeline)
{
	struct spool_order order;
	struct feed_txn txn;
	int result = feed_txn_begin(pipeline->store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_order(&txn, &order);
	feed_txn_abort(&txn);
	if (result == RESULT_OK)
		spool_merge_set_order(pipeline->merge, &order);
	return result;
}

static int open_memory(struct pipeline *pipeline)
{
	const struct config *config = pipeline->config;
	pipeline->batches = calloc(BATCHES, sizeof *pipeline->batches);
	pipeline->told_events = calloc(config->channel_count, sizeof *pipeline->told_events);
	if (!pipeline->batches || !pipeline->told_events)
		return RESULT_NOMEM;
	for (int i = 0; i < BATCHES; i++)
		batch_init(&pipeline->batches[i]);
	int result = spool_merge_new(pipeline->parts.host->dir, NULL, config->reorder_ms * 1000,
				     look_up_mark, pipeline, &pipeline->merge);
	if (result == RESULT_OK)
		result = restore_order(pipeline);
	if (result == RESULT_OK)
		result = batch_maker_new(config, pipeline->parts.key, pipeline->store,
					 pipeline->tallies, &pipeline->maker);
	if (result == RESULT_OK)
		result = sign_pool_new(pipeline->parts.key, sign_threads(config), &pipeline->pool);
	if (result == RESULT_OK)
		result = feed_new(config, pipeline->store, pipeline->outlets, pipeline->tallies,
				  &pipeline->feed);
	return result;
}

static int open_parts(struct pipeline *pipeline, char *why, size_t why_size)
{
	const struct config *config = pipeline->config;
	int result = feed_store_open(config->state_dir, config->store_limit, false,
				     &pipeline->store, why, why_size);
	if (result == RESULT_OK)
		result =
			identity_check(config, pipeline->store, &pipeline->identity, why, why_size);
	if (result == RESULT_OK)
		result = open_sockets(pipeline, why, why_size);
	if (result != RESULT_OK)
		return result;
	snprintf(why, why_size, "out of memory, no thread to be had, or a damaged feed store");
	result = open_memory(pipeline);
	if (result == RESULT_OK)
		result = tell_beginnings(pipeline, why, why_size);
	if (result == RESULT_OK)
		result = jwks_publish(config, pipeline->store, why, why_size);
	return result;
}

int pipeline_open(const struct pipeline_parts *parts, struct pipeline **out, char *why,
		  size_t why_size)
{
	struct pipeline *pipeline = calloc(1, sizeof *pipeline);
	*out = NULL;
	snprintf(why, why_size, "out of memory");
	if (!pipeline)
		return RESULT_NOMEM;
	pipeline->parts = *parts;
	pipeline->config = parts->config;
	pipeline->tallies = parts->tallies;
	clock_boot_id(pipeline->boot_id);
	int result = open_parts(pipeline, why, why_size);
	if (result != RESULT_OK)
		pipeline_close(&pipeline, 0);
	else
		set_state(
			pipeline,
			PUBLISHER_STARTING); /* not before: one that is refused tries again and again */
	*out = pipeline;
	return result;
}

static void close_sockets(struct pipeline *pipeline, int linger_ms)
{
	for (size_t i = 0; pipeline->outlets && i < pipeline->config->channel_count; i++)
		outlet_close(&pipeline->outlets[i], linger_ms);
	free(pipeline->outlets);
	door_close(&pipeline->door);
	if (pipeline->zmq)
		zmq_ctx_term(pipeline->zmq); /* waits for linger_ms at most */
}

void pipeline_close(struct pipeline **open, int linger_ms)
{
	struct pipeline *pipeline = *open;
	struct clock_reading now;
	if (!pipeline)
		return;
	*open = NULL;
	clock_read(&now);
	if (pipeline->feed && pipeline->bound)
		tell_positions(pipeline, &now, true);
	close_sockets(pipeline, linger_ms);
	sign_pool_free(&pipeline->pool);
	feed_free(&pipeline->feed);
	batch_maker_free(&pipeline->maker);
	spool_merge_free(&pipeline->merge);
	for (int i = 0; pipeline->batches && i < BATCHES; i++)
		batch_free(&pipeline->batches[i]);
	free(pipeline->batches);
	free(pipeline->told_events);
	feed_store_close(&pipeline->store);
	free(pipeline);
}
