/* The publisher's thread as a whole: a spool goes in, a feed comes out, over refusals of port and disk, deaths of
 * processes, and reloads. Another process is this program, run again with a word that says what to do. */
#include "publisher/publisher.h"

#include "base/clock.h"
#include "publisher/identity.h"
#include "publisher/signing_key.h"
#include "publisher/status_files.h"
#include "publisher/test/fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zmq.h>

#include <cmocka.h>

#include "plugin/test/await.h"

enum { MINUTE_MS = 60000, POLL_US = 2000 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TAKE_OVER_MS = 5000 };
#else
enum { TAKE_OVER_MS = 1000 };
#endif

#define LIVE_WRITER STATE_DIR_WRITERS

static struct scratch scratch;
static struct config *config;
static struct config *reloaded[4]; /* the publisher may have any of them */
static size_t reload_count;
static struct state_dir *dir;
static struct publisher *publisher;
static pid_t other; /* 0: no other process */
static struct change change;
static char why[512];

static int start(void)
{
	const struct publisher_host host = {.config = config, .dir = dir};
	return publisher_start(&host, &publisher, why, sizeof why);
}

static void must_start(void)
{
	if (start() != RESULT_OK)
		fail_msg("%s", why);
}

static void open_dir(void)
{
	if (state_dir_open(config->state_dir, &dir, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
}

/* A text with the test's folder in it. */
static char scratch_text[512];
#define IN_FOLDER(format)                                                                          \
	(snprintf(scratch_text, sizeof scratch_text, format, scratch.path), scratch_text)

/* What a config says behind registry, state_dir and key. */
#define CHANNELS                                                                                   \
	"sign_threads: 2\n"                                                                        \
	"zones: [example]\n"                                                                       \
	"channels:\n"                                                                              \
	"  - {name: public, bind: 'ipc://%s/public'}\n"

static int set_up(void **state)
{
	(void)state;
	char path[128];
	scratch = scratch_make();
	snprintf(path, sizeof path, "%s/event.pem", scratch.path);
	fixture_key(path, "ED25519", NULL);
	config = fixture_config(&scratch, IN_FOLDER(CHANNELS));
	open_dir();
	change_init(&change);
	return 0;
}

static void end_other(void)
{
	if (other > 0) {
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	other = 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_other();
	publisher_stop(&publisher, 0);
	state_dir_close(&dir);
	change_free(&change);
	config_free(&config);
	while (reload_count > 0)
		config_free(&reloaded[--reload_count]);
	scratch_remove(scratch.path);
	return 0;
}

/* A segment of changes of n<first>.example and on, each with its number as svTRID and as stamp. */
static void put_changes(uint64_t writer, int first, int count)
{
	struct fixture_segment segment;
	char text[32];
	fixture_segment_begin(&segment, writer, 1);
	for (int i = first; i < first + count; i++) {
		snprintf(text, sizeof text, "n%d.example", i);
		fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, text);
		snprintf(text, sizeof text, "%d", i);
		FIXTURE_MUST(change_token_read(&change.svtrid, text, strlen(text)) == RESULT_OK);
		fixture_change_record(&segment, SPOOL_CHANGE, 0, i, &change);
	}
	if (writer != LIVE_WRITER)
		fixture_record(&segment, SPOOL_CLOSED, 0, first + count, "", 0);
	fixture_segment_put(&segment, config->state_dir);
	fixture_segment_free(&segment);
}

/* What a writer of its own left, and closed, so that no crash is told. */
static void put_segment(uint32_t writer, int first, int count)
{
	put_changes(LIVE_WRITER + writer, first, count);
}

static json_int_t counter(const char *name, char state_text[32])
{
	struct buffer text;
	buffer_init(&text, 65536);
	buffer_append_byte(&text, '{');
	publisher_write_stats(publisher, &text);
	buffer_append_byte(&text, '}');
	json_t *stats = json_loadb(text.data, text.size, 0, NULL);
	assert_non_null(stats);
	json_t *members = json_object_get(stats, "publisher");
	json_int_t value = json_integer_value(json_object_get(members, name));
	if (state_text)
		snprintf(state_text, 32, "%s",
			 json_string_value(json_object_get(members, "state")));
	json_decref(stats);
	buffer_free(&text);
	return value;
}

static void wait_until_counted(const char *name, json_int_t least)
{
	int64_t deadline_us = clock_monotonic_us() + MINUTE_MS * 1000LL;
	while (counter(name, NULL) < least) {
		if (clock_monotonic_us() > deadline_us)
			fail_msg("%s is %lld, not %lld", name, (long long)counter(name, NULL),
				 (long long)least);
		clock_sleep_us(POLL_US);
	}
}

static void wait_for_state(const char *expected)
{
	char state[32] = "";
	int64_t deadline_us = clock_monotonic_us() + MINUTE_MS * 1000LL;
	while (counter("published", state), strcmp(state, expected) != 0) {
		if (clock_monotonic_us() > deadline_us)
			fail_msg("the state is %s, not %s", state, expected);
		clock_sleep_us(POLL_US);
	}
}

/* What stands in a place: its claims, or its JOSE header; to be given back. NULL: there is no such place. */
static json_t *part_at(struct feed_txn *txn, const char *channel, uint64_t index, bool header)
{
	struct channel_record record;
	uint64_t number;
	struct feed_event event;
	struct buffer part;
	assert_int_equal(feed_txn_channel(txn, channel, false, &record), RESULT_OK);
	if (feed_txn_placed(txn, &record, index, &number) != RESULT_OK)
		return NULL;
	assert_int_equal(feed_txn_event(txn, number, &event), RESULT_OK);
	const char *from = event.jws;
	const char *to = memchr(from, '.', event.jws_size);
	if (!header) {
		from = to + 1;
		to = memrchr(event.jws, '.', event.jws_size);
	}
	buffer_init(&part, 65536);
	assert_int_equal(feed_base64url_decode(from, (size_t)(to - from), &part), RESULT_OK);
	json_t *read = json_loadb(part.data, part.size, 0, NULL);
	assert_non_null(read);
	buffer_free(&part);
	return read;
}

/* The svTRID of a place's event, as a number; -1: there is no such place; -2: it is an event of the tap's own. */
static int number_at(struct feed_txn *txn, uint64_t index)
{
	json_t *claims = part_at(txn, "public", index, false);
	if (!claims)
		return -1;
	const char *text = json_string_value(json_object_get(claims, "txn"));
	int number = text ? atoi(text) : -2;
	json_decref(claims);
	return number;
}

static struct feed_store *store;

/* Stops it, and opens the store: no process may have that open twice. */
static void open_feed(struct feed_txn *txn)
{
	publisher_stop(&publisher, MINUTE_MS);
	assert_null(publisher);
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(feed_txn_begin(store, true, txn), RESULT_OK);
}

static void close_feed(struct feed_txn *txn)
{
	feed_txn_abort(txn);
	feed_store_close(&store);
}

/* Each change once, in order, and nothing else. */
static void assert_feed_is(int count)
{
	struct feed_txn txn;
	open_feed(&txn);
	for (int i = 0; i < count; i++)
		assert_int_equal(number_at(&txn, (uint64_t)i), i);
	assert_int_equal(number_at(&txn, (uint64_t)count), -1);
	close_feed(&txn);
}

static int segments_left(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, config->state_dir);
	return scratch_count(path);
}

static void what_dead_processes_left_is_published_in_order_and_removed(void **state)
{
	(void)state;
	put_segment(1, 0, 700);
	put_segment(2, 700, 1);
	put_segment(5, 701, 1400);
	must_start();
	wait_until_counted("published", 2101);
	assert_feed_is(2101);
	assert_int_equal(segments_left(), 0);
}

static void the_live_segment_is_followed_and_stays(void **state)
{
	(void)state;
	assert_int_equal(state_dir_lock(dir, LIVE_WRITER), RESULT_OK);
	put_changes(LIVE_WRITER, 0, 3);
	must_start();
	wait_until_counted("published", 3);
	put_changes(LIVE_WRITER, 0, 10); /* the same file, longer */
	publisher_stop(&publisher, MINUTE_MS);
	assert_int_equal(segments_left(), 1);
	must_start();
	assert_feed_is(10);
	assert_int_equal(segments_left(), 1);
}

static void stopping_without_time_loses_and_doubles_nothing(void **state)
{
	(void)state;
	put_segment(1, 0, 3000);
	for (int i = 0; i < 20; i++) {
		must_start();
		publisher_stop(&publisher, i % 3 ? 0 : 3);
	}
	must_start();
	assert_feed_is(3000);
	assert_int_equal(segments_left(), 0);
}

/* More batches than the publisher has: those that wait while the store fails must all be kept. */
static void while_the_store_fails_all_waits_and_goes_on_when_it_can(void **state)
{
	(void)state;
	struct rlimit before, tight;
	put_segment(1, 0, 1);
	must_start();
	wait_until_counted("published", 1);
	publisher_stop(&publisher, MINUTE_MS);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	put_segment(2, 1, 3000);
	tight = before;
	tight.rlim_cur = 150000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int result = start();
	if (result == RESULT_OK)
		wait_until_counted("store_failures", 4);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	if (result != RESULT_OK)
		fail_msg("%s", why);
	wait_until_counted("published", 3000);
	wait_for_state("publishing");
	assert_feed_is(3001);
}

static void a_port_that_is_taken_is_waited_for(void **state)
{
	(void)state;
	size_t size;
	char channels[256], endpoint[64];
	void *zmq = zmq_ctx_new(), *squatter = zmq_socket(zmq, ZMQ_PUB);
	assert_int_equal(zmq_bind(squatter, "tcp://127.0.0.1:*"), 0);
	size = sizeof endpoint;
	assert_int_equal(zmq_getsockopt(squatter, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	config_free(&config);
	snprintf(channels, sizeof channels, "channels:\n  - {name: public, bind: '%s'}\n",
		 endpoint);
	config = fixture_config(&scratch, channels);
	put_segment(1, 0, 5);
	must_start();
	wait_for_state("waits_for_port");
	assert_int_equal(counter("published", NULL), 0);
	wait_until_counted("lag_ms", 1);
	zmq_close(squatter);
	zmq_ctx_term(zmq);
	wait_until_counted("published", 5);
	assert_feed_is(5);
}

static void records_that_hold_no_change_and_names_outside_are_counted(void **state)
{
	(void)state;
	struct fixture_segment segment;
	struct feed_txn txn;
	fixture_segment_begin(&segment, LIVE_WRITER + 1, 1);
	fixture_record(&segment, SPOOL_CHANGE, 0, 1, "nonsense", 8);
	fixture_record(&segment, 77, 0, 2, "", 0);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.other");
	fixture_change_record(&segment, SPOOL_CHANGE, 0, 3, &change);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	assert_int_equal(change_token_read(&change.svtrid, "7", 1), RESULT_OK);
	fixture_change_record(&segment, SPOOL_CHANGE, 0, 4, &change);
	fixture_record(&segment, SPOOL_CLOSED, 0, 5, "", 0);
	fixture_segment_put(&segment, config->state_dir);
	fixture_segment_free(&segment);
	must_start();
	wait_until_counted("published", 3);
	assert_int_equal(counter("undecodable_records", NULL), 2);
	assert_int_equal(counter("outside_zones", NULL), 1);
	assert_int_equal(counter("gaps", NULL), 2);
	open_feed(&txn);
	assert_int_equal(number_at(&txn, 0), -2);
	assert_int_equal(number_at(&txn, 1), -2);
	assert_int_equal(number_at(&txn, 2), 7);
	assert_int_equal(number_at(&txn, 3), -1);
	close_feed(&txn);
}

static void an_event_too_large_is_published_with_counts(void **state)
{
	(void)state;
	struct fixture_segment segment;
	struct change_name *host;
	fixture_segment_begin(&segment, LIVE_WRITER + 1, 1);
	fixture_change(&change, CHANGE_DOMAIN, CHANGE_UPDATE, "a.example");
	assert_int_equal(change_token_read(&change.svtrid, "0", 1), RESULT_OK);
	for (int i = 0; i < CHANGE_LIST_MAX; i++) {
		assert_int_equal(change_add_host(&change.add, &host), RESULT_OK);
		assert_int_equal(change_name_read(host, "ns1.provider.example", 20), RESULT_OK);
	}
	fixture_change_record(&segment, SPOOL_CHANGE, 0, 1, &change);
	fixture_record(&segment, SPOOL_CLOSED, 0, 2, "", 0);
	fixture_segment_put(&segment, config->state_dir);
	fixture_segment_free(&segment);
	must_start();
	wait_until_counted("published", 1);
	assert_int_equal(counter("truncated", NULL), 1);
	assert_feed_is(1);
}

static void the_counters_and_keys_are_there_as_files(void **state)
{
	(void)state;
	char path[256];
	must_start();
	publisher_stop(&publisher, MINUTE_MS);
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER "/" STATUS_PUBLISHER_FILE,
		 config->state_dir);
	json_t *status = json_load_file(path, 0, NULL);
	assert_non_null(status);
	assert_int_equal(json_integer_value(json_object_get(status, "pid")), getpid());
	json_decref(status);
	snprintf(path, sizeof path, "%s/jwks.json", config->channels[0].log_dir);
	json_t *keys = json_load_file(path, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(keys, "keys")), 1);
	json_decref(keys);
}

static void a_key_that_is_missing_fails_the_start_and_leaves_nothing_open(void **state)
{
	(void)state;
	int threads = scratch_count("/proc/self/task");
	must_start();
	publisher_stop(&publisher, 0);
	int fds = scratch_count("/proc/self/fd");
	assert_int_equal(unlink(config->key_event), 0);
	assert_int_equal(start(), RESULT_CONFIG);
	assert_null(publisher);
	assert_memory_equal(why, config->key_event, strlen(config->key_event));
	assert_int_equal(scratch_count("/proc/self/fd"), fds);
	AWAIT_THREADS(threads);
}

/* Other processes. */

/* Runs this program again. */
static pid_t run_self(const char *word, const char *config_path)
{
	pid_t child = fork();
	if (child == 0) {
		execl("/proc/self/exe", "test_publisher", word, config_path, (char *)NULL);
		_exit(127);
	}
	assert_true(child > 0);
	return child;
}

static void wait_until_publishes(pid_t process)
{
	int64_t deadline_us = clock_monotonic_us() + MINUTE_MS * 1000LL;
	while (state_dir_holder(dir, STATE_DIR_PUBLISHER) != (long)process) {
		if (clock_monotonic_us() > deadline_us)
			fail_msg("process %ld does not publish", (long)process);
		clock_sleep_us(POLL_US);
	}
}

/* How many events the one that publishes has told of in the log_dir. */
static void wait_for_position(json_int_t least)
{
	char path[PATH_MAX];
	json_int_t events = 0;
	int64_t deadline_us = clock_monotonic_us() + MINUTE_MS * 1000LL;
	snprintf(path, sizeof path, "%s/position.json", config->channels[0].log_dir);
	while (events < least) {
		if (clock_monotonic_us() > deadline_us)
			fail_msg("%lld events, not %lld", (long long)events, (long long)least);
		clock_sleep_us(POLL_US);
		json_t *position = json_load_file(path, 0, NULL);
		events = json_integer_value(json_object_get(position, "events"));
		json_decref(position);
	}
}

static void start_other(void)
{
	other = run_self("publish", config->path);
	wait_until_publishes(other);
}

/* Kills the other, until we publish. */
static int64_t take_over_us(void)
{
	int64_t killed_us = clock_monotonic_us();
	end_other();
	wait_for_state("publishing");
	return clock_monotonic_us() - killed_us;
}

static void when_the_one_that_publishes_is_killed_another_goes_on(void **state)
{
	(void)state;
	start_other();
	must_start();
	wait_for_state("stands_by");
	put_segment(1, 0, 1000);
	wait_for_position(1000);
	put_segment(2, 1000, 2000); /* some of it may be under way when it dies */
	int64_t took_us = take_over_us();
	put_segment(3, 3000, 10);
	wait_for_position(3010);
	assert_feed_is(3010);
	assert_int_equal(segments_left(), 0);
	for (int i = 0; i < 2 && took_us > TAKE_OVER_MS * 1000; i++) { /* the machine may pause */
		publisher_stop(&publisher, 0);
		start_other();
		must_start();
		wait_for_state("stands_by");
		took_us = take_over_us();
	}
	assert_in_range(took_us, 0, TAKE_OVER_MS * 1000);
}

/* The file of a config that was written so many seconds ago. */
static void set_age(const char *path, int seconds)
{
	struct timespec times[2];
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The config in a file of its own, as another process with an older one has it. */
static void start_older(void)
{
	char command[PATH_MAX], path[128];
	snprintf(path, sizeof path, "%s/older.yaml", scratch.path);
	snprintf(command, sizeof command, "cp %s %s", config->path, path);
	assert_int_equal(system(command), 0);
	set_age(path, 100);
	other = run_self("publish", path);
	wait_until_publishes(other);
}

/* What another thread or process may do wrong any time, it has so long to do. */
static void stays_so(pid_t process)
{
	int64_t until_us = clock_monotonic_us() + 1000000;
	while (clock_monotonic_us() < until_us) {
		assert_int_equal(state_dir_holder(dir, STATE_DIR_PUBLISHER), process);
		clock_sleep_us(POLL_US);
	}
}

static void the_newer_config_gets_it_and_keeps_it(void **state)
{
	(void)state;
	put_segment(1, 0, 100);
	start_older();
	wait_for_position(100);
	must_start();
	wait_for_state("publishing");
	assert_int_equal(state_dir_holder(dir, STATE_DIR_PUBLISHER), getpid());
	assert_int_equal(kill(other, 0), 0);
	stays_so(getpid());
	put_segment(2, 100, 100);
	wait_until_counted("published", 100);
	/* With us gone, the older one goes on. */
	publisher_stop(&publisher, MINUTE_MS);
	wait_until_publishes(other);
	put_segment(3, 200, 5);
	wait_for_position(205);
	end_other();
	assert_feed_is(205);
}

static void configs_of_one_age_leave_it_where_it_is(void **state)
{
	(void)state;
	start_other();
	must_start();
	stays_so(other);
	wait_for_state("stands_by");
}

static void a_newer_config_that_cannot_publish_leaves_it_to_the_older(void **state)
{
	(void)state;
	start_older();
	config_free(&config);
	config = fixture_config(
		&scratch, IN_FOLDER("channels:\n"
				    "  - {name: public, bind: 'ipc://%s/public',\n"
				    "     curve: {secret: /nonexistent/key, clients: any}}\n"));
	must_start();
	wait_for_state("refused");
	wait_until_publishes(other);
	stays_so(other);
	stays_so(other);
}

/* Reloads. */

static int reload(const char *key_file, const char *more)
{
	char path[128];
	struct config *next = fixture_config(&scratch, more);
	snprintf(path, sizeof path, "%s/%s", scratch.path, key_file);
	free(next->key_event);
	next->key_event = strdup(path);
	reloaded[reload_count++] = next;
	why[0] = '\0';
	return publisher_reload(publisher, next, why, sizeof why);
}

static void must_reload(const char *key_file, const char *more)
{
	if (reload(key_file, more) != RESULT_OK)
		fail_msg("%s", why);
}

static void make_key(const char *file, char id[FEED_KEY_ID_SIZE])
{
	char path[128];
	struct signing_key *key;
	snprintf(path, sizeof path, "%s/%s", scratch.path, file);
	if (access(path, F_OK) != 0)
		fixture_key(path, "ED25519", NULL);
	assert_int_equal(signing_key_load(path, &key, why, sizeof why), RESULT_OK);
	snprintf(id, FEED_KEY_ID_SIZE, "%s", signing_key_id(key));
	signing_key_free(&key);
}

static void assert_signed_by(struct feed_txn *txn, uint64_t index, const char *id)
{
	json_t *header = part_at(txn, "public", index, true);
	assert_non_null(header);
	assert_string_equal(json_string_value(json_object_get(header, "kid")), id);
	json_decref(header);
}

/* An event of the tap's own, of that name, one of whose members is that text. */
static void assert_own(struct feed_txn *txn, uint64_t index, const char *name, const char *key,
		       const char *text)
{
	json_t *claims = part_at(txn, "public", index, false);
	assert_non_null(claims);
	json_t *event = json_object_get(json_object_get(claims, "events"), name);
	assert_non_null(event);
	assert_string_equal(json_string_value(json_object_get(event, key)), text);
	json_decref(claims);
}

static void assert_key_event(struct feed_txn *txn, uint64_t index, const char *action,
			     const char *id, const char *signer)
{
	assert_own(txn, index, "urn:epptap:key", "action", action);
	assert_own(txn, index, "urn:epptap:key", "kid", id);
	assert_signed_by(txn, index, signer);
}

static size_t keys_published(void)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/jwks.json", config->channels[0].log_dir);
	json_t *keys = json_load_file(path, 0, NULL);
	size_t count = json_array_size(json_object_get(keys, "keys"));
	json_decref(keys);
	return count;
}

static void a_reloaded_key_is_told_under_the_old_one(void **state)
{
	(void)state;
	struct feed_txn txn;
	char old[FEED_KEY_ID_SIZE], new[FEED_KEY_ID_SIZE];
	make_key("event.pem", old);
	make_key("new.pem", new);
	put_segment(1, 0, 3);
	must_start();
	wait_until_counted("published", 3);
	assert_int_equal(keys_published(), 1);
	must_reload("new.pem", IN_FOLDER(CHANNELS));
	assert_int_equal(keys_published(), 2);
	put_segment(2, 3, 2);
	wait_until_counted("published", 7);
	must_reload("new.pem", IN_FOLDER(CHANNELS)); /* the same key again is no news */
	open_feed(&txn);
	for (uint64_t i = 0; i < 3; i++)
		assert_signed_by(&txn, i, old);
	assert_key_event(&txn, 3, "added", new, old);
	assert_key_event(&txn, 4, "retired", old, old);
	for (uint64_t i = 5; i < 7; i++) {
		assert_int_equal(number_at(&txn, i), (int)i - 2);
		assert_signed_by(&txn, i, new);
	}
	assert_int_equal(number_at(&txn, 7), -1);
	close_feed(&txn);
}

static void a_reload_with_a_bad_key_changes_nothing(void **state)
{
	(void)state;
	char old[FEED_KEY_ID_SIZE], path[128];
	make_key("event.pem", old);
	must_start();
	snprintf(path, sizeof path, "%s/bad.pem", scratch.path);
	assert_int_equal(reload("bad.pem", IN_FOLDER(CHANNELS)), RESULT_CONFIG);
	assert_non_null(strstr(why, path));
	fixture_key(path, "EC", NULL);
	assert_int_equal(reload("bad.pem", IN_FOLDER(CHANNELS)), RESULT_CONFIG);
	assert_non_null(strstr(why, "an Ed25519 key is needed"));
	put_segment(1, 0, 3);
	wait_until_counted("published", 3);
	assert_feed_is(3);
}

/* Else a process that reloaded the same would ask for it. */
static void a_reloaded_config_is_told_with_its_own_age(void **state)
{
	(void)state;
	struct stat file;
	set_age(config->path, 100);
	must_start();
	assert_int_equal(stat(config->path, &file), 0);
	assert_int_equal(state_dir_told_config(dir) / 1000000000, file.st_mtim.tv_sec);
	must_reload("event.pem", IN_FOLDER(CHANNELS));
	assert_int_equal(stat(config->path, &file), 0);
	assert_int_equal(state_dir_told_config(dir) / 1000000000, file.st_mtim.tv_sec);
}

/* A config that can't be used, where that shows only when it is: the old one goes on. */
static void a_reload_that_fails_late_goes_on_with_the_old_config(void **state)
{
	(void)state;
	must_start();
	assert_int_equal(
		reload("event.pem",
		       IN_FOLDER("channels:\n"
				 "  - {name: public, bind: 'ipc://%s/public',\n"
				 "     curve: {secret: /nonexistent/key, clients: any}}\n")),
		RESULT_CONFIG);
	assert_non_null(strstr(why, "/nonexistent/key"));
	put_segment(1, 0, 3);
	wait_until_counted("published", 3);
	assert_feed_is(3);
}

static void a_reload_may_bring_channels_and_take_them_away(void **state)
{
	(void)state;
	struct feed_txn txn;
	char more[1024];
	put_segment(1, 0, 2);
	must_start();
	wait_until_counted("published", 2);
	const char *channels = IN_FOLDER(CHANNELS);
	snprintf(more, sizeof more, "%s  - {name: second, bind: 'ipc://%s/second'}\n", channels,
		 scratch.path);
	must_reload("event.pem", more);
	put_segment(2, 2, 2);
	wait_until_counted("published", 4);
	must_reload("event.pem", IN_FOLDER(CHANNELS));
	put_segment(3, 4, 1);
	wait_until_counted("published", 5);
	open_feed(&txn);
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(number_at(&txn, i), (int)i);
	for (uint64_t i = 0; i < 3; i++) {
		json_t *claims = part_at(&txn, "second", i, false);
		assert_int_equal(claims != NULL, i < 2);
		if (claims)
			assert_int_equal(atoi(json_string_value(json_object_get(claims, "txn"))),
					 i + 2);
		json_decref(claims);
	}
	close_feed(&txn);
}

/* Its batches were dropped for the news of the key, which then could not be told. */
static void a_key_that_cannot_be_told_costs_no_change(void **state)
{
	(void)state;
	char new[FEED_KEY_ID_SIZE];
	struct rlimit before, tight;
	make_key("new.pem", new);
	put_segment(1, 0, 1);
	must_start();
	wait_until_counted("published", 1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = before;
	tight.rlim_cur = 8192; /* no page of the store but its first two */
	put_segment(2, 1, 3000);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	wait_until_counted("store_failures", 3);
	int result = reload("new.pem", IN_FOLDER(CHANNELS));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_not_equal(result, RESULT_OK);
	assert_non_null(strstr(why, "the old one stays"));
	wait_until_counted("published", 3001);
	assert_feed_is(3001);
}

static void a_key_that_changed_while_nobody_published_is_told_by_itself(void **state)
{
	(void)state;
	struct feed_txn txn;
	char new[FEED_KEY_ID_SIZE];
	put_segment(1, 0, 1);
	must_start();
	wait_until_counted("published", 1);
	publisher_stop(&publisher, MINUTE_MS);
	assert_int_equal(unlink(config->key_event), 0);
	make_key("event.pem", new);
	put_segment(2, 1, 1);
	must_start();
	wait_until_counted("published", 2);
	assert_int_equal(keys_published(), 2);
	open_feed(&txn);
	assert_int_equal(number_at(&txn, 0), 0);
	assert_key_event(&txn, 1, "added", new, new);
	assert_int_equal(number_at(&txn, 2), 1);
	assert_int_equal(number_at(&txn, 3), -1);
	close_feed(&txn);
}

/* To the process that will have the next config: it need not tell of the key again. */
static void a_key_is_told_before_another_process_takes_over_with_it(void **state)
{
	(void)state;
	struct feed_txn txn;
	char old[FEED_KEY_ID_SIZE], new[FEED_KEY_ID_SIZE], path[128];
	make_key("event.pem", old);
	make_key("new.pem", new);
	put_segment(1, 0, 1);
	must_start();
	wait_until_counted("published", 1);
	snprintf(path, sizeof path, "%s/new.pem", scratch.path);
	struct config *next = reloaded[reload_count++] =
		fixture_config(&scratch, IN_FOLDER(CHANNELS));
	free(next->key_event);
	next->key_event = strdup(path);
	if (publisher_hand_over(publisher, next, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(state_dir_holder(dir, STATE_DIR_PUBLISHER), 0);
	publisher_stop(&publisher, 0);
	free(config->key_event);
	config->key_event = strdup(path);
	put_segment(2, 1, 1);
	must_start();
	wait_until_counted("published", 1);
	open_feed(&txn);
	assert_int_equal(number_at(&txn, 0), 0);
	assert_key_event(&txn, 1, "added", new, old);
	assert_key_event(&txn, 2, "retired", old, old);
	assert_int_equal(number_at(&txn, 3), 1);
	assert_signed_by(&txn, 3, new);
	assert_int_equal(number_at(&txn, 4), -1);
	close_feed(&txn);
}

static void a_refused_state_dir_heals_with_a_new_log_and_without_a_restart(void **state)
{
	(void)state;
	struct feed_txn txn;
	int status;
	put_segment(1, 0, 5);
	must_start();
	wait_until_counted("published", 5);
	publisher_stop(&publisher, MINUTE_MS);
	scratch_remove(IN_FOLDER("%s/state/" FEED_STORE_FOLDER));
	put_segment(2, 0, 2);
	must_start();
	wait_for_state("refused");
	assert_int_equal(segments_left(), 1);
	pid_t child = run_self("renew", config->path);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	wait_for_state("publishing");
	wait_until_counted("published", 3);
	open_feed(&txn);
	assert_own(&txn, 0, "urn:epptap:gap", "reason", "new_log");
	assert_int_equal(number_at(&txn, 1), 0);
	assert_int_equal(number_at(&txn, 2), 1);
	assert_int_equal(number_at(&txn, 3), -1);
	close_feed(&txn);
	/* It is told once. */
	must_start();
	open_feed(&txn);
	assert_int_equal(number_at(&txn, 3), -1);
	close_feed(&txn);
}

/* As the other process. */

static int publish_until_killed(void)
{
	must_start();
	while (pause() != 0)
		;
	return 1;
}

static int begin_new_log(void)
{
	while (state_dir_lock(dir, STATE_DIR_PUBLISHER) != RESULT_OK)
		clock_sleep_us(POLL_US);
	if (feed_store_open(config->state_dir, config->store_limit, false, &store, why,
			    sizeof why) != RESULT_OK ||
	    identity_renew(config, store, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	feed_store_close(&store);
	state_dir_close(&dir);
	config_free(&config);
	return 0;
}

static int be_other(const char *word, const char *config_path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	FIXTURE_MUST(config_load(config_path, &config, why, sizeof why) == RESULT_OK);
	open_dir();
	return strcmp(word, "publish") == 0 ? publish_until_killed() : begin_new_log();
}

#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	if (argc == 3)
		return be_other(argv[1], argv[2]);
	const struct CMUnitTest tests[] = {
		WITH_CONFIG(what_dead_processes_left_is_published_in_order_and_removed),
		WITH_CONFIG(the_live_segment_is_followed_and_stays),
		WITH_CONFIG(stopping_without_time_loses_and_doubles_nothing),
		WITH_CONFIG(while_the_store_fails_all_waits_and_goes_on_when_it_can),
		WITH_CONFIG(a_port_that_is_taken_is_waited_for),
		WITH_CONFIG(records_that_hold_no_change_and_names_outside_are_counted),
		WITH_CONFIG(an_event_too_large_is_published_with_counts),
		WITH_CONFIG(the_counters_and_keys_are_there_as_files),
		WITH_CONFIG(when_the_one_that_publishes_is_killed_another_goes_on),
		WITH_CONFIG(the_newer_config_gets_it_and_keeps_it),
		WITH_CONFIG(configs_of_one_age_leave_it_where_it_is),
		WITH_CONFIG(a_newer_config_that_cannot_publish_leaves_it_to_the_older),
		WITH_CONFIG(a_reloaded_key_is_told_under_the_old_one),
		WITH_CONFIG(a_reload_with_a_bad_key_changes_nothing),
		WITH_CONFIG(a_reloaded_config_is_told_with_its_own_age),
		WITH_CONFIG(a_reload_that_fails_late_goes_on_with_the_old_config),
		WITH_CONFIG(a_reload_may_bring_channels_and_take_them_away),
		WITH_CONFIG(a_key_that_cannot_be_told_costs_no_change),
		WITH_CONFIG(a_key_that_changed_while_nobody_published_is_told_by_itself),
		WITH_CONFIG(a_key_is_told_before_another_process_takes_over_with_it),
		WITH_CONFIG(a_refused_state_dir_heals_with_a_new_log_and_without_a_restart),
		WITH_CONFIG(a_key_that_is_missing_fails_the_start_and_leaves_nothing_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
