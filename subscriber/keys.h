/* keys.h - the registry's event keys, from the JWKS file that the user trusts
 *
 * Only Ed25519 keys (kty OKP) are taken, and not those with a `use` other than "sig"; keys of other kinds are passed
 * over. A key's kid must be its RFC 7638 thumbprint: a file where it isn't is refused as a whole, for it was made by
 * hand or meddled with.
 * Owner: whoever called keys_load(); not thread-safe. The path must outlive the keys. Reads block as a file does.
 */
#ifndef SUBSCRIBER_KEYS_H
#define SUBSCRIBER_KEYS_H

#include "base/result.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEYS_FILE_MAX = 1 << 20, /* bytes of a JWKS file */
	KEYS_REREAD_MS = 1000,   /* a file is read again at most this often */
};

struct keys;

/* Reads `path`. RESULT_OK: *keys is the caller's, for keys_free(). RESULT_CONFIG (the file is missing or wrong) or
 * RESULT_NOMEM: *keys is NULL, `why` says what is wrong, where, and what would be right. */
MUST_USE int keys_load(const char *path, struct keys **keys, char *why, size_t why_size);

/* Reads the file again, for keys rotate; `now_us` is CLOCK_MONOTONIC. RESULT_OK: these are the keys now, those no
 * longer in the file are gone. RESULT_BUSY: the last time was too short ago; nothing was read. RESULT_CONFIG,
 * RESULT_NOMEM: as keys_load(), and the keys stay as they were. */
MUST_USE int keys_reread(struct keys *keys, int64_t now_us, char *why, size_t why_size);

/* The key of this id, or NULL. Good until the next keys_reread() or keys_free(). */
EVP_PKEY *keys_find(const struct keys *keys, const char *kid);

void keys_free(struct keys **keys);

#endif
