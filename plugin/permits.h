/* permits.h - may this process make the system calls that a tap needs?
 *
 * A front end may live under a filter of system calls: systemd's SystemCallFilter=, a container's seccomp profile, a
 * sandbox of its own. What such a filter denies would come up in the midst of something, as an error that says
 * little, and libzmq ends the process on it. So each call is tried before the tap is opened, with arguments with
 * which it does nothing.
 *
 * A filter that is set later, on a process whose tap is open, is not seen here: what it denies of the spool is told
 * in the log and changes wait; of an embedded publisher libzmq may end the process.
 *
 * Threads: any.
 */
#ifndef PLUGIN_PERMITS_H
#define PLUGIN_PERMITS_H

#include "base/result.h"

#include <stddef.h>

/* Those of a tap, and those of an embedded publisher besides. RESULT_OK; RESULT_STORE: one that can't be done
 * without is denied, and `why` says which, what it is for, and where it is allowed. What can be done without is told
 * in the log. */
MUST_USE int permits_capture(char *why, size_t why_size);
MUST_USE int permits_publish(char *why, size_t why_size);

/* What would be right after an operation on a file failed with `error`: room, a permit, or an owner. */
const char *permits_advice(int error);

#endif
