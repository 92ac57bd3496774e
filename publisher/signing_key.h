/* signing_key.h - an Ed25519 key that signs events or logs, from a file or a token
 *
 * Owner: whoever loaded it. A key is immutable: any number of signers may share it, each in a thread of its own.
 */
#ifndef PUBLISHER_SIGNING_KEY_H
#define PUBLISHER_SIGNING_KEY_H

#include "base/buffer.h"
#include "base/result.h"
#include "publisher/feed_format.h"

#include <stddef.h>

struct signing_key;

/* Takes the private key that `where`, a path or URI, names; key_source.h tells how. RESULT_CONFIG: it can't be read,
 * others than its owner can read it, or it is no Ed25519 key to be had without a question; `why` says so, and what
 * would be right. RESULT_NOMEM. */
MUST_USE int signing_key_load(const char *where, struct signing_key **key, char *why,
			      size_t why_size);
void signing_key_free(struct signing_key **key);

const uint8_t *signing_key_public(const struct signing_key *key); /* FEED_KEY_SIZE bytes */
const char *signing_key_id(const struct signing_key *key);

/* Signs; for one thread at a time. */
struct signer;
MUST_USE int signer_new(const struct signing_key *key, struct signer **signer);
void signer_free(struct signer **signer);

/* Puts the signature of these bytes into `signature`. RESULT_OK, RESULT_NOMEM. */
MUST_USE int signer_sign(struct signer *signer, const void *bytes, size_t size,
			 uint8_t signature[FEED_SIGNATURE_SIZE]);

/* Closes a JWS (RFC 7515, 7.1): `jws` holds "header.payload", to which ".signature" is appended.
 * RESULT_OK, or RESULT_FULL (the buffer's maximum, or no memory for it) or RESULT_NOMEM: `jws` is as it was. */
MUST_USE int signer_close_jws(struct signer *signer, struct buffer *jws);

#endif
