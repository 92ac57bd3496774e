/* ledger.h - what we sent, and what the registry says that we did: entry against entry
 *
 * Matched by the server's transaction id. What has no partner waits for one: what the registry says for a moment, since
 * our own word may come a little later; what we sent for as long as the user gives the feed.
 * Owner: whoever made it; not thread-safe. Time is given by the caller, in milliseconds of any clock that does not step.
 * Memory: LEDGER_MAX entries; of more the oldest that are settled are forgotten, then the oldest.
 */
#ifndef SUBSCRIBER_LEDGER_H
#define SUBSCRIBER_LEDGER_H

#include "base/name.h"
#include "base/result.h"
#include "base/token.h"
#include "subscriber/action.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LEDGER_MAX = 100000,
	LEDGER_GRACE_MS = 500,   /* for our own word to come */
	LEDGER_BLIND_MS = 10000, /* the same, while what tells it can't be read */
	LEDGER_MARKS = 8,        /* parts of an event that are compared */
	LEDGER_NAME_SIZE = 256,
	LEDGER_SUMMARY_SIZE = 256,
};

/* One side's word. */
struct ledger_word {
	char txn[TOKEN_MAX + 1]; /* empty: there is none */
	char name[LEDGER_NAME_SIZE];
	unsigned actions;
	bool has_marks; /* it is an event, not a line: its parts can be compared */
	uint64_t marks[LEDGER_MARKS];
	int64_t time_ms; /* when it happened, since 1970; 0: not known */
	uint64_t index;  /* in the registry's log */
	bool completes;  /* the end of something that was pending */
	char summary[LEDGER_SUMMARY_SIZE];
};

enum ledger_difference {
	LEDGER_NOT_OURS,
	LEDGER_MISSING,
	LEDGER_CHANGED,
	LEDGER_OURS_AFTER_ALL, /* our word came after the alarm */
	LEDGER_CAME_AFTER_ALL, /* the registry's did */
	LEDGER_COUNT_OF_DIFFERENCES,
};

/* `own` or `feed` is NULL where there is none; `parts`: of LEDGER_CHANGED which marks differ, as bits; 0: name or action. */
typedef int ledger_tell(void *context, enum ledger_difference what, const struct ledger_word *own,
			const struct ledger_word *feed, unsigned parts);

struct ledger_settings {
	bool all; /* else lock and unlock */
	int64_t wait_ms;
	bool begins_within; /* the feed is read from somewhere: what we sent before the first match may lie before it */
	ledger_tell *tell;
	void *context;
};

/* How far both sides are. */
struct ledger_state {
	int64_t now_ms;
	bool own_is_live;      /* we know what we sent up to now */
	bool feed_is_live;     /* and what the registry says */
	int64_t feed_until_ms; /* since 1970: what happened before is in what was read; 0: not known */
};

struct ledger;

/* RESULT_OK: for ledger_free(); RESULT_NOMEM. */
MUST_USE int ledger_new(const struct ledger_settings *settings, struct ledger **ledger);

/* What we sent; what the registry says. RESULT_OK, RESULT_NOMEM, or what tell() answers. */
MUST_USE int ledger_own(struct ledger *ledger, const struct ledger_word *word, int64_t now_ms);
MUST_USE int ledger_feed(struct ledger *ledger, const struct ledger_word *word, int64_t now_ms);

/* The feed tells that it lost the change of this txn: it is not missing. True: it was one of ours. */
bool ledger_lost(struct ledger *ledger, const char *txn);

/* Tells of those that waited long enough. The same results. */
MUST_USE int ledger_judge(struct ledger *ledger, const struct ledger_state *state);

/* The same for those that wait at all: both sides were read to their ends. */
MUST_USE int ledger_end(struct ledger *ledger, const struct ledger_state *state);

/* How many were found on both sides, and alike. */
uint64_t ledger_agreed(const struct ledger *ledger);

void ledger_free(struct ledger **ledger);

#endif
