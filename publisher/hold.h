/* hold.h - which events must wait before a channel may send them
 *
 * Only a name that the public does not know yet is ever hidden:
 *   - While a domain's create is held, everything about that name and about hosts below it waits, and goes out with
 *     it, in order; but for a host that gets a new name, if that one is known.
 *   - Otherwise a create of a domain waits for the channel's delay, unless a delete of the name is held: then the name
 *     is known.
 *   - A delete of a domain waits for its delay. Any later event about the name releases it at once, and is itself not
 *     delayed: a thief must not hide behind a delete.
 *   - The end of what was pending counts as an update: its name is held, or known.
 *   - Everything else goes at once, and all about objects that have no name. So do events of hosts below a name whose
 *     delete is held: it is known, even where a name above it is hidden.
 * Names that are due go out in the order of their times, and at the same time of the events that hold them; each with
 * all that waits for it.
 *
 * Owner: the publisher's thread; no call is thread-safe. The queue lies in the feed store (TABLE_HOLDS, TABLE_DUE),
 * not in memory, and changes with the caller's transaction. Time is given by the caller: see feed_clock.h.
 */
#ifndef PUBLISHER_HOLD_H
#define PUBLISHER_HOLD_H

#include "eppparse/change.h"
#include "publisher/feed_store.h"

/* Numbers of events that may go out now, in this order. Owner: the caller; zeroed at first, reused, freed by
 * hold_released_free(). */
struct hold_released {
	uint64_t *numbers;
	size_t count, capacity;
};

struct hold_delays {
	int64_t create_ms, delete_ms;
};

/* How much of the queue one call may release: each name is likely to touch pages of its own in the store. */
struct hold_pace {
	size_t names, events;
};

enum hold_kind { HOLD_CREATE = 1, HOLD_DELETE = 2, HOLD_FOLLOWER = 3 };

/* Judges an event for a channel whose `record` is brought up to date: *waits says whether it was put in the queue.
 * Events that it releases are appended to `released`: they go out before it. */
MUST_USE int hold_judge(struct feed_txn *txn, struct channel_record *record,
			const struct hold_delays *delays, const struct feed_event *event,
			uint64_t number, int64_t now_ms, struct hold_released *released,
			bool *waits);

/* Releases what is due at `now_ms`, in order, as much as the pace allows. A name of which some are left stays hidden
 * and due: the next call goes on with it.
 * RESULT_OK, or an error of feed_store.h's: abort the transaction. */
MUST_USE int hold_release_due(struct feed_txn *txn, struct channel_record *record, int64_t now_ms,
			      const struct hold_pace *pace, struct hold_released *released);

/* When the next event is due: INT64_MAX if none waits. */
MUST_USE int hold_next_due(struct feed_txn *txn, const struct channel_record *record,
			   int64_t *due_ms);

/* An event that waits, with why (the name's first event decides) and when its name is due. */
struct hold_waiting {
	uint64_t number;
	enum hold_kind kind;
	int64_t due_ms;
	char name[CHANGE_NAME_SIZE];
};

/* The channel's next one behind *event, which was all zeros at first: name by name. It may be another transaction than
 * the last time. RESULT_INVALID: there is none. */
MUST_USE int hold_next(struct feed_txn *txn, const struct channel_record *record,
		       struct hold_waiting *event);

void hold_released_free(struct hold_released *released);

#endif
