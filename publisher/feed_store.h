/* feed_store.h - the feed store: what was published, and what waits
 *
 * An LMDB environment in <state_dir>/feed. One transaction records a batch of events, their places in each channel's
 * order or hold queue, and how far each spool segment is consumed: after its commit, and not before, events are sent.
 * So over a crash each captured change stands exactly once in each channel's order.
 *
 * Owner: any thread may have a transaction, one at a time; of those that write, the later one waits for the earlier. The
 * publisher's thread writes all but TABLE_LOGS, which is log_keeper.h's. epptapctl may read at the same time, from a
 * process of its own. Keys are big-endian, so that LMDB's byte order is the order of numbers; values are of the
 * machine's byte order.
 * Errors are RESULT_FULL (the disk is full, or the store at its limit), RESULT_STORE (it can't be read or written, or
 * is damaged) and RESULT_NOMEM, after which the transaction can only be aborted.
 */
#ifndef PUBLISHER_FEED_STORE_H
#define PUBLISHER_FEED_STORE_H

#include "base/result.h"
#include "publisher/feed_clock.h"
#include "publisher/feed_format.h"
#include "publisher/spool_merge.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_STORE_FOLDER "feed"

enum { FEED_STORE_VERSION = 3 };

enum feed_table {
	TABLE_META,     /* "version", "clock", "order", "identity" */
	TABLE_EVENTS,   /* number -> event_header, names, JWS */
	TABLE_CHANNELS, /* name -> struct channel_record */
	TABLE_PLACES,   /* channel, index -> number */
	TABLE_HOLDS,    /* channel, name, number -> struct hold_record; see hold.h */
	TABLE_DUE,      /* channel, feed time, number -> name */
	TABLE_SEGMENTS, /* id -> struct spool_mark */
	TABLE_KEYS,     /* key id -> struct key_record */
	TABLE_INTENTS,  /* writer, ticket -> wall clock, change_encode()'s bytes */
	TABLE_ASIDE,    /* number -> struct aside_header, payload of a spool record */
	TABLE_NOTES,    /* struct note_key -> feed time, value */
	TABLE_AGES,     /* feed time, struct note_key -> nothing */
	TABLE_CHAINS,   /* object, name -> jti of the last event about it */
	TABLE_LOGS,     /* channel's name -> struct log_record, what channel_log.c adds */
	TABLE_COUNT,
};

struct feed_store;

struct feed_txn {
	MDB_txn *mdb;
	const MDB_dbi *tables; /* by enum feed_table */
	uint64_t next_number;  /* of an event; UINT64_MAX: not looked up yet */
	pthread_rwlock_t *mapping;
};

/* An event as it stands in the store; texts and bytes are good until the transaction ends. */
struct feed_event {
	uint8_t object, verb; /* enum change_object, enum change_verb */
	int64_t feed_ms;      /* when it was added, on the time line of feed_clock.h */
	const char *name;     /* of what has none, its handle */
	const char *new_name; /* empty, but for a host that was renamed */
	const char *jws;
	size_t jws_size;
	bool is_end; /* of something that was pending: not stored, but for hold.h to judge by */
};

struct channel_record {
	uint32_t id; /* the channel's number in keys; never given to another */
	uint32_t unused;
	uint64_t next_index; /* how many places are taken */
	uint64_t held;       /* events that wait */
};

enum key_state { KEY_TRUSTED, KEY_RETIRED, KEY_REVOKED };

/* Why one that is KEY_REVOKED must not sign; its id is put in. */
#define KEY_WAS_REVOKED "keys.event: key %s was revoked; make another with `epptapctl keygen`"

struct key_record {
	uint8_t key[FEED_KEY_SIZE];
	uint32_t state; /* enum key_state */
};

/* An event's object, beyond enum change_object: it is of the tap's own, has no name, and waits in no queue. */
enum { FEED_OWN_EVENT = 255 };

/* Whose store this is; all zeros in a new one. See identity.h. */
struct feed_identity {
	uint8_t stream[16];  /* random, made with the store and at each new log */
	uint64_t inode;      /* of the store's file: another one means that it was copied */
	uint32_t generation; /* when new-log began its logs, s since 1970; 0: the first ones */
	uint32_t renewed;    /* a new log was begun, and has yet to be told in the feed */
	char machine[40];    /* the machine's id, text; empty: not known */
};

/* Something that was set aside, since no event could be made of it. */
struct aside_header {
	int64_t wall_us; /* when the caller called */
	uint32_t kind;   /* enum spool_kind */
	char reason[SPOOL_REASON_SIZE];
	uint32_t unused;
};

/* What is remembered of one event for the sake of later ones, until it is older than the retention. */
enum note_kind {
	NOTE_TOLD = 1, /* this news was told: it is not told again. No value */
	NOTE_PENDING,  /* by its svTRID: what was pending; struct note_pending */
	NOTE_TRANSFER, /* by its object: a transfer that is pending; struct note_pending */
	NOTE_BEFORE,   /* what an object was like before a change: change_encode()'s bytes */
	NOTE_CHAIN,    /* in note_ring.h alone: an object's last event; its jti */
};

enum { NOTE_HASH_SIZE = 32 };

/* What a note is found by: its kind, and the SHA-256 of what batch_notes.c says. */
struct note_key {
	uint8_t kind; /* enum note_kind */
	uint8_t hash[NOTE_HASH_SIZE];
};

/* Opens the store for the one writer, who makes it if it is missing and upgrades one of an older format; or for a
 * reader, who needs one that is there, and of this version's format.
 * On failure `why` says what is wrong, and what would be right. RESULT_OK, RESULT_STORE, RESULT_NOMEM. */
MUST_USE int feed_store_open(const char *state_dir, uint64_t limit, bool read_only,
			     struct feed_store **store, char *why, size_t why_size);
void feed_store_close(struct feed_store **store);

/* Is there a store in this state_dir, readable or not? */
bool feed_store_exists(const char *state_dir);

/* What a code of LMDB's means here: RESULT_INVALID is MDB_NOTFOUND. */
int feed_store_result(int code);

/* In words: why the store can't be written, and what to do. */
const char *feed_store_trouble(int result);

/* Opens or closes a reserve beyond the limit, for a transaction that takes away from a full store: without, not even
 * that would fit. What of it was used stays part of the store. The caller has no transaction; those of other threads
 * are waited for. */
MUST_USE int feed_store_open_reserve(struct feed_store *store, bool open);

/* Begins a transaction: the writer's one, or a reader's view. */
MUST_USE int feed_txn_begin(struct feed_store *store, bool read_only, struct feed_txn *txn);

/* Makes all of it durable, or nothing; then it is aborted. */
MUST_USE int feed_txn_commit(struct feed_txn *txn);

/* Accepts one that has ended already. */
void feed_txn_abort(struct feed_txn *txn);

/* The time line of the delays; all zeros in a new store. */
MUST_USE int feed_txn_clock(struct feed_txn *txn, struct feed_clock *clock);
MUST_USE int feed_txn_set_clock(struct feed_txn *txn, const struct feed_clock *clock);

/* Appends an event that is for `channels` channels; *number is one more than the last one's. */
MUST_USE int feed_txn_add_event(struct feed_txn *txn, const struct feed_event *event,
				uint32_t channels, uint64_t *number);

/* RESULT_INVALID: there is none of that number (any more). */
MUST_USE int feed_txn_event(struct feed_txn *txn, uint64_t number, struct feed_event *event);

/* The number that the next event gets: one more than the last one's. */
MUST_USE int feed_txn_event_count(struct feed_txn *txn, uint64_t *count);

/* The channel's record. The writer makes one for a new channel; to a reader that is RESULT_INVALID. */
MUST_USE int feed_txn_channel(struct feed_txn *txn, const char *name, bool make,
			      struct channel_record *record);
MUST_USE int feed_txn_set_channel(struct feed_txn *txn, const char *name,
				  const struct channel_record *record);

/* Gives the event the channel's next place. */
MUST_USE int feed_txn_place(struct feed_txn *txn, struct channel_record *record, uint64_t number);

/* Which event stands at `index`. RESULT_INVALID: none (any more). */
MUST_USE int feed_txn_placed(struct feed_txn *txn, const struct channel_record *record,
			     uint64_t index, uint64_t *number);

/* How far the segment is consumed; zeros for one that was never read. */
MUST_USE int feed_txn_mark(struct feed_txn *txn, const uint8_t id[SPOOL_ID_SIZE],
			   struct spool_mark *mark);
MUST_USE int feed_txn_set_mark(struct feed_txn *txn, const uint8_t id[SPOOL_ID_SIZE],
			       const struct spool_mark *mark);
MUST_USE int feed_txn_forget_segment(struct feed_txn *txn, const uint8_t id[SPOOL_ID_SIZE]);

/* The latest stamps that went on; all zeros in a new store. */
MUST_USE int feed_txn_order(struct feed_txn *txn, struct spool_order *order);
MUST_USE int feed_txn_set_order(struct feed_txn *txn, const struct spool_order *order);

MUST_USE int feed_txn_identity(struct feed_txn *txn, struct feed_identity *identity);
MUST_USE int feed_txn_set_identity(struct feed_txn *txn, const struct feed_identity *identity);

/* Intents whose end is not known yet: what was about to be done, as change_encode()'s bytes. */
MUST_USE int feed_txn_add_intent(struct feed_txn *txn, uint64_t writer, uint64_t ticket,
				 int64_t wall_us, const void *bytes, size_t size);
MUST_USE int feed_txn_end_intent(struct feed_txn *txn, uint64_t writer, uint64_t ticket);

/* The writer's first intent from *ticket on, which becomes its ticket. RESULT_INVALID: there is none. The bytes are
 * good until the transaction ends. */
MUST_USE int feed_txn_next_intent(struct feed_txn *txn, uint64_t writer, uint64_t *ticket,
				  int64_t *wall_us, const void **bytes, size_t *size);

/* Sets a record aside, under a number of its own. */
MUST_USE int feed_txn_put_aside(struct feed_txn *txn, const struct aside_header *header,
				const void *payload, size_t size);

/* The first one from *number on, which becomes its number. RESULT_INVALID: there is none. */
MUST_USE int feed_txn_next_aside(struct feed_txn *txn, uint64_t *number,
				 struct aside_header *header, const void **payload, size_t *size);
MUST_USE int feed_txn_take_back(struct feed_txn *txn, uint64_t number);

/* How many there are in a table. */
MUST_USE int feed_txn_count(struct feed_txn *txn, enum feed_table table, uint64_t *count);

/* Remembers a key that signs, or what became of it. RESULT_INVALID of the reader: it is not known. */
MUST_USE int feed_txn_set_key(struct feed_txn *txn, const char *id, const struct key_record *key);
MUST_USE int feed_txn_key(struct feed_txn *txn, const char *id, struct key_record *key);

/* The same, each in a transaction of its own. */
MUST_USE int feed_store_key(struct feed_store *store, const char *id, struct key_record *key);
MUST_USE int feed_store_mark(struct feed_store *store, const uint8_t id[SPOOL_ID_SIZE],
			     struct spool_mark *mark);

/* Calls `show` for each key that was ever added; ends when it answers other than RESULT_OK, with that. */
MUST_USE int feed_txn_each_key(struct feed_txn *txn,
			       int (*show)(void *context, const char *id, size_t id_size,
					   const struct key_record *key),
			       void *context);

/* Takes away up to `most` of the channel's oldest places, with an index below `end`, whose events were added before
 * `feed_ms`; an event goes when the last channel that it is for has let go of it. So one that waits somewhere stays. */
MUST_USE int feed_txn_prune(struct feed_txn *txn, const struct channel_record *record,
			    int64_t feed_ms, uint64_t end, unsigned most);

/* What was noted under this key, and when, on the feed's time line. RESULT_INVALID: nothing. The value is good until the
 * transaction changes something, or ends. */
MUST_USE int feed_txn_note(struct feed_txn *txn, const struct note_key *key, int64_t *feed_ms,
			   const void **value, size_t *size);

/* Notes it, in the place of what was noted under the key before. */
MUST_USE int feed_txn_put_note(struct feed_txn *txn, const struct note_key *key, int64_t feed_ms,
			       const void *value, size_t size);

/* Takes it away, if it is there. */
MUST_USE int feed_txn_drop_note(struct feed_txn *txn, const struct note_key *key);

/* Takes away up to `most` of the oldest notes that were made before `feed_ms`. */
MUST_USE int feed_txn_prune_notes(struct feed_txn *txn, int64_t feed_ms, unsigned most);

enum { FEED_ID_SIZE = 16, FEED_CHAIN_KEY_MAX = 300 };

/* Objects by enum change_object and name, or handle: the last event of each that is told in the feed, as its jti. There
 * is one as long as the object is, however old. RESULT_INVALID: it has none. */
MUST_USE int feed_txn_chain(struct feed_txn *txn, const void *key, size_t key_size,
			    uint8_t id[FEED_ID_SIZE]);
MUST_USE int feed_txn_set_chain(struct feed_txn *txn, const void *key, size_t key_size,
				const uint8_t id[FEED_ID_SIZE]);
MUST_USE int feed_txn_end_chain(struct feed_txn *txn, const void *key, size_t key_size);

/* A channel's log as last signed: what was committed of it is what may be shown of it. See channel_log.h. */
struct log_record {
	uint64_t size;          /* entries: places of the channel that are in the log */
	uint64_t minimum_index; /* bundles of entries below it are past their retention */
	uint64_t pruned_index;  /* and those below this are deleted */
	uint64_t tidy_size;     /* partial files of trees below this size are gone */
	int64_t time_s;         /* of the cosignature, wall clock */
	char origin[256];       /* never another one: that would be another log */
};

/* The channel's log, with what stands behind the record, which is good until the transaction ends; `bytes` and `size`
 * may be NULL. RESULT_INVALID: it has none. */
MUST_USE int feed_txn_log(struct feed_txn *txn, const char *name, struct log_record *record,
			  const void **bytes, size_t *size);
MUST_USE int feed_txn_set_log(struct feed_txn *txn, const char *name,
			      const struct log_record *record, const void *bytes, size_t size);
MUST_USE int feed_txn_drop_log(struct feed_txn *txn, const char *name);

/* The index of the channel's first place that is not pruned; the next one to be given if there is none. */
MUST_USE int feed_txn_first_place(struct feed_txn *txn, const struct channel_record *record,
				  uint64_t *index);

/* How much the tables take of the store's limit; pages that were freed, and wait to be used again, don't count. */
MUST_USE int feed_txn_used_bytes(struct feed_txn *txn, uint64_t *bytes);

/* Big-endian numbers of keys. */
void feed_key_put_u32(uint8_t *at, uint32_t value);
void feed_key_put_u64(uint8_t *at, uint64_t value);
uint64_t feed_key_u64(const uint8_t *at);

#endif
