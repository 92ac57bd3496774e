/* backlog.h - live messages that wait until what comes before them was read from the log
 *
 * They have indices without a hole: one that does not follow the last makes the backlog begin anew with it, for all
 * before it will be in the log, too. So does one for which there is no room.
 * Owner: whoever made it; not thread-safe. Memory: at most BACKLOG_BYTES_MAX, and as many places.
 */
#ifndef SUBSCRIBER_BACKLOG_H
#define SUBSCRIBER_BACKLOG_H

#include "base/result.h"
#include "subscriber/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKLOG_MAX = 1 << 16, BACKLOG_BYTES_MAX = 64 << 20 };

struct backlog {
	struct waiting_message **items; /* a ring of BACKLOG_MAX */
	size_t head, count, bytes;
	uint64_t first; /* the index of the first one; of an empty one nothing */
};

/* RESULT_OK: for backlog_free(); RESULT_NOMEM. */
MUST_USE int backlog_new(struct backlog *backlog);

/* Keeps a copy of the message, whose index is this one. RESULT_OK, RESULT_NOMEM. */
MUST_USE int backlog_add(struct backlog *backlog, uint64_t index, const struct message *message);

/* The first message, with the index `index`; those before it are dropped. False: there is none. It is good until
 * backlog_drop(), or the next call of backlog_add(). */
bool backlog_peek(struct backlog *backlog, uint64_t index, struct message *message);

/* Drops the first one. */
void backlog_drop(struct backlog *backlog);

void backlog_clear(struct backlog *backlog);
void backlog_free(struct backlog *backlog);

#endif
