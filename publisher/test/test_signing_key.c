/* Which key files are taken, and that what they sign verifies. */
#include "publisher/signing_key.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch scratch;
static char path[128], why[512];
static struct signing_key *key;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	*why = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	signing_key_free(&key);
	scratch_remove(scratch.path);
	return 0;
}

static void assert_refused(const char *words)
{
	key = (struct signing_key *)why;
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_CONFIG);
	assert_null(key);
	assert_memory_equal(why, path, strlen(path));
	if (!strstr(why, words))
		fail_msg("no \"%s\" in: %s", words, why);
}

static void a_key_is_loaded_with_its_thumbprint(void **state)
{
	(void)state;
	char id[FEED_KEY_ID_SIZE];
	fixture_key(path, "ED25519", NULL);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	assert_int_equal(feed_key_id(signing_key_public(key), id), RESULT_OK);
	assert_string_equal(signing_key_id(key), id);
}

static void a_file_that_is_not_there_says_how_keys_are_made(void **state)
{
	(void)state;
	assert_refused("No such file or directory; `epptapctl keygen DIRECTORY` makes keys");
}

static void a_key_that_others_can_read_is_refused_with_the_command_that_helps(void **state)
{
	(void)state;
	static const mode_t modes[] = {0640, 0604, 0660, 0610, 0601};
	char words[160];
	fixture_key(path, "ED25519", NULL);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		chmod(path, modes[i]);
		snprintf(words, sizeof words, "its mode is %03o, so others", (unsigned)modes[i]);
		assert_refused(words);
		assert_non_null(strstr(why, "`chmod 600 "));
	}
	chmod(path, 0400);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
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
		assert_refused(words);
	}
}

/* A prompt would read from the terminal, or fail with other words; the test would hang in one. */
static void a_passphrase_is_never_asked_for(void **state)
{
	(void)state;
	fixture_key(path, "ED25519", "secret");
	assert_refused("no private key in PEM without a passphrase");
}

static void what_is_no_key_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "hello\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		FILE *file = fopen(path, "we");
		fputs(texts[i], file);
		fclose(file);
		chmod(path, 0600);
		assert_refused("no private key in PEM");
	}
}

static bool verifies(const struct buffer *jws)
{
	struct buffer signature;
	const char *dot = memrchr(jws->data, '.', jws->size);
	size_t signed_size = (size_t)(dot - jws->data);
	buffer_init(&signature, FEED_SIGNATURE_SIZE);
	assert_int_equal(feed_base64url_decode(dot + 1, jws->size - signed_size - 1, &signature),
			 RESULT_OK);
	assert_int_equal(signature.size, FEED_SIGNATURE_SIZE);
	EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
							   signing_key_public(key), FEED_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1 &&
		    EVP_DigestVerify(context, (unsigned char *)signature.data, signature.size,
				     (unsigned char *)jws->data, signed_size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	buffer_free(&signature);
	return good;
}

static void one_signer_signs_many_times_and_each_signature_verifies(void **state)
{
	(void)state;
	struct signer *signer;
	struct buffer jws;
	fixture_key(path, "ED25519", NULL);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	assert_int_equal(signer_new(key, &signer), RESULT_OK);
	buffer_init(&jws, 1000);
	for (int i = 0; i < 20; i++) {
		buffer_reset(&jws);
		buffer_printf(&jws, "eyJ9.payload%d", i);
		size_t before = jws.size;
		assert_int_equal(signer_close_jws(signer, &jws), RESULT_OK);
		assert_int_equal(jws.size, before + 1 + 86);
		assert_true(verifies(&jws));
		jws.data[2] ^= 1;
		assert_false(verifies(&jws));
	}
	buffer_free(&jws);
	signer_free(&signer);
	assert_null(signer);
	signer_free(&signer);
}

static void a_signature_that_does_not_fit_is_full(void **state)
{
	(void)state;
	struct signer *signer;
	struct buffer jws;
	fixture_key(path, "ED25519", NULL);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	assert_int_equal(signer_new(key, &signer), RESULT_OK);
	buffer_init(&jws, 90);
	buffer_append_text(&jws, "header.payload");
	assert_int_equal(signer_close_jws(signer, &jws), RESULT_FULL);
	buffer_free(&jws);
	signer_free(&signer);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(a_key_is_loaded_with_its_thumbprint),
		IN_SCRATCH(a_file_that_is_not_there_says_how_keys_are_made),
		IN_SCRATCH(a_key_that_others_can_read_is_refused_with_the_command_that_helps),
		IN_SCRATCH(keys_of_other_kinds_are_refused_by_name),
		IN_SCRATCH(a_passphrase_is_never_asked_for),
		IN_SCRATCH(what_is_no_key_is_refused),
		IN_SCRATCH(one_signer_signs_many_times_and_each_signature_verifies),
		IN_SCRATCH(a_signature_that_does_not_fit_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
