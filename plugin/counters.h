/* counters.h - what the capture side counts: every drop with its reason
 *
 * Written by any thread, read by any; each counter by itself is exact.
 */
#ifndef PLUGIN_COUNTERS_H
#define PLUGIN_COUNTERS_H

#include "base/buffer.h"
#include "eppparse/eppparse.h"

#include <stdatomic.h>
#include <stdint.h>

struct counters {
	_Atomic uint64_t skipped;          /* the scan saw that it is no change */
	_Atomic uint64_t accepted;         /* copied into the queue */
	_Atomic uint64_t lost_queue_full;  /* no room in the queue */
	_Atomic uint64_t lost_frame_limit; /* a frame over capture.frame_limit, with a success */
	_Atomic uint64_t lost_closed;      /* not durable when the tap was closed */
	_Atomic uint64_t lost_large;       /* over a spool record's bound, or no memory for it */
	_Atomic uint64_t read[EPPPARSE_RESULTS]; /* what the parser said of what was accepted */
	_Atomic uint64_t spooled;                /* durable changes */
	_Atomic uint64_t statuses_unknown;       /* in changes: told as `other` */
	_Atomic uint64_t registrars_left_out;    /* ids that are no token, or hold an @ */
	_Atomic uint64_t sync_failures;          /* disk full, spool at its limit: tried again */
};

/* Appends the counters as the members of a JSON object, without its braces. */
void counters_write(struct counters *counters, struct buffer *json);

#endif
