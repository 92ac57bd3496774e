/* What is taken as a key and what is refused, in which words: files, and URIs that a provider opens.
 *
 * The provider here is a stand-in with one job: to see which URI it is handed, and to ask for a passphrase if told to.
 * A real token is used in conformance/test_softhsm.py.
 */
#include "publisher/key_source.h"

#include "publisher/test/fixture.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch scratch;
static char path[128], where[512], why[1024];
static OSSL_LIB_CTX *library;
static struct key_source source;

/* The stand-in. */

static char opened[512];
static bool asks;

static void *stand_in_open(void *context, const char *uri)
{
	(void)context;
	snprintf(opened, sizeof opened, "%s", uri);
	return opened;
}

static int stand_in_load(void *context, OSSL_CALLBACK *object, void *object_arg,
			 OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	(void)context;
	(void)object;
	(void)object_arg;
	char answer[16];
	size_t size = 0;
	if (asks && ask(answer, sizeof answer, &size, NULL, ask_arg) == 1)
		snprintf(opened, sizeof opened, "answered");
	asks = false;
	return 0;
}

static int stand_in_eof(void *context)
{
	(void)context;
	return !asks;
}

static int stand_in_close(void *context)
{
	(void)context;
	return 1;
}

static int stand_in_set(void *context, const OSSL_PARAM parameters[])
{
	(void)context;
	(void)parameters;
	return 1;
}

static const OSSL_DISPATCH stand_in_store[] = {
	{OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))stand_in_set},
	{OSSL_FUNC_STORE_OPEN, (void (*)(void))stand_in_open},
	{OSSL_FUNC_STORE_LOAD, (void (*)(void))stand_in_load},
	{OSSL_FUNC_STORE_EOF, (void (*)(void))stand_in_eof},
	{OSSL_FUNC_STORE_CLOSE, (void (*)(void))stand_in_close},
	{0, NULL},
};

static const OSSL_ALGORITHM *stand_in_query(void *context, int operation, int *no_cache)
{
	static const OSSL_ALGORITHM stores[] = {{"pkcs11", "provider=pkcs11", stand_in_store, NULL},
						{NULL, NULL, NULL, NULL}};
	(void)context;
	*no_cache = 0;
	return operation == OSSL_OP_STORE ? stores : NULL;
}

static int stand_in_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
			 const OSSL_DISPATCH **functions, void **context)
{
	static const OSSL_DISPATCH table[] = {
		{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))stand_in_query}, {0, NULL}};
	(void)handle;
	(void)core;
	*functions = table;
	*context = opened;
	return 1;
}

/* What all tests need. */

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	setenv("OPENSSL_MODULES", scratch.path, 1); /* no provider of the system's */
	library = OSSL_LIB_CTX_new();
	*why = *opened = '\0';
	return library ? 0 : -1;
}

static int set_up_stand_in(void **state)
{
	return set_up(state) || OSSL_PROVIDER_add_builtin(library, "pkcs11", stand_in_init) != 1;
}

static int tear_down(void **state)
{
	(void)state;
	key_source_free(&source);
	OSSL_LIB_CTX_free(library);
	scratch_remove(scratch.path);
	return 0;
}

static void assert_taken(const char *name)
{
	if (key_source_load(name, library, &source, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_true(EVP_PKEY_is_a(source.pair, "ED25519"));
	key_source_free(&source);
	assert_null(source.pair);
}

/* `name` is refused as `shown`, and in words that hold `words`. */
static void assert_refused(const char *name, const char *shown, const char *words)
{
	source.pair = (EVP_PKEY *)why;
	assert_int_equal(key_source_load(name, library, &source, why, sizeof why), RESULT_CONFIG);
	assert_null(source.pair);
	assert_null(source.provider);
	assert_memory_equal(why, shown, strlen(shown));
	assert_memory_equal(why + strlen(shown), ": ", 2);
	if (!strstr(why, words))
		fail_msg("no \"%s\" in: %s", words, why);
}

static void write_file(const char *to, const void *bytes, size_t size, mode_t mode)
{
	FILE *file = fopen(to, "we");
	FIXTURE_MUST(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
	FIXTURE_MUST(chmod(to, mode) == 0);
}

/* Writes the parts of a new key in one file: p the private, u the public key, t a line of text. */
static void write_parts(const char *parts)
{
	BIO *bio = BIO_new(BIO_s_mem());
	for (; *parts; parts++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		if (*parts == 'p')
			PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
		else if (*parts == 'u')
			PEM_write_bio_PUBKEY(bio, key);
		else
			BIO_puts(bio, "made by hand\n");
		EVP_PKEY_free(key);
	}
	char *bytes;
	long size = BIO_get_mem_data(bio, &bytes);
	write_file(path, bytes, (size_t)size, 0600);
	BIO_free(bio);
}

/* Files. */

static void a_file_is_named_by_its_path_or_by_a_uri(void **state)
{
	(void)state;
	static const char *const forms[] = {"", "file:", "file://", "file://localhost"};
	fixture_key(path, "ED25519", NULL);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		snprintf(where, sizeof where, "%s%s", forms[i], path);
		assert_taken(where);
	}
}

static void a_file_may_be_der_and_hold_more_than_the_key(void **state)
{
	(void)state;
	static const char *const parts[] = {"p", "up", "pu", "tpt"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		write_parts(parts[i]);
		assert_taken(path);
	}
	unsigned char *der = NULL;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int size = i2d_PrivateKey(key, &der);
	FIXTURE_MUST(size > 0);
	write_file(path, der, (size_t)size, 0600);
	assert_taken(path);
	write_file(path, der, (size_t)size - 1, 0600);
	assert_refused(path, path, "no private key in PEM or DER");
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

static void a_file_with_several_private_keys_is_refused(void **state)
{
	(void)state;
	write_parts("pp");
	assert_refused(path, path, "holds 2 private keys; leave one in it");
	write_parts("puptp");
	assert_refused(path, path, "holds 3 private keys; leave one in it");
}

static void a_public_key_alone_is_refused(void **state)
{
	(void)state;
	write_parts("u");
	assert_refused(path, path, "holds a public key only; the private one is needed");
	write_parts("utu");
	assert_refused(path, path, "holds a public key only; the private one is needed");
}

static void keys_of_other_kinds_are_refused_by_name(void **state)
{
	(void)state;
	static const char *const kinds[] = {"X25519", "ED448", "EC"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char words[64];
		fixture_key(path, kinds[i], NULL);
		snprintf(words, sizeof words, "holds a key of type %s; an Ed25519 key is needed",
			 kinds[i]);
		assert_refused(path, path, words);
	}
	BIO *bio = BIO_new_file(path, "w");
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	FIXTURE_MUST(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	BIO_free(bio);
	EVP_PKEY_free(key);
	assert_refused(path, path, "holds a key of type RSA; an Ed25519 key is needed");
}

/* A prompt would read from the terminal, or fail with other words; the test would hang in one. */
static void a_passphrase_is_never_asked_for(void **state)
{
	(void)state;
	fixture_key(path, "ED25519", "secret");
	assert_refused(path, path,
		       "is locked by a passphrase, and nobody is asked for it; "
		       "`openssl pkey -in OLD -out NEW` writes the key without");
}

static void what_is_no_key_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "hello\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_file(path, texts[i], strlen(texts[i]), 0600);
		assert_refused(path, path,
			       "no private key in PEM or DER in it; `epptapctl keygen "
			       "DIRECTORY` makes keys");
	}
}

static void a_file_that_is_not_there_says_how_keys_are_made(void **state)
{
	(void)state;
	static const char words[] =
		"No such file or directory; `epptapctl keygen DIRECTORY` makes keys";
	assert_refused(path, path, words);
	snprintf(where, sizeof where, "file:%s", path);
	assert_refused(where, path, words);
	assert_refused(scratch.path, scratch.path, "Is a directory");
}

static void a_file_that_others_can_use_is_refused_with_the_command_that_helps(void **state)
{
	(void)state;
	static const mode_t modes[] = {0640, 0604, 0660, 0610, 0601};
	char words[160];
	fixture_key(path, "ED25519", NULL);
	snprintf(where, sizeof where, "file://%s", path);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		chmod(path, modes[i]);
		snprintf(words, sizeof words,
			 "its mode is %03o, so others than its owner can use this key; `chmod 600 ",
			 (unsigned)modes[i]);
		assert_refused(path, path, words);
		assert_refused(where, path, words);
	}
	chmod(path, 0400);
	assert_taken(where);
}

/* URIs. */

static void a_uri_that_nobody_serves_is_refused_with_what_is_missing(void **state)
{
	(void)state;
	assert_refused("pkcs11:object=a?pin-value=1234", "pkcs11:object=a",
		       "OpenSSL has no provider for pkcs11: here; Debian 13 has it in the package "
		       "pkcs11-provider, Debian 12 does not");
	assert_refused("org.openssl.engine:pkcs11:pkcs11:object=a",
		       "org.openssl.engine:pkcs11:pkcs11:object=a",
		       "engines are not used; write the URI behind it, pkcs11:...");
	assert_refused("handle:0x81000000", "handle:0x81000000",
		       "no key can be read by this scheme; write a path, or a URI with file: or "
		       "pkcs11:");
	assert_refused("file:event.pem", "file:event.pem", "write file:/PATH");
}

/* OSSL_STORE by itself takes any text for the name of a file, first of all, and looks at no mode. */
static void a_file_of_the_uris_name_is_not_opened(void **state)
{
	(void)state;
	char before[PATH_MAX];
	FIXTURE_MUST(getcwd(before, sizeof before) && chdir(scratch.path) == 0);
	fixture_key("pkcs11:object=a?pin-value=1", "ED25519", NULL);
	int result =
		key_source_load("pkcs11:object=a?pin-value=1", library, &source, why, sizeof why);
	FIXTURE_MUST(chdir(before) == 0);
	assert_int_equal(result, RESULT_CONFIG);
	assert_non_null(strstr(why, "no private key found; are token, object and PIN right"));
	assert_string_equal(opened, "pkcs11:object=a?pin-value=1");
}

static void a_token_needs_a_pin_in_its_uri(void **state)
{
	(void)state;
	static const char *const uris[] = {"pkcs11:object=a", "pkcs11:object=a?",
					   "pkcs11:object=a?module-name=b",
					   "pkcs11:object=a?pin-values=1"};
	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++)
		assert_refused(uris[i], "pkcs11:object=a", "names no PIN; write ?pin-source=/PATH");
	assert_refused("pkcs11:object=a;pin-value=1", "pkcs11:object=a;", "names no PIN");
	assert_refused("pkcs11:object=a?pin-value=1&pin-source=/a", "pkcs11:object=a",
		       "names both pin-source and pin-value");
	assert_string_equal(opened, "");
}

static void a_pin_in_a_file_is_handed_over_by_value(void **state)
{
	(void)state;
	static const char *const texts[] = {"12 &", "12 &\n", "12 &\r\n", "12 &\nmore\n"};
	static const char *const forms[] = {"", "file:", "file://"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		for (size_t j = 0; j < sizeof forms / sizeof *forms; j++) {
			write_file(path, texts[i], strlen(texts[i]), 0600);
			snprintf(where, sizeof where,
				 "pkcs11:object=a?module-name=b&pin-source=%s%s&x=y", forms[j],
				 path);
			assert_refused(where, "pkcs11:object=a", "no private key found");
			assert_string_equal(
				opened, "pkcs11:object=a?module-name=b&pin-value=%31%32%20%26&x=y");
		}
	}
}

static void a_pin_file_is_its_owners_alone_and_holds_a_pin(void **state)
{
	(void)state;
	snprintf(where, sizeof where, "pkcs11:object=a?pin-source=%s", path);
	assert_refused(where, path, "No such file or directory; it must hold the token's PIN");
	write_file(path, "1234\n", 5, 0640);
	assert_refused(where, path, "its mode is 640");
	write_file(path, "\n1234\n", 6, 0600);
	assert_refused(where, "pkcs11:object=a", "the file that pin-source names is empty");
	assert_refused("pkcs11:object=a?pin-source=pin", "pkcs11:object=a",
		       "pin-source must be an absolute path");
	assert_refused("pkcs11:object=a?pin-source=%7cdate", "pkcs11:object=a",
		       "pin-source must be an absolute path");
	assert_string_equal(opened, "");
}

static void a_provider_that_asks_gets_no_answer(void **state)
{
	(void)state;
	asks = true;
	assert_refused("pkcs11:object=a?pin-value=1", "pkcs11:object=a", "nobody is asked for it");
	assert_string_equal(opened, "pkcs11:object=a?pin-value=1");
}

static void the_threads_openssl_errors_are_left_as_they_were(void **state)
{
	(void)state;
	ERR_clear_error();
	assert_refused("pkcs11:object=a?pin-value=1", "pkcs11:object=a", "");
	assert_refused(path, path, "");
	write_file(path, "hello\n", 6, 0600);
	assert_refused(path, path, "");
	assert_int_equal(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_USER, 7);
	assert_refused(path, path, "");
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), 7);
	assert_int_equal(ERR_peek_error(), 0);
}

#define ALONE(test)         cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define WITH_STAND_IN(test) cmocka_unit_test_setup_teardown(test, set_up_stand_in, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALONE(a_file_is_named_by_its_path_or_by_a_uri),
		ALONE(a_file_may_be_der_and_hold_more_than_the_key),
		ALONE(a_file_with_several_private_keys_is_refused),
		ALONE(a_public_key_alone_is_refused),
		ALONE(keys_of_other_kinds_are_refused_by_name),
		ALONE(a_passphrase_is_never_asked_for),
		ALONE(what_is_no_key_is_refused),
		ALONE(a_file_that_is_not_there_says_how_keys_are_made),
		ALONE(a_file_that_others_can_use_is_refused_with_the_command_that_helps),
		ALONE(a_uri_that_nobody_serves_is_refused_with_what_is_missing),
		ALONE(the_threads_openssl_errors_are_left_as_they_were),
		WITH_STAND_IN(a_file_of_the_uris_name_is_not_opened),
		WITH_STAND_IN(a_token_needs_a_pin_in_its_uri),
		WITH_STAND_IN(a_pin_in_a_file_is_handed_over_by_value),
		WITH_STAND_IN(a_pin_file_is_its_owners_alone_and_holds_a_pin),
		WITH_STAND_IN(a_provider_that_asks_gets_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
