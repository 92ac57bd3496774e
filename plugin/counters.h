/* counters.h - what the capture side counts: every drop with its reason
 *
 * Written by any thread, read by any; each counter by itself is exact.
 */
#ifndef PLUGIN_COUNTERS_H
#define PLUGIN_COUNTERS_H

#include "base/buffer.h"
#include "eppparse/eppparse.h"
#include "plugin/namespaces.h"

#include <stdatomic.h>
#include <stdint.h>

/* Why a change was lost. */
enum loss {
	LOSS_QUEUE_FULL,      /* no room in the queue */
	LOSS_REGISTRAR_QUOTA, /* little room in the queue, or few tickets, and this registrar has many */
	LOSS_SPOOL_LIMIT,    /* no room in the queue, because the spool is at its limit */
	LOSS_DISK_FULL,      /* the same, because the disk takes nothing: full, or failing */
	LOSS_FRAME_LIMIT,    /* a frame over capture.frame_limit, with a success */
	LOSS_NO_TICKET,      /* all tickets are open */
	LOSS_RECORD_LIMIT,   /* over a spool record's bound, or no memory for it */
	LOSS_CLOSED,         /* not durable when the tap was closed */
	LOSS_STREAMS_LIMIT,  /* no room in the memory of all streams */
	LOSS_PIPELINE_LIMIT, /* too many commands of a stream wait for their answers */
	LOSS_OUT_OF_STEP,    /* a stream's commands and answers did not fit together */
	LOSSES,
};

struct counters {
	_Atomic uint64_t skipped;  /* the scan saw that it is no change */
	_Atomic uint64_t accepted; /* copied into the queue */
	_Atomic uint64_t lost[LOSSES];
	_Atomic uint64_t read[EPPPARSE_RESULTS]; /* what the parser said of what was accepted */
	_Atomic uint64_t spooled;                /* durable changes */
	_Atomic uint64_t noted, ended, given_up,
		unknown;                      /* records of intents, and how they ended */
	_Atomic uint64_t statuses_unknown;    /* in changes: told as `other` */
	_Atomic uint64_t registrars_left_out; /* ids that are no token, or hold an @ */
	_Atomic uint64_t sync_failures;       /* disk full, spool at its limit: tried again */
	/* of raw streams: how many there are, and what they hold, now */
	_Atomic uint64_t streams_open, stream_bytes;
	_Atomic uint64_t streams_resynchronised; /* times that clTRIDs differed */
	_Atomic uint64_t stream_frames_skipped;  /* over capture.frame_limit, or without room */
	struct namespaces namespaces;            /* of changes, and of what could not be read */
};

static inline void counters_add(_Atomic uint64_t *counter, uint64_t many)
{
	atomic_fetch_add_explicit(counter, many, memory_order_relaxed);
}

/* The word for it, in stats and in the feed's gaps: a-z and _. Static; total. */
const char *loss_word(enum loss loss);

/* Appends the counters as the members of a JSON object, without its braces. */
void counters_write(struct counters *counters, struct buffer *json);

#endif
