/* The capture thread: what a flush waits for, what happens when the disk says no, what closing loses. */
#include "plugin/capture.h"

#include "base/clock.h"
#include "plugin/test/frames.h"
#include "plugin/test/scratch.h"
#include "plugin/test/segment_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LIMIT = 1 << 20 };

static struct scratch scratch;
static struct state_dir *state_dir;
static struct config config;
static struct counters counters;
static struct queue *queue;
static struct registrars *registrars;
static struct spool_writer *spool;
static struct capture *capture;

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
	const struct capture_parts parts = {.config = &config,
					    .queue = queue,
					    .registrars = registrars,
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
	scratch_remove(scratch.path);
	return 0;
}

static void put(const char *registrar, const char *command, const char *response)
{
	uint64_t position;
	const struct queue_entry entry = {.wall_us = 1700000000000000,
					  .monotonic_us = 5,
					  .owner = registrars_find(registrars, registrar),
					  .registrar = registrar,
					  .command = command,
					  .command_size = strlen(command),
					  .response = response,
					  .response_size = strlen(response)};
	assert_int_equal(queue_put(queue, &entry, &position), RESULT_OK);
}

static void after_a_flush_the_changes_stand_in_the_file_in_order(void **state)
{
	(void)state;
	static const char *const names[] = {"a.example", "b.example"};
	struct segment_file file;
	struct spool_record_header header = {0};
	struct change change;
	const char *payload = NULL;
	start();
	put("clientx", FRAME_UPDATE("a.example"), FRAME_DONE);
	put("clientx", FRAME_CHECK, FRAME_DONE);
	put("a client", FRAME_UPDATE("b.example"), FRAME_DONE);
	put("clientx", "<", FRAME_DONE);
	assert_int_equal(capture_flush(capture, 10000), RESULT_OK);
	change_init(&change);
	assert_true(segment_open(&file, scratch.path, spool_writer_number(spool), 1));
	for (int i = 0; i < 2; i++) {
		assert_true(segment_next(&file, &header, &payload));
		assert_int_equal(change_decode(&change, payload, header.size), RESULT_OK);
		assert_string_equal(change.name.text, names[i]);
		assert_string_equal(change.registrar.text, i == 0 ? "clientx" : "");
		assert_string_equal(change.svtrid.text, "SV-1");
		assert_true(header.wall_us == 1700000000000000 && header.monotonic_us == 5);
		assert_int_equal(header.kind, SPOOL_CHANGE);
		assert_int_equal(header.ticket, 0);
	}
	assert_false(segment_next(&file, &header, &payload));
	segment_close(&file);
	change_free(&change);
	assert_int_equal(counters.spooled, 2);
	assert_int_equal(counters.read[EPPPARSE_CHANGE], 2);
	assert_int_equal(counters.read[EPPPARSE_NOTHING], 1);
	assert_int_equal(counters.read[EPPPARSE_MALFORMED], 1);
	assert_int_equal(counters.registrars_left_out, 1);
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
	assert_true(counters.sync_failures > 0);
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
		WITH_PARTS(a_flush_of_nothing_returns_at_once_even_with_no_time),
		WITH_PARTS(while_the_spool_is_full_a_flush_times_out_and_nothing_is_lost),
		WITH_PARTS(stopping_counts_what_could_not_be_made_durable),
		WITH_PARTS(stopping_makes_durable_what_it_can),
		WITH_PARTS(the_counters_make_a_json_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
