#include "publisher/batch.h"

#include "publisher/event.h"
#include "publisher/feed_format.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

/* A signature with its dot, which the signer appends. */
enum { CLOSING_SIZE = 1 + (FEED_SIGNATURE_SIZE * 4 + 2) / 3, CLAIMS_MAX = 8 << 20 };

struct batch_maker {
	const struct config *config;
	struct tallies *tallies;
	struct change change;
	struct buffer header; /* the JOSE header in base64url, with its dot */
	struct buffer claims;
};

static int make_header(struct batch_maker *maker, const struct signing_key *key)
{
	struct buffer text;
	buffer_init(&text, 256);
	buffer_printf(&text, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"" FEED_JOSE_TYP "\"}",
		      maker->config->alg == CONFIG_ALG_ED25519 ? "Ed25519" : "EdDSA",
		      signing_key_id(key));
	buffer_init(&maker->header, 512);
	feed_base64url_encode(text.data, text.size, &maker->header);
	buffer_append_byte(&maker->header, '.');
	int result = text.failed || maker->header.failed ? RESULT_NOMEM : RESULT_OK;
	buffer_free(&text);
	return result;
}

int batch_maker_new(const struct config *config, const struct signing_key *key,
		    struct tallies *tallies, struct batch_maker **out)
{
	struct batch_maker *maker = calloc(1, sizeof *maker);
	*out = NULL;
	if (!maker)
		return RESULT_NOMEM;
	maker->config = config;
	maker->tallies = tallies;
	change_init(&maker->change);
	buffer_init(&maker->claims, CLAIMS_MAX);
	int result = make_header(maker, key);
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
	buffer_free(&(*maker)->header);
	buffer_free(&(*maker)->claims);
	free(*maker);
	*maker = NULL;
}

void batch_init(struct batch *batch)
{
	memset(batch, 0, sizeof *batch);
	for (size_t i = 0; i < BATCH_MAX; i++)
		buffer_init(&batch->jobs[i].jws, FEED_EVENT_MAX);
}

void batch_free(struct batch *batch)
{
	for (size_t i = 0; i < BATCH_MAX; i++)
		buffer_free(&batch->jobs[i].jws);
}

/* The claims, and from them "header.payload" with room for the signature. False: it doesn't fit. */
static bool write_token(struct batch_maker *maker, const struct event_facts *facts, bool counts,
			struct buffer *jws)
{
	buffer_reset(&maker->claims);
	buffer_reset(jws);
	event_write(&maker->change, facts, counts, &maker->claims);
	buffer_append(jws, maker->header.data, maker->header.size);
	if (maker->claims.failed)
		return false;
	feed_base64url_encode(maker->claims.data, maker->claims.size, jws);
	/* base64url reserves up to three bytes that it gives back. */
	return !jws->failed && jws->size + CLOSING_SIZE + 3 <= jws->max;
}

static int make_token(struct batch_maker *maker, const struct clock_reading *now,
		      struct buffer *jws)
{
	struct event_facts facts = {.config = maker->config, .signed_s = now->wall_us / 1000000};
	if (RAND_bytes(facts.id, sizeof facts.id) != 1)
		return RESULT_NOMEM;
	if (write_token(maker, &facts, false, jws))
		return RESULT_OK;
	/* With counts every event fits: if this fails, there is no memory. */
	if (!write_token(maker, &facts, true, jws))
		return RESULT_NOMEM;
	tally(&maker->tallies->truncated, 1);
	return RESULT_OK;
}

static int add_change(struct batch_maker *maker, const struct clock_reading *now,
		      struct batch *batch)
{
	const struct change *change = &maker->change;
	const struct config_texts *zones = &maker->config->zones;
	struct sign_job *job = &batch->jobs[batch->count];
	if (zones->count && !config_zone_of(zones, change->name.text)) {
		tally(&maker->tallies->outside_zones, 1);
		return RESULT_OK;
	}
	int result = make_token(maker, now, &job->jws);
	if (result != RESULT_OK)
		return result;
	job->is_signed = false;
	batch->items[batch->count++] =
		(struct batch_item){.name = change->name,
				    .new_name = change->new_name,
				    .object = (uint8_t)change->object,
				    .verb = (uint8_t)change->verb,
				    .restore = change->restore != CHANGE_NO_RESTORE};
	return RESULT_OK;
}

/* RESULT_OK: the record is in the batch, or counted as none; RESULT_NOMEM: it is to be tried again. */
static int take_record(struct batch_maker *maker, const struct spool_record *record,
		       const struct clock_reading *now, struct batch *batch)
{
	int result = RESULT_OK;
	if (record->kind == SPOOL_CHANGE) {
		result = change_decode(&maker->change, record->payload, record->size);
		if (result == RESULT_OK)
			result = add_change(maker, now, batch);
		if (result == RESULT_NOMEM)
			return result;
	}
	if (result != RESULT_OK || (record->kind != SPOOL_CHANGE && record->kind != SPOOL_END))
		tally(&maker->tallies->undecodable, 1);
	batch->consumes = true;
	batch->consumed = record->end;
	return RESULT_OK;
}

enum spool_step batch_fill(struct batch_maker *maker, struct spool_reader *reader,
			   const struct clock_reading *now, struct batch *batch)
{
	struct spool_record record;
	batch->count = 0;
	batch->consumes = batch->finishes = false;
	while (batch->count < BATCH_MAX) {
		enum spool_step step = spool_reader_next(reader, &record);
		if (step == SPOOL_STEP_SEGMENT)
			return step; /* only at the very beginning: a batch ends with its segment */
		if (step != SPOOL_STEP_RECORD) {
			batch->finishes = step == SPOOL_STEP_DONE;
			break;
		}
		if (take_record(maker, &record, now, batch) != RESULT_OK) {
			spool_reader_unread(reader, &record);
			break;
		}
	}
	memcpy(batch->segment, spool_reader_segment(reader), sizeof batch->segment);
	batch->sequence = spool_reader_sequence(reader);
	return batch->consumes || batch->finishes ? SPOOL_STEP_RECORD : SPOOL_STEP_WAIT;
}
