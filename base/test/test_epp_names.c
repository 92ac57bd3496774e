/* The namespaces that are read: each found by its URI, accepted by the config, and named where it complains. */
#include "base/epp_names.h"
#include "base/test/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void each_is_found_by_its_uri_and_no_other(void **state)
{
	(void)state;
	for (int i = 0; i < NS_COUNT; i++)
		assert_int_equal(epp_namespace_find(epp_namespace_uri(i)), i);
	assert_int_equal(epp_namespace_find(""), NS_COUNT);
	assert_int_equal(epp_namespace_find("urn:ietf:params:xml:ns:domain-1.1"), NS_COUNT);
	assert_int_equal(epp_namespace_find("URN:ietf:params:xml:ns:domain-1.0"), NS_COUNT);
	assert_string_equal(epp_namespace_uri(NS_COUNT), "");
	assert_string_equal(epp_namespace_uri(-1), "");
}

static const char *load_namespace(const char *to)
{
	static char why[1024];
	char text[1024];
	struct config *config;
	snprintf(text, sizeof text, MINIMAL "namespaces: {'urn:own': '%s'}\n", to);
	int result = config_file_load(text, strlen(text), &config, why, sizeof why);
	if (result == RESULT_OK)
		assert_string_equal(config->namespaces.items[0].to, to);
	config_free(&config);
	return why;
}

static void each_may_be_what_a_registrys_own_stands_for(void **state)
{
	(void)state;
	for (int i = 0; i < NS_COUNT; i++)
		assert_string_equal(load_namespace(epp_namespace_uri(i)), "");
}

/* The complaint has each but for what they have in common. */
static void each_is_named_where_another_is_refused(void **state)
{
	(void)state;
	static const char *const starts[] = {
		"urn:ietf:params:xml:ns:", "http://www.nic.cz/xml/epp/",
		"http://www.eurid.eu/xml/epp/"};
	const char *why = load_namespace("urn:none");
	for (int i = 0; i < NS_COUNT; i++) {
		const char *uri = epp_namespace_uri(i), *at = NULL;
		for (int j = 0; j < 3; j++) {
			size_t size = strlen(starts[j]);
			if (strncmp(uri, starts[j], size) != 0 || !(at = strstr(why, starts[j])))
				continue;
			uri += size;
			break;
		}
		if (!at || !strstr(at, uri))
			fail_msg("%s is not in: %s", epp_namespace_uri(i), why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found_by_its_uri_and_no_other),
		cmocka_unit_test(each_may_be_what_a_registrys_own_stands_for),
		cmocka_unit_test(each_is_named_where_another_is_refused),
	};
	return cmocka_run_group_tests_name("epp_names", tests, NULL, NULL);
}
