/* follow_log.h - `eppwatch follow URL`: every event of a channel, from its socket and its log */
#ifndef SUBSCRIBER_FOLLOW_LOG_H
#define SUBSCRIBER_FOLLOW_LOG_H

#include "subscriber/options.h"
#include "subscriber/show.h"
#include "subscriber/watch_exit.h"

#include <signal.h>

/* The whole of it, until the count is reached, the time is over, `stop` is set by a signal, or the log turns out to be
 * rewritten. The channel's name in `show` is set from feed.json. */
enum watch_exit follow_log_run(const struct options *options, struct show show,
			       volatile const sig_atomic_t *stop);

#endif
