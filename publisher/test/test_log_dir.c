/* Which log_dirs a store may go on with, and which not. */
#include "publisher/log_dir.h"

#include "publisher/test/log_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct log_fixture fixture;

static int set_up(void **state)
{
	(void)state;
	log_fixture_set_up(&fixture);
	log_fixture_add(&fixture, 700);
	log_fixture_catch_up(&fixture);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_fixture_tear_down(&fixture);
	return 0;
}

static void is_good(void)
{
	char why[1024] = "";
	log_fixture_close(&fixture);
	if (log_fixture_open(&fixture, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
}

static void is_refused(const char *words)
{
	char why[1024] = "";
	log_fixture_close(&fixture);
	assert_int_equal(log_fixture_open(&fixture, why, sizeof why), RESULT_BUSY);
	if (!strstr(why, words) || !strstr(why, "epptapctl new-log"))
		fail_msg("no \"%s\" in: %s", words, why);
}

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
	char command[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof command, format, arguments);
	va_end(arguments);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static const char *log_dir(void)
{
	return fixture.config->channels->log_dir;
}

static void a_log_as_it_was_left_is_good(void **state)
{
	(void)state;
	is_good();
	assert_int_equal(log_fixture_verify(&fixture, 0), 700);
}

/* The transaction was made, but the process died before the file was written. */
static void a_checkpoint_behind_the_store_is_good(void **state)
{
	(void)state;
	shell("cp %s/checkpoint %s/kept", log_dir(), fixture.scratch.path);
	log_fixture_add(&fixture, 400);
	log_fixture_catch_up(&fixture);
	shell("cp %s/kept %s/checkpoint", fixture.scratch.path, log_dir());
	is_good();
	log_fixture_catch_up(&fixture);
	assert_int_equal(log_fixture_verify(&fixture, 0), 1100);
}

static void a_checkpoint_that_is_missing_with_all_tiles_there_is_good(void **state)
{
	(void)state;
	shell("rm %s/checkpoint", log_dir());
	is_good();
}

static void a_log_of_a_lost_store_is_refused(void **state)
{
	(void)state;
	shell("rm -r %s/state/feed", fixture.scratch.path);
	is_refused("that the feed store does not know");
}

static void an_older_store_is_refused(void **state)
{
	(void)state;
	log_fixture_close(&fixture);
	/* By copying into the file, so that it is the same one. */
	shell("cat %s/state/feed/data.mdb > %s/kept", fixture.scratch.path, fixture.scratch.path);
	char why[1024];
	assert_int_equal(log_fixture_open(&fixture, why, sizeof why), RESULT_OK);
	log_fixture_add(&fixture, 1);
	log_fixture_catch_up(&fixture);
	log_fixture_close(&fixture);
	shell("cat %s/kept > %s/state/feed/data.mdb", fixture.scratch.path, fixture.scratch.path);
	is_refused("the log in");
}

/* The same number of events, but others. */
static void another_history_is_refused(void **state)
{
	(void)state;
	log_fixture_close(&fixture);
	shell("cat %s/state/feed/data.mdb > %s/kept", fixture.scratch.path, fixture.scratch.path);
	char why[1024];
	assert_int_equal(log_fixture_open(&fixture, why, sizeof why), RESULT_OK);
	log_fixture_add(&fixture, 10);
	log_fixture_catch_up(&fixture);
	log_fixture_close(&fixture);
	shell("cat %s/kept > %s/state/feed/data.mdb", fixture.scratch.path, fixture.scratch.path);
	shell("mv %s %s/real", log_dir(), fixture.scratch.path);
	shell("cp -r %s/real %s", fixture.scratch.path, log_dir());
	/* A history of the older store's own, in the place of the one that was told. */
	shell("rm %s/checkpoint", log_dir());
	assert_int_equal(log_fixture_open(&fixture, why, sizeof why), RESULT_OK);
	log_fixture_add(&fixture, 5);
	struct feed_txn txn;
	struct channel_record record;
	assert_int_equal(feed_txn_begin(fixture.store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "public", false, &record), RESULT_OK);
	for (int i = 0; i < 5; i++) {
		const struct feed_event event = {
			.name = "a.example", .new_name = "", .jws = "other", .jws_size = 5};
		uint64_t number;
		assert_int_equal(feed_txn_add_event(&txn, &event, 1, &number), RESULT_OK);
		assert_int_equal(feed_txn_place(&txn, &record, number), RESULT_OK);
	}
	assert_int_equal(feed_txn_set_channel(&txn, "public", &record), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	log_fixture_catch_up(&fixture);
	log_fixture_close(&fixture);
	shell("cp %s/real/checkpoint %s/checkpoint", fixture.scratch.path, log_dir());
	is_refused("tells another history");
}

static void a_log_dir_that_was_lost_or_is_older_is_refused(void **state)
{
	(void)state;
	shell("cp -r %s %s/kept", log_dir(), fixture.scratch.path);
	log_fixture_add(&fixture, 400);
	log_fixture_catch_up(&fixture);
	shell("mv %s %s/real && mv %s/kept %s", log_dir(), fixture.scratch.path,
	      fixture.scratch.path, log_dir());
	is_refused("does not hold the log of 1100 events");
	shell("rm -r %s", log_dir());
	is_refused("does not hold the log of 1100 events");
	shell("mv %s/real %s", fixture.scratch.path, log_dir());
	is_good();
}

static void a_damaged_tile_at_the_edge_is_refused(void **state)
{
	(void)state;
	shell("printf X | dd of=%s/tile/0/002.p/188 bs=1 seek=77 conv=notrunc 2>/dev/null",
	      log_dir());
	is_refused("does not hold the log of 700 events");
}

static void a_garbled_checkpoint_is_refused(void **state)
{
	(void)state;
	static const char *const commands[] = {
		"printf X > checkpoint",
		"> checkpoint",
		"printf 'registry.example/public\\n1\\n' > checkpoint",
		"rm checkpoint && mkdir checkpoint",
	};
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		shell("cd %s && %s", log_dir(), commands[i]);
		is_refused("checkpoint can't be read");
	}
}

static void another_origin_is_refused(void **state)
{
	(void)state;
	free(fixture.config->channels->origin);
	fixture.config->channels->origin = strdup("registry.example/other");
	is_refused("origin: the log was begun as registry.example/public");
}

/* As when keys.log is added to a channel whose first events are gone already. */
static void a_log_that_would_have_a_hole_is_refused(void **state)
{
	(void)state;
	struct channel_record record;
	struct feed_txn txn;
	assert_int_equal(feed_txn_begin(fixture.store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, "public", false, &record), RESULT_OK);
	assert_int_equal(feed_txn_prune(&txn, &record, INT64_MAX, 513, 1000), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	is_refused("ends before event 700, and the feed store has the events from 513 on");
}

static void a_new_log_has_a_new_origin_and_leaves_the_old_one_aside(void **state)
{
	(void)state;
	char why[1024], before[VERIFIER_NAME_SIZE], kept[512];
	snprintf(before, sizeof before, "%s", fixture.origin);
	log_fixture_add(&fixture, 30);
	assert_int_equal(identity_renew(fixture.config, fixture.store, why, sizeof why), RESULT_OK);
	is_good();
	log_fixture_catch_up(&fixture);
	assert_int_equal(log_fixture_verify(&fixture, 0), 0);
	assert_string_not_equal(fixture.origin, before);
	assert_memory_equal(fixture.origin, "registry.example/public/20", 26);
	snprintf(kept, sizeof kept, "%s/before-%s", log_dir(), strrchr(fixture.origin, '/') + 1);
	shell("test -f %s/checkpoint -a -f %s/feed.json -a -f %s/tile/0/001", kept, kept, kept);
	log_fixture_add(&fixture, 300);
	log_fixture_catch_up(&fixture);
	assert_int_equal(log_fixture_verify(&fixture, 0), 300);
}

#define WITH_LOG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(a_log_as_it_was_left_is_good),
		WITH_LOG(a_checkpoint_behind_the_store_is_good),
		WITH_LOG(a_checkpoint_that_is_missing_with_all_tiles_there_is_good),
		WITH_LOG(a_log_of_a_lost_store_is_refused),
		WITH_LOG(an_older_store_is_refused),
		WITH_LOG(another_history_is_refused),
		WITH_LOG(a_log_dir_that_was_lost_or_is_older_is_refused),
		WITH_LOG(a_damaged_tile_at_the_edge_is_refused),
		WITH_LOG(a_garbled_checkpoint_is_refused),
		WITH_LOG(another_origin_is_refused),
		WITH_LOG(a_log_that_would_have_a_hole_is_refused),
		WITH_LOG(a_new_log_has_a_new_origin_and_leaves_the_old_one_aside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
