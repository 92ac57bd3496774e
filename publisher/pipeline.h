/* pipeline.h - the way from spool to channels: merge, event, signature, feed store, socket
 *
 * One process at a time has it open for a state_dir (the publisher's lock): see publisher.c. Three batches are under
 * way, one being filled, one signed, one committed; what is not committed when it is closed is read again from the
 * spool by whoever opens it next.
 * Owner: the publisher's thread. Waits for the disk.
 */
#ifndef PUBLISHER_PIPELINE_H
#define PUBLISHER_PIPELINE_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/config.h"
#include "plugin/publisher_module.h"
#include "publisher/signing_key.h"
#include "publisher/tallies.h"

struct pipeline;

/* What it is made from. All of it is lent. */
struct pipeline_parts {
	const struct config *config;
	const struct signing_key *key;
	const struct publisher_host *host; /* for its dir and its senders */
	struct tallies *tallies;
};

/* Opens feed store and sockets. RESULT_OK; RESULT_BUSY: this state_dir must not be published from until something is
 * done; RESULT_CONFIG, _STORE, _FULL, _NOMEM: it can't be. But for RESULT_OK, `why` says what is wrong, and what would
 * be right. */
MUST_USE int pipeline_open(const struct pipeline_parts *parts, struct pipeline **pipeline,
			   char *why, size_t why_size);

/* Closes it; what was sent may still go out for `linger_ms`. Accepts a pointer to NULL. */
void pipeline_close(struct pipeline **open, int linger_ms);

/* Does some of the work; returns how many milliseconds to pause before the next round. `hurry`: it waits for nothing that
 * may come yet. */
long pipeline_round(struct pipeline *pipeline, const struct clock_reading *now, bool hurry);

/* Nothing is under way; and, after a round in a hurry, the spool had nothing more. */
bool pipeline_is_idle(const struct pipeline *pipeline);

/* Sleeps, until something is written into the spool if that is waited for, and answers whoever wants to connect. */
void pipeline_pause(struct pipeline *pipeline, long milliseconds);

/* Tells in the feed that `next` is the key that signs from now on, and that the present one is retired; the present one
 * signs both. Then it is to be closed, and opened with the next one. RESULT_OK, or what went wrong: `why` says. */
MUST_USE int pipeline_announce_key(struct pipeline *pipeline, const struct signing_key *next,
				   char *why, size_t why_size);

/* Is there something of this spool writer that is not consumed yet? */
bool pipeline_has_writer(const struct pipeline *pipeline, uint64_t writer);

/* Looks how things stand, and appends members of a JSON object, each with a comma before it. */
void pipeline_write_stats(struct pipeline *pipeline, const struct clock_reading *now,
			  struct buffer *json);

#endif
