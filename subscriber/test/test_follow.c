#include "subscriber/test/signer.h"

#include "subscriber/follow.h"

struct bench {
	struct signer signer, next;
	char *path;
	struct options options;
	struct follow follow;
	FILE *out, *err;
	char *out_text, *err_text;
	size_t out_size, err_size;
};

static void open_follow(struct bench *bench)
{
	char why[256];
	struct show show = {
		.out = bench->out, .err = bench->err, .channel = "vetted", .json = true};
	assert_int_equal(follow_open(&bench->follow, &bench->options, show, why, sizeof why),
			 RESULT_OK);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	signer_init(&bench->signer);
	signer_init(&bench->next);
	char *jwks = jwks_of(&bench->signer, NULL);
	bench->path = file_with(jwks);
	free(jwks);
	bench->options.jwks = bench->path;
	bench->options.registry = REGISTRY;
	bench->out = open_memstream(&bench->out_text, &bench->out_size);
	bench->err = open_memstream(&bench->err_text, &bench->err_size);
	open_follow(bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	follow_close(&bench->follow);
	fclose(bench->out);
	fclose(bench->err);
	free(bench->out_text);
	free(bench->err_text);
	remove_file(bench->path);
	signer_free(&bench->signer);
	signer_free(&bench->next);
	free(bench);
	return 0;
}

static const char *err_of(struct bench *bench)
{
	fflush(bench->err);
	return bench->err_text ? bench->err_text : "";
}

/* An event about example.org with this jti arrives under this topic and index. */
static void arrives_by(struct bench *bench, const struct signer *signer, const char *topic,
		       const char *index, const char *jti, int64_t now_us)
{
	char payload[1024];
	snprintf(payload, sizeof payload,
		 "{" CLAIM_ISS "," CLAIM_IAT "," CLAIM_TOE "," CLAIM_SUB_ID "," CLAIM_EVENTS
		 ",\"jti\":\"%s\"}",
		 jti);
	struct buffer jws = sign(signer, NULL, payload);
	struct message message = message_of(topic, index, &jws);
	assert_int_equal(follow_message(&bench->follow, &message, now_us), RESULT_OK);
	buffer_free(&jws);
}

static void arrives(struct bench *bench, const char *index, const char *jti)
{
	arrives_by(bench, &bench->signer, TOPIC, index, jti, 0);
}

static void assert_counts(struct bench *bench, uint64_t shown, uint64_t unverified)
{
	assert_int_equal(bench->follow.shown, shown);
	assert_int_equal(bench->follow.unverified, unverified);
}

static void verified_events_are_shown_and_counted(void **state)
{
	struct bench *bench = *state;
	bench->options.count = 2;
	arrives(bench, "17", "a");
	assert_false(follow_is_complete(&bench->follow));
	arrives(bench, "18", "b");
	assert_true(follow_is_complete(&bench->follow));
	assert_counts(bench, 2, 0);
	assert_non_null(
		strstr(bench->out_text, "{\"channel\":\"vetted\",\"index\":17,\"event\":{"));
	assert_string_equal(err_of(bench), "");
}

static void repeats_are_dropped_without_a_word(void **state)
{
	struct bench *bench = *state;
	arrives(bench, "17", "a");
	arrives(bench, "18", "b");
	size_t size = bench->out_size;
	arrives(bench, "17", "a");
	arrives(bench, "18", "b");
	assert_counts(bench, 2, 0);
	assert_int_equal(bench->out_size, size);
	assert_string_equal(err_of(bench), "");
}

static void missed_events_are_noted(void **state)
{
	struct bench *bench = *state;
	arrives(bench, "17", "a");
	arrives(bench, "21", "b");
	assert_counts(bench, 2, 0);
	assert_string_equal(err_of(bench),
			    "{\"channel\":\"vetted\",\"missed\":{\"from\":18,\"to\":20}}\n");
}

static void nothing_is_missed_where_only_some_names_are_followed(void **state)
{
	struct bench *bench = *state;
	char *names[] = {"example.org"};
	bench->options.names = (struct option_list){names, 1};
	arrives(bench, "17", "a");
	arrives(bench, "21", "b");
	assert_counts(bench, 2, 0);
	assert_string_equal(err_of(bench), "");
}

static void what_is_filtered_does_not_count(void **state)
{
	struct bench *bench = *state;
	char *registrars[] = {"ClientY"};
	bench->options.registrars = (struct option_list){registrars, 1};
	arrives(bench, "17", "a");
	arrives(bench, "20", "b");
	assert_counts(bench, 0, 0);
	assert_int_equal(bench->out_size, 0);
	/* Missed ones may have been of this registrar. */
	assert_non_null(strstr(err_of(bench), "\"from\":18,\"to\":19"));
}

static void what_does_not_verify_is_said_and_moves_nothing(void **state)
{
	struct bench *bench = *state;
	arrives(bench, "17", "a");
	arrives_by(bench, &bench->signer, "org.other.", "900", "b", 0);
	arrives(bench, "18", "b");
	assert_counts(bench, 2, 1);
	assert_non_null(strstr(bench->out_text,
			       "{\"channel\":\"vetted\",\"index\":900,\"error\":\"topic says "
			       "org.other., event is about example.org\"}\n"));
	assert_string_equal(err_of(bench), "");
}

static void checkpoints_are_passed_over_whatever_they_look_like(void **state)
{
	struct bench *bench = *state;
	struct buffer none = {0};
	struct message message = message_of("~checkpoint", "not a size", &none);
	assert_int_equal(follow_message(&bench->follow, &message, 0), RESULT_OK);
	message.frames = 1;
	assert_int_equal(follow_message(&bench->follow, &message, 0), RESULT_OK);
	assert_counts(bench, 0, 0);
	message = message_of("~checkpoints", "0", &none);
	assert_int_equal(follow_message(&bench->follow, &message, 0), RESULT_OK);
	assert_counts(bench, 0, 1);
}

static void a_new_key_is_found_in_the_file(void **state)
{
	struct bench *bench = *state;
	char *jwks = jwks_of(&bench->signer, &bench->next);
	arrives_by(bench, &bench->next, TOPIC, "1", "a", 1000000);
	assert_counts(bench, 0, 1);
	rewrite_file(bench->path, jwks);
	/* Within the same second the file isn't looked at. */
	arrives_by(bench, &bench->next, TOPIC, "1", "a", 1999999);
	assert_counts(bench, 0, 2);
	arrives_by(bench, &bench->next, TOPIC, "1", "a", 2000000);
	assert_counts(bench, 1, 2);
	free(jwks);
}

static void a_broken_key_file_leaves_the_old_keys(void **state)
{
	struct bench *bench = *state;
	rewrite_file(bench->path, "{");
	arrives_by(bench, &bench->next, TOPIC, "1", "a", 0);
	assert_counts(bench, 0, 1);
	assert_non_null(strstr(err_of(bench), "the keys read before stay in use"));
	arrives(bench, "2", "b");
	assert_counts(bench, 1, 1);
}

static void a_missing_key_file_is_told(void **state)
{
	(void)state;
	struct follow follow;
	struct options options = {.jwks = "/nonexistent/jwks.json"};
	char why[256] = "";
	assert_int_equal(follow_open(&follow, &options, (struct show){0}, why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(strstr(why, "/nonexistent/jwks.json: can't be read"));
	assert_null(follow.keys);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(verified_events_are_shown_and_counted),
		TEST(repeats_are_dropped_without_a_word),
		TEST(missed_events_are_noted),
		TEST(nothing_is_missed_where_only_some_names_are_followed),
		TEST(what_is_filtered_does_not_count),
		TEST(what_does_not_verify_is_said_and_moves_nothing),
		TEST(checkpoints_are_passed_over_whatever_they_look_like),
		TEST(a_new_key_is_found_in_the_file),
		TEST(a_broken_key_file_leaves_the_old_keys),
		cmocka_unit_test(a_missing_key_file_is_told),
	};
	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
