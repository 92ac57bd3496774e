#include "subscriber/test/log_maker.h"

#include "subscriber/channel.h"

struct bench {
	struct log_maker *maker;
	struct fetch *fetch;
	struct channel channel;
	char why[512];
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	const struct fetch_settings settings = {.stop = NULL};
	assert_non_null(bench);
	bench->maker = log_maker_new();
	assert_int_equal(fetch_open(bench->maker->folder, &settings, &bench->fetch, bench->why,
				    sizeof bench->why),
			 RESULT_OK);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	channel_free(&bench->channel);
	fetch_close(&bench->fetch);
	log_maker_free(bench->maker);
	free(bench);
	return 0;
}

static int read_it(struct bench *bench)
{
	channel_free(&bench->channel);
	return channel_read(bench->fetch, &bench->channel, bench->why, sizeof bench->why);
}

static void all_that_it_says_is_read(void **state)
{
	struct bench *bench = *state;
	log_maker_write_feed(bench->maker,
			     ",\"curve_server_key\":\"0123456789012345678901234567890123456789\","
			     "\"delay\":{\"create\":86400},\"kinds\":[\"update\"],"
			     "\"retention\":1,\"minimum_index\":512,\"unknown\":{}");
	assert_int_equal(read_it(bench), RESULT_OK);
	assert_string_equal(bench->channel.registry, REGISTRY);
	assert_string_equal(bench->channel.name, "public");
	assert_string_equal(bench->channel.origin, LOG_ORIGIN);
	assert_string_equal(bench->channel.jwks, "jwks.json");
	assert_null(bench->channel.connect);
	assert_non_null(bench->channel.curve_server_key);
	assert_int_equal(bench->channel.key_count, 2);
	assert_int_equal(bench->channel.keys[0].id, bench->maker->log.id);
	assert_int_equal(bench->channel.keys[1].type, VERIFIER_COSIGNATURE);
	assert_int_equal(bench->channel.minimum_index, 512);
	assert_true(bench->channel.delays);
	assert_true(bench->channel.is_limited);
	log_maker_write_feed(bench->maker, "");
	assert_int_equal(read_it(bench), RESULT_OK);
	assert_false(bench->channel.delays);
	assert_false(bench->channel.is_limited);
}

static void what_cannot_be_right_is_told(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"", "line 1, column 0: not JSON"},
		{"[]", "not a JSON object"},
		{"{\"feed_version\":1,\"feed_version\":1}", "not JSON: duplicate object key"},
		{"{\"feed_version\":2}", "feed_version is 2: this eppwatch reads version 1"},
		{"{\"feed_version\":1,\"registry\":\"https://a\"}", "the channel has no log"},
		{"{\"feed_version\":1,\"verifier_keys\":[],\"registry\":\"http://a\"}",
		 "registry is not right: an https:// URL"},
		{"{\"feed_version\":1,\"verifier_keys\":[],\"registry\":\"https://a\","
		 "\"channel\":\"A b\"}",
		 "channel is not right"},
		{"{\"feed_version\":1,\"verifier_keys\":[],\"registry\":\"https://a\","
		 "\"channel\":\"a\",\"origin\":\"a b\"}",
		 "origin is not right"},
		{"{\"feed_version\":1,\"verifier_keys\":[],\"registry\":\"https://a\","
		 "\"channel\":\"a\",\"origin\":\"a\"}",
		 "jwks is not right"},
		{"{\"feed_version\":1,\"verifier_keys\":[],\"registry\":\"https://a\","
		 "\"channel\":\"a\",\"origin\":\"a\",\"jwks\":\"j\"}",
		 "verifier_keys is not right: a list of 1 to 16"},
		{"{\"feed_version\":1,\"verifier_keys\":[\"a+b\"],\"registry\":\"https://a\","
		 "\"channel\":\"a\",\"origin\":\"a\",\"jwks\":\"j\"}",
		 "verifier_keys: number 1 is none"},
	};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put_text(bench->maker, "feed.json", cases[i].text);
		assert_int_equal(read_it(bench), RESULT_INVALID);
		if (!strstr(bench->why, cases[i].said))
			print_error("%s\n", bench->why);
		assert_non_null(strstr(bench->why, cases[i].said));
		assert_non_null(strstr(bench->why, "feed.json: "));
		assert_null(bench->channel.document);
	}
	log_maker_write_feed(bench->maker, ",\"minimum_index\":-1");
	assert_int_equal(read_it(bench), RESULT_INVALID);
	log_maker_write_feed(bench->maker, ",\"curve_server_key\":\"short\"");
	assert_int_equal(read_it(bench), RESULT_INVALID);
	log_maker_remove(bench->maker, "feed.json");
	assert_int_equal(read_it(bench), FETCH_ABSENT);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_that_it_says_is_read),
		TEST(what_cannot_be_right_is_told),
	};
	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
