/* batch.h - what the spool gives, made into events, ready to be signed and committed together
 *
 * Owner: the publisher's thread. A batch's memory is reused. It tells how far each of the segments that it was made
 * from is consumed by it.
 */
#ifndef PUBLISHER_BATCH_H
#define PUBLISHER_BATCH_H

#include "base/clock.h"
#include "base/config.h"
#include "eppparse/change.h"
#include "publisher/event.h"
#include "publisher/sign_pool.h"
#include "publisher/spool_merge.h"
#include "publisher/tallies.h"

/* BATCH_DELAYED_MAX: creates and deletes of domains, if a channel delays such. Among millions of held names each
 * touches pages of its own, of which LMDB keeps copies on the heap until the commit, and their memory for the next: so
 * it takes no more of that than a batch of other events.
 * BATCH_NOTES, of one event: that it was told, two that it ends (a command, and the transfer that it asked for), two
 * that begin with it (the same), and one of what the object was like. */
enum {
	BATCH_MAX = 512,
	BATCH_MARKS = 64,
	BATCH_DELAYED_MAX = 48,
	BATCH_SMALL = 32,
	BATCH_NOTES = 6
};

enum batch_kind {
	BATCH_CHANGE,  /* an event about a name, which the channels judge */
	BATCH_OWN,     /* an event of the tap's own: for all channels, at once */
	BATCH_INTENT,  /* to be remembered; no event */
	BATCH_NOTHING, /* no event */
};

/* Bytes in the batch's memory. */
struct batch_bytes {
	size_t at, size;
};

/* What an event leaves in the store for later ones, or takes away of earlier ones. */
struct batch_note {
	struct note_key key;
	bool drops;
	struct batch_bytes value;
};

/* Where an event stands in its object's chain: chain.h. */
struct batch_chain {
	bool has_prev, ends;
	uint8_t prev[EVENT_ID_SIZE], id[EVENT_ID_SIZE];
};

/* What is committed of one thing; its event is the job of the same number. */
struct batch_item {
	enum batch_kind kind;
	struct change_name name, new_name; /* of a change; of an object without a name its handle */
	uint8_t object, verb;
	bool restore;
	bool is_end; /* the end of something that was pending: the name is held or known already */
	bool once;   /* it is news that may come again: nothing of it is committed if it was told */
	bool told;   /* BATCH_NOTHING: such news, and it was told; the one note says so */
	struct batch_note notes[BATCH_NOTES]; /* notes[0], if `once`: that it was told */
	uint8_t note_count;
	struct batch_chain chain; /* BATCH_CHANGE */
	uint64_t writer, ticket;  /* BATCH_INTENT: it begins; else, if ticket is not 0: it ends */
	bool takes_back;          /* from quarantine, the record of number `aside` */
	bool sets_aside;          /* into quarantine, `payload` under `header` */
	uint64_t aside;
	struct aside_header header; /* of the record that the item was made of */
	struct batch_bytes payload;
	bool has_key; /* BATCH_OWN: and this is what became of a key */
	struct event_key key;
	bool tells_renewal; /* BATCH_OWN: and this tells that a new log was begun */
};

/* A segment, and how far it is consumed with the batch. */
struct batch_mark {
	struct spool_segment segment;
	struct spool_mark mark;
};

struct batch {
	struct batch_item items[BATCH_MAX];
	struct sign_job jobs[BATCH_MAX];
	size_t count;
	size_t delayed; /* how many of them some channel may delay */
	struct batch_mark marks[BATCH_MARKS];
	size_t mark_count;
	struct spool_order order; /* as it is behind the batch */
	struct buffer bytes;      /* the items' payloads */
};

struct batch_maker;

/* All but `key`, whose id alone is used, are lent. RESULT_OK or RESULT_NOMEM. */
MUST_USE int batch_maker_new(const struct config *config, const struct signing_key *key,
			     struct feed_store *store, struct tallies *tallies,
			     struct batch_maker **maker);
void batch_maker_free(struct batch_maker **maker);

void batch_init(struct batch *batch);
void batch_free(struct batch *batch);

/* Makes it an empty batch again, with the order as it is. */
void batch_clear(struct batch *batch, const struct spool_order *order);
bool batch_is_empty(const struct batch *batch);
/* Has it so few events that the commit is most of what they cost? */
bool batch_is_small(const struct batch *batch);

/* Bytes that the batch keeps: never NULL. */
const void *batch_bytes(const struct batch *batch, const struct batch_bytes *kept);

/* Empties `batch` and fills it with what the spool has. What a dead writer left open, and quarantine that is to be
 * tried again, stand in the store: they are looked for there only when all batches before this one are committed,
 * which `is_alone` says; without, the batch ends before them. True: the spool had nothing more
 * that may go on now. */
bool batch_fill(struct batch_maker *maker, struct spool_merge *merge,
		const struct clock_reading *now, bool is_alone, struct batch *batch);

/* Adds an event of the tap's own. RESULT_OK, RESULT_FULL, RESULT_NOMEM. */
MUST_USE int batch_add_gap(struct batch_maker *maker, const struct spool_gap *gap,
			   const struct clock_reading *now, struct batch *batch);
MUST_USE int batch_add_test(struct batch_maker *maker, const char *state, int64_t seen_us,
			    const struct clock_reading *now, struct batch *batch);
MUST_USE int batch_add_key(struct batch_maker *maker, const struct event_key *key,
			   const struct clock_reading *now, struct batch *batch);

/* Puts a gap in the place of an event that can't be signed, and its change into quarantine. RESULT_OK, RESULT_NOMEM. */
MUST_USE int batch_set_aside(struct batch_maker *maker, size_t item,
			     const struct clock_reading *now, struct batch *batch);

#endif
