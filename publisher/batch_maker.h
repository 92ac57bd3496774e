/* batch_maker.h - how batches are made; for batch.c and batch_fill.c alone
 *
 * batch.c has the batch, and the events of the tap's own in it; batch_fill.c takes what the spool gives, and what
 * stands in the store, into it.
 */
#ifndef PUBLISHER_BATCH_MAKER_H
#define PUBLISHER_BATCH_MAKER_H

#include "publisher/batch.h"
#include "publisher/event_token.h"

/* What stands in the store and is gone through, batch after batch. */
enum errand { ERRAND_NONE, ERRAND_INTENTS, ERRAND_QUARANTINE };

struct batch_maker {
	const struct config *config;
	struct feed_store *store;
	struct tallies *tallies;
	bool delays; /* does a channel delay anything? */
	struct change change;
	struct event_tokens tokens;
	enum errand errand;
	uint64_t errand_writer; /* whose intents */
	uint64_t next;          /* the ticket, or the number in quarantine, that it goes on with */
};

/* An empty item with its job. The caller counts it when it is whole. */
struct batch_item *batch_next_item(struct batch *batch, enum batch_kind kind);

/* Keeps a copy of the record that the item was made of. RESULT_OK or RESULT_NOMEM. */
MUST_USE int batch_keep_payload(struct batch *batch, struct batch_item *item, const void *payload,
				size_t size);

/* A gap that the publisher itself found. */
struct spool_gap batch_gap_of(const char *reason, uint64_t count, int64_t from_us, int64_t to_us);

#endif
