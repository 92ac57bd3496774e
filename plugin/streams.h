/* streams.h - what all raw streams of a tap share: the memory that they hold frames in
 *
 * The memory is set aside when the first stream is made, capture.streams bytes of it, and never grows. Above three
 * quarters taken, a registrar that holds more than a quarter is refused, if there are others; those who have not logged
 * in count as one. A stream's handle may outlive its tap: what both need goes with the last of them.
 *
 * Threads: any call may come from any thread, without waiting; streams_new() and streams_leave() by the tap are
 * epptap_open()'s and epptap_close()'s. What is held belongs to one stream, which sees to it that one thread at a time
 * touches it.
 */
#ifndef PLUGIN_STREAMS_H
#define PLUGIN_STREAMS_H

#include "base/result.h"
#include "plugin/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epptap;
struct streams;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int streams_new(struct epptap *tap, struct streams **streams);

/* The tap, or a stream, needs it no longer; sets *streams NULL. Once the tap has left, streams_tap() is NULL, and nothing
 * more can be held. */
void streams_leave_tap(struct streams **streams);
void streams_leave(struct streams **streams);

/* A stream needs it, until it leaves. Sets the memory aside if that is not done. RESULT_OK or RESULT_NOMEM. */
MUST_USE int streams_join(struct streams *streams);

/* The tap; NULL: it was closed. */
struct epptap *streams_tap(const struct streams *streams);

/* A number that tells a text from others with all but certainty, and that nobody outside can foresee; never 0. */
uint64_t streams_hash(const struct streams *streams, const char *text, size_t size);

/* A number that no other stream has got, for struct caller's session. */
uint64_t streams_number(struct streams *streams);

/* Bytes in a block of the memory that all share. All zero: none. */
struct streams_held {
	char *bytes;
	uint32_t size, capacity;
	uint32_t owner; /* by registrars.h, who holds it */
};

/* Memory for a stream itself. It is charged to its owner, but nobody's share bounds it: who is not followed from the
 * beginning isn't to the end, and strangers could see to that. False: there is none, for this reason. */
bool streams_begin(struct streams *streams, struct streams_held *held, unsigned owner, size_t size,
		   enum loss *reason);

/* Makes room for `size` bytes in all, and keeps those that are there. False: there is none, for this reason, and nothing
 * else changed. */
bool streams_reserve(struct streams *streams, struct streams_held *held, unsigned owner,
		     size_t size, enum loss *reason);

/* Holds a copy of these bytes, likewise, and nothing else. */
bool streams_hold(struct streams *streams, struct streams_held *held, unsigned owner,
		  const void *bytes, size_t size, enum loss *reason);

/* Overwrites the bytes with zeros and gives the block back. Accepts none. */
void streams_give(struct streams *streams, struct streams_held *held);

#endif
