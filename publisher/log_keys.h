/* log_keys.h - the keys that sign the channels' logs
 *
 * keys.log signs each checkpoint under the log's origin, keys.cosigner adds a line with the time: one name for all of a
 * registry's channels, "<host>/cosigner". While keys.log_before names a key, too, that signs beside keys.log, so that
 * readers who know only the older one go on.
 * Owner: whoever loaded them; log_keys_sign() for one thread at a time.
 */
#ifndef PUBLISHER_LOG_KEYS_H
#define PUBLISHER_LOG_KEYS_H

#include "base/config.h"
#include "publisher/note.h"
#include "publisher/signing_key.h"

struct log_keys;

enum { LOG_VERIFIERS_MAX = 3 };

/* Loads them. RESULT_OK, with *keys NULL if the config names none: no channel has a log then; RESULT_CONFIG: one can't be
 * had, or is the same as another or as the event key: `why` says which, and what would be right; RESULT_NOMEM. */
MUST_USE int log_keys_load(const struct config *config, const uint8_t event_key[FEED_KEY_SIZE],
			   struct log_keys **keys, char *why, size_t why_size);
void log_keys_free(struct log_keys **keys);

/* What readers of the log with this origin verify by: the log's keys, the present one first, then the cosigner's.
 * RESULT_OK; RESULT_INVALID: the origin is no name for a key; RESULT_NOMEM. */
MUST_USE int log_keys_verifiers(const struct log_keys *keys, const char *origin,
				struct verifier verifiers[LOG_VERIFIERS_MAX], size_t *count);

/* Puts the checkpoint, signed by all of them at `time_s`, into `note`. RESULT_OK, RESULT_INVALID, RESULT_NOMEM (or a
 * token that can't sign now). */
MUST_USE int log_keys_sign(struct log_keys *keys, const struct checkpoint *checkpoint,
			   int64_t time_s, struct buffer *note);

#endif
