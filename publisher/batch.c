#include "publisher/batch_maker.h"

#include "publisher/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 32 << 20, SCRATCH_MAX = 16 << 20 };

static bool delays_anything(const struct config *config)
{
	bool delays = false;
	for (size_t c = 0; c < config->channel_count; c++) {
		const struct config_channel *channel = &config->channels[c];
		delays |= channel->delay.create_ms || channel->delay.delete_ms;
		for (size_t i = 0; i < channel->zone_delay_count; i++)
			delays |= channel->zone_delays[i].create_ms ||
				  channel->zone_delays[i].delete_ms;
	}
	return delays;
}

int batch_maker_new(const struct config *config, const struct signing_key *key,
		    struct feed_store *store, struct tallies *tallies, struct batch_maker **out)
{
	struct batch_maker *maker = calloc(1, sizeof *maker);
	*out = NULL;
	if (!maker)
		return RESULT_NOMEM;
	maker->config = config;
	maker->store = store;
	maker->tallies = tallies;
	maker->delays = delays_anything(config);
	change_init(&maker->change);
	change_init(&maker->earlier);
	buffer_init(&maker->scratch, SCRATCH_MAX);
	int result = event_tokens_init(&maker->tokens, config, key);
	if (result == RESULT_OK)
		result = note_ring_new(&maker->ring);
	if (result == RESULT_OK)
		result = note_ring_new(&maker->chains);
	if (result != RESULT_OK)
		batch_maker_free(&maker);
	*out = maker;
	return result;
}

void batch_maker_free(struct batch_maker **maker)
{
	if (!*maker)
		return;
	change_free(&(*maker)->change);
	change_free(&(*maker)->earlier);
	buffer_free(&(*maker)->scratch);
	note_ring_free(&(*maker)->ring);
	note_ring_free(&(*maker)->chains);
	event_tokens_free(&(*maker)->tokens);
	free(*maker);
	*maker = NULL;
}

void batch_init(struct batch *batch)
{
	memset(batch, 0, sizeof *batch);
	buffer_init(&batch->bytes, BYTES_MAX);
	for (size_t i = 0; i < BATCH_MAX; i++)
		buffer_init(&batch->jobs[i].jws, FEED_EVENT_MAX);
}

void batch_free(struct batch *batch)
{
	buffer_free(&batch->bytes);
	for (size_t i = 0; i < BATCH_MAX; i++)
		buffer_free(&batch->jobs[i].jws);
}

void batch_clear(struct batch *batch, const struct spool_order *order)
{
	batch->count = batch->mark_count = batch->delayed = 0;
	batch->order = *order;
	buffer_reset(&batch->bytes);
}

bool batch_is_small(const struct batch *batch)
{
	return batch->count < BATCH_SMALL;
}

bool batch_is_empty(const struct batch *batch)
{
	return batch->count == 0 && batch->mark_count == 0;
}

struct batch_item *batch_begin_item(struct batch *batch, enum batch_kind kind,
				    const struct batch_source *source)
{
	struct batch_item *item = &batch->items[batch->count];
	*item = (struct batch_item){.kind = kind};
	batch->jobs[batch->count].is_signed = kind == BATCH_INTENT || kind == BATCH_NOTHING;
	if (source) {
		item->header = source->header;
		item->writer = source->writer;
		item->ticket = source->ticket;
		item->takes_back = source->takes_back;
		item->aside = source->aside;
	}
	return item;
}

int batch_begin_reading(struct batch_maker *maker, struct feed_txn *txn)
{
	int result = feed_txn_begin(maker->store, true, txn);
	maker->reading = txn;
	return result;
}

void batch_end_reading(struct batch_maker *maker)
{
	feed_txn_abort(maker->reading);
	maker->reading = NULL;
}

int batch_keep(struct batch *batch, struct batch_bytes *kept, const void *bytes, size_t size)
{
	*kept = (struct batch_bytes){batch->bytes.size, size};
	buffer_append(&batch->bytes, bytes, size);
	if (!batch->bytes.failed)
		return RESULT_OK;
	batch->bytes.failed = false;
	batch->bytes.size = kept->at;
	return RESULT_NOMEM;
}

const void *batch_bytes(const struct batch *batch, const struct batch_bytes *kept)
{
	/* An empty buffer may have no memory to point into. */
	return kept->size ? batch->bytes.data + kept->at : "";
}

int batch_add_gap_for(struct batch_maker *maker, const struct spool_gap *gap,
		      const struct batch_source *source, const struct clock_reading *now,
		      struct batch *batch)
{
	if (batch->count == BATCH_MAX)
		return RESULT_FULL;
	batch_begin_item(batch, BATCH_OWN, source);
	int result = event_token_of_gap(&maker->tokens, gap, now, &batch->jobs[batch->count].jws);
	if (result != RESULT_OK)
		return result;
	batch->count++;
	tally(&maker->tallies->gaps, 1);
	return RESULT_OK;
}

int batch_add_gap(struct batch_maker *maker, const struct spool_gap *gap,
		  const struct clock_reading *now, struct batch *batch)
{
	return batch_add_gap_for(maker, gap, NULL, now, batch);
}

struct spool_gap batch_gap_of(const char *reason, uint64_t count, int64_t from_us, int64_t to_us)
{
	struct spool_gap gap = {.count = count, .from_us = from_us, .to_us = to_us};
	snprintf(gap.reason, sizeof gap.reason, "%s", reason);
	return gap;
}

int batch_add_test(struct batch_maker *maker, const char *state, int64_t seen_us,
		   const struct clock_reading *now, struct batch *batch)
{
	if (batch->count == BATCH_MAX)
		return RESULT_FULL;
	batch_begin_item(batch, BATCH_OWN, NULL);
	int result = event_token_of_test(&maker->tokens, state, seen_us, now,
					 &batch->jobs[batch->count].jws);
	batch->count += result == RESULT_OK;
	return result;
}

int batch_add_key(struct batch_maker *maker, const struct event_key *key,
		  const struct clock_reading *now, struct batch *batch)
{
	if (batch->count == BATCH_MAX)
		return RESULT_FULL;
	struct batch_item *item = batch_begin_item(batch, BATCH_OWN, NULL);
	int result = event_token_of_key(&maker->tokens, key, now, &batch->jobs[batch->count].jws);
	if (result != RESULT_OK)
		return result;
	item->has_key = true;
	item->key = *key;
	batch->count++;
	return RESULT_OK;
}

int batch_set_aside(struct batch_maker *maker, size_t i, const struct clock_reading *now,
		    struct batch *batch)
{
	struct batch_item *item = &batch->items[i];
	/* Of our own there is no record, and so no time. */
	int64_t seen_us = item->header.wall_us ? item->header.wall_us : now->wall_us;
	const struct spool_gap gap = batch_gap_of("unsigned", 1, seen_us, seen_us);
	int result = event_token_of_gap(&maker->tokens, &gap, now, &batch->jobs[i].jws);
	if (result != RESULT_OK)
		return result;
	/* A gap or a key event of our own has no record that could be tried again, unless it tells of one that is set
	 * aside already. */
	if (item->kind == BATCH_CHANGE) {
		item->sets_aside = !item->takes_back;
		batch_notes_take_back(maker, item);
		chain_take_back(maker->chains, item);
	}
	item->takes_back = false;
	item->kind = BATCH_OWN;
	item->has_key = false;
	snprintf(item->header.reason, sizeof item->header.reason, "%s", gap.reason);
	tally(&maker->tallies->gaps, 1);
	return RESULT_OK;
}
