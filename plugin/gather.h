/* gather.h - what was captured, as records of the spool
 *
 * Has each entry of the queue read by eppparse, and gathers a record of what came of it: a change, or a gap where one
 * could not be read. What is kept of a registrar's id is decided here, before anything is stored.
 * Owner: the capture thread alone. Nothing here waits for a disk: spool_writer_sync() is the caller's.
 */
#ifndef PLUGIN_GATHER_H
#define PLUGIN_GATHER_H

#include "base/clock.h"
#include "base/config.h"
#include "base/result.h"
#include "plugin/counters.h"
#include "plugin/queue.h"
#include "plugin/registrars.h"
#include "plugin/spool_writer.h"
#include "plugin/tickets.h"

#include <stdbool.h>
#include <stdint.h>

struct gather;

/* What it works on, lent: all of it must outlive it. */
struct gather_parts {
	struct registrars *registrars;
	struct tickets *tickets;
	struct spool_writer *spool;
	struct counters *counters;
};

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int gather_new(const struct gather_parts *parts, struct gather **gather);
void gather_free(struct gather **gather);

/* Gives back what libxml2 keeps for it. To be called by the thread that called gather_entry(), before it ends. */
void gather_rest(struct gather *gather);

/* Goes by this config from now on; it must outlive the gather, or the next gather_use(). */
void gather_use(struct gather *gather, const struct config *config);

/* Reads an entry, and gathers what it comes to. A command that is about to be carried out is noted, and kept until its
 * response is there; all that are kept take as many bytes at most as the queue does, and one that does not fit ends as
 * unknown. What was handed over stands before it: commands that came one after the other leave one open at most,
 * wherever the spool is cut. */
void gather_entry(struct gather *gather, const struct queue_entry *entry);

/* Says what became of intents that were handed over, in records stamped `stamp`; gaps tell when they were. */
void gather_handed(struct gather *gather, const struct clock_reading *stamp);

/* Says of all intents that are still open that nobody knows what became of them: the last thing to do. */
void gather_left_open(struct gather *gather, const struct clock_reading *stamp);

/* Gathers gaps, stamped `stamp`, for the losses that registrars_next_losses() has to tell at now_us. False: there was
 * no room for all; call again. */
bool gather_losses(struct gather *gather, const struct clock_reading *stamp, int64_t now_us);

/* Gathers a gap for commands that were lost by closing, seen between these times. False: there was no room for it. */
bool gather_closed(struct gather *gather, const struct clock_reading *stamp, uint64_t lost,
		   int64_t from_us, int64_t to_us);

/* Changes that are gathered and not durable; and that they are now. */
uint64_t gather_waiting(const struct gather *gather);
void gather_durable(struct gather *gather);

#endif
