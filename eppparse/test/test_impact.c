#include "eppparse/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What one side of a change brings, in numbers. */
struct side {
	int hosts, addresses, ds, keys;
	uint32_t status;
	bool all, all_hosts;
	uint8_t reference; /* enum change_object; 0: none */
	bool replaces;
};

struct row {
	const char *what;
	enum change_verb verb;
	struct side add, remove;
	unsigned changed;
	const char *new_name;
	bool max_sig_life;
	enum change_restore restore;
	enum change_outcome outcome;
	enum change_transfer_op op;
	enum change_transfer_status status;
	struct change_locks locks;
	uint32_t impact;
};

#define S(status) (1u << STATUS_##status)
#define I(impact) (1u << IMPACT_##impact)

static const struct row rows[] = {
	{.what = "a bare create", .verb = CHANGE_CREATE, .impact = I(CREATE)},
	{.what = "a bare delete", .verb = CHANGE_DELETE, .impact = I(DELETE)},
	{.what = "a renew", .verb = CHANGE_RENEW, .impact = I(RENEW)},
	{.what = "an update of nothing", .verb = CHANGE_UPDATE, .impact = 0},
	{.what = "a create with nameservers, glue and DS",
	 .verb = CHANGE_CREATE,
	 .add = {.hosts = 2, .addresses = 1, .ds = 1},
	 .impact = I(CREATE) | I(DELEGATION) | I(GLUE) | I(DNSSEC_ADDED)},
	{.what = "a create with its contacts",
	 .verb = CHANGE_CREATE,
	 .changed = CHANGED_REGISTRANT | CHANGED_CONTACTS | CHANGED_AUTH_INFO,
	 .impact = I(CREATE)},
	{.what = "a nameserver added",
	 .verb = CHANGE_UPDATE,
	 .add = {.hosts = 1},
	 .impact = I(DELEGATION)},
	{.what = "a nameserver removed",
	 .verb = CHANGE_UPDATE,
	 .remove = {.hosts = 1},
	 .impact = I(DELEGATION)},
	{.what = "a host renamed",
	 .verb = CHANGE_UPDATE,
	 .new_name = "ns9.example.org",
	 .impact = I(DELEGATION)},
	{.what = "an address added",
	 .verb = CHANGE_UPDATE,
	 .add = {.addresses = 1},
	 .impact = I(GLUE)},
	{.what = "an address removed",
	 .verb = CHANGE_UPDATE,
	 .remove = {.addresses = 1},
	 .impact = I(GLUE)},
	{.what = "DS added", .verb = CHANGE_UPDATE, .add = {.ds = 1}, .impact = I(DNSSEC_ADDED)},
	{.what = "a key added",
	 .verb = CHANGE_UPDATE,
	 .add = {.keys = 1},
	 .impact = I(DNSSEC_ADDED)},
	{.what = "DS removed",
	 .verb = CHANGE_UPDATE,
	 .remove = {.ds = 1},
	 .impact = I(DNSSEC_REMOVED)},
	{.what = "a key removed",
	 .verb = CHANGE_UPDATE,
	 .remove = {.keys = 1},
	 .impact = I(DNSSEC_REMOVED)},
	{.what = "all of secDNS removed",
	 .verb = CHANGE_UPDATE,
	 .remove = {.all = true},
	 .impact = I(DNSSEC_REMOVED)},
	{.what = "DS for a key",
	 .verb = CHANGE_UPDATE,
	 .add = {.ds = 1},
	 .remove = {.keys = 1},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "new DS for all",
	 .verb = CHANGE_UPDATE,
	 .add = {.ds = 1},
	 .remove = {.all = true},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "another signature life",
	 .verb = CHANGE_UPDATE,
	 .max_sig_life = true,
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "DS with a signature life",
	 .verb = CHANGE_CREATE,
	 .add = {.ds = 1},
	 .max_sig_life = true,
	 .impact = I(CREATE) | I(DNSSEC_ADDED)},
	{.what = "a registrar's lock",
	 .verb = CHANGE_UPDATE,
	 .add = {.status = S(CLIENT_UPDATE_PROHIBITED) | S(CLIENT_DELETE_PROHIBITED)},
	 .impact = I(LOCK)},
	{.what = "a registry's lock taken off",
	 .verb = CHANGE_UPDATE,
	 .remove = {.status = S(SERVER_TRANSFER_PROHIBITED)},
	 .impact = I(UNLOCK)},
	{.what = "one lock for another",
	 .verb = CHANGE_UPDATE,
	 .add = {.status = S(CLIENT_RENEW_PROHIBITED)},
	 .remove = {.status = S(CLIENT_UPDATE_PROHIBITED)},
	 .impact = I(LOCK) | I(UNLOCK)},
	{.what = "a hold",
	 .verb = CHANGE_UPDATE,
	 .add = {.status = S(CLIENT_HOLD)},
	 .impact = I(HOLD)},
	{.what = "the registry's hold taken off",
	 .verb = CHANGE_UPDATE,
	 .remove = {.status = S(SERVER_HOLD)},
	 .impact = I(UNHOLD)},
	{.what = "statuses that lock and hold nothing",
	 .verb = CHANGE_UPDATE,
	 .add = {.status = S(OK) | S(LINKED) | S(INACTIVE) | S(PENDING_UPDATE)},
	 .remove = {.status = S(PENDING_DELETE)},
	 .impact = 0},
	{.what = "another registrant",
	 .verb = CHANGE_UPDATE,
	 .changed = CHANGED_REGISTRANT,
	 .impact = I(CONTACTS)},
	{.what = "other contacts",
	 .verb = CHANGE_UPDATE,
	 .changed = CHANGED_CONTACTS,
	 .impact = I(CONTACTS)},
	{.what = "another authInfo",
	 .verb = CHANGE_UPDATE,
	 .changed = CHANGED_AUTH_INFO,
	 .impact = 0},
	{.what = "a restore asked for",
	 .verb = CHANGE_UPDATE,
	 .restore = CHANGE_RESTORE_REQUEST,
	 .impact = I(RESTORE)},
	{.what = "a restore reported",
	 .verb = CHANGE_UPDATE,
	 .restore = CHANGE_RESTORE_REPORT,
	 .impact = I(RESTORE)},
	{.what = "a reference to a nsset added",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_NSSET},
	 .impact = I(DELEGATION)},
	{.what = "a nsset in place of another",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_NSSET, .replaces = true},
	 .impact = I(DELEGATION)},
	{.what = "a reference to a nsset taken away",
	 .verb = CHANGE_UPDATE,
	 .remove = {.reference = CHANGE_NSSET},
	 .impact = I(DELEGATION)},
	{.what = "a reference to a nsgroup added",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_NSGROUP},
	 .impact = I(DELEGATION)},
	{.what = "a nsgroup in place of another",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_NSGROUP, .replaces = true},
	 .impact = I(DELEGATION)},
	{.what = "a reference to a nsgroup taken away",
	 .verb = CHANGE_UPDATE,
	 .remove = {.reference = CHANGE_NSGROUP},
	 .impact = I(DELEGATION)},
	{.what = "a reference to a keyset added",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_KEYSET},
	 .impact = I(DNSSEC_ADDED)},
	{.what = "a keyset in place of another",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_KEYSET, .replaces = true},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "a reference to a keyset taken away",
	 .verb = CHANGE_UPDATE,
	 .remove = {.reference = CHANGE_KEYSET},
	 .impact = I(DNSSEC_REMOVED)},
	{.what = "one keyset for another",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_KEYSET},
	 .remove = {.reference = CHANGE_KEYSET},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "a reference to a keygroup added",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_KEYGROUP},
	 .impact = I(DNSSEC_ADDED)},
	{.what = "a keygroup in place of another",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_KEYGROUP, .replaces = true},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "a reference to a keygroup taken away",
	 .verb = CHANGE_UPDATE,
	 .remove = {.reference = CHANGE_KEYGROUP},
	 .impact = I(DNSSEC_REMOVED)},
	{.what = "one keygroup for another",
	 .verb = CHANGE_UPDATE,
	 .add = {.reference = CHANGE_KEYGROUP},
	 .remove = {.reference = CHANGE_KEYGROUP},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "a group emptied of its nameservers",
	 .verb = CHANGE_UPDATE,
	 .remove = {.all_hosts = true},
	 .impact = I(DELEGATION)},
	{.what = "a group that has other keys from now on",
	 .verb = CHANGE_UPDATE,
	 .add = {.keys = 2},
	 .remove = {.all = true},
	 .impact = I(DNSSEC_CHANGED)},
	{.what = "a transfer asked for",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .status = TRANSFER_PENDING,
	 .outcome = CHANGE_PENDING,
	 .impact = I(TRANSFER)},
	{.what = "a transfer asked for, of which no status is known yet",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .status = TRANSFER_NO_STATUS,
	 .outcome = CHANGE_PENDING,
	 .impact = I(TRANSFER)},
	{.what = "a transfer at once",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .status = TRANSFER_NO_STATUS,
	 .impact = I(TRANSFER) | I(REGISTRAR)},
	{.what = "a transfer at once, without an op",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_NO_OP,
	 .status = TRANSFER_NO_STATUS,
	 .impact = I(TRANSFER) | I(REGISTRAR)},
	{.what = "a transfer at once, as its status says too",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .status = TRANSFER_SERVER_APPROVED,
	 .impact = I(TRANSFER) | I(REGISTRAR)},
	{.what = "a transfer that is said to be done and pending",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .status = TRANSFER_PENDING,
	 .impact = I(TRANSFER)},
	{.what = "a transfer approved",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_APPROVE,
	 .status = TRANSFER_CLIENT_APPROVED,
	 .impact = I(TRANSFER) | I(REGISTRAR)},
	{.what = "a transfer approved, with no more said",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_APPROVE,
	 .status = TRANSFER_NO_STATUS,
	 .impact = I(TRANSFER) | I(REGISTRAR)},
	{.what = "an approval that waits",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_APPROVE,
	 .status = TRANSFER_NO_STATUS,
	 .outcome = CHANGE_PENDING,
	 .impact = I(TRANSFER)},
	{.what = "an approval of which nothing is known",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_APPROVE,
	 .status = TRANSFER_CLIENT_APPROVED,
	 .outcome = CHANGE_UNKNOWN,
	 .impact = I(TRANSFER)},
	{.what = "a transfer rejected",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REJECT,
	 .status = TRANSFER_CLIENT_REJECTED,
	 .impact = I(TRANSFER)},
	{.what = "a transfer rejected, with no more said",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REJECT,
	 .status = TRANSFER_NO_STATUS,
	 .impact = I(TRANSFER)},
	{.what = "a transfer cancelled",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_CANCEL,
	 .status = TRANSFER_CLIENT_CANCELLED,
	 .impact = I(TRANSFER)},
	{.what = "a transfer cancelled, with no more said",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_CANCEL,
	 .status = TRANSFER_NO_STATUS,
	 .impact = I(TRANSFER)},
	{.what = "news of a transfer approved by the registry",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_NO_OP,
	 .status = TRANSFER_SERVER_APPROVED,
	 .impact = I(TRANSFER) | I(REGISTRAR)},
	{.what = "news of a transfer cancelled by the registry",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_NO_OP,
	 .status = TRANSFER_SERVER_CANCELLED,
	 .impact = I(TRANSFER)},
	{.what = "a transfer that brings other nameservers",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .add = {.hosts = 2},
	 .outcome = CHANGE_PENDING,
	 .impact = I(TRANSFER) | I(DELEGATION)},
	{.what = "a transfer that loses the DS",
	 .verb = CHANGE_TRANSFER,
	 .op = TRANSFER_REQUEST,
	 .remove = {.all = true},
	 .impact = I(TRANSFER) | I(REGISTRAR) | I(DNSSEC_REMOVED)},
	{.what = "a registry lock",
	 .verb = CHANGE_UPDATE,
	 .locks = {.lock = PROHIBITS_DELETE | PROHIBITS_UPDATE},
	 .impact = I(LOCK)},
	{.what = "a registry lock taken off",
	 .verb = CHANGE_UPDATE,
	 .locks = {.unlock = PROHIBITS_TRANSFER},
	 .impact = I(UNLOCK)},
	{.what = "one registry lock for another",
	 .verb = CHANGE_UPDATE,
	 .locks = {.lock = PROHIBITS_UPDATE, .unlock = PROHIBITS_TRANSFER},
	 .impact = I(LOCK) | I(UNLOCK)},
	{.what = "who may lift a lock",
	 .verb = CHANGE_UPDATE,
	 .changed = CHANGED_LOCK_POLICY,
	 .impact = 0},
	{.what = "the lock of a registry's own status",
	 .verb = CHANGE_UPDATE,
	 .add = {.status = S(SERVER_BLOCKED)},
	 .remove = {.status = S(DOMAIN_LOCKED)},
	 .impact = I(LOCK) | I(UNLOCK)},
	{.what = "a name taken out of the zone by hand",
	 .verb = CHANGE_UPDATE,
	 .add = {.status = S(SERVER_OUTZONE_MANUAL)},
	 .impact = I(HOLD)},
	{.what = "everything at once",
	 .verb = CHANGE_UPDATE,
	 .add = {.hosts = 1,
		 .addresses = 1,
		 .ds = 1,
		 .status = S(CLIENT_HOLD) | S(CLIENT_UPDATE_PROHIBITED)},
	 .remove = {.hosts = 1, .keys = 1, .status = S(SERVER_HOLD) | S(SERVER_UPDATE_PROHIBITED)},
	 .changed = CHANGED_REGISTRANT | CHANGED_CONTACTS | CHANGED_AUTH_INFO,
	 .restore = CHANGE_RESTORE_REQUEST,
	 .impact = I(RESTORE) | I(DELEGATION) | I(GLUE) | I(DNSSEC_CHANGED) | I(LOCK) | I(UNLOCK) |
		   I(HOLD) | I(UNHOLD) | I(CONTACTS)},
};

static void fill(struct change_delta *delta, const struct side *side)
{
	struct change_name *name;
	struct change_address *address;
	struct change_ds *ds;
	struct change_key *key;
	for (int i = 0; i < side->hosts; i++)
		assert_int_equal(change_add_host(delta, &name), RESULT_OK);
	for (int i = 0; i < side->addresses; i++)
		assert_int_equal(change_add_address(delta, &address), RESULT_OK);
	for (int i = 0; i < side->ds; i++)
		assert_int_equal(change_add_ds(delta, &ds), RESULT_OK);
	for (int i = 0; i < side->keys; i++)
		assert_int_equal(change_add_key(delta, &key), RESULT_OK);
	delta->status = side->status;
	delta->all_secdns = side->all;
	delta->all_hosts = side->all_hosts;
	if (!side->reference)
		return;
	struct change_reference *reference;
	assert_int_equal(change_add_reference(delta, &reference), RESULT_OK);
	reference->object = side->reference;
	reference->replaces = side->replaces;
}

static void each_kind_of_change_has_its_impact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct change change;
		change_init(&change);
		change.verb = row->verb;
		change.changed = row->changed;
		change.restore = row->restore;
		change.has_max_sig_life = row->max_sig_life;
		change.outcome = row->outcome;
		change.transfer.op = row->op;
		change.transfer.status = row->status;
		change.locks = row->locks;
		if (row->new_name)
			snprintf(change.new_name.text, sizeof change.new_name.text, "%s",
				 row->new_name);
		fill(&change.add, &row->add);
		fill(&change.remove, &row->remove);
		uint32_t impact = change_impact(&change);
		if (impact != row->impact)
			fail_msg("%s: %#x instead of %#x", row->what, impact, row->impact);
		change_free(&change);
	}
}

/* How it is, or was, is no change of it: the publisher makes one of the two. */
static void a_state_has_no_impact_by_itself(void **state)
{
	static const struct side side = {
		.hosts = 2,
		.addresses = 1,
		.ds = 1,
		.keys = 1,
		.status = S(CLIENT_HOLD) | S(SERVER_UPDATE_PROHIBITED),
		.reference = CHANGE_NSSET,
	};
	struct change change;
	(void)state;
	change_init(&change);
	change.verb = CHANGE_UPDATE;
	change.state_at = STATE_AFTER;
	change.state_known = KNOWN_ALL;
	fill(&change.state, &side);
	assert_int_equal(change_impact(&change), 0);
	change_free(&change);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_change_has_its_impact),
		cmocka_unit_test(a_state_has_no_impact_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
