#include "subscriber/test/signer.h"

#include "subscriber/curve_key.h"

#include <sys/stat.h>
#include <zmq.h>

struct pair {
	char public[CURVE_KEY_SIZE], secret[CURVE_KEY_SIZE];
};

static struct pair new_pair(void)
{
	struct pair pair;
	assert_int_equal(zmq_curve_keypair(pair.public, pair.secret), 0);
	return pair;
}

static void the_public_key_is_derived_from_the_secret_one(void **state)
{
	(void)state;
	static const char *const ends[] = {"", "\n", "\r\n"};
	struct pair pair = new_pair();
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char line[64], why[256], secret[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
		snprintf(line, sizeof line, "%s%s", pair.secret, ends[i]);
		char *path = file_with(line);
		assert_int_equal(curve_key_read_secret(path, secret, public, why, sizeof why),
				 RESULT_OK);
		assert_string_equal(secret, pair.secret);
		assert_string_equal(public, pair.public);
		assert_int_equal(curve_key_read_public(path, public, why, sizeof why), RESULT_OK);
		assert_string_equal(public, pair.secret);
		remove_file(path);
	}
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
	(void)state;
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0666};
	struct pair pair = new_pair();
	char *path = file_with(pair.secret);
	char why[256], secret[CURVE_KEY_SIZE] = "", public[CURVE_KEY_SIZE];
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(curve_key_read_secret(path, secret, public, why, sizeof why),
				 RESULT_CONFIG);
		assert_non_null(strstr(why, "chmod 600"));
		assert_string_equal(secret, "");
		assert_int_equal(curve_key_read_public(path, public, why, sizeof why), RESULT_OK);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(curve_key_read_secret(path, secret, public, why, sizeof why), RESULT_OK);
	remove_file(path);
}

static void what_is_no_key_is_refused_without_its_bytes(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"\n",
		"short",
		"0123456789012345678901234567890123456789 ",
		"012345678901234567890123456789012345678\x01",
		"012345678901234567890123456789012345678~",
		"0123456789012345678901234567890123456789\n0123456789\n",
		"#########################################",
		"########################################", /* over 32 bits in a group of five */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char why[256], secret[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
		char *path = file_with(wrong[i]);
		assert_int_equal(curve_key_read_secret(path, secret, public, why, sizeof why),
				 RESULT_CONFIG);
		assert_non_null(strstr(why, "40 z85 characters"));
		assert_int_equal(curve_key_read_public(path, public, why, sizeof why),
				 RESULT_CONFIG);
		remove_file(path);
	}
}

static void a_missing_file_is_named(void **state)
{
	(void)state;
	char why[256], key[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
	assert_int_equal(curve_key_read_secret("/nonexistent/c.key", key, public, why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(
		strstr(why, "/nonexistent/c.key: No such file or directory; `epptapctl keygen "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_public_key_is_derived_from_the_secret_one),
		cmocka_unit_test(a_secret_that_others_may_read_is_refused),
		cmocka_unit_test(what_is_no_key_is_refused_without_its_bytes),
		cmocka_unit_test(a_missing_file_is_named),
	};
	return cmocka_run_group_tests_name("curve key", tests, NULL, NULL);
}
