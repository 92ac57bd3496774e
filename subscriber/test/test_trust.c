#include "subscriber/test/log_maker.h"

#include "subscriber/trust.h"

#define ADDRESS "https://feed.registry.example/public/"

struct bench {
	struct log_maker *maker, *other;
	struct trust trust;
	struct channel channel;
	char state[160], why[1024], note[512];
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	assert_non_null(bench);
	bench->maker = log_maker_new();
	bench->other = log_maker_new();
	log_maker_fill(bench->maker, 3);
	snprintf(bench->state, sizeof bench->state, "%sstate", bench->maker->folder);
	bench->channel = (struct channel){.origin = LOG_ORIGIN,
					  .keys = {bench->maker->log, bench->maker->cosigner},
					  .key_count = 2};
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;
	log_maker_free(bench->maker);
	log_maker_free(bench->other);
	free(bench);
	return 0;
}

static int open_with(struct bench *bench, char *const *keys, size_t count)
{
	return trust_open(&bench->trust, bench->state, ADDRESS, keys, count, bench->why,
			  sizeof bench->why);
}

static int meet(struct bench *bench)
{
	return trust_meet(&bench->trust, &bench->channel, bench->note, sizeof bench->note,
			  bench->why, sizeof bench->why);
}

static void begin(struct bench *bench)
{
	assert_int_equal(open_with(bench, NULL, 0), RESULT_OK);
	assert_int_equal(meet(bench), RESULT_OK);
}

static void keep(struct bench *bench)
{
	assert_int_equal(trust_keep(&bench->trust, bench->why, sizeof bench->why), RESULT_OK);
}

static void assert_refused(struct bench *bench, const char *said)
{
	assert_int_equal(meet(bench), RESULT_INVALID);
	if (!strstr(bench->why, said))
		print_error("%s\n", bench->why);
	assert_non_null(strstr(bench->why, said));
}

static struct log_head head_of(struct bench *bench)
{
	struct log_head head;
	const struct log_keys keys = trust_keys(&bench->trust);
	struct buffer note = log_maker_note(bench->maker, 3, LOG_MAKER_TIME_S);
	assert_int_equal(log_head_parse(note.data, note.size, &keys, "x", &head, bench->why,
					sizeof bench->why),
			 RESULT_OK);
	buffer_free(&note);
	return head;
}

static void what_is_met_first_is_believed_and_remembered(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	assert_non_null(strstr(bench->note, "seen for the first time"));
	assert_non_null(strstr(bench->note, LOG_ORIGIN "+"));
	bench->trust.head = head_of(bench);
	bench->trust.has_head = true;
	bench->trust.has_next = true;
	bench->trust.next = 2;
	keep(bench);
	begin(bench);
	assert_string_equal(bench->note, "");
	assert_true(bench->trust.is_known);
	assert_int_equal(bench->trust.key_count, 2);
	assert_int_equal(bench->trust.next, 2);
	assert_int_equal(bench->trust.head.checkpoint.size, 3);
	const struct log_head head = head_of(bench);
	assert_true(merkle_equal(&bench->trust.head.checkpoint.root, &head.checkpoint.root));
}

static void another_key_in_its_place_is_refused(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	keep(bench);
	bench->channel.keys[0] = bench->other->log;
	assert_int_equal(open_with(bench, NULL, 0), RESULT_OK);
	assert_refused(bench, "the log's key was replaced by one that is not known");
	/* Unless the user says so. */
	char *key = verifier_text(&bench->other->log);
	assert_int_equal(open_with(bench, &key, 1), RESULT_OK);
	assert_int_equal(meet(bench), RESULT_OK);
	assert_int_equal(bench->trust.key_count, 2);
	free(key);
}

static void another_log_in_its_place_is_refused(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	keep(bench);
	bench->channel.origin = "registry.example/other";
	assert_int_equal(open_with(bench, NULL, 0), RESULT_OK);
	assert_refused(bench, "another log stands in its place");
	assert_non_null(strstr(bench->why, bench->trust.path));
}

static void a_key_that_was_given_is_the_only_one(void **state)
{
	struct bench *bench = *state;
	char *key = verifier_text(&bench->other->log);
	assert_int_equal(open_with(bench, &key, 1), RESULT_OK);
	assert_refused(bench, "the log's key was replaced");
	free(key);
	char *nonsense = "registry.example/public";
	assert_int_equal(open_with(bench, &nonsense, 1), RESULT_CONFIG);
	assert_non_null(strstr(bench->why, "no verifier key"));
	char *cosigner = verifier_text(&bench->maker->cosigner);
	assert_int_equal(open_with(bench, &cosigner, 1), RESULT_CONFIG);
	free(cosigner);
}

static void a_new_key_is_learned_only_from_a_checkpoint_that_it_signed(void **state)
{
	struct bench *bench = *state;
	begin(bench);
	bench->channel.keys[2] = bench->other->log;
	bench->channel.key_count = 3;
	struct log_head head = head_of(bench);
	assert_int_equal(meet(bench), RESULT_OK);
	assert_int_equal(
		trust_learn(&bench->trust, &bench->channel, &head, bench->note, sizeof bench->note),
		RESULT_OK);
	assert_string_equal(bench->note, "");
	assert_int_equal(bench->trust.key_count, 2);
	/* Now it does. */
	struct buffer note;
	uint8_t signature[VERIFIER_SIGNATURE_SIZE];
	buffer_init(&note, LOG_HEAD_MAX);
	buffer_append(&note, head.note, head.note_size);
	struct signed_note parsed;
	assert_int_equal(signed_note_parse(head.note, head.note_size, &parsed), RESULT_OK);
	sign_bytes(bench->other->log_key, parsed.text, parsed.text_size, signature);
	signed_note_add_line(&note, &bench->other->log, 0, signature);
	memcpy(head.note, note.data, note.size);
	head.note_size = note.size;
	buffer_free(&note);
	assert_int_equal(
		trust_learn(&bench->trust, &bench->channel, &head, bench->note, sizeof bench->note),
		RESULT_OK);
	assert_non_null(strstr(bench->note, "the log has a new signing key"));
	assert_int_equal(bench->trust.key_count, 3);
}

static void a_state_file_that_is_not_ours_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"{",
		"[]",
		"{\"address\":\"https://other.example/\"}",
		"{\"address\":\"" ADDRESS "\",\"origin\":\"a\",\"keys\":[]}",
		"{\"address\":\"" ADDRESS "\",\"origin\":\"a\",\"keys\":[\"nonsense\"]}"};
	struct bench *bench = *state;
	begin(bench);
	keep(bench);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		rewrite_file(bench->trust.path, wrong[i]);
		assert_int_equal(open_with(bench, NULL, 0), RESULT_CONFIG);
		assert_non_null(strstr(bench->why, "not a state file of eppwatch's"));
	}
}

static void evidence_is_both_checkpoints_as_they_came(void **state)
{
	struct bench *bench = *state;
	char told[1024], path[PATH_MAX + 64];
	begin(bench);
	bench->trust.head = head_of(bench);
	bench->trust.has_head = true;
	struct log_head other = bench->trust.head;
	other.note[0] = 'X';
	trust_keep_evidence(&bench->trust, &other, told, sizeof told);
	assert_non_null(strstr(told, "both checkpoints are kept: "));
	struct buffer file;
	buffer_init(&file, LOG_HEAD_MAX);
	snprintf(path, sizeof path, "%s.evidence-%d-old", bench->trust.path, LOG_MAKER_TIME_S);
	assert_int_equal(file_read(path, &file), RESULT_OK);
	assert_int_equal(file.size, bench->trust.head.note_size);
	assert_memory_equal(file.data, bench->trust.head.note, file.size);
	buffer_reset(&file);
	snprintf(path, sizeof path, "%s.evidence-%d-new", bench->trust.path, LOG_MAKER_TIME_S);
	assert_int_equal(file_read(path, &file), RESULT_OK);
	assert_int_equal(file.data[0], 'X');
	buffer_free(&file);
}

static void addresses_that_look_alike_have_a_file_each(void **state)
{
	struct bench *bench = *state;
	struct trust one, other;
	assert_int_equal(trust_open(&one, bench->state, "https://a.example/b_c/", NULL, 0,
				    bench->why, sizeof bench->why),
			 RESULT_OK);
	assert_int_equal(trust_open(&other, bench->state, "https://a.example/b/c/", NULL, 0,
				    bench->why, sizeof bench->why),
			 RESULT_OK);
	assert_string_not_equal(one.path, other.path);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_met_first_is_believed_and_remembered),
		TEST(another_key_in_its_place_is_refused),
		TEST(another_log_in_its_place_is_refused),
		TEST(a_key_that_was_given_is_the_only_one),
		TEST(a_new_key_is_learned_only_from_a_checkpoint_that_it_signed),
		TEST(a_state_file_that_is_not_ours_is_refused),
		TEST(evidence_is_both_checkpoints_as_they_came),
		TEST(addresses_that_look_alike_have_a_file_each),
	};
	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
