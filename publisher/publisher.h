/* publisher.h - the thread that turns the spool into the feed
 *
 * plugin/publisher_module.h tells what the functions do; module.c hands them to the plugin. The thread fills a batch
 * from the spool and has it signed; while that goes on, it commits and sends the batch before, and fills the next.
 */
#ifndef PUBLISHER_PUBLISHER_H
#define PUBLISHER_PUBLISHER_H

#include "plugin/publisher_module.h"

#define PUBLISHER_STATUS_FILE "status.json" /* in state_dir: the counters, for epptapctl status */

MUST_USE int publisher_start(const struct publisher_host *host, struct publisher **publisher,
			     char *why, size_t why_size);
void publisher_write_stats(struct publisher *publisher, struct buffer *json);
void publisher_stop(struct publisher **publisher, unsigned drain_ms);

#endif
