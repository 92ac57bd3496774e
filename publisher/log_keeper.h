/* log_keeper.h - the thread that keeps the channels' logs
 *
 * It looks at the feed store once in a while and has each channel's log (channel_log.h) do what is due, so that neither
 * disk nor token that is slow there makes the publisher wait; but for the log's own transactions in the store, for which
 * the publisher's wait, as they do for its. A log that can't be written is tried again, counted, and told in the log of
 * the process; the feed goes on, and the store keeps the events until their log has them.
 * What was signed is taken, and sent, by the publisher's thread, which owns the sockets.
 */
#ifndef PUBLISHER_LOG_KEEPER_H
#define PUBLISHER_LOG_KEEPER_H

#include "base/buffer.h"
#include "base/config.h"
#include "publisher/feed_store.h"
#include "publisher/log_keys.h"

struct log_keeper;

/* Starts it. `config` and `store` are lent; `keys` becomes the keeper's. RESULT_OK; RESULT_NOMEM (or no thread): `keys`
 * stay the caller's. */
MUST_USE int log_keeper_new(const struct config *config, struct feed_store *store,
			    const struct feed_identity *identity, struct log_keys *keys,
			    struct log_keeper **keeper);

/* Calls `send` for each channel with a checkpoint that was not taken yet, the latest one. Never waits. Accepts NULL. */
void log_keeper_take(struct log_keeper *keeper,
		     void (*send)(void *context, size_t channel, uint64_t size, const void *note,
				  size_t note_size),
		     void *context);

/* Has it sign what the store has now, as far as one round goes, and waits until its thread has ended. What it signed may
 * still be taken. Accepts NULL, and one that was stopped. */
void log_keeper_stop(struct log_keeper *keeper);
void log_keeper_free(struct log_keeper **keeper);

/* Appends the member "log_failures", by channel, with a comma before it. Accepts NULL. */
void log_keeper_write_stats(const struct log_keeper *keeper, struct buffer *json);

#endif
