/* Frames, good and hostile, through the whole parser. */
#include "eppparse/test/frames.h"

#include <malloc.h>
#include <stdlib.h>

static void each_part_of_a_domain_update_is_read(void **state)
{
	/* clang-format off */
	static const char frame[] = COMMAND(
		"<update>"
		D("update",
		  "<d:name> Example.ORG. </d:name>"
		  "<d:add><d:ns>"
		  "<d:hostAttr><d:hostName>ns1.example.org</d:hostName><d:hostAddr>192.0.2.1</d:hostAddr>"
		  "<d:hostAddr ip=\"v6\">2001:db8::1</d:hostAddr></d:hostAttr>"
		  "<d:hostAttr><d:hostName>ns2.example.org</d:hostName>"
		  "<d:hostAddr ip=\"v4\">192.0.2.2</d:hostAddr></d:hostAttr></d:ns>"
		  "<d:contact type=\"tech\">CANARY</d:contact>"
		  "<d:status s=\"clientHold\">CANARY</d:status><d:status s=\"odd\"/></d:add>"
		  "<d:rem><d:ns><d:hostObj>ns3.example.net</d:hostObj></d:ns></d:rem>"
		  "<d:chg><d:registrant>CANARY</d:registrant>"
		  "<d:authInfo><d:pw>CANARY</d:pw></d:authInfo></d:chg>")
		"</update>"
		EXTENSION("<s:update xmlns:s=\"" SECDNS "\"><s:rem><s:all>true</s:all></s:rem>"
			  "<s:add><s:dsData>" DS_OF("s", "12345")
			  "<s:keyData>" KEY_OF("s", "257") "</s:keyData></s:dsData></s:add>"
			  "<s:chg><s:maxSigLife>604800</s:maxSigLife></s:chg></s:update>"));
	/* clang-format on */
	(void)state;
	assert_reads(frame, "change");
	assert_int_equal(change.object, CHANGE_DOMAIN);
	assert_int_equal(change.verb, CHANGE_UPDATE);
	assert_int_equal(change.outcome, CHANGE_COMPLETED);
	assert_string_equal(change.name.text, "example.org");
	assert_int_equal(change.add.hosts.count, 2);
	assert_string_equal(change.add.hosts.items[1].text, "ns2.example.org");
	assert_int_equal(change.add.addresses.count, 3);
	assert_int_equal(change.add.addresses.items[1].host, 0);
	assert_int_equal(change.add.addresses.items[1].family, 6);
	assert_int_equal(change.add.addresses.items[2].host, 1);
	assert_memory_equal(change.add.addresses.items[2].bytes, "\xc0\x00\x02\x02", 4);
	assert_int_equal(change.add.status, 1u << STATUS_CLIENT_HOLD);
	assert_int_equal(change.add.status_others, 1);
	assert_int_equal(change.remove.hosts.count, 1);
	assert_string_equal(change.remove.hosts.items[0].text, "ns3.example.net");
	assert_int_equal(change.changed, CHANGED_REGISTRANT | CHANGED_CONTACTS | CHANGED_AUTH_INFO);
	assert_true(change.remove.all_secdns);
	assert_int_equal(change.add.ds.count, 1);
	assert_int_equal(change.add.ds.items[0].key_tag, 12345);
	assert_int_equal(change.add.ds.items[0].digest_size, 32);
	assert_memory_equal(change.add.ds.items[0].digest, DIGEST_START, 2);
	assert_int_equal(change.add.keys.count, 1);
	assert_int_equal(change.add.keys.items[0].flags, 257);
	assert_int_equal(change.add.keys.items[0].size, 64);
	assert_memory_equal(change.add.keys.items[0].bytes, KEY_START, 3);
	assert_true(change.has_max_sig_life);
	assert_int_equal(change.max_sig_life, 604800);
}

static void a_host_object_has_addresses_of_its_own_and_a_new_name(void **state)
{
	(void)state;
	assert_reads(COMMAND("<update><h:update xmlns:h=\"" HOST
			     "\"><h:name>ns1.example.org</h:name>"
			     "<h:add><h:addr ip=\"v6\">2001:db8::2</h:addr></h:add>"
			     "<h:rem><h:addr>192.0.2.9</h:addr></h:rem>"
			     "<h:chg><h:name>NS9.example.org</h:name></h:chg></h:update></update>"),
		     "change");
	assert_int_equal(change.object, CHANGE_HOST);
	assert_int_equal(change.add.addresses.count, 1);
	assert_int_equal(change.add.addresses.items[0].host, CHANGE_NO_HOST);
	assert_int_equal(change.remove.addresses.count, 1);
	assert_string_equal(change.new_name.text, "ns9.example.org");
}

static void the_response_gives_outcome_id_and_expiry(void **state)
{
	(void)state;
	assert_string_equal(
		eppparse_reason(read_pair(
			COMMAND("<create><d:create xmlns:d=\"" DOMAIN
				"\"><d:name>new.example</d:name>"
				"</d:create></create>"),
			RESPONSE("1001",
				 "<resData><d:creData xmlns:d=\"" DOMAIN
				 "\"><d:name>new.example</d:name><d:crDate>2026-04-03T22:00:00Z</"
				 "d:crDate>"
				 "<d:exDate>2027-04-03T22:00:00.0Z</d:exDate></d:creData></resData>"
				 "<trID><svTRID>SV-7 </svTRID></trID>"))),
		"change");
	assert_int_equal(change.verb, CHANGE_CREATE);
	assert_int_equal(change.outcome, CHANGE_PENDING);
	assert_string_equal(change.svtrid.text, "SV-7");
	assert_true(change.has_expires);
	assert_int_equal(change.expires, 1806789600);
}

static void nothing_of_the_last_frame_stays(void **state)
{
	(void)state;
	change.wall_us = 11;
	snprintf(change.registrar.text, sizeof change.registrar.text, "%s", "ClientX");
	assert_still_well();
	assert_reads(UPDATE(""), "change");
	assert_int_equal(change.add.hosts.count, 0);
	assert_int_equal(change.wall_us, 0);
	assert_string_equal(change.registrar.text, "");
}

static void a_server_id_that_is_no_token_is_left_out(void **state)
{
	(void)state;
	assert_string_equal(
		eppparse_reason(read_pair(
			moved, RESPONSE("1000", "<trID><svTRID>two words</svTRID></trID>"))),
		"change");
	assert_string_equal(change.svtrid.text, "");
	assert_string_equal(eppparse_reason(read_pair(moved, RESPONSE("1000", ""))), "change");
	assert_string_equal(change.svtrid.text, "");
}

static void a_frame_that_is_not_well_formed_is_malformed(void **state)
{
	static const char *const frames[] = {
		"",
		" ",
		"<",
		"hello",
		"\xff",
		"</epp>",
		"<epp xmlns=\"" EPP "\"><command></epp></command>",
		"<epp xmlns=\"" EPP "\" xmlns=\"" EPP "\"/>",
		COMMAND("<update a=1/>"),
		COMMAND("<update a='1' a='2'/>"),
		COMMAND("<update>&nothing;</update>"),
		COMMAND("<update>&#0;</update>"),
		COMMAND("<update>\x01</update>"),
		COMMAND("<update/></d:x>"),
		COMMAND("") "<epp/>",
		COMMAND("") "trailing",
		" <?xml version='1.0'?>" COMMAND(""),
		COMMAND("<!-- -- -->"),
		COMMAND("<![CDATA[ "),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		enum eppparse_result result = read_command(frames[i]);
		if (result != EPPPARSE_MALFORMED)
			fail_msg("%zu is %s: %s", i, eppparse_reason(result), frames[i]);
		assert_still_well();
	}
	assert_int_equal(eppparse_pair(parse, NULL, 0, NULL, 0, &change), EPPPARSE_MALFORMED);
	assert_int_equal(eppparse_pair(parse, NULL, 0, done, strlen(done), &change),
			 EPPPARSE_MALFORMED);
	assert_still_well();
}

/* libxml2 hands over a last tag that was cut, and then it is its name that is wrong. */
static void assert_cut(enum eppparse_result result)
{
	if (result == EPPPARSE_CHANGE || result == EPPPARSE_NOTHING)
		fail_msg("a cut frame is %s", eppparse_reason(result));
}

static void no_prefix_of_a_good_frame_is_a_change(void **state)
{
	static const char frame[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" UPDATE(
		"<d:rem><d:status s=\"ok\"/></d:rem>");
	(void)state;
	for (size_t size = 0; size < sizeof frame - 1; size++) {
		/* a copy of its own size, so that a sanitizer sees a read past it */
		char *cut = malloc(size ? size : 1);
		memcpy(cut, frame, size);
		assert_cut(read_bytes(cut, size, done));
		free(cut);
	}
	for (size_t size = 0; size < sizeof done - 1; size++) {
		char *cut = malloc(size ? size : 1);
		memcpy(cut, done, size);
		assert_cut(eppparse_pair(parse, frame, sizeof frame - 1, cut, size, &change));
		free(cut);
	}
	assert_reads(frame, "change");
}

static void a_document_type_is_refused_before_anything_is_expanded(void **state)
{
	static const char *const types[] = {
		"<!DOCTYPE epp>",
		"<!DOCTYPEepp>",
		"<!DOCTYPE epp SYSTEM \"file:///etc/passwd\">",
		"<!DOCTYPE epp PUBLIC \"x\" \"http://192.0.2.1/x.dtd\">",
		"<!DOCTYPE epp [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
		"<!DOCTYPE epp [<!ENTITY % x SYSTEM \"http://192.0.2.1/\"> %x;]>",
		"<!DOCTYPE a [<!ENTITY a 'aaa'><!ENTITY b '&a;&a;&a;'><!ENTITY c '&b;&b;&b;'>]>",
		"<!DOCTYPE epp [<!ATTLIST epp a CDATA \"b\">]>",
	};
	char frame[2048];
	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		snprintf(frame, sizeof frame, "<?xml version=\"1.0\"?>%s%s", types[i],
			 UPDATE("<d:chg/>"));
		assert_reads(frame, "doctype");
		assert_still_well();
		snprintf(frame, sizeof frame, "%s%s", types[i], done);
		assert_string_equal(eppparse_reason(read_pair(moved, frame)), "doctype");
		assert_still_well();
	}
}

/* An update whose unknown element holds `depth` elements within each other, the three around it included. */
static void append_depth(struct buffer *frame, int depth)
{
	buffer_reset(frame);
	buffer_append_text(frame,
			   "<epp xmlns=\"" EPP "\"><command><update><d:update xmlns:d=\"" DOMAIN
			   "\"><d:name>example.org</d:name>");
	for (int i = 4; i < depth; i++)
		buffer_append_text(frame, "<x>");
	for (int i = 4; i < depth; i++)
		buffer_append_text(frame, "</x>");
	buffer_append_text(frame, "</d:update></update></command></epp>");
}

static void elements_stand_64_deep_and_no_deeper(void **state)
{
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 1 << 20);
	append_depth(&frame, EPPPARSE_DEPTH_MAX);
	assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_CHANGE);
	append_depth(&frame, EPPPARSE_DEPTH_MAX + 1);
	assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_DEEP);
	append_depth(&frame, 50000);
	assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_DEEP);
	buffer_free(&frame);
	assert_still_well();
}

static void append_attributes(struct buffer *frame, int count, const char *prefix,
			      const char *value)
{
	buffer_reset(frame);
	buffer_append_text(frame,
			   "<epp xmlns=\"" EPP "\"><command><update><d:update xmlns:d=\"" DOMAIN
			   "\"><d:name>example.org</d:name><d:chg");
	for (int i = 0; i < count; i++) {
		char attribute[64];
		snprintf(attribute, sizeof attribute, " %s%d='%s'", prefix, i, value);
		buffer_append_text(frame, attribute);
	}
	buffer_append_text(frame, "/></d:update></update></command></epp>");
}

static void an_element_has_at_most_64_attributes_and_64_namespaces(void **state)
{
	static const char *const kinds[][2] = {{"a", ""}, {"xmlns:p", "urn:x"}};
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 1 << 20);
	for (size_t i = 0; i < COUNT(kinds); i++) {
		append_attributes(&frame, EPPPARSE_ATTRIBUTES_MAX, kinds[i][0], kinds[i][1]);
		assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_CHANGE);
		append_attributes(&frame, EPPPARSE_ATTRIBUTES_MAX + 1, kinds[i][0], kinds[i][1]);
		assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_LARGE);
		append_attributes(&frame, 10000, kinds[i][0], kinds[i][1]);
		assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_LARGE);
		assert_still_well();
	}
	buffer_free(&frame);
}

static void append_around(struct buffer *frame, const char *before, char filling, size_t size,
			  const char *after)
{
	buffer_reset(frame);
	buffer_append_text(frame,
			   "<epp xmlns=\"" EPP "\"><command><update><d:update xmlns:d=\"" DOMAIN
			   "\"><d:name>example.org</d:name>");
	buffer_append_text(frame, before);
	char *room = buffer_reserve(frame, size);
	assert_non_null(room);
	memset(room, filling, size);
	frame->size += size;
	buffer_append_text(frame, after);
	buffer_append_text(frame, "</d:update></update></command></epp>");
}

static void a_huge_tag_comment_or_instruction_is_large(void **state)
{
	static const struct {
		const char *before, *after;
	} things[] = {{"<x a='", "'/>"},       {"<", "/>"},   {"<!--", "-->"},
		      {"<?x ", "?>"},          {"<x ", "/>"}, {"<x xmlns='", "'/>"},
		      {"<d:status s='", "'/>"}};
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 4 << 20);
	for (size_t i = 0; i < COUNT(things); i++) {
		append_around(&frame, things[i].before, 'a', 1 << 20, things[i].after);
		enum eppparse_result result = read_bytes(frame.data, frame.size, done);
		if (result != EPPPARSE_LARGE)
			fail_msg("%s is %s", things[i].before, eppparse_reason(result));
		assert_still_well();
	}
	buffer_free(&frame);
}

static void a_mebibyte_of_text_in_an_unknown_element_does_no_harm(void **state)
{
	static const struct {
		const char *before, *after;
	} things[] = {{"<x>", "</x>"}, {"<d:chg><d:registrant>", "</d:registrant></d:chg>"}};
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 4 << 20);
	for (size_t i = 0; i < COUNT(things); i++) {
		append_around(&frame, things[i].before, 'a', 1 << 20, things[i].after);
		assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_CHANGE);
		assert_string_equal(change.name.text, "example.org");
	}
	/* libxml2 collects a CDATA section before it hands it over: so it is bounded like a tag */
	append_around(&frame, "<x><![CDATA[", 'a', 12 << 10, "]]></x>");
	assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_CHANGE);
	append_around(&frame, "<x><![CDATA[", 'a', 1 << 20, "]]></x>");
	assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_LARGE);
	append_around(&frame, "<d:add><d:ns><d:hostObj>", 'a', 1 << 20,
		      "</d:hostObj></d:ns></d:add>");
	assert_int_equal(read_bytes(frame.data, frame.size, done), EPPPARSE_VALUE);
	assert_still_well();
	buffer_free(&frame);
}

static void a_list_over_its_maximum_is_large(void **state)
{
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 4 << 20);
	for (int more = 0; more < 2; more++) {
		buffer_reset(&frame);
		buffer_append_text(&frame, "<epp xmlns=\"" EPP
					   "\"><command><update><d:update xmlns:d=\"" DOMAIN
					   "\"><d:name>example.org</d:name><d:add><d:ns>");
		for (int i = 0; i < CHANGE_LIST_MAX + more; i++)
			buffer_append_text(&frame, "<d:hostObj>ns1.example.net</d:hostObj>");
		buffer_append_text(&frame, "</d:ns></d:add></d:update></update></command></epp>");
		assert_int_equal(read_bytes(frame.data, frame.size, done),
				 more ? EPPPARSE_LARGE : EPPPARSE_CHANGE);
	}
	buffer_free(&frame);
	assert_still_well();
}

static void a_value_may_be_cut_up_by_cdata_comments_and_references(void **state)
{
	(void)state;
	assert_reads(COMMAND("<update><d:update xmlns:d=\"" DOMAIN
			     "\"><d:name>ex<![CDATA[amp]]><!-- x -->l"
			     "<?x y?>&#101;.&#x6f;rg<![CDATA[]]></d:name></d:update></update>"),
		     "change");
	assert_string_equal(change.name.text, "example.org");
	assert_reads(UPDATE("<d:add><d:status s=\"client&#72;old\"/></d:add>"), "change");
	assert_int_equal(change.add.status, 1u << STATUS_CLIENT_HOLD);
	assert_reads(COMMAND("<update><d:update xmlns:d=\"" DOMAIN
			     "\"><d:name>a&amp;b.example</d:name>"
			     "</d:update></update>"),
		     "value");
}

static void a_prefix_means_what_is_bound_to_it_where_it_stands(void **state)
{
	(void)state;
	assert_reads("<a:epp xmlns:a=\"" EPP "\"><a:command><a:update><a:update xmlns:a=\"" DOMAIN
		     "\"><a:name>example.org</a:name></a:update></a:update></a:command></a:epp>",
		     "change");
	assert_string_equal(change.name.text, "example.org");
	/* in a namespace of nobody's other names are skipped; where these stand, the server may go by the name alone */
	assert_reads(UPDATE("<d:add><d:ns><x:fee xmlns:x=\"urn:x\">CANARY</x:fee></d:ns></d:add>"),
		     "change");
	assert_reads(UPDATE("<d:add><d:ns><x:hostObj "
			    "xmlns:x=\"urn:x\">CANARY</x:hostObj></d:ns></d:add>"),
		     "namespace");
	assert_reads(UPDATE("<d:chg xmlns:d=\"urn:y\"><d:registrant>CANARY</d:registrant></d:chg>"),
		     "namespace");
	assert_string_equal(eppparse_met(parse, 0)->uri, "urn:y");
	assert_true(eppparse_met(parse, 0)->unread);
	assert_int_equal(change.add.hosts.count, 0);
	assert_int_equal(change.changed, 0);
	/* no namespace at all */
	assert_reads(
		COMMAND("<update><update xmlns=\"\"><name>example.org</name></update></update>"),
		"namespace");
}

static void no_namespace_of_a_broken_frame_reaches_into_the_next(void **state)
{
	static const char *const broken[] = {
		/* cut, stopped by us, stopped by a document type within, malformed */
		"<epp xmlns=\"" EPP "\" xmlns:d=\"" DOMAIN "\"><command><update>",
		"<epp xmlns=\"" EPP "\" xmlns:d=\"" DOMAIN
		"\"><command><update><d:update><d:name>..",
		"<epp xmlns=\"" EPP "\" xmlns:d=\"" DOMAIN "\"><command><create/><update/>",
		"<epp xmlns=\"" EPP "\" xmlns:d=\"" DOMAIN "\"><command></d>",
		"<!DOCTYPE d:epp><epp xmlns=\"" EPP "\" xmlns:d=\"" DOMAIN "\">",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		assert_int_not_equal(read_command(broken[i]), EPPPARSE_CHANGE);
		/* d is not bound here: must not be known from before */
		assert_reads(COMMAND("<update><d:update><d:name>example.org</d:name></d:update></"
				     "update>"),
			     "malformed");
		assert_int_not_equal(read_command(broken[i]), EPPPARSE_CHANGE);
		/* no default namespace here */
		assert_reads("<epp><command/></epp>", "namespace");
	}
	/* nor of a good one */
	assert_still_well();
	assert_reads(COMMAND("<update><d:update/></update>"), "malformed");
}

static void an_unknown_root_or_object_is_a_namespace_and_an_unknown_command_a_verb(void **state)
{
	(void)state;
	assert_reads("<epp xmlns=\"https://registry.example/epp-1.0\"><command/></epp>",
		     "namespace");
	assert_reads(
		COMMAND("<update><x:update xmlns:x=\"https://registry.example/nsset\"/></update>"),
		"namespace");
	assert_reads(COMMAND("<renew><h:renew xmlns:h=\"" HOST "\"/></renew>"), "namespace");
	assert_reads(COMMAND("<trade/>"), "verb");
	assert_reads("<epp xmlns=\"" EPP "\"><extension/></epp>", "verb");
	assert_reads(COMMAND(""), "verb");
	assert_reads(COMMAND("<update/>"), "verb");
	assert_reads(COMMAND("<update/><update/>"), "verb");
	assert_still_well();
}

static void queries_and_contacts_are_nothing(void **state)
{
	static const char *const frames[] = {
		"<epp xmlns=\"" EPP "\"><hello/></epp>",
		COMMAND("<check><d:check xmlns:d=\"" DOMAIN
			"\"><d:name>no name</d:name></d:check></check>"),
		COMMAND("<info/>"),
		COMMAND("<poll op=\"req\"/>"),
		COMMAND("<login><clID>x</clID><pw>CANARY</pw></login>"),
		COMMAND("<logout/>"),
		COMMAND("<transfer op=\"query\"><d:transfer xmlns:d=\"" DOMAIN "\"/></transfer>"),
		COMMAND("<create><c:create "
			"xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\"><c:id>CANARY</c:id>"
			"<c:name>Kanari Vogelsang</c:name></c:create></create>"),
		COMMAND("<update><c:update "
			"xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\"/></update>"),
		COMMAND("<delete><c:delete "
			"xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\"/></delete>"),
		COMMAND("<transfer op=\"request\"><c:transfer "
			"xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\"/></transfer>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		enum eppparse_result result = read_command(frames[i]);
		if (result != EPPPARSE_NOTHING)
			fail_msg("%s: %s", eppparse_reason(result), frames[i]);
	}
	assert_still_well();
}

/* It was answered 1000, so something may have been changed. */
static void a_query_or_a_contact_beside_a_change_is_no_query(void **state)
{
#define DELETE_DOMAIN  "<d:delete xmlns:d=\"" DOMAIN "\"><d:name>a.example</d:name></d:delete>"
#define DELETE_CONTACT "<c:delete xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\"/>"
#define TRANSFER(op, ns)                                                                           \
	"<transfer op=\"" op "\"><o:transfer xmlns:o=\"urn:ietf:params:xml:ns:" ns                 \
	"-1.0\"/></transfer>"
	static const struct {
		const char *frame;
		enum eppparse_result result;
	} rows[] = {
		{COMMAND("<info/><delete>" DELETE_DOMAIN "</delete>"), EPPPARSE_VERB},
		{COMMAND("<delete>" DELETE_DOMAIN "</delete><info/>"), EPPPARSE_VERB},
		{COMMAND("<delete>" DELETE_CONTACT DELETE_DOMAIN "</delete>"), EPPPARSE_VERB},
		{COMMAND("<delete>" DELETE_DOMAIN DELETE_CONTACT "</delete>"), EPPPARSE_VERB},
		{COMMAND(TRANSFER("query", "domain") "<delete>" DELETE_DOMAIN "</delete>"),
		 EPPPARSE_VERB},
		{COMMAND("<info/><transfer op=\"x\"/><delete>" DELETE_DOMAIN "</delete>"),
		 EPPPARSE_VERB},
		{COMMAND("<info/>" TRANSFER("request", "domain")), EPPPARSE_VERB},
		{COMMAND(TRANSFER("query", "domain") TRANSFER("request", "domain")), EPPPARSE_VERB},
		{COMMAND(TRANSFER("request", "contact") TRANSFER("request", "domain")),
		 EPPPARSE_VERB},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum eppparse_result result = read_command(rows[i].frame);
		if (result != rows[i].result)
			fail_msg("%s: %s", eppparse_reason(result), rows[i].frame);
	}
	/* Two that change nothing do not make one that does. */
	assert_int_equal(read_command(COMMAND("<info/>" TRANSFER("query", "domain"))),
			 EPPPARSE_NOTHING);
	assert_int_equal(read_command(COMMAND(TRANSFER("request", "contact") "<info/>")),
			 EPPPARSE_NOTHING);
	assert_still_well();
}

static void a_failure_is_nothing_whatever_the_command(void **state)
{
	static const char *const codes[] = {RESPONSE("2303", ""), RESPONSE("1300", ""),
					    RESPONSE("2500", ""), RESPONSE("1500", "")};
	static const char *const commands[] = {moved, "", "<!DOCTYPE x>", "\xff",
					       COMMAND("<trade/>")};
	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++)
		for (size_t k = 0; k < COUNT(commands); k++)
			assert_int_equal(read_pair(commands[k], codes[i]), EPPPARSE_NOTHING);
	/* several results: the worst counts */
	assert_int_equal(read_pair(moved, "<epp xmlns=\"" EPP "\"><response><result code=\"1000\"/>"
					  "<result code=\"2306\"/></response></epp>"),
			 EPPPARSE_NOTHING);
	assert_still_well();
}

static void what_is_no_response_is_told_apart(void **state)
{
	(void)state;
	assert_string_equal(eppparse_reason(read_pair(moved, moved)), "no_response");
	assert_string_equal(
		eppparse_reason(read_pair(moved, "<epp xmlns=\"" EPP "\"><response/></epp>")),
		"no_response");
	assert_string_equal(eppparse_reason(read_pair(moved, RESPONSE("ok", ""))), "no_response");
	assert_string_equal(eppparse_reason(read_pair(moved, RESPONSE("10000", ""))),
			    "no_response");
	assert_string_equal(
		eppparse_reason(read_pair(moved, "<epp xmlns=\"" EPP
						 "\"><response><result/></response></epp>")),
		"no_response");
	assert_still_well();
}

static void a_command_cannot_speak_for_the_server(void **state)
{
	(void)state;
	assert_reads("<epp xmlns=\"" EPP "\"><command><update><d:update xmlns:d=\"" DOMAIN
		     "\"><d:name>example.org</d:name></d:update></update></command><response><trID>"
		     "<svTRID>FORGED</svTRID></trID></response></epp>",
		     "verb");
	assert_string_equal(eppparse_reason(read_pair(moved, "<epp xmlns=\"" EPP
							     "\"><response><result code=\"1000\"/>"
							     "</response><command/></epp>")),
			    "no_response");
}

static void values_that_are_none_are_counted(void **state)
{
	static const char *const frames[] = {
		COMMAND("<update><d:update xmlns:d=\"" DOMAIN "\"/></update>"),
		COMMAND("<update><d:update xmlns:d=\"" DOMAIN "\"><d:name/></d:update></update>"),
		UPDATE("<d:name>second.example</d:name>"),
		COMMAND("<update><d:update xmlns:d=\"" DOMAIN
			"\"><d:name>exa<d:b>mp</d:b>le</d:name>"
			"</d:update></update>"),
		COMMAND("<update><d:update xmlns:d=\"" DOMAIN "\"><d:name>example.org<x/></d:name>"
			"</d:update></update>"),
		COMMAND("<update><d:update xmlns:d=\"" DOMAIN
			"\"><d:name>a.example</d:name></d:update>"
			"<d:update xmlns:d=\"" DOMAIN "\"/></update>"),
		COMMAND("<update>" D("update",
				     "<d:name>b\xc3\xbc cher.example</d:name>") "</update>"),
		COMMAND("<update>" D("update", "<d:name>b\xc3\xbc..example</d:name>") "</update>"),
		COMMAND("<update>" D("update", "<d:name>\xc2\x85.example</d:name>") "</update>"),
		UPDATE("<d:add><d:ns><d:hostObj>ns 1</d:hostObj></d:ns></d:add>"),
		UPDATE("<d:add><d:ns><d:hostAttr><d:hostAddr>192.0.2.1</d:hostAddr></d:hostAttr></"
		       "d:ns></d:add>"),
		UPDATE("<d:add><d:status/></d:add>"),
		COMMAND("<create><h:create xmlns:h=\"" HOST "\"><h:name>ns1.example.org</h:name>"
			"<h:addr>192.0.2.256</h:addr></h:create></create>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		enum eppparse_result result = read_command(frames[i]);
		if (result != EPPPARSE_VALUE)
			fail_msg("%s: %s", eppparse_reason(result), frames[i]);
	}
	assert_still_well();
}

static void dnssec_values_that_are_none_are_counted(void **state)
{
#define DS(tag, algorithm, type, digest)                                                           \
	"<s:dsData><s:keyTag>" tag "</s:keyTag><s:alg>" algorithm "</s:alg><s:digestType>" type    \
	"</s:digestType><s:digest>" digest "</s:digest></s:dsData>"
#define KEY(algorithm, key)                                                                        \
	"<s:keyData><s:flags>257</s:flags><s:protocol>3</s:protocol><s:alg>" algorithm             \
	"</s:alg><s:pubKey>" key "</s:pubKey></s:keyData>"
	static const char *const insides[] = {
		DS("65536", "13", "2", SHA256),
		DS("1", "256", "2", SHA256),
		DS("1", "13", "256", SHA256),
		DS("1", "13", "2", "abc"),
		DS("1", "13", "2", SHA256 "00"), /* longer than SHA-256's, and than SHA-1's */
		DS("1", "13", "1", SHA256),
		"<s:dsData><s:keyTag>1</s:keyTag></s:dsData>",
		"<s:keyData><s:flags>257</s:flags></s:keyData>",
		KEY("13", "="),
		KEY("13", "QUJD"), /* too short for its algorithm, and too long */
		KEY("15", P256),
		"<s:maxSigLife>2147483648</s:maxSigLife>",
		"<s:maxSigLife>-1</s:maxSigLife>",
		"<s:all>true</s:all>", /* only what is removed can be all */
		"<s:all>false</s:all>",
	};
	char frame[1024];
	(void)state;
	for (size_t i = 0; i < COUNT(insides); i++) {
		snprintf(frame, sizeof frame,
			 COMMAND("<create><d:create xmlns:d=\"" DOMAIN
				 "\"><d:name>example.org</d:name>"
				 "</d:create></create><extension><s:create xmlns:s=\"" SECDNS
				 "\">%s</s:create>"
				 "</extension>"),
			 insides[i]);
		assert_reads(frame, "value");
	}
	assert_still_well();
}

/* Whether they are U-labels is for libidn2 to say, which is not here. */
static void names_beyond_ascii_come_out_as_they_are(void **state)
{
	(void)state;
	assert_reads(
		COMMAND("<update>" D(
			"update",
			"<d:name> B\xc3\xbc"
			"CHER.Example. </d:name><d:add>"
			"<d:ns><d:hostObj>ns.\xe6\xb8\xac\xe8\xa9\xa6.example</d:hostObj></d:ns>"
			"</d:add>") "</update>"),
		"change");
	assert_string_equal(change.name.text, "b\xc3\xbc"
					      "cher.example");
	assert_host(change.add, 0, "ns.\xe6\xb8\xac\xe8\xa9\xa6.example");
	assert_reads("<?xml version='1.0' encoding='ISO-8859-1'?>" COMMAND(
			     "<delete>" D("delete", "<d:name>b\xfc"
						    "cher.example</d:name>") "</delete>"),
		     "change");
	assert_string_equal(change.name.text, "b\xc3\xbc"
					      "cher.example");
	assert_reads(
		COMMAND("<delete>" D("delete", "<d:name>b&#xfc;cher.example</d:name>") "</delete>"),
		"change");
	assert_string_equal(change.name.text, "b\xc3\xbc"
					      "cher.example");
}

static void an_expiry_that_is_no_date_is_left_out(void **state)
{
	(void)state;
	assert_string_equal(
		eppparse_reason(read_pair(
			moved, RESPONSE("1000",
					"<resData><d:renData xmlns:d=\"" DOMAIN
					"\"><d:exDate>some day</d:exDate></d:renData></resData>"))),
		"change");
	assert_false(change.has_expires);
}

static void memory_stays_bounded_over_200000_fresh_names(void **state)
{
	char frame[512];
	size_t after_warming = 0;
	(void)state;
	for (int i = 0; i < 200000; i++) {
		int size = snprintf(
			frame, sizeof frame,
			"<epp xmlns=\"" EPP
			"\"><command><update><fresh-name-%d:update xmlns:fresh-name-%d=\"" DOMAIN
			"\"><fresh-name-%d:name>example.org</fresh-name-%d:name><unknown-%d/>"
			"</fresh-name-%d:update></update></command></epp>",
			i, i, i, i, i, i);
		assert_int_equal(read_bytes(frame, (size_t)size, done), EPPPARSE_CHANGE);
		if (i == 1000)
			after_warming = mallinfo2().uordblks;
		if (i % 1000 == 0 && i > 1000)
			assert_true(mallinfo2().uordblks < after_warming + (4 << 20));
	}
}

static void every_result_has_its_word(void **state)
{
	(void)state;
	for (int i = 0; i < EPPPARSE_RESULTS; i++) {
		assert_non_null(eppparse_reason(i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(eppparse_reason(i), eppparse_reason(k));
	}
	assert_string_equal(eppparse_reason(EPPPARSE_RESULTS), "unknown");
	assert_string_equal(eppparse_reason((enum eppparse_result) - 1), "unknown");
}

/* Runs all of the hostile frames above once more with stderr in a file, which must stay empty. */
static void nothing_is_ever_printed(void **state)
{
	static void (*const hostile[])(void **) = {
		a_frame_that_is_not_well_formed_is_malformed,
		no_prefix_of_a_good_frame_is_a_change,
		a_document_type_is_refused_before_anything_is_expanded,
		elements_stand_64_deep_and_no_deeper,
		an_element_has_at_most_64_attributes_and_64_namespaces,
		a_huge_tag_comment_or_instruction_is_large,
		no_namespace_of_a_broken_frame_reaches_into_the_next,
		values_that_are_none_are_counted,
	};
	assert_quiet(hostile, COUNT(hostile), state);
}

static void a_command_can_be_read_before_its_response(void **state)
{
	(void)state;
	static const char renewed[] = RESPONSE(
		"1001", "<resData><d:renData xmlns:d=\"" DOMAIN
			"\"><d:exDate>2027-04-03T22:00:00Z</d:exDate></d:renData></resData>"
			"<trID><svTRID>SV-2</svTRID></trID>");
	assert_int_equal(eppparse_command(parse, moved, strlen(moved), &change), EPPPARSE_CHANGE);
	assert_int_equal(change.outcome, CHANGE_UNKNOWN);
	assert_string_equal(change.svtrid.text, "");
	assert_string_equal(change.name.text, "example.org");
	assert_int_equal(eppparse_response(parse, renewed, strlen(renewed), &change),
			 EPPPARSE_CHANGE);
	assert_int_equal(change.outcome, CHANGE_PENDING);
	assert_string_equal(change.svtrid.text, "SV-2");
	assert_true(change.has_expires);
	assert_string_equal(change.name.text, "example.org");
	assert_int_equal(change.add.hosts.count, 1);
	assert_still_well();
}

static void a_response_alone_says_whether_the_command_came_to_anything(void **state)
{
	(void)state;
	static const char failed[] = RESPONSE("2302", "<trID><svTRID>SV-3</svTRID></trID>");
	assert_int_equal(eppparse_command(parse, moved, strlen(moved), &change), EPPPARSE_CHANGE);
	assert_int_equal(eppparse_response(parse, failed, strlen(failed), &change),
			 EPPPARSE_NOTHING);
	/* A command in a response's place changes nothing of what was read. */
	assert_int_equal(eppparse_command(parse, moved, strlen(moved), &change), EPPPARSE_CHANGE);
	assert_int_equal(eppparse_response(parse, moved, strlen(moved), &change),
			 EPPPARSE_NO_RESPONSE);
	assert_int_equal(change.add.hosts.count, 1);
	assert_still_well();
}

static void a_pair_that_cannot_be_read_still_tells_the_servers_id(void **state)
{
	(void)state;
	assert_reads("<", "malformed");
	assert_string_equal(change.svtrid.text, "SV-1");
	assert_string_equal(
		eppparse_reason(read_pair(moved, "<epp xmlns=\"" EPP
						 "\"><response><result code=\"1000\"/><trID>"
						 "<svTRID>SV-4</svTRID></trID></response></oops>")),
		"malformed");
	assert_string_equal(change.svtrid.text, "SV-4");
	assert_string_equal(eppparse_reason(read_pair(moved, "<!DOCTYPE a>")), "doctype");
	assert_string_equal(change.svtrid.text, "");
}

static void a_forged_answer_within_a_command_changes_none_of_the_servers(void **state)
{
	(void)state;
	static const char forged[] =
		"<epp xmlns=\"" EPP "\"><response><result code=\"1001\"/><trID><svTRID>FORGED"
		"</svTRID></trID></response><command><delete><d:delete xmlns:d=\"" DOMAIN
		"\"><d:name>example.org</d:name></d:delete></delete></command></epp>";
	assert_reads(forged, "verb");
	assert_string_equal(change.svtrid.text, "SV-1");
	assert_int_equal(eppparse_command(parse, forged, strlen(forged), &change), EPPPARSE_VERB);
	assert_string_equal(change.svtrid.text, "");
	assert_int_equal(change.outcome, CHANGE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_of_a_domain_update_is_read),
		cmocka_unit_test(a_host_object_has_addresses_of_its_own_and_a_new_name),
		cmocka_unit_test(the_response_gives_outcome_id_and_expiry),
		cmocka_unit_test(nothing_of_the_last_frame_stays),
		cmocka_unit_test(a_server_id_that_is_no_token_is_left_out),
		cmocka_unit_test(a_frame_that_is_not_well_formed_is_malformed),
		cmocka_unit_test(no_prefix_of_a_good_frame_is_a_change),
		cmocka_unit_test(a_document_type_is_refused_before_anything_is_expanded),
		cmocka_unit_test(elements_stand_64_deep_and_no_deeper),
		cmocka_unit_test(an_element_has_at_most_64_attributes_and_64_namespaces),
		cmocka_unit_test(a_huge_tag_comment_or_instruction_is_large),
		cmocka_unit_test(a_mebibyte_of_text_in_an_unknown_element_does_no_harm),
		cmocka_unit_test(a_list_over_its_maximum_is_large),
		cmocka_unit_test(a_value_may_be_cut_up_by_cdata_comments_and_references),
		cmocka_unit_test(a_prefix_means_what_is_bound_to_it_where_it_stands),
		cmocka_unit_test(no_namespace_of_a_broken_frame_reaches_into_the_next),
		cmocka_unit_test(
			an_unknown_root_or_object_is_a_namespace_and_an_unknown_command_a_verb),
		cmocka_unit_test(queries_and_contacts_are_nothing),
		cmocka_unit_test(a_query_or_a_contact_beside_a_change_is_no_query),
		cmocka_unit_test(a_failure_is_nothing_whatever_the_command),
		cmocka_unit_test(what_is_no_response_is_told_apart),
		cmocka_unit_test(a_command_cannot_speak_for_the_server),
		cmocka_unit_test(values_that_are_none_are_counted),
		cmocka_unit_test(dnssec_values_that_are_none_are_counted),
		cmocka_unit_test(names_beyond_ascii_come_out_as_they_are),
		cmocka_unit_test(an_expiry_that_is_no_date_is_left_out),
		cmocka_unit_test(memory_stays_bounded_over_200000_fresh_names),
		cmocka_unit_test(every_result_has_its_word),
		cmocka_unit_test(nothing_is_ever_printed),
		cmocka_unit_test(a_command_can_be_read_before_its_response),
		cmocka_unit_test(a_response_alone_says_whether_the_command_came_to_anything),
		cmocka_unit_test(a_pair_that_cannot_be_read_still_tells_the_servers_id),
		cmocka_unit_test(a_forged_answer_within_a_command_changes_none_of_the_servers),
	};
	return cmocka_run_group_tests(tests, frames_begin, frames_end);
}
