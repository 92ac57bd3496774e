#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subscriber/printable.h"
#include "subscriber/show.h"

#include <stdlib.h>
#include <string.h>

/* An event with this value, 12:34:56.789 on some day; for event_free(). */
static struct event event_of(const char *what)
{
	struct event event = {.index = 17,
			      .name = "example.org",
			      .kind = "urn:ietf:params:xml:ns:domain-1.0#update",
			      .toe_ms = INT64_C(1699965296789)};
	event.claims = json_loads(what, 0, NULL);
	assert_non_null(event.claims);
	event.what = event.claims;
	buffer_init(&event.payload, 4096);
	return event;
}

/* What show_event() writes; for free(). */
static char *shown(struct event *event, bool json, bool color)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct show show = {
		.out = out, .err = out, .channel = "vetted", .json = json, .color = color};
	assert_int_equal(show_event(&show, event), RESULT_OK);
	fclose(out);
	return text;
}

static void assert_shown(const char *what, const char *line)
{
	struct event event = event_of(what);
	char *text = shown(&event, false, false);
	assert_string_equal(text, line);
	free(text);
	event_free(&event);
}

#define LINE "12:34:56.789  vetted      17  example.org  "

static void an_attack_is_readable_at_a_glance(void **state)
{
	(void)state;
	assert_shown("{\"impact\":[\"delegation\",\"dnssec-removed\",\"unlock\"],"
		     "\"registrar\":\"ClientX\",\"outcome\":\"pending\","
		     "\"add\":{\"nameservers\":[{\"ldhName\":\"ns1.evil.example\"}]},"
		     "\"remove\":{\"nameservers\":[{\"ldhName\":\"ns1.good.example\"}],"
		     "\"secureDNS\":{\"dsData\":[{\"keyTag\":12345,\"algorithm\":13,"
		     "\"digestType\":2}]}},"
		     "\"lock\":[{\"action\":\"unlock\",\"level\":\"registrar\","
		     "\"prohibits\":[\"update\",\"transfer\"]}]}",
		     LINE "delegation,dnssec-removed,unlock  "
			  "nameservers +ns1.evil.example -ns1.good.example; DS -12345/13/2; "
			  "unlock update,transfer; registrar ClientX; outcome pending\n");
}

static void each_kind_of_change_has_its_words(void **state)
{
	(void)state;
	assert_shown("{\"outcome\":\"completed\"}", LINE "  \n");
	assert_shown("{\"add\":{\"ipAddresses\":{\"v4\":[\"192.0.2.1\"]}},"
		     "\"remove\":{\"ipAddresses\":{\"v6\":[\"2001:db8::1\"]}}}",
		     LINE "  addresses +192.0.2.1; addresses -2001:db8::1\n");
	assert_shown("{\"add\":{\"nameservers\":[{\"ldhName\":\"ns1.a.org\","
		     "\"ipAddresses\":{\"v4\":[\"192.0.2.1\"],\"v6\":[\"2001:db8::1\"]}}]}}",
		     LINE "  nameservers +ns1.a.org(192.0.2.1,2001:db8::1)\n");
	assert_shown("{\"remove\":{\"secureDNS\":{\"all\":true}},"
		     "\"add\":{\"secureDNS\":{\"keyData\":[{\"flags\":257,\"protocol\":3,"
		     "\"algorithm\":13}]}}}",
		     LINE "  DS -all; DNSKEY +257/3/13\n");
	assert_shown("{\"add\":{\"status\":[\"client hold\"]},\"initiator\":\"registry\","
		     "\"set\":{\"expires\":\"2027-04-03T22:00:00Z\"}}",
		     LINE "  status +client hold; expires 2027-04-03T22:00:00Z; by the registry\n");
	assert_shown("{\"transfer\":{\"op\":\"request\",\"status\":\"pending\","
		     "\"gaining\":\"ClientX\",\"losing\":\"ClientY\"}}",
		     LINE "  transfer request pending to ClientX from ClientY\n");
	assert_shown("{\"transfer\":{\"status\":\"serverApproved\","
		     "\"requested\":\"2026-09-21T14:13:20Z\",\"acted\":\"2026-09-26T14:13:20Z\"},"
		     "\"completes\":\"x\",\"outcome\":\"rejected\"}",
		     LINE "  transfer serverApproved, requested 2026-09-21T14:13:20Z, "
			  "acted 2026-09-26T14:13:20Z; outcome rejected; ends what was pending\n");
	assert_shown("{\"changed\":[\"registrant\",\"authInfo\"],\"completes\":\"x\"}",
		     LINE "  changed registrant,authInfo; ends what was pending\n");
	assert_shown("{\"lock\":[{\"action\":\"lock\",\"level\":\"registry\","
		     "\"prohibits\":[\"delete\"]}]}",
		     LINE "  lock delete (registry)\n");
	assert_shown("{\"truncated\":true,\"add\":{\"nameservers\":120}}",
		     LINE "  nameservers +120 (a count); too large to be told in full\n");
}

static void references_and_what_is_removed_altogether_have_their_words(void **state)
{
	(void)state;
	assert_shown("{\"add\":{\"keyset\":[\"K2\"]},\"remove\":{\"nsset\":[\"S1\"],"
		     "\"keyset\":{\"all\":true}},\"set\":{\"nsgroup\":\"G1\"}}",
		     LINE "  nsset -S1; keyset +K2 -all; nsgroup now G1\n");
	assert_shown("{\"remove\":{\"nameservers\":{\"all\":true},\"keygroup\":7,"
		     "\"secureDNS\":{\"dsData\":[{\"keyTag\":4711}]}},"
		     "\"set\":{\"done\":\"2026-09-21T14:13:20Z\"}}",
		     LINE "  nameservers -all; keygroup -7 (a count); DS -4711; "
			  "done 2026-09-21T14:13:20Z\n");
}

static void a_state_is_told_with_what_is_known_to_be_missing(void **state)
{
	(void)state;
	assert_shown("{\"before\":{\"known\":[\"nameservers\",\"secureDNS\",\"status\"],"
		     "\"nameservers\":[{\"ldhName\":\"ns1.a.org\","
		     "\"ipAddresses\":{\"v4\":[\"192.0.2.1\"]}},{\"ldhName\":\"ns2.a.org\"}],"
		     "\"secureDNS\":{\"delegationSigned\":true,\"dsData\":[{\"keyTag\":1,"
		     "\"algorithm\":13,\"digestType\":2}]},\"status\":[\"active\"]}}",
		     LINE "  before: nameservers ns1.a.org(192.0.2.1),ns2.a.org DS 1/13/2 status "
			  "active\n");
	assert_shown("{\"state\":{\"known\":[\"nameservers\",\"secureDNS\",\"status\"],"
		     "\"secureDNS\":{\"delegationSigned\":false}}}",
		     LINE "  now: no nameservers no DS no status\n");
	assert_shown("{\"state\":{\"known\":[\"nameservers\"],\"nsset\":[\"S1\"]}}",
		     LINE "  now: nsset S1\n");
	assert_shown("{\"state\":{\"known\":[\"ipAddresses\"],"
		     "\"ipAddresses\":{\"v6\":[\"2001:db8::1\"]}}}",
		     LINE "  now: addresses 2001:db8::1\n");
	assert_shown("{\"state\":{\"known\":[\"ipAddresses\"]}}", LINE "  now: no addresses\n");
	assert_shown("{\"state\":{\"nameservers\":4096,\"ipAddresses\":9},\"truncated\":true}",
		     LINE "  too large to be told in full; now: 4096 nameservers 9 addresses\n");
}

static void an_object_without_a_name_is_shown_by_its_handle(void **state)
{
	(void)state;
	struct event event = event_of("{\"handle\":\"S/1\",\"impact\":[\"delegation\"]}");
	event.name = "nsset:S%2F1";
	event.handle = "S/1";
	char *text = shown(&event, false, false);
	assert_string_equal(text, "12:34:56.789  vetted      17  nsset:S%2F1  delegation  \n");
	free(text);
	event_free(&event);
}

static void long_lists_are_cut_and_say_so(void **state)
{
	(void)state;
	assert_shown("{\"add\":{\"status\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\","
		     "\"i\",\"j\"]}}",
		     LINE "  status +a +b +c +d +e +f +g +h +(2 more)\n");
}

static void members_of_the_wrong_kind_break_nothing(void **state)
{
	(void)state;
	assert_shown("{\"impact\":[1,{}],\"add\":[],\"remove\":7,\"set\":[\"x\"],\"lock\":[3],"
		     "\"transfer\":\"x\",\"changed\":{},\"registrar\":{},\"outcome\":1}",
		     LINE "?,?  ?\n");
	assert_shown("{\"add\":{\"nameservers\":[null,[]],\"secureDNS\":{\"dsData\":[7]}}}",
		     LINE "  nameservers +? +?; DS +0/0/0\n");
	assert_shown("{\"before\":7,\"state\":{\"known\":{},\"nameservers\":\"x\",\"nsset\":[1],"
		     "\"secureDNS\":[],\"ipAddresses\":\"y\",\"status\":{}},"
		     "\"set\":{\"nsset\":[]},\"remove\":{\"nsset\":{\"all\":1}}}",
		     LINE "  now: nsset ?\n");
}

static void the_taps_own_events_tell_what_they_hold(void **state)
{
	(void)state;
	struct event event = event_of("{\"count\":5,\"reason\":\"queue full\",\"deep\":{}}");
	event.own = true;
	event.kind = "urn:epptap:gap";
	char *text = shown(&event, false, false);
	assert_string_equal(text,
			    "12:34:56.789  vetted      17  ~gap  count 5; reason queue full\n");
	free(text);
	event_free(&event);
}

/* Whatever the registry signed: a terminal gets printable ASCII. */
static void control_characters_never_reach_the_terminal(void **state)
{
	(void)state;
	struct event event =
		event_of("{\"registrar\":\"\\u001b]0;owned\\u0007\",\"impact\":[\"\\u009b2J\"],"
			 "\"add\":{\"nameservers\":[{\"ldhName\":\"a\\r\\nb\"}]},"
			 "\"changed\":[\"\\u202e\"],\"outcome\":\"\\u007f\","
			 "\"lock\":[{\"action\":\"\\u0001\",\"prohibits\":[\"\\u0002\"]}],"
			 "\"set\":{\"nsset\":\"\\u0003\"},\"transfer\":{\"gaining\":\"\\u001b\"},"
			 "\"state\":{\"keyset\":[\"\\u0004\"],\"status\":[\"\\u0005\"]}}");
	event.name = "\033[31m";
	event.kind = "\033[32m";
	for (int own = 0; own < 2; own++) {
		event.own = own;
		char *text = shown(&event, false, false);
		for (const char *at = text; at[1]; at++)
			assert_true(*at >= ' ' && *at <= '~');
		assert_int_equal(text[strlen(text) - 1], '\n');
		free(text);
	}
	event_free(&event);
}

static void impacts_are_coloured_when_wanted(void **state)
{
	(void)state;
	struct event event = event_of("{\"impact\":[\"lock\",\"unlock\",\"renew\"]}");
	char *text = shown(&event, false, true);
	assert_non_null(strstr(text, "\033[32mlock\033[0m,\033[1;31munlock\033[0m,renew  "));
	free(text);
	event_free(&event);
}

static void json_has_the_claims_as_they_were_signed(void **state)
{
	(void)state;
	static const char claims[] = "{ \"b\":1.50,\"a\" : \"\\u00fc/\\/\xc3\xbc\",\"toe\":1e2}";
	struct event event = event_of("{}");
	buffer_append_text(&event.payload, claims);
	char *text = shown(&event, true, true);
	char line[256];
	snprintf(line, sizeof line, "{\"channel\":\"vetted\",\"index\":17,\"event\":%s}\n", claims);
	assert_string_equal(text, line);
	free(text);
	event_free(&event);
}

static void json_is_one_line_for_each_event(void **state)
{
	(void)state;
	struct event event = event_of("{}");
	buffer_append_text(&event.payload, "{\n\"a\":\r\n1}");
	char *text = shown(&event, true, false);
	assert_string_equal(text, "{\"channel\":\"vetted\",\"index\":17,\"event\":{ \"a\":  1}}\n");
	free(text);
	event_free(&event);
}

/* What was written for a message with this index frame that did not verify; for free(). */
static char *shown_unverified(const char *index, bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct show show = {.out = out, .err = out, .channel = "vetted", .json = json};
	struct message message = {.frames = MESSAGE_FRAMES, .index = {index, strlen(index)}};
	struct refusal why;
	assert_int_equal(refuse(&why, REFUSAL_ISS, "the event is of %s", "\"\033[2J\xff\\\""),
			 RESULT_INVALID);
	assert_int_equal(show_unverified(&show, &message, &why), RESULT_OK);
	fclose(out);
	return text;
}

static void what_did_not_verify_is_shown_without_its_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *index;
		bool json;
		const char *line;
	} cases[] = {
		{"17", false, "NOT VERIFIED  index 17: the event is of \"?[2J?\\\"\n"},
		{"\033c", false, "NOT VERIFIED  no index: the event is of \"?[2J?\\\"\n"},
		{"17", true,
		 "{\"channel\":\"vetted\",\"index\":17,"
		 "\"error\":\"the event is of \\\"?[2J?\\\\\\\"\"}\n"},
		{"x", true,
		 "{\"channel\":\"vetted\",\"index\":null,"
		 "\"error\":\"the event is of \\\"?[2J?\\\\\\\"\"}\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = shown_unverified(cases[i].index, cases[i].json);
		assert_string_equal(text, cases[i].line);
		free(text);
	}
}

static char *shown_missed(uint64_t from, uint64_t to, bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *err = open_memstream(&text, &size);
	struct show show = {.err = err, .channel = "vetted", .json = json};
	assert_int_equal(show_missed(&show, from, to), RESULT_OK);
	fclose(err);
	return text;
}

static void missed_events_are_counted(void **state)
{
	(void)state;
	char *text = shown_missed(18, 20, false);
	assert_string_equal(text, "vetted: 3 events were missed between index 17 and 21\n");
	free(text);
	text = shown_missed(18, 18, false);
	assert_string_equal(text, "vetted: 1 event was missed between index 17 and 19\n");
	free(text);
	text = shown_missed(18, 20, true);
	assert_string_equal(text, "{\"channel\":\"vetted\",\"missed\":{\"from\":18,\"to\":20}}\n");
	free(text);
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	struct show show = {.out = full, .err = full, .channel = "vetted"};
	struct event event = event_of("{}");
	assert_int_equal(show_event(&show, &event), RESULT_STORE);
	event_free(&event);
	fclose(full);
}

static void printable_bytes_stay_and_others_go(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, 64);
	printable_append(&text, "a\0b\x7f ~\x1f\x80", 8, 8);
	assert_int_equal(text.size, 8);
	assert_memory_equal(text.data, "a?b? ~??", 8);
	buffer_reset(&text);
	printable_append_text(&text, "abcdef", 3);
	assert_int_equal(text.size, 6);
	assert_memory_equal(text.data, "abc...", 6);
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attack_is_readable_at_a_glance),
		cmocka_unit_test(each_kind_of_change_has_its_words),
		cmocka_unit_test(references_and_what_is_removed_altogether_have_their_words),
		cmocka_unit_test(a_state_is_told_with_what_is_known_to_be_missing),
		cmocka_unit_test(an_object_without_a_name_is_shown_by_its_handle),
		cmocka_unit_test(long_lists_are_cut_and_say_so),
		cmocka_unit_test(members_of_the_wrong_kind_break_nothing),
		cmocka_unit_test(the_taps_own_events_tell_what_they_hold),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(impacts_are_coloured_when_wanted),
		cmocka_unit_test(json_has_the_claims_as_they_were_signed),
		cmocka_unit_test(json_is_one_line_for_each_event),
		cmocka_unit_test(what_did_not_verify_is_shown_without_its_bytes),
		cmocka_unit_test(missed_events_are_counted),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(printable_bytes_stay_and_others_go),
	};
	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
