/* A key that is loaded, and that what it signs verifies. Which keys are taken: test_key_source.c. */
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

static void a_key_is_loaded_with_its_thumbprint(void **state)
{
	(void)state;
	char id[FEED_KEY_ID_SIZE];
	fixture_key(path, "ED25519", NULL);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	assert_int_equal(feed_key_id(signing_key_public(key), id), RESULT_OK);
	assert_string_equal(signing_key_id(key), id);
}

/* All that may be wrong with a key: test_key_source.c. */
static void what_is_refused_leaves_no_key(void **state)
{
	(void)state;
	static const char words[] = ": holds a key of type X25519; an Ed25519 key is needed";
	fixture_key(path, "X25519", NULL);
	key = (struct signing_key *)why;
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_CONFIG);
	assert_null(key);
	assert_memory_equal(why, path, strlen(path));
	assert_string_equal(why + strlen(path), words);
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
		IN_SCRATCH(what_is_refused_leaves_no_key),
		IN_SCRATCH(one_signer_signs_many_times_and_each_signature_verifies),
		IN_SCRATCH(a_signature_that_does_not_fit_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
