/* scan.h - may these bytes hold a change? Answered without parsing them.
 *
 * Runs on the front end's threads: it allocates nothing, waits for nothing, and looks at each byte a fixed number of
 * times. It never says no to a frame that is a change: what it can't be sure of counts as maybe. It says maybe to
 * frames that are none; the parser decides about those.
 */
#ifndef EPPPARSE_SCAN_H
#define EPPPARSE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Can it be a transform command (RFC 5730, section 2.9.3), or something that only a parser can judge? */
bool scan_may_transform(const char *command, size_t size);

/* Can it be a response that says 1000 or 1001, or something that only a parser can judge? */
bool scan_may_succeed(const char *response, size_t size);

#endif
