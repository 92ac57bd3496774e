#include "eppparse/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void numbers_are_decimal_up_to_their_maximum(void **state)
{
	static const struct {
		const char *text;
		uint32_t max, number;
	} good[] = {
		{"0", 0, 0},
		{"255", 255, 255},
		{" \n257\t", 65535, 257},
		{"00042", 65535, 42},
		{"+605900", UINT32_MAX, 605900},
		{"4294967295", UINT32_MAX, UINT32_MAX},
	};
	static const struct {
		const char *text;
		uint32_t max;
	} bad[] = {
		{"", 9},
		{" ", 9},
		{"256", 255},
		{"-1", 9},
		{"+", 9},
		{"++1", 9},
		{"+-1", 9},
		{"1.0", 9},
		{"0x1", 9},
		{"1 2", 99},
		{"1e1", 99},
		{"4294967296", UINT32_MAX},
		{"99999999999999999999", UINT32_MAX},
		{"\xd9\xa1", 9},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint32_t number = 7777;
		assert_int_equal(
			value_number(good[i].text, strlen(good[i].text), good[i].max, &number),
			RESULT_OK);
		assert_int_equal(number, good[i].number);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		uint32_t number = 7777;
		assert_int_equal(
			value_number(bad[i].text, strlen(bad[i].text), bad[i].max, &number),
			RESULT_INVALID);
		assert_int_equal(number, 7777);
	}
	uint32_t number = 0;
	assert_int_equal(value_number("1\0", 2, 9, &number), RESULT_INVALID);
}

static void booleans_are_those_of_xml_schema(void **state)
{
	static const struct {
		const char *text;
		bool yes;
	} good[] = {{"true", true}, {"1", true}, {" false ", false}, {"0", false}};
	static const char *const bad[] = {"", "TRUE", "yes", "10", "falsee", "very long indeed"};
	bool yes;
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		yes = !good[i].yes;
		assert_int_equal(value_boolean(good[i].text, strlen(good[i].text), &yes),
				 RESULT_OK);
		assert_int_equal(yes, good[i].yes);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(value_boolean(bad[i], strlen(bad[i]), &yes), RESULT_INVALID);
}

static void hex_has_whole_bytes_in_any_case_with_blanks_anywhere(void **state)
{
	uint8_t bytes[4];
	size_t written = 99;
	(void)state;
	assert_int_equal(value_hex("0aFF 1\n0", 8, bytes, sizeof bytes, &written), RESULT_OK);
	assert_int_equal(written, 3);
	assert_memory_equal(bytes, "\x0a\xff\x10", 3);
	assert_int_equal(value_hex("01020304", 8, bytes, sizeof bytes, &written), RESULT_OK);
	assert_int_equal(written, 4);
	static const char *const bad[] = {"",   "  ",   "0",          "012",
					  "0g", "0x01", "0102030405", "01-02"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		written = 99;
		assert_int_equal(value_hex(bad[i], strlen(bad[i]), bytes, sizeof bytes, &written),
				 RESULT_INVALID);
		assert_int_equal(written, 99);
	}
}

static void base64_is_decoded_in_every_alignment(void **state)
{
	static const struct {
		const char *text, *bytes;
	} good[] = {
		{"QQ==", "A"},        {"QUI=", "AB"},       {"QUJD", "ABC"},
		{"QUJDRA==", "ABCD"}, {" Q U\nI = ", "AB"}, {"+/+/", "\xfb\xff\xbf"},
	};
	static const char *const bad[] = {"",      "=",        "Q",    "QQ",       "QQ=",
					  "QUI",   "QQ===",    "Q=Q=", "QQ==QQ==", "QU-_",
					  "QUJD=", "QUJDRUZH", "====", "QUJ\xc3"};
	uint8_t bytes[4];
	size_t written;
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(value_base64(good[i].text, strlen(good[i].text), bytes,
					      sizeof bytes, &written),
				 RESULT_OK);
		assert_int_equal(written, strlen(good[i].bytes));
		assert_memory_equal(bytes, good[i].bytes, written);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		written = 99;
		assert_int_equal(
			value_base64(bad[i], strlen(bad[i]), bytes, sizeof bytes, &written),
			RESULT_INVALID);
		assert_int_equal(written, 99);
	}
}

static void a_digest_is_as_long_as_its_type_makes_it(void **state)
{
	static const struct {
		uint8_t type, size;
	} known[] = {{1, 20}, {2, 32}, {3, 32}, {4, 48}, {5, 32}, {6, 32}};
	(void)state;
	for (size_t i = 0; i < COUNT(known); i++)
		for (unsigned size = 0; size <= CHANGE_DIGEST_SIZE; size++) {
			struct change_ds ds = {.digest_type = known[i].type,
					       .digest_size = (uint8_t)size};
			assert_int_equal(value_ds_is_whole(&ds), size == known[i].size);
		}
	for (unsigned type = 0; type <= UINT8_MAX; type += type == 0 ? 7 : 1) {
		struct change_ds ds = {.digest_type = (uint8_t)type, .digest_size = 1};
		assert_true(value_ds_is_whole(&ds));
		ds.digest_size = 0;
		assert_false(value_ds_is_whole(&ds));
	}
}

static void a_key_is_as_long_as_its_algorithm_makes_it(void **state)
{
	static const struct {
		uint8_t algorithm;
		uint16_t least, most;
	} known[] = {{1, 66, 1024},  {5, 66, 1024}, {7, 66, 1024}, {8, 66, 1024},
		     {10, 66, 1024}, {12, 64, 64},  {13, 64, 64},  {14, 96, 96},
		     {15, 32, 32},   {16, 57, 57},  {17, 64, 64},  {23, 64, 64}};
	static const uint8_t unknown[] = {0, 2, 3, 6, 18, 24, 252, 253, 255};
	(void)state;
	for (size_t i = 0; i < COUNT(known); i++)
		for (unsigned size = 0; size <= CHANGE_KEY_SIZE; size++) {
			struct change_key key = {.algorithm = known[i].algorithm,
						 .size = (uint16_t)size};
			assert_int_equal(value_key_is_whole(&key),
					 size >= known[i].least && size <= known[i].most);
		}
	for (size_t i = 0; i < COUNT(unknown); i++) {
		struct change_key key = {.algorithm = unknown[i], .size = 1};
		assert_true(value_key_is_whole(&key));
		key.size = 0;
		assert_false(value_key_is_whole(&key));
	}
}

static void an_address_is_of_the_family_that_it_looks_like(void **state)
{
	static const struct {
		const char *text;
		int family;
		const char *bytes;
	} good[] = {
		{"192.0.2.1", 4, "\xc0\x00\x02\x01"},
		{" 192.0.2.255\n", 4, "\xc0\x00\x02\xff"},
		{"2001:DB8::1", 6, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"},
		{"2001:db8:0:0:0:0:0:1", 6, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"},
		{"::ffff:192.0.2.1", 6, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"},
	};
	static const char *const bad[] = {"",
					  "192.0.2",
					  "192.0.2.256",
					  "192.0.2.1/32",
					  "0xc0.0.2.1",
					  "2001:db8::g",
					  "::1%eth0",
					  "ns1.example",
					  "192.0.2.1 192.0.2.2",
					  "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"};
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct change_address address = {.host = 5};
		assert_int_equal(value_address(good[i].text, strlen(good[i].text), &address),
				 RESULT_OK);
		assert_int_equal(address.family, good[i].family);
		assert_memory_equal(address.bytes, good[i].bytes, good[i].family == 4 ? 4 : 16);
		assert_int_equal(address.host, 5);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct change_address address = {.family = 9};
		assert_int_equal(value_address(bad[i], strlen(bad[i]), &address), RESULT_INVALID);
		assert_int_equal(address.family, 9);
	}
}

static void dates_are_read_in_every_zone_and_precision(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01", 0},
		{"1970-01-01Z", 0},
		{"1969-12-31T23:59:59Z", -1},
		{"2027-04-03T22:00:00Z", 1806789600},
		{"2027-04-03T22:00:00.0Z", 1806789600},
		{"2027-04-03T22:00:00.999999999Z", 1806789600},
		{"2027-04-03T22:00:00", 1806789600},
		{"2027-04-04T00:00:00+02:00", 1806789600},
		{"2027-04-03T16:30:00-05:30", 1806789600},
		{"2027-04-04T12:00:00+14:00", 1806789600},
		{"2027-04-03T24:00:00Z", 1806796800},
		{" 2027-04-03T22:00:00.0Z\n", 1806789600},
		{"2000-02-29T00:00:00Z", 951782400},
		{"2028-02-29", 1835395200},
		{"2028-03-01", 1835481600},
		{"0001-01-01T00:00:00Z", -62135596800},
		{"9999-12-31T23:59:59Z", 253402300799},
		{"2016-12-31T23:59:60Z", 1483228800},
		{"2038-01-19T03:14:08Z", 2147483648},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t seconds = 4711;
		assert_int_equal(value_date(good[i].text, strlen(good[i].text), &seconds),
				 RESULT_OK);
		if (seconds != good[i].seconds)
			fail_msg("%s is %lld", good[i].text, (long long)seconds);
	}
}

static void what_is_no_day_or_time_is_no_date(void **state)
{
	static const char *const bad[] = {
		"",
		"2027",
		"2027-4-3",
		"2027-00-01",
		"2027-13-01",
		"2027-01-00",
		"2027-01-32",
		"2027-02-29",
		"1900-02-29",
		"2027-04-31",
		"0000-01-01",
		"-0001-01-01",
		"12027-01-01",
		"2027-04-03T",
		"2027-04-03T22",
		"2027-04-03T22:00",
		"2027-04-03T25:00:00Z",
		"2027-04-03T24:00:01Z",
		"2027-04-03T24:30:00Z",
		"2027-04-03T22:60:00Z",
		"2027-04-03T22:00:61Z",
		"2027-04-03 22:00:00Z",
		"2027-04-03T22:00:00z",
		"2027-04-03T22:00:00ZZ",
		"2027-04-03T22:00:00+2:00",
		"2027-04-03T22:00:00+02",
		"2027-04-03T22:00:00+15:00",
		"2027-04-03T22:00:00+02:60",
		"2027-04-03T22:00:00 +02:00",
		"Kanari Vogelsang",
		"2027-04-03T22:00:00.00000000000000000000000000000Z",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t seconds = 4711;
		if (value_date(bad[i], strlen(bad[i]), &seconds) != RESULT_INVALID)
			fail_msg("%s is %lld", bad[i], (long long)seconds);
		assert_int_equal(seconds, 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_decimal_up_to_their_maximum),
		cmocka_unit_test(booleans_are_those_of_xml_schema),
		cmocka_unit_test(hex_has_whole_bytes_in_any_case_with_blanks_anywhere),
		cmocka_unit_test(base64_is_decoded_in_every_alignment),
		cmocka_unit_test(a_digest_is_as_long_as_its_type_makes_it),
		cmocka_unit_test(a_key_is_as_long_as_its_algorithm_makes_it),
		cmocka_unit_test(an_address_is_of_the_family_that_it_looks_like),
		cmocka_unit_test(dates_are_read_in_every_zone_and_precision),
		cmocka_unit_test(what_is_no_day_or_time_is_no_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
