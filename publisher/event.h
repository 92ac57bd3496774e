/* event.h - a change as the claims of a Security Event Token (RFC 8417)
 *
 * publisher/README.md tells what each member means. Pure: what is random or a time is given. Not a byte of a claim
 * comes from anywhere but the change's typed members, the config and our own words.
 */
#ifndef PUBLISHER_EVENT_H
#define PUBLISHER_EVENT_H

#include "base/buffer.h"
#include "base/config.h"
#include "eppparse/change.h"

enum { EVENT_ID_SIZE = 16 }; /* bytes of a jti before base64url */

struct event_facts {
	const struct config *config;
	uint8_t id[EVENT_ID_SIZE]; /* random */
	int64_t signed_s;          /* seconds since 1970 */
};

/* Appends the claims as JSON. With `counts`, lists are told by their number of items, and `truncated` is true: for
 * a change that would not fit otherwise. */
void event_write(const struct change *change, const struct event_facts *facts, bool counts,
		 struct buffer *claims);

#endif
