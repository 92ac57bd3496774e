/* key_source.h - finds the private key that a path or URI of the config names
 *
 * A path, or a file: URI, is a file in PEM or DER. We read it ourselves, so that the check of who may use it is made of
 * the bytes that are taken. A pkcs11: URI (RFC 7512) is a key in a token; OpenSSL's provider of that name, Debian's
 * package pkcs11-provider, opens it. Both go through OSSL_STORE, in a library context of the caller's: OpenSSL's
 * configuration file is not read there, and engines are not used.
 * Nobody is asked for a passphrase or a PIN. A pkcs11: URI says its PIN by pin-source, a file that its owner alone may
 * use, or by pin-value. Complaints show of a URI no more than what stands before its query.
 * Stateless: any thread may call, with a library context of its own. Blocks as files and tokens do.
 */
#ifndef PUBLISHER_KEY_SOURCE_H
#define PUBLISHER_KEY_SOURCE_H

#include "base/result.h"

#include <openssl/types.h>
#include <stddef.h>

struct key_source {
	EVP_PKEY *pair;
	OSSL_PROVIDER *provider; /* has the key's token open; NULL: it was in a file */
};

/* Takes the one Ed25519 private key that `where` names; public keys and certificates beside it are passed over.
 * RESULT_OK: *source is the caller's, who frees it, and then `library`. RESULT_CONFIG: `why` says "WHERE: what is
 * wrong; what would be right". RESULT_NOMEM. On failure *source is empty. The thread's queue of OpenSSL's errors is
 * left as it was. */
MUST_USE int key_source_load(const char *where, OSSL_LIB_CTX *library, struct key_source *source,
			     char *why, size_t why_size);

/* Accepts an empty one, and leaves it empty. */
void key_source_free(struct key_source *source);

#endif
