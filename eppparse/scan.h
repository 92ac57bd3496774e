/* scan.h - may these bytes hold a change? Answered without parsing them.
 *
 * Runs on the front end's threads: it allocates nothing, waits for nothing, and looks at each byte a fixed number of
 * times. It never says no to a frame that is a change: what it can't be sure of counts as maybe. It says maybe to
 * frames that are none; the parser decides about those.
 */
#ifndef EPPPARSE_SCAN_H
#define EPPPARSE_SCAN_H

#include "base/config.h"

#include <stdbool.h>
#include <stddef.h>

enum scan_command {
	SCAN_NOTHING, /* a query, a login, a hello: it changes nothing */
	SCAN_POLL,    /* a poll: its response may tell of a change */
	SCAN_MAYBE, /* a transform command (RFC 5730, section 2.9.3), or something that only a parser can judge */
};

/* `verbs` are those of a registry's own that the config names, or NULL. */
enum scan_command scan_command(const char *command, size_t size, const struct config_pairs *verbs);

/* Can it be a response that says 1000 or 1001, or something that only a parser can judge? */
bool scan_may_succeed(const char *response, size_t size);

/* Can it be a response to a poll whose message tells of a change, or something that only a parser can judge? */
bool scan_may_tell(const char *response, size_t size);

/* Can a command of that kind, with this response, have brought about a change, or news of one? */
bool scan_may_matter(enum scan_command kind, const char *response, size_t size);

#endif
