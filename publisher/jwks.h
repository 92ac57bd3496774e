/* jwks.h - jwks.json (RFC 7517) in each channel's log_dir: every key that signed what the store holds */
#ifndef PUBLISHER_JWKS_H
#define PUBLISHER_JWKS_H

#include "base/config.h"
#include "publisher/feed_store.h"
#include "publisher/json.h"

/* Makes the log_dirs that are missing, and writes the store's keys, but for revoked ones, into the file in each.
 * RESULT_OK, or RESULT_STORE or RESULT_NOMEM with `why`. */
MUST_USE int jwks_publish(const struct config *config, struct feed_store *store, char *why,
			  size_t why_size);

/* Writes one key as a JWK; `name` is the member's, or NULL within a list. */
void jwk_write(struct json *json, const char *name, const char *id, size_t id_size,
	       const uint8_t key[FEED_KEY_SIZE]);

#endif
