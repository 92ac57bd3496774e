/* event_token.h - an event as a token that lacks nothing but its signature
 *
 * That is "header.payload" of a JWS: the header is the same in all of them, the payload is what event.h writes. Each
 * function replaces what is in `jws` (a buffer of FEED_EVENT_MAX bytes), and leaves room for the signature in it.
 * Owner: the publisher's thread.
 */
#ifndef PUBLISHER_EVENT_TOKEN_H
#define PUBLISHER_EVENT_TOKEN_H

#include "base/clock.h"
#include "publisher/event.h"
#include "publisher/signing_key.h"

struct event_tokens {
	const struct config *config;
	char key_id[FEED_KEY_ID_SIZE]; /* of the key that is to sign */
	struct buffer header;          /* the JOSE header in base64url, with its dot */
	struct buffer claims;
};

/* `config` is lent; of `key` its id alone is used. RESULT_OK or RESULT_NOMEM; in either case for
 * event_tokens_free(). */
MUST_USE int event_tokens_init(struct event_tokens *tokens, const struct config *config,
			       const struct signing_key *key);
void event_tokens_free(struct event_tokens *tokens);

/* What became of a change. */
struct event_made {
	uint8_t id[EVENT_ID_SIZE]; /* the event's jti */
	bool truncated;            /* it did not fit, and its lists became counts */
};

/* These return RESULT_OK or RESULT_NOMEM. `completes`, `prev`: as in event.h. */
MUST_USE int event_token_of_change(struct event_tokens *tokens, const struct change *change,
				   const uint8_t *completes, const uint8_t *prev,
				   const struct clock_reading *now, struct event_made *made,
				   struct buffer *jws);
MUST_USE int event_token_of_gap(struct event_tokens *tokens, const struct spool_gap *gap,
				const struct clock_reading *now, struct buffer *jws);
MUST_USE int event_token_of_test(struct event_tokens *tokens, const char *state, int64_t seen_us,
				 const struct clock_reading *now, struct buffer *jws);
MUST_USE int event_token_of_key(struct event_tokens *tokens, const struct event_key *key,
				const struct clock_reading *now, struct buffer *jws);

#endif
