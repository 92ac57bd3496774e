/* gauges.h - how things stand now: spool, feed store, channels
 *
 * The publisher's thread looks once a second, since folders and the store take a while; epptapctl status looks for
 * itself, with the same functions: it must see what waits when nobody publishes.
 */
#ifndef PUBLISHER_GAUGES_H
#define PUBLISHER_GAUGES_H

#include "base/buffer.h"
#include "base/config.h"
#include "publisher/feed_store.h"

#include <stdint.h>

/* Appends members of a JSON object, each with a comma before it: spool, store, quarantined, open_intents, channels.
 * Outside of a transaction. What can't be measured, since the store fails, is left out. */
void gauges_write(const struct config *config, struct feed_store *store,
		  const struct clock_reading *now, const char boot_id[CLOCK_BOOT_ID_SIZE],
		  struct buffer *text);

struct spool_gauge {
	uint64_t bytes;         /* of all segments: what spool.limit is about */
	uint64_t waiting_bytes; /* of it, what is not consumed yet */
	unsigned segments;
	unsigned bad; /* files that were no segments, set aside under another name */
	uint64_t
		disk_free_bytes; /* where it lies: on a full disk all other counters may stand still */
};

/* Looks into the spool's folder, and in `txn` how far it is consumed; without, all of it waits. No segments if there is
 * no folder. */
void gauge_spool(const char *state_dir, struct feed_txn *txn, struct spool_gauge *gauge);

struct channel_gauge {
	uint64_t events; /* places taken */
	uint64_t held;
	int64_t next_due_ms; /* from now until the next held event is due, below 0 if it should be out; NOTHING_DUE */
	bool has_log;
	uint64_t log_size; /* of the last checkpoint; what is above waits for the next one */
	int64_t shown_ms_ago; /* when the file `checkpoint` was written, wall clock; NEVER_SHOWN: there is none */
};

#define NEVER_SHOWN INT64_MIN

#define NOTHING_DUE INT64_MAX

/* RESULT_INVALID: the store knows no such channel yet; RESULT_STORE. now_ms is on the feed's time line, wall_us the wall
 * clock. */
MUST_USE int gauge_channel(struct feed_txn *txn, const struct config_channel *channel,
			   int64_t now_ms, int64_t wall_us, struct channel_gauge *gauge);

#endif
