/* Registries' own namespaces, verbs, commands and objects. */
#include "eppparse/test/frames.h"

#include <libxml/uri.h>

#define USE(namespaces_, verbs_)                                                                   \
	static struct config_pair namespace_items[] = namespaces_;                                 \
	static struct config_pair verb_items[] = verbs_;                                           \
	static const struct config_pairs namespaces = {namespace_items, COUNT(namespace_items)};   \
	static const struct config_pairs verbs = {verb_items, COUNT(verb_items)};                  \
	eppparse_use(parse, &namespaces, &verbs)
#define PAIRS(...)                                                                                 \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static int use_nothing(void **state)
{
	(void)state;
	eppparse_use(parse, &frames_namespaces, NULL);
	return 0;
}

static void a_root_and_objects_of_ones_own_are_read_as_what_they_are_mapped_to(void **state)
{
#define EE_EPP    "https://epp.tld.ee/schema/epp-ee-1.0.xsd"
#define EE_DOMAIN "https://epp.tld.ee/schema/domain-eis-1.0.xsd"
#define EE_POLL   "https://epp.tld.ee/schema/changePoll-1.0.xsd"
	static const char command[] =
		"<epp xmlns=\"" EE_EPP "\"><command><update><d:update xmlns:d=\"" EE_DOMAIN
		"\">" NAMED
		"<d:chg><d:registrant verified=\"CANARY\">CANARY</d:registrant></d:chg></d:update>"
		"</update><extension><e:extdata xmlns:e=\"https://epp.tld.ee/schema/eis-1.0.xsd\">"
		"<e:legalDocument type=\"pdf\">CANARY</e:legalDocument></e:extdata></extension>"
		"</command></epp>";
	static const char response[] = "<epp xmlns=\"" EE_EPP "\"><response><result code=\"1000\"/>"
				       "<trID><svTRID>SV-1</svTRID></trID></response></epp>";
	static const char message[] =
		"<epp xmlns=\"" EE_EPP "\"><response><result code=\"1301\"/><resData><d:infData "
		"xmlns:d=\"" EE_DOMAIN "\">" NAMED "</d:infData></resData><extension><c:changeData "
		"xmlns:c=\"" EE_POLL "\"><c:operation>delete</c:operation></c:changeData>"
		"</extension></response></epp>";
	(void)state;
	assert_result(read_pair(command, response), "namespace");
	assert_string_equal(eppparse_met(parse, 0)->uri, EE_EPP);
	USE(PAIRS({EE_EPP, EPP}, {EE_DOMAIN, DOMAIN},
		  {EE_POLL, "urn:ietf:params:xml:ns:changePoll-1.0"}),
	    PAIRS({"x", "y"}));
	assert_result(read_pair(command, response), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.changed, CHANGED_REGISTRANT);
	assert_string_equal(change.svtrid.text, "SV-1");
	assert_message(message, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_int_equal(change.state_at, STATE_AFTER);
	/* and those of the standards beside them */
	assert_still_well();
	eppparse_use(parse, &frames_namespaces, NULL);
	assert_result(read_pair(command, response), "namespace");
}

/* NASK: its own of everything, and nameservers right in ns. */
static void names_may_stand_right_in_ns(void **state)
{
	(void)state;
	assert_reads(
		UPDATE("<d:add><d:ns>ns1.example.net</d:ns><d:ns> NS2.example.org. </d:ns></d:add>"
		       "<d:rem><d:ns>ns3.example.net</d:ns></d:rem>"),
		"change");
	assert_int_equal(change.add.hosts.count, 2);
	assert_host(change.add, 1, "ns2.example.org");
	assert_int_equal(change.remove.hosts.count, 1);
	assert_reads(
		COMMAND("<create>" D("create", NAMED "<d:ns>ns1.example.net</d:ns>") "</create>"),
		"change");
	assert_host(change.add, 0, "ns1.example.net");
	assert_reads(UPDATE("<d:add><d:ns/><d:ns>\n </d:ns></d:add>"), "change");
	assert_int_equal(change.add.hosts.count, 0);
	assert_reads(UPDATE("<d:add><d:ns>CANARY two names</d:ns></d:add>"), "value");
	USE(PAIRS({"http://www.dns.pl/nask-epp-schema/epp-2.1", EPP},
		  {"http://www.dns.pl/nask-epp-schema/domain-2.1", DOMAIN},
		  {"http://www.dns.pl/nask-epp-schema/secDNS-2.1", SECDNS}),
	    PAIRS({"x", "y"}));
	assert_reads("<epp xmlns=\"http://www.dns.pl/nask-epp-schema/epp-2.1\"><command><update>"
		     "<d:update xmlns:d=\"http://www.dns.pl/nask-epp-schema/domain-2.1\">" NAMED
		     "<d:add><d:ns>ns1.example.net</d:ns></d:add></d:update></update><extension>"
		     "<s:update xmlns:s=\"http://www.dns.pl/nask-epp-schema/secDNS-2.1\"><s:add>"
		     "<s:dsData>" DS_OF("s", "1") "</s:dsData></s:add></s:update></extension>"
						  "</command></epp>",
		     "change");
	assert_host(change.add, 0, "ns1.example.net");
	assert_int_equal(change.add.ds.count, 1);
}

static void own_verbs_are_read_as_what_they_are_mapped_to(void **state)
{
#define OWN(verb) COMMAND(DOMAIN_DO(verb))
	static const char trade[] = COMMAND("<trade op=\"request\">" D(
		"trade", NAMED
		"<d:authInfo>CANARY</d:authInfo>") "</trade>" EXTENSION("<r:ext "
									"xmlns:r=\"urn:rotld\"><r:"
									"authorization_key>CANARY"
									"</r:authorization_key></"
									"r:ext>"));
	(void)state;
	assert_reads(OWN("undelete"), "verb");
	assert_null(eppparse_met(parse, 0)); /* its namespaces are known */
	USE(PAIRS({"x", "y"}),
	    PAIRS({"undelete", "restore"}, {"reactivate", "restore"}, {"trade", "transfer"},
		  {"withdraw", "delete"}, {"prolong", "renew"}, {"modify", "update"},
		  {"register", "create"}, {"transferq", "query"}));
	assert_reads(OWN("undelete"), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.restore, CHANGE_RESTORE_REQUEST);
	assert_reads(OWN("reactivate"), "change");
	assert_int_equal(change.restore, CHANGE_RESTORE_REQUEST);
	assert_reads(trade, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_int_equal(change.transfer.op, TRANSFER_REQUEST);
	assert_int_equal(change.restore, CHANGE_NO_RESTORE);
	assert_reads(COMMAND("<trade op=\"query\">" D("trade", NAMED) "</trade>"), "nothing");
	assert_reads(OWN("withdraw"), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_reads(OWN("prolong"), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_RENEW, "example.org");
	assert_reads(OWN("modify"), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_reads(OWN("register"), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_CREATE, "example.org");
	assert_reads(OWN("transferq"), "nothing");
	assert_reads(OWN("other"), "verb");
	/* the element around the name may be called as the standard has it */
	assert_reads(COMMAND("<withdraw>" D("delete", NAMED) "</withdraw>"), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	/* two verbs are none, own or not */
	assert_reads(COMMAND("<undelete/>"
			     "<update>" D("update", NAMED) "</update>"),
		     "verb");
	assert_reads(COMMAND("<transferq/>" DOMAIN_DO("update")), "verb");
	/* a verb's word is no verb where another stands */
	assert_reads(UPDATE("<d:undelete>CANARY</d:undelete><d:add><d:withdraw/></d:add>"),
		     "change");
	assert_int_equal(change.restore, CHANGE_NO_RESTORE);
	assert_still_well();
	eppparse_use(parse, &frames_namespaces, NULL);
	assert_reads(OWN("withdraw"), "verb");
}

static void a_restore_is_also_of_contacts_and_then_nothing(void **state)
{
	(void)state;
	USE(PAIRS({"x", "y"}), PAIRS({"undelete", "restore"}));
	assert_reads(COMMAND("<undelete><c:undelete xmlns:c=\"" CONTACT "\"><c:id>CANARY</c:id>"
			     "</c:undelete></undelete>"),
		     "nothing");
	assert_reads(COMMAND("<undelete><h:undelete xmlns:h=\"" HOST "\"/></undelete>"),
		     "namespace");
	assert_reads(COMMAND("<undelete/>"), "verb");
	assert_reads(COMMAND("<undelete>" D("undelete", "") "</undelete>"), "value");
}

/* RFC 5730, section 2.7.1: a command may stand in an extension of the protocol. */
static void commands_stand_in_protocol_extensions(void **state)
{
	static const char nl[] =
		PROTOCOL("<s:command xmlns:s=\"http://rxsd.domain-registry.nl/sidn-ext-epp-1.0\">"
			 "<s:domainCancelDelete><s:name>example.org</s:name></s:domainCancelDelete>"
			 "<s:clTRID>CANARY</s:clTRID></s:command>");
	static const char at[] =
		PROTOCOL("<command xmlns=\"http://www.nic.at/xsd/at-ext-epp-1.0\"><withdraw>"
			 "<d:withdraw xmlns:d=\"http://www.nic.at/xsd/at-ext-domain-1.0\">" NAMED
			 "<d:zd value=\"1\">CANARY</d:zd></d:withdraw></withdraw><clTRID>CANARY"
			 "</clTRID></command>");
	static const char au[] =
		PROTOCOL("<command xmlns=\"urn:X-ar:params:xml:ns:arext-1.0\"><undelete><undelete "
			 "xmlns=\"urn:X-ar:params:xml:ns:ardomain-1.0\"><name>example.org</name>"
			 "</undelete></undelete><clTRID>CANARY</clTRID></command>");
	static const char fred[] = PROTOCOL(
		"<f:extcommand xmlns:f=\"http://www.nic.cz/xml/epp/fred-1.5\"><f:sendAuthInfo>" D(
			"sendAuthInfo", NAMED) "</f:sendAuthInfo><f:clTRID>CANARY</f:clTRID>"
					       "</f:extcommand>");
	(void)state;
	assert_reads(nl, "namespace");
	assert_true(eppparse_met(parse, 0)->unread);
	assert_string_equal(eppparse_met(parse, 0)->uri,
			    "http://rxsd.domain-registry.nl/sidn-ext-epp-1.0");
	assert_reads(fred, "namespace");
	USE(PAIRS({"http://rxsd.domain-registry.nl/sidn-ext-epp-1.0", EPP},
		  {"http://www.nic.at/xsd/at-ext-epp-1.0", EPP},
		  {"http://www.nic.at/xsd/at-ext-domain-1.0", DOMAIN},
		  {"urn:X-ar:params:xml:ns:arext-1.0", EPP},
		  {"urn:X-ar:params:xml:ns:ardomain-1.0", DOMAIN},
		  {"http://www.nic.cz/xml/epp/fred-1.5", EPP}),
	    PAIRS({"domainCancelDelete", "restore"}, {"withdraw", "delete"},
		  {"undelete", "restore"}));
	assert_reads(nl, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.restore, CHANGE_RESTORE_REQUEST);
	assert_reads(at, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_DELETE, "example.org");
	assert_int_equal(change.restore, CHANGE_NO_RESTORE);
	assert_reads(au, "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_UPDATE, "example.org");
	assert_int_equal(change.restore, CHANGE_RESTORE_REQUEST);
	assert_reads(fred, "nothing");
	/* beside a command there is no telling which was carried out */
	assert_reads(
		FRAME("<command>" DOMAIN_DO("delete") "</command><extension><command><delete>" D(
			"delete", NAMED) "</delete></command></extension>"),
		"verb");
	assert_reads(PROTOCOL(""), "verb");
	assert_reads(PROTOCOL("<command/>"), "verb");
	assert_reads(PROTOCOL("<x/>"), "namespace");
}

static void afnics_trades_and_recoveries_may_lose_the_keys(void **state)
{
#define FR_URI "http://www.afnic.fr/xml/epp/frnic-1.4"
#define FR(what, op, attribute)                                                                    \
	PROTOCOL("<f:ext xmlns:f=\"" FR_URI "\"><f:command><f:" what " op=\"" op                   \
		 "\"><f:domain" attribute                                                          \
		 "><f:name>example.org</f:name><f:authInfo><f:pw>CANARY</f:pw>"                    \
		 "</f:authInfo><f:registrant>CANARY</f:registrant><f:contact type=\"tech\">CANARY" \
		 "</f:contact></f:domain></f:" what "><f:clTRID>CANARY</f:clTRID></f:command>"     \
		 "</f:ext>")
	(void)state;
	USE(PAIRS({FR_URI, EPP}), PAIRS({"trade", "transfer"}, {"recover", "transfer"}));
	assert_reads(FR("trade", "request", ""), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_int_equal(change.transfer.op, TRANSFER_REQUEST);
	assert_false(change.remove.all_secdns);
	assert_reads(FR("recover", "request", " keepDS=\"0\""), "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_true(change.remove.all_secdns);
	assert_reads(FR("trade", "request", " keepDS=\" false \""), "change");
	assert_true(change.remove.all_secdns);
	assert_reads(FR("trade", "request", " keepDS=\"1\""), "change");
	assert_false(change.remove.all_secdns);
	assert_reads(FR("trade", "cancel", ""), "change");
	assert_int_equal(change.transfer.op, TRANSFER_CANCEL);
	assert_reads(FR("trade", "query", ""), "nothing");
	assert_still_well();
}

static void nominets_release_is_a_transfer(void **state)
{
#define UK_URI "http://www.nominet.org.uk/epp/xml/std-release-1.0"
#define RELEASE(inner)                                                                             \
	COMMAND("<update><r:release xmlns:r=\"" UK_URI "\">" inner "</r:release></update>")
	(void)state;
	USE(PAIRS({UK_URI, DOMAIN}), PAIRS({"x", "y"}));
	assert_reads(RELEASE("<r:domainName>example.org</r:domainName><r:registrarTag>NEW-TAG"
			     "</r:registrarTag>"),
		     "change");
	assert_subject(CHANGE_DOMAIN, CHANGE_TRANSFER, "example.org");
	assert_int_equal(change.transfer.op, TRANSFER_NO_OP);
	assert_string_equal(change.transfer.gaining.text, "NEW-TAG");
	assert_string_equal(change.transfer.losing.text, "");
	assert_int_equal(change_impact(&change), 1u << IMPACT_TRANSFER | 1u << IMPACT_REGISTRAR);
	/* all domains of a registrant: which these are, nobody says here */
	assert_reads(RELEASE("<r:registrant>CANARY</r:registrant><r:registrarTag>NEW-TAG"
			     "</r:registrarTag>"),
		     "value");
	assert_still_well();
	assert_string_equal(change.transfer.gaining.text, "");
}

#define N(verb, inner)                                                                             \
	COMMAND("<" verb "><n:" verb " xmlns:n=\"" NSSET "\">" inner "</n:" verb "></" verb ">")
#define K(verb, inner)                                                                             \
	COMMAND("<" verb "><k:" verb " xmlns:k=\"" KEYSET "\">" inner "</k:" verb "></" verb ">")

static void freds_nssets_hold_nameservers(void **state)
{
	(void)state;
	assert_reads(N("create",
		       "<n:id> NSS-1 </n:id><n:ns><n:name>ns1.example.org</n:name><n:addr>"
		       "192.0.2.1</n:addr><n:addr>2001:db8::1</n:addr></n:ns><n:ns><n:name>"
		       "ns2.example.net</n:name></n:ns><n:tech>CANARY</n:tech><n:authInfo>CANARY"
		       "</n:authInfo><n:reportlevel>4</n:reportlevel>"),
		     "change");
	assert_subject(CHANGE_NSSET, CHANGE_CREATE, "NSS-1");
	assert_string_equal(change.name.text, "");
	assert_int_equal(change.add.hosts.count, 2);
	assert_host(change.add, 1, "ns2.example.net");
	assert_int_equal(change.add.addresses.count, 2);
	assert_int_equal(change.add.addresses.items[1].host, 0);
	assert_int_equal(change.add.addresses.items[1].family, 6);
	assert_int_equal(change.changed, CHANGED_CONTACTS | CHANGED_AUTH_INFO);

	assert_reads(N("update",
		       "<n:id>NSS-1</n:id><n:add><n:ns><n:name>ns3.example.org</n:name><n:addr>"
		       "192.0.2.3</n:addr></n:ns><n:tech>CANARY</n:tech></n:add><n:rem><n:name>"
		       "ns1.example.org</n:name></n:rem><n:chg><n:authInfo>CANARY</n:authInfo>"
		       "<n:reportlevel>5</n:reportlevel></n:chg>"),
		     "change");
	assert_subject(CHANGE_NSSET, CHANGE_UPDATE, "NSS-1");
	assert_host(change.add, 0, "ns3.example.org");
	assert_int_equal(change.add.addresses.count, 1);
	assert_int_equal(change.remove.hosts.count, 1);
	assert_host(change.remove, 0, "ns1.example.org");
	assert_int_equal(change.changed, CHANGED_CONTACTS | CHANGED_AUTH_INFO);
	assert_int_equal(change_impact(&change),
			 1u << IMPACT_DELEGATION | 1u << IMPACT_GLUE | 1u << IMPACT_CONTACTS);
	assert_reads(N("delete", "<n:id>NSS-1</n:id>"), "change");
	assert_subject(CHANGE_NSSET, CHANGE_DELETE, "NSS-1");
}

static void freds_keysets_hold_keys(void **state)
{
	(void)state;
	assert_reads(
		K("create",
		  "<k:id>KEY-1</k:id><k:dnskey>" KEY_OF("k", "257") "</k:dnskey><k:dnskey>" KEY_OF(
			  "k", "256") "</k:dnskey><k:tech>CANARY</k:tech><k:authInfo>CANARY"
				      "</k:authInfo>"),
		"change");
	assert_subject(CHANGE_KEYSET, CHANGE_CREATE, "KEY-1");
	assert_int_equal(change.add.keys.count, 2);
	assert_int_equal(change.add.keys.items[1].flags, 256);
	assert_int_equal(change.add.keys.items[1].algorithm, 13);
	/* the versions before had digests too */
	assert_reads(K("update",
		       "<k:id>KEY-1</k:id><k:add><k:ds>" DS_OF(
			       "k", "5") "<k:maxSigLife>9"
					 "</k:maxSigLife></k:ds></k:add><k:rem><k:dnskey>" KEY_OF(
						 "k", "257") "</k:dnskey><k:tech>CANARY</k:tech></"
							     "k:rem><k:chg><k:authInfo>CANARY"
							     "</k:authInfo></k:chg>"),
		     "change");
	assert_subject(CHANGE_KEYSET, CHANGE_UPDATE, "KEY-1");
	assert_int_equal(change.add.ds.count, 1);
	assert_int_equal(change.add.ds.items[0].key_tag, 5);
	assert_int_equal(change.remove.keys.count, 1);
	assert_false(change.has_max_sig_life);
	assert_reads(K("delete", "<k:id>KEY-1</k:id>"), "change");
	assert_subject(CHANGE_KEYSET, CHANGE_DELETE, "KEY-1");
	assert_reads(K("create", "<k:id>KEY-1</k:id><k:dnskey><k:alg>13</k:alg></k:dnskey>"),
		     "value");
}

#define G(object, uri, verb, inner)                                                                \
	COMMAND("<" verb "><g:" verb " xmlns:g=\"" uri "\">" inner "</g:" verb "></" verb ">")

static void an_update_of_a_group_replaces_all_of_it(void **state)
{
	(void)state;
	assert_reads(G("nsgroup", NSGROUP, "create",
		       "<g:name>group-1</g:name><g:ns>ns1.example.net"
		       "</g:ns><g:ns>ns2.example.net</g:ns>"),
		     "change");
	assert_subject(CHANGE_NSGROUP, CHANGE_CREATE, "group-1");
	assert_int_equal(change.add.hosts.count, 2);
	assert_false(change.remove.all_hosts);
	assert_reads(G("nsgroup", NSGROUP, "update",
		       "<g:name>group-1</g:name><g:ns>ns3.example.net"
		       "</g:ns>"),
		     "change");
	assert_subject(CHANGE_NSGROUP, CHANGE_UPDATE, "group-1");
	assert_host(change.add, 0, "ns3.example.net");
	assert_true(change.remove.all_hosts);
	assert_false(change.remove.all_secdns);
	assert_reads(G("nsgroup", NSGROUP, "update", "<g:name>group-1</g:name>"), "change");
	assert_true(change.remove.all_hosts);
	assert_int_equal(change.add.hosts.count, 0);
	assert_reads(G("nsgroup", NSGROUP, "delete", "<g:name>group-1</g:name>"), "change");
	assert_subject(CHANGE_NSGROUP, CHANGE_DELETE, "group-1");
	assert_false(change.remove.all_hosts);

#define EU_KEY                                                                                     \
	"<g:key><g:keyTag>CANARY</g:keyTag><g:flags>257</g:flags><g:protocol>3</g:protocol>"       \
	"<g:algorithm>13</g:algorithm><g:pubKey> " P256 " </g:pubKey></g:key>"
	assert_reads(G("keygroup", KEYGROUP, "create", "<g:name>keys-1</g:name>" EU_KEY), "change");
	assert_subject(CHANGE_KEYGROUP, CHANGE_CREATE, "keys-1");
	assert_int_equal(change.add.keys.count, 1);
	assert_int_equal(change.add.keys.items[0].flags, 257);
	assert_int_equal(change.add.keys.items[0].algorithm, 13);
	assert_false(change.remove.all_secdns);
	assert_reads(G("keygroup", KEYGROUP, "update", "<g:name>keys-1</g:name>" EU_KEY EU_KEY),
		     "change");
	assert_int_equal(change.add.keys.count, 2);
	assert_true(change.remove.all_secdns);
	assert_false(change.remove.all_hosts);
	assert_reads(G("keygroup", KEYGROUP, "update", "<g:name>keys-1</g:name>"), "change");
	assert_true(change.remove.all_secdns);
	assert_reads(G("keygroup", KEYGROUP, "delete", "<g:name>keys-1</g:name>"), "change");
	assert_subject(CHANGE_KEYGROUP, CHANGE_DELETE, "keys-1");
	assert_reads(G("nsgroup", NSGROUP, "transfer", "<g:name>group-1</g:name>"), "namespace");
	assert_still_well();
}

static void what_a_set_is_called_must_be_one_id(void **state)
{
	static const char *const insides[] = {
		"",
		"<n:id/>",
		"<n:id>CANARY two words</n:id>",
		"<n:id>canary@person.example</n:id>",
		"<n:id>CANARY\xc3\xb6</n:id>",
		"<n:id>A</n:id><n:id>A</n:id>",
		"<n:id>CANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARY</n:id>",
	};
	char frame[512];
	(void)state;
	for (size_t i = 0; i < COUNT(insides); i++) {
		snprintf(frame, sizeof frame, N("update", "%s"), insides[i]);
		assert_reads(frame, "value");
	}
	/* a domain in the place of a set, and beside one */
	assert_reads(COMMAND("<delete><n:delete xmlns:n=\"" NSSET
			     "\"><n:id>A</n:id></n:delete>" D("delete", NAMED) "</delete>"),
		     "value");
	assert_reads(COMMAND("<delete><n:delete xmlns:n=\"" NSSET "\" xmlns:d=\"" DOMAIN "\">" NAMED
			     "</n:delete></delete>"),
		     "value");
	assert_still_well();
}

/* A family of namespaces is one in the config, as those of other objects that are nobody's business. */
static void what_is_mapped_to_contacts_is_nothing(void **state)
{
	static const char frame[] =
		COMMAND("<create><x:create xmlns:x=\"urn:future\"><x:name>CANARY"
			"</x:name></x:create></create>");
	(void)state;
	assert_reads(frame, "namespace");
	USE(PAIRS({"urn:future", CONTACT}), PAIRS({"x", "y"}));
	assert_reads(frame, "nothing");
	assert_null(eppparse_met(parse, 0));
}

static void assert_met(size_t i, const char *uri, bool unread)
{
	const struct eppparse_met *met = eppparse_met(parse, i);
	assert_non_null(met);
	assert_string_equal(met->uri, uri);
	assert_int_equal(met->unread, unread);
}

static void namespaces_that_have_no_rule_are_met(void **state)
{
	static const char known[] = COMMAND("<renew><h:renew xmlns:h=\"" HOST "\"/></renew>");
	(void)state;
	assert_reads(COMMAND("<update><x:update xmlns:x=\"urn:a\"/></update>"), "namespace");
	assert_met(0, "urn:a", true);
	assert_null(eppparse_met(parse, 1));
	/* an extension is passed over; once it is named, however often it stands there, and in the response too */
	assert_result(
		read_pair(UPDATE_WITH("<x:y xmlns:x=\"urn:b\"/><x:z xmlns:x=\"urn:b\"/>"),
			  RESPONSE("1000", "<resData><b:c xmlns:b=\"urn:c\"/></resData>"
					   "<extension><x:y xmlns:x=\"urn:b\"/></extension>")),
		"change");
	assert_met(0, "urn:c", false);
	assert_met(1, "urn:b", false);
	assert_null(eppparse_met(parse, 2));
	assert_message(RESPONSE("1301", "<msgQ><msg><x:y xmlns:x=\"urn:d\"/></msg></msgQ>"),
		       "nothing");
	assert_met(0, "urn:d", false);
	assert_null(eppparse_met(parse, 1));
	/* that a frame could not be read for it outweighs that it was passed over */
	assert_result(read_pair(COMMAND("<update><x:update xmlns:x=\"urn:e\"/></update>"),
				RESPONSE("1000", "<resData><x:y xmlns:x=\"urn:e\"/></resData>")),
		      "namespace");
	assert_met(0, "urn:e", true);
	/* an own verb in a namespace of its own; and one that is known, where it has no rule */
	assert_reads(COMMAND("<x:trade xmlns:x=\"urn:f\"/>"), "verb");
	assert_met(0, "urn:f", true);
	assert_reads(known, "namespace");
	assert_met(0, HOST, true);
	/* what stands within what is skipped is not looked at, and the next frame begins anew */
	assert_reads(UPDATE_WITH("<x:y xmlns:x=\"urn:g\"><z:z xmlns:z=\"urn:h\"/></x:y>"),
		     "change");
	assert_met(0, "urn:g", false);
	assert_null(eppparse_met(parse, 1));
	assert_still_well();
	assert_null(eppparse_met(parse, 0));
	assert_null(eppparse_met(parse, SIZE_MAX));
}

/* libxml2 complains of it, and no namespace is looked up by it: it is a name, and compared. */
static void a_namespace_whose_uri_is_none_is_a_name_like_any_other(void **state)
{
	static const char *const odd[] = {"urn:%zz", "http://[x", "a|b", "\\", "#{}"};
	char frame[1024];
	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		assert_null(xmlParseURI(odd[i]));
		snprintf(frame, sizeof frame, UPDATE_WITH("<x:y xmlns:x=\"%s\"/>"), odd[i]);
		assert_reads(frame, "change");
		assert_string_equal(change.name.text, "example.org");
		snprintf(frame, sizeof frame,
			 COMMAND("<update><x:update xmlns:x=\"%s\"/></update>"), odd[i]);
		assert_reads(frame, "namespace");
		/* what is wrong beside it still counts */
		snprintf(frame, sizeof frame, UPDATE_WITH("<x:y xmlns:x=\"%s\"><z:z/></x:y>"),
			 odd[i]);
		assert_reads(frame, "malformed");
	}
	assert_still_well();
	USE(PAIRS({"urn:%zz", DOMAIN}), PAIRS({"x", "y"}));
	assert_reads(COMMAND("<update><d:update xmlns:d=\"urn:%zz\">" NAMED "</d:update></update>"),
		     "change");
	assert_string_equal(change.name.text, "example.org");
}

static void what_is_met_is_bounded_and_can_be_shown(void **state)
{
	char uri[EPPPARSE_URI_SIZE + 1], frame[4096];
	static const char *const odd[] = {"urn:CANARY two",
					  "urn:CANARY\xc3\xb6",
					  "urn:CANARY&#9;",
					  "urn:CANARY@x",
					  "urn:CANARY'x",
					  "CANARY?x=%41",
					  ""};
	(void)state;
	memset(uri, 'u', sizeof uri);
	uri[EPPPARSE_URI_SIZE - 1] = '\0';
	snprintf(frame, sizeof frame, COMMAND("<update><x:update xmlns:x=\"%s\"/></update>"), uri);
	assert_reads(frame, "namespace");
	assert_met(0, uri, true);
	uri[EPPPARSE_URI_SIZE - 1] = 'u';
	uri[EPPPARSE_URI_SIZE] = '\0';
	snprintf(frame, sizeof frame, COMMAND("<update><x:update xmlns:x=\"%s\"/></update>"), uri);
	assert_reads(frame, "namespace");
	assert_met(0, "", true);
	for (size_t i = 0; i < COUNT(odd); i++) {
		snprintf(frame, sizeof frame, COMMAND("<update><update xmlns=\"%s\"/></update>"),
			 odd[i]);
		assert_reads(frame, "namespace");
		assert_met(0, "", true);
		assert_null(eppparse_met(parse, 1));
	}
	int at = snprintf(frame, sizeof frame,
			  "<epp xmlns=\"" EPP "\"><command>" DOMAIN_DO("update") "<extension>");
	for (int i = 0; i < EPPPARSE_MET_MAX + 2; i++)
		at += snprintf(frame + at, sizeof frame - (size_t)at, "<x xmlns=\"urn:%d\"/>", i);
	snprintf(frame + at, sizeof frame - (size_t)at, "</extension></command></epp>");
	assert_reads(frame, "change");
	assert_met(0, "urn:0", false);
	assert_met(EPPPARSE_MET_MAX - 1, "urn:7", false);
	assert_null(eppparse_met(parse, EPPPARSE_MET_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define OWN_TEST(name) cmocka_unit_test_teardown(name, use_nothing)
		OWN_TEST(a_root_and_objects_of_ones_own_are_read_as_what_they_are_mapped_to),
		OWN_TEST(names_may_stand_right_in_ns),
		OWN_TEST(own_verbs_are_read_as_what_they_are_mapped_to),
		OWN_TEST(a_restore_is_also_of_contacts_and_then_nothing),
		OWN_TEST(commands_stand_in_protocol_extensions),
		OWN_TEST(afnics_trades_and_recoveries_may_lose_the_keys),
		OWN_TEST(nominets_release_is_a_transfer),
		cmocka_unit_test(freds_nssets_hold_nameservers),
		cmocka_unit_test(freds_keysets_hold_keys),
		cmocka_unit_test(an_update_of_a_group_replaces_all_of_it),
		cmocka_unit_test(what_a_set_is_called_must_be_one_id),
		OWN_TEST(what_is_mapped_to_contacts_is_nothing),
		cmocka_unit_test(namespaces_that_have_no_rule_are_met),
		OWN_TEST(a_namespace_whose_uri_is_none_is_a_name_like_any_other),
		cmocka_unit_test(what_is_met_is_bounded_and_can_be_shown),
	};
	return cmocka_run_group_tests(tests, frames_begin, frames_end);
}
