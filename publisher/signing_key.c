#include "publisher/signing_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static int open_private(const char *path, FILE **file, char *why, size_t why_size)
{
	struct stat mode;
	*file = fopen(path, "re");
	if (!*file || fstat(fileno(*file), &mode) != 0) {
		snprintf(why, why_size, "%s: %s; `epptapctl keygen DIRECTORY` makes keys", path,
			 strerror(errno));
		return RESULT_CONFIG;
	}
	if (mode.st_mode & 077) {
		snprintf(why, why_size,
			 "%s: its mode is %03o, so others than its owner can use this key; "
			 "`chmod 600 %s`",
			 path, (unsigned)(mode.st_mode & 0777), path);
		return RESULT_CONFIG;
	}
	return RESULT_OK;
}

static int read_pair(FILE *file, const char *path, EVP_PKEY **pair, char *why, size_t why_size)
{
	*pair = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
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
	FILE *file = NULL;
	size_t size = FEED_KEY_SIZE;
	*out = NULL;
	snprintf(why, why_size, "out of memory");
	/* Before anything else of OpenSSL's: it must not hang a handler on the front end's exit. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	struct signing_key *key = calloc(1, sizeof *key);
	if (!key)
		return RESULT_NOMEM;
	int result = open_private(path, &file, why, why_size);
	if (result == RESULT_OK)
		result = read_pair(file, path, &key->pair, why, why_size);
	if (result == RESULT_OK &&
	    (EVP_PKEY_get_raw_public_key(key->pair, key->public_key, &size) != 1 ||
	     feed_key_id(key->public_key, key->id) != RESULT_OK))
		result = RESULT_NOMEM;
	if (file)
		fclose(file);
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
	buffer_append_byte(jws, '.');
	feed_base64url_encode(signature, size, jws);
	return jws->failed ? RESULT_FULL : RESULT_OK;
}
