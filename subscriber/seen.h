/* seen.h - which indices came already, and which were left out
 *
 * The live socket may send an event again after the publisher's restart, and sends a renamed host's under two
 * topics: same index, same event. An index is a hint that is not signed, so an index alone hides nothing: a repeat
 * is the same index *and* the same jti. The same index with another jti is an event of its own; the numbering then
 * began anew (a new log), and gaps are counted from there.
 * Memory: one table of SEEN_WINDOW places. An index is forgotten when another with the same remainder comes; then
 * its repeat counts as new, which shows an event twice rather than never.
 * Owner: the caller; not thread-safe.
 */
#ifndef SUBSCRIBER_SEEN_H
#define SUBSCRIBER_SEEN_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

enum { SEEN_WINDOW = 65536 };

struct seen;

/* What an index is, after all that came before it. */
struct seen_answer {
	bool repeat;
	uint64_t missed_from, missed_to; /* the first and last index left out; both 0 if none */
};

/* RESULT_OK: *seen is the caller's, for seen_free(); RESULT_NOMEM: *seen is NULL. */
MUST_USE int seen_new(struct seen **seen);

/* Takes note of a verified event. A repeat changes nothing. */
struct seen_answer seen_add(struct seen *seen, uint64_t index, const char *jti);

void seen_free(struct seen **seen);

#endif
