/* tallies.h - what the publisher counts: every drop with its reason. Written by its thread, read by any. */
#ifndef PUBLISHER_TALLIES_H
#define PUBLISHER_TALLIES_H

#include <stdatomic.h>
#include <stdint.h>

enum publisher_state {
	PUBLISHER_STARTING,
	PUBLISHER_PUBLISHING,
	PUBLISHER_WAITS_FOR_PORT,
	PUBLISHER_STORE_FAILS,
	PUBLISHER_SIGNING_FAILS,
	PUBLISHER_REFUSED,   /* the state_dir must not be published from: see the log */
	PUBLISHER_STANDS_BY, /* another process publishes */
	PUBLISHER_ENDED,
	PUBLISHER_STATES,
};

/* In words, as status file and metrics have them; by enum publisher_state. */
extern const char *const publisher_state_names[PUBLISHER_STATES];

struct tallies {
	_Atomic int state;              /* enum publisher_state */
	_Atomic int64_t last_commit_us; /* CLOCK_MONOTONIC; 0: none yet */
	_Atomic uint64_t published;     /* events in the feed store, since the start */
	_Atomic uint64_t placed;        /* places given in channels, since the start */
	_Atomic uint64_t held;          /* events that wait now, over all channels */
	_Atomic uint64_t truncated;     /* events that carry counts instead of lists */
	_Atomic uint64_t outside_zones; /* changes of names that the config doesn't publish */
	_Atomic uint64_t unwanted;      /* changes that no channel takes */
	_Atomic uint64_t repeats;       /* messages whose news was told already */
	_Atomic uint64_t invalid_names; /* changes with a name that IDNA forbids; told as gaps */
	_Atomic uint64_t damaged;       /* times that damage in the spool was passed over */
	_Atomic uint64_t late;        /* changes that arrived behind later ones of other writers */
	_Atomic uint64_t gaps;        /* gaps told */
	_Atomic uint64_t undecodable; /* spool records that hold no change */
	_Atomic uint64_t signing_failures; /* times that a batch could not be signed; tried again */
	_Atomic uint64_t store_failures;   /* commits that failed; tried again */
};

static inline void tally_state(struct tallies *tallies, enum publisher_state state)
{
	atomic_store(&tallies->state, (int)state);
}

static inline void tally(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

#endif
