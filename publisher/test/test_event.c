/* The claims of an event, to the byte. What commands become which changes, the golden cases show. */
#include "publisher/event.h"

#include "publisher/feed_format.h"
#include "publisher/test/fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char registry[] = "https://registry.example";
static const struct config config = {.registry = registry};
static const struct event_facts facts = {
	.config = &config, .id = {0xff, 0xef}, .signed_s = 1790000001};
static struct change change;
static struct buffer claims;

#define HEAD(name)                                                                                 \
	"{\"iss\":\"https://registry.example\",\"jti\":\"_-8AAAAAAAAAAAAAAAAAAA\","                \
	"\"iat\":1790000001,\"toe\":1790000000.123,\"txn\":\"SV-1\","                              \
	"\"sub_id\":{\"format\":\"uri\",\"uri\":\"dns:" name "\"},\"events\":"

static int set_up(void **state)
{
	(void)state;
	change_init(&change);
	buffer_init(&claims, 8 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	change_free(&change);
	buffer_free(&claims);
	return 0;
}

static void assert_claims(const char *expected)
{
	buffer_reset(&claims);
	event_write(&change, &facts, false, &claims);
	buffer_append_byte(&claims, 0);
	assert_false(claims.failed);
	assert_string_equal(claims.data, expected);
}

static void add_host(struct change_delta *delta, const char *name)
{
	struct change_name *host;
	assert_int_equal(change_add_host(delta, &host), RESULT_OK);
	assert_int_equal(change_name_read(host, name, strlen(name)), RESULT_OK);
}

static void add_address(struct change_delta *delta, uint16_t host, uint8_t family, uint8_t first)
{
	struct change_address *address;
	assert_int_equal(change_add_address(delta, &address), RESULT_OK);
	*address = (struct change_address){.host = host, .family = family, .bytes = {first}};
	address->bytes[family == 4 ? 3 : 15] = 1;
}

static void a_bare_delete_has_what_every_event_has(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_DELETE, "old.example");
	assert_claims(
		HEAD("old.example") "{\"urn:ietf:params:xml:ns:domain-1.0#delete\":{"
				    "\"objectClassName\":\"domain\",\"ldhName\":\"old.example\","
				    "\"initiator\":\"registrar\",\"outcome\":\"completed\","
				    "\"impact\":[\"delete\"]}}}");
}

static void a_new_delegation_with_glue_and_ds(void **state)
{
	(void)state;
	struct change_ds *ds;
	struct change_key *key;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_CREATE, "new.example");
	assert_int_equal(change_registrar_read(&change.registrar, "Client X", 8), RESULT_OK);
	change.outcome = CHANGE_PENDING;
	add_host(&change.add, "ns1.new.example");
	add_host(&change.add, "ns.example.net");
	add_address(&change.add, 0, 6, 0x20);
	add_address(&change.add, 0, 4, 192);
	assert_int_equal(change_add_ds(&change.add, &ds), RESULT_OK);
	*ds = (struct change_ds){12345, 13, 2, 3, {0x00, 0xab, 0xff}};
	assert_int_equal(change_add_key(&change.add, &key), RESULT_OK);
	*key = (struct change_key){
		.flags = 257, .protocol = 3, .algorithm = 13, .size = 4, .bytes = {0xff, 0xef}};
	change.has_expires = true;
	change.expires = 1806789600;
	change.changed = CHANGED_REGISTRANT | CHANGED_AUTH_INFO;
	assert_claims(HEAD(
		"new.example") "{\"urn:ietf:params:xml:ns:domain-1.0#create\":{"
			       "\"objectClassName\":\"domain\",\"ldhName\":\"new.example\","
			       "\"registrar\":\"Client X\","
			       "\"initiator\":\"registrar\",\"outcome\":\"pending\","
			       "\"impact\":[\"create\",\"delegation\",\"glue\",\"dnssec-added\"],"
			       "\"add\":{\"nameservers\":[{\"ldhName\":\"ns1.new.example\","
			       "\"ipAddresses\":{\"v4\":[\"192.0.0.1\"],\"v6\":[\"2000::1\"]}},"
			       "{\"ldhName\":\"ns.example.net\"}],\"secureDNS\":{\"dsData\":[{"
			       "\"keyTag\":12345,\"algorithm\":13,\"digestType\":2,"
			       "\"digest\":\"00ABFF\"}],\"keyData\":[{\"flags\":257,"
			       "\"protocol\":3,\"algorithm\":13,\"publicKey\":\"/+8AAA==\"}]}},"
			       "\"set\":{\"expires\":\"2027-04-03T22:00:00Z\"},"
			       "\"changed\":[\"registrant\",\"authInfo\"]}}}");
}

static void locks_are_told_by_level_and_what_they_prohibit(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	change.svtrid.text[0] = '\0';
	change.remove.status = 1u << STATUS_CLIENT_UPDATE_PROHIBITED |
			       1u << STATUS_SERVER_TRANSFER_PROHIBITED |
			       1u << STATUS_CLIENT_DELETE_PROHIBITED;
	change.add.status = 1u << STATUS_CLIENT_HOLD;
	change.add.status_others = 2;
	change.remove.all_secdns = true;
	assert_claims("{\"iss\":\"https://registry.example\",\"jti\":\"_-8AAAAAAAAAAAAAAAAAAA\","
		      "\"iat\":1790000001,\"toe\":1790000000.123,"
		      "\"sub_id\":{\"format\":\"uri\",\"uri\":\"dns:a.example\"},\"events\":"
		      "{\"urn:ietf:params:xml:ns:domain-1.0#update\":{"
		      "\"objectClassName\":\"domain\",\"ldhName\":\"a.example\","
		      "\"initiator\":\"registrar\",\"outcome\":\"completed\","
		      "\"impact\":[\"dnssec-removed\",\"unlock\",\"hold\"],"
		      "\"add\":{\"status\":[\"client hold\",\"other\",\"other\"]},"
		      "\"remove\":{\"secureDNS\":{\"all\":true},"
		      "\"status\":[\"client delete prohibited\",\"client update prohibited\","
		      "\"server transfer prohibited\"]},"
		      "\"lock\":[{\"action\":\"unlock\",\"level\":\"registrar\","
		      "\"prohibits\":[\"delete\",\"update\"]},{\"action\":\"unlock\","
		      "\"level\":\"registry\",\"prohibits\":[\"transfer\"]}]}}}");
}

static void a_host_is_a_nameserver_with_addresses_and_maybe_a_new_name(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_HOST, CHANGE_UPDATE, "ns1.a.example");
	add_address(&change.remove, CHANGE_NO_HOST, 4, 10);
	assert_int_equal(change_name_read(&change.new_name, "ns9.a.example", 13), RESULT_OK);
	assert_claims(HEAD("ns1.a.example") "{\"urn:ietf:params:xml:ns:host-1.0#update\":{"
					    "\"objectClassName\":\"nameserver\","
					    "\"ldhName\":\"ns1.a.example\","
					    "\"initiator\":\"registrar\",\"outcome\":\"completed\","
					    "\"impact\":[\"delegation\",\"glue\"],"
					    "\"remove\":{\"ipAddresses\":{\"v4\":[\"10.0.0.1\"]}},"
					    "\"set\":{\"ldhName\":\"ns9.a.example\"}}}}");
}

/* The value of the one event, in text. */
static const char *value(bool counts)
{
	static char text[1 << 16];
	buffer_reset(&claims);
	event_write(&change, &facts, counts, &claims);
	buffer_append_byte(&claims, 0);
	assert_false(claims.failed);
	json_t *read = json_loads(claims.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(read);
	json_decref(read);
	const char *from = strstr(strstr(claims.data, "\"events\":{") + 11, "{");
	snprintf(text, sizeof text, "%s", from);
	text[strlen(text) - 2] = '\0'; /* of `events` and the claims */
	return text;
}

static void assert_has(const char *expected)
{
	const char *text = value(false);
	if (!strstr(text, expected))
		fail_msg("no %s in %s", expected, text);
}

static void assert_has_not(const char *unexpected)
{
	const char *text = value(false);
	if (strstr(text, unexpected))
		fail_msg("%s in %s", unexpected, text);
}

static void refer(struct change_delta *delta, enum change_object object, const char *id,
		  bool replaces)
{
	struct change_reference *reference;
	assert_int_equal(change_add_reference(delta, &reference), RESULT_OK);
	reference->object = (uint8_t)object;
	reference->replaces = replaces;
	snprintf(reference->id.text, sizeof reference->id.text, "%s", id);
}

static void a_transfer_says_who_gains_and_who_loses(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_TRANSFER, "a.example");
	change.outcome = CHANGE_PENDING;
	change.transfer = (struct change_transfer){.op = TRANSFER_REQUEST,
						   .status = TRANSFER_PENDING,
						   .gaining = {"Client X"},
						   .losing = {"ClientY"},
						   .has_requested = true,
						   .requested = 1790000000,
						   .has_acted = true,
						   .acted = 1790432000};
	assert_claims(
		HEAD("a.example") "{\"urn:ietf:params:xml:ns:domain-1.0#transfer\":{"
				  "\"objectClassName\":\"domain\",\"ldhName\":\"a.example\","
				  "\"initiator\":\"registrar\",\"outcome\":\"pending\","
				  "\"impact\":[\"transfer\"],\"transfer\":{\"op\":\"request\","
				  "\"status\":\"pending\",\"gaining\":\"Client X\","
				  "\"losing\":\"ClientY\",\"requested\":\"2026-09-21T14:13:20Z\","
				  "\"acted\":\"2026-09-26T14:13:20Z\"}}}}");
	change.transfer = (struct change_transfer){.status = TRANSFER_SERVER_APPROVED};
	assert_has("\"transfer\":{\"status\":\"serverApproved\"}}");
	change.transfer = (struct change_transfer){0};
	assert_has_not("\"transfer\":{");
}

static void an_end_names_the_event_that_was_pending(void **state)
{
	(void)state;
	static const uint8_t pending[EVENT_ID_SIZE] = {0, 0x10, 0x83};
	const struct event_facts ending = {.config = &config, .completes = pending};
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_CREATE, "a.example");
	change.outcome = CHANGE_REJECTED;
	change.initiator = CHANGE_BY_REGISTRY;
	change.state_at = STATE_AFTER;
	change.state_known = KNOWN_STATUS;
	event_write(&change, &ending, true, &claims);
	buffer_append_byte(&claims, 0);
	assert_non_null(
		strstr(claims.data, "\"initiator\":\"registry\",\"outcome\":\"rejected\","));
	assert_non_null(strstr(claims.data, "\"rejected\",\"completes\":\"ABCDAAAAAAAAAAAAAAAAAA\","
					    "\"state\":{\"known\":[\"status\"]},"
					    "\"truncated\":true}"));
}

static void an_object_without_a_name_has_a_handle(void **state)
{
	(void)state;
	static const struct {
		enum change_object object;
		const char *uri, *name, *class;
	} cases[] = {
		{CHANGE_NSSET, "urn:epptap:nsset:N%2FS:1", "http://www.nic.cz/xml/epp/nsset-1.2",
		 "nsset"},
		{CHANGE_KEYSET, "urn:epptap:keyset:N%2FS:1", "http://www.nic.cz/xml/epp/keyset-1.3",
		 "keyset"},
		{CHANGE_NSGROUP, "urn:epptap:nsgroup:N%2FS:1",
		 "http://www.eurid.eu/xml/epp/nsgroup-1.1", "nsgroup"},
		{CHANGE_KEYGROUP, "urn:epptap:keygroup:N%2FS:1",
		 "http://www.eurid.eu/xml/epp/keygroup-1.1", "keygroup"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char expected[1024];
		fixture_change(&change, cases[i].object, CHANGE_UPDATE, "a.example");
		change.name.text[0] = '\0';
		assert_int_equal(change_token_read(&change.handle, "N/S:1", 5), RESULT_OK);
		add_host(&change.add, "ns1.a.example");
		add_address(&change.add, 0, 4, 192);
		snprintf(expected, sizeof expected,
			 "{\"iss\":\"https://registry.example\","
			 "\"jti\":\"_-8AAAAAAAAAAAAAAAAAAA\",\"iat\":1790000001,"
			 "\"toe\":1790000000.123,\"txn\":\"SV-1\","
			 "\"sub_id\":{\"format\":\"uri\",\"uri\":\"%s\"},\"events\":"
			 "{\"%s#update\":{\"objectClassName\":\"%s\",\"handle\":\"N/S:1\","
			 "\"initiator\":\"registrar\",\"outcome\":\"completed\","
			 "\"impact\":[\"delegation\",\"glue\"],\"add\":{\"nameservers\":[{"
			 "\"ldhName\":\"ns1.a.example\","
			 "\"ipAddresses\":{\"v4\":[\"192.0.0.1\"]}}]}}}}",
			 cases[i].uri, cases[i].name, cases[i].class);
		assert_claims(expected);
	}
}

static void references_stand_by_class_and_those_that_replace_under_set(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	refer(&change.add, CHANGE_KEYGROUP, "G2", false);
	refer(&change.add, CHANGE_KEYGROUP, "G3", false);
	refer(&change.add, CHANGE_NSSET, "S0", true);
	refer(&change.add, CHANGE_NSSET, "S1", true);
	refer(&change.add, CHANGE_KEYSET, "K9", true);
	refer(&change.remove, CHANGE_NSGROUP, "G1", false);
	refer(&change.remove, CHANGE_KEYSET, "K1", false);
	refer(&change.remove, CHANGE_KEYSET, "", false);
	change.has_done = true;
	change.done = 1790000000;
	assert_has("\"add\":{\"keygroup\":[\"G2\",\"G3\"]},"
		   "\"remove\":{\"keyset\":{\"all\":true},\"nsgroup\":[\"G1\"]},"
		   "\"set\":{\"nsset\":\"S1\",\"keyset\":\"K9\","
		   "\"done\":\"2026-09-21T14:13:20Z\"}}");
	assert_non_null(strstr(value(true),
			       "\"add\":{\"keygroup\":2},\"remove\":{\"keyset\":{\"all\":true},"
			       "\"nsgroup\":1},\"set\":{\"nsset\":\"S1\""));
}

static void all_of_a_kind_may_be_removed(void **state)
{
	(void)state;
	struct change_ds *ds;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	change.remove.all_hosts = true;
	add_host(&change.remove, "ns1.a.example");
	assert_int_equal(change_add_ds(&change.remove, &ds), RESULT_OK);
	ds->key_tag = 4711; /* and no digest: whatever has that tag */
	assert_has("\"remove\":{\"nameservers\":{\"all\":true},"
		   "\"secureDNS\":{\"dsData\":[{\"keyTag\":4711}]}}}");
	assert_non_null(strstr(value(true), "\"remove\":{\"nameservers\":{\"all\":true},"
					    "\"secureDNS\":{\"dsData\":1}}"));
}

static void a_registry_lock_counts_as_its_levels_statuses_do(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	change.locks = (struct change_locks){.lock = PROHIBITS_UPDATE | PROHIBITS_DELETE,
					     .unlock = PROHIBITS_TRANSFER};
	change.add.status =
		1u << STATUS_SERVER_RENEW_PROHIBITED | 1u << STATUS_CLIENT_UPDATE_PROHIBITED;
	change.remove.status = 1u << STATUS_CLIENT_TRANSFER_PROHIBITED;
	change.changed = CHANGED_ALL;
	assert_has("\"changed\":[\"registrant\",\"contacts\",\"authInfo\",\"lockPolicy\"],"
		   "\"lock\":["
		   "{\"action\":\"lock\",\"level\":\"registrar\",\"prohibits\":[\"update\"]},"
		   "{\"action\":\"lock\",\"level\":\"registry\","
		   "\"prohibits\":[\"delete\",\"renew\",\"update\"]},"
		   "{\"action\":\"unlock\",\"level\":\"registrar\","
		   "\"prohibits\":[\"transfer\"]},"
		   "{\"action\":\"unlock\",\"level\":\"registry\","
		   "\"prohibits\":[\"transfer\"]}]}");
}

static void a_state_says_what_is_known_though_there_is_none(void **state)
{
	(void)state;
	struct change_key *key;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	change.state_at = STATE_BEFORE;
	change.state_known = KNOWN_HOSTS | KNOWN_SECDNS | KNOWN_STATUS;
	assert_has(",\"before\":{\"known\":[\"nameservers\",\"secureDNS\",\"status\"],"
		   "\"secureDNS\":{\"delegationSigned\":false}}}");
	assert_has_not("\"state\":");
	change.state_at = STATE_AFTER;
	add_host(&change.state, "ns1.a.example");
	refer(&change.state, CHANGE_NSSET, "S1", false);
	assert_int_equal(change_add_key(&change.state, &key), RESULT_OK);
	*key = (struct change_key){.flags = 257, .protocol = 3, .algorithm = 13, .size = 1};
	change.state.status = 1u << STATUS_OK;
	assert_has(",\"state\":{\"known\":[\"nameservers\",\"secureDNS\",\"status\"],"
		   "\"nameservers\":[{\"ldhName\":\"ns1.a.example\"}],\"nsset\":[\"S1\"],"
		   "\"secureDNS\":{\"delegationSigned\":true,\"keyData\":[{\"flags\":257,"
		   "\"protocol\":3,\"algorithm\":13,\"publicKey\":\"AA==\"}]},"
		   "\"status\":[\"active\"]}}");
	assert_non_null(strstr(value(true), "\"nameservers\":1,\"nsset\":1,\"secureDNS\":{"
					    "\"delegationSigned\":true,\"keyData\":1},"
					    "\"status\":[\"active\"]},\"truncated\":true}"));
	change.state_known = KNOWN_STATUS;
	change.state.keys.count = 0;
	assert_has_not("delegationSigned");
	/* Nothing is known, and nothing said. */
	change.state_known = 0;
	change.state.hosts.count = change.state.references.count = 0;
	change.state.status = 0;
	assert_has_not("\"state\":");
}

static void a_hosts_state_has_its_addresses(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_HOST, CHANGE_UPDATE, "ns1.a.example");
	change.state_at = STATE_AFTER;
	change.state_known = KNOWN_ADDRESSES | KNOWN_STATUS;
	add_address(&change.state, CHANGE_NO_HOST, 4, 10);
	assert_has(",\"state\":{\"known\":[\"ipAddresses\",\"status\"],"
		   "\"ipAddresses\":{\"v4\":[\"10.0.0.1\"]}}}");
}

static void a_u_label_stands_beside_each_name_that_has_one(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_HOST, CHANGE_UPDATE, "ns.xn--tda.example");
	add_host(&change.add, "xn--nda.example");
	add_host(&change.add, "xn--zz.example"); /* it stands for nothing */
	assert_int_equal(change_name_read(&change.new_name, "xn--4ca.example", 15), RESULT_OK);
	assert_has("\"ldhName\":\"ns.xn--tda.example\",\"unicodeName\":\"ns.ü.example\",");
	assert_has("\"add\":{\"nameservers\":[{\"ldhName\":\"xn--nda.example\","
		   "\"unicodeName\":\"ö.example\"},{\"ldhName\":\"xn--zz.example\"}]},"
		   "\"set\":{\"ldhName\":\"xn--4ca.example\",\"unicodeName\":\"ä.example\"}");
}

static void a_restore_is_an_update_that_says_so(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	change.restore = CHANGE_RESTORE_REQUEST;
	assert_claims(HEAD("a.example") "{\"urn:ietf:params:xml:ns:domain-1.0#update\":{"
					"\"objectClassName\":\"domain\",\"ldhName\":\"a.example\","
					"\"initiator\":\"registrar\",\"outcome\":\"completed\","
					"\"impact\":[\"restore\"],\"restore\":\"request\"}}}");
}

static void the_time_has_three_decimals_and_is_cut_not_rounded(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_RENEW, "a.example");
	static const struct {
		int64_t wall_us;
		const char *told;
	} times[] = {{1790000000000000, "\"toe\":1790000000.000,"},
		     {1790000000999999, "\"toe\":1790000000.999,"},
		     {1790000000070000, "\"toe\":1790000000.070,"},
		     {1999, "\"toe\":0.001,"}};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		change.wall_us = times[i].wall_us;
		buffer_reset(&claims);
		event_write(&change, &facts, false, &claims);
		buffer_append_byte(&claims, 0);
		assert_non_null(strstr(claims.data, times[i].told));
	}
}

/* The largest change there can be: with counts it must fit, whatever it is. */
static void the_largest_change_fits_with_counts_and_says_that_it_is_cut(void **state)
{
	(void)state;
	struct change_ds *ds;
	struct change_key *key;
	struct change_delta *deltas[] = {&change.add, &change.remove, &change.state};
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	change.state_at = STATE_BEFORE;
	change.state_known = KNOWN_ALL;
	for (int d = 0; d < 3; d++) {
		for (int i = 0; i < CHANGE_LIST_MAX; i++) {
			refer(deltas[d], CHANGE_NSSET + i % 4, "SOME-NSSET-OR-OTHER", false);
			add_host(deltas[d], "ns.a-rather-long-name-of-a-provider.example.net");
			add_address(deltas[d], (uint16_t)i, 6, 0x20);
			assert_int_equal(change_add_ds(deltas[d], &ds), RESULT_OK);
			assert_int_equal(change_add_key(deltas[d], &key), RESULT_OK);
		}
		deltas[d]->status = (1u << STATUS_COUNT) - 1;
		deltas[d]->status_others = UINT16_MAX;
	}
	event_write(&change, &facts, false, &claims);
	assert_true(claims.failed || claims.size > FEED_EVENT_MAX);
	buffer_reset(&claims);
	event_write(&change, &facts, true, &claims);
	buffer_append_byte(&claims, 0);
	assert_false(claims.failed);
	assert_true(claims.size < FEED_EVENT_MAX / 4 * 3 - 1000);
	assert_non_null(strstr(claims.data,
			       "\"add\":{\"nameservers\":4096,\"nsset\":1024,\"keyset\":1024,"
			       "\"nsgroup\":1024,\"keygroup\":1024,\"secureDNS\":{"
			       "\"dsData\":4096,\"keyData\":4096},\"status\":["));
	assert_non_null(strstr(claims.data, ",\"truncated\":true}"));
	json_t *read = json_loads(claims.data, 0, NULL);
	assert_non_null(read);
	json_decref(read);
}

static void a_cut_host_event_tells_its_number_of_addresses(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_HOST, CHANGE_CREATE, "ns1.a.example");
	for (int i = 0; i < 50; i++)
		add_address(&change.add, CHANGE_NO_HOST, i % 2 ? 4 : 6, 9);
	event_write(&change, &facts, true, &claims);
	buffer_append_byte(&claims, 0);
	assert_non_null(strstr(claims.data, "\"add\":{\"ipAddresses\":50}"));
}

static void a_change_whose_end_nobody_knows_says_so(void **state)
{
	(void)state;
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_RENEW, "a.example");
	change.outcome = CHANGE_UNKNOWN;
	assert_claims(HEAD("a.example") "{\"urn:ietf:params:xml:ns:domain-1.0#renew\":{"
					"\"objectClassName\":\"domain\",\"ldhName\":\"a.example\","
					"\"initiator\":\"registrar\",\"outcome\":\"unknown\","
					"\"impact\":[\"renew\"]}}}");
}

#define OWN_HEAD(toe, txn)                                                                         \
	"{\"iss\":\"https://registry.example\",\"jti\":\"_-8AAAAAAAAAAAAAAAAAAA\","                \
	"\"iat\":1790000001,\"toe\":" toe "," txn                                                  \
	"\"sub_id\":{\"format\":\"uri\",\"uri\":\"https://registry.example\"},\"events\":"

static void assert_gap(const struct spool_gap *gap, const char *expected)
{
	buffer_reset(&claims);
	event_write_gap(gap, &facts, &claims);
	buffer_append_byte(&claims, 0);
	assert_false(claims.failed);
	assert_string_equal(claims.data, expected);
}

static void a_gap_tells_what_is_known_of_it(void **state)
{
	(void)state;
	struct spool_gap gap = {.count = 12,
				.from_us = 1790000000012999,
				.to_us = 1790000060000000,
				.reason = "queue_full",
				.registrar = "Client X",
				.txn = "SV-7"};
	assert_gap(&gap,
		   OWN_HEAD("1790000060.000",
			    "\"txn\":\"SV-7\",") "{\"urn:epptap:gap\":{"
						 "\"reason\":\"queue_full\",\"count\":12,"
						 "\"from\":\"2026-09-21T14:13:20.012Z\",\"to\":"
						 "\"2026-09-21T14:14:20.000Z\","
						 "\"registrar\":\"Client X\",\"txn\":\"SV-7\"}}}");
	gap = (struct spool_gap){.to_us = 1790000060000000, .reason = "crash"};
	assert_gap(&gap,
		   OWN_HEAD("1790000060.000",
			    "") "{\"urn:epptap:gap\":{"
				"\"reason\":\"crash\",\"to\":\"2026-09-21T14:14:20.000Z\"}}}");
}

static void assert_key(enum key_state state, const char *expected)
{
	struct event_key key = {.id = "kid", .record = {.key = {0xff}, .state = state}};
	buffer_reset(&claims);
	event_write_key(&key, &facts, &claims);
	buffer_append_byte(&claims, 0);
	assert_false(claims.failed);
	assert_string_equal(claims.data, expected);
}

static void a_key_comes_with_what_verifies_and_goes_without(void **state)
{
	(void)state;
	assert_key(KEY_TRUSTED,
		   OWN_HEAD("1790000001.000", "") "{\"urn:epptap:key\":{"
						  "\"action\":\"added\",\"kid\":\"kid\","
						  "\"jwk\":{\"kty\":\"OKP\","
						  "\"crv\":\"Ed25519\",\"kid\":\"kid\","
						  "\"x\":\"_wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
						  "AAAAAA\",\"use\":\"sig\"}}}}");
	assert_key(KEY_RETIRED,
		   OWN_HEAD("1790000001.000", "") "{\"urn:epptap:key\":{"
						  "\"action\":\"retired\",\"kid\":\"kid\"}}}");
	assert_key(KEY_REVOKED,
		   OWN_HEAD("1790000001.000", "") "{\"urn:epptap:key\":{"
						  "\"action\":\"revoked\",\"kid\":\"kid\"}}}");
}

#define WITH_CHANGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CHANGE(a_bare_delete_has_what_every_event_has),
		WITH_CHANGE(a_new_delegation_with_glue_and_ds),
		WITH_CHANGE(locks_are_told_by_level_and_what_they_prohibit),
		WITH_CHANGE(a_host_is_a_nameserver_with_addresses_and_maybe_a_new_name),
		WITH_CHANGE(a_transfer_says_who_gains_and_who_loses),
		WITH_CHANGE(an_end_names_the_event_that_was_pending),
		WITH_CHANGE(an_object_without_a_name_has_a_handle),
		WITH_CHANGE(references_stand_by_class_and_those_that_replace_under_set),
		WITH_CHANGE(all_of_a_kind_may_be_removed),
		WITH_CHANGE(a_registry_lock_counts_as_its_levels_statuses_do),
		WITH_CHANGE(a_state_says_what_is_known_though_there_is_none),
		WITH_CHANGE(a_hosts_state_has_its_addresses),
		WITH_CHANGE(a_u_label_stands_beside_each_name_that_has_one),
		WITH_CHANGE(a_restore_is_an_update_that_says_so),
		WITH_CHANGE(the_time_has_three_decimals_and_is_cut_not_rounded),
		WITH_CHANGE(the_largest_change_fits_with_counts_and_says_that_it_is_cut),
		WITH_CHANGE(a_cut_host_event_tells_its_number_of_addresses),
		WITH_CHANGE(a_change_whose_end_nobody_knows_says_so),
		WITH_CHANGE(a_gap_tells_what_is_known_of_it),
		WITH_CHANGE(a_key_comes_with_what_verifies_and_goes_without),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
