#include "base/blank.h"
#include "base/name.h"
#include "base/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static void assert_read(const char *text, const char *expected)
{
	char name[NAME_SIZE];
	assert_int_equal(name_read(text, strlen(text), name), RESULT_OK);
	assert_string_equal(name, expected);
}

static void assert_refused(const char *text, size_t size)
{
	char name[NAME_SIZE] = "before";
	assert_int_equal(name_read(text, size, name), RESULT_INVALID);
	assert_string_equal(name, "");
}

static void capitals_blanks_and_a_trailing_dot_go(void **state)
{
	(void)state;
	assert_read("example", "example");
	assert_read("Example.ORG", "example.org");
	assert_read("example.org.", "example.org");
	assert_read(" \t\r\nexample.org.\n ", "example.org");
	assert_read("_dmarc.Xn--Bcher-KVA.example", "_dmarc.xn--bcher-kva.example");
	assert_read("-.1._", "-.1._");
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",         " ",      ".",     "..",     ".org",         "a..b",
		"org..",    "a b",    "a. b",  "a .",    "b\303\274.de", "a/b",
		"a@b.test", "a\tb.c", "*.org", "a.org:", "a\x7f",        "[::1]",
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_refused(wrong[i], strlen(wrong[i]));
	assert_refused("a\0b", 3);
	assert_refused("a\0", 2);
}

static void lengths_are_those_of_rfc_1035(void **state)
{
	char text[260], name[NAME_SIZE];
	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(name_read(text, 63, name), RESULT_OK);
	assert_refused(text, 64);
	for (size_t i = 3; i < sizeof text; i += 4)
		text[i] = '.';
	assert_int_equal(name_read(text, 253, name), RESULT_OK);
	assert_int_equal(strlen(name), 253);
	text[253] = '.';
	assert_int_equal(name_read(text, 254, name), RESULT_OK);
	text[253] = 'a';
	assert_refused(text, 254);
	assert_refused(text, sizeof text);
}

static void assert_read_unicode(const char *text, const char *expected, bool unicode)
{
	char name[NAME_SIZE];
	assert_int_equal(name_read_unicode(text, strlen(text), name), RESULT_OK);
	assert_string_equal(name, expected);
	assert_int_equal(name_is_unicode(name), unicode);
	if (unicode)
		assert_refused(text, strlen(text));
	else
		assert_read(text, expected);
}

static void assert_refused_unicode(const char *text, size_t size)
{
	char name[NAME_SIZE] = "before";
	assert_int_equal(name_read_unicode(text, size, name), RESULT_INVALID);
	assert_string_equal(name, "");
}

static void letters_beyond_ascii_are_taken_as_they_are_where_they_may_stand(void **state)
{
	(void)state;
	assert_read_unicode("Example.ORG.", "example.org", false);
	assert_read_unicode(" B\303\274CHER.Example.\n", "b\303\274cher.example", true);
	assert_read_unicode("\303\234.example", "\303\234.example", true); /* IDNA's to judge */
	assert_read_unicode("\346\270\254\350\251\246", "\346\270\254\350\251\246", true);
	assert_read_unicode("a.\360\237\220\246", "a.\360\237\220\246", true);
	/* the least and the last of each length */
	assert_read_unicode("\302\240\337\277\340\240\200\355\237\277\356\200\200\357\277\277",
			    "\302\240\337\277\340\240\200\355\237\277\356\200\200\357\277\277",
			    true);
	assert_read_unicode("\360\220\200\200\364\217\277\277", "\360\220\200\200\364\217\277\277",
			    true);
}

static void what_is_no_utf_8_or_no_name_in_it_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		".",
		"\303\274..example",
		".\303\274",
		"\303\274 x.example",
		"\303\274@x.example",
		"\303",
		"\303.example",
		"\274.example",
		"\303\274\274.example",
		"\346\270",
		"\346\270.a",
		"\360\237\220",
		"\377",
		"\300\256", /* overlong */
		"\301\277",
		"\340\237\277",
		"\360\217\277\277",
		"\302\237",     /* a control */
		"\355\240\200", /* surrogates */
		"\355\277\277",
		"\364\220\200\200", /* beyond Unicode */
		"\370\210\200\200\200",
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_refused_unicode(wrong[i], strlen(wrong[i]));
	assert_refused_unicode("\303\0", 2);
	/* cut within a character: what follows is not the text's */
	assert_refused_unicode("a\303\274", 2);
}

/* How long its A-label is, who makes it knows; a name has its length in any case. */
static void a_label_beyond_ascii_has_no_length_of_its_own_but_a_name_has(void **state)
{
	char text[260], name[NAME_SIZE];
	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text, "\303\274", 2);
	assert_int_equal(name_read_unicode(text, 64, name), RESULT_OK);
	assert_int_equal(name_read_unicode(text, 253, name), RESULT_OK);
	assert_int_equal(strlen(name), 253);
	assert_refused_unicode(text, 254);
	/* but the label beside it has */
	text[70] = '.';
	assert_int_equal(name_read_unicode(text, 134, name), RESULT_OK);
	assert_refused_unicode(text, 135);
}

static void a_name_is_in_itself_and_above_its_hosts(void **state)
{
	(void)state;
	assert_true(name_is_in("example.org", "example.org"));
	assert_true(name_is_in("ns1.example.org", "example.org"));
	assert_true(name_is_in("a.b.example.org", "org"));
	assert_false(name_is_in("badexample.org", "example.org"));
	assert_false(name_is_in("example.org", "ns1.example.org"));
	assert_false(name_is_in("example.org", "example.net"));
	assert_false(name_is_in("", "org"));
}

static void tokens_are_short_and_printable(void **state)
{
	char text[66];
	(void)state;
	memset(text, '~', sizeof text);
	assert_true(token_is_id(text, 64));
	assert_false(token_is_id(text, 65));
	assert_false(token_is_title(text, 65));
	assert_true(token_is_id("a@!", 3));
	assert_false(token_is_id("", 0));
	assert_false(token_is_id("a b", 3));
	assert_true(token_is_title("a b c", 5));
	assert_false(token_is_title(" a", 2));
	assert_false(token_is_title("a ", 2));
	assert_false(token_is_title(" ", 1));
	assert_false(token_is_title("a  b", 4));
	assert_false(token_is_title("a\tb", 3));
	assert_false(token_is_title("a\0b", 3));
	assert_false(token_is_title("\303\274", 2));
	assert_false(token_is_id("\x7f", 1));
}

static void only_the_blanks_around_are_trimmed(void **state)
{
	const char *text = "\t a\r b\n ";
	size_t size = strlen(text);
	(void)state;
	trim(&text, &size);
	assert_int_equal(size, 4);
	assert_memory_equal(text, "a\r b", 4);
	text = " \n";
	size = 2;
	trim(&text, &size);
	assert_int_equal(size, 0);
	assert_false(is_blank('\v'));
	assert_false(is_blank('\0'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capitals_blanks_and_a_trailing_dot_go),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(lengths_are_those_of_rfc_1035),
		cmocka_unit_test(letters_beyond_ascii_are_taken_as_they_are_where_they_may_stand),
		cmocka_unit_test(what_is_no_utf_8_or_no_name_in_it_is_refused),
		cmocka_unit_test(a_label_beyond_ascii_has_no_length_of_its_own_but_a_name_has),
		cmocka_unit_test(a_name_is_in_itself_and_above_its_hosts),
		cmocka_unit_test(tokens_are_short_and_printable),
		cmocka_unit_test(only_the_blanks_around_are_trimmed),
	};
	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
