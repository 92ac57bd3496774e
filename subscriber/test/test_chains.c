#include "subscriber/test/signer.h"

#include "subscriber/chains.h"

/* An event with these parts; for event_free(). */
static struct event event_of(const char *kind, const char *name, const char *jti, const char *prev,
			     uint64_t index)
{
	struct event event = {.kind = kind, .name = name, .jti = jti, .prev = prev, .index = index};
	const char *class = strstr(kind, ":host-") ? "nameserver" : "domain";
	event.claims = json_pack("{s:{s:s}}", "what", "objectClassName", class);
	event.what = json_object_get(event.claims, "what");
	return event;
}

#define HOST_RENAME "urn:ietf:params:xml:ns:host-1.0#update"

static enum chain_answer add(struct chains *chains, const char *verb, const char *name,
			     const char *jti, const char *prev, uint64_t index, uint64_t *before)
{
	char kind[64];
	snprintf(kind, sizeof kind, "urn:ietf:params:xml:ns:domain-1.0#%s", verb);
	struct event event = event_of(kind, name, jti, prev, index);
	enum chain_answer answer = chains_add(chains, &event, before);
	event_free(&event);
	return answer;
}

static void links_are_judged(void **state)
{
	struct chains *chains;
	uint64_t before;
	(void)state;
	assert_int_equal(chains_new(1024, true, &chains), RESULT_OK);
	assert_int_equal(add(chains, "create", "a.example", "j0", NULL, 0, &before), CHAIN_GOOD);
	assert_int_equal(before, UINT64_MAX);
	assert_int_equal(add(chains, "update", "a.example", "j1", "j0", 1, &before), CHAIN_GOOD);
	assert_int_equal(add(chains, "update", "b.example", "j2", NULL, 2, &before), CHAIN_GOOD);
	assert_int_equal(add(chains, "update", "a.example", "j4", "j3", 4, &before), CHAIN_BROKEN);
	assert_int_equal(before, 1);
	assert_int_equal(add(chains, "update", "a.example", "j5", "j4", 5, &before), CHAIN_GOOD);
	assert_int_equal(add(chains, "update", "a.example", "j6", NULL, 6, &before), CHAIN_LACKS);
	assert_int_equal(before, 5);
	/* One that never was. */
	assert_int_equal(add(chains, "update", "c.example", "j7", "x", 7, &before), CHAIN_BROKEN);
	assert_int_equal(before, UINT64_MAX);
	chains_free(&chains);
	assert_null(chains);
}

static void a_chain_ends_with_a_delete_and_begins_with_a_create(void **state)
{
	struct chains *chains;
	uint64_t before;
	(void)state;
	assert_int_equal(chains_new(1024, true, &chains), RESULT_OK);
	assert_int_equal(add(chains, "update", "a.example", "j0", NULL, 0, &before), CHAIN_GOOD);
	assert_int_equal(add(chains, "delete", "a.example", "j1", "j0", 1, &before), CHAIN_GOOD);
	assert_int_equal(add(chains, "update", "a.example", "j2", NULL, 2, &before), CHAIN_GOOD);
	assert_int_equal(add(chains, "create", "a.example", "j3", NULL, 3, &before), CHAIN_GOOD);
	chains_free(&chains);
}

static void objects_of_one_name_have_chains_of_their_own(void **state)
{
	struct chains *chains;
	uint64_t before;
	(void)state;
	assert_int_equal(chains_new(1024, true, &chains), RESULT_OK);
	assert_int_equal(add(chains, "update", "a.example", "j0", NULL, 0, &before), CHAIN_GOOD);
	struct event host = event_of(HOST_RENAME, "a.example", "h0", NULL, 1);
	host.new_name = "b.example";
	assert_int_equal(chains_add(chains, &host, &before), CHAIN_GOOD);
	event_free(&host);
	/* It takes its chain along. */
	host = event_of(HOST_RENAME, "b.example", "h1", "h0", 2);
	assert_int_equal(chains_add(chains, &host, &before), CHAIN_GOOD);
	event_free(&host);
	host = event_of(HOST_RENAME, "a.example", "h2", NULL, 3);
	assert_int_equal(chains_add(chains, &host, &before), CHAIN_GOOD);
	event_free(&host);
	assert_int_equal(add(chains, "update", "a.example", "j1", "j0", 4, &before), CHAIN_GOOD);
	chains_free(&chains);
}

static void what_was_forgotten_or_never_read_is_not_judged(void **state)
{
	struct chains *chains;
	uint64_t before;
	(void)state;
	assert_int_equal(chains_new(8, true, &chains), RESULT_OK);
	for (int i = 0; i < 9; i++) {
		char name[32];
		snprintf(name, sizeof name, "n%d.example", i);
		assert_int_equal(add(chains, "update", name, name, NULL, (uint64_t)i, &before),
				 CHAIN_GOOD);
	}
	/* The first one had to go. */
	assert_int_equal(add(chains, "update", "n0.example", "j", "n0.example", 9, &before),
			 CHAIN_UNKNOWN);
	chains_free(&chains);
	assert_int_equal(chains_new(1024, false, &chains), RESULT_OK);
	assert_int_equal(add(chains, "update", "a.example", "j1", "j0", 1, &before), CHAIN_UNKNOWN);
	chains_free(&chains);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_judged),
		cmocka_unit_test(a_chain_ends_with_a_delete_and_begins_with_a_create),
		cmocka_unit_test(objects_of_one_name_have_chains_of_their_own),
		cmocka_unit_test(what_was_forgotten_or_never_read_is_not_judged),
	};
	return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
