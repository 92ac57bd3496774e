#include "publisher/signing_key.h"

#include "publisher/key_source.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
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
	/* Before anything else of OpenSSL's: it must not hang a handler on the front end's exit. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	struct signing_key *key = calloc(1, sizeof *key);
	if (!key)
		return RESULT_NOMEM;
	key->library = OSSL_LIB_CTX_new();
	if (key->library)
		result = key_source_load(where, key->library, &key->source, why, why_size);
	if (result == RESULT_OK &&
	    (EVP_PKEY_get_raw_public_key(key->source.pair, key->public_key, &size) != 1 ||
	     feed_key_id(key->public_key, key->id) != RESULT_OK))
		result = RESULT_NOMEM;
	if (result != RESULT_OK)
		signing_key_free(&key);
	*out = key;
	return result;
}

void signing_key_free(struct signing_key **key)
{
	if (!*key)
		return;
	key_source_free(&(*key)->source);
	OSSL_LIB_CTX_free((*key)->library);
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
	signer->context = EVP_MD_CTX_new();
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
	EVP_MD_CTX_free((*signer)->context);
	free(*signer);
	*signer = NULL;
}

int signer_close_jws(struct signer *signer, struct buffer *jws)
{
	unsigned char signature[FEED_SIGNATURE_SIZE];
	size_t size = sizeof signature;
	/* Begun anew each time: newer versions of OpenSSL let a context sign once only. */
	if (EVP_DigestSignInit_ex(signer->context, NULL, NULL, signer->key->library, NULL,
				  signer->key->source.pair, NULL) != 1 ||
	    EVP_DigestSign(signer->context, signature, &size, (unsigned char *)jws->data,
			   jws->size) != 1)
		return RESULT_NOMEM;
	size_t before = jws->size;
	buffer_append_byte(jws, '.');
	feed_base64url_encode(signature, size, jws);
	if (!jws->failed)
		return RESULT_OK;
	jws->failed = false;
	jws->size = before;
	return RESULT_FULL;
}
