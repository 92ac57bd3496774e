#include "subscriber/test/signer.h"

#include "subscriber/keys.h"

static int load(const char *text, struct keys **keys, char *why, size_t size)
{
	char *path = file_with(text);
	int result = keys_load(path, keys, why, size);
	remove_file(path);
	return result;
}

static void assert_refused(const char *text, const char *said)
{
	struct keys *keys;
	char why[256] = "";
	assert_int_equal(load(text, &keys, why, sizeof why), RESULT_CONFIG);
	assert_null(keys);
	assert_non_null(strstr(why, said));
}

static void a_key_is_found_by_its_kid(void **state)
{
	(void)state;
	struct signer one, two, three;
	struct keys *keys;
	char why[256];
	signer_init(&one);
	signer_init(&two);
	signer_init(&three);
	char *jwks = jwks_of(&one, &two);
	assert_int_equal(load(jwks, &keys, why, sizeof why), RESULT_OK);
	assert_int_equal(EVP_PKEY_eq(keys_find(keys, one.kid), one.key), 1);
	assert_int_equal(EVP_PKEY_eq(keys_find(keys, two.kid), two.key), 1);
	assert_null(keys_find(keys, three.kid));
	assert_null(keys_find(keys, ""));
	keys_free(&keys);
	assert_null(keys);
	free(jwks);
	signer_free(&one);
	signer_free(&two);
	signer_free(&three);
}

static void keys_of_other_kinds_are_passed_over(void **state)
{
	(void)state;
	struct signer signer;
	struct keys *keys;
	char why[256], jwks[1024];
	signer_init(&signer);
	snprintf(jwks, sizeof jwks,
		 "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\"},7,"
		 "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"x\",\"x\":\"?\"},"
		 "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"}]}",
		 signer.kid, signer.x);
	assert_int_equal(load(jwks, &keys, why, sizeof why), RESULT_OK);
	assert_non_null(keys_find(keys, signer.kid));
	assert_null(keys_find(keys, "x"));
	keys_free(&keys);
	snprintf(jwks, sizeof jwks,
		 "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\","
		 "\"kid\":\"%s\",\"x\":\"%s\"}]}",
		 signer.kid, signer.x);
	assert_refused(jwks, "no Ed25519 key");
	signer_free(&signer);
}

static void a_kid_that_is_no_thumbprint_refuses_the_file(void **state)
{
	(void)state;
	struct signer one, two;
	char jwks[512];
	signer_init(&one);
	signer_init(&two);
	snprintf(jwks, sizeof jwks,
		 "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"}]}",
		 two.kid, one.x);
	assert_refused(jwks, "thumbprint");
	snprintf(jwks, sizeof jwks,
		 "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}]}", one.x);
	assert_refused(jwks, "kid (none)");
	signer_free(&one);
	signer_free(&two);
}

static void a_broken_file_is_refused_in_words(void **state)
{
	(void)state;
	struct keys *keys;
	char why[256];
	assert_refused("", "not JSON");
	assert_refused("{\"keys\":[]", "not JSON");
	assert_refused("{\"keys\":[],\"keys\":[]}", "duplicate");
	assert_refused("[]", "not a JWKS");
	assert_refused("{\"keys\":{}}", "not a JWKS");
	assert_refused("{\"keys\":[]}", "no Ed25519 key");
	assert_refused("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
		       "32 bytes");
	assert_int_equal(keys_load("/nonexistent/jwks.json", &keys, why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(strstr(why, "No such file"));
}

static void a_file_is_read_again_once_a_second(void **state)
{
	(void)state;
	struct signer old, new;
	struct keys *keys;
	char why[256];
	signer_init(&old);
	signer_init(&new);
	char *jwks_old = jwks_of(&old, NULL), *jwks_new = jwks_of(&new, NULL);
	char *path = file_with(jwks_old);
	assert_int_equal(keys_load(path, &keys, why, sizeof why), RESULT_OK);
	rewrite_file(path, jwks_new);
	assert_int_equal(keys_reread(keys, 5000000, why, sizeof why), RESULT_OK);
	assert_non_null(keys_find(keys, new.kid));
	assert_null(keys_find(keys, old.kid));

	rewrite_file(path, "{");
	assert_int_equal(keys_reread(keys, 5999999, why, sizeof why), RESULT_BUSY);
	assert_int_equal(keys_reread(keys, 6000000, why, sizeof why), RESULT_CONFIG);
	assert_non_null(keys_find(keys, new.kid));

	rewrite_file(path, jwks_old);
	assert_int_equal(keys_reread(keys, 6500000, why, sizeof why), RESULT_BUSY);
	assert_int_equal(keys_reread(keys, 7000000, why, sizeof why), RESULT_OK);
	assert_non_null(keys_find(keys, old.kid));

	keys_free(&keys);
	remove_file(path);
	free(jwks_old);
	free(jwks_new);
	signer_free(&old);
	signer_free(&new);
}

static int learn(struct keys *keys, const char *text, char *why, size_t size)
{
	json_t *what = json_loads(text, 0, NULL);
	assert_non_null(what);
	int result = keys_learn(keys, what, why, size);
	json_decref(what);
	return result;
}

static void the_feed_adds_keys_and_revokes_them_for_good(void **state)
{
	(void)state;
	struct signer one, two;
	struct keys *keys;
	char why[256] = "", text[512];
	signer_init(&one);
	signer_init(&two);
	char *jwks = jwks_of(&one, &one);
	char *path = file_with(jwks);
	assert_int_equal(keys_load(path, &keys, why, sizeof why), RESULT_OK);
	snprintf(
		text, sizeof text,
		"{\"action\":\"added\",\"kid\":\"%s\",\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
		"\"kid\":\"%s\",\"x\":\"%s\",\"use\":\"sig\"}}",
		two.kid, two.kid, two.x);
	assert_int_equal(learn(keys, text, why, sizeof why), RESULT_OK);
	assert_int_equal(EVP_PKEY_eq(keys_find(keys, two.kid), two.key), 1);
	/* The file does not have it, and it stays. */
	assert_int_equal(keys_reread(keys, 1, why, sizeof why), RESULT_OK);
	assert_non_null(keys_find(keys, two.kid));
	snprintf(text, sizeof text, "{\"action\":\"retired\",\"kid\":\"%s\"}", one.kid);
	assert_int_equal(learn(keys, text, why, sizeof why), RESULT_OK);
	assert_non_null(keys_find(keys, one.kid));
	/* The file still has it, and it is gone. */
	snprintf(text, sizeof text, "{\"action\":\"revoked\",\"kid\":\"%s\"}", one.kid);
	assert_int_equal(learn(keys, text, why, sizeof why), RESULT_OK);
	assert_int_equal(keys_reread(keys, 10000000, why, sizeof why), RESULT_OK);
	assert_null(keys_find(keys, one.kid));
	assert_int_equal(learn(keys,
			       "{\"action\":\"added\",\"kid\":\"x\",\"jwk\":{\"kty\":\"RSA\"}}",
			       why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(strstr(why, "no Ed25519 key"));
	keys_free(&keys);
	remove_file(path);
	free(jwks);
	signer_free(&one);
	signer_free(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_feed_adds_keys_and_revokes_them_for_good),
		cmocka_unit_test(a_key_is_found_by_its_kid),
		cmocka_unit_test(keys_of_other_kinds_are_passed_over),
		cmocka_unit_test(a_kid_that_is_no_thumbprint_refuses_the_file),
		cmocka_unit_test(a_broken_file_is_refused_in_words),
		cmocka_unit_test(a_file_is_read_again_once_a_second),
	};
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
