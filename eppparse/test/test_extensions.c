/* What stands around a command or deep within it: keys, restores, locks, references to sets and groups. */
#include "eppparse/test/frames.h"

#define SECDNS_1_0_UPDATE(inner)                                                                   \
	UPDATE_WITH("<s:update xmlns:s=\"" SECDNS_1_0 "\" urgent=\"1\">" inner "</s:update>")
#define SECDNS_UPDATE(inner)                                                                       \
	UPDATE_WITH("<s:update xmlns:s=\"" SECDNS "\" urgent=\"true\">" inner "</s:update>")

static void assert_only_secdns(size_t ds_added, size_t ds_removed)
{
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.add.ds.count, ds_added);
	assert_int_equal(change.remove.ds.count, ds_removed);
	assert_int_equal(change.add.hosts.count + change.remove.hosts.count, 0);
	assert_int_equal(change.changed, 0);
}

static void the_older_secdns_adds_with_a_life_in_each_record(void **state)
{
	(void)state;
	assert_reads(SECDNS_1_0_UPDATE("<s:add><s:dsData>" DS_OF(
			     "s", "1") "<s:maxSigLife>604800"
				       "</s:maxSigLife><s:keyData>" KEY_OF(
					       "s", "257") "</s:keyData></s:dsData></s:add>"),
		     "change");
	assert_only_secdns(1, 0);
	assert_int_equal(change.add.ds.items[0].key_tag, 1);
	assert_int_equal(change.add.ds.items[0].digest_size, 32);
	assert_int_equal(change.add.keys.count, 1);
	assert_false(change.remove.all_secdns);
	assert_true(change.has_max_sig_life);
	assert_int_equal(change.max_sig_life, 604800);
	assert_reads(
		CREATE_WITH("<s:create xmlns:s=\"" SECDNS_1_0 "\"><s:dsData>" DS_OF(
			"s", "2") "</s:dsData><s:dsData>" DS_OF("s", "3") "</s:dsData></s:create>"),
		"change");
	assert_int_equal(change.add.ds.count, 2);
	assert_false(change.has_max_sig_life);
}

static void the_older_secdns_replaces_all_by_a_change(void **state)
{
	(void)state;
	assert_reads(SECDNS_1_0_UPDATE("<s:chg><s:dsData>" DS_OF("s", "1") "</s:dsData></s:chg>"),
		     "change");
	assert_only_secdns(1, 0);
	assert_true(change.remove.all_secdns);
	assert_false(change.add.all_secdns);
}

static void the_older_secdns_removes_by_key_tag(void **state)
{
	(void)state;
	assert_reads(
		SECDNS_1_0_UPDATE("<s:rem><s:keyTag>12345</s:keyTag><s:keyTag> 65535 </s:keyTag>"
				  "</s:rem>"),
		"change");
	assert_only_secdns(0, 2);
	assert_int_equal(change.remove.ds.items[0].key_tag, 12345);
	assert_int_equal(change.remove.ds.items[0].digest_size, 0);
	assert_int_equal(change.remove.ds.items[1].key_tag, 65535);
	assert_false(change.remove.all_secdns);
	assert_reads(SECDNS_1_0_UPDATE("<s:rem><s:keyTag>65536</s:keyTag></s:rem>"), "value");
	assert_reads(SECDNS_1_0_UPDATE("<s:rem><s:keyTag/></s:rem>"), "value");
	/* a tag alone says nothing of what is added */
	assert_reads(SECDNS_1_0_UPDATE("<s:add><s:keyTag>1</s:keyTag></s:add>"), "value");
	assert_reads(SECDNS_1_0_UPDATE("<s:chg><s:keyTag>1</s:keyTag></s:chg>"), "value");
	/* and in the newer version it is nothing */
	assert_reads(SECDNS_UPDATE("<s:rem><s:keyTag>1</s:keyTag></s:rem>"), "change");
	assert_only_secdns(0, 0);
}

static void the_newer_secdns_removes_adds_and_sets_in_one(void **state)
{
	(void)state;
	assert_reads(SECDNS_UPDATE("<s:rem><s:dsData>" DS_OF(
			     "s", "1") "</s:dsData></s:rem><s:add>"
				       "<s:maxSigLife>5</s:maxSigLife><s:dsData>" DS_OF(
					       "s", "2") "</s:dsData></s:add>"),
		     "change");
	assert_only_secdns(1, 1);
	assert_int_equal(change.remove.ds.items[0].key_tag, 1);
	assert_int_equal(change.add.ds.items[0].key_tag, 2);
	assert_int_equal(change.max_sig_life, 5);
	assert_reads(SECDNS_UPDATE("<s:rem><s:keyData>" KEY_OF("s", "256") "</s:keyData></s:rem>"),
		     "change");
	assert_int_equal(change.remove.keys.count, 1);
	assert_int_equal(change.remove.keys.items[0].flags, 256);
	assert_reads(SECDNS_UPDATE("<s:rem><s:all>0</s:all></s:rem>"), "change");
	assert_false(change.remove.all_secdns);
	assert_reads(SECDNS_UPDATE("<s:rem><s:all>1</s:all></s:rem>"), "change");
	assert_true(change.remove.all_secdns);
	assert_reads(SECDNS_UPDATE("<s:chg><s:maxSigLife>9</s:maxSigLife></s:chg>"), "change");
	assert_only_secdns(0, 0);
	assert_int_equal(change.max_sig_life, 9);
}

#define RESTORE(attributes, inner)                                                                 \
	"<r:update xmlns:r=\"" RGP "\"><r:restore" attributes ">" inner "</r:restore></r:update>"

/* RFC 3915. A report may hold what Whois said, elements of domains among it. */
static void of_a_restore_it_is_read_that_it_was_and_no_more(void **state)
{
	/* clang-format off */
	static const char reported[] = COMMAND(
		"<update>" D("update", NAMED "<d:chg/>") "</update>"
		EXTENSION(RESTORE(" op=\"report\"",
			"<r:report>"
			"<r:preData>CANARY"
			D("name", "canary.example")
			D("infData",
			  "<d:name>canary.example</d:name><d:status s=\"clientHold\"/>"
			  "<d:ns><d:hostObj>canary.example</d:hostObj></d:ns>")
			"</r:preData>"
			"<r:postData>CANARY"
			D("update",
			  "<d:name>canary.example</d:name>"
			  "<d:rem><d:ns>canary.example</d:ns></d:rem>")
			"</r:postData>"
			"<r:delTime>2026-04-03T22:00:00Z</r:delTime>"
			"<r:resTime>2026-04-04T22:00:00Z</r:resTime>"
			"<r:resReason>CANARY</r:resReason>"
			"<r:statement>CANARY</r:statement><r:other>CANARY</r:other>"
			"</r:report>")));
	/* clang-format on */
	(void)state;
	assert_reads(UPDATE_WITH(RESTORE(" op=\"request\"", "")), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.restore, CHANGE_RESTORE_REQUEST);
	assert_reads(reported, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.restore, CHANGE_RESTORE_REPORT);
	assert_true(delta_is_empty(&change.add));
	assert_true(delta_is_empty(&change.remove));
	assert_true(delta_is_empty(&change.state));
}

static void what_is_no_restore_is_none(void **state)
{
	static const char answer[] =
		RESPONSE("1000", "<extension><r:upData xmlns:r=\"" RGP
				 "\"><r:rgpStatus s=\"pendingRestore\"/></r:upData></extension>");
	(void)state;
	assert_reads(UPDATE_WITH(RESTORE(" op=\"CANARY\"", "")), "value");
	assert_reads(UPDATE_WITH(RESTORE("", "")), "value");
	/* what the server says of its grace periods is no part of it */
	assert_result(read_pair(moved, answer), "change");
	assert_int_equal(change.restore, CHANGE_NO_RESTORE);
	assert_null(eppparse_met(parse, 0));
}

static void assert_locks(unsigned lock, unsigned unlock)
{
	assert_int_equal(change.locks.lock, lock);
	assert_int_equal(change.locks.unlock, unlock);
}

static void a_registry_lock_is_set_and_its_policy_changed(void **state)
{
#define CONTACTS                                                                                   \
	"<l:contacts><l:contact><l:id>CANARY</l:id><l:method>phone</l:method></l:contact></"       \
	"l:contacts>"
	static const char created[] =
		"<l:create xmlns:l=\"" REG_LOCK "\"><l:policy><l:timeout>1h</l:timeout>"
		"<l:quorom>2</l:quorom></l:policy>" CONTACTS "</l:create>";
	char frame[2048];
	(void)state;
	snprintf(frame, sizeof frame, COMMAND("%s" EXTENSION("%s")), DOMAIN_DO("create"), created);
	assert_reads(frame, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_CREATE, "example.org");
	assert_locks(PROHIBITS_DELETE | PROHIBITS_UPDATE, 0);
	assert_int_equal(change.changed, 0);
	snprintf(frame, sizeof frame, COMMAND("%s" EXTENSION("%s")), DOMAIN_DO("update"), created);
	assert_reads(frame, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_locks(PROHIBITS_DELETE | PROHIBITS_UPDATE, 0);
	assert_reads(UPDATE_WITH("<l:update xmlns:l=\"" REG_LOCK "\"><l:add>" CONTACTS "</l:add>"
				 "<l:rem><l:contact><l:id>CANARY</l:id></l:contact></l:rem><l:chg>"
				 "<l:policyData><l:timeout>2h</l:timeout></l:policyData></l:chg>"
				 "</l:update>"),
		     "change");
	assert_locks(0, 0);
	assert_int_equal(change.changed, CHANGED_LOCK_POLICY);
	/* what an answer says of the lock is no change of it */
	assert_result(read_pair(moved, RESPONSE("1001", "<extension><l:infData xmlns:l=\"" REG_LOCK
							"\"><l:policyData/>" CONTACTS
							"</l:infData></extension>")),
		      "change");
	assert_locks(0, 0);
	assert_int_equal(change.outcome, CHANGE_PENDING);
	assert_string_equal(change.ends.text, "");
}

static void the_older_draft_only_locks(void **state)
{
	(void)state;
	assert_reads(
		UPDATE_WITH("<l:lock xmlns:l=\"urn:ietf:params:xml:ns:epp:registryLock-1.0\"/>"),
		"change");
	assert_locks(PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE, 0);
	assert_reads(COMMAND("<update><h:update xmlns:h=\"" HOST
			     "\"><h:name>ns1.example.org</h:name>"
			     "</h:update></update>" EXTENSION(
				     "<l:lock xmlns:l=\"urn:ietf:params:xml:"
				     "ns:epp:registryLock-1.0\"><l:pw>CANARY</l:pw></l:lock>")),
		     "change");
	assert_subject(CHANGE_HOST, CHANGE_UPDATE, "ns1.example.org");
	assert_locks(PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE, 0);
}

static void traficoms_lock_is_put_on_and_taken_off_by_its_type(void **state)
{
#define FI_LOCK(type)                                                                              \
	UPDATE("<d:chg><d:registrylock type=\"" type "\"><d:smsnumber>+99.5550001 CANARY"          \
	       "</d:smsnumber><d:smsnumber>CANARY</d:smsnumber><d:numbertosend>1</d:numbertosend>" \
	       "<d:authkey>CANARY</d:authkey></d:registrylock></d:chg>")
	(void)state;
	assert_reads(FI_LOCK("activate"), "change");
	assert_locks(PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE, 0);
	assert_reads(FI_LOCK(" deactivate "), "change");
	assert_locks(0, PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE);
	assert_reads(FI_LOCK("requestkey"), "change");
	assert_locks(0, 0);
	assert_int_equal(change_impact(&change), 0);
	assert_reads(FI_LOCK("CANARY"), "value");
	assert_reads(UPDATE("<d:chg><d:registrylock/></d:chg>"), "value");
	assert_still_well();
	assert_locks(0, 0);
}

static void traficoms_contacts_and_passwords_stand_in_odd_places(void **state)
{
	(void)state;
	assert_reads(UPDATE("<d:rem><d:authInfo><d:pw>CANARY</d:pw><d:pwregistranttransfer>CANARY"
			    "</d:pwregistranttransfer></d:authInfo></d:rem>"),
		     "change");
	assert_int_equal(change.changed, CHANGED_AUTH_INFO);
	assert_reads(
		UPDATE("<d:chg><d:registrant>CANARY</d:registrant><d:contact type=\"admin\">CANARY"
		       "</d:contact><d:authInfo><d:pwregistranttransfer>CANARY"
		       "</d:pwregistranttransfer></d:authInfo></d:chg>"),
		"change");
	assert_int_equal(change.changed, CHANGED_REGISTRANT | CHANGED_CONTACTS | CHANGED_AUTH_INFO);
	assert_reads(COMMAND("<renew><d:autorenew xmlns:d=\"" DOMAIN "\">" NAMED
			     "<d:value>1</d:value>"
			     "</d:autorenew></renew>"),
		     "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
}

static void statuses_of_registries_own_are_known(void **state)
{
	(void)state;
	assert_reads(UPDATE("<d:add><d:status s=\"domainLocked\"/><d:status s=\"serverBlocked\" "
			    "lang=\"en\">CANARY</d:status></d:add><d:rem><d:status "
			    "s=\"clientAutoRenewProhibited\"/><d:status s=\"Granted\"/></d:rem>"),
		     "change");
	assert_int_equal(change.add.status,
			 1u << STATUS_DOMAIN_LOCKED | 1u << STATUS_SERVER_BLOCKED);
	assert_int_equal(change.remove.status, 1u << STATUS_CLIENT_AUTO_RENEW_PROHIBITED);
	assert_int_equal(change.remove.status_others, 1);
}

static void assert_reference(const struct change_delta *delta, size_t i, enum change_object object,
			     const char *id, bool replaces)
{
	assert_true(i < delta->references.count);
	assert_int_equal(delta->references.items[i].object, object);
	assert_string_equal(delta->references.items[i].id.text, id);
	assert_int_equal(delta->references.items[i].replaces, replaces);
}

static void freds_domain_refers_to_sets(void **state)
{
	(void)state;
	assert_reads(
		COMMAND("<create>" D(
			"create", NAMED
			"<d:nsset>NSS:1</d:nsset><d:keyset> KEY-1 "
			"</d:keyset><d:registrant>CANARY</d:registrant><d:admin>CANARY</d:admin>"
			"<d:authInfo>CANARY</d:authInfo>") "</create>"),
		"change");
	assert_int_equal(change.add.references.count, 2);
	assert_reference(&change.add, 0, CHANGE_NSSET, "NSS:1", false);
	assert_reference(&change.add, 1, CHANGE_KEYSET, "KEY-1", false);
	assert_int_equal(change.changed, CHANGED_REGISTRANT | CHANGED_CONTACTS | CHANGED_AUTH_INFO);

	assert_reads(UPDATE("<d:add><d:admin>CANARY</d:admin></d:add><d:rem><d:tempcontact>CANARY"
			    "</d:tempcontact></d:rem><d:chg><d:nsset>NSS-2</d:nsset><d:keyset>\n"
			    "</d:keyset></d:chg>"),
		     "change");
	assert_int_equal(change.changed, CHANGED_CONTACTS);
	assert_int_equal(change.add.references.count, 1);
	assert_reference(&change.add, 0, CHANGE_NSSET, "NSS-2", true);
	assert_int_equal(change.remove.references.count, 1);
	assert_reference(&change.remove, 0, CHANGE_KEYSET, "", false);
	assert_reads(UPDATE("<d:chg><d:nsset/><d:keyset>KEY-2</d:keyset></d:chg>"), "change");
	assert_reference(&change.remove, 0, CHANGE_NSSET, "", false);
	assert_reference(&change.add, 0, CHANGE_KEYSET, "KEY-2", true);

	assert_reads(UPDATE("<d:chg><d:nsset>CANARY two words</d:nsset></d:chg>"), "value");
	assert_reads(UPDATE("<d:chg><d:nsset>canary@person.example</d:nsset></d:chg>"), "value");
	assert_reads(COMMAND("<create>" D("create", NAMED "<d:nsset/>") "</create>"), "value");
}

#define EXT(what, inner) "<e:" what " xmlns:e=\"" DOMAIN_EXT "\">" inner "</e:" what ">"

static void eurids_domain_refers_to_groups(void **state)
{
	(void)state;
	assert_reads(
		CREATE_WITH(EXT("create", "<e:contact type=\"onsite\">CANARY</e:contact>"
					  "<e:nsgroup>g-1</e:nsgroup><e:nsgroup>g-2</e:nsgroup>"
					  "<e:keygroup>k-1</e:keygroup>")),
		"change");
	assert_subject(CHANGE_DOMAIN, CHANGE_CREATE, "example.org");
	assert_int_equal(change.add.references.count, 3);
	assert_reference(&change.add, 0, CHANGE_NSGROUP, "g-1", false);
	assert_reference(&change.add, 1, CHANGE_NSGROUP, "g-2", false);
	assert_reference(&change.add, 2, CHANGE_KEYGROUP, "k-1", false);
	assert_int_equal(change.changed, CHANGED_CONTACTS);

	assert_reads(
		UPDATE_WITH(EXT("update",
				"<e:add><e:nsgroup>g-3</e:nsgroup><e:keygroup>k-3"
				"</e:keygroup></e:add><e:rem><e:nsgroup>g-1</e:nsgroup>"
				"<e:keygroup>k-1</e:keygroup><e:contact type=\"reseller\">CANARY"
				"</e:contact></e:rem>")),
		"change");
	assert_int_equal(change.add.references.count, 2);
	assert_reference(&change.add, 0, CHANGE_NSGROUP, "g-3", false);
	assert_reference(&change.add, 1, CHANGE_KEYGROUP, "k-3", false);
	assert_int_equal(change.remove.references.count, 2);
	assert_reference(&change.remove, 0, CHANGE_NSGROUP, "g-1", false);
	assert_reference(&change.remove, 1, CHANGE_KEYGROUP, "k-1", false);
	/* here an empty one takes nothing away */
	assert_reads(UPDATE_WITH(EXT("update", "<e:rem><e:nsgroup/></e:rem>")), "value");
}

static void a_deletion_may_be_for_later_or_taken_back(void **state)
{
	(void)state;
	assert_reads(COMMAND(DOMAIN_DO("delete") EXTENSION(
			     EXT("delete", "<e:schedule><e:delDate>"
					   "2026-04-03T22:00:00.0Z</e:delDate></e:schedule>"))),
		     "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_true(change.has_done);
	assert_int_equal(change.done, 1775253600);
	assert_reads(COMMAND(DOMAIN_DO("delete") EXTENSION(EXT("delete", "<e:cancel/>"))),
		     "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.restore, CHANGE_RESTORE_REQUEST);
	assert_false(change.has_done);
	/* the extension before the command that it belongs to, and beside another */
	assert_reads(UPDATE_WITH(EXT("delete", "<e:cancel/>")), "value");
	assert_reads(COMMAND(EXTENSION(EXT("delete", "<e:cancel/>")) DOMAIN_DO("delete")), "value");
	assert_reads(COMMAND(DOMAIN_DO("delete")), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_int_equal(change.restore, CHANGE_NO_RESTORE);
	assert_false(change.has_done);
}

static void other_extensions_do_not_confuse_a_command(void **state)
{
	static const char *const extensions[] = {
		"<f:create xmlns:f=\"urn:ietf:params:xml:ns:epp:fee-1.0\"><f:currency>CANARY"
		"</f:currency><f:fee>5.00</f:fee></f:create>",
		"<l:create xmlns:l=\"urn:ietf:params:xml:ns:launch-1.0\" "
		"type=\"application\"><l:phase>"
		"sunrise</l:phase><s:encodedSignedMark "
		"xmlns:s=\"urn:ietf:params:xml:ns:signedMark-1.0\">"
		"CANARY</s:encodedSignedMark></l:create>",
		"<a:allocationToken xmlns:a=\"urn:ietf:params:xml:ns:allocationToken-1.0\">CANARY"
		"</a:allocationToken>",
		"<x:update xmlns:x=\"urn:x\">" D("name", "canary.example")
			D("update", NAMED) "<s:update xmlns:s=\"" SECDNS
					   "\"><s:rem><s:all>true</s:all></s:rem></s:update>"
					   "</x:update>",
		D("update", "<d:name>canary.example</d:name>"),
	};
	char frame[2048];
	(void)state;
	for (size_t i = 0; i < COUNT(extensions); i++) {
		snprintf(frame, sizeof frame, COMMAND("%s" EXTENSION("%s")), DOMAIN_DO("create"),
			 extensions[i]);
		assert_reads(frame, "change");
		assert_subject(CHANGE_DOMAIN, CHANGE_CREATE, "example.org");
		assert_true(delta_is_empty(&change.add));
		assert_true(delta_is_empty(&change.remove));
		assert_int_equal(change.changed, 0);
	}
}

/* A server may let pass what it doesn't know: then a registrar must not make something else of a command by it. */
static void what_the_server_may_not_know_makes_nothing_else_of_a_command(void **state)
{
	(void)state;
	eppparse_use(parse, NULL, NULL);
	assert_reads(COMMAND(DOMAIN_DO("delete") EXTENSION(EXT("delete", "<e:cancel/>"))),
		     "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_int_equal(change.restore, CHANGE_NO_RESTORE);
	assert_string_equal(eppparse_met(parse, 0)->uri, DOMAIN_EXT);
	assert_false(eppparse_met(parse, 0)->unread);
	eppparse_use(parse, &frames_namespaces, NULL);

	assert_reads(COMMAND("<delete>" D("delete", NAMED
					  "<d:registrarTag>OTHER</d:registrarTag>") "</delete>"),
		     "change");
	assert_string_equal(change.transfer.gaining.text, "");
	/* of two extensions, one could undo what the other says */
	assert_reads(UPDATE_WITH("<s:update xmlns:s=\"" SECDNS
				 "\"><s:rem><s:all>true</s:all></s:rem></s:update>"
				 "<o:update xmlns:o=\"" SECDNS_1_0
				 "\"><o:rem><o:keyTag>1</o:keyTag></o:rem></o:update>"),
		     "value");
	/* what stands in a value of a success may be what the client sent */
	assert_string_equal(
		eppparse_reason(read_pair(
			COMMAND("<transfer op=\"request\">" D("transfer", NAMED) "</transfer>"),
			"<epp xmlns=\"" EPP
			"\"><response><result code=\"1000\"><extValue><value>" D(
				"trnData",
				NAMED "<d:trStatus>serverCancelled</d:trStatus>"
				      "<d:reID>OTHER</d:reID>") "</value></extValue></result></"
								"response></epp>")),
		"change");
	assert_int_equal(change.transfer.status, TRANSFER_NO_STATUS);
	assert_string_equal(change.transfer.gaining.text, "");
}

static void blanks_around_a_value_are_never_too_many(void **state)
{
	enum { BLANKS = 9000 };
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 1 << 20);
	buffer_append_text(&frame, "<epp xmlns=\"" EPP
				   "\"><command><delete><d:delete xmlns:d=\"" DOMAIN "\"><d:name>");
	for (int i = 0; i < BLANKS; i++)
		buffer_append_byte(&frame, ' ');
	buffer_append_text(&frame, "example.org");
	for (int i = 0; i < BLANKS; i++)
		buffer_append_byte(&frame, i % 2 ? '\n' : '\t');
	buffer_append_text(&frame, "</d:name></d:delete></delete></command></epp>");
	buffer_append_byte(&frame, 0);
	assert_false(frame.failed);
	assert_reads(frame.data, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	buffer_free(&frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_older_secdns_adds_with_a_life_in_each_record),
		cmocka_unit_test(the_older_secdns_replaces_all_by_a_change),
		cmocka_unit_test(the_older_secdns_removes_by_key_tag),
		cmocka_unit_test(the_newer_secdns_removes_adds_and_sets_in_one),
		cmocka_unit_test(of_a_restore_it_is_read_that_it_was_and_no_more),
		cmocka_unit_test(what_is_no_restore_is_none),
		cmocka_unit_test(a_registry_lock_is_set_and_its_policy_changed),
		cmocka_unit_test(the_older_draft_only_locks),
		cmocka_unit_test(traficoms_lock_is_put_on_and_taken_off_by_its_type),
		cmocka_unit_test(traficoms_contacts_and_passwords_stand_in_odd_places),
		cmocka_unit_test(statuses_of_registries_own_are_known),
		cmocka_unit_test(freds_domain_refers_to_sets),
		cmocka_unit_test(eurids_domain_refers_to_groups),
		cmocka_unit_test(a_deletion_may_be_for_later_or_taken_back),
		cmocka_unit_test(other_extensions_do_not_confuse_a_command),
		cmocka_unit_test(what_the_server_may_not_know_makes_nothing_else_of_a_command),
		cmocka_unit_test(blanks_around_a_value_are_never_too_many),
	};
	return cmocka_run_group_tests(tests, frames_begin, frames_end);
}
