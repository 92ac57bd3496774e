#include "publisher/publisher.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "publisher/batch.h"
#include "publisher/door.h"
#include "publisher/feed.h"
#include "publisher/jwks.h"
#include "publisher/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
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
	STATUS_EVERY_US = 1000000,
	LINGER_MOST_MS = 1000,
	STATS_MAX = 65536,
	SIGN_THREADS_MOST = 64,
	BATCHES = 3,
};

enum state { STATE_STARTING, STATE_PUBLISHING, STATE_WAITS_FOR_PORT, STATE_STORE_FAILS };

struct publisher {
	struct publisher_host host;
	const struct config *config;
	struct signing_key *key;
	struct feed_store *store;
	void *zmq;
	struct door *door;
	struct outlet **outlets; /* by channel */
	struct spool_reader *reader;
	struct batch_maker *maker;
	struct sign_pool *pool;
	struct feed *feed;
	struct batch *batches; /* BATCHES: one is filled and one committed while one is signed */
	struct batch *filled, *signing, *signed_; /* each may be NULL */
	struct tallies tallies;
	_Atomic int state;
	_Atomic int64_t stop_at_us; /* CLOCK_MONOTONIC; 0: not yet */
	int64_t last_event_us, last_complaint_us, last_status_us;
	struct buffer status;
	pthread_t thread;
	bool running;
};

static bool may_complain(struct publisher *publisher)
{
	int64_t now_us = clock_monotonic_us();
	if (publisher->last_complaint_us && now_us - publisher->last_complaint_us < COMPLAINT_US)
		return false;
	publisher->last_complaint_us = now_us;
	return true;
}

static bool stops_now(const struct publisher *publisher)
{
	int64_t at_us = atomic_load(&publisher->stop_at_us);
	return at_us && clock_monotonic_us() >= at_us;
}

/* Sleeps, and answers the door. */
static void pause_for(struct publisher *publisher, long milliseconds)
{
	zmq_pollitem_t item = {.socket = door_socket(publisher->door), .events = ZMQ_POLLIN};
	if (zmq_poll(&item, 1, milliseconds) > 0)
		door_answer(publisher->door);
}

/* Nothing is taken from the spool before every channel can be heard: else its first messages would reach nobody. */
static bool bind_all(struct publisher *publisher)
{
	for (size_t i = 0; i < publisher->config->channel_count; i++) {
		if (outlet_bind(publisher->outlets[i]))
			continue;
		if (may_complain(publisher))
			log_error(
				"channel %s can't bind %s: %s; changes wait in the spool until it "
				"can",
				publisher->config->channels[i].name,
				publisher->config->channels[i].bind, zmq_strerror(errno));
		atomic_store(&publisher->state, STATE_WAITS_FOR_PORT);
		return false;
	}
	atomic_store(&publisher->state, STATE_PUBLISHING);
	return true;
}

/* A segment was begun: goes on behind what the store says is consumed. */
static bool resume_segment(struct publisher *publisher)
{
	struct feed_txn txn;
	uint64_t consumed = 0;
	int result = feed_txn_begin(publisher->store, true, &txn);
	if (result == RESULT_OK)
		result =
			feed_txn_consumed(&txn, spool_reader_segment(publisher->reader), &consumed);
	feed_txn_abort(&txn);
	if (result == RESULT_OK)
		spool_reader_skip(publisher->reader, consumed);
	return result == RESULT_OK;
}

/* A batch that is neither being signed nor waits to be committed. */
static struct batch *free_batch(const struct publisher *publisher)
{
	struct batch *batch = publisher->batches;
	while (batch == publisher->signing || batch == publisher->signed_)
		batch++;
	return batch;
}

/* Fills a batch with what the spool has. */
static void fill(struct publisher *publisher, const struct clock_reading *now)
{
	struct batch *batch = free_batch(publisher);
	enum spool_step step = batch_fill(publisher->maker, publisher->reader, now, batch);
	if (step == SPOOL_STEP_SEGMENT) {
		if (!resume_segment(publisher)) {
			/* Without its mark the segment must not be read: look for it again. */
			if (may_complain(publisher))
				log_error("the feed store can't be read; trying again");
			spool_reader_restart(publisher->reader);
			return;
		}
		step = batch_fill(publisher->maker, publisher->reader, now, batch);
	}
	if (step != SPOOL_STEP_RECORD)
		return;
	publisher->filled = batch;
	publisher->last_event_us = now->monotonic_us;
}

static void begin_signing(struct publisher *publisher)
{
	struct batch *batch = publisher->filled;
	if (!batch || publisher->signing)
		return;
	publisher->signing = batch;
	publisher->filled = NULL;
	sign_pool_begin(publisher->pool, batch->jobs, batch->count);
}

static void end_signing(struct publisher *publisher)
{
	struct batch *batch = publisher->signing;
	if (!batch || publisher->signed_)
		return;
	if (!sign_pool_wait(publisher->pool)) {
		tally(&publisher->tallies.unsigned_batches, 1);
		if (may_complain(publisher))
			log_error("events can't be signed: no memory, or OpenSSL failed; trying "
				  "again");
		clock_sleep_us(RETRY_PAUSE_MS * 1000);
		sign_pool_begin(publisher->pool, batch->jobs, batch->count);
		return;
	}
	publisher->signed_ = batch;
	publisher->signing = NULL;
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
		return "it is damaged, or its disk fails: see the kernel's log";
	}
}

/* Commits and sends the signed batch, or what is due. False: the store failed, and the batch is kept. */
static bool commit(struct publisher *publisher, const struct clock_reading *now)
{
	struct batch *batch = publisher->signed_;
	if (!batch && !feed_is_due(publisher->feed, now))
		return true;
	int result = feed_commit(publisher->feed, batch, now);
	if (result != RESULT_OK) {
		tally(&publisher->tallies.store_failures, 1);
		atomic_store(&publisher->state, STATE_STORE_FAILS);
		if (may_complain(publisher))
			log_error("the feed store can't be written: %s; changes wait in the spool",
				  store_trouble(result));
		return false;
	}
	atomic_store(&publisher->state, STATE_PUBLISHING);
	publisher->last_complaint_us = 0;
	publisher->signed_ = NULL;
	if (batch && batch->finishes && spool_reader_remove(publisher->reader, batch->sequence))
		feed_forget_segment(publisher->feed, batch->segment);
	return true;
}

/* The counters as a file, for tools; written when they have changed. */
static void write_status(struct publisher *publisher, const struct clock_reading *now, bool last)
{
	char path[PATH_MAX];
	struct buffer text;
	if (!last && now->monotonic_us - publisher->last_status_us < STATUS_EVERY_US)
		return;
	publisher->last_status_us = now->monotonic_us;
	buffer_init(&text, STATS_MAX);
	buffer_printf(&text, "{\"version\":\"" EPPTAP_VERSION "\",\"pid\":%ld,", (long)getpid());
	publisher->host.write_stats(publisher->host.context, &text);
	buffer_append_byte(&text, ',');
	publisher_write_stats(publisher, &text);
	buffer_append_text(&text, "}\n");
	bool same = text.size == publisher->status.size &&
		    memcmp(text.data, publisher->status.data, text.size) == 0;
	snprintf(path, sizeof path, "%s/" PUBLISHER_STATUS_FILE, publisher->config->state_dir);
	if (!text.failed && !same &&
	    file_replace(path, text.data, text.size, 0600, false) == RESULT_OK) {
		buffer_free(&publisher->status);
		publisher->status = text;
		return;
	}
	buffer_free(&text);
}

/* One round: the signers get the next batch as soon as they are done with one; while they work, that one is
 * committed, and in the next round another filled. Returns how long to pause, or -1 if it is time to end. */
static long round_of(struct publisher *publisher)
{
	struct clock_reading now;
	clock_read(&now);
	write_status(publisher, &now, false);
	if (!publisher->filled)
		fill(publisher, &now);
	end_signing(publisher);
	begin_signing(publisher);
	bool idle = !publisher->signing && !publisher->signed_;
	bool committed = commit(publisher, &now);
	atomic_store(&publisher->tallies.damaged, spool_reader_damaged(publisher->reader));
	if (stops_now(publisher) || (idle && atomic_load(&publisher->stop_at_us)))
		return -1;
	if (!committed)
		return RETRY_PAUSE_MS;
	if (!idle)
		return 0;
	return now.monotonic_us - publisher->last_event_us > IDLE_AFTER_US ? IDLE_PAUSE_MS
									   : BUSY_PAUSE_MS;
}

static void *run(void *context)
{
	struct publisher *publisher = context;
	struct clock_reading now;
	log_warning("publisher: embedded: keys and sockets are in this process; fit for "
		    "trying out, not for production");
	while (!bind_all(publisher) && !atomic_load(&publisher->stop_at_us)) {
		clock_read(&now);
		write_status(publisher, &now, false);
		pause_for(publisher, RETRY_PAUSE_MS);
	}
	if (atomic_load(&publisher->state) == STATE_PUBLISHING)
		for (long pause = 0; (pause = round_of(publisher)) >= 0;)
			pause_for(publisher, pause);
	clock_read(&now);
	write_status(publisher, &now, true);
	return NULL;
}

static unsigned sign_threads(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long threads = config->sign_threads ? (long)config->sign_threads : cores / 2;
	return threads < 1                   ? 1
	       : threads > SIGN_THREADS_MOST ? SIGN_THREADS_MOST
					     : (unsigned)threads;
}

static int open_sockets(struct publisher *publisher, char *why, size_t why_size)
{
	const struct config *config = publisher->config;
	publisher->zmq = zmq_ctx_new();
	publisher->outlets = calloc(config->channel_count, sizeof *publisher->outlets);
	if (!publisher->zmq || !publisher->outlets) {
		snprintf(why, why_size, "no memory for libzmq");
		return RESULT_NOMEM;
	}
	int result = door_open(publisher->zmq, config, &publisher->door, why, why_size);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = outlet_open(publisher->zmq, &config->channels[i], &publisher->outlets[i],
				     why, why_size);
	return result;
}

static int open_memory(struct publisher *publisher)
{
	publisher->batches = calloc(BATCHES, sizeof *publisher->batches);
	if (!publisher->batches)
		return RESULT_NOMEM;
	for (int i = 0; i < BATCHES; i++)
		batch_init(&publisher->batches[i]);
	int result =
		spool_reader_new(publisher->config->state_dir, publisher->host.first_live_segment,
				 false, &publisher->reader);
	if (result == RESULT_OK)
		result = batch_maker_new(publisher->config, publisher->key, &publisher->tallies,
					 &publisher->maker);
	if (result == RESULT_OK)
		result = sign_pool_new(publisher->key, sign_threads(publisher->config),
				       &publisher->pool);
	return result;
}

static int open_parts(struct publisher *publisher, char *why, size_t why_size)
{
	const struct config *config = publisher->config;
	int result = signing_key_load(config->key_event, &publisher->key, why, why_size);
	if (result == RESULT_OK)
		result = feed_store_open(config->state_dir, config->store_limit, false,
					 &publisher->store, why, why_size);
	if (result == RESULT_OK)
		result = jwks_publish(config, publisher->key, publisher->store, why, why_size);
	if (result == RESULT_OK)
		result = open_sockets(publisher, why, why_size);
	if (result != RESULT_OK)
		return result;
	snprintf(why, why_size, "out of memory, no thread to be had, or a damaged feed store");
	result = open_memory(publisher);
	if (result == RESULT_OK)
		result = feed_new(config, publisher->store, publisher->outlets, &publisher->tallies,
				  &publisher->feed);
	if (result == RESULT_OK)
		result = thread_start(&publisher->thread, "epptap-publish", run, publisher);
	publisher->running = result == RESULT_OK;
	return result;
}

int publisher_start(const struct publisher_host *host, struct publisher **out, char *why,
		    size_t why_size)
{
	sigset_t before;
	struct publisher *publisher = calloc(1, sizeof *publisher);
	*out = NULL;
	log_begin(); /* this module has a log.c of its own */
	snprintf(why, why_size, "out of memory");
	if (!publisher)
		return RESULT_NOMEM;
	publisher->host = *host;
	publisher->config = host->config;
	buffer_init(&publisher->status, STATS_MAX);
	/* libzmq starts threads of its own here. */
	thread_block_signals(&before);
	int result = open_parts(publisher, why, why_size);
	if (result != RESULT_OK)
		publisher_stop(&publisher, 0);
	thread_restore_signals(&before);
	*out = publisher;
	return result;
}

void publisher_write_stats(struct publisher *publisher, struct buffer *json)
{
	static const char *const states[] = {"starting", "publishing", "waits_for_port",
					     "store_fails"};
	struct tallies *tallies = &publisher->tallies;
	const struct {
		const char *name;
		_Atomic uint64_t *tally;
	} rows[] = {
		{"published", &tallies->published},
		{"placed", &tallies->placed},
		{"held", &tallies->held},
		{"truncated", &tallies->truncated},
		{"outside_zones", &tallies->outside_zones},
		{"unwanted", &tallies->unwanted},
		{"damaged_records", &tallies->damaged},
		{"undecodable_records", &tallies->undecodable},
		{"signing_failures", &tallies->unsigned_batches},
		{"store_failures", &tallies->store_failures},
	};
	buffer_printf(json, "\"publisher\":{\"state\":\"%s\",",
		      states[atomic_load(&publisher->state)]);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		buffer_printf(json, "\"%s\":%" PRIu64 ",", rows[i].name,
			      atomic_load(rows[i].tally));
	door_write_stats(publisher->door, json);
	buffer_append_byte(json, '}');
}

static void close_sockets(struct publisher *publisher, int linger_ms)
{
	for (size_t i = 0; publisher->outlets && i < publisher->config->channel_count; i++)
		outlet_close(&publisher->outlets[i], linger_ms);
	free(publisher->outlets);
	door_close(&publisher->door);
	if (publisher->zmq)
		zmq_ctx_term(publisher->zmq); /* waits for linger_ms at most */
}

void publisher_stop(struct publisher **publisher, unsigned drain_ms)
{
	struct publisher *ended = *publisher;
	if (!ended)
		return;
	int64_t deadline_us = clock_monotonic_us() + (int64_t)drain_ms * 1000;
	atomic_store(&ended->stop_at_us, deadline_us);
	if (ended->running)
		pthread_join(ended->thread, NULL);
	int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
	close_sockets(ended, left_ms < 0                ? 0
			     : left_ms > LINGER_MOST_MS ? LINGER_MOST_MS
							: (int)left_ms);
	sign_pool_free(&ended->pool);
	feed_free(&ended->feed);
	batch_maker_free(&ended->maker);
	spool_reader_free(&ended->reader);
	for (int i = 0; ended->batches && i < BATCHES; i++)
		batch_free(&ended->batches[i]);
	free(ended->batches);
	feed_store_close(&ended->store);
	signing_key_free(&ended->key);
	buffer_free(&ended->status);
	free(ended);
	*publisher = NULL;
}
