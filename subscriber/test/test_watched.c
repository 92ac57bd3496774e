#include "subscriber/test/signer.h"

#include "subscriber/watched.h"

struct bench {
	struct watched *watched;
	char topics[16][FEED_TOPIC_SIZE];
	size_t topic_count;
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	char *names[] = {"bank.example", "other.example"};
	assert_non_null(bench);
	assert_int_equal(watched_new(names, 2, &bench->watched), RESULT_OK);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	watched_free(&bench->watched);
	free(bench);
	return 0;
}

static int on_topic(void *context, const char *topic)
{
	struct bench *bench = context;
	assert_true(bench->topic_count < 16);
	snprintf(bench->topics[bench->topic_count++], FEED_TOPIC_SIZE, "%s", topic);
	return RESULT_OK;
}

static struct event event_of(const char *name, const char *value)
{
	struct event event = {.name = name, .kind = DOMAIN_UPDATE, .jti = "j"};
	event.what = event.claims = json_loads(value, 0, NULL);
	assert_non_null(event.what);
	return event;
}

static bool has(struct bench *bench, const char *name)
{
	struct event event = event_of(name, "{}");
	bool answer = watched_has(bench->watched, &event);
	event_free(&event);
	return answer;
}

static void learn(struct bench *bench, const char *name, const char *value)
{
	struct event event = event_of(name, value);
	assert_int_equal(watched_learn(bench->watched, &event, on_topic, bench), RESULT_OK);
	event_free(&event);
}

static void names_are_followed_with_what_lies_below(void **state)
{
	struct bench *bench = *state;
	assert_true(has(bench, "bank.example"));
	assert_true(has(bench, "ns1.bank.example"));
	assert_true(has(bench, "other.example"));
	assert_false(has(bench, "notbank.example"));
	assert_false(has(bench, "example"));
	struct event own = {.own = true, .name = REGISTRY};
	assert_true(watched_has(bench->watched, &own));
}

static void nameservers_and_sets_are_followed_once_they_are_known(void **state)
{
	struct bench *bench = *state;
	assert_false(has(bench, "ns1.evil.example"));
	learn(bench, "bank.example",
	      "{\"add\":{\"nameservers\":[{\"ldhName\":\"ns1.evil.example\"},"
	      "{\"ldhName\":\"ns1.bank.example\"},{}],\"nsset\":[\"Set/1\"]},"
	      "\"state\":{\"nameservers\":[{\"ldhName\":\"ns2.evil.example\"}]},"
	      "\"remove\":{\"nameservers\":[{\"ldhName\":\"gone.example\"}]}}");
	assert_int_equal(bench->topic_count, 3);
	assert_string_equal(bench->topics[0], "example.evil.ns1.");
	assert_string_equal(bench->topics[1], "~nsset.set/1.");
	assert_string_equal(bench->topics[2], "example.evil.ns2.");
	assert_true(has(bench, "ns1.evil.example"));
	assert_false(has(bench, "a.ns1.evil.example"));
	assert_false(has(bench, "gone.example"));
	struct event set = event_of("nsset:Set%2F1", "{}");
	set.class = "nsset";
	assert_true(watched_has(bench->watched, &set));
	set.name = "nsset:Set%2F2";
	assert_false(watched_has(bench->watched, &set));
	event_free(&set);
	/* Twice is once. */
	learn(bench, "bank.example",
	      "{\"add\":{\"nameservers\":[{\"ldhName\":\"ns1.evil.example\"}]}}");
	assert_int_equal(bench->topic_count, 3);
}

static void entries_are_sorted_out_by_their_bytes(void **state)
{
	struct bench *bench = *state;
	static const char yes[] = "{\"x\":\"dns:bank.example\"}",
			  no[] = "{\"x\":\"dns:x.example\"}";
	static const char own[] = "{\"events\":{\"urn:epptap:gap\":{}}}";
	assert_true(watched_may_have(bench->watched, yes, strlen(yes)));
	assert_false(watched_may_have(bench->watched, no, strlen(no)));
	assert_true(watched_may_have(bench->watched, own, strlen(own)));
}

static bool chain(struct bench *bench, const char *jti, const char *prev, uint64_t index,
		  uint64_t *from)
{
	struct event event = event_of("bank.example", "{\"objectClassName\":\"domain\"}");
	event.jti = jti;
	event.prev = prev;
	event.index = index;
	bool answer = watched_chain(bench->watched, &event, from);
	event_free(&event);
	return answer;
}

static void a_hole_in_a_chain_shows(void **state)
{
	struct bench *bench = *state;
	uint64_t from;
	/* Of the first one nothing is known. */
	assert_true(chain(bench, "j1", "j0", 10, &from));
	assert_true(chain(bench, "j2", "j1", 20, &from));
	assert_false(chain(bench, "j4", "j3", 40, &from));
	assert_int_equal(from, 20);
	assert_true(chain(bench, "j5", "j4", 50, &from));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(names_are_followed_with_what_lies_below),
		TEST(nameservers_and_sets_are_followed_once_they_are_known),
		TEST(entries_are_sorted_out_by_their_bytes),
		TEST(a_hole_in_a_chain_shows),
	};
	return cmocka_run_group_tests_name("watched", tests, NULL, NULL);
}
