/* What may be published from, and what must not be: copies, older states, lost folders. */
#include "publisher/identity.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LIMIT = 64 << 20, CHANNELS = 2 };

static struct scratch scratch;
static struct config *config;
static struct feed_store *store;
static struct feed_identity identity;
static char why[1024];

static void open_store(void)
{
	if (feed_store_open(config->state_dir, LIMIT, false, &store, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
}

static void reopen(void)
{
	feed_store_close(&store);
	open_store();
}

static int check(void)
{
	why[0] = '\0';
	return identity_check(config, store, &identity, why, sizeof why);
}

static void is_good(void)
{
	if (check() != RESULT_OK)
		fail_msg("%s", why);
}

static void is_refused(const char *word, const char *other_word)
{
	assert_int_equal(check(), RESULT_BUSY);
	if (!strstr(why, word) || !strstr(why, other_word))
		fail_msg("neither \"%s\" nor \"%s\" may be missing in: %s", word, other_word, why);
	assert_non_null(strstr(why, "epptapctl new-log"));
}

static int set_up(void **state)
{
	(void)state;
	char channels[512];
	scratch = scratch_make();
	snprintf(channels, sizeof channels,
		 "channels:\n"
		 "  - {name: one, bind: 'tcp://127.0.0.1:7700', log_dir: %s/log/one}\n"
		 "  - {name: two, bind: 'tcp://127.0.0.1:7701', log_dir: %s/log/two}\n",
		 scratch.path, scratch.path);
	config = fixture_config(&scratch, channels);
	open_store();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_store_close(&store);
	config_free(&config);
	scratch_remove(scratch.path);
	return 0;
}

/* Places `count` events in the channel, and puts `held` more into its count of those that wait. */
static void publish(size_t channel, int count, uint64_t held)
{
	const struct feed_event event = {
		.name = "a.example", .new_name = "", .jws = "j", .jws_size = 1};
	const char *name = config->channels[channel].name;
	struct channel_record record;
	struct feed_txn txn;
	uint64_t number;
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, name, true, &record), RESULT_OK);
	for (int i = 0; i < count; i++) {
		assert_int_equal(feed_txn_add_event(&txn, &event, 1, &number), RESULT_OK);
		assert_int_equal(feed_txn_place(&txn, &record, number), RESULT_OK);
	}
	record.held += held;
	assert_int_equal(feed_txn_set_channel(&txn, name, &record), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
}

static void tell(size_t channel, uint64_t events)
{
	const char *folder = config->channels[channel].log_dir;
	char path[256];
	snprintf(path, sizeof path, "%s/log", scratch.path);
	mkdir(path, 0700);
	mkdir(folder, 0700);
	assert_int_equal(identity_tell_position(&config->channels[channel], &identity, events),
			 RESULT_OK);
}

static struct channel_record record_of(size_t channel)
{
	struct channel_record record;
	struct feed_txn txn;
	assert_int_equal(feed_txn_begin(store, true, &txn), RESULT_OK);
	assert_int_equal(feed_txn_channel(&txn, config->channels[channel].name, false, &record),
			 RESULT_OK);
	feed_txn_abort(&txn);
	return record;
}

static void position_path(size_t channel, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/position.json", config->channels[channel].log_dir);
}

static void write_position(size_t channel, const char *text)
{
	char path[PATH_MAX];
	position_path(channel, path);
	FILE *file = fopen(path, "we");
	FIXTURE_MUST(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void a_new_store_gets_an_identity_that_stays(void **state)
{
	(void)state;
	is_good();
	struct feed_identity first = identity;
	assert_int_not_equal(first.inode, 0);
	assert_int_equal(first.generation, 0);
	assert_int_equal(first.renewed, 0);
	reopen();
	is_good();
	assert_memory_equal(&identity, &first, sizeof first);
	publish(0, 5, 0);
	tell(0, 5);
	tell(1, 0);
	reopen();
	is_good();
	assert_memory_equal(&identity, &first, sizeof first);
}

static void two_stores_have_two_identities(void **state)
{
	(void)state;
	is_good();
	struct feed_identity first = identity;
	feed_store_close(&store);
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER, config->state_dir);
	scratch_remove(path);
	open_store();
	is_good();
	assert_memory_not_equal(identity.stream, first.stream, sizeof first.stream);
}

/* Within a second of the last position there may be more in the store. */
static void a_position_behind_the_store_is_good_and_one_ahead_is_not(void **state)
{
	(void)state;
	is_good();
	publish(0, 5, 0);
	tell(0, 3);
	is_good();
	tell(0, 6);
	is_refused("channel one: 6 events were published, and the feed store knows 5",
		   "state_dir is older");
	tell(0, 5);
	is_good();
	/* One that the store has no record of at all. */
	tell(1, 1);
	is_refused("channel two: 1 events were published, and the feed store knows 0",
		   "state_dir is older");
}

static void a_copy_is_refused(void **state)
{
	(void)state;
	char command[PATH_MAX];
	is_good();
	feed_store_close(&store);
	snprintf(command, sizeof command,
		 "cd %s/" FEED_STORE_FOLDER " && cp -p data.mdb copy && mv copy data.mdb",
		 config->state_dir);
	assert_int_equal(system(command), 0);
	open_store();
	is_refused("is a copy", "as another file");
}

static void save(const struct feed_identity *changed)
{
	struct feed_txn txn;
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_set_identity(&txn, changed), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
}

static void another_machines_is_refused(void **state)
{
	(void)state;
	is_good();
	if (!*identity.machine)
		skip(); /* this machine has no id */
	identity.machine[3] ^= 1;
	save(&identity);
	is_refused("is a copy", "on another machine");
	/* One that was made where there was no id. */
	memset(identity.machine, 0, sizeof identity.machine);
	save(&identity);
	is_good();
}

static void a_lost_state_dir_is_refused_while_its_log_is_there(void **state)
{
	(void)state;
	char path[PATH_MAX];
	is_good();
	publish(0, 5, 0);
	tell(0, 5);
	feed_store_close(&store);
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER, config->state_dir);
	scratch_remove(path);
	open_store();
	is_refused("5 events that the feed store does not know", "state_dir was lost");
	is_refused("5 events that the feed store does not know", "state_dir was lost");
}

static void another_streams_log_is_refused(void **state)
{
	(void)state;
	is_good();
	publish(1, 5, 0);
	identity.stream[0] ^= 1;
	tell(1, 2);
	is_refused("channel two", "another feed's");
}

static void a_lost_log_is_begun_again(void **state)
{
	(void)state;
	is_good();
	publish(0, 5, 0);
	tell(0, 5);
	scratch_remove(config->channels[0].log_dir);
	is_good();
}

static void a_garbled_position_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"stream\":1,\"generation\":0,\"events\":0}",
		"{\"generation\":0,\"events\":0}",
		"{\"stream\":\"00\",\"generation\":0}",
		"{\"stream\":\"00\",\"generation\":0,\"events\":\"5\"}",
	};
	is_good();
	tell(0, 0);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_position(0, texts[i]);
		errno = ENOENT; /* of something before it */
		is_refused("position.json can't be read", "no JSON of ours");
	}
	char path[PATH_MAX];
	position_path(0, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	is_refused("position.json can't be read", "it says what was published");
}

static int renew(void)
{
	return identity_renew(config, store, why, sizeof why);
}

static void a_new_log_begins_at_0_and_keeps_what_is_held(void **state)
{
	(void)state;
	const struct feed_event event = {
		.name = "held.example", .new_name = "", .jws = "j", .jws_size = 1};
	struct feed_identity first;
	struct feed_txn txn;
	uint64_t number;
	is_good();
	first = identity;
	publish(0, 12000, 0); /* more than one transaction takes away */
	publish(1, 7, 3);
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_add_event(&txn, &event, 1, &number), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	tell(0, 12000);
	tell(1, 9); /* ahead: it is refused */
	is_refused("channel two", "state_dir is older");
	if (renew() != RESULT_OK)
		fail_msg("%s", why);
	is_good();
	assert_memory_not_equal(identity.stream, first.stream, sizeof first.stream);
	assert_true(identity.generation > 1000000000); /* when it was begun */
	assert_int_equal(identity.renewed, 1);
	assert_int_equal(record_of(0).next_index, 0);
	assert_int_equal(record_of(1).next_index, 0);
	assert_int_equal(record_of(1).held, 3);
	assert_int_equal(fixture_count(store, TABLE_PLACES), 0);
	assert_int_equal(fixture_count(store, TABLE_EVENTS), 1);
	publish(0, 2, 0);
	tell(0, 2);
	is_good();
	/* The old state, if it came back, is another's. */
	save(&first);
	is_refused("another feed's", "log_dir");
}

/* What was told is not news in the new log either, and what is pending will end in it. */
static void a_new_log_keeps_what_is_noted_of_earlier_events(void **state)
{
	(void)state;
	const struct note_key told = {.kind = NOTE_TOLD}, pending = {.kind = NOTE_PENDING};
	struct feed_txn txn;
	is_good();
	assert_int_equal(feed_txn_begin(store, false, &txn), RESULT_OK);
	assert_int_equal(feed_txn_put_note(&txn, &told, 5, "", 0), RESULT_OK);
	assert_int_equal(feed_txn_put_note(&txn, &pending, 5, "x", 1), RESULT_OK);
	assert_int_equal(feed_txn_commit(&txn), RESULT_OK);
	assert_int_equal(renew(), RESULT_OK);
	is_good();
	assert_int_equal(fixture_count(store, TABLE_NOTES), 2);
	assert_int_equal(fixture_count(store, TABLE_AGES), 2);
}

static void a_new_log_makes_a_copy_the_original(void **state)
{
	(void)state;
	is_good();
	identity.inode++;
	save(&identity);
	is_refused("is a copy", "as another file");
	assert_int_equal(renew(), RESULT_OK);
	is_good();
}

/* Cut short before the second log_dir: refused still, and the command given again helps. */
static void a_renewal_that_was_cut_short_can_be_given_again(void **state)
{
	(void)state;
	is_good();
	publish(0, 5, 0);
	publish(1, 5, 0);
	tell(0, 5);
	tell(1, 5);
	char path[PATH_MAX];
	/* A folder where the new file would be put: what stands there stays. */
	position_path(1, path);
	scratch_remove(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(renew(), RESULT_STORE);
	assert_non_null(strstr(why, config->channels[1].log_dir));
	assert_int_equal(check(), RESULT_BUSY);
	assert_int_equal(rmdir(path), 0);
	write_position(1, "{\"stream\":\"00\",\"generation\":0,\"events\":5}");
	is_refused("channel one", "another feed's");
	assert_int_equal(renew(), RESULT_OK);
	is_good();
	assert_true(identity.generation > 1000000000);
	assert_int_equal(record_of(0).next_index, 0);
}

static void a_renewal_makes_log_dirs_that_are_missing(void **state)
{
	(void)state;
	char path[PATH_MAX];
	assert_int_equal(renew(), RESULT_OK);
	for (size_t i = 0; i < CHANNELS; i++) {
		position_path(i, path);
		assert_int_equal(access(path, F_OK), 0);
	}
	is_good();
	assert_int_equal(identity.renewed, 1);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_new_store_gets_an_identity_that_stays),
		WITH_STORE(two_stores_have_two_identities),
		WITH_STORE(a_position_behind_the_store_is_good_and_one_ahead_is_not),
		WITH_STORE(a_copy_is_refused),
		WITH_STORE(another_machines_is_refused),
		WITH_STORE(a_lost_state_dir_is_refused_while_its_log_is_there),
		WITH_STORE(another_streams_log_is_refused),
		WITH_STORE(a_lost_log_is_begun_again),
		WITH_STORE(a_garbled_position_is_refused),
		WITH_STORE(a_new_log_begins_at_0_and_keeps_what_is_held),
		WITH_STORE(a_new_log_keeps_what_is_noted_of_earlier_events),
		WITH_STORE(a_new_log_makes_a_copy_the_original),
		WITH_STORE(a_renewal_that_was_cut_short_can_be_given_again),
		WITH_STORE(a_renewal_makes_log_dirs_that_are_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
