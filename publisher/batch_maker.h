/* batch_maker.h - how batches are made; for batch*.c alone
 *
 * batch.c has the batch, and the events of the tap's own in it; batch_fill.c takes what the spool gives, and what
 * stands in the store, into it; batch_change.c makes the events of changes, and batch_notes.c finds what they have to do
 * with earlier ones.
 */
#ifndef PUBLISHER_BATCH_MAKER_H
#define PUBLISHER_BATCH_MAKER_H

#include "publisher/batch.h"
#include "publisher/event_token.h"
#include "publisher/note_ring.h"

/* What stands in the store and is gone through, batch after batch. */
enum errand { ERRAND_NONE, ERRAND_INTENTS, ERRAND_QUARANTINE };

struct batch_maker {
	const struct config *config;
	struct feed_store *store;
	struct tallies *tallies;
	bool delays; /* does a channel delay anything? */
	struct change change, earlier;
	struct event_tokens tokens;
	struct note_ring *ring;   /* notes of the batches that are not committed yet */
	struct note_ring *chains; /* and their objects' last events */
	struct feed_txn *reading; /* the store's view that is open just now, lent; NULL: none */
	struct buffer scratch;
	enum errand errand;
	uint64_t errand_writer; /* whose intents */
	uint64_t next;          /* the ticket, or the number in quarantine, that it goes on with */
};

/* Keeps a copy of bytes in the batch's memory. RESULT_OK or RESULT_NOMEM. */
MUST_USE int batch_keep(struct batch *batch, struct batch_bytes *kept, const void *bytes,
			size_t size);

/* A record that an item is made of. */
struct batch_source {
	struct aside_header header;
	const void *payload;
	size_t size;
	uint64_t writer, ticket; /* of the intent that begins or ends with it; 0: none */
	bool takes_back;         /* it is in quarantine, as number `aside` */
	uint64_t aside;
};

/* An item of that record, or of none (NULL), with its job. The caller counts it when it is whole. */
struct batch_item *batch_begin_item(struct batch *batch, enum batch_kind kind,
				    const struct batch_source *source);

/* batch_add_gap() in the place of what that record should have told: its intent ends with it. */
MUST_USE int batch_add_gap_for(struct batch_maker *maker, const struct spool_gap *gap,
			       const struct batch_source *source, const struct clock_reading *now,
			       struct batch *batch);

/* Opens a view of the store, for all that looks into it, as maker->reading: a thread can have one only. `txn` is the
 * caller's; batch_end_reading() closes it, and is due after a failure too. RESULT_OK, RESULT_STORE, RESULT_NOMEM. */
MUST_USE int batch_begin_reading(struct batch_maker *maker, struct feed_txn *txn);
void batch_end_reading(struct batch_maker *maker);

/* Adds the event of maker->change, which was read from that record: one item, with what is to be committed beside it. It
 * may be a gap, for names that are none, or no event. RESULT_OK; else nothing was added: RESULT_INVALID, what is in
 * quarantine stays there; RESULT_NOMEM, _FULL, _STORE: try again. */
MUST_USE int batch_add_change(struct batch_maker *maker, const struct batch_source *source,
			      const struct clock_reading *now, struct batch *batch);

/* What a change has to do with earlier ones. */
struct batch_links {
	bool completes;
	uint8_t completed[EVENT_ID_SIZE]; /* the id of the pending event whose end it is */
};

/* Looks for what was before maker->change, whose names are A-labels: was it told (item->told)? Which pending event does
 * it end? That one's verb becomes its own. What was the object like before? What differs now is added to its lists.
 * Then says in item->notes what is to be noted, but for the values. RESULT_OK, or RESULT_NOMEM, RESULT_STORE. */
MUST_USE int batch_notes_look_up(struct batch_maker *maker, const struct batch_source *source,
				 struct batch_item *item, struct batch_links *links);

/* Fills in the values, now that the item's payload is kept and its event has an id, and remembers all notes until they
 * are committed. RESULT_OK, or RESULT_NOMEM: then nothing is remembered. */
MUST_USE int batch_notes_settle(struct batch_maker *maker, const uint8_t id[EVENT_ID_SIZE],
				struct batch *batch, struct batch_item *item);

/* Takes back what was remembered for an item whose event will not be told. */
void batch_notes_take_back(struct batch_maker *maker, struct batch_item *item);

/* A gap that the publisher itself found. */
struct spool_gap batch_gap_of(const char *reason, uint64_t count, int64_t from_us, int64_t to_us);

#endif
