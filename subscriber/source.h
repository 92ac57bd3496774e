/* source.h - a channel's address, and all that is read from it: feed.json, keys, checkpoint, log
 *
 * Owner: whoever opened it; one thread. Fetching blocks (fetch.h).
 */
#ifndef SUBSCRIBER_SOURCE_H
#define SUBSCRIBER_SOURCE_H

#include "base/result.h"
#include "subscriber/channel.h"
#include "subscriber/fetch.h"
#include "subscriber/keys.h"
#include "subscriber/log_head.h"
#include "subscriber/log_reader.h"
#include "subscriber/options.h"
#include "subscriber/trust.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum { SOURCE_WHY_SIZE = 1024, SOURCE_MAX_AGE_S = 60 };

struct source {
	struct fetch *fetch;
	struct channel channel;
	struct trust trust;
	struct log_reader reader;
	struct keys *keys; /* of events; NULL until source_open_keys() */
	char note[512];    /* what the user should know after a call that went well; or empty */
};

/* Reads feed.json at `address`, and holds it against what is known of it. RESULT_OK: for source_close(). Else *source is
 * empty, and `why` says what is wrong: RESULT_CONFIG, RESULT_INVALID, RESULT_STORE, FETCH_ABSENT, RESULT_NOMEM,
 * RESULT_TIMEOUT (`stop` is set). */
MUST_USE int source_open(struct source *source, const char *address, const struct options *options,
			 volatile const sig_atomic_t *stop, char *why, size_t why_size);

/* Reads feed.json again: a registry moves its channel, or adds keys. If not RESULT_OK all is as it was. */
MUST_USE int source_renew(struct source *source, char *why, size_t why_size);

/* Reads jwks.json, or the file that the options name. The same results. */
MUST_USE int source_open_keys(struct source *source, const struct options *options, char *why,
			      size_t why_size);

/* Reads and verifies the checkpoint, and learns new keys that it bears. The same results. */
MUST_USE int source_head(struct source *source, struct log_head *head, char *why, size_t why_size);

/* Turns the reader to `head`, once the log is proved to have grown out of the checkpoint that was seen last; `head` is
 * the last one seen then, but not yet written. RESULT_BUSY: it is older than that one, which is no harm. RESULT_INVALID, with *is_fork: it has not; `why` says what is wrong, and
 * where the evidence is. */
MUST_USE int source_turn_to(struct source *source, const struct log_head *head, bool *is_fork,
			    char *why, size_t why_size);

void source_close(struct source *source);

#endif
