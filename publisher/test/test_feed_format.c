/* What publisher and subscriber must agree on, held against the RFCs' own examples where there are any. */
#include "publisher/feed_format.h"

#include "eppparse/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_encoded(const void *bytes, size_t size, const char *expected)
{
	struct buffer text, back;
	buffer_init(&text, 4096);
	buffer_init(&back, 4096);
	feed_base64url_encode(bytes, size, &text);
	assert_false(text.failed);
	assert_int_equal(text.size, strlen(expected));
	assert_memory_equal(text.data, expected, text.size);
	assert_int_equal(feed_base64url_decode(expected, strlen(expected), &back), RESULT_OK);
	assert_int_equal(back.size, size);
	assert_memory_equal(back.data, bytes, size);
	buffer_free(&text);
	buffer_free(&back);
}

/* RFC 4648, section 10, without the padding; RFC 7515, appendix C. */
static void base64url_is_as_in_the_rfcs_and_comes_back(void **state)
{
	(void)state;
	static const uint8_t appendix_c[] = {3, 236, 255, 224, 193};
	assert_encoded("f", 1, "Zg");
	assert_encoded("fo", 2, "Zm8");
	assert_encoded("foo", 3, "Zm9v");
	assert_encoded("foob", 4, "Zm9vYg");
	assert_encoded("fooba", 5, "Zm9vYmE");
	assert_encoded("foobar", 6, "Zm9vYmFy");
	assert_encoded(appendix_c, sizeof appendix_c, "A-z_4ME");
	assert_encoded("\xff\xef\xbe", 3, "_---");
}

static void bytes_of_all_lengths_come_back(void **state)
{
	(void)state;
	uint8_t bytes[300];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 89);
	for (size_t size = 0; size < sizeof bytes; size++) {
		struct buffer text, back;
		buffer_init(&text, 1000);
		buffer_init(&back, size);
		feed_base64url_encode(bytes, size, &text);
		assert_int_equal(text.size, (size * 4 + 2) / 3);
		assert_int_equal(feed_base64url_decode(text.data, text.size, &back), RESULT_OK);
		assert_int_equal(back.size, size);
		if (size)
			assert_memory_equal(back.data, bytes, size);
		buffer_free(&text);
		buffer_free(&back);
	}
}

static void assert_refused(const char *text, size_t size, int result)
{
	struct buffer back;
	buffer_init(&back, 5);
	assert_int_equal(feed_base64url_decode(text, size, &back), result);
	assert_int_equal(back.size, 0);
	buffer_free(&back);
}

static void what_is_not_canonical_base64url_is_refused(void **state)
{
	(void)state;
	assert_refused("Zg==", 4, RESULT_INVALID);
	assert_refused("A+z/", 4, RESULT_INVALID);
	assert_refused("Zm9vY", 5, RESULT_INVALID);
	assert_refused("Zh", 2, RESULT_INVALID);
	assert_refused("Zm9", 3, RESULT_INVALID);
	assert_refused("Zm 9", 4, RESULT_INVALID);
	assert_refused("Zm\0v", 4, RESULT_INVALID);
	assert_refused("\x80Zm9", 4, RESULT_INVALID);
	assert_refused("Zm9vYmFy", 8, RESULT_FULL);
}

static void a_full_buffer_takes_no_part_of_an_encoding(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, 8);
	feed_base64url_encode("foobarbaz", 9, &text);
	assert_true(text.failed);
	assert_int_equal(text.size, 0);
	buffer_free(&text);
}

/* RFC 8037, appendix A.3. */
static void a_key_id_is_the_thumbprint_of_rfc_8037(void **state)
{
	(void)state;
	struct buffer key;
	char id[FEED_KEY_ID_SIZE];
	buffer_init(&key, FEED_KEY_SIZE);
	assert_int_equal(
		feed_base64url_decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", 43, &key),
		RESULT_OK);
	assert_int_equal(feed_key_id((uint8_t *)key.data, id), RESULT_OK);
	assert_string_equal(id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	buffer_free(&key);
}

static void a_topic_is_the_reversed_name_with_a_dot_behind_each_label(void **state)
{
	(void)state;
	char topic[FEED_TOPIC_SIZE];
	assert_int_equal(feed_topic("example.org", topic), RESULT_OK);
	assert_string_equal(topic, "org.example.");
	assert_int_equal(feed_topic("ns1.example.org", topic), RESULT_OK);
	assert_string_equal(topic, "org.example.ns1.");
	assert_int_equal(feed_topic("org", topic), RESULT_OK);
	assert_string_equal(topic, "org.");
}

static void a_name_that_is_none_has_no_topic(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", ".", "a..b", ".a", "a.", ".."};
	char topic[FEED_TOPIC_SIZE];
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(feed_topic(wrong[i], topic), RESULT_INVALID);
}

static void the_longest_name_fits_and_one_byte_more_is_refused(void **state)
{
	(void)state;
	char name[255], topic[FEED_TOPIC_SIZE];
	memset(name, 'a', sizeof name);
	for (int i = 1; i < 253; i += 2)
		name[i] = '.';
	name[253] = '\0';
	assert_int_equal(feed_topic(name, topic), RESULT_OK);
	assert_int_equal(strlen(topic), 254);
	name[253] = 'a';
	name[254] = '\0';
	assert_int_equal(feed_topic(name, topic), RESULT_INVALID);
}

static void a_handle_has_a_topic_that_no_name_has(void **state)
{
	(void)state;
	char topic[FEED_TOPIC_SIZE], handle[FEED_HANDLE_MAX + 2];
	assert_int_equal(feed_handle_topic("nsset", "NSS:Some.Set-1", topic), RESULT_OK);
	assert_string_equal(topic, "~nsset.nss:some.set-1.");
	memset(handle, 'H', sizeof handle);
	handle[FEED_HANDLE_MAX] = '\0';
	assert_int_equal(feed_handle_topic("keygroup", handle, topic), RESULT_OK);
	assert_int_equal(strlen(topic), strlen("~keygroup..") + FEED_HANDLE_MAX);
	handle[FEED_HANDLE_MAX] = 'H';
	handle[FEED_HANDLE_MAX + 1] = '\0';
	assert_int_equal(feed_handle_topic("keygroup", handle, topic), RESULT_INVALID);
	assert_int_equal(feed_handle_topic("nsset", "", topic), RESULT_INVALID);
}

static void a_handle_has_a_uri_that_keeps_its_letters(void **state)
{
	(void)state;
	char uri[FEED_URI_SIZE], handle[FEED_HANDLE_MAX + 2];
	assert_int_equal(feed_handle_uri("nsset", "aZ09-._~:", uri), RESULT_OK);
	assert_string_equal(uri, "urn:epptap:nsset:aZ09-._~:");
	assert_int_equal(feed_handle_uri("keyset", "a/b%?#\"+&", uri), RESULT_OK);
	assert_string_equal(uri, "urn:epptap:keyset:a%2Fb%25%3F%23%22%2B%26");
	memset(handle, '/', sizeof handle);
	handle[FEED_HANDLE_MAX] = '\0';
	assert_int_equal(feed_handle_uri("keygroup", handle, uri), RESULT_OK);
	assert_int_equal(strlen(uri), strlen("urn:epptap:keygroup:") + 3 * FEED_HANDLE_MAX);
	handle[FEED_HANDLE_MAX] = '/';
	handle[FEED_HANDLE_MAX + 1] = '\0';
	assert_int_equal(feed_handle_uri("keygroup", handle, uri), RESULT_INVALID);
	assert_int_equal(feed_handle_uri("nsset", "", uri), RESULT_INVALID);
}

static void the_classes_are_those_of_changes_without_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < FEED_CLASSES; i++)
		assert_string_equal(feed_class((size_t)i),
				    change_object_name((enum change_object)(CHANGE_NSSET + i)));
	assert_null(feed_class(FEED_CLASSES));
	assert_int_equal(CHANGE_NSSET + FEED_CLASSES, CHANGE_OBJECTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64url_is_as_in_the_rfcs_and_comes_back),
		cmocka_unit_test(bytes_of_all_lengths_come_back),
		cmocka_unit_test(what_is_not_canonical_base64url_is_refused),
		cmocka_unit_test(a_full_buffer_takes_no_part_of_an_encoding),
		cmocka_unit_test(a_key_id_is_the_thumbprint_of_rfc_8037),
		cmocka_unit_test(a_topic_is_the_reversed_name_with_a_dot_behind_each_label),
		cmocka_unit_test(a_name_that_is_none_has_no_topic),
		cmocka_unit_test(the_longest_name_fits_and_one_byte_more_is_refused),
		cmocka_unit_test(a_handle_has_a_topic_that_no_name_has),
		cmocka_unit_test(a_handle_has_a_uri_that_keeps_its_letters),
		cmocka_unit_test(the_classes_are_those_of_changes_without_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
