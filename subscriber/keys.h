/* keys.h - the registry's event keys: those of the JWKS file that the user trusts, and what the feed says of keys
 *
 * A verified event urn:epptap:key adds a key, or revokes one; retired ones stay, for what they signed.
 * Only Ed25519 keys (kty OKP) are taken, and not those with a `use` other than "sig"; keys of other kinds are passed
 * over. A key's kid must be its RFC 7638 thumbprint: a file where it isn't is refused as a whole, for it was made by
 * hand or meddled with.
 * Owner: whoever called keys_load() or keys_open(); not thread-safe. The path must outlive the keys. Reads block as a file does.
 */
#ifndef SUBSCRIBER_KEYS_H
#define SUBSCRIBER_KEYS_H

#include "base/buffer.h"
#include "base/result.h"
#include "subscriber/complaint.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEYS_FILE_MAX = 1 << 20, /* bytes of a JWKS file */
	KEYS_REREAD_MS = 1000,   /* a file is read again at most this often */
};

struct keys;

/* Where a JWKS comes from. */
struct keys_source {
	const char *name; /* for messages: a path or an address. Must outlive the keys */
	/* Puts it into `into`, at most KEYS_FILE_MAX bytes. If not RESULT_OK, `why`, whose path is the name, says why;
	 * RESULT_NOMEM needs no words. */
	int (*read)(void *context, struct buffer *into, const struct complaint *why);
	void *context;
};

/* Reads `path`. RESULT_OK: *keys is the caller's, for keys_free(). RESULT_CONFIG (the file is missing or wrong) or
 * RESULT_NOMEM: *keys is NULL, `why` says what is wrong, where, and what would be right. */
MUST_USE int keys_load(const char *path, struct keys **keys, char *why, size_t why_size);

/* The same from elsewhere: the results are those above, and those of source->read(). */
MUST_USE int keys_open(const struct keys_source *source, struct keys **keys, char *why,
		       size_t why_size);

/* Reads the file again, for keys rotate; `now_us` is CLOCK_MONOTONIC. RESULT_OK: these are the keys now, those no
 * longer in the file are gone. RESULT_BUSY: the last time was too short ago; nothing was read. RESULT_CONFIG,
 * RESULT_NOMEM: as keys_load(), and the keys stay as they were. */
MUST_USE int keys_reread(struct keys *keys, int64_t now_us, char *why, size_t why_size);

/* What the feed says of a key, in an event that a key trusted before has signed: `what` is the value of urn:epptap:key.
 * A revoked key stays out, whatever the file says. RESULT_OK: done, or of no interest; RESULT_CONFIG: a key that is
 * none, `why` says so; RESULT_NOMEM. */
MUST_USE int keys_learn(struct keys *keys, const json_t *what, char *why, size_t why_size);

/* Did the feed say that this key is revoked? */
bool keys_is_revoked(const struct keys *keys, const char *kid);

/* The key of this id, or NULL. Good until the next keys_reread() or keys_free(). */
EVP_PKEY *keys_find(const struct keys *keys, const char *kid);

void keys_free(struct keys **keys);

#endif
