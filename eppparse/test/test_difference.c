/* What came and went between two states; checked by what change_impact() makes of it, too. */
#include "eppparse/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

static struct change before, after;

static int set_up(void **state)
{
	(void)state;
	change_init(&before);
	change_init(&after);
	before.verb = after.verb = CHANGE_UPDATE;
	before.state_at = STATE_BEFORE;
	after.state_at = STATE_AFTER;
	before.state_known = after.state_known = KNOWN_HOSTS | KNOWN_SECDNS | KNOWN_STATUS;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	change_free(&before);
	change_free(&after);
	return 0;
}

static void host(struct change *change, const char *name, uint8_t last)
{
	struct change_delta *delta = &change->state;
	struct change_name *made;
	struct change_address *address;
	assert_int_equal(change_add_host(delta, &made), RESULT_OK);
	assert_int_equal(change_name_read(made, name, strlen(name)), RESULT_OK);
	if (!last)
		return;
	assert_int_equal(change_add_address(delta, &address), RESULT_OK);
	*address =
		(struct change_address){(uint16_t)(delta->hosts.count - 1), 4, {192, 0, 2, last}};
}

static void own_address(struct change *change, uint8_t last)
{
	struct change_address *address;
	assert_int_equal(change_add_address(&change->state, &address), RESULT_OK);
	*address = (struct change_address){CHANGE_NO_HOST, 4, {192, 0, 2, last}};
}

static void ds(struct change *change, uint16_t tag)
{
	struct change_ds *made;
	assert_int_equal(change_add_ds(&change->state, &made), RESULT_OK);
	*made = (struct change_ds){tag, 13, 2, 2, {1, 2}};
}

static void key(struct change *change, uint16_t flags)
{
	struct change_key *made;
	assert_int_equal(change_add_key(&change->state, &made), RESULT_OK);
	*made = (struct change_key){flags, 3, 13, 2, {1, 2}};
}

static void reference(struct change *change, enum change_object object, const char *id)
{
	struct change_reference *made;
	assert_int_equal(change_add_reference(&change->state, &made), RESULT_OK);
	made->object = (uint8_t)object;
	assert_int_equal(change_token_read(&made->id, id, strlen(id)), RESULT_OK);
}

static void compare(void)
{
	assert_int_equal(change_add_difference(&before, &after), RESULT_OK);
}

static void assert_nothing(void)
{
	const struct change_delta *deltas[] = {&after.add, &after.remove};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(deltas[i]->hosts.count, 0);
		assert_int_equal(deltas[i]->addresses.count, 0);
		assert_int_equal(deltas[i]->ds.count, 0);
		assert_int_equal(deltas[i]->keys.count, 0);
		assert_int_equal(deltas[i]->references.count, 0);
		assert_int_equal(deltas[i]->status, 0);
		assert_int_equal(deltas[i]->status_others, 0);
	}
}

static void fill_both(void)
{
	struct change *both[] = {&before, &after};
	for (int i = 0; i < 2; i++) {
		host(both[i], i ? "ns1.a.example" : "ns2.a.example", i ? 1 : 0);
		host(both[i], i ? "ns2.a.example" : "ns1.a.example", i ? 0 : 1);
		ds(both[i], 7);
		key(both[i], 257);
		reference(both[i], CHANGE_NSSET, "S1");
		both[i]->state.status = 1u << STATUS_CLIENT_HOLD;
		both[i]->state.status_others = 3;
	}
}

static void the_same_in_another_order_is_no_difference(void **state)
{
	(void)state;
	fill_both();
	compare();
	assert_nothing();
}

static void only_the_states_before_and_after_are_compared(void **state)
{
	(void)state;
	host(&after, "ns9.evil.example", 0);
	after.state_at = STATE_BEFORE;
	compare();
	after.state_at = STATE_AFTER;
	before.state_at = STATE_NONE;
	compare();
	assert_nothing();
}

static void a_hijack_shows_as_one(void **state)
{
	(void)state;
	fill_both();
	host(&before, "ns3.good.example", 0);
	host(&after, "ns3.evil.example", 9);
	before.state.status |= 1u << STATUS_SERVER_UPDATE_PROHIBITED;
	after.state.status |= 1u << STATUS_CLIENT_TRANSFER_PROHIBITED;
	after.state.ds.count = 0;
	after.state.status_others = 4;
	compare();
	assert_int_equal(after.add.hosts.count, 1);
	assert_string_equal(after.add.hosts.items[0].text, "ns3.evil.example");
	assert_int_equal(after.add.addresses.count, 1);
	assert_int_equal(after.add.addresses.items[0].host, 0);
	assert_int_equal(after.add.addresses.items[0].bytes[3], 9);
	assert_int_equal(after.remove.hosts.count, 1);
	assert_string_equal(after.remove.hosts.items[0].text, "ns3.good.example");
	assert_int_equal(after.remove.ds.count, 1);
	assert_int_equal(after.add.keys.count + after.remove.keys.count, 0);
	assert_int_equal(after.add.status, 1u << STATUS_CLIENT_TRANSFER_PROHIBITED);
	assert_int_equal(after.remove.status, 1u << STATUS_SERVER_UPDATE_PROHIBITED);
	assert_int_equal(after.add.status_others, 1);
	assert_int_equal(after.remove.status_others, 0);
	assert_int_equal(change_impact(&after), 1u << IMPACT_DELEGATION | 1u << IMPACT_GLUE |
							1u << IMPACT_DNSSEC_REMOVED |
							1u << IMPACT_LOCK | 1u << IMPACT_UNLOCK);
}

static void other_addresses_make_another_nameserver(void **state)
{
	(void)state;
	host(&before, "ns0.a.example", 7);
	host(&before, "ns1.a.example", 1);
	host(&after, "ns1.a.example", 2);
	host(&after, "ns0.a.example", 7);
	compare();
	assert_int_equal(after.add.hosts.count, 1);
	assert_int_equal(after.remove.hosts.count, 1);
	assert_string_equal(after.add.hosts.items[0].text, "ns1.a.example");
	assert_int_equal(after.add.addresses.items[0].bytes[3], 2);
	assert_int_equal(after.remove.addresses.items[0].bytes[3], 1);
	assert_int_equal(after.remove.addresses.items[0].host, 0);
}

/* One address more, or one less. */
static void so_does_a_part_of_its_addresses(void **state)
{
	(void)state;
	host(&before, "ns1.a.example", 1);
	host(&before, "ns2.a.example", 0);
	host(&after, "ns1.a.example", 0);
	host(&after, "ns2.a.example", 2);
	compare();
	assert_int_equal(after.add.hosts.count, 2);
	assert_int_equal(after.remove.hosts.count, 2);
	assert_int_equal(after.add.addresses.count, 1);
	assert_int_equal(after.add.addresses.items[0].host, 1);
	assert_int_equal(after.remove.addresses.count, 1);
	assert_int_equal(after.remove.addresses.items[0].host, 0);
}

static void a_host_has_addresses_of_its_own(void **state)
{
	(void)state;
	before.state_known = after.state_known = KNOWN_ADDRESSES;
	own_address(&before, 1);
	own_address(&before, 2);
	own_address(&after, 2);
	own_address(&after, 3);
	compare();
	assert_int_equal(after.add.addresses.count, 1);
	assert_int_equal(after.add.addresses.items[0].bytes[3], 3);
	assert_int_equal(after.remove.addresses.count, 1);
	assert_int_equal(after.remove.addresses.items[0].bytes[3], 1);
}

static void references_are_known_with_what_they_stand_for(void **state)
{
	(void)state;
	reference(&before, CHANGE_NSSET, "S1");
	reference(&before, CHANGE_KEYSET, "K1");
	reference(&after, CHANGE_NSSET, "S2");
	after.state_known &= ~(unsigned)KNOWN_SECDNS;
	compare();
	assert_int_equal(after.add.references.count, 1);
	assert_string_equal(after.add.references.items[0].id.text, "S2");
	assert_int_equal(after.remove.references.count, 1);
	assert_string_equal(after.remove.references.items[0].id.text, "S1");
}

/* Each of it, if one of the two does not know it. */
static void what_one_of_them_does_not_know_is_no_difference(void **state)
{
	(void)state;
	fill_both();
	before.state.hosts.count = before.state.ds.count = before.state.keys.count = 0;
	before.state.addresses.count = before.state.references.count = 0;
	before.state.status = 0;
	before.state.status_others = 0;
	before.state_known = 0;
	own_address(&after, 1);
	compare();
	assert_nothing();
}

#define WITH_CHANGES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CHANGES(the_same_in_another_order_is_no_difference),
		WITH_CHANGES(only_the_states_before_and_after_are_compared),
		WITH_CHANGES(a_hijack_shows_as_one),
		WITH_CHANGES(other_addresses_make_another_nameserver),
		WITH_CHANGES(so_does_a_part_of_its_addresses),
		WITH_CHANGES(a_host_has_addresses_of_its_own),
		WITH_CHANGES(references_are_known_with_what_they_stand_for),
		WITH_CHANGES(what_one_of_them_does_not_know_is_no_difference),
	};
	return cmocka_run_group_tests_name("difference", tests, NULL, NULL);
}
