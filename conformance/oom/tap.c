/* oom/tap.c - each allocation of a tap's life fails in turn, on whichever thread it is: `make check-oom`
 *
 * Opened, shown frames by each call, flushed, closed; without a publisher of its own. Nothing leaks or crashes, and of
 * each change that was taken the spool says what it is, or that it was lost.
 */
#include "plugin/epptap.h"

#include "base/test/failing_malloc.h"
#include "conformance/oom/frames.h"
#include "conformance/oom/quiet.h"
#include "conformance/oom/told.h"

#include <libxml/parser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LEAST_POINTS = 200, CHANGES = 5, FLUSH_MS = 5000, STATS_SIZE = 32768 };

static struct scratch scratch;
static char config_path[128], state_dir[128];

static void write_config(void)
{
	FILE *config = fopen(config_path, "we");
	fprintf(config,
		"registry: https://registry.example\nstate_dir: %s\n"
		"keys: {event: /nowhere/event.pem}\npublisher: process\n"
		"capture: {queue: 1MiB, frame_limit: 64KiB}\nspool: {limit: 16MiB}\n"
		"channels:\n  - {name: public, bind: 'ipc:///nowhere/public'}\n"
		"server_changes: true\nverbs: {undelete: restore}\nnamespaces:\n",
		state_dir);
	for (size_t i = 0; i < frames_namespaces.count; i++)
		fprintf(config, "  %s: %s\n", frames_namespaces.items[i].from,
			frames_namespaces.items[i].to);
	fclose(config);
}

static int show_bytes(struct epptap_stream *stream,
		      int (*show)(struct epptap_stream *, const void *, size_t), const char *frame)
{
	size_t length = strlen(frame) + 4;
	const char header[] = {(char)(length >> 24), (char)(length >> 16), (char)(length >> 8),
			       (char)length};
	int result = show(stream, header, sizeof header);
	return result != EPPTAP_OK ? result : show(stream, frame, length - 4);
}

/* 1: a connection with a change was taken. */
static int show_stream(struct epptap *tap)
{
	struct epptap_stream *stream;
	if (epptap_stream_new(tap, "ClientZ", &stream) != EPPTAP_OK)
		return 0;
	int taken = show_bytes(stream, epptap_stream_client, CREATE) == EPPTAP_OK &&
		    show_bytes(stream, epptap_stream_server, CREATED) == EPPTAP_OK;
	epptap_stream_free(&stream);
	return taken;
}

/* How many changes it took. */
static int show_all(struct epptap *tap)
{
	char json[STATS_SIZE], why[256];
	size_t size = sizeof json;
	uint64_t ticket;
	int taken = 0;
	taken += epptap_transaction(tap, "ClientX", CREATE, strlen(CREATE), CREATED,
				    strlen(CREATED)) == EPPTAP_OK;
	taken += epptap_transaction(tap, "ClientX", OWN_UPDATE, strlen(OWN_UPDATE), OWN_DONE,
				    strlen(OWN_DONE)) == EPPTAP_OK;
	taken += epptap_begin(tap, "ClientY", TRANSFER, strlen(TRANSFER), &ticket) == EPPTAP_OK;
	if (epptap_end(tap, ticket, TRANSFERRED, strlen(TRANSFERRED)) != EPPTAP_OK)
		taken--;
	taken += epptap_server_change(tap, SERVERS, strlen(SERVERS)) == EPPTAP_OK;
	taken += show_stream(tap);
	int flushed = epptap_flush(tap, FLUSH_MS);
	int counted_up = epptap_stats(tap, json, &size);
	int reloaded = epptap_reload(tap, why, sizeof why);
	(void)counted_up;
	(void)reloaded;
	return flushed == EPPTAP_OK ? taken : -1;
}

struct outcome {
	int opened; /* what epptap_open() answered */
	int taken;
	char why[512];
};

static void run_with_failure(long after, struct outcome *outcome)
{
	struct epptap *tap;
	*outcome = (struct outcome){.taken = 0};
	failing_begin(after, false);
	outcome->opened = epptap_open(config_path, &tap, outcome->why, sizeof outcome->why);
	if (outcome->opened == EPPTAP_OK)
		outcome->taken = show_all(tap);
	epptap_close(&tap, FLUSH_MS);
	failing_end();
}

static void check_told(long after, const struct outcome *outcome)
{
	struct told found = told_read(state_dir);
	uint64_t all = found.changes + found.lost + found.unknown + found.open;
	if (all < (uint64_t)outcome->taken || found.changes > CHANGES)
		fail_msg("allocation %ld: %d taken, %d changes, %d lost, %d unknown, %d open",
			 after, outcome->taken, (int)found.changes, (int)found.lost,
			 (int)found.unknown, (int)found.open);
	if (!failing_did_fail())
		assert_int_equal(found.changes, CHANGES);
}

/* Some calls of the system tell of want of memory by errno: then the words say so. */
static bool says_no_memory(const struct outcome *outcome)
{
	return outcome->opened == EPPTAP_ENOMEM ||
	       (outcome->opened == EPPTAP_ESTORE && strstr(outcome->why, "Cannot allocate memory"));
}

static void each_allocation_fails_in_turn(void **state)
{
	(void)state;
	struct outcome outcome;
	long after = 0;
	run_with_failure(-1, &outcome); /* what libraries allocate once and keep */
	for (;; after++) {
		scratch_remove(state_dir);
		quiet_begin();
		run_with_failure(after, &outcome);
		long complaints = quiet_end();
		if (complaints != 0)
			fail_msg("allocation %ld: %ld bytes on stderr", after, complaints);
		if (failing_leaked() != 0)
			fail_msg("allocation %ld: %ld leaked", after, failing_leaked());
		if (outcome.opened != EPPTAP_OK && !says_no_memory(&outcome))
			fail_msg("allocation %ld: %d: %s", after, outcome.opened, outcome.why);
		assert_true(outcome.taken >= 0);
		check_told(after, &outcome);
		if (!failing_did_fail())
			break;
	}
	print_message("%ld allocations\n", after);
	assert_int_equal(outcome.taken, CHANGES);
	assert_true(after >= LEAST_POINTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails_in_turn)};
	xmlInitParser();
	scratch = told_scratch();
	snprintf(config_path, sizeof config_path, "%s/epptap.yaml", scratch.path);
	snprintf(state_dir, sizeof state_dir, "%s/state", scratch.path);
	write_config();
	int result = cmocka_run_group_tests_name("no memory: tap", tests, NULL, NULL);
	scratch_remove(scratch.path);
	return result;
}
