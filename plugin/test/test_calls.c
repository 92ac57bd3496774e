/* What the calls of the ABI come to in the spool: pairs, intents and their ends, messages, the registry's own changes,
 * losses. Without a publisher. */
#include "plugin/epptap.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/state_dir.h"
#include "plugin/test/frames.h"
#include "plugin/test/scratch.h"
#include "plugin/tickets.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "plugin/test/await.h"
#include "plugin/test/tapped.h"

enum { FRAME_LIMIT = 4096, MINUTE_MS = 60000, STATS_SIZE = 16384, SPOOL_LIMIT = 16 << 20 };

#define FRAME_CONTACT                                                                              \
	FRAMES_EPP "<command><update><c:update xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\">"    \
		   "<c:id>C-1</c:id></c:update></update></command></epp>"
#define FRAME_FAILED                                                                               \
	FRAMES_EPP "<response><result code=\"2303\"><msg>No such object</msg></result><trID>"      \
		   "<svTRID>SV-9</svTRID></trID></response></epp>"
#define FRAME_TORN "<"
/* A failure that only a parser can tell from a success. */
#define FRAME_FAILED_ODDLY                                                                         \
	FRAMES_EPP "<!-- --><response><result code=\"2303\"><msg>No such object</msg></result>"    \
		   "</response></epp>"

static struct scratch scratch;
static char config_path[128], state_dir[128], filler[256], why[1024];
static struct epptap *tap;
static struct spooled_list spooled;
static struct spooled *records; /* of the list */

/* What a test wants to have in its config. */
static struct {
	const char *registry, *publisher, *queue, *capture, *more;
} with;

static void write_config(void)
{
	FILE *config = fopen(config_path, "we");
	fprintf(config,
		"registry: %s\n"
		"state_dir: %s\n"
		"keys: {event: /nowhere/event.pem}\n"
		"publisher: %s\n"
		"capture: {frame_limit: %dB, queue: %s%s}\n"
		"spool: {limit: %dB}\n"
		"channels:\n"
		"  - {name: public, bind: 'ipc:///nowhere/public'}\n"
		"%s",
		with.registry, state_dir, with.publisher, FRAME_LIMIT, with.queue, with.capture,
		SPOOL_LIMIT, with.more);
	fclose(config);
}

static void open_tap(void)
{
	int result = epptap_open(config_path, &tap, why, sizeof why);
	if (result != EPPTAP_OK)
		fail_msg("%d: %s", result, why);
}

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	snprintf(config_path, sizeof config_path, "%s/epptap.yaml", scratch.path);
	snprintf(state_dir, sizeof state_dir, "%s/state", scratch.path);
	snprintf(filler, sizeof filler, "%s/spool/%016" PRIx64 "-00000001.seg", state_dir,
		 STATE_DIR_WRITERS);
	with.registry = "https://registry.example";
	with.publisher = "process";
	with.queue = "1MiB";
	with.capture = with.more = "";
	write_config();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	epptap_close(&tap, 0);
	spooled_free(&spooled);
	scratch_remove(scratch.path);
	return 0;
}

static int show(const char *registrar, const char *command, const char *response)
{
	return epptap_transaction(tap, registrar, command, strlen(command), response,
				  strlen(response));
}

static int begin_of(const char *registrar, const char *command, uint64_t *ticket)
{
	return epptap_begin(tap, registrar, command, strlen(command), ticket);
}

static int begin(const char *command, uint64_t *ticket)
{
	return begin_of("clientx", command, ticket);
}

static uint64_t begun(const char *command)
{
	uint64_t ticket = 0;
	assert_int_equal(begin(command, &ticket), EPPTAP_OK);
	assert_true(ticket != 0);
	return ticket;
}

static int end(uint64_t ticket, const char *response)
{
	return epptap_end(tap, ticket, response, strlen(response));
}

static void assert_counted(const char *member)
{
	tapped_assert_counted(tap, member);
}

/* How often the spool could not be written. */
static uint64_t sync_failures(void)
{
	static const char member[] = "\"sync_failures\":";
	char json[TAPPED_STATS_SIZE];
	size_t size = sizeof json;
	assert_int_equal(epptap_stats(tap, json, &size), EPPTAP_OK);
	const char *found = strstr(json, member);
	assert_non_null(found);
	return strtoull(found + strlen(member), NULL, 10);
}

static void read_spool(int count)
{
	records = tapped_read(tap, &spooled, state_dir, count);
}

static void assert_kind(int i, enum spool_kind kind, uint64_t ticket)
{
	assert_int_equal(records[i].header.kind, kind);
	assert_true(records[i].header.ticket == ticket);
}

static void assert_gap(int i, const char *reason, const char *registrar, const char *txn,
		       uint64_t count)
{
	assert_kind(i, SPOOL_GAP, 0);
	assert_string_equal(records[i].gap.reason, reason);
	assert_string_equal(records[i].gap.registrar, registrar);
	assert_string_equal(records[i].gap.txn, txn);
	assert_int_equal(records[i].gap.count, count);
}

/* A segment of somebody else's takes the whole limit: nothing can be written until it is gone. */
static void fill_the_spool(void)
{
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, SPOOL_LIMIT), 0);
	close(fd);
}

static int server_change(const char *frame)
{
	return epptap_server_change(tap, frame, strlen(frame));
}

static int show_update(const char *registrar)
{
	return show(registrar, FRAME_UPDATE("a.example"), FRAME_DONE);
}

static int show_server_change(const char *registrar)
{
	(void)registrar;
	return server_change(FRAME_SERVER_CHANGE("s.example", "after", ""));
}

/* Shows a change again and again; answers how many were taken. The capture thread takes a batch out and then no more:
 * until it has failed twice while nothing was taken, the queue is full only for a while. */
static unsigned fill_the_queue(int (*show_one)(const char *registrar), const char *registrar)
{
	unsigned taken = 0, rounds = 0;
	bool any = true;
	for (uint64_t now = 0, since = 0; any || now < since + 2; usleep(1000)) {
		assert_in_range(rounds++, 0, 60000);
		now = sync_failures();
		for (any = false; show_one(registrar) == EPPTAP_OK; any = true)
			taken++;
		if (any)
			since = sync_failures();
	}
	return taken;
}

static void an_intent_stands_before_its_change(void **state)
{
	(void)state;
	open_tap();
	uint64_t ticket = begun(FRAME_UPDATE("a.example"));
	read_spool(1);
	assert_kind(0, SPOOL_INTENT, ticket);
	assert_string_equal(records[0].name, "a.example");
	assert_string_equal(records[0].registrar, "clientx");
	assert_string_equal(records[0].txn, "");
	assert_int_equal(records[0].outcome, CHANGE_UNKNOWN);
	int64_t begun_us = records[0].header.monotonic_us;
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
	read_spool(2);
	assert_kind(1, SPOOL_CHANGE, ticket);
	assert_string_equal(records[1].name, "a.example");
	assert_string_equal(records[1].registrar, "clientx");
	assert_string_equal(records[1].txn, "SV-1");
	assert_int_equal(records[1].outcome, CHANGE_COMPLETED);
	assert_true(records[1].header.monotonic_us > begun_us);
	assert_counted("\"accepted\":1,\"nothing\":0,\"changes\":1,\"spooled\":1,");
	assert_counted("\"intents\":{\"noted\":1,\"ended\":1,\"given_up\":0,\"unknown\":0}");
}

static void a_command_that_failed_or_was_not_carried_out_is_given_up(void **state)
{
	(void)state;
	static const char *const failures[] = {FRAME_FAILED, FRAME_FAILED_ODDLY, ""};
	open_tap();
	for (int i = 0; i < 3; i++) {
		uint64_t ticket = begun(FRAME_UPDATE("a.example"));
		read_spool(2 * i + 1);
		assert_int_equal(end(ticket, failures[i]), EPPTAP_OK);
		read_spool(2 * i + 2);
		assert_kind(2 * i + 1, SPOOL_GIVEN_UP, ticket);
		assert_int_equal(records[2 * i + 1].header.size, 0);
	}
	assert_counted("\"accepted\":3,\"nothing\":3,\"changes\":0,");
	assert_counted("\"intents\":{\"noted\":3,\"ended\":0,\"given_up\":3,\"unknown\":0}");
}

static void what_changes_nothing_leaves_nothing(void **state)
{
	(void)state;
	uint64_t ticket = 5;
	open_tap();
	assert_int_equal(begin(FRAME_CHECK, &ticket), EPPTAP_OK);
	assert_true(ticket == 0);
	assert_int_equal(end(0, FRAME_DONE), EPPTAP_OK);
	assert_int_equal(end(0, ""), EPPTAP_OK);
	/* A contact's update looks like a transform, and nobody wants to know. */
	ticket = begun(FRAME_CONTACT);
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
	ticket = begun(FRAME_CONTACT);
	assert_int_equal(end(ticket, ""), EPPTAP_OK);
	/* One that failed, and could not be read. */
	ticket = begun(FRAME_TORN);
	assert_int_equal(end(ticket, FRAME_FAILED), EPPTAP_OK);
	ticket = begun(FRAME_TORN);
	assert_int_equal(end(ticket, FRAME_FAILED_ODDLY), EPPTAP_OK);
	read_spool(0);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	assert_int_equal(spooled.count, 1);
	assert_int_equal(spooled.items[0].header.kind, SPOOL_CLOSED);
}

static void what_cannot_be_read_is_a_gap_and_no_intent_stays_open(void **state)
{
	(void)state;
	open_tap();
	uint64_t ticket = begun(FRAME_TORN);
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	assert_gap(0, "malformed", "clientx", "SV-1", 1);
	ticket = begun(FRAME_UPDATE("a.example"));
	assert_int_equal(end(ticket, "<!DOCTYPE a>"), EPPTAP_OK);
	read_spool(4);
	assert_kind(1, SPOOL_INTENT, ticket);
	assert_kind(2, SPOOL_GIVEN_UP, ticket);
	assert_gap(3, "doctype", "clientx", "", 1);
}

static void wrong_arguments_and_tickets_are_refused(void **state)
{
	(void)state;
	uint64_t ticket = 5;
	open_tap();
	assert_int_equal(epptap_begin(NULL, "r", "c", 1, &ticket), EPPTAP_EINVAL);
	assert_true(ticket == 0);
	assert_int_equal(epptap_begin(tap, "r", NULL, 1, &ticket), EPPTAP_EINVAL);
	assert_int_equal(epptap_begin(tap, "r", "c", 0, &ticket), EPPTAP_EINVAL);
	assert_int_equal(epptap_begin(tap, "r", "c", 1, NULL), EPPTAP_EINVAL);
	assert_int_equal(epptap_begin(tap, NULL, "c", 1, &ticket), EPPTAP_OK);
	assert_int_equal(epptap_end(NULL, ticket, "r", 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_end(tap, ticket, NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_end(tap, ticket, NULL, 0), EPPTAP_OK);
	assert_int_equal(epptap_end(tap, ticket, NULL, 0), EPPTAP_EINVAL);
	assert_int_equal(epptap_end(tap, 1, NULL, 0), EPPTAP_EINVAL);
	ticket = begun(FRAME_UPDATE("a.example"));
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_EINVAL);
	epptap_close(&tap, MINUTE_MS);
	open_tap();
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_EINVAL);
}

/* Opens that many, and waits until they are out of the queue. */
static void open_many(uint64_t *tickets, int count)
{
	for (int i = 0; i < count; i++)
		while (begin(FRAME_UPDATE("a.example"), &tickets[i]) == EPPTAP_EFULL)
			usleep(1000); /* the queue, for now */
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
}

static void more_intents_than_can_be_open_are_refused_and_told(void **state)
{
	(void)state;
	static uint64_t tickets[TICKETS];
	uint64_t ticket = 5;
	open_tap();
	open_many(tickets, TICKETS);
	assert_int_equal(begin(FRAME_UPDATE("a.example"), &ticket), EPPTAP_EFULL);
	assert_true(ticket == 0);
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
	assert_counted("\"no_ticket\":1,");
	assert_int_equal(end(tickets[77], ""), EPPTAP_OK);
	AWAIT(begin(FRAME_UPDATE("a.example"), &ticket) == EPPTAP_OK);
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
	/* Those that stay open are told as unknown before the tap says that nothing follows. */
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	assert_int_equal(spooled_count(&spooled, SPOOL_INTENT), TICKETS + 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_GIVEN_UP), 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_CHANGE), 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_UNKNOWN), TICKETS - 1);
	assert_int_equal(spooled.items[spooled.count - 1].header.kind, SPOOL_CLOSED);
}

static void a_registrar_that_leaves_intents_open_leaves_tickets_for_others(void **state)
{
	(void)state;
	enum { QUARTER = TICKETS / 4, ANYBODYS = 3 * QUARTER };
	static uint64_t tickets[ANYBODYS];
	uint64_t ticket;
	with.queue = "64MiB"; /* what is refused is refused for its tickets */
	write_config();
	open_tap();
	open_many(tickets, ANYBODYS);
	assert_int_equal(begin_of("clienty", FRAME_UPDATE("y.example"), &ticket), EPPTAP_OK);
	assert_int_equal(begin(FRAME_UPDATE("a.example"), &ticket), EPPTAP_EFULL);
	assert_true(ticket == 0);
	assert_counted("\"registrar_quota\":1,");
	for (int i = 1; i < QUARTER; i++)
		assert_int_equal(begin_of("clienty", FRAME_UPDATE("y.example"), &ticket),
				 EPPTAP_OK);
	assert_counted("\"no_ticket\":0,");
	/* What it gives back is free for it again, as long as there is no more than that taken. */
	for (int i = 0; i < ANYBODYS; i++)
		assert_int_equal(end(tickets[i], ""), EPPTAP_OK);
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	open_many(tickets, ANYBODYS - QUARTER);
	assert_counted("\"registrar_quota\":1,");
}

static void an_end_that_finds_no_room_is_told_as_unknown(void **state)
{
	(void)state;
	open_tap();
	uint64_t ticket = begun(FRAME_UPDATE("b.example"));
	uint64_t contact = begun(FRAME_CONTACT), unread = begun(FRAME_TORN);
	uint64_t failed = begun(FRAME_UPDATE("b.example"));
	read_spool(2);
	fill_the_spool();
	unsigned taken = fill_the_queue(show_update, "clientx");
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_EFULL);
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_EINVAL);
	assert_int_equal(end(contact, FRAME_DONE), EPPTAP_EFULL);
	assert_int_equal(end(unread, FRAME_DONE), EPPTAP_EFULL);
	/* For a failure there is always room. */
	assert_int_equal(end(failed, FRAME_FAILED), EPPTAP_OK);
	uint64_t late = 5;
	assert_int_equal(begin(FRAME_UPDATE("c.example"), &late), EPPTAP_EFULL);
	assert_true(late == 0);
	assert_int_equal(unlink(filler), 0);
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	int unknown = 0, given_up = 0, malformed = 0;
	uint64_t lost = 0;
	for (int i = 0; i < spooled.count; i++) {
		const struct spooled *record = &spooled.items[i];
		unknown += record->header.kind == SPOOL_UNKNOWN && record->header.ticket == ticket;
		given_up +=
			record->header.kind == SPOOL_GIVEN_UP && record->header.ticket == failed;
		malformed += strcmp(record->gap.reason, "malformed") == 0;
		if (strcmp(record->gap.reason, "spool_limit") == 0)
			lost += record->gap.count;
	}
	assert_int_equal(unknown, 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_UNKNOWN), 1);
	assert_int_equal(given_up, 1);
	assert_int_equal(malformed, 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_CHANGE), taken);
	assert_true(lost > 0);
}

static void frames_over_the_limit_are_told(void **state)
{
	(void)state;
	static char large[FRAME_LIMIT + 1];
	uint64_t ticket = 5;
	memset(large, ' ', sizeof large);
	open_tap();
	assert_int_equal(epptap_begin(tap, "clientx", large, sizeof large, &ticket), EPPTAP_OK);
	assert_true(ticket == 0);
	read_spool(1);
	assert_gap(0, "frame_limit", "clientx", "", 1);
	ticket = begun(FRAME_UPDATE("a.example"));
	assert_int_equal(epptap_end(tap, ticket, large, sizeof large), EPPTAP_OK);
	read_spool(3);
	assert_kind(1, SPOOL_INTENT, ticket);
	assert_kind(2, SPOOL_UNKNOWN, ticket);
	assert_counted("\"frame_limit\":2,");
}

static void a_flood_of_one_registrar_costs_another_nothing(void **state)
{
	(void)state;
	open_tap();
	assert_int_equal(show("modest", FRAME_UPDATE("b.example"), FRAME_DONE), EPPTAP_OK);
	fill_the_spool();
	fill_the_queue(show_update, "greedy");
	for (int i = 0; i < 100; i++)
		assert_int_equal(show("modest", FRAME_UPDATE("b.example"), FRAME_DONE), EPPTAP_OK);
	assert_int_equal(show("greedy", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_EFULL);
	assert_int_equal(unlink(filler), 0);
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	int modest = 0, gaps = 0;
	for (int i = 0; i < spooled.count; i++) {
		modest += strcmp(spooled.items[i].registrar, "modest") == 0;
		gaps += spooled.items[i].header.kind == SPOOL_GAP;
		if (spooled.items[i].header.kind == SPOOL_GAP)
			assert_string_equal(spooled.items[i].gap.registrar, "greedy");
	}
	assert_int_equal(modest, 101);
	assert_true(gaps > 0);
}

static void a_registrar_alone_may_fill_the_queue(void **state)
{
	(void)state;
	char json[STATS_SIZE];
	size_t size = sizeof json;
	unsigned long used = 0, all = 0;
	open_tap();
	fill_the_spool();
	fill_the_queue(show_update, "only");
	assert_int_equal(epptap_stats(tap, json, &size), EPPTAP_OK);
	const char *queue = strstr(json, "\"queue\":");
	assert_non_null(queue);
	assert_int_equal(
		sscanf(queue, "\"queue\":{\"used_bytes\":%lu,\"size_bytes\":%lu}", &used, &all), 2);
	assert_true(used > all - all / 16);
	assert_int_equal(unlink(filler), 0);
}

static void assert_message(int i, const char *name, const char *registrar, const char *txn)
{
	assert_kind(i, SPOOL_CHANGE, 0);
	assert_true(records[i].is_message);
	assert_string_equal(records[i].name, name);
	assert_string_equal(records[i].registrar, registrar);
	assert_string_equal(records[i].txn, txn);
}

static void a_poll_message_with_news_is_a_change(void **state)
{
	(void)state;
	open_tap();
	assert_int_equal(show("clientx", FRAME_POLL, FRAME_PENDING_DONE("a.example")), EPPTAP_OK);
	read_spool(1);
	assert_message(0, "a.example", "clientx", "SV-1");
	assert_string_equal(records[0].ends, "SV-1");
	assert_counted("\"skipped\":0,\"accepted\":1,\"nothing\":0,\"changes\":1,");
}

static void a_poll_without_news_costs_a_scan(void **state)
{
	(void)state;
	open_tap();
	assert_int_equal(show("clientx", FRAME_POLL, FRAME_NO_MESSAGE), EPPTAP_OK);
	assert_int_equal(show("clientx", FRAME_POLL, FRAMES_MESSAGE FRAMES_POLLED), EPPTAP_OK);
	assert_int_equal(show("clientx", FRAME_POLL, FRAME_DONE), EPPTAP_OK);
	assert_counted("\"skipped\":3,\"accepted\":0,");
	/* What no change is polled in is no news of one. */
	assert_int_equal(show("clientx", FRAME_CHECK, FRAME_PENDING_DONE("a.example")), EPPTAP_OK);
	assert_counted("\"skipped\":4,\"accepted\":0,");
	read_spool(0);
}

static void a_poll_that_was_begun_tells_by_its_end(void **state)
{
	(void)state;
	uint64_t ticket = 0, other = 0;
	open_tap();
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_true(ticket != 0);
	assert_int_equal(begin_of("clienty", FRAME_POLL, &other), EPPTAP_OK);
	assert_true(other != 0 && other != ticket);
	read_spool(0); /* no intent: nothing is lost if the front end dies now */
	assert_int_equal(end(other, FRAME_PENDING_DONE("b.example")), EPPTAP_OK);
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("a.example")), EPPTAP_OK);
	read_spool(2);
	assert_message(0, "b.example", "clienty", "SV-1");
	assert_message(1, "a.example", "clientx", "SV-1");
	assert_counted("\"intents\":{\"noted\":0,\"ended\":0,\"given_up\":0,\"unknown\":0}");
}

static void a_begun_poll_without_news_leaves_nothing(void **state)
{
	(void)state;
	uint64_t ticket;
	open_tap();
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_int_equal(end(ticket, FRAME_NO_MESSAGE), EPPTAP_OK);
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_int_equal(end(ticket, ""), EPPTAP_OK);
	assert_int_equal(epptap_end(tap, ticket, NULL, 0), EPPTAP_OK);
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK); /* and is left open */
	assert_counted("\"skipped\":3,\"accepted\":0,");
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	assert_int_equal(spooled.count, 1);
	assert_int_equal(spooled.items[0].header.kind, SPOOL_CLOSED);
}

static void polls_take_no_tickets(void **state)
{
	(void)state;
	static uint64_t tickets[TICKETS];
	uint64_t ticket = 0;
	open_tap();
	for (int i = 0; i < TICKETS; i++)
		assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	open_many(tickets, TICKETS);
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("a.example")), EPPTAP_OK);
	assert_counted("\"no_ticket\":0,");
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_counted("\"changes\":1,");
}

static void a_polls_ticket_of_another_tap_is_refused(void **state)
{
	(void)state;
	uint64_t ticket;
	open_tap();
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_int_equal(end(ticket ^ UINT64_C(1) << 20, FRAME_DONE), EPPTAP_EINVAL);
	assert_int_equal(end(UINT64_MAX, FRAME_DONE), EPPTAP_EINVAL);
	assert_int_equal(end(UINT64_C(1) << 63, FRAME_DONE), EPPTAP_EINVAL);
	epptap_close(&tap, MINUTE_MS);
	open_tap();
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("a.example")), EPPTAP_EINVAL);
}

/* What only a parser can tell to be a poll: as a pair, and begun, where it takes a ticket like a transform. */
static void a_poll_that_the_scan_cannot_tell_is_read_all_the_same(void **state)
{
	(void)state;
	static const char oddly[] =
		FRAMES_EPP "<!-- --><command><poll op=\"req\"/></command></epp>";
	open_tap();
	assert_int_equal(show("clientx", oddly, FRAME_PENDING_DONE("a.example")), EPPTAP_OK);
	uint64_t ticket = begun(oddly);
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("b.example")), EPPTAP_OK);
	read_spool(2);
	assert_message(0, "a.example", "clientx", "SV-1");
	assert_message(1, "b.example", "clientx", "SV-1");
	ticket = begun(oddly);
	assert_int_equal(end(ticket, FRAME_NO_MESSAGE), EPPTAP_OK);
	ticket = begun(oddly);
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("c d")), EPPTAP_OK);
	read_spool(3);
	assert_gap(2, "value", "clientx", "", 1);
}

static void a_message_that_cannot_be_read_is_a_gap(void **state)
{
	(void)state;
	static char large[FRAME_LIMIT + 1];
	uint64_t ticket;
	memset(large, ' ', sizeof large);
	open_tap();
	assert_int_equal(show("clientx", FRAME_POLL, FRAME_PENDING_DONE("a b")), EPPTAP_OK);
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("a b")), EPPTAP_OK);
	read_spool(2);
	assert_gap(0, "value", "clientx", "", 1);
	assert_gap(1, "value", "clientx", "", 1);
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	assert_int_equal(epptap_end(tap, ticket, large, sizeof large), EPPTAP_OK);
	read_spool(3);
	assert_gap(2, "frame_limit", "clientx", "", 1);
}

static void a_message_that_finds_no_room_is_lost_and_told(void **state)
{
	(void)state;
	uint64_t ticket, lost = 0;
	open_tap();
	assert_int_equal(begin(FRAME_POLL, &ticket), EPPTAP_OK);
	fill_the_spool();
	fill_the_queue(show_update, "clientx");
	assert_int_equal(end(ticket, FRAME_PENDING_DONE("m.example")), EPPTAP_EFULL);
	assert_int_equal(unlink(filler), 0);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	for (int i = 0; i < spooled.count; i++) {
		lost += spooled.items[i].gap.count;
		assert_string_not_equal(spooled.items[i].name, "m.example");
	}
	assert_true(lost > 0);
}

/* The poller is not who did it. */
static void a_transfers_sides_are_published_as_logins_are(void **state)
{
	(void)state;
	with.more = "registrars: {gainer: Gainer Ltd, quiet: hide}\n";
	write_config();
	open_tap();
	assert_int_equal(show("clientx", FRAME_POLL, FRAME_TRANSFERRED("a.example")), EPPTAP_OK);
	read_spool(1);
	assert_message(0, "a.example", "", "");
	assert_int_equal(records[0].verb, CHANGE_TRANSFER);
	assert_string_equal(records[0].gaining, "Gainer Ltd");
	assert_string_equal(records[0].losing, "");
	assert_counted("\"registrars_left_out\":1,");
}

/* The answer to a transfer command names both sides; begun and ended as if shown at once. */
static void a_transfer_command_names_its_sides(void **state)
{
	(void)state;
	static const char command[] =
		FRAMES_EPP "<command><transfer op=\"request\"><d:transfer " FRAMES_DOMAIN
			   "><d:name>a.example</d:name></d:transfer></transfer></command></epp>";
	static const char response[] = FRAMES_EPP
		"<response><result code=\"1001\"/><resData><d:trnData " FRAMES_DOMAIN
		"><d:name>a.example</d:name><d:trStatus>pending</d:trStatus>"
		"<d:reID>gainer</d:reID><d:reDate>2026-01-01T00:00:00Z</d:reDate>"
		"<d:acID>loser</d:acID><d:acDate>2026-01-06T00:00:00Z</d:acDate>"
		"</d:trnData></resData><trID><svTRID>SV-1</svTRID></trID></response></epp>";
	with.more = "registrars: {gainer: Gainer Ltd, loser: hide}\n";
	write_config();
	open_tap();
	assert_int_equal(show("gainer", command, response), EPPTAP_OK);
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	uint64_t ticket = 0;
	assert_int_equal(begin_of("gainer", command, &ticket), EPPTAP_OK);
	assert_int_equal(end(ticket, response), EPPTAP_OK);
	read_spool(3);
	for (int i = 0; i < 3; i += 2) {
		assert_int_equal(records[i].header.kind, SPOOL_CHANGE);
		assert_false(records[i].is_message);
		assert_string_equal(records[i].registrar, "Gainer Ltd");
		assert_string_equal(records[i].gaining, "Gainer Ltd");
		assert_string_equal(records[i].losing, "");
	}
	assert_counted("\"registrars_left_out\":0,");
}

static void the_registrys_own_change_belongs_to_no_registrar(void **state)
{
	(void)state;
	open_tap();
	assert_int_equal(server_change(FRAME_SERVER_CHANGE("a.example", "before", "")), EPPTAP_OK);
	assert_int_equal(server_change(FRAME_SERVER_CHANGE("a.example", "after", "")), EPPTAP_OK);
	assert_int_equal(show("clientx", FRAME_POLL, FRAME_SERVER_CHANGE("a.example", "after", "")),
			 EPPTAP_OK);
	read_spool(3);
	for (int i = 0; i < 3; i++) {
		assert_message(i, "a.example", "", "OWN-1");
		assert_int_equal(records[i].state_at, i == 0 ? STATE_BEFORE : STATE_AFTER);
	}
	assert_counted("\"accepted\":3,\"nothing\":0,\"changes\":3,");
}

static void a_server_change_that_cannot_be_read_is_a_gap_of_nobody(void **state)
{
	(void)state;
	static char large[FRAME_LIMIT + 1];
	memset(large, ' ', sizeof large);
	open_tap();
	assert_int_equal(server_change("<"), EPPTAP_OK);
	assert_int_equal(server_change(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(server_change(FRAME_PENDING_DONE("a.example")), EPPTAP_OK);
	read_spool(3);
	assert_gap(0, "malformed", "", "", 1);
	assert_gap(1, "no_response", "", "", 1);
	assert_gap(2, "no_response", "", "POLL-1", 1);
	assert_int_equal(epptap_server_change(tap, large, sizeof large), EPPTAP_OK);
	read_spool(4);
	assert_gap(3, "frame_limit", "", "", 1);
	assert_int_equal(epptap_server_change(NULL, "a", 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_server_change(tap, NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_server_change(tap, "a", 0), EPPTAP_EINVAL);
}

/* Where the registry tells its own changes, one registrar's flood leaves room for them, though it has the queue for itself
 * otherwise; and they make nobody another registrar. */
static void a_flood_of_a_registrar_alone_leaves_room_for_the_registrys_changes(void **state)
{
	(void)state;
	int own = 0;
	with.more = "server_changes: true\n";
	write_config();
	open_tap();
	assert_int_equal(server_change(FRAME_SERVER_CHANGE("s.example", "after", "")), EPPTAP_OK);
	fill_the_spool();
	fill_the_queue(show_update, "only");
	for (int i = 0; i < 40; i++)
		assert_int_equal(server_change(FRAME_SERVER_CHANGE("s.example", "after", "")),
				 EPPTAP_OK);
	assert_int_equal(show("only", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_EFULL);
	assert_counted("\"registrar_quota\":0,");
	assert_int_equal(unlink(filler), 0);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	for (int i = 0; i < spooled.count; i++) {
		own += strcmp(spooled.items[i].name, "s.example") == 0;
		if (spooled.items[i].header.kind == SPOOL_GAP)
			assert_string_equal(spooled.items[i].gap.registrar, "only");
	}
	assert_int_equal(own, 41);
}

/* The registry is refused like anybody who floods, once there are others. */
static void a_flood_of_the_registry_leaves_room_for_registrars(void **state)
{
	(void)state;
	open_tap();
	assert_int_equal(show("modest", FRAME_CHECK, FRAME_DONE), EPPTAP_OK);
	fill_the_spool();
	fill_the_queue(show_server_change, "");
	for (int i = 0; i < 100; i++)
		assert_int_equal(show("modest", FRAME_UPDATE("b.example"), FRAME_DONE), EPPTAP_OK);
	assert_int_equal(unlink(filler), 0);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	int gaps = 0;
	for (int i = 0; i < spooled.count; i++) {
		gaps += spooled.items[i].header.kind == SPOOL_GAP;
		assert_string_equal(spooled.items[i].gap.registrar, "");
	}
	assert_true(gaps > 0);
}

#define FRAME_OF(ns, extension)                                                                    \
	FRAMES_EPP "<command><update><d:update xmlns:d=\"" ns "\"><d:name>a.example</d:name>"      \
		   "<d:add><d:status s=\"clientHold\"/></d:add></d:update></update>" extension     \
		   "</command></epp>"
#define FRAME_EXTENDED                                                                             \
	FRAME_OF("urn:ietf:params:xml:ns:domain-1.0",                                              \
		 "<extension><x:y xmlns:x=\"urn:x-1.0\"/></extension>")
#define OWN_DOMAIN "https://epp.tld.example/domain-eis-1.0.xsd"

static void a_registrys_own_namespaces_and_verbs_are_read_as_the_config_says(void **state)
{
	(void)state;
	static const char restore[] = FRAMES_EPP
		"<command><undelete><d:undelete xmlns:d=\"" OWN_DOMAIN "\"><d:name>b.example"
		"</d:name></d:undelete></undelete></command></epp>";
	open_tap();
	assert_int_equal(show("clientx", FRAME_OF(OWN_DOMAIN, ""), FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	assert_gap(0, "namespace", "clientx", "SV-1", 1);
	with.more = "namespaces: {'" OWN_DOMAIN "': 'urn:ietf:params:xml:ns:domain-1.0'}\n"
		    "verbs: {undelete: restore}\n";
	write_config();
	assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_OK);
	assert_int_equal(show("clientx", FRAME_OF(OWN_DOMAIN, ""), FRAME_DONE), EPPTAP_OK);
	assert_int_equal(show("clientx", restore, FRAME_DONE), EPPTAP_OK);
	read_spool(3);
	assert_string_equal(records[1].name, "a.example");
	assert_string_equal(records[2].name, "b.example");
	assert_counted("\"namespaces\":{\"" OWN_DOMAIN "\":{\"unread\":1,\"passed_over\":0}}");
}

static void namespaces_met_are_counted_if_the_command_succeeded(void **state)
{
	(void)state;
	static const char *const frames[] = {FRAME_OF(OWN_DOMAIN, ""), FRAME_EXTENDED};
	open_tap();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(show("clientx", frames[i], FRAME_DONE), EPPTAP_OK);
		assert_int_equal(show("clientx", frames[i], FRAME_FAILED_ODDLY), EPPTAP_OK);
		assert_int_equal(end(begun(frames[i]), FRAME_DONE), EPPTAP_OK);
		assert_int_equal(end(begun(frames[i]), FRAME_FAILED_ODDLY), EPPTAP_OK);
		assert_int_equal(end(begun(frames[i]), ""), EPPTAP_OK);
	}
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_counted("\"namespaces\":{\"" OWN_DOMAIN "\":{\"unread\":2,\"passed_over\":0},"
		       "\"urn:x-1.0\":{\"unread\":0,\"passed_over\":2}}");
}

/* Reads the spool as it is at this moment: what a crash would leave. */
static int durable_now(void)
{
	spooled_read(&spooled, state_dir);
	return spooled.count;
}

static void with_wait_a_call_returns_when_its_record_is_durable(void **state)
{
	(void)state;
	uint64_t ticket;
	with.capture = ", durability: wait, wait_limit: 60s";
	write_config();
	open_tap();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(show("clientx", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
		assert_int_equal(durable_now(), 5 * i + 1);
		assert_int_equal(begin(FRAME_UPDATE("a.example"), &ticket), EPPTAP_OK);
		assert_int_equal(durable_now(), 5 * i + 2);
		assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
		assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
		assert_int_equal(durable_now(), 5 * i + 3);
		assert_int_equal(server_change(FRAME_SERVER_CHANGE("a.example", "after", "")),
				 EPPTAP_OK);
		assert_int_equal(durable_now(), 5 * i + 4);
		assert_int_equal(show("clientx", FRAME_POLL, FRAME_PENDING_DONE("a.example")),
				 EPPTAP_OK);
		assert_int_equal(durable_now(), 5 * i + 5);
	}
}

/* On a disk of its own, which is full. */
static void with_wait_a_full_disk_blocks_for_the_limit_and_loses_nothing(void **state)
{
	(void)state;
	static char zeros[4096];
	uint64_t ticket = 0;
	mkdir(state_dir, 0700);
	if (mount("tmpfs", state_dir, "tmpfs", 0, "size=256k,mode=0700") != 0)
		skip();
	with.capture = ", durability: wait, wait_limit: 300ms";
	write_config();
	open_tap();
	int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof zeros) > 0)
		;
	close(fd);
	/* The segment's last page has room for some more; a pause of the machine's is no full disk. */
	int64_t start_us;
	int shown, taken = 0;
	do {
		start_us = clock_monotonic_us();
		shown = show("clientx", FRAME_UPDATE("a.example"), FRAME_DONE);
	} while (++taken < 1000 && (shown == EPPTAP_OK || sync_failures() == 0));
	int64_t middle_us = clock_monotonic_us();
	int begun_with = begin(FRAME_UPDATE("b.example"), &ticket);
	int64_t end_us = clock_monotonic_us();
	int of_no_interest = EPPTAP_OK;
	int64_t quickest_us = INT64_MAX;
	for (int i = 0; i < 3 && of_no_interest == EPPTAP_OK; i++) {
		int64_t before_us = clock_monotonic_us();
		of_no_interest = show("clientx", FRAME_CHECK, FRAME_DONE);
		int64_t took_us = clock_monotonic_us() - before_us;
		quickest_us = took_us < quickest_us ? took_us : quickest_us;
	}
	unlink(filler);
	int flushed = epptap_flush(tap, MINUTE_MS);
	int ended = end(ticket, FRAME_DONE);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	umount2(state_dir, MNT_DETACH);
	assert_int_equal(shown, EPPTAP_ETIMEOUT);
	assert_in_range(middle_us - start_us, 300000, 5000000);
	assert_int_equal(begun_with, EPPTAP_ETIMEOUT);
	assert_in_range(end_us - middle_us, 300000, 5000000);
	assert_true(ticket != 0);
	assert_int_equal(of_no_interest, EPPTAP_OK);
	assert_in_range(quickest_us, 0, 200000);
	assert_int_equal(flushed, EPPTAP_OK);
	assert_int_equal(ended, EPPTAP_OK);
	assert_int_equal(spooled.count, taken + 3);
	records = spooled.items + taken;
	assert_string_equal(records[-1].name, "a.example");
	assert_kind(0, SPOOL_INTENT, ticket);
	assert_kind(1, SPOOL_CHANGE, ticket);
	assert_kind(2, SPOOL_CLOSED, 0);
}

enum { THREADS = 8, PER_THREAD = 3000 };

static _Atomic unsigned accepted_ends, refused_ends, given_up_ends, refused_begins;

/* Begins and ends, in all ways, as fast as it goes. */
static void *use_intents(void *context)
{
	unsigned seed = *(unsigned *)context;
	for (unsigned i = 0; i < PER_THREAD; i++) {
		uint64_t ticket;
		bool fails = (seed + i) % 3 == 0;
		if (begin(FRAME_UPDATE("a.example"), &ticket) == EPPTAP_EFULL) {
			atomic_fetch_add(&refused_begins, 1);
			continue;
		}
		if (i % 5 == 0)
			sched_yield();
		int result = end(ticket, fails ? FRAME_FAILED : FRAME_DONE);
		atomic_fetch_add(fails ? &given_up_ends
				       : (result == EPPTAP_OK ? &accepted_ends : &refused_ends),
				 1);
		if (end(ticket, FRAME_DONE) != EPPTAP_EINVAL)
			abort();
	}
	return NULL;
}

static void assert_each_intent_has_one_end(void)
{
	int open = 0;
	for (int i = 0; i < spooled.count; i++) {
		enum spool_kind kind = (enum spool_kind)spooled.items[i].header.kind;
		open += kind == SPOOL_INTENT;
		open -= kind == SPOOL_UNKNOWN || kind == SPOOL_GIVEN_UP || kind == SPOOL_CHANGE;
		assert_true(open >= 0);
	}
	assert_int_equal(open, 0);
}

static void many_threads_begin_and_end_at_once(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	unsigned seeds[THREADS];
	uint64_t lost = 0;
	open_tap();
	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, use_intents, &seeds[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	assert_each_intent_has_one_end();
	assert_int_equal(spooled_count(&spooled, SPOOL_CHANGE), accepted_ends);
	assert_int_equal(spooled_count(&spooled, SPOOL_UNKNOWN), refused_ends);
	/* What was given up before it was looked at leaves no trace. */
	assert_true(spooled_count(&spooled, SPOOL_GIVEN_UP) <= (int)given_up_ends);
	for (int i = 0; i < spooled.count; i++)
		lost += spooled.items[i].gap.count;
	assert_int_equal(lost, refused_begins);
}

static void a_reload_takes_effect_at_once(void **state)
{
	(void)state;
	uint64_t ticket;
	open_tap();
	assert_int_equal(show("clientx", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	assert_string_equal(records[0].registrar, "clientx");
	with.capture = ", durability: wait, wait_limit: 60s";
	with.more = "registrars: {clientx: ClientX Ltd}\n";
	write_config();
	memset(why, '#', sizeof why);
	assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_OK);
	assert_string_equal(why, "");
	assert_int_equal(begin(FRAME_UPDATE("a.example"), &ticket), EPPTAP_OK);
	assert_int_equal(durable_now(), 2);
	assert_string_equal(spooled.items[1].registrar, "ClientX Ltd");
	assert_int_equal(end(ticket, FRAME_DONE), EPPTAP_OK);
}

static void assert_not_reloaded(const char *words)
{
	write_config();
	assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_ECONFIG);
	if (strncmp(why, config_path, strlen(config_path)) != 0 || !strstr(why, words))
		fail_msg("no %s in: %s", words, why);
}

static void a_reload_that_is_refused_changes_nothing(void **state)
{
	(void)state;
	open_tap();
	with.capture = ", durability: wait";
	with.more = "registrars: {clientx: ClientX Ltd}\ncolour: blue\n";
	assert_not_reloaded(":10:1: colour: ");
	with.more = "registrars: {clientx: ClientX Ltd}\n";
	with.registry = "https://another.example";
	assert_not_reloaded("registry can't be changed");
	with.registry = "https://registry.example";
	with.queue = "2MiB";
	assert_not_reloaded("capture.queue can't be changed");
	with.queue = "1MiB";
	with.publisher = "embedded";
	assert_not_reloaded("publisher can't be changed");
	with.publisher = "process";
	state_dir[strlen(state_dir) - 1] = 'x';
	assert_not_reloaded("state_dir can't be changed");
	state_dir[strlen(state_dir) - 1] = 'e';
	assert_int_equal(show("clientx", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	assert_string_equal(records[0].registrar, "clientx");
	/* What was refused is no hindrance. */
	write_config();
	assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_OK);
	assert_int_equal(show("clientx", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	read_spool(2);
	assert_string_equal(records[1].registrar, "ClientX Ltd");
}

static void calls_may_be_under_way_while_it_reloads(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	unsigned seeds[THREADS];
	open_tap();
	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, use_intents, &seeds[i]), 0);
	}
	for (int i = 0; i < 50; i++) {
		with.more = i % 2 ? "registrars: {clientx: hide}\n" : "";
		with.capture = i % 2 ? "" : ", wait_limit: 1ms, durability: wait";
		write_config();
		assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_OK);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	assert_each_intent_has_one_end();
}

/* Waits until the status file holds `words`. */
static void await_status(const char *path, const char *words)
{
	struct buffer text;
	bool found = false;
	buffer_init(&text, STATS_SIZE);
	for (int tries = 0; !found && tries < 5000; tries++, usleep(1000)) {
		buffer_reset(&text);
		bool there = file_read(path, &text) == RESULT_OK;
		buffer_append_byte(&text, '\0');
		found = there && strstr(text.data, words);
	}
	if (!found)
		fail_msg("no %s in %s", words, text.data);
	buffer_free(&text);
}

static void the_counters_stand_in_a_file_and_stay_there(void **state)
{
	(void)state;
	char path[256], folder[160], pid[32];
	struct stat file;
	open_tap();
	assert_int_equal(show("clientx", FRAME_UPDATE("a.example"), FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	struct dirent **entries = NULL;
	struct spool_name name = {0};
	snprintf(folder, sizeof folder, "%s/spool", state_dir);
	int count = scandir(folder, &entries, NULL, spooled_by_name);
	assert_int_equal(count, 3); /* with the folder itself, and the one above */
	assert_true(spool_name_read(entries[2]->d_name, &name));
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	snprintf(folder, sizeof folder, "%s/status", state_dir);
	snprintf(path, sizeof path, "%s/tap-%016" PRIx64 ".json", folder, name.writer);
	snprintf(pid, sizeof pid, "\"pid\":%d,", getpid());
	await_status(path, pid);
	await_status(path, "\"accepted\":1,\"nothing\":0,\"changes\":1,\"spooled\":1,");
	await_status(path, "\"queue\":{\"used_bytes\":0,\"size_bytes\":1048576}}\n");
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(stat(folder, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0700);
	assert_int_equal(scratch_count(folder), 1);
	assert_int_equal(show("clientx", FRAME_UPDATE("b.example"), FRAME_DONE), EPPTAP_OK);
	epptap_close(&tap, MINUTE_MS);
	await_status(path, "\"accepted\":2,\"nothing\":0,\"changes\":2,\"spooled\":2,");
	assert_int_equal(unlink(path), 0); /* the publisher would */
}

#define WITH_CONFIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CONFIG(an_intent_stands_before_its_change),
		WITH_CONFIG(a_command_that_failed_or_was_not_carried_out_is_given_up),
		WITH_CONFIG(what_changes_nothing_leaves_nothing),
		WITH_CONFIG(what_cannot_be_read_is_a_gap_and_no_intent_stays_open),
		WITH_CONFIG(wrong_arguments_and_tickets_are_refused),
		WITH_CONFIG(more_intents_than_can_be_open_are_refused_and_told),
		WITH_CONFIG(a_registrar_that_leaves_intents_open_leaves_tickets_for_others),
		WITH_CONFIG(an_end_that_finds_no_room_is_told_as_unknown),
		WITH_CONFIG(frames_over_the_limit_are_told),
		WITH_CONFIG(a_flood_of_one_registrar_costs_another_nothing),
		WITH_CONFIG(a_registrar_alone_may_fill_the_queue),
		WITH_CONFIG(a_poll_message_with_news_is_a_change),
		WITH_CONFIG(a_poll_without_news_costs_a_scan),
		WITH_CONFIG(a_poll_that_was_begun_tells_by_its_end),
		WITH_CONFIG(a_begun_poll_without_news_leaves_nothing),
		WITH_CONFIG(polls_take_no_tickets),
		WITH_CONFIG(a_polls_ticket_of_another_tap_is_refused),
		WITH_CONFIG(a_poll_that_the_scan_cannot_tell_is_read_all_the_same),
		WITH_CONFIG(a_message_that_cannot_be_read_is_a_gap),
		WITH_CONFIG(a_message_that_finds_no_room_is_lost_and_told),
		WITH_CONFIG(a_transfers_sides_are_published_as_logins_are),
		WITH_CONFIG(a_transfer_command_names_its_sides),
		WITH_CONFIG(the_registrys_own_change_belongs_to_no_registrar),
		WITH_CONFIG(a_server_change_that_cannot_be_read_is_a_gap_of_nobody),
		WITH_CONFIG(a_flood_of_a_registrar_alone_leaves_room_for_the_registrys_changes),
		WITH_CONFIG(a_flood_of_the_registry_leaves_room_for_registrars),
		WITH_CONFIG(a_registrys_own_namespaces_and_verbs_are_read_as_the_config_says),
		WITH_CONFIG(namespaces_met_are_counted_if_the_command_succeeded),
		WITH_CONFIG(with_wait_a_call_returns_when_its_record_is_durable),
		WITH_CONFIG(with_wait_a_full_disk_blocks_for_the_limit_and_loses_nothing),
		WITH_CONFIG(many_threads_begin_and_end_at_once),
		WITH_CONFIG(a_reload_takes_effect_at_once),
		WITH_CONFIG(a_reload_that_is_refused_changes_nothing),
		WITH_CONFIG(calls_may_be_under_way_while_it_reloads),
		WITH_CONFIG(the_counters_stand_in_a_file_and_stay_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
