/* U-labels and A-labels: what becomes which, what is refused, and that no bytes do harm. */
#include "publisher/idn.h"

#include "base/name.h"
#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct change_name name_of(const char *text)
{
	struct change_name name;
	if (change_name_read(&name, text, strlen(text)) != RESULT_OK)
		fail_msg("%s is not read", text);
	return name;
}

static void u_labels_become_a_labels(void **state)
{
	(void)state;
	static const struct {
		const char *given, *ascii;
	} cases[] = {
		{"example.org", "example.org"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"bu\xcc\x88"
		 "cher.example",
		 "xn--bcher-kva.example"}, /* u and a combining mark */
		{"straße.example", "xn--strae-oqa.example"},
		{"_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"},
		{"ns1.ドメイン名例.jp", "ns1.xn--eckwd4c7cu47r2wf.jp"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct change_name name = name_of(cases[i].given);
		assert_int_equal(idn_to_ascii(&name), RESULT_OK);
		assert_string_equal(name.text, cases[i].ascii);
	}
}

static void what_idna_forbids_is_refused_and_left_as_it_is(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"☃.example", "-ü.example", "ü-.example", "ab--ü.example",
		"xn--zz.ü.example",        /* an A-label that stands for nothing */
		"\xcc\x88.example",        /* begins with a combining mark */
		"a\xe2\x80\x8d.ü.example", /* a joiner with nothing to join */
		"١ü۱.example",             /* digits of two scripts */
		/* what others take for another name's spelling */
		"bÜcher.example", "a。b.example",           /* an ideographic full stop */
		"ba\xc2\xadnk.example",                     /* a soft hyphen */
		"ｂａｎｋ.example", "\xe2\x84\xaa.example", /* the Kelvin sign */
		"bank\xcd\xbex.example",                    /* a Greek question mark */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct change_name name = name_of(wrong[i]);
		if (idn_to_ascii(&name) != RESULT_INVALID)
			fail_msg("%s became %s", wrong[i], name.text);
		assert_string_equal(name.text, wrong[i]);
	}
}

/* `count` labels of so many letters each, closed by a dot. */
static void repeat(char *text, const char *letter, int letters, int count)
{
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < letters; j++)
			text = stpcpy(text, letter);
		text = stpcpy(text, ".");
	}
}

static void lengths_are_held_after_the_conversion(void **state)
{
	(void)state;
	char text[2 * CHANGE_NAME_SIZE];
	struct change_name name;
	/* 57 letters ü make a label of 63 bytes, 58 one of 64. */
	repeat(text, "ü", 57, 1);
	name = name_of(text);
	assert_int_equal(idn_to_ascii(&name), RESULT_OK);
	assert_int_equal(strlen(name.text), 63);
	repeat(text, "ü", 58, 1);
	name = name_of(text);
	assert_int_equal(idn_to_ascii(&name), RESULT_INVALID);
	/* A label "ü" of 2 bytes becomes one of 7: 31 of them with their dots 247 bytes, 32 of them 255. */
	repeat(text, "ü", 1, 31);
	name = name_of(text);
	assert_int_equal(idn_to_ascii(&name), RESULT_OK);
	assert_int_equal(strlen(name.text), 247);
	repeat(text, "ü", 1, 32);
	name = name_of(text);
	assert_int_equal(idn_to_ascii(&name), RESULT_INVALID);
}

static void all_names_of_a_change_are_turned(void **state)
{
	(void)state;
	struct change change;
	struct change_name *host;
	change_init(&change);
	struct change_delta *deltas[] = {&change.add, &change.remove, &change.state};
	change.name = name_of("ü.example");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(change_add_host(deltas[i], &host), RESULT_OK);
		*host = name_of("ns.ü.example");
	}
	assert_int_equal(idn_change_to_ascii(&change), RESULT_OK);
	assert_string_equal(change.name.text, "xn--tda.example");
	assert_string_equal(change.new_name.text, "");
	for (int i = 0; i < 3; i++)
		assert_string_equal(deltas[i]->hosts.items[0].text, "ns.xn--tda.example");
	change.new_name = name_of("ns.ö.example");
	assert_int_equal(idn_change_to_ascii(&change), RESULT_OK);
	assert_string_equal(change.new_name.text, "ns.xn--nda.example");
	for (int i = 0; i < 3; i++) {
		deltas[i]->hosts.items[0] = name_of("☃.example");
		assert_int_equal(idn_change_to_ascii(&change), RESULT_INVALID);
		deltas[i]->hosts.items[0] = name_of("a.example");
	}
	change.new_name = name_of("☃.example");
	assert_int_equal(idn_change_to_ascii(&change), RESULT_INVALID);
	change_free(&change);
}

static void a_labels_show_what_they_stand_for(void **state)
{
	(void)state;
	static const struct {
		const char *name, *unicode; /* NULL: the same, or nothing that can be shown */
	} cases[] = {
		{"xn--bcher-kva.example", "bücher.example"},
		{"ns1.xn--bcher-kva.example", "ns1.bücher.example"},
		{"xn--eckwd4c7cu47r2wf.xn--bcher-kva", "ドメイン名例.bücher"},
		{"example.org", NULL},
		{"axn--bcher-kva.example", NULL},
		{"xn--", NULL},
		{"xn--.example", NULL},
		{"xn--a.example", NULL},
		{"xn--ls8h.la", NULL}, /* a heap: no letter */
		{"xn--strae-oqa.example", "straße.example"},
		{"xn--abc-.example", NULL}, /* stands for "abc" */
		{"xn--bcher-KVA.example", NULL},
	};
	char unicode[IDN_UNICODE_SIZE];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool has = idn_to_unicode(cases[i].name, unicode);
		if (has != (cases[i].unicode != NULL))
			fail_msg("%s: %s", cases[i].name, has ? unicode : "nothing");
		if (has)
			assert_string_equal(unicode, cases[i].unicode);
	}
}

/* What change_name_read() lets through goes in, what name_read() would write comes out, or nothing. */
static void whatever_the_bytes_are_the_result_is_a_name_or_none(void **state)
{
	(void)state;
	static const char *const pieces[] = {"xn--", "ü", ".", "-",  "a", "\xe2\x80\x8d",
					     "é",    "א", "٣", "。", "9", "\xcc\x88",
					     "漢",   "_"};
	enum { PIECES = sizeof pieces / sizeof *pieces, ROUNDS = 200000 };
	char unicode[IDN_UNICODE_SIZE], ascii[NAME_SIZE];
	int turned = 0;
	for (int i = 0; i < ROUNDS; i++) {
		char text[256];
		struct change_name name;
		size_t size = 0;
		for (unsigned n = 1 + fixture_random() % 40; n > 0; n--) {
			char byte[2] = {(char)fixture_random()};
			const char *piece =
				fixture_random() % 20 ? pieces[fixture_random() % PIECES] : byte;
			size += (size_t)sprintf(text + size, "%s", piece);
		}
		if (change_name_read(&name, text, size) != RESULT_OK)
			continue;
		int result = idn_to_ascii(&name);
		assert_true(result == RESULT_OK || result == RESULT_INVALID);
		if (result != RESULT_OK)
			continue;
		turned++;
		assert_int_equal(name_read(name.text, strlen(name.text), ascii), RESULT_OK);
		assert_string_equal(ascii, name.text);
		if (idn_to_unicode(name.text, unicode))
			assert_true(strlen(unicode) > 0 && strlen(unicode) < sizeof unicode);
	}
	assert_true(turned > ROUNDS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u_labels_become_a_labels),
		cmocka_unit_test(what_idna_forbids_is_refused_and_left_as_it_is),
		cmocka_unit_test(lengths_are_held_after_the_conversion),
		cmocka_unit_test(all_names_of_a_change_are_turned),
		cmocka_unit_test(a_labels_show_what_they_stand_for),
		cmocka_unit_test(whatever_the_bytes_are_the_result_is_a_name_or_none),
	};
	return cmocka_run_group_tests_name("idn", tests, NULL, NULL);
}
