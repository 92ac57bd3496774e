/* What the bytes of connections come to in the spool, however they are cut. Without a publisher. */
#include "plugin/epptap.h"

#include "base/state_dir.h"
#include "plugin/stream_pairs.h"
#include "plugin/test/frames.h"
#include "plugin/test/scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "plugin/test/tapped.h"

enum { FRAME_LIMIT = 4096, MINUTE_MS = 60000, THREADS = 8, SESSIONS = 20 };

#define FRAME_GREETING FRAMES_EPP "<greeting><svID>x</svID></greeting></epp>"
#define FRAME_HELLO    FRAMES_EPP "<hello/></epp>"
#define FRAME_LOGIN(id)                                                                            \
	FRAMES_EPP "<command><login>" id "<pw>CANARY</pw></login><clTRID>L</clTRID></command></"   \
		   "epp>"
#define FRAME_LOGOUT FRAMES_EPP "<command><logout/></command></epp>"
#define FRAME_CODE(code)                                                                           \
	FRAMES_EPP "<response><result code=\"" code                                                \
		   "\"><msg>x</msg></result><trID><svTRID>SV-0</svTRID></trID></response></epp>"
/* A change of `name`, and the answer, which bear a clTRID. */
#define FRAME_UPDATE_ID(name, id)                                                                  \
	FRAMES_EPP "<command><update><d:update " FRAMES_DOMAIN "><d:name>" name                    \
		   "</d:name><d:add><d:status s=\"clientHold\"/></d:add></d:update></update>"      \
		   "<clTRID>" id "</clTRID></command></epp>"
#define FRAME_CHECK_ID(id)                                                                         \
	FRAMES_EPP "<command><check><d:check " FRAMES_DOMAIN "><d:name>a.example</d:name>"         \
		   "</d:check></check><clTRID>" id "</clTRID></command></epp>"
#define FRAME_ANSWER_ID(code, id, txn)                                                             \
	FRAMES_EPP "<response><result code=\"" code "\"><msg>x</msg></result><trID><clTRID>" id    \
		   "</clTRID><svTRID>" txn "</svTRID></trID></response></epp>"

static struct scratch scratch;
static char config_path[128], state_dir[128], why[1024];
static struct epptap *tap;
static struct epptap_stream *stream;
static struct spooled_list spooled;
static struct spooled *records; /* of the list */

static void write_config(const char *capture)
{
	FILE *config = fopen(config_path, "we");
	fprintf(config,
		"registry: https://registry.example\n"
		"state_dir: %s\n"
		"keys: {event: /nowhere/event.pem}\n"
		"publisher: process\n"
		"capture: {frame_limit: %dB%s}\n"
		"channels:\n"
		"  - {name: public, bind: 'ipc:///nowhere/public'}\n",
		state_dir, FRAME_LIMIT, capture);
	fclose(config);
}

static void open_tap(const char *capture)
{
	write_config(capture);
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
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	epptap_stream_free(&stream);
	epptap_close(&tap, 0);
	spooled_free(&spooled);
	scratch_remove(scratch.path);
	return 0;
}

typedef int show_function(struct epptap_stream *to, const void *bytes, size_t size);

/* Shows a frame with its length, `chunk` bytes at a time; the worst that was answered. */
static int show_chunked(show_function *show, struct epptap_stream *to, const char *frame,
			size_t size, size_t chunk)
{
	size_t length = size + 4;
	char *bytes = malloc(length);
	int result = EPPTAP_OK;
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(length >> (24 - 8 * i));
	memcpy(bytes + 4, frame, size);
	for (size_t at = 0; at < length; at += chunk) {
		int one = show(to, bytes + at, length - at < chunk ? length - at : chunk);
		result = one != EPPTAP_OK ? one : result;
	}
	free(bytes);
	return result;
}

static int sent(const char *frame)
{
	return show_chunked(epptap_stream_client, stream, frame, strlen(frame), SIZE_MAX / 2);
}

static int answered(const char *frame)
{
	return show_chunked(epptap_stream_server, stream, frame, strlen(frame), SIZE_MAX / 2);
}

static void exchange(const char *command, const char *response)
{
	assert_int_equal(sent(command), EPPTAP_OK);
	assert_int_equal(answered(response), EPPTAP_OK);
}

static void connect_as(const char *registrar)
{
	assert_int_equal(epptap_stream_new(tap, registrar, &stream), EPPTAP_OK);
	assert_int_equal(answered(FRAME_GREETING), EPPTAP_OK);
}

static void log_in(const char *login)
{
	exchange(login, FRAME_CODE("1000"));
}

static void assert_counted(const char *member)
{
	tapped_assert_counted(tap, member);
}

static void read_spool(int count)
{
	records = tapped_read(tap, &spooled, state_dir, count);
}

static void assert_change(int i, const char *name, const char *registrar, const char *txn)
{
	assert_int_equal(records[i].header.kind, SPOOL_CHANGE);
	assert_string_equal(records[i].name, name);
	assert_string_equal(records[i].registrar, registrar);
	assert_string_equal(records[i].txn, txn);
}

/* The first record of a kind: gaps come when there is time for them. */
static int first_of(enum spool_kind kind)
{
	int i = 0;
	while (i < spooled.count && records[i].header.kind != kind)
		i++;
	assert_in_range(i, 0, spooled.count - 1);
	return i;
}

static void assert_gap(int i, const char *reason, const char *registrar, uint64_t count)
{
	assert_int_equal(records[i].header.kind, SPOOL_GAP);
	assert_string_equal(records[i].gap.reason, reason);
	assert_string_equal(records[i].gap.registrar, registrar);
	assert_int_equal(records[i].gap.count, count);
}

/* Waits until gaps of this reason say so many losses; they may be told in several. Returns how many records there are
 * of other kinds. */
static int await_losses(const char *reason, uint64_t count)
{
	uint64_t told = 0;
	for (int tries = 0; tries < 10000 && told != count; tries++, usleep(1000)) {
		spooled_read(&spooled, state_dir);
		records = spooled.items;
		told = 0;
		for (int i = 0; i < spooled.count; i++)
			if (records[i].header.kind == SPOOL_GAP) {
				assert_string_equal(records[i].gap.reason, reason);
				told += records[i].gap.count;
			}
	}
	assert_int_equal(told, count);
	return spooled.count - spooled_count(&spooled, SPOOL_GAP);
}

#define NO_INTENT ", intent: off"

static void any_chunks_come_to_the_same(void **state)
{
	(void)state;
	static const size_t chunks[] = {1, 2, 3, 4, 5, 7, 64, 333, 100000};
	enum { CHUNKS = sizeof chunks / sizeof *chunks };
	open_tap(NO_INTENT);
	for (int i = 0; i < CHUNKS; i++) {
		const char *frames[] = {
			FRAME_LOGIN("<clID>clientx</clID>"), FRAME_CHECK, FRAME_UPDATE("a.example"),
			FRAME_UPDATE("b.example"),           FRAME_POLL,  FRAME_LOGOUT};
		const char *answers[] = {FRAME_CODE("1000"),
					 FRAME_CODE("1000"),
					 FRAME_DONE,
					 FRAME_CODE("2303"),
					 FRAME_PENDING_DONE("c.example"),
					 FRAME_CODE("1500")};
		connect_as(NULL);
		for (int k = 0; k < 6; k++) {
			assert_int_equal(show_chunked(epptap_stream_client, stream, frames[k],
						      strlen(frames[k]), chunks[i]),
					 EPPTAP_OK);
			assert_int_equal(show_chunked(epptap_stream_server, stream, answers[k],
						      strlen(answers[k]), chunks[i]),
					 EPPTAP_OK);
		}
		epptap_stream_free(&stream);
		read_spool(2 * i + 2);
		assert_change(2 * i, "a.example", "clientx", "SV-1");
		assert_string_equal(records[2 * i + 1].name, "c.example");
		assert_true(records[2 * i + 1].is_message);
	}
	assert_counted("\"streams\":{\"open\":0,\"used_bytes\":0}");
	assert_counted("\"streams_resynchronised\":0,\"stream_frames_skipped\":0");
}

static void who_is_logged_in_has_its_commands_noted(void **state)
{
	(void)state;
	open_tap("");
	connect_as(NULL);
	/* Of a stranger nothing is: it would not be carried out. */
	assert_int_equal(sent(FRAME_UPDATE("stranger.example")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("2002")), EPPTAP_OK);
	log_in(FRAME_LOGIN("<clID>clientx</clID>"));
	read_spool(0);
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	read_spool(1);
	assert_int_equal(records[0].header.kind, SPOOL_INTENT);
	assert_string_equal(records[0].registrar, "clientx");
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	read_spool(2);
	assert_change(1, "a.example", "clientx", "SV-1");
	assert_true(records[1].header.ticket == records[0].header.ticket);
	assert_int_equal(sent(FRAME_UPDATE("b.example")), EPPTAP_OK);
	read_spool(3); /* what fails before it is looked at is not noted */
	assert_int_equal(answered(FRAME_CODE("2303")), EPPTAP_OK);
	read_spool(4);
	assert_int_equal(records[3].header.kind, SPOOL_GIVEN_UP);
}

static void a_cut_leaves_the_outcome_unknown(void **state)
{
	(void)state;
	open_tap("");
	connect_as(NULL);
	assert_int_equal(sent(FRAME_UPDATE("stranger.example")), EPPTAP_OK);
	epptap_stream_free(&stream);
	assert_null(stream);
	connect_as("clientx");
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	assert_int_equal(sent(FRAME_POLL), EPPTAP_OK);
	epptap_stream_free(&stream);
	read_spool(2);
	assert_int_equal(records[0].header.kind, SPOOL_INTENT);
	assert_int_equal(records[1].header.kind, SPOOL_UNKNOWN);
	assert_counted("\"intents\":{\"noted\":1,\"ended\":0,\"given_up\":0,\"unknown\":1}");
}

/* Who sends login and change at once, and cuts the connection, may have been served. */
static void what_comes_behind_an_unanswered_login_is_lost_by_a_cut(void **state)
{
	(void)state;
	open_tap("");
	connect_as(NULL);
	assert_int_equal(sent(FRAME_LOGIN("<clID>clientx</clID>")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	epptap_stream_free(&stream);
	read_spool(1);
	assert_gap(0, "out_of_step", "", 1);
	/* the login is answered, and what came with it is not */
	connect_as(NULL);
	assert_int_equal(sent(FRAME_LOGIN("<clID>clientx</clID>")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	epptap_stream_free(&stream);
	read_spool(2);
	assert_gap(1, "out_of_step", "clientx", 1);
	/* before it there was nobody who could have been served */
	connect_as(NULL);
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_LOGIN("<clID>clientx</clID>")), EPPTAP_OK);
	epptap_stream_free(&stream);
	epptap_close(&tap, MINUTE_MS);
	spooled_read(&spooled, state_dir);
	assert_int_equal(spooled_count(&spooled, SPOOL_GAP), 2);
}

static void without_intents_a_cut_leaves_nothing(void **state)
{
	(void)state;
	open_tap(NO_INTENT);
	connect_as("clientx");
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_counted("\"streams\":{\"open\":1,\"used_bytes\":2048}");
	epptap_stream_free(&stream);
	read_spool(0);
	assert_counted("\"streams\":{\"open\":0,\"used_bytes\":0}");
}

/* Cuts a session at each byte of both directions: what was answered before the cut is told, and no more. */
static void a_cut_at_any_byte_is_no_harm(void **state)
{
	(void)state;
	static const char command[] = FRAME_UPDATE("a.example"), response[] = FRAME_DONE;
	size_t command_size = sizeof command - 1 + 4, size = command_size + sizeof response - 1 + 4;
	int count = 0;
	open_tap(NO_INTENT);
	for (size_t cut = 0; cut <= size; cut++) {
		connect_as("clientx");
		size_t client = cut < command_size ? cut : command_size;
		char *bytes = calloc(1, size);
		for (int i = 0; i < 4; i++) {
			bytes[i] = (char)(command_size >> (24 - 8 * i));
			bytes[command_size + (size_t)i] =
				(char)((size - command_size) >> (24 - 8 * i));
		}
		memcpy(bytes + 4, command, command_size - 4);
		memcpy(bytes + command_size + 4, response, size - command_size - 4);
		assert_int_equal(epptap_stream_client(stream, bytes, client), EPPTAP_OK);
		assert_int_equal(epptap_stream_server(stream, bytes + command_size, cut - client),
				 EPPTAP_OK);
		epptap_stream_free(&stream);
		free(bytes);
		count += cut == size;
	}
	read_spool(count);
	assert_int_equal(count, 1);
	assert_counted("\"streams\":{\"open\":0,\"used_bytes\":0}");
}

static void hello_is_answered_by_a_greeting(void **state)
{
	(void)state;
	open_tap("");
	connect_as("clientx");
	exchange(FRAME_HELLO, FRAME_GREETING);
	assert_int_equal(sent(FRAME_HELLO), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	/* one that only looks like a command */
	assert_int_equal(sent(FRAMES_EPP "<!-- --><hello/></epp>"), EPPTAP_OK);
	assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	assert_int_equal(answered(FRAME_GREETING), EPPTAP_OK);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	assert_int_equal(answered(FRAME_GREETING), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	/* a greeting that nobody asked for, and a hello that is refused */
	assert_int_equal(answered(FRAME_GREETING), EPPTAP_OK);
	exchange(FRAME_HELLO, FRAME_CODE("2002"));
	assert_int_equal(sent(FRAME_UPDATE("b.example")), EPPTAP_OK);
	read_spool(3);
	assert_int_equal(answered(FRAME_CODE("2303")), EPPTAP_OK);
	read_spool(4);
	assert_int_equal(records[3].header.kind, SPOOL_GIVEN_UP);
	assert_change(1, "a.example", "clientx", "SV-1");
	assert_counted("\"out_of_step\":0");
	assert_counted("\"unknown\":0");
}

/* The server's first greeting is no answer: what was sent before it waits on. */
static void the_first_greeting_answers_nothing(void **state)
{
	(void)state;
	open_tap("");
	assert_int_equal(epptap_stream_new(tap, NULL, &stream), EPPTAP_OK);
	assert_int_equal(sent(FRAMES_EPP "<!-- --><command><login><clID>clientx</clID></login>"
					 "</command></epp>"),
			 EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	assert_int_equal(answered(FRAME_GREETING), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("2201")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	read_spool(0);
}

static void many_commands_may_wait(void **state)
{
	(void)state;
	char name[64], frame[1024];
	enum { COMMANDS = 500 };
	open_tap(NO_INTENT);
	connect_as(NULL);
	assert_int_equal(sent(FRAME_LOGIN("<clID>clientx</clID>")), EPPTAP_OK);
	for (int i = 0; i < COMMANDS; i++) {
		snprintf(frame, sizeof frame, FRAME_UPDATE("n%d.example"), i);
		assert_int_equal(sent(i % 3 == 0 ? FRAME_CHECK : frame), EPPTAP_OK);
	}
	assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	for (int i = 0; i < COMMANDS; i++) {
		snprintf(frame, sizeof frame, FRAME_ANSWER_ID("1000", "none", "SV-%d"), i);
		assert_int_equal(answered(frame), EPPTAP_OK);
	}
	read_spool(COMMANDS - (COMMANDS + 2) / 3);
	for (int i = 0, k = 0; i < COMMANDS; i++) {
		if (i % 3 == 0)
			continue;
		snprintf(name, sizeof name, "n%d.example", i);
		snprintf(frame, sizeof frame, "SV-%d", i);
		assert_change(k++, name, "clientx", frame);
	}
	/* Nothing waits any more: nothing is held but the stream. */
	assert_counted("\"streams\":{\"open\":1,\"used_bytes\":1024}");
}

static void what_waits_beyond_the_bound_is_lost_and_keeps_its_place(void **state)
{
	(void)state;
	open_tap("");
	connect_as("clientx");
	for (int i = 0; i < STREAM_PAIRS_MOST; i++)
		assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sent(FRAME_UPDATE("lost.example")), EPPTAP_EFULL);
	assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	assert_int_equal(sent(FRAME_POLL), EPPTAP_OK);
	for (int i = 0; i < STREAM_PAIRS_MOST + 4; i++)
		assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_PENDING_DONE("c.example")), EPPTAP_OK);
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_int_equal(await_losses("pipeline_limit", 3), 3);
	assert_string_equal(records[first_of(SPOOL_CHANGE)].name, "c.example");
	assert_string_equal(records[first_of(SPOOL_INTENT)].name, "a.example");
	assert_counted("\"pipeline_limit\":3,\"out_of_step\":0");
}

static void a_frame_over_the_limit_is_passed_over(void **state)
{
	(void)state;
	char *large = malloc(FRAME_LIMIT + 2);
	memset(large, ' ', FRAME_LIMIT + 1);
	large[FRAME_LIMIT + 1] = '\0';
	open_tap("");
	connect_as("clientx");
	/* a command; only a success counts */
	exchange(large, FRAME_CODE("2001"));
	assert_int_equal(sent(large), EPPTAP_OK);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	/* a response */
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(answered(large), EPPTAP_OK);
	exchange(FRAME_CHECK, large);
	exchange(FRAME_UPDATE("b.example"), FRAME_DONE);
	/* a command whose response never comes */
	assert_int_equal(sent(large), EPPTAP_OK);
	epptap_stream_free(&stream);
	assert_counted("\"frame_limit\":3,");
	assert_counted("\"stream_frames_skipped\":5");
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_int_equal(await_losses("frame_limit", 2), 4);
	assert_int_equal(spooled_count(&spooled, SPOOL_UNKNOWN), 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_CHANGE), 1);
	free(large);
}

static void lengths_that_no_frame_has(void **state)
{
	(void)state;
	open_tap("");
	connect_as("clientx");
	for (int i = 0; i < 4; i++) {
		const char odd[4] = {0, 0, 0, (char)i};
		assert_int_equal(epptap_stream_client(stream, odd, 4), EPPTAP_OK);
		assert_int_equal(epptap_stream_server(stream, odd, 4), EPPTAP_OK);
	}
	exchange(FRAME_UPDATE_ID("a.example", "A"), FRAME_ANSWER_ID("1000", "A", "SV-1"));
	/* A gigabyte and more is announced; the connection is cut. */
	assert_int_equal(epptap_stream_client(stream, "\x40\0\0\0<epp>", 9), EPPTAP_OK);
	assert_int_equal(epptap_stream_server(stream, "\xff\xff\xff\xff<epp>", 9), EPPTAP_OK);
	assert_counted("\"streams\":{\"open\":1,\"used_bytes\":1024}");
	epptap_stream_free(&stream);
	read_spool(2);
	assert_change(1, "a.example", "clientx", "SV-1");
}

static void a_gigabyte_is_passed_over_in_step(void **state)
{
	(void)state;
	enum { PIECE = 1 << 20, GIGABYTE = 1 << 30 };
	char *piece = calloc(1, PIECE);
	open_tap("");
	connect_as("clientx");
	assert_int_equal(epptap_stream_client(stream, "\x40\0\0\4", 4), EPPTAP_OK);
	for (int i = 0; i < GIGABYTE / PIECE; i++)
		assert_int_equal(epptap_stream_client(stream, piece, PIECE), EPPTAP_OK);
	free(piece);
	assert_int_equal(answered(FRAME_CODE("2001")), EPPTAP_OK);
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	read_spool(2);
	assert_change(1, "a.example", "clientx", "SV-1");
}

/* A server may answer an empty frame, or not: a command is not paired with the answer to another. */
static void an_empty_frame_may_have_an_answer(void **state)
{
	(void)state;
	const char empty[4] = {0, 0, 0, 4};
	open_tap(NO_INTENT);
	connect_as("clientx");
	/* from the server it is no response */
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(epptap_stream_server(stream, empty, 4), EPPTAP_OK);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	/* answered, and not answered */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(epptap_stream_client(stream, empty, 4), EPPTAP_OK);
		assert_int_equal(sent(FRAME_UPDATE_ID("b.example", "B")), EPPTAP_OK);
		if (i == 0)
			assert_int_equal(answered(FRAME_CODE("2001")), EPPTAP_OK);
		assert_int_equal(answered(FRAME_ANSWER_ID("1000", "B", "SV-2")), EPPTAP_OK);
	}
	read_spool(3); /* or the loss is told before what stands before it */
	/* who knows: an update that failed must not pass for one that was done */
	assert_int_equal(epptap_stream_client(stream, empty, 4), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE("forged.example")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_CHECK), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("2201")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("1000")), EPPTAP_OK);
	read_spool(4);
	assert_change(0, "a.example", "clientx", "SV-1");
	assert_change(1, "b.example", "clientx", "SV-2");
	assert_change(2, "b.example", "clientx", "SV-2");
	assert_gap(3, "out_of_step", "clientx", 1);
	/* until a clTRID says what is what */
	assert_int_equal(sent(FRAME_UPDATE_ID("c.example", "C")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "C", "SV-3")), EPPTAP_OK);
	exchange(FRAME_UPDATE("d.example"), FRAME_DONE);
	read_spool(6);
	assert_change(4, "c.example", "clientx", "SV-3");
	assert_change(5, "d.example", "clientx", "SV-1");
}

static void differing_ids_bring_it_in_step_again(void **state)
{
	(void)state;
	open_tap(NO_INTENT);
	connect_as("clientx");
	assert_int_equal(sent(FRAME_UPDATE_ID("a.example", "A")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_CHECK_ID("B")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE_ID("c.example", "C")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE_ID("d.example", "D")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "C", "SV-C")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "D", "SV-D")), EPPTAP_OK);
	read_spool(3);
	int gap = first_of(SPOOL_GAP);
	assert_gap(gap, "out_of_step", "clientx", 1);
	assert_change(gap == 0, "c.example", "clientx", "SV-C");
	assert_change(gap == 2 ? 1 : 2, "d.example", "clientx", "SV-D");
	assert_counted("\"streams_resynchronised\":1");
	/* the answer to one that was given up comes late */
	assert_int_equal(sent(FRAME_CHECK_ID("E")), EPPTAP_OK);
	assert_int_equal(sent(FRAME_UPDATE_ID("f.example", "F")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "F", "SV-F")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "E", "SV-E")), EPPTAP_OK);
	read_spool(4);
	assert_change(3, "f.example", "clientx", "SV-F");
}

static void an_answer_to_nobody_is_a_loss(void **state)
{
	(void)state;
	open_tap("");
	connect_as("clientx");
	assert_int_equal(answered(FRAME_CODE("2500")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_CODE("1500")), EPPTAP_OK);
	read_spool(0);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	assert_gap(0, "out_of_step", "clientx", 1);
	/* and one that names another command than the only one that waits */
	assert_int_equal(sent(FRAME_UPDATE_ID("a.example", "A")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "X", "SV-X")), EPPTAP_OK);
	assert_int_equal(answered(FRAME_ANSWER_ID("1000", "A", "SV-A")), EPPTAP_OK);
	exchange(FRAME_UPDATE_ID("b.example", "B"), FRAME_ANSWER_ID("1000", "B", "SV-B"));
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	assert_counted("\"intents\":{\"noted\":2,\"ended\":1,\"given_up\":0,\"unknown\":1}");
	assert_counted("\"out_of_step\":2");
}

static void logins_say_who_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *login, *code, *registrar;
	} steps[] = {
		{FRAME_LOGIN("<clID>one</clID>"), "1000", "one"},
		{FRAME_LOGIN("<clID>two</clID>"), "2200", "one"},
		{FRAME_LOGIN("<clID>two</clID>"), "1000", "two"},
		/* If the server goes on after a logout, it is still the same one. */
		{FRAME_LOGOUT, "1500", "two"},
		/* for the parser */
		{FRAME_LOGIN("<clID>thr&#101;e</clID>"), "1000", "three"},
		{FRAME_LOGIN("<clID>f<![CDATA[our]]></clID>"), "2002", "three"},
		{FRAME_LOGIN("<clID>f<![CDATA[our]]></clID>"), "1000", "four"},
		{FRAME_LOGIN("<clID>f<!-- -->ive</clID>"), "1000", "five"},
		{FRAME_LOGIN("<clID>six</clID>"), "1000", "six"},
		{FRAME_LOGIN("<clID>canary@person.example</clID>"), "1000", ""},
	};
	enum { STEPS = sizeof steps / sizeof *steps };
	char code[1024];
	open_tap(NO_INTENT);
	connect_as(NULL);
	for (int i = 0; i < STEPS; i++) {
		snprintf(code, sizeof code, FRAME_CODE("%s"), steps[i].code);
		exchange(steps[i].login, code);
		exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	}
	read_spool(STEPS);
	for (int i = 0; i < STEPS; i++)
		assert_change(i, "a.example", steps[i].registrar, "SV-1");
	/* A response that is not plain: it may be a failure, or not. */
	exchange(FRAME_LOGIN("<clID>seven</clID>"),
		 FRAMES_EPP "<!-- --><response><result code=\"2200\"/>"
			    "</response></epp>");
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	exchange(FRAME_LOGIN("<clID>eight</clID>"),
		 FRAMES_EPP "<!-- --><response><result code=\"1000\"/>"
			    "</response></epp>");
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	read_spool(STEPS + 2);
	assert_change(STEPS, "a.example", "", "SV-1");
	assert_change(STEPS + 1, "a.example", "eight", "SV-1");
	epptap_stream_free(&stream);
	/* Whom the host names, no login changes. */
	connect_as("given");
	log_in(FRAME_LOGIN("<clID>other</clID>"));
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	exchange(FRAME_LOGOUT, FRAME_CODE("1500"));
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	read_spool(STEPS + 4);
	assert_change(STEPS + 2, "a.example", "given", "SV-1");
	assert_change(STEPS + 3, "a.example", "given", "SV-1");
}

/* Appends the text as UTF-16 with its mark. */
static size_t widen(char *to, const char *text)
{
	size_t size = 0;
	to[size++] = '\xff';
	to[size++] = '\xfe';
	for (; *text; text++) {
		to[size++] = *text;
		to[size++] = '\0';
	}
	return size;
}

static void a_session_in_utf_16(void **state)
{
	(void)state;
	static const char *const frames[] = {FRAME_LOGIN("<clID>wide</clID>"),
					     FRAME_CODE("1000"),
					     FRAME_HELLO,
					     FRAME_GREETING,
					     FRAME_UPDATE("a.example"),
					     FRAME_DONE,
					     FRAME_POLL,
					     FRAME_NO_MESSAGE};
	char wide[4096];
	open_tap("");
	connect_as(NULL);
	for (int i = 0; i < 8; i++) {
		size_t size = widen(wide, frames[i]);
		show_function *show = i % 2 ? epptap_stream_server : epptap_stream_client;
		assert_int_equal(show_chunked(show, stream, wide, size, 100), EPPTAP_OK);
	}
	read_spool(2);
	assert_int_equal(records[0].header.kind, SPOOL_INTENT);
	assert_change(1, "a.example", "wide", "SV-1");
	assert_counted("\"streams\":{\"open\":1,\"used_bytes\":1024}");
}

static void all_streams_have_one_bound(void **state)
{
	(void)state;
	enum { MOST = 1024, HALF = 2000 };
	struct epptap_stream *many[MOST];
	char *half = calloc(1, HALF);
	int made = 0;
	open_tap(", streams: 1MiB");
	half[0] = 0x0;
	memcpy(half, "\0\0\x0f\xa0", 4); /* 4000 bytes to come */
	while (made < MOST && epptap_stream_new(tap, NULL, &many[made]) == EPPTAP_OK &&
	       epptap_stream_client(many[made], half, HALF) == EPPTAP_OK)
		made++;
	/* Nobody else is there: all of it may be taken. Those that ask now get no room, but stay in step. */
	assert_in_range(made, 100, MOST - 1);
	assert_int_equal(epptap_stream_new(tap, "late", &stream), EPPTAP_EFULL);
	assert_null(stream);
	assert_counted("\"streams_limit\":");
	for (int i = 0; i < made; i++)
		epptap_stream_free(&many[i]);
	if (made < MOST)
		epptap_stream_free(&many[made]);
	assert_counted("\"streams\":{\"open\":0,\"used_bytes\":0}");
	connect_as("clientx");
	exchange(FRAME_UPDATE("a.example"), FRAME_DONE);
	free(half);
}

static void strangers_leave_room_for_registrars(void **state)
{
	(void)state;
	enum { STRANGERS = 200, PART = 3000 };
	struct epptap_stream *strangers[STRANGERS] = {0};
	char *part = calloc(1, PART);
	memcpy(part, "\0\0\x0f\xa0", 4);
	open_tap(", streams: 1MiB" NO_INTENT);
	for (int i = 0; i < STRANGERS; i++)
		if (epptap_stream_new(tap, NULL, &strangers[i]) == EPPTAP_OK)
			assert_int_equal(epptap_stream_client(strangers[i], part, PART), EPPTAP_OK);
	/* who comes after they have taken all that strangers may have is followed all the same */
	connect_as(NULL);
	log_in(FRAME_LOGIN("<clID>clientx</clID>"));
	assert_int_equal(show_chunked(epptap_stream_client, stream, FRAME_UPDATE("a.example"),
				      strlen(FRAME_UPDATE("a.example")), 10),
			 EPPTAP_OK);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	/* A stranger's frame that found no room is passed over in step. */
	for (int i = 0; i < STRANGERS; i++) {
		if (!strangers[i])
			continue;
		epptap_stream_client(strangers[i], part, 4000 - PART);
		assert_int_equal(show_chunked(epptap_stream_server, strangers[i],
					      FRAME_CODE("2002"), strlen(FRAME_CODE("2002")), 4096),
				 EPPTAP_OK);
		epptap_stream_free(&strangers[i]);
	}
	free(part);
	assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
	spooled_await(&spooled, state_dir, 1);
	int changes = 0;
	for (int i = 0; i < spooled.count; i++)
		changes += spooled.items[i].header.kind == SPOOL_CHANGE &&
			   strcmp(spooled.items[i].registrar, "clientx") == 0;
	assert_int_equal(changes, 1);
}

static void what_is_not_allowed_is_refused(void **state)
{
	(void)state;
	struct epptap_stream *none = (void *)1;
	open_tap("");
	assert_int_equal(epptap_stream_new(NULL, NULL, &none), EPPTAP_EINVAL);
	assert_null(none);
	assert_int_equal(epptap_stream_new(tap, NULL, NULL), EPPTAP_EINVAL);
	assert_int_equal(epptap_stream_client(NULL, "x", 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_stream_server(NULL, "x", 1), EPPTAP_EINVAL);
	connect_as(NULL);
	assert_int_equal(epptap_stream_client(stream, NULL, 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_stream_client(stream, NULL, 0), EPPTAP_OK);
	assert_int_equal(epptap_stream_server(stream, "", 0), EPPTAP_OK);
	epptap_stream_free(NULL);
	epptap_stream_free(&none);
}

static void a_stream_outlives_its_tap(void **state)
{
	(void)state;
	open_tap("");
	connect_as("clientx");
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	assert_int_equal(epptap_stream_client(stream, "\0\0\1", 3), EPPTAP_OK);
	assert_int_equal(epptap_stream_client(stream, "\0abc", 4), EPPTAP_OK);
	epptap_close(&tap, MINUTE_MS);
	assert_int_equal(epptap_stream_client(stream, "x", 1), EPPTAP_EINVAL);
	assert_int_equal(epptap_stream_server(stream, "x", 1), EPPTAP_EINVAL);
	epptap_stream_free(&stream);
	spooled_read(&spooled, state_dir);
	assert_int_equal(spooled_count(&spooled, SPOOL_INTENT), 1);
	assert_int_equal(spooled_count(&spooled, SPOOL_UNKNOWN), 1);
}

static void a_child_leaves_streams_alone(void **state)
{
	(void)state;
	open_tap("");
	connect_as("clientx");
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	pid_t child = fork();
	if (child == 0) {
		bool good =
			sent(FRAME_CHECK) == EPPTAP_EFORK && answered(FRAME_DONE) == EPPTAP_EFORK;
		epptap_stream_free(&stream);
		good = good && !stream && epptap_stream_new(tap, NULL, &stream) == EPPTAP_EFORK;
		epptap_close(&tap, 0);
		_exit(!good);
	}
	int status = -1;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	read_spool(2);
	assert_change(1, "a.example", "clientx", "SV-1");
}

static void a_reload_changes_what_begins_later(void **state)
{
	(void)state;
	open_tap(NO_INTENT);
	connect_as("clientx");
	assert_int_equal(sent(FRAME_UPDATE("a.example")), EPPTAP_OK);
	write_config("");
	assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_OK);
	assert_int_equal(answered(FRAME_DONE), EPPTAP_OK);
	read_spool(1);
	assert_int_equal(sent(FRAME_UPDATE("b.example")), EPPTAP_OK);
	read_spool(2);
	assert_int_equal(records[1].header.kind, SPOOL_INTENT);
	write_config(", streams: 2MiB");
	assert_int_equal(epptap_reload(tap, why, sizeof why), EPPTAP_ECONFIG);
	assert_non_null(strstr(why, "capture.streams"));
}

/* A connection after the other, in chunks of some size. */
struct front {
	unsigned number;
	int failures;
};

static void *run_front(void *context)
{
	struct front *front = context;
	struct epptap_stream *own;
	char login[1024], name[1024];
	snprintf(login, sizeof login, FRAME_LOGIN("<clID>client%u</clID>"), front->number);
	for (int i = 0; i < SESSIONS; i++) {
		size_t chunk = 1 + (front->number * 7 + (unsigned)i * 13) % 200;
		front->failures += epptap_stream_new(tap, NULL, &own) != EPPTAP_OK;
		snprintf(name, sizeof name, FRAME_UPDATE("n%u-%d.example"), front->number, i);
		const struct {
			show_function *show;
			const char *frame;
		} steps[] = {
			{epptap_stream_server, FRAME_GREETING},
			{epptap_stream_client, login},
			{epptap_stream_server, FRAME_CODE("1000")},
			{epptap_stream_client, name},
			{epptap_stream_client, FRAME_CHECK},
			{epptap_stream_server, FRAME_DONE},
			{epptap_stream_server, FRAME_CODE("1000")},
		};
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++)
			front->failures += show_chunked(steps[k].show, own, steps[k].frame,
							strlen(steps[k].frame), chunk) != EPPTAP_OK;
		epptap_stream_free(&own);
	}
	return NULL;
}

static void threads_do_not_mix_streams_up(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	struct front fronts[THREADS];
	open_tap("");
	for (unsigned i = 0; i < THREADS; i++) {
		fronts[i] = (struct front){.number = i};
		pthread_create(&threads[i], NULL, run_front, &fronts[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(fronts[i].failures, 0);
	}
	read_spool(2 * THREADS * SESSIONS);
	for (int i = 0; i < spooled.count; i++) {
		char name[64];
		int number, session;
		if (records[i].header.kind == SPOOL_INTENT)
			continue;
		assert_int_equal(sscanf(records[i].name, "n%d-%d.example", &number, &session), 2);
		snprintf(name, sizeof name, "client%d", number);
		assert_change(i, records[i].name, name, "SV-1");
	}
	assert_counted("\"streams\":{\"open\":0,\"used_bytes\":0}");
}

/* One direction: shows a frame so often, in small pieces. */
struct direction {
	show_function *show;
	const char *frame;
	_Atomic int *ahead; /* commands shown minus answers shown */
	int step;
};

enum { EXCHANGES = 300 };

static void *run_direction(void *context)
{
	struct direction *direction = context;
	for (int i = 0; i < EXCHANGES; i++) {
		while (direction->step < 0 && *direction->ahead <= 0)
			sched_yield();
		if (direction->step < 0)
			*direction->ahead -= 1;
		show_chunked(direction->show, stream, direction->frame, strlen(direction->frame),
			     50);
		if (direction->step > 0)
			*direction->ahead += 1;
	}
	return NULL;
}

static void both_directions_at_once(void **state)
{
	(void)state;
	static const char *const captures[] = {"", NO_INTENT};
	for (int i = 0; i < 2; i++) {
		_Atomic int ahead = 0;
		struct direction client = {epptap_stream_client, FRAME_UPDATE("a.example"), &ahead,
					   1};
		struct direction server = {epptap_stream_server, FRAME_DONE, &ahead, -1};
		pthread_t threads[2];
		open_tap(captures[i]);
		connect_as("clientx");
		pthread_create(&threads[0], NULL, run_direction, &client);
		pthread_create(&threads[1], NULL, run_direction, &server);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		epptap_stream_free(&stream);
		assert_counted("\"out_of_step\":0");
		assert_int_equal(epptap_flush(tap, MINUTE_MS), EPPTAP_OK);
		spooled_read(&spooled, state_dir);
		assert_int_equal(spooled_count(&spooled, SPOOL_CHANGE), (i + 1) * EXCHANGES);
		epptap_close(&tap, MINUTE_MS);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_chunks_come_to_the_same),
		TEST(who_is_logged_in_has_its_commands_noted),
		TEST(a_cut_leaves_the_outcome_unknown),
		TEST(what_comes_behind_an_unanswered_login_is_lost_by_a_cut),
		TEST(without_intents_a_cut_leaves_nothing),
		TEST(a_cut_at_any_byte_is_no_harm),
		TEST(hello_is_answered_by_a_greeting),
		TEST(the_first_greeting_answers_nothing),
		TEST(many_commands_may_wait),
		TEST(what_waits_beyond_the_bound_is_lost_and_keeps_its_place),
		TEST(a_frame_over_the_limit_is_passed_over),
		TEST(lengths_that_no_frame_has),
		TEST(a_gigabyte_is_passed_over_in_step),
		TEST(an_empty_frame_may_have_an_answer),
		TEST(differing_ids_bring_it_in_step_again),
		TEST(an_answer_to_nobody_is_a_loss),
		TEST(logins_say_who_it_is),
		TEST(a_session_in_utf_16),
		TEST(all_streams_have_one_bound),
		TEST(strangers_leave_room_for_registrars),
		TEST(what_is_not_allowed_is_refused),
		TEST(a_stream_outlives_its_tap),
		TEST(a_child_leaves_streams_alone),
		TEST(a_reload_changes_what_begins_later),
		TEST(threads_do_not_mix_streams_up),
		TEST(both_directions_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
