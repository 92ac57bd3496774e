/* chain.h - the chain of an object's events: each tells the jti of the one before it, as `prev`
 *
 * So who follows one name sees whether he missed an event about it. The chain begins with an object's first event and
 * ends when it is purged, by a delete that is completed; a host that gets a new name takes its chain along. Where it
 * stands is kept in the feed store (TABLE_CHAINS), and, of events that are made and not committed yet, in a ring of
 * its own, which is larger than all batches under way, so that none of them is ever missed.
 * Owner: the publisher's thread.
 */
#ifndef PUBLISHER_CHAIN_H
#define PUBLISHER_CHAIN_H

#include "publisher/batch.h"
#include "publisher/note_ring.h"

/* Finds the event before that of `item`, whose names are there: item->chain says. `reading` is a view of the store, or
 * NULL: then one is opened. RESULT_OK; RESULT_STORE, RESULT_NOMEM. */
MUST_USE int chain_look_up(const struct note_ring *ring, struct feed_store *store,
			   struct feed_txn *reading, struct batch_item *item);

/* Remembers the item's event, of that id, for the next one. `ends`: the object is gone with it. RESULT_OK or
 * RESULT_NOMEM. */
MUST_USE int chain_add(struct note_ring *ring, struct batch_item *item,
		       const uint8_t id[EVENT_ID_SIZE], bool ends);

/* The item's event will not be told: the one before it is the last again. */
void chain_take_back(struct note_ring *ring, struct batch_item *item);

/* The same in the store, with the commit of the event. RESULT_OK, or an error of feed_store.h's. */
MUST_USE int chain_commit(struct feed_txn *txn, const struct batch_item *item);

#endif
