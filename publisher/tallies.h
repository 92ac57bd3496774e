/* tallies.h - what the publisher counts: every drop with its reason. Written by its thread, read by any. */
#ifndef PUBLISHER_TALLIES_H
#define PUBLISHER_TALLIES_H

#include <stdatomic.h>
#include <stdint.h>

struct tallies {
	_Atomic uint64_t published;        /* events in the feed store, since the start */
	_Atomic uint64_t placed;           /* places given in channels, since the start */
	_Atomic uint64_t held;             /* events that wait now, over all channels */
	_Atomic uint64_t truncated;        /* events that carry counts instead of lists */
	_Atomic uint64_t outside_zones;    /* changes of names that the config doesn't publish */
	_Atomic uint64_t unwanted;         /* changes that no channel takes */
	_Atomic uint64_t damaged;          /* spool records passed over */
	_Atomic uint64_t undecodable;      /* spool records that hold no change */
	_Atomic uint64_t unsigned_batches; /* times that a batch could not be signed; tried again */
	_Atomic uint64_t store_failures;   /* commits that failed; tried again */
};

static inline void tally(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

#endif
