/* audit_events.h - what an audit holds each event of a log against, in the log's order
 *
 * Its signature and claims, by keys of jwks.json and those that the feed told before; whether its key was revoked before
 * it; whether `prev` names the event before; and what gaps and keys the tap tells of itself.
 * Memory is the same whatever the log's size. Signatures are verified on all cores, all else on the caller's thread.
 */
#ifndef SUBSCRIBER_AUDIT_EVENTS_H
#define SUBSCRIBER_AUDIT_EVENTS_H

#include "base/result.h"
#include "publisher/feed_format.h"
#include "subscriber/chains.h"
#include "subscriber/keys.h"
#include "subscriber/log_reader.h"
#include "subscriber/parallel.h"
#include "subscriber/verify.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	AUDIT_KEY_EVENTS_MAX = 64, /* that are shown */
	AUDIT_KIDS_MAX = 64,       /* keys that are not known: more are told of one by one */
	AUDIT_REASONS_MAX = 32,
	AUDIT_WORD_SIZE = 32,
};

/* urn:epptap:key */
struct audit_key_event {
	uint64_t index;
	char action[AUDIT_WORD_SIZE], kid[FEED_KEY_ID_SIZE];
};

/* Events that name a key which was not known when they came. */
struct audit_kid {
	char kid[FEED_KEY_ID_SIZE];
	uint64_t count, first, last;
	bool is_revoked; /* since, by the feed: so it is right that it is in no jwks.json */
};

/* Gaps of one reason. */
struct audit_gap {
	char reason[AUDIT_WORD_SIZE];
	uint64_t events, changes; /* of those with a count */
};

struct audit_events {
	const char *registry;
	struct keys *keys;
	struct chains *chains; /* NULL: the channel is limited, nothing can be said of chains */
	struct parallel *parallel;
	/* What is wrong with entry `index`. */
	void (*fault)(void *context, uint64_t index, const char *what);
	void *context;

	uint64_t verified, refused, revoked; /* signed by a key that was revoked later */
	uint64_t about_domains, about_hosts, about_sets, own;
	uint64_t links, links_unknown; /* of chains: good, and not judged */
	bool has_links; /* some event had a prev: before there is none, none is missing */
	int64_t first_ms, last_ms; /* toe of the earliest and the latest; both 0: none */
	size_t key_event_count, kid_count, gap_count;
	uint64_t key_events_more;
	struct audit_key_event key_events[AUDIT_KEY_EVENTS_MAX];
	struct audit_kid kids[AUDIT_KIDS_MAX];
	struct audit_gap gaps[AUDIT_REASONS_MAX];
	struct audit_verdict *verdicts; /* of a bundle */
};

/* RESULT_OK: for audit_events_close(); RESULT_NOMEM. What stands before the counts must be set. */
MUST_USE int audit_events_open(struct audit_events *events);

/* The entries of a bundle, in the log's order. RESULT_OK, RESULT_NOMEM. */
MUST_USE int audit_events_take(struct audit_events *events, uint64_t first,
			       const struct log_bundle *bundle);

/* There are no more: tells of keys that never became known. */
void audit_events_end(struct audit_events *events);

void audit_events_close(struct audit_events *events);

#endif
