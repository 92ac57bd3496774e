/* jwks.h - jwks.json (RFC 7517) in each channel's log_dir: every key that signed what the store holds */
#ifndef PUBLISHER_JWKS_H
#define PUBLISHER_JWKS_H

#include "base/config.h"
#include "publisher/feed_store.h"
#include "publisher/signing_key.h"

/* Remembers the key in the store, makes the log_dirs that are missing, and writes the file in each.
 * RESULT_OK, or RESULT_STORE or RESULT_NOMEM with `why`. */
MUST_USE int jwks_publish(const struct config *config, const struct signing_key *key,
			  struct feed_store *store, char *why, size_t why_size);

#endif
