/* The scan may say maybe to anything, but no only to what is certainly no change. */
#include "eppparse/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EPP      "urn:ietf:params:xml:ns:epp-1.0"
#define DOMAIN   "urn:ietf:params:xml:ns:domain-1.0"
#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool may_transform(const char *text)
{
	return scan_command(text, strlen(text), NULL) == SCAN_MAYBE;
}

static bool may_succeed(const char *text)
{
	return scan_may_succeed(text, strlen(text));
}

/* ASCII as UTF-16. */
static size_t widen(const char *text, bool big, bool mark, char *wide)
{
	size_t size = 0;
	if (mark) {
		wide[size++] = big ? '\xfe' : '\xff';
		wide[size++] = big ? '\xff' : '\xfe';
	}
	for (; *text; text++) {
		wide[size++] = big ? '\0' : *text;
		wide[size++] = big ? *text : '\0';
	}
	return size;
}

static const char update[] =
	"<epp xmlns=\"" EPP "\"><command><update><domain:update xmlns:domain=\"" DOMAIN "\">"
	"<domain:name>a.example</domain:name></domain:update></update></command></epp>";
static const char check[] =
	"<epp xmlns=\"" EPP "\"><command><check><domain:check xmlns:domain=\"" DOMAIN "\">"
	"<domain:name>update.example</domain:name></domain:check></check></command></epp>";
static const char failed[] =
	"<epp xmlns=\"" EPP "\"><response><result code=\"2303\"><msg>1000 things</msg></result>"
	"<trID><svTRID>S-1</svTRID></trID></response></epp>";
static const char succeeded[] =
	"<epp xmlns=\"" EPP "\"><response><result code=\"1000\"><msg>Done</msg></result>"
	"<trID><svTRID>S-1</svTRID></trID></response></epp>";

static void each_transform_verb_with_any_prefix_is_maybe(void **state)
{
	static const char *const frames[] = {
		"<epp><command><create><x/></create></command></epp>",
		"<epp><command><update><x/></update></command></epp>",
		"<epp><command><delete><x/></delete></command></epp>",
		"<epp><command><renew><x/></renew></command></epp>",
		"<epp><command><transfer op=\"request\"><x/></transfer></command></epp>",
		"<e:epp><e:command><e:update><x/></e:update></e:command></e:epp>",
		"<epp:epp><epp:command><epp:update/></epp:command></epp:epp>",
		"<fee_1_00:epp><fee_1_00:renew/></fee_1_00:epp>",
		"<urn1:epp><urn1:command><urn1:delete\n/></urn1:command></urn1:epp>",
		"<_.-9:epp><_.-9:command><_.-9:create\t></_.-9:create></_.-9:command></_.-9:epp>",
		"<\xc3\xa9:epp><\xc3\xa9:update\r\n/></\xc3\xa9:epp>",
		"<a:b:epp><a:b:update/></a:b:epp>",
		"<epp><command><update/></command></epp>",
		"<epp><command><update\n\t xmlns=\"x\"/></command></epp>",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++)
		if (!may_transform(frames[i]))
			fail_msg("said no to: %s", frames[i]);
}

static void a_frame_with_blanks_or_a_mark_before_it_is_maybe(void **state)
{
	char frame[1024];
	static const char *const before[] = {" ",
					     "\r\n\t ",
					     "\xef\xbb\xbf",
					     "\xef\xbb\xbf \n",
					     "\xef\xbb\xbf<?xml version=\"1.0\"?>",
					     "<?xml version='1.0' encoding='utf-8'?>\n",
					     "<?xml version='1.0' encoding = \"US-ASCII\"?>",
					     "<?xml version='1.0' encoding='iso-8859-15'?>",
					     "<!-- update > nothing < -->"};
	(void)state;
	for (size_t i = 0; i < COUNT(before); i++) {
		snprintf(frame, sizeof frame, "%s%s \n", before[i], update);
		assert_true(may_transform(frame));
		snprintf(frame, sizeof frame, "%s%s \n", before[i], succeeded);
		assert_true(may_succeed(frame));
	}
}

static void utf_16_both_ways_with_and_without_a_mark_is_maybe(void **state)
{
	char wide[2048];
	(void)state;
	for (int way = 0; way < 4; way++) {
		size_t size = widen(check, way & 1, way & 2, wide);
		assert_int_equal(scan_command(wide, size, NULL), SCAN_MAYBE);
		size = widen(failed, way & 1, way & 2, wide);
		assert_true(scan_may_succeed(wide, size));
	}
}

static void an_encoding_that_may_hide_tags_is_maybe(void **state)
{
	static const char *const encodings[] = {
		"UTF-7",       "IBM037",  "utf-7", "UTF-16", "UTF-32",
		"CP1026",      "UTF-8 ",  "UTF",   "",       "SHIFT_JIS",
		"ISO-2022-JP", "GB18030", "HZ",    "UTF-80", "ISO-8859-",
	};
	char frame[1024];
	(void)state;
	for (size_t i = 0; i < COUNT(encodings); i++) {
		snprintf(frame, sizeof frame, "<?xml version=\"1.0\" encoding=\"%s\"?>%s",
			 encodings[i], check);
		if (!may_transform(frame))
			fail_msg("said no to encoding %s", encodings[i]);
		snprintf(frame, sizeof frame, "<?xml version='1.0' encoding\n=\t'%s'?>%s",
			 encodings[i], failed);
		if (!may_succeed(frame))
			fail_msg("said no to encoding %s", encodings[i]);
	}
	/* cut within the declaration, without quotes, and with the value's end out of sight */
	assert_true(may_transform("<?xml version='1.0' encoding>"));
	assert_true(may_transform("<?xml version='1.0' encoding=UTF-8?><hello/>"));
	assert_true(may_transform("<?xml version='1.0' encoding='UTF-8?><hello/>"));
	memset(frame, ' ', sizeof frame);
	memcpy(frame, "<?xml", 5);
	memcpy(frame + 300, "encoding='UTF-7'?><hello/>", 27);
	assert_true(may_transform(frame));
}

/* "<hello/>" in IBM037 */
static void ebcdic_is_maybe(void **state)
{
	static const char hello[] = "\x4c\x88\x85\x93\x93\x96\x61\x6e";
	(void)state;
	assert_true(may_transform(hello));
	assert_true(may_succeed(hello));
}

static void a_nul_anywhere_is_maybe(void **state)
{
	char frame[sizeof check];
	(void)state;
	for (size_t i = 0; i < sizeof check - 1; i++) {
		memcpy(frame, check, sizeof check);
		frame[i] = '\0';
		assert_int_equal(scan_command(frame, sizeof check - 1, NULL), SCAN_MAYBE);
	}
	char response[sizeof failed];
	for (size_t i = 0; i < sizeof failed - 1; i++) {
		memcpy(response, failed, sizeof failed);
		response[i] = '\0';
		assert_true(scan_may_succeed(response, sizeof failed - 1));
	}
}

static void a_doctype_is_maybe_however_it_is_spaced(void **state)
{
	static const char *const doctypes[] = {
		"<!DOCTYPE epp>",     "<!DOCTYPE\nepp [<!ENTITY a 'b'>]>",
		"<!DOCTYPEepp>",      "<!DOCTYPE a:epp>",
		"<!DOCTYPEa:epp []>", "<!DOCTYPE>"};
	char frame[1024];
	(void)state;
	for (size_t i = 0; i < COUNT(doctypes); i++) {
		snprintf(frame, sizeof frame, "%s%s", doctypes[i], check);
		assert_true(may_transform(frame));
		snprintf(frame, sizeof frame, "<?xml version='1.0'?>\n%s%s", doctypes[i], failed);
		assert_true(may_succeed(frame));
	}
}

static void what_is_no_frame_at_all_is_maybe(void **state)
{
	static const char *const frames[] = {"",
					     " \r\n",
					     "hello",
					     "<",
					     ">",
					     "<epp",
					     "epp>",
					     "\xef\xbb\xbf",
					     "\xef\xbb",
					     "<?xml",
					     "<?xml version='1.0'"};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_true(may_transform(frames[i]));
		assert_true(may_succeed(frames[i]));
	}
	assert_int_equal(scan_command(NULL, 0, NULL), SCAN_MAYBE);
	assert_true(scan_may_succeed(NULL, 0));
}

/* What was cut is no change, but a parser may see how far it goes. Only a cut that leaves whole tags may be a no. */
static void a_truncated_update_is_maybe_once_its_verb_is_there(void **state)
{
	size_t verb = (size_t)(strstr(update, "<update>") + strlen("<update>") - update);
	(void)state;
	for (size_t size = 0; size < sizeof update; size++) {
		bool may = scan_command(update, size, NULL) == SCAN_MAYBE;
		if (size >= verb || size == 0 || update[size - 1] != '>')
			assert_true(may);
	}
}

static void a_truncated_success_is_always_maybe(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof succeeded; size++)
		assert_true(scan_may_succeed(succeeded, size));
}

static void queries_and_sessions_are_no(void **state)
{
	static const char *const frames[] = {
		"<epp><hello/></epp>",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<epp><hello/></epp>\n",
		"<?xml version=\"1.0\"?><epp><command><info><d:info><d:name "
		"hosts=\"all\">create.example"
		"</d:name></d:info></info><clTRID>update</clTRID></command></epp>",
		"<epp><command><poll op=\"req\"/><clTRID>C-1</clTRID></command></epp>",
		"<epp><command><login><clID>renew</clID><pw>delete</pw></login></command></epp>",
		"<epp><command><logout/></command></epp>",
		"<epp><command><check><c:check><c:id>transfer</c:id></c:check></check></command></"
		"epp>",
		"<epp><command><info><x:updated/><x:creates/><createx/></info></command></epp>",
	};
	(void)state;
	assert_false(may_transform(check));
	for (size_t i = 0; i < COUNT(frames); i++)
		if (may_transform(frames[i]))
			fail_msg("said maybe to: %s", frames[i]);
}

static void a_poll_is_told_from_other_queries(void **state)
{
	static const char *const polls[] = {
		"<epp><command><poll op=\"req\"/><clTRID>C-1</clTRID></command></epp>",
		"<epp><command><poll op='ack' msgID=\"7\"/></command></epp>",
		"<e:epp xmlns:e='x'><e:command><e:poll\n op='req'></e:poll></e:command></e:epp>",
		"\xef\xbb\xbf<?xml version='1.0' "
		"encoding='UTF-8'?><epp><command><poll/></command></epp>",
	};
	static const char *const others[] = {
		"<epp><hello/></epp>",
		"<epp><command><info><poll/></info></command></epp>",
		"<epp><command><check/><clTRID>poll</clTRID></command></epp>",
	};
	static const char *const unsure[] = {
		"<epp><command><polls/></command></epp>",
		"<epp><poll/></epp>",
		"<epp><extension><poll/></extension></epp>",
		"<epp><command><poll/><update/></command></epp>",
		"<epp><command><poll op=\"req\"/><!-- --></command></epp>",
		"<?xml version='1.0' encoding='UTF-7'?><epp><command><poll/></command></epp>",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(polls); i++)
		assert_int_equal(scan_command(polls[i], strlen(polls[i]), NULL), SCAN_POLL);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(scan_command(others[i], strlen(others[i]), NULL), SCAN_NOTHING);
	for (size_t i = 0; i < COUNT(unsure); i++)
		assert_int_equal(scan_command(unsure[i], strlen(unsure[i]), NULL), SCAN_MAYBE);
}

/* A server that doesn't look at a schema may carry out the second of two. */
static void a_verb_of_the_registrys_own_behind_a_query_is_maybe(void **state)
{
	static struct config_pair own = {(char *)"trade", (char *)"transfer"};
	const struct config_pairs verbs = {&own, 1};
	static const char *const frames[] = {
		"<epp><command><poll op=\"req\"/><trade op=\"request\"/></command></epp>",
		"<epp><command><info/><x:trade/></command></epp>",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_int_equal(scan_command(frames[i], strlen(frames[i]), &verbs), SCAN_MAYBE);
		assert_int_not_equal(scan_command(frames[i], strlen(frames[i]), NULL), SCAN_MAYBE);
	}
}

static void news_count_only_in_a_message(void **state)
{
	static const char refused[] =
		"<epp><response><result code=\"2303\"><value><x:infData/></value>"
		"</result></response></epp>";
	static const char spelt[] =
		"<epp><response><result code=\"13&#48;1\"/><x:infData/></response></epp>";
	(void)state;
	assert_false(scan_may_tell(refused, sizeof refused - 1));
	assert_true(scan_may_tell(spelt, sizeof spelt - 1));
}

static void a_transform_beside_a_query_is_maybe(void **state)
{
	static const char *const verbs[] = {"create", "update", "delete", "renew", "transfer"};
	char frame[256];
	(void)state;
	for (size_t i = 0; i < COUNT(verbs); i++) {
		snprintf(frame, sizeof frame, "<epp><command><info/><a:%s/></command></epp>",
			 verbs[i]);
		assert_true(may_transform(frame));
		snprintf(frame, sizeof frame, "<epp><hello/><command><%s/></command></epp>",
			 verbs[i]);
		assert_true(may_transform(frame));
	}
}

static void a_registrys_own_commands_are_maybe(void **state)
{
	static const char *const frames[] = {
		"<epp><command><undelete/></command></epp>",
		"<epp><command><trade op=\"query\"/></command></epp>",
		"<epp><extension><command><withdraw/></command></extension></epp>",
		"<epp><extension><f:extcommand><f:creditInfo/></f:extcommand></extension></epp>",
		"<epp><command><extension/><info/></command></epp>",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++)
		assert_true(may_transform(frames[i]));
}

#define POLLED(inner)                                                                              \
	"<epp><response><result code=\"1301\"><msg>panData</msg></result>" inner "</response></"   \
	"epp>"

static bool may_tell(const char *text)
{
	return scan_may_tell(text, strlen(text));
}

static void what_may_bring_news_is_maybe(void **state)
{
	/* test_allow_list.c has all the elements that there are */
	static const char *const frames[] = {
		POLLED("<resData><a:panData xmlns:a='x'/></resData>"),
		POLLED("<msgQ><msg><trnData\n></trnData></msg></msgQ>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_true(may_tell(frames[i]));
		for (size_t size = strlen(frames[i]); size > 0; size--)
			if (frames[i][size - 1] != '>')
				assert_true(scan_may_tell(frames[i], size));
	}
	assert_true(may_tell(POLLED("<!-- -->")));
	assert_true(may_tell(POLLED("<![CDATA[x]]>")));
	assert_true(may_tell("<?xml version='1.0' encoding='IBM037'?>" POLLED("")));
	assert_true(may_tell(""));
	assert_true(may_tell("<epp"));
	assert_true(scan_may_tell(NULL, 0));
	char wide[2048];
	for (int way = 0; way < 4; way++) {
		size_t size = widen(POLLED(""), way & 1, way & 2, wide);
		assert_true(scan_may_tell(wide, size));
	}
}

static void which_response_matters_depends_on_the_command(void **state)
{
	static const char news[] = POLLED("<resData><panData/></resData>");
	(void)state;
	assert_false(scan_may_matter(SCAN_NOTHING, succeeded, sizeof succeeded - 1));
	assert_false(scan_may_matter(SCAN_NOTHING, news, sizeof news - 1));
	assert_false(scan_may_matter(SCAN_POLL, succeeded, sizeof succeeded - 1));
	assert_true(scan_may_matter(SCAN_POLL, news, sizeof news - 1));
	assert_true(scan_may_matter(SCAN_MAYBE, succeeded, sizeof succeeded - 1));
	assert_true(scan_may_matter(SCAN_MAYBE, news, sizeof news - 1));
	for (enum scan_command kind = SCAN_NOTHING; kind <= SCAN_MAYBE; kind++)
		assert_false(scan_may_matter(kind, failed, sizeof failed - 1));
}

static void a_message_without_news_is_no(void **state)
{
	(void)state;
	assert_false(may_tell(POLLED("")));
	assert_false(may_tell(POLLED("<msgQ id=\"panData\"><msg>infData trnData</msg></msgQ>")));
	assert_false(may_tell(POLLED("<resData><x:pollData><x:panDatas/></x:pollData></resData>")));
	assert_false(may_tell("<epp><response><result code=\"1300\"/></response></epp>"));
}

static void failures_and_other_successes_are_no(void **state)
{
	static const char *const codes[] = {"1300", "1301", "1500", "2001", "2101",
					    "2201", "2302", "2303", "2400", "2502"};
	char frame[512];
	(void)state;
	assert_false(may_succeed(failed));
	for (size_t i = 0; i < COUNT(codes); i++) {
		snprintf(frame, sizeof frame,
			 "<e:epp><e:response><e:result code='%s'><e:msg>1000</e:msg></e:result>"
			 "</e:response></e:epp>",
			 codes[i]);
		assert_false(may_succeed(frame));
	}
}

static void success_and_pending_are_maybe_however_they_are_written(void **state)
{
	static const char *const results[] = {
		"<result code=\"1000\">",
		"<result code=\"1001\">",
		"<r:result\n\tcode = '1000' >",
		"<result lang=\"en\" code='1001'/>",
		"<result code=\"&#49;000\">",
		"<result code=\"1&#x30;00\">",
		"<result code=' 1000 '>",
		"<result code=\"01000\">",
		"<result>",
		"<result/>",
		"<result cod=\"2000\">",
		"<result note=\"a>b\" code=\"1000\">",
		"<result code2='>' code=\"1000\">",
		"<result note=\"code>\" code=\"1000\">",
		"<result note='code=\"2000\">' code=\"1001\">",
	};
	char frame[512];
	(void)state;
	for (size_t i = 0; i < COUNT(results); i++) {
		snprintf(frame, sizeof frame, "<epp><response>%s<msg/></result></response></epp>",
			 results[i]);
		if (!may_succeed(frame))
			fail_msg("said no to: %s", frame);
	}
}

static void of_several_results_one_success_is_maybe_and_none_is_no(void **state)
{
	(void)state;
	assert_true(may_succeed("<epp><response><result code=\"2004\"/><result code=\"1000\"/>"
				"</response></epp>"));
	assert_true(may_succeed("<epp><response><result code=\"1000\"/><result code=\"1000\"/>"
				"</response></epp>"));
	assert_false(may_succeed("<epp><response><result code=\"2004\"/><result code=\"2005\"/>"
				 "</response></epp>"));
}

static void a_response_without_a_result_is_maybe(void **state)
{
	(void)state;
	assert_true(may_succeed("<epp><greeting><svID>x</svID></greeting></epp>"));
	assert_true(may_succeed("<epp><response><results code=\"2000\"/></response></epp>"));
}

static void a_quoted_tag_end_does_not_hide_what_follows(void **state)
{
	(void)state;
	assert_true(may_transform("<epp><command a=\"/>\"><update/></command></epp>"));
	assert_true(
		may_transform("<epp><!-- > --><command><![CDATA[>]]><x:update/></command></epp>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_transform_verb_with_any_prefix_is_maybe),
		cmocka_unit_test(a_frame_with_blanks_or_a_mark_before_it_is_maybe),
		cmocka_unit_test(utf_16_both_ways_with_and_without_a_mark_is_maybe),
		cmocka_unit_test(an_encoding_that_may_hide_tags_is_maybe),
		cmocka_unit_test(ebcdic_is_maybe),
		cmocka_unit_test(a_nul_anywhere_is_maybe),
		cmocka_unit_test(a_doctype_is_maybe_however_it_is_spaced),
		cmocka_unit_test(what_is_no_frame_at_all_is_maybe),
		cmocka_unit_test(a_truncated_update_is_maybe_once_its_verb_is_there),
		cmocka_unit_test(a_truncated_success_is_always_maybe),
		cmocka_unit_test(queries_and_sessions_are_no),
		cmocka_unit_test(a_poll_is_told_from_other_queries),
		cmocka_unit_test(a_verb_of_the_registrys_own_behind_a_query_is_maybe),
		cmocka_unit_test(news_count_only_in_a_message),
		cmocka_unit_test(a_transform_beside_a_query_is_maybe),
		cmocka_unit_test(a_registrys_own_commands_are_maybe),
		cmocka_unit_test(what_may_bring_news_is_maybe),
		cmocka_unit_test(a_message_without_news_is_no),
		cmocka_unit_test(which_response_matters_depends_on_the_command),
		cmocka_unit_test(failures_and_other_successes_are_no),
		cmocka_unit_test(success_and_pending_are_maybe_however_they_are_written),
		cmocka_unit_test(of_several_results_one_success_is_maybe_and_none_is_no),
		cmocka_unit_test(a_response_without_a_result_is_maybe),
		cmocka_unit_test(a_quoted_tag_end_does_not_hide_what_follows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
