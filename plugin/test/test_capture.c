/* The capture thread: what a flush waits for, what happens when the disk says no, what closing loses. */
#include "plugin/capture.h"

#include "base/clock.h"
#include "plugin/test/frames.h"
#include "plugin/test/scratch.h"
#include "plugin/test/spooled.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "plugin/test/await.h"

enum { LIMIT = 1 << 20 };

static const int64_t WALL_US = 1700000000000000;

static struct scratch scratch;
static struct state_dir *state_dir;
static struct config config;
static struct counters counters;
static struct queue *queue;
static struct registrars *registrars;
static struct tickets *tickets;
static struct spool_writer *spool;
static struct capture *capture;
static struct spooled_list spooled;
static struct spooled *records; /* of the list */

/* A segment of somebody else's that takes the whole limit: nothing can be written until it is gone. */
static void fill_the_spool(char path[PATH_MAX])
{
	static char zeros[LIMIT];
	snprintf(path, PATH_MAX, "%s/" SPOOL_FOLDER, scratch.path);
	assert_int_equal(mkdir(path, 0700), 0);
	segment_path(path, scratch.path, STATE_DIR_WRITERS, 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
	close(fd);
}

static void start(void)
{
	assert_int_equal(queue_new(1 << 20, &queue), RESULT_OK);
	assert_int_equal(spool_writer_open(state_dir, LIMIT, &spool), RESULT_OK);
	assert_int_equal(registrars_new(&registrars), RESULT_OK);
	assert_int_equal(tickets_new(&tickets), RESULT_OK);
	config.capture.queue = 1 << 20;
	config.spool_limit = LIMIT;
	const struct capture_parts parts = {.config = &config,
					    .state_dir = scratch.path,
					    .queue = queue,
					    .registrars = registrars,
					    .tickets = tickets,
					    .spool = spool,
					    .counters = &counters};
	assert_int_equal(capture_start(&parts, &capture), RESULT_OK);
}

static int set_up(void **state)
{
	(void)state;
	char why[256];
	scratch = scratch_make();
	memset(&counters, 0, sizeof counters);
	memset(&config, 0, sizeof config);
	return state_dir_open(scratch.path, &state_dir, why, sizeof why);
}

static int tear_down(void **state)
{
	(void)state;
	capture_stop(&capture, 1000);
	spool_writer_close(&spool, true);
	state_dir_close(&state_dir);
	queue_free(&queue);
	registrars_free(&registrars);
	tickets_free(&tickets);
	spooled_free(&spooled);
	scratch_remove(scratch.path);
	return 0;
}

static void put_intent(uint64_t ticket, const char *command, const char *response)
{
	uint64_t position;
	struct clock_reading now;
	clock_read(&now);
	const struct queue_entry entry = {.kind = *command ? QUEUE_BEGIN : QUEUE_END,
					  .ticket = ticket,
					  .wall_us = now.wall_us,
					  .monotonic_us = now.monotonic_us,
					  .registrar = "",
					  .command = command,
					  .command_size = strlen(command),
					  .response = response,
					  .response_size = strlen(response)};
	assert_int_equal(queue_put(queue, &entry, &position), RESULT_OK);
}

/* A command whose end the capture thread has yet to learn of; `open` others are under way. */
static uint64_t begin_and_end(uint64_t open)
{
	uint64_t ticket;
	unsigned owner;
	assert_true(registrars_hold(registrars, 1, SHARED_TICKETS, 1, open, TICKETS));
	assert_int_equal(tickets_take(tickets, 1, &ticket), RESULT_OK);
	assert_int_equal(tickets_end(tickets, ticket, &owner), RESULT_OK);
	put_intent(ticket, FRAME_UPDATE("a.example"), "");
	return ticket;
}

static void put(const char *registrar, const char *command, const char *response)
{
	uint64_t position;
	const struct queue_entry entry = {.wall_us = WALL_US,
					  .monotonic_us = 5,
					  .owner = registrars_find(registrars, registrar),
					  .registrar = registrar,
					  .command = command,
					  .command_size = strlen(command),
					  .response = response,
					  .response_size = strlen(response)};
	assert_int_equal(queue_put(queue, &entry, &position), RESULT_OK);
}

/* Answers how many records the spool has. */
static int read_spool(void)
{
	spooled_read(&spooled, scratch.path);
	records = spooled.items;
	return spooled.count;
}

static void await_records(int count)
{
	assert_true(spooled_await(&spooled, scratch.path, count));
	records = spooled.items;
}

static void assert_gap(const struct spooled *found, const char *reason, const char *registrar,
		       const char *txn, uint64_t count)
{
	assert_int_equal(found->header.kind, SPOOL_GAP);
	assert_string_equal(found->gap.reason, reason);
	assert_string_equal(found->gap.registrar, registrar);
	assert_string_equal(found->gap.txn, txn);
	assert_int_equal(found->gap.count, count);
}

static void after_a_flush_the_changes_stand_in_the_file_in_order(void **state)
{
	(void)state;
	static const char *const names[] = {"a.example", "b.example"};
	start();
	put("clientx", FRAME_UPDATE("a.example"), FRAME_DONE);
	put("clientx", FRAME_CHECK, FRAME_DONE);
	put("a client", FRAME_UPDATE("b.example"), FRAME_DONE);
	assert_int_equal(capture_flush(capture, 10000), RESULT_OK);
	assert_int_equal(read_spool(), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(records[i].header.kind, SPOOL_CHANGE);
		assert_int_equal(records[i].header.ticket, 0);
		assert_true(records[i].header.wall_us == WALL_US);
		assert_true(records[i].header.monotonic_us == 5);
		assert_string_equal(records[i].name, names[i]);
		assert_string_equal(records[i].registrar, i == 0 ? "clientx" : "");
		assert_string_equal(records[i].txn, "SV-1");
	}
	assert_int_equal(counters.spooled, 2);
	assert_int_equal(counters.read[EPPPARSE_CHANGE], 2);
	assert_int_equal(counters.read[EPPPARSE_NOTHING], 1);
	assert_int_equal(counters.registrars_left_out, 1);
}

static void a_pair_that_cannot_be_read_is_told_as_a_gap_of_one(void **state)
{
	(void)state;
	start();
	put("clientx", "<", FRAME_DONE);
	put("x@y.example", "<!DOCTYPE a>", FRAME_DONE);
	put("clientx", FRAME_UPDATE("a.example"), "<");
	assert_int_equal(capture_flush(capture, 10000), RESULT_OK);
	assert_int_equal(read_spool(), 3);
	assert_gap(&records[0], "malformed", "clientx", "SV-1", 1);
	assert_gap(&records[1], "doctype", "", "SV-1", 1);
	assert_gap(&records[2], "malformed", "clientx", "", 1);
	for (int i = 0; i < 3; i++) {
		assert_true(records[i].gap.from_us == WALL_US && records[i].gap.to_us == WALL_US);
		assert_true(records[i].header.wall_us == WALL_US);
	}
	assert_int_equal(counters.read[EPPPARSE_MALFORMED], 2);
}

static void losses_are_told_as_gaps_under_what_a_registrar_is_published_as(void **state)
{
	(void)state;
	char clientx[] = "clientx", title[] = "ClientX Ltd", test[] = "test", hide[] = "hide";
	struct config_pair names[] = {{clientx, title}, {test, hide}};
	static const char *const logins[] = {"clientx", "test", "a@b.example", "clienty", ""};
	static const char *const published[] = {"ClientX Ltd", "", "", "clienty", ""};
	config.registrars = (struct config_pairs){names, 2};
	start();
	for (int i = 0; i < 5; i++) {
		unsigned who = registrars_find(registrars, logins[i]);
		registrars_lose(registrars, who, LOSS_FRAME_LIMIT, WALL_US + i);
		await_records(i + 1);
		assert_gap(&records[i], "frame_limit", published[i], "", 1);
		assert_true(records[i].gap.from_us == WALL_US + i);
		assert_true(records[i].gap.to_us == WALL_US + i);
	}
	capture_stop(&capture, 1000);
	assert_int_equal(read_spool(), 5);
}

/* Until the spool could not be written once more. */
static void await_failure(void)
{
	uint64_t before = atomic_load(&counters.sync_failures);
	AWAIT(atomic_load(&counters.sync_failures) != before);
}

static void what_is_lost_to_a_full_spool_is_told_when_it_has_room(void **state)
{
	(void)state;
	char path[PATH_MAX];
	fill_the_spool(path);
	start();
	assert_int_equal(capture_why_full(capture), LOSS_QUEUE_FULL);
	put("", FRAME_UPDATE("a.example"), FRAME_DONE);
	AWAIT(capture_why_full(capture) == LOSS_SPOOL_LIMIT);
	for (int i = 0; i < 3; i++)
		registrars_lose(registrars, registrars_find(registrars, "clientx"),
				LOSS_SPOOL_LIMIT, WALL_US + i);
	assert_int_equal(unlink(path), 0);
	await_records(2);
	assert_string_equal(records[0].name, "a.example");
	assert_gap(&records[1], "spool_limit", "clientx", "", 3);
	assert_true(records[1].gap.from_us == WALL_US && records[1].gap.to_us == WALL_US + 2);
	assert_int_equal(capture_why_full(capture), LOSS_QUEUE_FULL);
}

/* Memory for commands that wait for their responses has a bound: what is beyond it ends as unknown, if it succeeds. */
static void an_intent_that_could_not_be_kept_ends_as_unknown(void **state)
{
	(void)state;
	static const enum spool_kind kinds[] = {SPOOL_INTENT,  SPOOL_INTENT,   SPOOL_INTENT,
						SPOOL_UNKNOWN, SPOOL_GIVEN_UP, SPOOL_CHANGE};
	uint64_t tickets_of[3];
	start();
	config.capture.queue = 200; /* room for one change */
	for (int i = 0; i < 3; i++)
		tickets_of[i] = begin_and_end(i);
	put_intent(tickets_of[1], "", FRAME_DONE);
	put_intent(tickets_of[2], "",
		   FRAMES_EPP "<response><result code=\"2400\"/></response></epp>");
	put_intent(tickets_of[0], "", FRAME_DONE);
	assert_int_equal(capture_flush(capture, 10000), RESULT_OK);
	assert_int_equal(read_spool(), 6);
	for (int i = 0; i < spooled.count; i++)
		assert_int_equal(spooled.items[i].header.kind, kinds[i]);
	for (int i = 0; i < spooled.count; i++)
		if (spooled.items[i].header.kind == SPOOL_UNKNOWN)
			assert_true(spooled.items[i].header.ticket == tickets_of[1]);
		else if (spooled.items[i].header.kind == SPOOL_CHANGE)
			assert_true(spooled.items[i].header.ticket == tickets_of[0]);
}

/* Whoever dies while the spool is full leaves any part of what waited: of commands one after the other, one is open. */
static void what_ended_stands_before_what_began_after_it_also_in_a_full_spool(void **state)
{
	(void)state;
	char path[PATH_MAX];
	fill_the_spool(path);
	start();
	uint64_t first = begin_and_end(0);
	AWAIT(queue_used(queue) == 0);
	tickets_hand_over(tickets, first, FATE_GIVEN_UP, INT64_MAX);
	uint64_t second = begin_and_end(1);
	AWAIT(queue_used(queue) == 0);
	assert_int_equal(unlink(path), 0);
	await_records(3);
	assert_int_equal(records[0].header.kind, SPOOL_INTENT);
	assert_true(records[0].header.ticket == first);
	assert_int_equal(records[1].header.kind, SPOOL_GIVEN_UP);
	assert_true(records[1].header.ticket == first);
	assert_int_equal(records[2].header.kind, SPOOL_INTENT);
	assert_true(records[2].header.ticket == second);
	/* and it is stamped as of its place, not of when it ended */
	for (int i = 1; i < 3; i++) {
		assert_true(records[i - 1].header.monotonic_us <= records[i].header.monotonic_us);
		assert_true(records[i - 1].header.wall_us <= records[i].header.wall_us);
	}
}

static void a_flush_of_nothing_returns_at_once_even_with_no_time(void **state)
{
	(void)state;
	start();
	assert_int_equal(capture_flush(capture, 0), RESULT_OK);
}

static void while_the_spool_is_full_a_flush_times_out_and_nothing_is_lost(void **state)
{
	(void)state;
	char path[PATH_MAX];
	fill_the_spool(path);
	start();
	put("", FRAME_UPDATE("a.example"), FRAME_DONE);
	int64_t before_us = clock_monotonic_us();
	assert_int_equal(capture_flush(capture, 50), RESULT_TIMEOUT);
	assert_true(clock_monotonic_us() - before_us >= 50000);
	await_failure();
	assert_int_equal(counters.spooled, 0);
	put("", FRAME_UPDATE("b.example"), FRAME_DONE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(capture_flush(capture, 10000), RESULT_OK);
	assert_int_equal(counters.spooled, 2);
	assert_true(capture_stop(&capture, 0));
	assert_int_equal(counters.lost[LOSS_CLOSED], 0);
}

static void stopping_counts_what_could_not_be_made_durable(void **state)
{
	(void)state;
	char path[PATH_MAX];
	fill_the_spool(path);
	start();
	for (int i = 0; i < 5; i++)
		put("", FRAME_UPDATE("a.example"), FRAME_DONE);
	assert_false(capture_stop(&capture, 20));
	assert_null(capture);
	assert_int_equal(counters.lost[LOSS_CLOSED], 5);
	assert_int_equal(counters.spooled, 0);
	assert_int_equal(queue_start(queue), queue_end(queue));
	assert_true(capture_stop(&capture, 20));
}

/* What is in the queue when it stops is lost, and said. False: the thread took something meanwhile, which it does not do
 * for a tenth of a second after a failure, in which it sleeps. */
static bool stop_with_five_in_the_queue(void)
{
	char path[PATH_MAX];
	fill_the_spool(path);
	start();
	put("", FRAME_UPDATE("a.example"), FRAME_DONE);
	await_failure();
	for (int i = 0; i < 5; i++)
		put("clientx", FRAME_UPDATE("b.example"), FRAME_DONE);
	registrars_lose(registrars, registrars_find(registrars, "clienty"), LOSS_QUEUE_FULL,
			WALL_US);
	assert_int_equal(unlink(path), 0);
	assert_true(capture_stop(&capture, 0));
	if (counters.lost[LOSS_CLOSED] != 5)
		return false;
	spool_writer_close(&spool, true);
	assert_int_equal(read_spool(), 4);
	assert_string_equal(records[0].name, "a.example");
	assert_gap(&records[1], "queue_full", "clienty", "", 1);
	assert_gap(&records[2], "closed", "", "", 5);
	assert_int_equal(records[3].header.kind, SPOOL_CLOSED);
	assert_int_equal(counters.spooled, 1);
	return true;
}

static void what_stopping_loses_is_told_if_the_disk_takes_it(void **state)
{
	for (int tries = 0; !stop_with_five_in_the_queue(); tries++) {
		assert_in_range(tries, 0, 10);
		tear_down(state);
		assert_int_equal(set_up(state), RESULT_OK);
	}
}

static void stopping_makes_durable_what_it_can(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 500; i++)
		put("", FRAME_UPDATE("a.example"), FRAME_DONE);
	assert_true(capture_stop(&capture, 30000));
	assert_int_equal(counters.lost[LOSS_CLOSED], 0);
	assert_int_equal(counters.spooled, 500);
}

static void the_counters_make_a_json_object(void **state)
{
	(void)state;
	struct buffer json;
	start();
	put("", FRAME_UPDATE("a.example"), FRAME_DONE);
	put("", "<!DOCTYPE a>", FRAME_DONE);
	assert_int_equal(capture_flush(capture, 10000), RESULT_OK);
	atomic_store(&counters.lost[LOSS_QUEUE_FULL], 7);
	buffer_init(&json, 4096);
	counters_write(&counters, &json);
	buffer_append_byte(&json, 0);
	assert_false(json.failed);
	assert_non_null(
		strstr(json.data, "\"changes\":1,\"spooled\":1,\"lost\":{\"queue_full\":7,"));
	assert_non_null(strstr(json.data, "\"doctype\":1,"));
	buffer_free(&json);
}

#define WITH_PARTS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PARTS(after_a_flush_the_changes_stand_in_the_file_in_order),
		WITH_PARTS(a_pair_that_cannot_be_read_is_told_as_a_gap_of_one),
		WITH_PARTS(losses_are_told_as_gaps_under_what_a_registrar_is_published_as),
		WITH_PARTS(what_is_lost_to_a_full_spool_is_told_when_it_has_room),
		WITH_PARTS(what_stopping_loses_is_told_if_the_disk_takes_it),
		WITH_PARTS(an_intent_that_could_not_be_kept_ends_as_unknown),
		WITH_PARTS(what_ended_stands_before_what_began_after_it_also_in_a_full_spool),
		WITH_PARTS(a_flush_of_nothing_returns_at_once_even_with_no_time),
		WITH_PARTS(while_the_spool_is_full_a_flush_times_out_and_nothing_is_lost),
		WITH_PARTS(stopping_counts_what_could_not_be_made_durable),
		WITH_PARTS(stopping_makes_durable_what_it_can),
		WITH_PARTS(the_counters_make_a_json_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
