#include "publisher/callers.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
	/* uint16_t event, uint32_t value, as they lie in memory; an address follows */
	EVENT_SIZE = 6,
	/* Whole seconds after which a handshake has ended for sure: its limit, and some for a thread that is late. */
	WINDOW_S = CALLERS_HANDSHAKE_MS / 1000 + 3,
	EVENTS_AT_ONCE = 4096, /* of one look: twice what can wait */
	ZMQ_EVENTS_SEEN = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
			  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
			  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
			  ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_MONITOR_STOPPED,
};

/* Connections accepted within one second. */
struct second {
	int64_t number;
	uint64_t accepted;
};

struct callers {
	void *monitor;
	bool encrypted;
	struct door_counts *counts;
	uint64_t connected;
	uint64_t undecided; /* accepted, and nothing was told of the end of their handshake */
	struct second seconds[WINDOW_S];
};

int callers_watch(void *zmq, void *socket, const char *name, bool encrypted,
		  struct door_counts *counts, struct callers **out)
{
	char address[128];
	int no_linger = 0;
	struct callers *callers = calloc(1, sizeof *callers);
	*out = NULL;
	if (!callers)
		return RESULT_NOMEM;
	callers->encrypted = encrypted;
	callers->counts = counts;
	callers->monitor = zmq_socket(zmq, ZMQ_PAIR);
	snprintf(address, sizeof address, "inproc://callers-of-%s", name);
	if (callers->monitor &&
	    zmq_setsockopt(callers->monitor, ZMQ_LINGER, &no_linger, sizeof no_linger) == 0 &&
	    zmq_socket_monitor(socket, address, ZMQ_EVENTS_SEEN) == 0 &&
	    zmq_connect(callers->monitor, address) == 0) {
		*out = callers;
		return RESULT_OK;
	}
	callers_close(&callers, 0);
	return RESULT_NOMEM;
}

void *callers_socket(const struct callers *callers)
{
	return callers->monitor;
}

static void count(struct callers *callers, enum door_verdict verdict, uint64_t by)
{
	atomic_fetch_add_explicit(&callers->counts->by[verdict], by, memory_order_relaxed);
}

static void set_connected(struct callers *callers, uint64_t connected)
{
	/* A sum: other sockets may count in the same place. */
	atomic_fetch_add_explicit(&callers->counts->connected, connected - callers->connected,
				  memory_order_relaxed);
	callers->connected = connected;
}

static void note_accepted(struct callers *callers, int64_t now_us)
{
	int64_t number = now_us / 1000000;
	struct second *second = &callers->seconds[number % WINDOW_S];
	if (second->number != number)
		*second = (struct second){.number = number};
	second->accepted++;
	callers->undecided++;
	set_connected(callers, callers->connected + 1);
}

/* Its handshake has ended. */
static void note_decided(struct callers *callers)
{
	if (callers->undecided > 0)
		callers->undecided--;
}

static enum door_verdict verdict_of(uint16_t event, uint32_t value)
{
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
		return value == EAGAIN ? DOOR_TIMEOUT : DOOR_LEFT; /* the value is an errno */
	return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? DOOR_MECHANISM
	       : value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC    ? DOOR_WRONG_KEY
								   : DOOR_MALFORMED;
}

static void note_event(struct callers *callers, uint16_t event, uint32_t value, int64_t now_us)
{
	switch (event) {
	case ZMQ_EVENT_ACCEPTED:
		note_accepted(callers, now_us);
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
		count(callers, verdict_of(event, value), 1);
		note_decided(callers);
		break;
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: /* the door has counted it */
		note_decided(callers);
		break;
	case ZMQ_EVENT_DISCONNECTED:
		if (callers->connected > 0)
			set_connected(callers, callers->connected - 1);
		break;
	case ZMQ_EVENT_CLOSED: /* the listening socket, and all connections with it */
		callers->undecided = 0;
		set_connected(callers, 0);
		break;
	default:
		break;
	}
}

/* How many may be in their handshake now, at the most. */
static uint64_t shaking_hands(const struct callers *callers, int64_t now_us)
{
	uint64_t recent = 0;
	for (int i = 0; i < WINDOW_S; i++)
		if (callers->seconds[i].number > now_us / 1000000 - WINDOW_S)
			recent += callers->seconds[i].accepted;
	return recent < callers->connected ? recent : callers->connected;
}

/* Whoever speaks no ZMTP, or of too old a version, is cut off without a word. While others are connected that came
 * lately, it can't be told yet that it was not one of them: then it is counted some seconds later. */
static void count_unnamed(struct callers *callers, int64_t now_us)
{
	uint64_t most = shaking_hands(callers, now_us);
	if (!callers->encrypted || callers->undecided <= most)
		return;
	count(callers, DOOR_MALFORMED, callers->undecided - most);
	callers->undecided = most;
}

/* False: there is none now. */
static bool read_event(const struct callers *callers, uint16_t *event, uint32_t *value)
{
	char bytes[EVENT_SIZE], rest[1];
	int more = 0;
	size_t more_size = sizeof more;
	int size = zmq_recv(callers->monitor, bytes, sizeof bytes, ZMQ_DONTWAIT);
	if (size < 0)
		return false;
	memcpy(event, bytes, sizeof *event);
	memcpy(value, bytes + sizeof *event, sizeof *value);
	if (size != EVENT_SIZE)
		*event = 0;
	while (zmq_getsockopt(callers->monitor, ZMQ_RCVMORE, &more, &more_size) == 0 && more &&
	       zmq_recv(callers->monitor, rest, sizeof rest, ZMQ_DONTWAIT) >= 0)
		;
	return true;
}

/* Takes what is told at the socket's end, of which libzmq would lose the memory if nobody took it. */
static void take_the_last(struct callers *callers, int wait_ms)
{
	zmq_pollitem_t item = {.socket = callers->monitor, .events = ZMQ_POLLIN};
	int64_t end_us = clock_monotonic_us() + (int64_t)wait_ms * 1000, now_us;
	uint16_t event = 0;
	uint32_t value;
	while (event != ZMQ_EVENT_MONITOR_STOPPED && (now_us = clock_monotonic_us()) < end_us &&
	       zmq_poll(&item, 1, (long)((end_us - now_us) / 1000)) > 0)
		if (!read_event(callers, &event, &value))
			return;
}

void callers_close(struct callers **callers, int wait_ms)
{
	if (!*callers)
		return;
	/* The monitor is not taken off the socket: that would wait for libzmq's thread, which may wait for us. */
	if ((*callers)->monitor) {
		take_the_last(*callers, wait_ms);
		zmq_close((*callers)->monitor);
	}
	free(*callers);
	*callers = NULL;
}

void callers_look(struct callers *callers, int64_t now_us)
{
	uint16_t event;
	uint32_t value;
	for (int i = 0; i < EVENTS_AT_ONCE && read_event(callers, &event, &value); i++)
		note_event(callers, event, value, now_us);
	count_unnamed(callers, now_us);
}

uint64_t callers_connected(const struct callers *callers)
{
	return callers->connected;
}
