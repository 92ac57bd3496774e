/* signer.h - for the tests: a registry with a fresh key, its JWKS file, and events as it would sign them
 *
 * Everything here asserts; only tests include it.
 */
#ifndef SUBSCRIBER_TEST_SIGNER_H
#define SUBSCRIBER_TEST_SIGNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "publisher/feed_format.h"
#include "subscriber/message.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGISTRY      "https://registry.example"

/* The claims of an ordinary event, in parts, so that a test can leave one out or say it differently. */
#define CLAIM_ISS     "\"iss\":\"" REGISTRY "\""
#define CLAIM_JTI     "\"jti\":\"AAAAAAAAAAAAAAAAAAAAAA\""
#define CLAIM_IAT     "\"iat\":1700000001"
#define CLAIM_TOE     "\"toe\":1700000000.123"
#define CLAIM_SUB_ID  "\"sub_id\":{\"format\":\"uri\",\"uri\":\"dns:example.org\"}"
#define DOMAIN_UPDATE "urn:ietf:params:xml:ns:domain-1.0#update"
#define HOST_UPDATE   "urn:ietf:params:xml:ns:host-1.0#update"
#define CLAIM_EVENTS                                                                               \
	"\"events\":{\"" DOMAIN_UPDATE "\":{\"objectClassName\":\"domain\","                       \
	"\"registrar\":\"ClientX\",\"impact\":[\"delegation\",\"unlock\"]}}"
#define CLAIMS                                                                                     \
	"{" CLAIM_ISS "," CLAIM_JTI "," CLAIM_IAT "," CLAIM_TOE "," CLAIM_SUB_ID "," CLAIM_EVENTS  \
	"}"
#define TOPIC "org.example."

struct signer {
	EVP_PKEY *key;
	char kid[FEED_KEY_ID_SIZE];
	char x[FEED_KEY_ID_SIZE]; /* 32 bytes too */
};

static inline void signer_init(struct signer *signer)
{
	uint8_t raw[FEED_KEY_SIZE];
	size_t size = sizeof raw;
	struct buffer x;
	buffer_init(&x, 64);
	signer->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(signer->key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(signer->key, raw, &size), 1);
	assert_int_equal(feed_key_id(raw, signer->kid), RESULT_OK);
	feed_base64url_encode(raw, sizeof raw, &x);
	assert_int_equal(x.size, sizeof signer->x - 1);
	memcpy(signer->x, x.data, x.size);
	signer->x[x.size] = '\0';
	buffer_free(&x);
}

static inline void signer_free(struct signer *signer)
{
	EVP_PKEY_free(signer->key);
}

/* A new file with this text; the path is for free() after unlink(). */
static inline char *file_with(const char *text)
{
	const char *folder = getenv("TMPDIR");
	char *path;
	assert_true(asprintf(&path, "%s/eppwatch-test-XXXXXX", folder ? folder : "/tmp") > 0);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), RESULT_OK);
	close(fd);
	return path;
}

static inline void remove_file(char *path)
{
	unlink(path);
	free(path);
}

static inline void rewrite_file(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0600, true), RESULT_OK);
}

/* The JWKS of one or two keys; for free(). */
static inline char *jwks_of(const struct signer *one, const struct signer *two)
{
	char second[256] = "", *text;
	if (two)
		snprintf(second, sizeof second,
			 ",{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"}",
			 two->kid, two->x);
	assert_true(asprintf(&text,
			     "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\","
			     "\"x\":\"%s\",\"use\":\"sig\"}%s]}",
			     one->kid, one->x, second) > 0);
	return text;
}

/* The header as the publisher writes it; for free(). */
static inline char *header_of(const struct signer *signer)
{
	char *text;
	assert_true(asprintf(&text, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"secevent+jwt\"}",
			     signer->kid) > 0);
	return text;
}

/* Signs what stands in `jws`, and appends the signature. */
static inline void append_signature(struct buffer *jws, const struct signer *signer)
{
	uint8_t signature[FEED_SIGNATURE_SIZE];
	size_t size = sizeof signature;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, signer->key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &size, (uint8_t *)jws->data, jws->size),
			 1);
	EVP_MD_CTX_free(context);
	buffer_append_text(jws, ".");
	feed_base64url_encode(signature, size, jws);
	assert_false(jws->failed);
}

/* A compact JWS of any header (NULL: the right one) and payload, with a signature that matches. For buffer_free(). */
static inline struct buffer sign(const struct signer *signer, const char *header,
				 const char *payload)
{
	struct buffer jws;
	buffer_init(&jws, 2 * FEED_JWS_MAX);
	char *right = header_of(signer);
	const char *chosen = header ? header : right;
	feed_base64url_encode(chosen, strlen(chosen), &jws);
	buffer_append_text(&jws, ".");
	feed_base64url_encode(payload, strlen(payload), &jws);
	append_signature(&jws, signer);
	free(right);
	return jws;
}

static inline struct message message_of(const char *topic, const char *index,
					const struct buffer *jws)
{
	return (struct message){.frames = MESSAGE_FRAMES,
				.topic = {topic, strlen(topic)},
				.index = {index, strlen(index)},
				.jws = {jws->data, jws->size}};
}

#endif
