/* A channel's log over growth, restarts, trouble, retention and rotation; what is killed is in test_log_kill.c. */
#include "publisher/channel_log.h"

#include "publisher/test/log_fixture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct log_fixture fixture;

static int set_up(void **state)
{
	(void)state;
	log_fixture_set_up(&fixture);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_fixture_tear_down(&fixture);
	return 0;
}

static void reopen(void)
{
	char why[1024] = "";
	log_fixture_close(&fixture);
	if (log_fixture_open(&fixture, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
}

static struct checkpoint shown(void)
{
	struct checkpoint checkpoint = {0};
	struct note_verdict verdict = {0};
	assert_true(log_fixture_checkpoint(&fixture, &checkpoint, &verdict));
	return checkpoint;
}

static bool is_there(const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", fixture.config->channels->log_dir, name);
	return access(path, F_OK) == 0;
}

static void an_empty_channel_has_an_empty_log(void **state)
{
	(void)state;
	struct log_round round;
	assert_int_equal(log_fixture_round(&fixture, 0, &round), RESULT_OK);
	assert_true(round.is_signed);
	assert_int_equal(log_fixture_verify(&fixture, 0), 0);
	assert_string_equal(shown().origin, "registry.example/public");
	assert_false(is_there("tile"));
}

/* By one at first, then by more; with a restart now and then. Each tree is the beginning of the next. */
static void it_grows_as_the_channel_does(void **state)
{
	(void)state;
	log_fixture_catch_up(&fixture);
	struct checkpoint before = shown();
	for (unsigned i = 0; i < 330; i++) {
		log_fixture_add(&fixture, i < 260 ? 1 : fixture_random() % 9);
		if (fixture_random() % 20 == 0)
			reopen();
		log_fixture_catch_up(&fixture);
		struct checkpoint now = shown();
		assert_true(log_fixture_is_consistent(&fixture, &before, &now));
		before = now;
		if (i % 13 == 0 || i > 250)
			assert_int_equal(log_fixture_verify(&fixture, 0), now.size);
	}
	assert_true(before.size > 400);
}

static void a_backlog_is_caught_up_in_pieces(void **state)
{
	(void)state;
	struct log_round round;
	uint64_t before = 0;
	log_fixture_add(&fixture, 3 * LOG_ROUND_MAX + 100);
	for (int rounds = 1;; rounds++) {
		assert_int_equal(log_fixture_round(&fixture, 1000, &round), RESULT_OK);
		assert_true(round.is_signed);
		uint64_t size = shown().size;
		assert_in_range(size - before, 1, LOG_ROUND_MAX);
		assert_int_equal(log_fixture_verify(&fixture, 0), size);
		before = size;
		if (round.has_more)
			continue;
		assert_int_equal(rounds, 4);
		break;
	}
	assert_int_equal(before, 3 * LOG_ROUND_MAX + 100);
}

static void partial_files_go_when_the_full_one_is_there(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		log_fixture_add(&fixture, 51);
		log_fixture_catch_up(&fixture);
	}
	assert_true(is_there("tile/0/000.p/51"));
	assert_true(is_there("tile/0/000.p/255"));
	assert_true(is_there("tile/entries/000.p/204"));
	assert_false(is_there("tile/1/000.p"));
	log_fixture_add(&fixture, 2);
	log_fixture_catch_up(&fixture);
	assert_true(is_there("tile/0/000"));
	assert_true(is_there("tile/entries/000"));
	assert_false(is_there("tile/0/000.p"));
	assert_false(is_there("tile/entries/000.p"));
	assert_true(is_there("tile/0/001.p/1"));
	assert_true(is_there("tile/1/000.p/1"));
	assert_int_equal(log_fixture_verify(&fixture, 0), 257);
}

static void without_news_it_is_signed_anew_now_and_then(void **state)
{
	(void)state;
	struct log_round round;
	struct checkpoint checkpoint = {0};
	struct note_verdict verdict = {0};
	log_fixture_add(&fixture, 5);
	log_fixture_catch_up(&fixture);
	assert_true(log_fixture_checkpoint(&fixture, &checkpoint, &verdict));
	int64_t time_s = verdict.time_s;
	assert_int_equal(time_s, fixture.now.wall_us / 1000000);
	assert_int_equal(log_fixture_round(&fixture, LOG_RENEW_MS - 1, &round), RESULT_OK);
	assert_false(round.is_signed);
	assert_int_equal(log_fixture_round(&fixture, 1, &round), RESULT_OK);
	assert_true(round.is_signed);
	assert_true(log_fixture_checkpoint(&fixture, &checkpoint, &verdict));
	assert_int_equal(verdict.time_s, time_s + LOG_RENEW_MS / 1000);
	assert_int_equal(checkpoint.size, 5);
	/* News wait for config->checkpoint_ms. */
	log_fixture_add(&fixture, 1);
	assert_int_equal(log_fixture_round(&fixture, 999, &round), RESULT_OK);
	assert_false(round.is_signed);
	assert_int_equal(log_fixture_round(&fixture, 1, &round), RESULT_OK);
	assert_true(round.is_signed);
	assert_int_equal(shown().size, 6);
}

/* Whoever opens it next shows what was signed, though it may not have been shown. */
static void a_checkpoint_that_was_not_shown_is_shown(void **state)
{
	(void)state;
	char path[PATH_MAX];
	log_fixture_add(&fixture, 300);
	log_fixture_catch_up(&fixture);
	snprintf(path, sizeof path, "%s/checkpoint", fixture.config->channels->log_dir);
	assert_int_equal(unlink(path), 0);
	reopen();
	log_fixture_catch_up(&fixture);
	assert_int_equal(log_fixture_verify(&fixture, 0), 300);
}

/* Nothing new is shown while this file can't be written, and it goes on as soon as it can. */
static void assert_passes(const char *name)
{
	char path[PATH_MAX];
	struct log_round round;
	log_fixture_add(&fixture, 255);
	log_fixture_catch_up(&fixture);
	struct checkpoint before = shown();
	log_fixture_add(&fixture, 2);
	/* The temporary file's name is taken, by a folder. */
	snprintf(path, sizeof path, "%s/%s.new", fixture.config->channels->log_dir, name);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(file_make_folder(path, 0700), RESULT_OK);
	*slash = '/';
	assert_int_equal(mkdir(path, 0700), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(log_fixture_round(&fixture, 1000, &round), RESULT_STORE);
		assert_non_null(round.where);
		assert_int_not_equal(round.error, 0);
		assert_false(round.is_signed);
		assert_int_equal(log_fixture_verify(&fixture, 0), 255);
		if (i == 0)
			reopen();
	}
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(log_fixture_round(&fixture, 1000, &round), RESULT_OK);
	assert_true(round.is_signed);
	struct checkpoint after = shown();
	assert_true(log_fixture_is_consistent(&fixture, &before, &after));
	assert_int_equal(log_fixture_verify(&fixture, 0), 257);
}

static void trouble_with_any_file_passes(void **state)
{
	static const char *const names[] = {"tile/entries/000",     "tile/0/000",
					    "tile/entries/001.p/1", "tile/0/001.p/1",
					    "tile/1/000.p/1",       "checkpoint"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		log_fixture_set_up(&fixture);
		assert_passes(names[i]);
		log_fixture_tear_down(&fixture);
	}
}

static uint64_t told_minimum(void)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/feed.json", fixture.config->channels->log_dir);
	json_t *feed = json_load_file(path, 0, NULL);
	assert_non_null(feed);
	uint64_t minimum = (uint64_t)json_integer_value(json_object_get(feed, "minimum_index"));
	json_decref(feed);
	return minimum;
}

/* Whole bundles go, what is in the last one stays, and tiles prove it all. */
static void what_is_past_its_retention_goes(void **state)
{
	(void)state;
	static const struct {
		int64_t feed_ms;
		uint64_t minimum;
	} steps[] = {{200, 0}, {300, 256}, {1023, 768}, {1024, 1024}, {100000, 1024}};
	log_fixture_add(&fixture, 1100);
	log_fixture_catch_up(&fixture);
	assert_int_equal(told_minimum(), 0);
	struct checkpoint before = shown();
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct log_round round;
		log_fixture_prune(&fixture, steps[i].feed_ms);
		assert_int_equal(log_fixture_round(&fixture, LOG_RENEW_MS, &round), RESULT_OK);
		assert_int_equal(told_minimum(), steps[i].minimum);
		assert_int_equal(is_there("tile/entries/000"), steps[i].minimum < 256);
		assert_int_equal(is_there("tile/entries/003"), steps[i].minimum < 1024);
		assert_true(is_there("tile/0/000"));
		assert_int_equal(log_fixture_verify(&fixture, steps[i].minimum), 1100);
	}
	reopen();
	log_fixture_add(&fixture, 1000);
	log_fixture_catch_up(&fixture);
	struct checkpoint after = shown();
	assert_true(log_fixture_is_consistent(&fixture, &before, &after));
	assert_int_equal(log_fixture_verify(&fixture, 1024), 2100);
	assert_int_equal(told_minimum(), 1024);
}

static void use_config(const char *keys)
{
	log_fixture_close(&fixture);
	config_free(&fixture.config);
	fixture.config = log_fixture_config(&fixture.scratch, keys);
	char why[1024] = "";
	if (log_fixture_open(&fixture, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
}

static unsigned signatures(struct verifier *known, size_t count)
{
	struct buffer bytes;
	struct signed_note note;
	struct note_verdict verdict = {0};
	buffer_init(&bytes, SIGNED_NOTE_MAX);
	assert_int_equal(log_fixture_read(&fixture, TILES_CHECKPOINT, &bytes), RESULT_OK);
	assert_int_equal(signed_note_parse(bytes.data, bytes.size, &note), RESULT_OK);
	assert_int_equal(signed_note_verify(&note, known, count, &verdict), RESULT_OK);
	buffer_free(&bytes);
	return verdict.signatures;
}

/* Who knows one of the keys can verify as long as both sign, over restarts. */
static void two_keys_sign_while_one_takes_over(void **state)
{
	(void)state;
	struct verifier old[LOG_VERIFIERS_MAX], both[LOG_VERIFIERS_MAX];
	char more[256], from[128], to[128];
	size_t count;
	log_fixture_add(&fixture, 10);
	log_fixture_catch_up(&fixture);
	assert_int_equal(log_keys_verifiers(fixture.keys, fixture.origin, old, &count), RESULT_OK);
	assert_int_equal(count, 2);
	/* The old key is renamed, the new one put in its place. */
	snprintf(from, sizeof from, "%s/log.pem", fixture.scratch.path);
	snprintf(to, sizeof to, "%s/log-old.pem", fixture.scratch.path);
	assert_int_equal(rename(from, to), 0);
	snprintf(to, sizeof to, "%s/log-2.pem", fixture.scratch.path);
	assert_int_equal(rename(to, from), 0);
	snprintf(more, sizeof more, ", log_before: %s/log-old.pem", fixture.scratch.path);
	use_config(more);
	log_fixture_add(&fixture, 1);
	log_fixture_catch_up(&fixture);
	assert_int_equal(log_fixture_verify(&fixture, 0), 11);
	assert_int_equal(log_keys_verifiers(fixture.keys, fixture.origin, both, &count), RESULT_OK);
	assert_int_equal(count, 3);
	assert_int_equal(signatures(old, 1), 1);
	assert_int_equal(signatures(both, 1), 1);
	assert_int_not_equal(old[0].id, both[0].id);
	assert_int_equal(old[0].id, both[1].id);
	use_config("");
	log_fixture_catch_up(&fixture);
	assert_int_equal(signatures(old, 1), 0);
	assert_int_equal(signatures(both, 1), 1);
	assert_int_equal(log_fixture_verify(&fixture, 0), 11);
}

static void keys_must_be_three(void **state)
{
	(void)state;
	char why[1024], from[160], to[128];
	struct log_keys *keys;
	uint8_t event_key[FEED_KEY_SIZE];
	struct verifier verifiers[LOG_VERIFIERS_MAX];
	size_t count;
	assert_int_equal(log_keys_verifiers(fixture.keys, fixture.origin, verifiers, &count),
			 RESULT_OK);
	assert_string_equal(verifiers[1].name, "registry.example/cosigner");
	memcpy(event_key, verifiers[1].key, sizeof event_key);
	assert_int_equal(log_keys_load(fixture.config, event_key, &keys, why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(strstr(why, "keys.cosigner: is the key of keys.event"));
	assert_null(keys);
	memset(event_key, 0, sizeof event_key);
	snprintf(from, sizeof from, "cp -p %s/log.pem %s/cosigner.pem", fixture.scratch.path,
		 fixture.scratch.path);
	assert_int_equal(system(from), 0);
	assert_int_equal(log_keys_load(fixture.config, event_key, &keys, why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(strstr(why, "keys.cosigner: is the key of keys.log"));
	snprintf(to, sizeof to, "%s/cosigner.pem", fixture.scratch.path);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(log_keys_load(fixture.config, event_key, &keys, why, sizeof why),
			 RESULT_CONFIG);
	assert_non_null(strstr(why, "keys.cosigner: "));
}

#define WITH_LOG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(an_empty_channel_has_an_empty_log),
		WITH_LOG(it_grows_as_the_channel_does),
		WITH_LOG(a_backlog_is_caught_up_in_pieces),
		WITH_LOG(partial_files_go_when_the_full_one_is_there),
		WITH_LOG(without_news_it_is_signed_anew_now_and_then),
		WITH_LOG(a_checkpoint_that_was_not_shown_is_shown),
		cmocka_unit_test(trouble_with_any_file_passes),
		WITH_LOG(what_is_past_its_retention_goes),
		WITH_LOG(two_keys_sign_while_one_takes_over),
		WITH_LOG(keys_must_be_three),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
