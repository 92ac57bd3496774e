/* chains.h - does each event's `prev` name the event before it about the same object?
 *
 * Keeps the last event of each object in a table of fixed size; of more objects than there is room for, those that were
 * quiet longest are forgotten, and their next link can't be judged.
 * A chain may begin anew with a create, or after a delete: the object was purged.
 * Owner: whoever made it; not thread-safe.
 */
#ifndef SUBSCRIBER_CHAINS_H
#define SUBSCRIBER_CHAINS_H

#include "base/result.h"
#include "subscriber/verify.h"

#include <stddef.h>
#include <stdint.h>

enum { CHAINS_PLACES = 1 << 21 }; /* of 24 bytes */

enum chain_answer {
	CHAIN_GOOD,    /* it names the one before, or is the first */
	CHAIN_UNKNOWN, /* nothing is known to hold it against */
	CHAIN_BROKEN,  /* it names another, or one that never was */
	CHAIN_LACKS,   /* it names none, and there was one */
};

struct chains;

/* `is_whole`: from the log's first entry on nothing was left out, so that what is not known never was.
 * RESULT_OK: for chains_free(); RESULT_NOMEM. */
MUST_USE int chains_new(size_t places, bool is_whole, struct chains **chains);

/* Judges the event, and takes it as its object's last. *before is the index of the one known before, if any was, for
 * CHAIN_BROKEN and CHAIN_LACKS; else UINT64_MAX. */
enum chain_answer chains_add(struct chains *chains, const struct event *event, uint64_t *before);

void chains_free(struct chains **chains);

#endif
