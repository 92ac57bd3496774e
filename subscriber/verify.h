/* verify.h - a message becomes an event, or is refused
 *
 * The order is: frames and sizes, JOSE header, signature, claims, topic. Nothing of the payload is parsed before the
 * signature matched, and nothing of an event is shown before all of it did. A header decides nothing but which of
 * the keys already trusted is meant.
 * Thread-safe as long as the keys do not change. Memory is bounded by FEED_JWS_MAX.
 */
#ifndef SUBSCRIBER_VERIFY_H
#define SUBSCRIBER_VERIFY_H

#include "base/buffer.h"
#include "base/result.h"
#include "subscriber/keys.h"
#include "subscriber/message.h"
#include "subscriber/refusal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A verified event. The texts and `what` lie in `claims`. */
struct event {
	uint64_t index;        /* of a message a hint: it is not signed. At most INT64_MAX */
	struct buffer payload; /* the claims' bytes as they were signed */
	json_t *claims;
	bool own;         /* of the tap itself: a gap, a test, a key */
	const char *name; /* what it is about; of an own event the registry; of an object with a
				 handle its class, a colon, and the handle, percent-encoded */
	const char *class,
		*handle; /* of such an object, else NULL: feed_class(), and as the registry has it */
	const char *new_name; /* of a host that was renamed, else NULL */
	const char *jti;
	const char *prev; /* the jti before it about the same object; NULL: none */
	const char *txn;  /* the server's transaction id; NULL: none */
	int64_t toe_ms; /* when it happened: milliseconds since 1970, UTC, before the year 10000 */
	char kid[FEED_KEY_ID_SIZE]; /* of the key that signed it */
	const char *kind;           /* the member of `events`: urn:...#update */
	json_t *what;               /* its value, an object */
};

/* Verifies `message` as an event of `registry` (the `iss`) under one of `keys`.
 * RESULT_OK: *event is the caller's, for event_free(). RESULT_INVALID: `why` says what is wrong with it.
 * RESULT_NOMEM: an allocation failed, nothing is known about the message. If not RESULT_OK, *event is empty. */
MUST_USE int verify_message(const struct message *message, const char *registry,
			    const struct keys *keys, struct event *event, struct refusal *why);

/* The same for an entry of a log, which has no topic, and an index that is known. */
MUST_USE int verify_entry(const struct message_frame *entry, uint64_t index, const char *registry,
			  const struct keys *keys, struct event *event, struct refusal *why);

/* The decimal number in an index frame: digits only, no leading zero, at most INT64_MAX. False: it holds none. */
bool verify_index(const struct message *message, uint64_t *index);

/* Accepts an empty event; leaves one. */
void event_free(struct event *event);

#endif
