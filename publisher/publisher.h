/* publisher.h - the thread that turns the spool into the feed
 *
 * plugin/publisher_module.h tells what the functions do; module.c hands them to the plugin. Of several processes with
 * one state_dir one has the publisher's lock, and a pipeline (pipeline.h); the others stand by, and one of them takes
 * over when it dies. One that runs an older config than another yields to it.
 */
#ifndef PUBLISHER_PUBLISHER_H
#define PUBLISHER_PUBLISHER_H

#include "plugin/publisher_module.h"

MUST_USE int publisher_start(const struct publisher_host *host, struct publisher **publisher,
			     char *why, size_t why_size);
MUST_USE int publisher_reload(struct publisher *publisher, const struct config *config, char *why,
			      size_t why_size);

/* Tells in the feed of the next config's key, if that is another, and publishes no more: whoever opens the state_dir
 * with that config goes on. RESULT_OK: it is to be stopped; else it goes on as before, and `why` says what is wrong. */
MUST_USE int publisher_hand_over(struct publisher *publisher, const struct config *next, char *why,
				 size_t why_size);

void publisher_write_stats(struct publisher *publisher, struct buffer *json);
void publisher_stop(struct publisher **publisher, unsigned drain_ms);

#endif
