/* fuzz/stream.c - the bytes of an EPP connection, both ways: `make fuzz-stream SECONDS=60`
 *
 * The input says who sends what next, and in which chunks. As long as the server answers each frame in order, whatever the
 * client's frames hold, each change comes out with its own answer, and nothing is lost. When it has sent bytes that are no
 * such thing, only the bounds hold. At the end of the connection nothing of it is left, whatever it was.
 *
 * The target takes the place of the capture thread.
 */
#include "plugin/stream.h"
#include "conformance/fuzz/target.h"

#include <string.h>

enum {
	FRAME_LIMIT = 4096,
	STREAMS_SIZE = 1 << 20,
	QUEUE_SIZE = 1 << 20,
	WAITING_MOST = 64,
	INPUT_MAX = 1024,
};

#define EPP "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"

/* What a client may send; %u is the number of the command, %s its clTRID, or nothing. */
static const char *const commands[] = {
	EPP "<command><update><d:update xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
	    "<d:name>n%u.example</d:name></d:update></update>%s</command></epp>",
	EPP "<command><check n=\"%u\"/>%s</command></epp>",
	EPP "<command><poll op=\"req\" n=\"%u\"/>%s</command></epp>",
	EPP "<!-- --><command><delete><d:delete xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
	    "<d:name>n%u.example</d:name></d:delete></delete>%s</command></epp>",
	EPP "<!-- %u %s --><hello/></epp>",
	EPP "<hello><create n=\"%u\"/>%s</hello></epp>",
	EPP "<command><login><clID>client%u</clID><pw>x</pw></login>%s</command></epp>",
	EPP "<command><logout n=\"%u\"/>%s</command></epp>",
	EPP "<command><login><clID>client&#x3%u;</clID><pw>x</pw></login>%s</command></epp>",
};
enum {
	UPDATE,
	CHECK,
	POLL,
	ODD_DELETE,
	ODD_HELLO,
	HELLO_AND_MORE,
	LOGIN,
	LOGOUT,
	ODD_LOGIN,
	COMMANDS,
	NONSENSE
};

static const char greeting[] = EPP "<greeting/></epp>";

/* What waits for the server's answer. */
struct waiting {
	int kind;
	bool hello, named; /* it is answered by a greeting; it has a clTRID */
	unsigned number;
};

/* The connection as it should be seen. */
static struct {
	struct waiting waiting[WAITING_MOST];
	unsigned first, count, number;
	uint64_t expected, seen; /* changes answered with 1000; those that came out of the queue */
	bool greeted;            /* the server has said its first word */
	bool lawful;
} model;

static struct config config = {
	.capture = {.frame_limit = FRAME_LIMIT, .streams = STREAMS_SIZE, .queue = QUEUE_SIZE}};
static volatile uint32_t mark = TAP_MARK;
static struct epptap tap = {.mark = &mark};
static struct epptap_stream *stream;
static unsigned begun[TICKETS]; /* the number of the command, and 1; of each place of a ticket */

enum loss capture_why_full(struct capture *capture)
{
	(void)capture;
	return LOSS_QUEUE_FULL;
}

int capture_wait(struct capture *capture, uint64_t position, int64_t timeout_ms)
{
	(void)capture;
	(void)position;
	(void)timeout_ms;
	return RESULT_OK;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	atomic_init(&tap.config, &config);
	must(queue_new(QUEUE_SIZE, &tap.queue) == RESULT_OK &&
		     registrars_new(&tap.registrars) == RESULT_OK &&
		     tickets_new(&tap.tickets) == RESULT_OK &&
		     streams_new(&tap, &tap.streams) == RESULT_OK,
	     "no memory");
	return 0;
}

/* The number behind `word` in a frame; 0: it is not there. */
static unsigned number_in(const char *frame, size_t size, const char *word)
{
	char number[16] = "";
	const char *at = memmem(frame, size, word, strlen(word));
	if (!at)
		return 0;
	at += strlen(word);
	size_t left = (size_t)(frame + size - at);
	memcpy(number, at, left < sizeof number - 1 ? left : sizeof number - 1);
	return (unsigned)strtoul(number, NULL, 10);
}

static void see_pair(unsigned command, unsigned answer)
{
	if (!model.lawful || command == 0)
		return;
	must(command == answer, "a change with the answer to another command");
	model.seen++;
}

static void close_ticket(uint64_t ticket, unsigned owner)
{
	begun[ticket % TICKETS] = 0;
	tickets_close(tap.tickets, ticket);
	registrars_release(tap.registrars, owner, SHARED_TICKETS, 1);
}

static void see(const struct queue_entry *entry)
{
	unsigned command = number_in(entry->command, entry->command_size, "<d:name>n");
	unsigned answer = number_in(entry->response, entry->response_size, "<svTRID>SV-");
	must(entry->command_size <= FRAME_LIMIT && entry->response_size <= FRAME_LIMIT,
	     "a frame over the limit");
	switch (entry->kind) {
	case QUEUE_PAIR:
		see_pair(command, answer);
		break;
	case QUEUE_BEGIN:
		tickets_intent(tap.tickets, entry->ticket)->taken = true;
		tickets_intent(tap.tickets, entry->ticket)->owner = entry->owner;
		begun[entry->ticket % TICKETS] = command;
		break;
	case QUEUE_END:
		see_pair(begun[entry->ticket % TICKETS], answer);
		close_ticket(entry->ticket, entry->owner);
		break;
	case QUEUE_MESSAGE:
	case QUEUE_LOGIN:
		break;
	case QUEUE_SERVER:
		must(false, "a change of nobody's");
	}
}

/* Does what the capture thread would do. */
static void drain(void)
{
	struct queue_entry entry;
	uint64_t ticket;
	int64_t wall_us;
	for (; queue_peek(tap.queue, &entry); queue_pop(tap.queue)) {
		see(&entry);
		registrars_release(tap.registrars, entry.owner, SHARED_QUEUE,
				   queue_room_of(&entry));
	}
	while (tickets_next_handed(tap.tickets, &ticket)) {
		must(!model.lawful || tickets_fate(tap.tickets, ticket, &wall_us) == FATE_GIVEN_UP,
		     "an outcome that nobody knows");
		close_ticket(ticket, tickets_intent(tap.tickets, ticket)->owner);
	}
}

static void show(bool client, const void *bytes, size_t size, size_t chunk)
{
	for (size_t at = 0; at < size; at += chunk) {
		size_t part = size - at < chunk ? size - at : chunk;
		/* A copy of its own, so that a byte read beyond it is found. */
		char *copy = malloc(part);
		memcpy(copy, (const char *)bytes + at, part);
		int result = client ? epptap_stream_client(stream, copy, part)
				    : epptap_stream_server(stream, copy, part);
		must(result == EPPTAP_OK || (result == EPPTAP_EFULL && !model.lawful),
		     "no such result");
		free(copy);
	}
	must(atomic_load(&tap.counters.stream_bytes) <= STREAMS_SIZE, "beyond the bound");
	drain();
}

static void show_frame(bool client, const void *frame, size_t size, size_t chunk)
{
	char *bytes = malloc(size + 4);
	for (int i = 0; i < 4; i++)
		bytes[i] = (char)((size + 4) >> (24 - 8 * i));
	memcpy(bytes + 4, frame, size);
	show(client, bytes, size + 4, chunk);
	free(bytes);
}

static void wait_for_answer(int kind, bool named, bool hello)
{
	model.waiting[(model.first + model.count) % WAITING_MOST] =
		(struct waiting){kind, hello, named, model.number};
	model.count++;
}

static void send_command(uint8_t what, size_t chunk)
{
	char id[64] = "", frame[1024];
	int kind = what % COMMANDS;
	bool hello = kind == ODD_HELLO || kind == HELLO_AND_MORE;
	bool named = !hello && what / COMMANDS % 2;
	if (model.count == WAITING_MOST)
		return;
	model.number++;
	if (named)
		snprintf(id, sizeof id, "<clTRID>C-%u</clTRID>", model.number);
	snprintf(frame, sizeof frame, commands[kind],
		 kind == ODD_LOGIN ? model.number % 10 : model.number, id);
	show_frame(true, frame, strlen(frame), chunk);
	wait_for_answer(kind, named, hello);
}

/* Anything, as a frame. */
static void send_nonsense(const uint8_t *bytes, size_t size, size_t chunk)
{
	if (model.count == WAITING_MOST || size == 0)
		return;
	show_frame(true, bytes, size, chunk);
	wait_for_answer(NONSENSE, false,
			session_command_of((const char *)bytes, size) == SESSION_HELLO);
}

/* The answer to what has waited longest; `how` says whether it succeeds. */
static void answer(uint8_t how, size_t chunk)
{
	char frame[1024], id[64] = "";
	if (!model.greeted) {
		model.greeted = true;
		show_frame(false, greeting, strlen(greeting), chunk);
		return;
	}
	if (model.count == 0)
		return;
	const struct waiting waiting = model.waiting[model.first];
	model.first = (model.first + 1) % WAITING_MOST;
	model.count--;
	/* A server that refuses a hello is none of ours: whose its answers are is not sure then. */
	if (waiting.hello && how % 16 == 15)
		model.lawful = false;
	else if (waiting.hello) {
		show_frame(false, greeting, strlen(greeting), chunk);
		return;
	}
	bool done = how % 2 && waiting.kind != NONSENSE;
	unsigned code = !done                    ? 2001
			: waiting.kind == LOGOUT ? 1500
			: waiting.kind == POLL   ? 1301
						 : 1000;
	if (waiting.named && how / 2 % 4)
		snprintf(id, sizeof id, "<clTRID>C-%u</clTRID>", waiting.number);
	snprintf(frame, sizeof frame,
		 EPP "<response><result code=\"%u\"><msg>x</msg></result><trID>%s<svTRID>SV-%u"
		     "</svTRID></trID></response></epp>",
		 code, id, waiting.number);
	if (done && (waiting.kind == UPDATE || waiting.kind == ODD_DELETE))
		model.expected++;
	show_frame(false, frame, strlen(frame), chunk);
}

/* One thing that happens: what, its chunks, and what belongs to it. Returns how many bytes of the input that took. */
static size_t step(const uint8_t *bytes, size_t size)
{
	enum {
		SEND,
		SEND_AGAIN,
		ANSWER,
		ANSWER_AGAIN,
		SEND_NONSENSE,
		CLIENT_BYTES,
		SERVER_BYTES,
		STEPS
	};
	static const size_t chunks[] = {5000, 300, 100, 64, 33, 5, 4, 3, 2, 1};
	size_t chunk = chunks[bytes[1] % (sizeof chunks / sizeof *chunks)], rest = size - 3;
	size_t part = bytes[2] < rest ? bytes[2] : rest;
	switch (bytes[0] % STEPS) {
	case SEND:
	case SEND_AGAIN:
		send_command(bytes[2], chunk);
		return 3;
	case ANSWER:
	case ANSWER_AGAIN:
		answer(bytes[2], chunk);
		return 3;
	case SEND_NONSENSE:
		send_nonsense(bytes + 3, part, chunk);
		return 3 + part;
	default:
		model.lawful = false;
		show(bytes[0] % STEPS == CLIENT_BYTES, bytes + 3, part, chunk);
		return 3 + part;
	}
}

static uint64_t losses(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < LOSSES; i++)
		sum += atomic_load(&tap.counters.lost[i]);
	return sum + atomic_load(&tap.counters.streams_resynchronised);
}

static void end(uint64_t lost_before)
{
	/* Never cut while something waits, it would be unknown what became of it. */
	while (model.lawful && model.count > 0)
		answer(1, 64); /* or a greeting */
	epptap_stream_free(&stream);
	drain();
	must(!model.lawful || model.seen == model.expected, "a change is missing");
	must(!model.lawful || losses() == lost_before, "a loss in a session without a fault");
	must(atomic_load(&tap.counters.stream_bytes) == 0 &&
		     atomic_load(&tap.counters.streams_open) == 0,
	     "something is still held");
	must(tickets_used(tap.tickets) == 0, "a ticket is still open");
	must(queue_used(tap.queue) == 0, "something is left in the queue");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return -1;
	memset(&model, 0, sizeof model);
	model.lawful = true;
	config.capture.intent = bytes[0] & 1;
	uint64_t lost_before = losses();
	must(epptap_stream_new(&tap, bytes[0] & 2 ? "clientx" : NULL, &stream) == EPPTAP_OK,
	     "no stream");
	for (size_t at = 1; size - at >= 3;)
		at += step(bytes + at, size - at);
	end(lost_before);
	return 0;
}
