/* note_ring.h - notes of events that are made and not committed yet
 *
 * Events are made up to three batches ahead of the commit, and one may be the end of another that is just as far: what
 * the feed store does not know yet is looked for here first. The newest of a key counts. Bounded: when it is full, the
 * oldest go, and an event that would have been found by one of them does without; that no news is told twice, the commit
 * sees to by itself.
 *
 * Owner: the publisher's thread.
 */
#ifndef PUBLISHER_NOTE_RING_H
#define PUBLISHER_NOTE_RING_H

#include "publisher/feed_store.h"

enum {
	NOTE_RING_NOTES = 9216,     /* as many as three batches can have */
	NOTE_RING_BYTES = 16 << 20, /* of values */
};

struct note_ring;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int note_ring_new(struct note_ring **ring);
void note_ring_free(struct note_ring **ring);

/* All that was remembered stands in the store by now. */
void note_ring_clear(struct note_ring *ring);

/* Remembers that this is noted; the value is copied. RESULT_OK or RESULT_NOMEM. */
MUST_USE int note_ring_put(struct note_ring *ring, const struct note_key *key, const void *value,
			   size_t size);

/* Remembers that nothing is noted under the key any more. */
void note_ring_drop(struct note_ring *ring, const struct note_key *key);

/* True: it knows of the key. *value, good until the next call that changes the ring, is NULL if nothing is noted. */
bool note_ring_find(const struct note_ring *ring, const struct note_key *key, const void **value,
		    size_t *size);

#endif
