#include "publisher/pipeline_inside.h"

#include "base/log.h"
#include "publisher/feed_json.h"
#include "publisher/jwks.h"
#include "publisher/zmq_context.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

enum {
	SIGN_THREADS_MOST = 64,
	CONNECTIONS_PERCENT = 50, /* of the descriptors; the others are the front end's own */
};

/* How far a segment is consumed, for the merge. */
static int look_up_mark(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	struct pipeline *pipeline = context;
	int result = feed_store_mark(pipeline->store, id, mark);
	/* Without its mark the segment must not be read. */
	if (result != RESULT_OK && pipeline_may_complain(pipeline))
		log_error("the feed store can't be read; trying again");
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
	snprintf(why, why_size, "no memory, or no descriptors, for the channels");
	if (pipeline->outlets && pipeline->parts.host->channel_fds)
		return open_relays(pipeline);
	pipeline->zmq = zmq_context_new(config->channel_count + 1);
	if (!pipeline->zmq || !pipeline->outlets)
		return RESULT_NOMEM;
	int result = door_open(pipeline->zmq, config, &pipeline->door, why, why_size);
	size_t most = zmq_context_connections(config->channel_count, CONNECTIONS_PERCENT);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		result = outlet_open(pipeline->zmq, &config->channels[i], &pipeline->outlets[i],
				     why, why_size);
		if (result == RESULT_OK)
			result = outlet_watch(pipeline->outlets[i], most,
					      door_counts(pipeline->door), why, why_size);
	}
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
	pipeline->batches = calloc(PIPELINE_BATCHES, sizeof *pipeline->batches);
	pipeline->told_events = calloc(config->channel_count, sizeof *pipeline->told_events);
	if (!pipeline->batches || !pipeline->told_events)
		return RESULT_NOMEM;
	for (int i = 0; i < PIPELINE_BATCHES; i++)
		batch_init(&pipeline->batches[i]);
	int result = spool_merge_new(pipeline->parts.host->dir, NULL, config->reorder_ms * 1000,
				     look_up_mark, pipeline, &pipeline->merge);
	if (result == RESULT_OK)
		result = restore_order(pipeline);
	if (result == RESULT_OK)
		result = spool_watch_new(config->state_dir, &pipeline->watch);
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

/* Without keys no channel has a log, and feed.json says so. */
static int open_logs(struct pipeline *pipeline, char *why, size_t why_size)
{
	const struct config *config = pipeline->config;
	if (pipeline->log_keys) {
		snprintf(why, why_size, "no memory, or no thread, for the channels' logs");
		int result = log_keeper_new(config, pipeline->store, &pipeline->identity,
					    pipeline->log_keys, &pipeline->keeper);
		if (result == RESULT_OK)
			pipeline->log_keys = NULL;
		return result;
	}
	int result = RESULT_OK;
	log_warning("keys.log and keys.cosigner are not set: no channel has a log, so nobody can "
		    "check that the feed is whole, or read what was missed");
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = feed_json_publish(config, i, NULL, NULL, 0, why, why_size);
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
		result = log_keys_load(config, signing_key_public(pipeline->parts.key),
				       &pipeline->log_keys, why, why_size);
	if (result == RESULT_OK)
		result = open_sockets(pipeline, why, why_size);
	if (result != RESULT_OK)
		return result;
	snprintf(why, why_size, "out of memory, no thread to be had, or a damaged feed store");
	result = open_memory(pipeline);
	if (result == RESULT_OK)
		result = pipeline_tell_beginnings(pipeline, why, why_size);
	if (result == RESULT_OK)
		result = jwks_publish(config, pipeline->store, why, why_size);
	if (result == RESULT_OK)
		result = open_logs(pipeline, why, why_size);
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
	else /* not before: one that is refused tries again and again */
		tally_state(pipeline->tallies, PUBLISHER_STARTING);
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
		pipeline_tell_positions(pipeline, &now, true);
	log_keeper_stop(pipeline->keeper);
	if (pipeline->outlets)
		pipeline_send_checkpoints(pipeline);
	close_sockets(pipeline, linger_ms);
	log_keeper_free(&pipeline->keeper);
	log_keys_free(&pipeline->log_keys);
	sign_pool_free(&pipeline->pool);
	feed_free(&pipeline->feed);
	batch_maker_free(&pipeline->maker);
	spool_watch_free(&pipeline->watch);
	spool_merge_free(&pipeline->merge);
	for (int i = 0; pipeline->batches && i < PIPELINE_BATCHES; i++)
		batch_free(&pipeline->batches[i]);
	free(pipeline->batches);
	free(pipeline->told_events);
	feed_store_close(&pipeline->store);
	free(pipeline);
}
