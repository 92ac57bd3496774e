/* publisher_process.h - the process that publishes, under epptapd
 *
 * It has the signing key and the feed store, and no socket that a stranger could reach: what it commits goes to the
 * channels' senders.
 */
#ifndef PUBLISHER_PUBLISHER_PROCESS_H
#define PUBLISHER_PUBLISHER_PROCESS_H

#include "base/config.h"
#include "publisher/scoreboard.h"

/* Runs until SIGTERM, which must be blocked; then publishes what is in the spool, and returns 0. `channel_fds`: by
 * channel, the writing end of its relay. Returns 1 if it can't begin, said in the log. */
int publisher_process_run(const struct config *config, const int *channel_fds,
			  struct scoreboard *board);

#endif
