#include "publisher/signing_key.h"

#include "publisher/crypto_gate.h"
#include "publisher/key_source.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct signing_key {
	OSSL_LIB_CTX
	*library; /* our own: providers that a key needs are not put upon the front end */
	struct key_source source;
	uint8_t public_key[FEED_KEY_SIZE];
	char id[FEED_KEY_ID_SIZE];
};

struct signer {
	const struct signing_key *key;
	EVP_MD_CTX *context;
};

int signing_key_load(const char *where, struct signing_key **out, char *why, size_t why_size)
{
	size_t size = FEED_KEY_SIZE;
	int result = RESULT_NOMEM;
	*out = NULL;
	snprintf(why, why_size, "out of memory");
	crypto_gate_watch();
	struct signing_key *key = calloc(1, sizeof *key);
	if (!key || !crypto_gate_enter()) {
		free(key);
		return RESULT_NOMEM;
	}
	key->library = OSSL_LIB_CTX_new();
	if (key->library)
		result = key_source_load(where, key->library, &key->source, why, why_size);
	if (result == RESULT_OK &&
	    (EVP_PKEY_get_raw_public_key(key->source.pair, key->public_key, &size) != 1 ||
	     feed_key_id(key->public_key, key->id) != RESULT_OK))
		result = RESULT_NOMEM;
	crypto_gate_leave();
	if (result != RESULT_OK)
		signing_key_free(&key);
	*out = key;
	return result;
}

void signing_key_free(struct signing_key **key)
{
	if (!*key)
		return;
	if (crypto_gate_enter()) { /* else the process ends, and frees all */
		key_source_free(&(*key)->source);
		OSSL_LIB_CTX_free((*key)->library);
		crypto_gate_leave();
	}
	free(*key);
	*key = NULL;
}

const uint8_t *signing_key_public(const struct signing_key *key)
{
	return key->public_key;
}

const char *signing_key_id(const struct signing_key *key)
{
	return key->id;
}

int signer_new(const struct signing_key *key, struct signer **out)
{
	struct signer *signer = calloc(1, sizeof *signer);
	*out = NULL;
	if (!signer)
		return RESULT_NOMEM;
	signer->key = key;
	if (crypto_gate_enter()) {
		signer->context = EVP_MD_CTX_new();
		crypto_gate_leave();
	}
	if (!signer->context) {
		signer_free(&signer);
		return RESULT_NOMEM;
	}
	*out = signer;
	return RESULT_OK;
}

void signer_free(struct signer **signer)
{
	if (!*signer)
		return;
	if (crypto_gate_enter()) {
		EVP_MD_CTX_free((*signer)->context);
		crypto_gate_leave();
	}
	free(*signer);
	*signer = NULL;
}

int signer_sign(struct signer *signer, const void *bytes, size_t size,
		uint8_t signature[FEED_SIGNATURE_SIZE])
{
	size_t signature_size = FEED_SIGNATURE_SIZE;
	if (!crypto_gate_enter())
		return RESULT_NOMEM;
	/* Begun anew each time: newer versions of OpenSSL let a context sign once only. */
	bool good = EVP_DigestSignInit_ex(signer->context, NULL, NULL, signer->key->library, NULL,
					  signer->key->source.pair, NULL) == 1 &&
		    EVP_DigestSign(signer->context, signature, &signature_size, bytes, size) == 1;
	crypto_gate_leave();
	return good && signature_size == FEED_SIGNATURE_SIZE ? RESULT_OK : RESULT_NOMEM;
}

int signer_close_jws(struct signer *signer, struct buffer *jws)
{
	uint8_t signature[FEED_SIGNATURE_SIZE];
	int result = signer_sign(signer, jws->data, jws->size, signature);
	if (result != RESULT_OK)
		return result;
	size_t before = jws->size;
	buffer_append_byte(jws, '.');
	feed_base64url_encode(signature, sizeof signature, jws);
	if (!jws->failed)
		return RESULT_OK;
	jws->failed = false;
	jws->size = before;
	return RESULT_FULL;
}
