/* oom/gather.c - each allocation between the queue and the disk fails, alone or with all that follow: `make check-oom`
 *
 * Entries of each kind go through the parser into a spool. Nothing leaks, crashes or goes to stderr; of each change that
 * was seen the spool says what it is, or that it was lost.
 */
#include "plugin/gather.h"

#include "base/test/failing_malloc.h"
#include "conformance/oom/frames.h"
#include "conformance/oom/quiet.h"
#include "conformance/oom/told.h"
#include "eppparse/eppparse.h"

#include <libxml/xmlerror.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LEAST_POINTS = 80, CHANGES = 9, SPOOL_LIMIT = 64 << 20, STAMP_US = 1000 };

struct parts {
	struct state_dir *state_dir;
	struct spool_writer *spool;
	struct registrars *registrars;
	struct tickets *tickets;
	struct counters counters;
	struct gather *gather;
};

static struct scratch scratch;
static struct config config = {.spool_limit = SPOOL_LIMIT, .capture.queue = 1 << 20};

static bool open_parts(struct parts *parts)
{
	char why[256];
	if (state_dir_open(scratch.path, &parts->state_dir, why, sizeof why) != RESULT_OK ||
	    spool_writer_open(parts->state_dir, SPOOL_LIMIT, &parts->spool) != RESULT_OK ||
	    registrars_new(&parts->registrars) != RESULT_OK ||
	    tickets_new(&parts->tickets) != RESULT_OK)
		return false;
	const struct gather_parts for_gather = {.registrars = parts->registrars,
						.tickets = parts->tickets,
						.spool = parts->spool,
						.counters = &parts->counters};
	if (gather_new(&for_gather, &parts->gather) != RESULT_OK)
		return false;
	gather_use(parts->gather, &config);
	return true;
}

static void close_parts(struct parts *parts)
{
	gather_free(&parts->gather);
	spool_writer_close(&parts->spool, true);
	tickets_free(&parts->tickets);
	registrars_free(&parts->registrars);
	state_dir_close(&parts->state_dir);
}

static void show(struct parts *parts, enum queue_kind kind, uint64_t ticket, const char *command,
		 const char *response)
{
	const struct queue_entry entry = {.kind = kind,
					  .ticket = ticket,
					  .wall_us = STAMP_US,
					  .monotonic_us = STAMP_US,
					  .owner = registrars_find(parts->registrars, "ClientX"),
					  .registrar = "ClientX",
					  .command = command,
					  .command_size = strlen(command),
					  .response = response,
					  .response_size = strlen(response)};
	gather_entry(parts->gather, &entry);
}

static void show_in_two_steps(struct parts *parts, const char *command, const char *response)
{
	uint64_t ticket;
	unsigned owner = registrars_find(parts->registrars, "ClientX"), found;
	registrars_hold(parts->registrars, owner, SHARED_TICKETS, 1, 0, TICKETS);
	if (tickets_take(parts->tickets, owner, &ticket) != RESULT_OK)
		abort();
	show(parts, QUEUE_BEGIN, ticket, command, "");
	if (tickets_end(parts->tickets, ticket, &found) != RESULT_OK)
		abort();
	show(parts, QUEUE_END, ticket, "", response);
}

/* CHANGES of them, and what is none. */
static void show_all(struct parts *parts)
{
	show(parts, QUEUE_PAIR, 0, CREATE, CREATED);
	show(parts, QUEUE_PAIR, 0, OWN_UPDATE, OWN_DONE);
	show(parts, QUEUE_PAIR, 0, NSSET, DONE);
	show(parts, QUEUE_PAIR, 0, CREATE, FAILED);
	show_in_two_steps(parts, CREATE, CREATED);
	show_in_two_steps(parts, TRANSFER, TRANSFERRED);
	show_in_two_steps(parts, NSSET, DONE);
	show_in_two_steps(parts, RENAME, FAILED);
	show(parts, QUEUE_MESSAGE, 0, "", PENDED);
	show(parts, QUEUE_MESSAGE, 0, "", MOVED);
	show(parts, QUEUE_SERVER, 0, "", SERVERS);
}

static bool tell_rest(struct parts *parts)
{
	const struct clock_reading stamp = {.wall_us = STAMP_US, .monotonic_us = STAMP_US};
	gather_left_open(parts->gather, &stamp);
	return gather_losses(parts->gather, &stamp, INT64_MAX) &&
	       spool_writer_sync(parts->spool) == RESULT_OK;
}

/* True: all that there was to tell was told. */
static bool run_with_failure(long after, bool lasting)
{
	struct parts parts = {0};
	bool told = false;
	failing_begin(after, lasting);
	if (open_parts(&parts)) {
		show_all(&parts);
		if (lasting)
			failing_go_on(-1);
		for (int tries = 0; tries < 2 && !told; tries++)
			told = tell_rest(&parts);
	}
	failing_go_on(-1);
	close_parts(&parts);
	xmlResetLastError(); /* libxml2 keeps one of the thread's */
	failing_end();
	return told;
}

static void check_told(long after, bool told)
{
	struct told found = told_read(scratch.path);
	uint64_t all = found.changes + found.lost + found.unknown + found.open;
	if (told && (all < CHANGES || found.changes > CHANGES))
		fail_msg("allocation %ld: %d changes, %d lost, %d unknown, %d open", after,
			 (int)found.changes, (int)found.lost, (int)found.unknown, (int)found.open);
	if (!failing_did_fail()) {
		assert_int_equal(found.changes, CHANGES);
		assert_int_equal(found.lost, 0);
		assert_int_equal(found.given_up, 1);
	}
}

static void fail_each(bool lasting)
{
	long after = 0;
	run_with_failure(-1, lasting); /* what libraries allocate once and keep */
	for (;; after++) {
		scratch_remove(scratch.path);
		assert_int_equal(mkdir(scratch.path, 0700), 0);
		quiet_begin();
		bool told = run_with_failure(after, lasting);
		assert_int_equal(quiet_end(), 0);
		if (failing_leaked() != 0)
			fail_msg("allocation %ld: %ld leaked", after, failing_leaked());
		check_told(after, told);
		if (!failing_did_fail())
			break;
	}
	print_message("%ld allocations\n", after);
	assert_true(after >= LEAST_POINTS);
}

static void each_allocation_fails_in_turn(void **state)
{
	(void)state;
	fail_each(false);
}

/* Until all entries are read; then there is memory again, to tell what was lost. */
static void memory_is_gone_from_each_allocation_on(void **state)
{
	(void)state;
	fail_each(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails_in_turn),
		cmocka_unit_test(memory_is_gone_from_each_allocation_on),
	};
	if (eppparse_silence_thread() != RESULT_OK)
		return 1;
	config.namespaces = frames_namespaces;
	config.verbs = frames_verbs;
	scratch = told_scratch();
	int result = cmocka_run_group_tests_name("no memory: gather", tests, NULL, NULL);
	scratch_remove(scratch.path);
	return result;
}
