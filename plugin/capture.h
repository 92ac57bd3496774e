/* capture.h - the capture thread: queue -> parser -> spool
 *
 * One thread per tap. It polls the queue, twice a millisecond while there is traffic and less often when there is
 * none, so that the front end's threads never have to wake it. What waits together is synced together. When the
 * spool can't be written (disk full, limit), it keeps the batch and tries again; meanwhile the queue fills. Once a
 * second it tells of losses, and writes its status file.
 */
#ifndef PLUGIN_CAPTURE_H
#define PLUGIN_CAPTURE_H

#include "base/config.h"
#include "base/result.h"
#include "plugin/counters.h"
#include "plugin/queue.h"
#include "plugin/registrars.h"
#include "plugin/spool_writer.h"
#include "plugin/tickets.h"

#include <stdbool.h>

struct capture;

/* What it works on, lent: all of it must outlive it. The spool is the thread's alone from its start on. */
struct capture_parts {
	const struct config *config; /* until capture_use() */
	const char *state_dir;
	struct queue *queue;
	struct registrars *registrars;
	struct tickets *tickets;
	struct spool_writer *spool;
	struct counters *counters;
};

/* Starts the thread, with all signals blocked. RESULT_OK or RESULT_NOMEM (no memory, or no thread to be had). */
MUST_USE int capture_start(const struct capture_parts *parts, struct capture **capture);

/* Goes by this config from its next round on. The old one may be in use until the capture is stopped. Any thread. */
void capture_use(struct capture *capture, const struct config *config);

/* Appends members of a JSON object, without braces: the counters, and how full the queue is. Any thread. */
void capture_write_stats(struct capture *capture, struct buffer *json);

/* What it comes from if the queue is full now: LOSS_QUEUE_FULL, or while the spool can't be written, LOSS_SPOOL_LIMIT
 * or LOSS_DISK_FULL. Any thread. */
enum loss capture_why_full(struct capture *capture);

/* Waits until all that lies before `position` of the queue is durable. RESULT_OK or RESULT_TIMEOUT. Any thread. */
MUST_USE int capture_wait(struct capture *capture, uint64_t position, int64_t timeout_ms);

/* The same for all that the queue holds now, and for tickets that were handed over. */
MUST_USE int capture_flush(struct capture *capture, unsigned timeout_ms);

/* Flushes for drain_ms at most, ends the thread, counts what was lost by it and tells it in the spool. False: something
 * is missing there that nothing tells of. */
bool capture_stop(struct capture **capture, unsigned drain_ms);

#endif
