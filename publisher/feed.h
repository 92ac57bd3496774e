/* feed.h - gives events their places in the channels, in one transaction, and sends them after it
 *
 * This is where the guarantee lies: events, places, hold queues and what is consumed of the spool are committed
 * together, and nothing is sent before. A commit that fails changes nothing; the caller tries again with the same
 * batch.
 * Owner: the publisher's thread. Waits for the disk.
 */
#ifndef PUBLISHER_FEED_H
#define PUBLISHER_FEED_H

#include "publisher/batch.h"
#include "publisher/feed_store.h"
#include "publisher/outlet.h"

struct feed;

/* `config`, `store`, `tallies` and outlets[config->channel_count] are lent. RESULT_OK, _STORE, _NOMEM. */
MUST_USE int feed_new(const struct config *config, struct feed_store *store,
		      struct outlet **outlets, struct tallies *tallies, struct feed **feed);
void feed_free(struct feed **feed);

/* Commits a signed batch, or with NULL just what is due, and sends what may go out. RESULT_OK, or RESULT_FULL (the
 * disk, or the store's limit), RESULT_STORE, RESULT_NOMEM: nothing was changed or sent. A full store lets go of what is
 * past its retention, so that a later try may succeed. */
MUST_USE int feed_commit(struct feed *feed, const struct batch *batch,
			 const struct clock_reading *now);

/* The segment's file is gone: the next commit forgets how far it was consumed. Not before: if the file came back, it
 * would be read again. Of a commit's segments, all may be told. */
void feed_forget_segment(struct feed *feed, const uint8_t id[SPOOL_ID_SIZE]);

/* How many places of the channel are given, as last committed. */
uint64_t feed_channel_events(const struct feed *feed, size_t channel);

/* Is it time for a commit without a batch: is an event due at `now`, or do some wait and the clock has stepped? Looks
 * at what the last commit left, not at the store. */
bool feed_is_due(const struct feed *feed, const struct clock_reading *now);

#endif
