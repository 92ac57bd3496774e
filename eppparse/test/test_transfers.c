/* Transfers: as commands with their responses, and as messages. */
#include "eppparse/test/frames.h"

#define TRANSFER(op, inner)                                                                        \
	COMMAND("<transfer op=\"" op "\">" D("transfer", NAMED inner) "</transfer>")
#define AUTH_INFO "<d:authInfo><d:pw>CANARY</d:pw></d:authInfo>"
#define TRN_DATA(status)                                                                           \
	D("trnData", NAMED "<d:trStatus>" status "</d:trStatus><d:reID>ClientX</d:reID>"           \
			   "<d:reDate>2026-04-03T22:00:00.0Z</d:reDate><d:acID>ClientY</d:acID>"   \
			   "<d:acDate>2026-04-08T22:00:00Z</d:acDate>"                             \
			   "<d:exDate>2027-04-03T22:00:00Z</d:exDate>")
#define ANSWER(code, status)                                                                       \
	RESPONSE(code, "<resData>" TRN_DATA(status) "</resData><trID><svTRID>SV-5</svTRID></"      \
						    "trID>")
#define NEWS(status) MESSAGE("", TRN_DATA(status), "")

enum { REQUESTED = 1775253600, ACTED = 1775685600, EXPIRES = 1806789600 };

static void assert_trn_data(enum change_transfer_status status)
{
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_int_equal(change.transfer.status, status);
	assert_string_equal(change.transfer.gaining.text, "ClientX");
	assert_string_equal(change.transfer.losing.text, "ClientY");
	assert_true(change.transfer.has_requested);
	assert_int_equal(change.transfer.requested, REQUESTED);
	/* of one that is pending it is when somebody must act */
	assert_int_equal(change.transfer.has_acted, status != TRANSFER_PENDING);
	if (change.transfer.has_acted)
		assert_int_equal(change.transfer.acted, ACTED);
	assert_true(change.has_expires);
	assert_int_equal(change.expires, EXPIRES);
}

static void each_op_is_read_with_what_the_response_says(void **state)
{
	static const struct {
		const char *command, *response;
		enum change_transfer_op op;
		enum change_transfer_status status;
		enum change_outcome outcome;
	} rows[] = {
		{TRANSFER("request", "<d:period unit=\"y\">1</d:period>" AUTH_INFO),
		 ANSWER("1001", "pending"), TRANSFER_REQUEST, TRANSFER_PENDING, CHANGE_PENDING},
		{TRANSFER("approve", ""), ANSWER("1000", "clientApproved"), TRANSFER_APPROVE,
		 TRANSFER_CLIENT_APPROVED, CHANGE_COMPLETED},
		{TRANSFER("reject", AUTH_INFO), ANSWER("1000", "clientRejected"), TRANSFER_REJECT,
		 TRANSFER_CLIENT_REJECTED, CHANGE_COMPLETED},
		{TRANSFER(" cancel\n", ""), ANSWER("1000", " clientCancelled "), TRANSFER_CANCEL,
		 TRANSFER_CLIENT_CANCELLED, CHANGE_COMPLETED},
		{TRANSFER("request", AUTH_INFO), ANSWER("1000", "serverApproved"), TRANSFER_REQUEST,
		 TRANSFER_SERVER_APPROVED, CHANGE_COMPLETED},
		{TRANSFER("request", ""), ANSWER("1000", "serverCancelled"), TRANSFER_REQUEST,
		 TRANSFER_SERVER_CANCELLED, CHANGE_COMPLETED},
		/* registries' own words and numbers are none of RFC 5730's */
		{TRANSFER("request", ""), ANSWER("1000", "Transferred"), TRANSFER_REQUEST,
		 TRANSFER_NO_STATUS, CHANGE_COMPLETED},
		{TRANSFER("request", ""), ANSWER("1000", "5"), TRANSFER_REQUEST, TRANSFER_NO_STATUS,
		 CHANGE_COMPLETED},
		{TRANSFER("request", ""), ANSWER("1000", "CANARY"), TRANSFER_REQUEST,
		 TRANSFER_NO_STATUS, CHANGE_COMPLETED},
		{COMMAND(DOMAIN_DO("transfer")), ANSWER("1001", "pending"), TRANSFER_NO_OP,
		 TRANSFER_PENDING, CHANGE_PENDING},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_result(read_pair(rows[i].command, rows[i].response), "change");
		assert_trn_data(rows[i].status);
		assert_int_equal(change.transfer.op, rows[i].op);
		assert_int_equal(change.outcome, rows[i].outcome);
		assert_int_equal(change.initiator, CHANGE_BY_REGISTRAR);
		assert_false(change.is_message);
		assert_string_equal(change.svtrid.text, "SV-5");
		/* a password is asked for: that is no change of it */
		assert_int_equal(change.changed, 0);
		assert_true(delta_is_empty(&change.add));
		assert_true(delta_is_empty(&change.remove));
	}
	assert_still_well();
	assert_int_equal(change.transfer.status, TRANSFER_NO_STATUS);
	assert_string_equal(change.transfer.gaining.text, "");
}

static void a_transfer_whose_response_says_no_more_is_one(void **state)
{
	(void)state;
	assert_reads(TRANSFER("request", AUTH_INFO), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_int_equal(change.transfer.op, TRANSFER_REQUEST);
	assert_int_equal(change.transfer.status, TRANSFER_NO_STATUS);
	assert_string_equal(change.transfer.gaining.text, "");
	assert_false(change.transfer.has_requested);
	assert_false(change.transfer.has_acted);
}

static void a_query_is_nothing_whatever_is_asked(void **state)
{
	static const char *const frames[] = {
		TRANSFER("query", AUTH_INFO),
		TRANSFER(" query ", ""),
		COMMAND("<transfer op=\"query\"/>"),
		COMMAND("<transfer op=\"query\"><x:transfer xmlns:x=\"urn:x\"/></transfer>"),
		COMMAND("<transfer op=\"query\">" D(
			"transfer", "<d:name>CANARY no name</d:name>") "</transfer>"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_result(read_pair(frames[i], ANSWER("1000", "pending")), "nothing");
		assert_null(eppparse_met(parse, 0));
	}
	assert_still_well();
}

/* Such as nic.at's execute: it is no query. */
static void an_op_of_a_registrys_own_is_a_transfer(void **state)
{
	static const char *const frames[] = {TRANSFER("", ""), TRANSFER("execute", ""),
					     TRANSFER("CANARY", ""), TRANSFER("Request", "")};
	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++) {
		assert_reads(frames[i], "change");
		assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
		assert_int_equal(change.transfer.op, TRANSFER_NO_OP);
	}
}

static void a_transfer_of_nothing_is_counted(void **state)
{
	(void)state;
	assert_reads(COMMAND("<transfer op=\"request\"/>"), "verb");
	assert_reads(
		COMMAND("<transfer op=\"request\"><d:transfer xmlns:d=\"" DOMAIN "\"/></transfer>"),
		"value");
	assert_reads(
		COMMAND("<transfer op=\"request\"><h:transfer xmlns:h=\"" HOST "\"/></transfer>"),
		"namespace");
	assert_still_well();
}

static void a_response_within_the_command_decides_nothing_of_a_transfer(void **state)
{
	/* clang-format off */
	static const char frame[] = FRAME(
		"<command><transfer op=\"request\">" D("transfer", NAMED) "</transfer></command>"
		"<response><resData>" TRN_DATA("serverApproved") "</resData></response>");
	/* clang-format on */
	(void)state;
	assert_reads(frame, "verb");
	assert_string_equal(change.svtrid.text, "SV-1");
}

static void a_transfer_can_be_read_before_its_response(void **state)
{
	static const char command[] = TRANSFER("request", "");
	static const char answer[] = ANSWER("1001", "pending");
	(void)state;
	assert_result(eppparse_command(parse, command, strlen(command), &change), "change");
	assert_int_equal(change.outcome, CHANGE_UNKNOWN);
	assert_int_equal(change.transfer.op, TRANSFER_REQUEST);
	assert_int_equal(change.transfer.status, TRANSFER_NO_STATUS);
	assert_result(eppparse_response(parse, answer, strlen(answer), &change), "change");
	assert_trn_data(TRANSFER_PENDING);
	assert_int_equal(change.transfer.op, TRANSFER_REQUEST);
	assert_int_equal(change.outcome, CHANGE_PENDING);
}

static void dates_and_logins_that_are_none_are_left_out(void **state)
{
	(void)state;
	assert_result(
		read_pair(
			TRANSFER("request", ""),
			RESPONSE(
				"1000",
				"<resData>" D(
					"trnData", NAMED
					"<d:trStatus>pending</d:trStatus><d:reID>CANARY  "
					"two</d:reID>"
					"<d:reDate>CANARY</d:reDate><d:acID>CANARY\xc3\xb6</d:acID>"
					"<d:acDate/><d:exDate>soon</d:exDate>") "</resData>")),
		"change");
	assert_int_equal(change.transfer.status, TRANSFER_PENDING);
	assert_string_equal(change.transfer.gaining.text, "");
	assert_string_equal(change.transfer.losing.text, "");
	assert_false(change.transfer.has_requested);
	assert_false(change.transfer.has_acted);
	assert_false(change.has_expires);
}

static void a_message_of_each_status_is_a_transfer(void **state)
{
	static const struct {
		const char *message;
		enum change_transfer_status status;
		enum change_outcome outcome;
		enum change_initiator initiator;
	} rows[] = {
		{NEWS("pending"), TRANSFER_PENDING, CHANGE_PENDING, CHANGE_BY_REGISTRAR},
		{NEWS("clientApproved"), TRANSFER_CLIENT_APPROVED, CHANGE_COMPLETED,
		 CHANGE_BY_REGISTRAR},
		{NEWS("clientCancelled"), TRANSFER_CLIENT_CANCELLED, CHANGE_COMPLETED,
		 CHANGE_BY_REGISTRAR},
		{NEWS("clientRejected"), TRANSFER_CLIENT_REJECTED, CHANGE_COMPLETED,
		 CHANGE_BY_REGISTRAR},
		{NEWS("serverApproved"), TRANSFER_SERVER_APPROVED, CHANGE_COMPLETED,
		 CHANGE_BY_REGISTRY},
		{NEWS("serverCancelled"), TRANSFER_SERVER_CANCELLED, CHANGE_COMPLETED,
		 CHANGE_BY_REGISTRY},
		{NEWS("Transferred"), TRANSFER_NO_STATUS, CHANGE_COMPLETED, CHANGE_BY_REGISTRAR},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_message(rows[i].message, "change");
		assert_true(change.is_message);
		assert_trn_data(rows[i].status);
		assert_int_equal(change.transfer.op, TRANSFER_NO_OP);
		assert_int_equal(change.outcome, rows[i].outcome);
		assert_int_equal(change.initiator, rows[i].initiator);
		/* the poll's own id is not that of the transfer */
		assert_string_equal(change.svtrid.text, "");
		assert_string_equal(change.ends.text, "");
	}
	assert_still_well();
}

static void a_message_of_a_contacts_transfer_is_nothing(void **state)
{
	(void)state;
	assert_message(MESSAGE("",
			       "<c:trnData xmlns:c=\"" CONTACT "\"><c:id>CANARY</c:id>"
			       "<c:trStatus>pending</c:trStatus></c:trnData>",
			       ""),
		       "nothing");
}

static void nameservers_may_come_with_a_transfer(void **state)
{
	(void)state;
	assert_reads(TRANSFER("request", AUTH_INFO "<d:ns><d:hostAttr><d:hostName>ns1.example.net"
						   "</d:hostName><d:hostAddr>192.0.2.1</d:hostAddr>"
						   "</d:hostAttr></d:ns>"),
		     "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_host(change.add, 0, "ns1.example.net");
	assert_int_equal(change.add.addresses.count, 1);
}

static void eurids_transfer_brings_groups_nameservers_and_keys(void **state)
{
	/* clang-format off */
	static const char frame[] = COMMAND(
		"<transfer op=\"request\">" D("transfer", NAMED AUTH_INFO) "</transfer>"
		EXTENSION(
			"<e:transfer xmlns:e=\"" DOMAIN_EXT "\" xmlns:d=\"" DOMAIN "\"><e:request>"
			"<e:registrant>CANARY</e:registrant>"
			"<e:contact type=\"billing\">CANARY</e:contact>"
			"<e:ns><d:hostAttr><d:hostName>ns1.example.org</d:hostName>"
			"<d:hostAddr ip=\"v6\">2001:db8::1</d:hostAddr></d:hostAttr>"
			"<e:hostObj>ns2.example.net</e:hostObj></e:ns>"
			"<e:nsgroup>group-1</e:nsgroup><e:nsgroup>group-2</e:nsgroup>"
			"<e:keygroup>keys-1</e:keygroup></e:request></e:transfer>"
			"<s:create xmlns:s=\"" SECDNS "\"><s:keyData>" KEY_OF("s", "257")
			"</s:keyData></s:create>"));
	/* clang-format on */
	(void)state;
	assert_reads(frame, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_host(change.add, 0, "ns1.example.org");
	assert_host(change.add, 1, "ns2.example.net");
	assert_int_equal(change.add.addresses.count, 1);
	assert_int_equal(change.add.addresses.items[0].host, 0);
	assert_int_equal(change.add.references.count, 3);
	assert_int_equal(change.add.references.items[1].object, CHANGE_NSGROUP);
	assert_string_equal(change.add.references.items[1].id.text, "group-2");
	assert_int_equal(change.add.references.items[2].object, CHANGE_KEYGROUP);
	assert_int_equal(change.add.keys.count, 1);
	assert_int_equal(change.changed, CHANGED_REGISTRANT | CHANGED_CONTACTS);
}

/* Contacts' transfers change nothing that is anybody's business; of sets they do. */
static void a_set_is_transferred_like_a_domain(void **state)
{
	static const char nsset[] = COMMAND(
		"<transfer op=\"request\"><n:transfer xmlns:n=\"" NSSET "\"><n:id>NSS-1</n:id>"
		"<n:authInfo>CANARY</n:authInfo></n:transfer></transfer>");
	static const char keyset[] = COMMAND(
		"<transfer op=\"request\"><k:transfer xmlns:k=\"" KEYSET "\"><k:id>KEY-1</k:id>"
		"<k:authInfo>CANARY</k:authInfo></k:transfer></transfer>");
	(void)state;
	assert_reads(nsset, "change");
	assert_subject(CHANGE_NSSET, CHANGE_TRANSFER, "NSS-1");
	assert_int_equal(change.transfer.op, TRANSFER_REQUEST);
	assert_int_equal(change.changed, 0);
	assert_reads(keyset, "change");
	assert_subject(CHANGE_KEYSET, CHANGE_TRANSFER, "KEY-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_op_is_read_with_what_the_response_says),
		cmocka_unit_test(a_transfer_whose_response_says_no_more_is_one),
		cmocka_unit_test(a_query_is_nothing_whatever_is_asked),
		cmocka_unit_test(an_op_of_a_registrys_own_is_a_transfer),
		cmocka_unit_test(a_transfer_of_nothing_is_counted),
		cmocka_unit_test(a_response_within_the_command_decides_nothing_of_a_transfer),
		cmocka_unit_test(a_transfer_can_be_read_before_its_response),
		cmocka_unit_test(dates_and_logins_that_are_none_are_left_out),
		cmocka_unit_test(a_message_of_each_status_is_a_transfer),
		cmocka_unit_test(a_message_of_a_contacts_transfer_is_nothing),
		cmocka_unit_test(nameservers_may_come_with_a_transfer),
		cmocka_unit_test(eurids_transfer_brings_groups_nameservers_and_keys),
		cmocka_unit_test(a_set_is_transferred_like_a_domain),
	};
	return cmocka_run_group_tests(tests, frames_begin, frames_end);
}
