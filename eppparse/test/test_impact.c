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
	bool all;
};

struct row {
	const char *what;
	enum change_verb verb;
	struct side add, remove;
	unsigned changed;
	const char *new_name;
	bool max_sig_life;
	enum change_restore restore;
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
	 .changed = CHANGE_REGISTRANT | CHANGE_CONTACTS | CHANGE_AUTH_INFO,
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
	 .changed = CHANGE_REGISTRANT,
	 .impact = I(CONTACTS)},
	{.what = "other contacts",
	 .verb = CHANGE_UPDATE,
	 .changed = CHANGE_CONTACTS,
	 .impact = I(CONTACTS)},
	{.what = "another authInfo",
	 .verb = CHANGE_UPDATE,
	 .changed = CHANGE_AUTH_INFO,
	 .impact = 0},
	{.what = "a restore asked for",
	 .verb = CHANGE_UPDATE,
	 .restore = CHANGE_RESTORE_REQUEST,
	 .impact = I(RESTORE)},
	{.what = "a restore reported",
	 .verb = CHANGE_UPDATE,
	 .restore = CHANGE_RESTORE_REPORT,
	 .impact = I(RESTORE)},
	{.what = "everything at once",
	 .verb = CHANGE_UPDATE,
	 .add = {.hosts = 1,
		 .addresses = 1,
		 .ds = 1,
		 .status = S(CLIENT_HOLD) | S(CLIENT_UPDATE_PROHIBITED)},
	 .remove = {.hosts = 1, .keys = 1, .status = S(SERVER_HOLD) | S(SERVER_UPDATE_PROHIBITED)},
	 .changed = CHANGE_REGISTRANT | CHANGE_CONTACTS | CHANGE_AUTH_INFO,
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_change_has_its_impact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
