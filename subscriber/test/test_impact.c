#include "subscriber/impact.h"

#include "publisher/feed_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static void the_words_are_those_of_the_feed_in_its_order(void **state)
{
	static const char all[] = "create delete restore renew transfer registrar delegation glue "
				  "dnssec-added dnssec-changed dnssec-removed lock unlock hold "
				  "unhold contacts none ";
	char said[sizeof all] = "";
	(void)state;
	for (size_t i = 0; i < FEED_IMPACTS; i++) {
		assert_true(impact_is_known(feed_impact_name(i)));
		strncat(said, feed_impact_name(i), sizeof said - strlen(said) - 1);
		strncat(said, " ", sizeof said - strlen(said) - 1);
	}
	assert_string_equal(said, all);
	assert_null(feed_impact_name(FEED_IMPACTS));
	assert_false(impact_is_known("Lock"));
	assert_false(impact_is_known(""));
}

static void what_a_thief_would_do_weighs_most(void **state)
{
	static const char *const alarms[] = {"delete", "transfer",       "registrar", "delegation",
					     "glue",   "dnssec-removed", "unlock"};
	static const char *const notices[] = {"dnssec-changed", "hold", "unhold", "contacts"};
	static const char *const good[] = {"restore", "dnssec-added", "lock"};
	static const char *const plain[] = {"create", "renew", "none", "trade", ""};
	(void)state;
	for (size_t i = 0; i < sizeof alarms / sizeof *alarms; i++)
		assert_int_equal(impact_weight(alarms[i]), IMPACT_ALARM);
	for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
		assert_int_equal(impact_weight(notices[i]), IMPACT_NOTICE);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(impact_weight(good[i]), IMPACT_GOOD);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		assert_int_equal(impact_weight(plain[i]), IMPACT_PLAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_words_are_those_of_the_feed_in_its_order),
		cmocka_unit_test(what_a_thief_would_do_weighs_most),
	};
	return cmocka_run_group_tests_name("impact", tests, NULL, NULL);
}
