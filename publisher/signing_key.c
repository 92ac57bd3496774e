#include "publisher/signing_key.h"

#include "base/file.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_MAX = 16384 };

struct signing_key {
	EVP_PKEY *pair;
	uint8_t public_key[FEED_KEY_SIZE];
	char id[FEED_KEY_ID_SIZE];
};

struct signer {
	const struct signing_key *key;
	EVP_MD_CTX *context;
};

/* A key file with a passphrase must not make OpenSSL ask for it on the front end's terminal. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static int read_pair(const struct buffer *pem, const char *path, EVP_PKEY **pair, char *why,
		     size_t why_size)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->size);
	*pair = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!*pair) {
		snprintf(why, why_size,
			 "%s: no private key in PEM without a passphrase; `epptapctl keygen "
			 "DIRECTORY` makes one",
			 path);
		return RESULT_CONFIG;
	}
	if (EVP_PKEY_get_id(*pair) != EVP_PKEY_ED25519) {
		snprintf(why, why_size, "%s: holds a key of type %s; an Ed25519 key is needed",
			 path,
			 EVP_PKEY_get0_type_name(*pair) ? EVP_PKEY_get0_type_name(*pair)
							: "unknown");
		return RESULT_CONFIG;
	}
	return RESULT_OK;
}

int signing_key_load(const char *path, struct signing_key **out, char *why, size_t why_size)
{
	struct buffer pem;
	size_t size = FEED_KEY_SIZE;
	*out = NULL;
	buffer_init(&pem, PEM_MAX);
	snprintf(why, why_size, "out of memory");
	/* Before anything else of OpenSSL's: it must not hang a handler on the front end's exit. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	struct signing_key *key = calloc(1, sizeof *key);
	if (!key)
		return RESULT_NOMEM;
	int result = file_read_private(path, &pem, "`epptapctl keygen DIRECTORY` makes keys", why,
				       why_size);
	if (result == RESULT_OK)
		result = read_pair(&pem, path, &key->pair, why, why_size);
	if (result == RESULT_OK &&
	    (EVP_PKEY_get_raw_public_key(key->pair, key->public_key, &size) != 1 ||
	     feed_key_id(key->public_key, key->id) != RESULT_OK))
		result = RESULT_NOMEM;
	if (pem.data)
		OPENSSL_cleanse(pem.data, pem.capacity);
	buffer_free(&pem);
	if (result != RESULT_OK)
		signing_key_free(&key);
	*out = key;
	return result;
}

void signing_key_free(struct signing_key **key)
{
	if (!*key)
		return;
	EVP_PKEY_free((*key)->pair);
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
	if (EVP_DigestSignInit(signer->context, NULL, NULL, NULL, signer->key->pair) != 1 ||
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
