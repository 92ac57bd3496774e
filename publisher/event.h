/* event.h - a change as the claims of a Security Event Token (RFC 8417)
 *
 * publisher/FEED.md tells what each member means. Pure: what is random or a time is given. Not a byte of a claim
 * comes from anywhere but the change's typed members, the config and our own words.
 */
#ifndef PUBLISHER_EVENT_H
#define PUBLISHER_EVENT_H

#include "base/buffer.h"
#include "base/config.h"
#include "eppparse/change.h"
#include "publisher/feed_store.h"

enum { EVENT_ID_SIZE = 16 }; /* bytes of a jti before base64url */

struct event_facts {
	const struct config *config;
	uint8_t id[EVENT_ID_SIZE]; /* random */
	int64_t signed_s;          /* seconds since 1970 */
	/* Of a change, ids; NULL: none. */
	const uint8_t *completes; /* of the pending event whose end it is */
	const uint8_t *prev;      /* of the event before it about the same object */
};

/* Appends the claims as JSON. The change's names are A-labels (idn.h). With `counts`, lists are told by their number of
 * items, and `truncated` is true: for a change that would not fit otherwise. */
void event_write(const struct change *change, const struct event_facts *facts, bool counts,
		 struct buffer *claims);

/* The tap's own events, about the registry as a whole. */

/* urn:epptap:gap: changes were lost, or could not be read. Times are the wall clock's; from_us 0: not known. */
void event_write_gap(const struct spool_gap *gap, const struct event_facts *facts,
		     struct buffer *claims);

/* urn:epptap:verification: a test of the whole way, ordered by the operator at `seen_us` with these words of his. */
void event_write_test(const char *state, int64_t seen_us, const struct event_facts *facts,
		      struct buffer *claims);

/* urn:epptap:key: what became of a key that signs events. */
struct event_key {
	char id[FEED_KEY_ID_SIZE];
	struct key_record record; /* KEY_TRUSTED: it is added */
};
void event_write_key(const struct event_key *key, const struct event_facts *facts,
		     struct buffer *claims);

#endif
