/* watched.h - the names that are followed, and what they lean on: their nameservers, and sets of these
 *
 * A domain's nameservers, and the sets that a registry keeps nameservers or keys in, decide where it leads: who follows a
 * name follows them. They become known as events tell of them.
 * Of each object the last event is kept, so that a `prev` that names another shows a hole.
 * Owner: whoever made it; not thread-safe. Memory: WATCHED_MAX objects.
 */
#ifndef SUBSCRIBER_WATCHED_H
#define SUBSCRIBER_WATCHED_H

#include "base/result.h"
#include "publisher/feed_format.h"
#include "subscriber/verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WATCHED_MAX = 10000 };

struct watched;

/* Follows these names and what lies below. RESULT_OK: for watched_free(); RESULT_NOMEM. */
MUST_USE int watched_new(char *const *names, size_t count, struct watched **watched);

/* Is the event about one of them, or the tap's own? */
bool watched_has(const struct watched *watched, const struct event *event);

/* May an entry be about one of them? Looks for their names in the bytes of the claims, which needn't be believed. */
bool watched_may_have(const struct watched *watched, const char *claims, size_t size);

/* Takes what the event adds to be followed, and calls topic() with what is to be subscribed to; whatever that answers but
 * RESULT_OK ends it. RESULT_OK; RESULT_FULL: WATCHED_MAX; RESULT_NOMEM. */
MUST_USE int watched_learn(struct watched *watched, const struct event *event,
			   int (*topic)(void *context, const char *topic), void *context);

/* Takes the event as its object's last. False, and *from: its prev names another than the last one that came, which was
 * at this index: some may be missing from there on. */
MUST_USE bool watched_chain(struct watched *watched, const struct event *event, uint64_t *from);

void watched_free(struct watched **watched);

#endif
