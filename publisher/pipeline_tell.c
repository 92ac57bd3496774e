#include "publisher/pipeline_inside.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* Signs and commits a batch by itself, before or after all others. */
static int publish_alone(struct pipeline *pipeline, struct batch *batch,
			 const struct clock_reading *now)
{
	sign_pool_begin(pipeline->pool, batch->jobs, batch->count);
	int result = sign_pool_wait(pipeline->pool) ? feed_commit(pipeline->feed, batch, now)
						    : RESULT_NOMEM;
	if (result == RESULT_OK)
		pipeline_clean_up(pipeline, batch);
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
	struct key_record known;
	int result = feed_store_key(pipeline->store, id, &known);
	if (result == RESULT_INVALID)
		return RESULT_OK;
	if (result != RESULT_OK)
		snprintf(why, why_size, "the feed store can't be read: %s",
			 feed_store_trouble(result));
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
			 feed_store_trouble(result));
	return result;
}

/* What the store knows of the key. The first key of all is just remembered: it comes with jwks.json. *told: readers
 * know that it signs. */
static int introduce_key(struct pipeline *pipeline, const struct event_key *key, bool *told,
			 char *why, size_t why_size)
{
	struct key_record known = {.state = KEY_RETIRED};
	struct feed_txn txn;
	uint64_t keys = 0;
	snprintf(why, why_size, "the feed store can't be read or written: %s",
		 feed_store_trouble(RESULT_FULL));
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

int pipeline_tell_beginnings(struct pipeline *pipeline, char *why, size_t why_size)
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
