/* What the bytes of frames say of a session, and what is left to the parser. */
#include "eppparse/session.h"

#include "eppparse/eppparse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define EPP          "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"
#define COMMAND(in)  EPP "<command>" in "</command></epp>"
#define RESPONSE(in) EPP "<response>" in "</response></epp>"
#define LOGIN(id)    COMMAND("<login>" id "<pw>secret</pw></login><clTRID>C-1</clTRID>")
#define DONE         RESPONSE("<result code=\"1000\"><msg>x</msg></result><trID><svTRID>S</svTRID></trID>")
#define UTF_16(text) "<?xml version=\"1.0\" encoding=\"UTF-16\"?>" text

static enum session_command command_of(const char *frame)
{
	return session_command_of(frame, strlen(frame));
}

static enum session_answer answer_of(const char *frame)
{
	return session_answer_of(frame, strlen(frame));
}

static void assert_text(struct session_text text, const char *expected)
{
	assert_int_equal(text.size, strlen(expected));
	if (text.size)
		assert_memory_equal(text.at, expected, text.size);
}

static void a_command_is_told_by_its_first_tags(void **state)
{
	(void)state;
	assert_int_equal(command_of(LOGIN("")), SESSION_LOGIN);
	assert_int_equal(command_of(COMMAND("<logout/>")), SESSION_LOGOUT);
	assert_int_equal(command_of(COMMAND("<update><login/></update>")), SESSION_COMMAND);
	assert_int_equal(command_of(EPP "<extension/></epp>"), SESSION_COMMAND);
	assert_int_equal(command_of(EPP "<hello/></epp>"), SESSION_HELLO);
	assert_int_equal(command_of("<e:epp xmlns:e='x'><e:hello /></e:epp>"), SESSION_HELLO);
	assert_int_equal(command_of(EPP "<!-- --><hello/></epp>"), SESSION_UNSURE);
	assert_int_equal(command_of(UTF_16(EPP "<hello/></epp>")), SESSION_UNSURE);
	assert_int_equal(command_of(EPP "</epp>"), SESSION_UNSURE);
	assert_int_equal(command_of("<hello/>"), SESSION_UNSURE);
	assert_int_equal(command_of(""), SESSION_UNSURE);
}

static void an_answer_is_a_greeting_or_a_response(void **state)
{
	(void)state;
	static const char wide[] = "\xff\xfe<\0e\0p\0p\0>\0<\0g\0r\0e\0e\0t\0i\0n\0g\0>\0";
	assert_int_equal(answer_of(EPP "<greeting/></epp>"), SESSION_GREETING);
	assert_int_equal(answer_of(DONE), SESSION_RESPONSE);
	assert_int_equal(answer_of(EPP "<!-- --><greeting/></epp>"), SESSION_GREETING);
	assert_int_equal(session_answer_of(wide, sizeof wide - 1), SESSION_GREETING);
	assert_int_equal(answer_of(EPP "<!-- --><response>greeting</response></epp>"),
			 SESSION_UNCLEAR);
	assert_int_equal(answer_of("what?"), SESSION_UNCLEAR);
	assert_int_equal(answer_of(""), SESSION_UNCLEAR);
}

static struct session_text login(const char *frame)
{
	return session_login(frame, strlen(frame));
}

static void a_login_names_one_id_for_sure_or_none(void **state)
{
	(void)state;
	assert_text(login(LOGIN("<clID>ClientX</clID>")), "ClientX");
	assert_text(login(LOGIN("<e:clID a='>'> \n ClientX\t</e:clID>")), "ClientX");
	/* what a parser may read otherwise, or in which another may be meant */
	assert_text(login(LOGIN("<clID>A</clID><clID>B</clID>")), "");
	assert_text(login(LOGIN("<clID>Client&#88;</clID>")), "");
	assert_text(login(LOGIN("<clID>Client<!-- -->X</clID>")), "");
	assert_text(login(LOGIN("<clID><![CDATA[ClientX]]></clID>")), "");
	assert_text(login(LOGIN("<clID>Client<b/>X</clID>")), "");
	assert_text(login(LOGIN("<!-- <clID>A</clID> --><clID>B</clID>")), "");
	assert_text(login(LOGIN("<clID>Cli ent</clID>")), "");
	assert_text(login(LOGIN("<clID>Cli\xc3\xa9nt</clID>")), "");
	assert_text(login(LOGIN("<clID/>")), "");
	assert_text(login(LOGIN("<clID></clID>")), "");
	assert_text(login(UTF_16(LOGIN("<clID>A</clID>"))), "");
	assert_text(login(COMMAND("<info><clID>A</clID></info>")), "");
	assert_text(login("<epp><command><login><clID>A"), "");
	assert_text(login("<epp><command><login><clID>A<>"), "");
}

static unsigned code(const char *frame)
{
	return session_code(frame, strlen(frame));
}

static void a_code_is_sure_or_zero(void **state)
{
	(void)state;
	assert_int_equal(code(DONE), 1000);
	assert_int_equal(code(RESPONSE("<e:result code='1500'/>")), 1500);
	assert_int_equal(
		code(RESPONSE("<result code=\"2002\"><value><x code=\"1000\"/></value></result>")),
		2002);
	/* what a server repeats of a command is no code of its own */
	assert_int_equal(
		code(RESPONSE("<result code=\"2001\"><value><result code=\"1000\"/></value>"
			      "</result>")),
		0);
	assert_int_equal(code(RESPONSE("<result code=\"1000\"/><result code=\"2001\"/>")), 0);
	assert_int_equal(code(RESPONSE("<result x=\"\" code=\"1000\"/>")), 0);
	assert_int_equal(code(RESPONSE("<result code=\"&#49;000\"/>")), 0);
	assert_int_equal(code(RESPONSE("<result code=\"10000\"/>")), 0);
	assert_int_equal(code(RESPONSE("<result code=\"1000")), 0);
	assert_int_equal(code(RESPONSE("<msgQ/><result code=\"1000\"/>")), 0);
	assert_int_equal(code(EPP "<greeting><result code=\"1000\"/></greeting></epp>"), 0);
}

static struct session_text command_id(const char *frame)
{
	return session_command_id(frame, strlen(frame));
}

static struct session_text answer_id(const char *frame)
{
	return session_answer_id(frame, strlen(frame));
}

static void a_client_id_stands_at_the_end(void **state)
{
	(void)state;
	assert_text(command_id(COMMAND("<logout/><clTRID>C-1</clTRID>")), "C-1");
	assert_text(command_id("<e:epp xmlns:e='x'><e:command><e:logout/><e:clTRID a='b'>\n C-1 "
			       "</e:clTRID ></e:command></e:epp>\n"),
		    "C-1");
	assert_text(
		answer_id(RESPONSE("<trID>\n<clTRID>C-1</clTRID>\n<svTRID>S</svTRID>\n</trID>\n")),
		"C-1");
	/* none, or another's place */
	assert_text(command_id(COMMAND("<logout/>")), "");
	assert_text(command_id(COMMAND("<extension><clTRID>C-1</clTRID></extension>")), "");
	assert_text(command_id(COMMAND("<logout/><clTRID/>")), "");
	assert_text(answer_id(DONE), "");
	assert_text(answer_id(RESPONSE("<resData><paTRID><clTRID>A</clTRID><svTRID>B</svTRID>"
				       "</paTRID></resData>")),
		    "");
	/* what may be read otherwise */
	assert_text(command_id(COMMAND("<logout/><clTRID>C&amp;1</clTRID>")), "");
	assert_text(command_id(COMMAND("<logout/><clTRID>C 1</clTRID>")), "");
	assert_text(command_id(COMMAND("<logout/><clTRID>A<![CDATA[<clTRID>]]>B</clTRID>")), "");
	assert_text(command_id(COMMAND("<logout/><clTRID>A<!-- <clTRID> -->B</clTRID>")), "");
	assert_text(command_id(COMMAND("<logout/><clTRID><!-- -->B</clTRID>")), "");
	assert_text(command_id(COMMAND("<logout/><clTRID>A</clTRID><!-- -->")), "");
	assert_text(command_id(UTF_16(COMMAND("<logout/><clTRID>A</clTRID>"))), "");
	assert_text(command_id("</clTRID></command></epp>"), "");
	assert_text(command_id("<x></clTRID></command></epp>"), "");
	assert_text(command_id(">"), "");
	assert_text(command_id(""), "");
}

static void the_parser_reads_what_is_not_sure(void **state)
{
	(void)state;
	static const struct {
		const char *command, *response, *login;
		enum eppparse_result found;
	} cases[] = {
		{LOGIN("<clID>ClientX</clID>"), DONE, "ClientX", EPPPARSE_CHANGE},
		{LOGIN("<clID>Cl<![CDATA[ien]]>t&#88;</clID>"), DONE, "ClientX", EPPPARSE_CHANGE},
		{LOGIN("<clID>Client<!-- -->X</clID>"), DONE, "ClientX", EPPPARSE_CHANGE},
		{LOGIN("<clID>x</clID>"), RESPONSE("<result code=\"2200\"/>"), "",
		 EPPPARSE_NOTHING},
		{LOGIN("<clID>x</clID>"), RESPONSE("<result code=\"1500\"/>"), "",
		 EPPPARSE_NOTHING},
		{LOGIN("<clID>x</clID><clID>y</clID>"), DONE, "", EPPPARSE_NOTHING},
		{LOGIN("<x:clID xmlns:x='urn:x'>y</x:clID>"), DONE, "", EPPPARSE_NOTHING},
		{COMMAND("<logout/>"), DONE, "", EPPPARSE_NOTHING},
		{LOGIN("<clID>x<y/></clID>"), DONE, "", EPPPARSE_VALUE},
		{LOGIN("<clID>x</clID"), DONE, "", EPPPARSE_MALFORMED},
		{LOGIN("<clID>x</clID>"), "<", "", EPPPARSE_MALFORMED},
	};
	struct eppparse *parse;
	struct change_registrar id;
	struct change change;
	assert_int_equal(eppparse_silence_thread(), RESULT_OK);
	assert_int_equal(eppparse_new(&parse), RESULT_OK);
	change_init(&change);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *command = cases[i].command, *response = cases[i].response;
		assert_int_equal(eppparse_login(parse, command, strlen(command), response,
						strlen(response), &id),
				 cases[i].found);
		assert_string_equal(id.text, cases[i].login);
	}
	/* Whoever asks for a change does not get to see it. */
	const char *odd = LOGIN("<clID>x<y/></clID>");
	assert_int_equal(eppparse_pair(parse, odd, strlen(odd), DONE, strlen(DONE), &change),
			 EPPPARSE_NOTHING);
	change_free(&change);
	eppparse_free(&parse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_told_by_its_first_tags),
		cmocka_unit_test(an_answer_is_a_greeting_or_a_response),
		cmocka_unit_test(a_login_names_one_id_for_sure_or_none),
		cmocka_unit_test(a_code_is_sure_or_zero),
		cmocka_unit_test(a_client_id_stands_at_the_end),
		cmocka_unit_test(the_parser_reads_what_is_not_sure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
