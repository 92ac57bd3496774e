/* What a server tells of its own accord: poll messages, and changes that it hands over itself. */
#include "eppparse/test/frames.h"

#define CHANGE_POLL "urn:ietf:params:xml:ns:changePoll-1.0"
#define PAN_DATA(prefix, uri, attributes, name)                                                    \
	"<" prefix ":panData xmlns:" prefix "=\"" uri "\"><" prefix ":name " attributes ">" name   \
	"</" prefix ":name><" prefix                                                               \
	":paTRID><clTRID>CANARY</clTRID><svTRID>SV-7</svTRID></" prefix ":paTRID><" prefix         \
	":paDate>2026-04-03T22:00:00Z</" prefix ":paDate></" prefix ":panData>"
#define ENDED(paResult)                                                                            \
	MESSAGE("", PAN_DATA("d", DOMAIN, "paResult=\"" paResult "\"", "example.org"), "")
#define INF_DATA                                                                                   \
	D("infData",                                                                               \
	  NAMED "<d:roid>CANARY</d:roid><d:status s=\"serverUpdateProhibited\">CANARY</d:status>"  \
		"<d:status s=\"CANARY\"/><d:registrant>CANARY</d:registrant>"                      \
		"<d:contact type=\"tech\">CANARY</d:contact><d:ns><d:hostObj>ns1.example.net"      \
		"</d:hostObj><d:hostAttr><d:hostName>ns2.example.org</d:hostName><d:hostAddr>"     \
		"192.0.2.1</d:hostAddr></d:hostAttr></d:ns><d:host>ns9.example.org</d:host>"       \
		"<d:clID>CANARY</d:clID><d:crID>CANARY</d:crID><d:upID>CANARY</d:upID>"            \
		"<d:exDate>2027-04-03T22:00:00Z</d:exDate>"                                        \
		"<d:authInfo><d:pw>CANARY</d:pw></d:authInfo>")
#define CHANGE_DATA(attributes, operation)                                                         \
	"<c:changeData xmlns:c=\"" CHANGE_POLL "\"" attributes                                     \
	"><c:operation op=\"CANARY\">" operation                                                   \
	"</c:operation><c:date>2026-04-03T22:00:00.0Z</c:date><c:svTRID>SRV-3"                     \
	"</c:svTRID><c:who>CANARY Vogelsang</c:who><c:caseId type=\"udrp\">CANARY-1</c:caseId>"    \
	"<c:reason lang=\"en\">CANARY</c:reason></c:changeData>"
#define SECDNS_DATA                                                                                \
	"<s:infData xmlns:s=\"" SECDNS "\"><s:maxSigLife>604800</s:maxSigLife><s:dsData>" DS_OF(   \
		"s", "7") "</s:dsData></s:infData>"
#define TOLD(attributes, operation) MESSAGE("", INF_DATA, CHANGE_DATA(attributes, operation))

enum { TOLD_AT = 1775253600, EXPIRES = 1806789600 };

static void assert_ended(enum change_object object, const char *name, enum change_outcome outcome)
{
	assert_true(change.is_message);
	assert_subject(object, CHANGE_UPDATE, name);
	assert_int_equal(change.outcome, outcome);
	assert_int_equal(change.initiator, CHANGE_BY_REGISTRAR);
	assert_string_equal(change.ends.text, "SV-7");
	assert_string_equal(change.svtrid.text, "SV-7");
	assert_true(delta_is_empty(&change.add));
	assert_true(delta_is_empty(&change.remove));
	assert_int_equal(change.state_at, STATE_NONE);
}

static void the_end_of_a_pending_command_is_told_by_pan_data(void **state)
{
	(void)state;
	assert_message(ENDED("1"), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_COMPLETED);
	assert_true(change.has_done);
	assert_int_equal(change.done, TOLD_AT);
	assert_message(ENDED(" true "), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_COMPLETED);
	assert_message(ENDED("0"), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_REJECTED);
	assert_message(ENDED("false"), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_REJECTED);
	assert_message(MESSAGE("", PAN_DATA("h", HOST, "paResult=\"0\"", "NS1.example.org."), ""),
		       "change");
	assert_ended(CHANGE_HOST, "ns1.example.org", CHANGE_REJECTED);
	/* some write the ids of the pending command in the domain's own namespace */
	assert_message(MESSAGE("",
			       D("panData", "<d:name paResult=\"1\">example.org</d:name><d:paTRID>"
					    "<d:clTRID>CANARY</d:clTRID><d:svTRID>SV-7</d:svTRID>"
					    "</d:paTRID>"),
			       ""),
		       "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_COMPLETED);
	assert_false(change.has_done);
	assert_still_well();
	assert_string_equal(change.ends.text, "");
}

static void how_it_ended_must_be_said(void **state)
{
	(void)state;
	assert_message(MESSAGE("", PAN_DATA("d", DOMAIN, "", "example.org"), ""), "value");
	assert_string_equal(change.svtrid.text, "");
	assert_message(ENDED(""), "value");
	assert_message(ENDED("CANARY"), "value");
	assert_message(MESSAGE("", PAN_DATA("d", DOMAIN, "d:paResult=\"1\"", "example.org"), ""),
		       "value");
}

static void a_message_is_read_with_its_poll_as_it_is_by_itself(void **state)
{
	(void)state;
	assert_result(read_pair(COMMAND("<poll op=\"req\"/>"), ENDED("1")), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_COMPLETED);
	/* of the command no more is looked at */
	assert_result(read_pair("<!DOCTYPE CANARY>", ENDED("0")), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_REJECTED);
	assert_result(read_pair(COMMAND("<poll op=\"ack\" msgID=\"M-1\"/>"), done), "nothing");
	assert_result(read_pair(COMMAND("<poll op=\"req\"/>"), RESPONSE("1300", "")), "nothing");
	assert_still_well();
}

static void a_message_without_news_is_nothing(void **state)
{
	static const char *const messages[] = {
		RESPONSE("1301", ""),
		MESSAGE("", "", ""),
		MESSAGE("", INF_DATA, SECDNS_DATA),
		MESSAGE("", D("creData", NAMED "<d:exDate>2027-04-03T22:00:00Z</d:exDate>"), ""),
		MESSAGE("<x:lowCredit xmlns:x=\"urn:x\">CANARY</x:lowCredit>", "", ""),
		MESSAGE(D("impendingExpData", NAMED), "", ""),
		MESSAGE(D("testData", NAMED), "", ""),
	};
	static const char *const codes[] = {
		RESPONSE("1000", "<resData>" PAN_DATA("d", DOMAIN, "paResult=\"1\"",
						      "example.org") "</resData>"),
		RESPONSE("1300", ""),
		RESPONSE("2303", ""),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		assert_message(messages[i], "nothing");
		assert_false(change.is_message);
	}
	for (size_t i = 0; i < COUNT(codes); i++)
		assert_message(codes[i], "nothing");
}

static void contacts_in_messages_are_nothing(void **state)
{
#define C(what, inner) "<k:" what " xmlns:k=\"" CONTACT "\">" inner "</k:" what ">"
	static const char *const messages[] = {
		MESSAGE("", C("panData", "<k:id paResult=\"1\">CANARY</k:id>"), ""),
		MESSAGE("", C("infData", "<k:id>CANARY</k:id><k:email>CANARY</k:email>"),
			CHANGE_DATA("", "update")),
		MESSAGE(C("updateData", "<k:opTRID>CANARY</k:opTRID><k:newData/>"), "", ""),
		MESSAGE(C("idleDelData", "<k:id>CANARY</k:id>"), "", ""),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++)
		assert_message(messages[i], "nothing");
	/* beside what is a change it makes one wonder */
	assert_message(MESSAGE("", INF_DATA C("infData", ""), CHANGE_DATA("", "update")), "verb");
}

static void a_message_whose_data_is_no_value_is_counted(void **state)
{
	static const char *const messages[] = {
		MESSAGE("", PAN_DATA("d", DOMAIN, "paResult=\"1\"", "CANARY no name"), ""),
		MESSAGE("", PAN_DATA("d", DOMAIN, "paResult=\"1\"", ""), ""),
		MESSAGE("", D("panData", ""), ""),
		MESSAGE("", D("trnData", "<d:trStatus>pending</d:trStatus>"), ""),
		MESSAGE("", D("delData", ""), ""),
		MESSAGE("", "", CHANGE_DATA("", "update")),
		MESSAGE("", D("infData", "<d:roid>CANARY</d:roid>"), CHANGE_DATA("", "update")),
		TOLD(" state=\"CANARY\"", "update"),
		MESSAGE("", D("infData", NAMED "<d:status/>"), CHANGE_DATA("", "update")),
		MESSAGE("", D("infData", NAMED "<d:ns>CANARY no name</d:ns>"),
			CHANGE_DATA("", "update")),
		/* of two objects, or of two names, who knows which */
		MESSAGE("", INF_DATA D("infData", "<d:name>other.example</d:name>"),
			CHANGE_DATA("", "update")),
		MESSAGE("", INF_DATA "<h:infData xmlns:h=\"" HOST "\"/>",
			CHANGE_DATA("", "update")),
		MESSAGE("", INF_DATA,
			CHANGE_DATA("", "update") "<s:infData xmlns:s=\"" SECDNS
						  "\"><s:dsData><s:keyTag>70000</s:keyTag></"
						  "s:dsData></s:infData>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		enum eppparse_result result = read_message(messages[i]);
		if (result != EPPPARSE_VALUE)
			fail_msg("%zu is %s: %s", i, eppparse_reason(result), messages[i]);
		assert_no_canary();
	}
	/* what was read before the fault tells whose response it was */
	assert_message(RESPONSE("1301", POLLED "<resData>" D("panData", "<d:name/>") "</resData>"),
		       "value");
	assert_string_equal(change.svtrid.text, "POLL-1");
	assert_message("<epp/>", "namespace");
	assert_message(moved, "no_response");
	assert_message(FRAME("<response/>"), "no_response");
	assert_message("", "malformed");
	assert_still_well();
}

static void assert_told(enum change_verb verb, enum change_state_at at)
{
	assert_true(change.is_message);
	assert_subject(CHANGE_DOMAIN, verb, "example.org");
	assert_int_equal(change.outcome, CHANGE_COMPLETED);
	assert_int_equal(change.initiator, CHANGE_BY_REGISTRY);
	assert_int_equal(change.state_at, at);
	assert_true(change.has_done);
	assert_int_equal(change.done, TOLD_AT);
	assert_string_equal(change.svtrid.text, "SRV-3");
	assert_string_equal(change.ends.text, "");
	assert_true(delta_is_empty(&change.add));
	assert_true(delta_is_empty(&change.remove));
	assert_int_equal(change.changed, 0);
}

static void a_change_of_the_registrys_own_is_told_with_the_state_it_left(void **state)
{
	(void)state;
	assert_message(TOLD("", "update"), "change");
	assert_told(CHANGE_UPDATE, STATE_AFTER);
	assert_int_equal(change.state_known, KNOWN_HOSTS | KNOWN_STATUS);
	assert_int_equal(change.state.status, 1u << STATUS_SERVER_UPDATE_PROHIBITED);
	assert_int_equal(change.state.status_others, 1);
	assert_int_equal(change.state.hosts.count, 2);
	assert_host(change.state, 1, "ns2.example.org");
	assert_int_equal(change.state.addresses.count, 1);
	assert_int_equal(change.state.addresses.items[0].host, 1);
	assert_true(change.has_expires);
	assert_int_equal(change.expires, EXPIRES);
	assert_message(TOLD(" state=\"after\"", "update"), "change");
	assert_told(CHANGE_UPDATE, STATE_AFTER);
	assert_message(TOLD(" state=\" before \"", "update"), "change");
	assert_told(CHANGE_UPDATE, STATE_BEFORE);
	assert_false(change.has_expires); /* it is when it would have expired */
	assert_still_well();
	assert_int_equal(change.state_at, STATE_NONE);
	assert_int_equal(change.state_known, 0);
}

static void each_operation_is_a_verb(void **state)
{
	static const struct {
		const char *message;
		enum change_verb verb;
		enum change_restore restore;
	} rows[] = {
		{TOLD("", "create"), CHANGE_CREATE, CHANGE_NO_RESTORE},
		{TOLD("", "delete"), CHANGE_DELETE, CHANGE_NO_RESTORE},
		{TOLD("", "autoDelete"), CHANGE_DELETE, CHANGE_NO_RESTORE},
		{TOLD("", "autoPurge"), CHANGE_DELETE, CHANGE_NO_RESTORE},
		{TOLD("", "renew"), CHANGE_RENEW, CHANGE_NO_RESTORE},
		{TOLD("", "autoRenew"), CHANGE_RENEW, CHANGE_NO_RESTORE},
		{TOLD("", "transfer"), CHANGE_TRANSFER, CHANGE_NO_RESTORE},
		{TOLD("", " update\n"), CHANGE_UPDATE, CHANGE_NO_RESTORE},
		{TOLD("", "restore"), CHANGE_UPDATE, CHANGE_RESTORE_REQUEST},
		{TOLD("", "custom"), CHANGE_UPDATE, CHANGE_NO_RESTORE},
		{TOLD("", "CANARY"), CHANGE_UPDATE, CHANGE_NO_RESTORE},
		{TOLD(" state=\"before\"", "autoDelete"), CHANGE_DELETE, CHANGE_NO_RESTORE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_message(rows[i].message, "change");
		assert_told(rows[i].verb, change.state_at);
		assert_int_equal(change.restore, rows[i].restore);
		assert_int_equal(change.transfer.status, TRANSFER_NO_STATUS);
	}
}

static void keys_told_beside_the_object_are_known(void **state)
{
	(void)state;
	assert_message(MESSAGE("", INF_DATA, CHANGE_DATA("", "update") SECDNS_DATA), "change");
	assert_told(CHANGE_UPDATE, STATE_AFTER);
	assert_int_equal(change.state_known, KNOWN_HOSTS | KNOWN_STATUS | KNOWN_SECDNS);
	assert_int_equal(change.state.ds.count, 1);
	assert_int_equal(change.state.ds.items[0].key_tag, 7);
	/* how long signatures live is no news */
	assert_false(change.has_max_sig_life);
	/* none at all, in the older version, and keys instead of digests */
	assert_message(MESSAGE("", INF_DATA,
			       CHANGE_DATA("", "update") "<s:infData xmlns:s=\"" SECDNS "\"/>"),
		       "change");
	assert_int_equal(change.state_known, KNOWN_HOSTS | KNOWN_STATUS | KNOWN_SECDNS);
	assert_int_equal(change.state.ds.count, 0);
	assert_message(MESSAGE("", INF_DATA,
			       "<s:infData xmlns:s=\"" SECDNS_1_0 "\"><s:dsData>" DS_OF(
				       "s", "8") "<s:maxSigLife>1</s:maxSigLife></s:dsData></"
						 "s:infData>" CHANGE_DATA("", "update")),
		       "change");
	assert_int_equal(change.state.ds.items[0].key_tag, 8);
	assert_false(change.has_max_sig_life);
	assert_message(
		MESSAGE("", INF_DATA,
			"<s:infData xmlns:s=\"" SECDNS "\"><s:keyData>" KEY_OF(
				"s", "256") "</s:keyData></s:infData>" CHANGE_DATA("", "update")),
		"change");
	assert_int_equal(change.state.keys.items[0].flags, 256);
}

static void a_hosts_state_is_its_addresses_and_statuses(void **state)
{
	(void)state;
	assert_message(MESSAGE("",
			       "<h:infData xmlns:h=\"" HOST "\"><h:name>ns1.example.org</h:name>"
			       "<h:roid>CANARY</h:roid><h:status s=\"linked\"/>"
			       "<h:addr ip=\"v4\">192.0.2.1</h:addr><h:addr ip=\"v6\">2001:db8::1"
			       "</h:addr><h:clID>CANARY</h:clID></h:infData>",
			       CHANGE_DATA(" state=\"before\"", "delete")),
		       "change");
	assert_subject(CHANGE_HOST, CHANGE_DELETE, "ns1.example.org");
	assert_int_equal(change.state_at, STATE_BEFORE);
	assert_int_equal(change.state_known, KNOWN_STATUS | KNOWN_ADDRESSES);
	assert_int_equal(change.state.status, 1u << STATUS_LINKED);
	assert_int_equal(change.state.addresses.count, 2);
	assert_int_equal(change.state.addresses.items[0].host, CHANGE_NO_HOST);
}

static void next_to_nothing_may_be_known_of_the_state(void **state)
{
	(void)state;
	assert_message(
		MESSAGE("", D("infData", NAMED), "<c:changeData xmlns:c=\"" CHANGE_POLL "\"/>"),
		"change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.state_at, STATE_AFTER);
	assert_true(delta_is_empty(&change.state));
	/* so that another such message is not taken for this one: when it was put in line */
	assert_true(change.has_done);
	assert_string_equal(change.svtrid.text, "");
}

static void the_end_of_a_lock_is_told_by_either_of_its_elements(void **state)
{
#define LOCK_DATA(element, success)                                                                \
	"<l:" element " xmlns:l=\"" REG_LOCK "\"><l:domain>example.org</l:domain><l:operation "    \
	"success=\"" success "\">update</l:operation><l:svTRID>SV-7</l:svTRID><l:approvedBy>"      \
	"<l:contact><l:id>CANARY</l:id></l:contact></l:approvedBy></l:" element ">"
	(void)state;
	assert_message(MESSAGE("", LOCK_DATA("infData", "true"), ""), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_COMPLETED);
	assert_message(MESSAGE("", LOCK_DATA("pollInfo", "0"), ""), "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_REJECTED);
	assert_message(MESSAGE("", LOCK_DATA("pollInfo", "CANARY"), ""), "value");
	/* an answer to an info has no domain in it, and is no message */
	assert_result(read_pair(COMMAND("<info/>"),
				RESPONSE("1000", "<extension><l:infData xmlns:l=\"" REG_LOCK
						 "\"><l:policyData/></l:infData></extension>")),
		      "nothing");
}

/* FRED puts its data within the text of the message. */
static void freds_messages_stand_within_the_text(void **state)
{
	(void)state;
	assert_message(MESSAGE(D("trnData", NAMED "<d:trDate>2026-04-08</d:trDate><d:clID>REG-NEW"
						  "</d:clID>"),
			       "", ""),
		       "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_true(change.is_message);
	assert_string_equal(change.transfer.gaining.text, "REG-NEW");
	assert_true(change.transfer.has_acted);
	assert_int_equal(change.transfer.acted, 1775606400);
	assert_int_equal(change.transfer.status, TRANSFER_NO_STATUS);
	assert_int_equal(change.outcome, CHANGE_COMPLETED);

	assert_message(
		MESSAGE("<n:trnData xmlns:n=\"" NSSET "\"><n:id>NSS-1</n:id><n:trDate>"
			"2026-04-08T22:00:00Z</n:trDate><n:clID>REG-NEW</n:clID></n:trnData>",
			"", ""),
		"change");
	assert_subject(CHANGE_NSSET, CHANGE_TRANSFER, "NSS-1");
	assert_message(MESSAGE("<k:trnData xmlns:k=\"" KEYSET "\"><k:id>KEY-1</k:id><k:clID>REG-NEW"
			       "</k:clID></k:trnData>",
			       "", ""),
		       "change");
	assert_subject(CHANGE_KEYSET, CHANGE_TRANSFER, "KEY-1");
	assert_string_equal(change.transfer.gaining.text, "REG-NEW");
}

static void what_the_registry_deleted_is_deleted(void **state)
{
	(void)state;
	assert_message(MESSAGE(D("delData", NAMED "<d:exDate>2026-04-08</d:exDate>"), "", ""),
		       "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_int_equal(change.initiator, CHANGE_BY_REGISTRY);
	assert_int_equal(change.outcome, CHANGE_COMPLETED);
	assert_message(MESSAGE("", D("delData", NAMED "<d:exDate>2026-04-08</d:exDate>"), ""),
		       "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_message(MESSAGE("<n:idleDelData xmlns:n=\"" NSSET "\"><n:id>NSS-1</n:id>"
			       "</n:idleDelData>",
			       "", ""),
		       "change");
	assert_subject(CHANGE_NSSET, CHANGE_DELETE, "NSS-1");
	assert_message(MESSAGE("<k:idleDelData xmlns:k=\"" KEYSET "\"><k:id>KEY-1</k:id>"
			       "</k:idleDelData>",
			       "", ""),
		       "change");
	assert_subject(CHANGE_KEYSET, CHANGE_DELETE, "KEY-1");
}

#define FRED_STATE(name, nsset)                                                                    \
	D("infData", "<d:name>" name "</d:name><d:roid>CANARY</d:roid>"                            \
		     "<d:status s=\"serverBlocked\">CANARY</d:status><d:registrant>CANARY"         \
		     "</d:registrant><d:admin>CANARY</d:admin><d:nsset>" nsset "</d:nsset>"        \
		     "<d:clID>CANARY</d:clID><d:authInfo>CANARY</d:authInfo>")
#define FRED_OLD "<d:oldData>" FRED_STATE("example.org", "NSS-1") "</d:oldData>"
#define FRED_NEW "<d:newData>" FRED_STATE("example.org", "NSS-2") "</d:newData>"

static void freds_update_is_read_as_it_is_and_what_it_was_tells_the_difference(void **state)
{
	(void)state;
	assert_message(
		MESSAGE(D("updateData", "<d:opTRID>OP-9</d:opTRID>" FRED_OLD FRED_NEW), "", ""),
		"change");
	assert_true(change.is_message);
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.initiator, CHANGE_BY_REGISTRY);
	assert_int_equal(change.state_at, STATE_AFTER);
	assert_string_equal(change.svtrid.text, "OP-9");
	assert_int_equal(change.state.status, 1u << STATUS_SERVER_BLOCKED);
	assert_int_equal(change.state.references.count, 1);
	assert_int_equal(change.state.references.items[0].object, CHANGE_NSSET);
	assert_string_equal(change.state.references.items[0].id.text, "NSS-2");
	assert_int_equal(change.changed, 0);
	/* the same status before and after, and another nsset */
	assert_int_equal(change.add.status | change.remove.status, 0);
	assert_int_equal(change.add.references.count, 1);
	assert_string_equal(change.add.references.items[0].id.text, "NSS-2");
	assert_int_equal(change.remove.references.count, 1);
	assert_string_equal(change.remove.references.items[0].id.text, "NSS-1");
	assert_int_equal(change_impact(&change), 1u << IMPACT_DELEGATION);
	/* of another object it tells no difference */
	assert_message(MESSAGE(D("updateData",
				 "<d:oldData>" FRED_STATE("canary-old.example",
							  "CANARY-OLD") "</d:oldData>" FRED_NEW),
			       "", ""),
		       "change");
	assert_int_equal(change.add.references.count + change.remove.references.count, 0);
	assert_message(MESSAGE(D("updateData", FRED_OLD), "", ""), "value");
}

static void freds_sets_are_told_with_what_is_in_them(void **state)
{
	(void)state;
	assert_message(
		MESSAGE("<n:updateData xmlns:n=\"" NSSET "\"><n:opTRID>OP-1</n:opTRID><n:oldData>"
			"<n:infData><n:id>CANARY</n:id></n:infData></"
			"n:oldData><n:newData><n:infData>"
			"<n:id>NSS-1</n:id><n:roid>CANARY</n:roid><n:status s=\"linked\">CANARY"
			"</n:status><n:clID>CANARY</n:clID><n:authInfo>CANARY</n:authInfo><n:ns>"
			"<n:name>ns1.example.net</n:name><n:addr>192.0.2.1</n:addr></n:ns>"
			"<n:tech>CANARY</n:tech><n:reportlevel>4</n:reportlevel></n:infData>"
			"</n:newData></n:updateData>",
			"", ""),
		"change");
	assert_subject(CHANGE_NSSET, CHANGE_UPDATE, "NSS-1");
	assert_string_equal(change.svtrid.text, "OP-1");
	assert_int_equal(change.state_known, KNOWN_HOSTS | KNOWN_STATUS);
	assert_host(change.state, 0, "ns1.example.net");
	assert_int_equal(change.state.addresses.count, 1);
	/* contacts and a password are there always: that they were changed, nobody said */
	assert_int_equal(change.changed, 0);

	assert_message(MESSAGE("<k:updateData xmlns:k=\"" KEYSET
			       "\"><k:opTRID>OP-2</k:opTRID><k:newData>"
			       "<k:infData><k:id>KEY-1</k:id><k:authInfo>CANARY</"
			       "k:authInfo><k:dnskey>" KEY_OF(
				       "k", "257") "</k:dnskey><k:tech>CANARY</k:tech></k:infData>"
						   "</k:newData></k:updateData>",
			       "", ""),
		       "change");
	assert_subject(CHANGE_KEYSET, CHANGE_UPDATE, "KEY-1");
	assert_int_equal(change.state_known, KNOWN_SECDNS | KNOWN_STATUS);
	assert_int_equal(change.state.keys.items[0].flags, 257);
	assert_int_equal(change.changed, 0);
}

/* RFC 9038: what a client said at its login that it does not know comes in a value. */
static void what_the_client_does_not_know_is_told_in_a_value(void **state)
{
#define VALUE(inner)                                                                               \
	"<extValue><value>" inner "</value><reason>CANARY not in login "                           \
	"services</reason></extValue>"
#define VALUED(values, data)                                                                       \
	FRAME("<response><result code=\"1301\"><msg>CANARY</msg>" values "</result><resData>" data \
	      "</resData>" POLLED "</response>")
	(void)state;
	assert_message(VALUED(VALUE(CHANGE_DATA("", "update")) VALUE(SECDNS_DATA), INF_DATA),
		       "change");
	assert_told(CHANGE_UPDATE, STATE_AFTER);
	assert_int_equal(change.state_known, KNOWN_HOSTS | KNOWN_STATUS | KNOWN_SECDNS);
	assert_message(VALUED(VALUE(PAN_DATA("d", DOMAIN, "paResult=\"1\"", "example.org")), ""),
		       "change");
	assert_ended(CHANGE_DOMAIN, "example.org", CHANGE_COMPLETED);
	/* but a value may also be the client's own element, which was wrong */
	assert_result(read_pair(moved, FRAME("<response><result code=\"2005\"><msg>No</msg>" VALUE(
					       D("name", "CANARY no name")
						       D("update", NAMED)) "</result></response>")),
		      "nothing");
	assert_result(read_pair(moved, FRAME("<response><result code=\"1000\"><msg>Yes</msg>" VALUE(
					       D("name", "CANARY no name") CHANGE_DATA(
						       "", "delete")) "</result></response>")),
		      "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.state_at, STATE_NONE);
	assert_int_equal(change.initiator, CHANGE_BY_REGISTRAR);
}

static enum eppparse_result read_server_change(const char *frame)
{
	return eppparse_server_change(parse, frame, strlen(frame), &change);
}

static void the_registry_hands_over_its_own_changes(void **state)
{
	static const char *const frames[] = {
		TOLD("", "autoDelete"),
		RESPONSE("1000", "<resData>" INF_DATA "</resData><extension>" CHANGE_DATA(
					 "", "autoDelete") "</extension>"),
		RESPONSE("2400", "<resData>" INF_DATA "</resData><extension>" CHANGE_DATA(
					 "", "autoDelete") "</extension>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_result(read_server_change(frames[i]), "change");
		assert_told(CHANGE_DELETE, STATE_AFTER);
	}
	assert_result(read_server_change(TOLD(" state=\"before\"", "update")), "change");
	assert_told(CHANGE_UPDATE, STATE_BEFORE);
}

static void what_else_it_hands_over_is_refused(void **state)
{
	(void)state;
	assert_result(read_server_change(ENDED("1")), "no_response");
	assert_result(read_server_change(MESSAGE("", D("trnData", NAMED), "")), "no_response");
	assert_result(read_server_change(MESSAGE("", INF_DATA, "")), "no_response");
	assert_result(read_server_change(moved), "no_response");
	assert_result(read_server_change(done), "no_response");
	assert_string_equal(change.svtrid.text, "SV-1");
	/* a code is part of a response */
	assert_result(read_server_change(FRAME("<response><resData>" INF_DATA
					       "</resData><extension>" CHANGE_DATA(
						       "", "update") "</extension></response>")),
		      "no_response");
	assert_result(read_server_change(MESSAGE("", "", CHANGE_DATA("", "update"))), "value");
	assert_result(read_server_change(MESSAGE("", C("infData", "<k:id>CANARY</k:id>"),
						 CHANGE_DATA("", "update"))),
		      "nothing");
	assert_result(read_server_change(TOLD(" state=\"x\"", "update")), "value");
	assert_result(read_server_change("<!DOCTYPE epp>"), "doctype");
	assert_result(read_server_change(""), "malformed");
	assert_result(read_server_change("<x/>"), "namespace");
	assert_still_well();
}

/* What a response tells of does not get into a command that it answers. */
static void news_in_the_answer_to_a_transform_is_none_of_the_transform(void **state)
{
	(void)state;
	assert_result(
		read_pair(moved, RESPONSE("1000", "<resData>" INF_DATA
						  "</resData><extension>" CHANGE_DATA("", "delete")
							  SECDNS_DATA "</extension>")),
		"change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_false(change.is_message);
	assert_int_equal(change.initiator, CHANGE_BY_REGISTRAR);
	assert_int_equal(change.state_at, STATE_NONE);
	assert_true(delta_is_empty(&change.state));
	assert_int_equal(change.add.hosts.count, 1);
}

/* As long as the answer says what came of the command, what it says beside that may be what it will. */
static void odd_values_in_the_answer_to_a_transform_are_passed_over(void **state)
{
	static const char *const insides[] = {
		D("infData", "<d:name>CANARY no name</d:name>"),
		D("infData", NAMED "<d:status/>"),
		D("infData",
		  NAMED "<d:ns><d:hostAttr><d:hostAddr>CANARY</d:hostAddr></d:hostAttr></d:ns>"),
		D("infData", NAMED "<d:exDate>2027-04-03T22:00:00Z</d:exDate>"),
		INF_DATA D("infData", "<d:name>other.example</d:name>"),
		INF_DATA "<h:infData xmlns:h=\"" HOST "\"><h:addr>CANARY</h:addr></h:infData>",
		D("panData", "<d:name paResult=\"CANARY\">CANARY<x>CANARY</x></d:name>"),
		D("creData", NAMED "<d:exDate>CANARY<d:x/></d:exDate>"),
		"<s:infData xmlns:s=\"" SECDNS "\"><s:all>CANARY</s:all><s:dsData><s:keyTag>70000"
		"</s:keyTag></s:dsData><s:keyData/></s:infData>",
		CHANGE_DATA(" state=\"CANARY\"", "delete"),
		"<l:infData xmlns:l=\"" REG_LOCK "\"><l:operation/></l:infData>",
	};
	char frame[4096];
	(void)state;
	for (size_t i = 0; i < COUNT(insides); i++) {
		snprintf(
			frame, sizeof frame,
			RESPONSE("1000", "<resData>%s</resData><trID><svTRID>SV-1</svTRID></trID>"),
			insides[i]);
		assert_result(read_pair(moved, frame), "change");
		assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
		assert_int_equal(change.outcome, CHANGE_COMPLETED);
		assert_string_equal(change.svtrid.text, "SV-1");
		assert_false(change.has_expires);
		assert_true(delta_is_empty(&change.state));
		assert_result(eppparse_command(parse, moved, strlen(moved), &change), "change");
		assert_result(eppparse_response(parse, frame, strlen(frame), &change), "change");
		assert_int_equal(change.outcome, CHANGE_COMPLETED);
		snprintf(frame, sizeof frame, RESPONSE("2303", "<resData>%s</resData>"),
			 insides[i]);
		assert_result(read_pair(moved, frame), "nothing");
	}
	assert_still_well();
}

/* By its name it tells of a change, and nobody knows of what. */
static void news_in_a_namespace_of_nobodys_is_counted(void **state)
{
#define X(what, inner) "<x:" what " xmlns:x=\"urn:x\">" inner "</x:" what ">"
	static const char *const messages[] = {
		MESSAGE("", X("panData", ""), ""),
		MESSAGE("", X("trnData", "CANARY"), ""),
		MESSAGE("", X("delData", ""), ""),
		MESSAGE(X("updateData", "<x:newData/>"), "", ""),
		MESSAGE("", INF_DATA, X("changeData", "<x:operation>delete</x:operation>")),
		MESSAGE("", X("infData", ""), CHANGE_DATA("", "update")),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		assert_message(messages[i], "namespace");
		assert_string_equal(eppparse_met(parse, 0)->uri, "urn:x");
		assert_true(eppparse_met(parse, 0)->unread);
		assert_string_equal(change.svtrid.text, "POLL-1");
	}
	/* how something is, by itself, is no news; nor is any of it in another answer */
	assert_message(MESSAGE("", X("infData", ""), ""), "nothing");
	assert_message(MESSAGE("", INF_DATA X("infData", ""), CHANGE_DATA("", "update")), "change");
	assert_result(read_pair(moved, RESPONSE("1000", "<resData>" X("trnData", "") "</resData>")),
		      "change");
	assert_string_equal(eppparse_met(parse, 0)->uri, "urn:x");
	assert_false(eppparse_met(parse, 0)->unread);
	/* what the registry hands over itself is news by that */
	assert_result(
		read_server_change(RESPONSE(
			"1000", "<resData>" X("infData", "") "</resData>"
							     "<extension>" CHANGE_DATA(
								     "", "update") "</extension>")),
		"namespace");
	assert_result(
		read_server_change(RESPONSE("1000", "<resData>" INF_DATA "</resData><extension>" X(
							    "changeData", "") "</extension>")),
		"namespace");
	assert_still_well();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_pending_command_is_told_by_pan_data),
		cmocka_unit_test(how_it_ended_must_be_said),
		cmocka_unit_test(a_message_is_read_with_its_poll_as_it_is_by_itself),
		cmocka_unit_test(a_message_without_news_is_nothing),
		cmocka_unit_test(contacts_in_messages_are_nothing),
		cmocka_unit_test(a_message_whose_data_is_no_value_is_counted),
		cmocka_unit_test(a_change_of_the_registrys_own_is_told_with_the_state_it_left),
		cmocka_unit_test(each_operation_is_a_verb),
		cmocka_unit_test(keys_told_beside_the_object_are_known),
		cmocka_unit_test(a_hosts_state_is_its_addresses_and_statuses),
		cmocka_unit_test(next_to_nothing_may_be_known_of_the_state),
		cmocka_unit_test(the_end_of_a_lock_is_told_by_either_of_its_elements),
		cmocka_unit_test(freds_messages_stand_within_the_text),
		cmocka_unit_test(what_the_registry_deleted_is_deleted),
		cmocka_unit_test(
			freds_update_is_read_as_it_is_and_what_it_was_tells_the_difference),
		cmocka_unit_test(freds_sets_are_told_with_what_is_in_them),
		cmocka_unit_test(what_the_client_does_not_know_is_told_in_a_value),
		cmocka_unit_test(the_registry_hands_over_its_own_changes),
		cmocka_unit_test(what_else_it_hands_over_is_refused),
		cmocka_unit_test(news_in_the_answer_to_a_transform_is_none_of_the_transform),
		cmocka_unit_test(odd_values_in_the_answer_to_a_transform_are_passed_over),
		cmocka_unit_test(news_in_a_namespace_of_nobodys_is_counted),
	};
	return cmocka_run_group_tests(tests, frames_begin, frames_end);
}
