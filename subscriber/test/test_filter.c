#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "publisher/feed_format.h"
#include "subscriber/filter.h"

#include <stdio.h>

#define LIST(items)                                                                                \
	{                                                                                          \
		(char **)(items), sizeof(items) / sizeof *(items)                                  \
	}

/* An event about `name`; for json_decref(event.what). */
static struct event event_about(const char *name, const char *what)
{
	struct event event = {.name = name, .what = json_loads(what, 0, NULL)};
	assert_non_null(event.what);
	return event;
}

static bool passes(const struct options *options, const char *name, const char *what)
{
	struct event event = event_about(name, what);
	bool answer = filter_passes(options, &event);
	json_decref(event.what);
	return answer;
}

static void without_options_everything_passes(void **state)
{
	(void)state;
	struct options options = {0};
	assert_true(passes(&options, "example.org", "{}"));
}

static void names_are_alternatives_and_cover_their_hosts(void **state)
{
	(void)state;
	static const char *names[] = {"example.org", "example.net"};
	struct options options = {.names = LIST(names)};
	assert_true(passes(&options, "example.org", "{}"));
	assert_true(passes(&options, "ns1.example.net", "{}"));
	assert_false(passes(&options, "example.com", "{}"));
	assert_false(passes(&options, "badexample.org", "{}"));
	assert_false(passes(&options, "org", "{}"));
}

static void a_renamed_host_passes_under_both_names(void **state)
{
	(void)state;
	static const char *names[] = {"example.org"};
	struct options options = {.names = LIST(names)};
	struct event event = event_about("ns1.example.net", "{}");
	assert_false(filter_passes(&options, &event));
	event.new_name = "ns9.example.org";
	assert_true(filter_passes(&options, &event));
	json_decref(event.what);
}

/* An object without a name has impacts and a registrar as others have. */
static void a_handle_is_no_name_whatever_it_looks_like(void **state)
{
	(void)state;
	static const char *names[] = {"example.org"}, *impacts[] = {"delegation"};
	struct options options = {.names = LIST(names)};
	struct event event = event_about("nsset:ns.example.org", "{\"impact\":[\"delegation\"]}");
	event.handle = "ns.example.org";
	assert_false(filter_passes(&options, &event));
	options = (struct options){.impacts = LIST(impacts)};
	assert_true(filter_passes(&options, &event));
	json_decref(event.what);
}

static void every_impact_of_the_feed_can_be_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < FEED_IMPACTS; i++) {
		const char *impacts[] = {feed_impact_name(i)};
		char what[64];
		struct options options = {.impacts = LIST(impacts)};
		snprintf(what, sizeof what, "{\"impact\":[\"%s\"]}", impacts[0]);
		assert_true(passes(&options, "a.org", what));
		assert_false(passes(&options, "a.org", "{\"impact\":[\"other\"]}"));
	}
}

static void a_registrar_is_compared_letter_by_letter(void **state)
{
	(void)state;
	static const char *registrars[] = {"ClientX", "ClientZ"};
	struct options options = {.registrars = LIST(registrars)};
	assert_true(passes(&options, "a.org", "{\"registrar\":\"ClientX\"}"));
	assert_true(passes(&options, "a.org", "{\"registrar\":\"ClientZ\"}"));
	assert_false(passes(&options, "a.org", "{\"registrar\":\"clientx\"}"));
	assert_false(passes(&options, "a.org", "{\"registrar\":\"ClientXX\"}"));
	assert_false(passes(&options, "a.org", "{\"registrar\":7}"));
	assert_false(passes(&options, "a.org", "{}"));
}

static void one_impact_of_many_is_enough(void **state)
{
	(void)state;
	static const char *impacts[] = {"lock", "unlock"};
	struct options options = {.impacts = LIST(impacts)};
	assert_true(passes(&options, "a.org", "{\"impact\":[\"delegation\",\"unlock\"]}"));
	assert_false(passes(&options, "a.org", "{\"impact\":[\"delegation\"]}"));
	assert_false(passes(&options, "a.org", "{\"impact\":\"unlock\"}"));
	assert_false(passes(&options, "a.org", "{\"impact\":[[\"unlock\"],1]}"));
	assert_false(passes(&options, "a.org", "{}"));
}

static void different_options_narrow_each_other(void **state)
{
	(void)state;
	static const char *names[] = {"a.org"}, *registrars[] = {"X"}, *impacts[] = {"lock"};
	struct options options = {
		.names = LIST(names), .registrars = LIST(registrars), .impacts = LIST(impacts)};
	assert_true(passes(&options, "a.org", "{\"registrar\":\"X\",\"impact\":[\"lock\"]}"));
	assert_false(passes(&options, "b.org", "{\"registrar\":\"X\",\"impact\":[\"lock\"]}"));
	assert_false(passes(&options, "a.org", "{\"registrar\":\"Y\",\"impact\":[\"lock\"]}"));
	assert_false(passes(&options, "a.org", "{\"registrar\":\"X\",\"impact\":[\"glue\"]}"));
}

static void the_taps_own_events_always_pass(void **state)
{
	(void)state;
	static const char *names[] = {"a.org"}, *registrars[] = {"X"}, *impacts[] = {"lock"};
	struct options options = {
		.names = LIST(names), .registrars = LIST(registrars), .impacts = LIST(impacts)};
	struct event event = event_about("https://registry.example", "{}");
	assert_false(filter_passes(&options, &event));
	event.own = true;
	assert_true(filter_passes(&options, &event));
	json_decref(event.what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_everything_passes),
		cmocka_unit_test(names_are_alternatives_and_cover_their_hosts),
		cmocka_unit_test(a_renamed_host_passes_under_both_names),
		cmocka_unit_test(a_handle_is_no_name_whatever_it_looks_like),
		cmocka_unit_test(every_impact_of_the_feed_can_be_asked_for),
		cmocka_unit_test(a_registrar_is_compared_letter_by_letter),
		cmocka_unit_test(one_impact_of_many_is_enough),
		cmocka_unit_test(different_options_narrow_each_other),
		cmocka_unit_test(the_taps_own_events_always_pass),
	};
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
