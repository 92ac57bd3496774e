#include "publisher/feed_books.h"

#include "publisher/chain.h"

static int end_renewal(struct feed_txn *txn)
{
	struct feed_identity identity;
	int result = feed_txn_identity(txn, &identity);
	identity.renewed = false;
	return result == RESULT_OK ? feed_txn_set_identity(txn, &identity) : result;
}

/* Intents, quarantine, keys. */
static int keep_books(struct feed_txn *txn, const struct batch *batch,
		      const struct batch_item *item)
{
	const void *payload = batch_bytes(batch, &item->payload);
	int result = RESULT_OK;
	if (item->kind == BATCH_INTENT)
		result = feed_txn_add_intent(txn, item->writer, item->ticket, item->header.wall_us,
					     payload, item->payload.size);
	else if (item->ticket)
		result = feed_txn_end_intent(txn, item->writer, item->ticket);
	if (result == RESULT_OK && item->sets_aside)
		result = feed_txn_put_aside(txn, &item->header, payload, item->payload.size);
	if (result == RESULT_OK && item->takes_back)
		result = feed_txn_take_back(txn, item->aside);
	if (result == RESULT_OK && item->has_key)
		result = feed_txn_set_key(txn, item->key.id, &item->key.record);
	if (result == RESULT_OK && item->tells_renewal)
		result = end_renewal(txn);
	return result;
}

/* A message comes until its registrar takes it from the queue, which may be long after the retention: as long as it
 * comes, it is noted that it was told, anew each time that half of that is over. */
static int decide_told(struct feed_txn *txn, const struct batch_item *item, int64_t now_ms,
		       int64_t retention_ms, bool *told)
{
	const void *value;
	int64_t noted_ms;
	size_t size;
	*told = item->told;
	if (!item->once || item->note_count == 0)
		return RESULT_OK;
	const struct note_key *key = &item->notes[0].key;
	int result = feed_txn_note(txn, key, &noted_ms, &value, &size);
	if (result == RESULT_INVALID && !item->told)
		return RESULT_OK;
	*told = true;
	bool is_fresh = result == RESULT_OK && now_ms - noted_ms <= retention_ms / 2;
	if (is_fresh || (result != RESULT_OK && result != RESULT_INVALID))
		return result;
	return feed_txn_put_note(txn, key, now_ms, "", 0);
}

static int keep_notes(struct feed_txn *txn, const struct batch *batch,
		      const struct batch_item *item, int64_t now_ms)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < item->note_count && result == RESULT_OK; i++) {
		const struct batch_note *note = &item->notes[i];
		result = note->drops ? feed_txn_drop_note(txn, &note->key)
				     : feed_txn_put_note(txn, &note->key, now_ms,
							 batch_bytes(batch, &note->value),
							 note->value.size);
	}
	return result;
}

int feed_books_keep(struct feed_txn *txn, const struct batch *batch, const struct batch_item *item,
		    int64_t now_ms, int64_t retention_ms, bool *told)
{
	*told = false;
	int result = keep_books(txn, batch, item);
	if (result == RESULT_OK)
		result = decide_told(txn, item, now_ms, retention_ms, told);
	if (result != RESULT_OK || item->kind != BATCH_CHANGE || *told)
		return result;
	result = keep_notes(txn, batch, item, now_ms);
	return result == RESULT_OK ? chain_commit(txn, item) : result;
}
