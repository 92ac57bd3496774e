#include "publisher/outlet.h"

#include "base/clock.h"
#include "base/log.h"
#include "publisher/callers.h"
#include "publisher/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
	INCOMING_MAX = 1024, /* bytes of a subscription, and of a part of the CURVE handshake */
	WAITING_CONNECTIONS = 128,
	HEARTBEAT_MS = 15000,
	LAST_MS = 100,           /* beyond what it lingers, for libzmq to tell of its end */
	CLOSED_US = 1000000,     /* how long nobody is let in after all were cut off */
	ZAP_ENFORCE_DOMAIN = 93, /* libzmq has it since 4.3; its header shows it with drafts only */
};

struct outlet {
	void *zmq;
	void *socket; /* one of these two */
	struct relay *relay;
	const struct config_channel *channel;
	bool bound;
	struct callers *callers; /* NULL: it is not watched */
	size_t most;             /* connections at once */
	struct door_counts *counts;
	int64_t open_again_us; /* after all were cut off; 0: they were not */
};

static bool set_number(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_text(void *socket, int option, const char *text)
{
	return zmq_setsockopt(socket, option, text, strlen(text)) == 0;
}

static int set_curve(struct outlet *outlet, char *why, size_t why_size)
{
	char secret[DOOR_KEY_TEXT + 1];
	const struct config_channel *channel = outlet->channel;
	int result = door_read_key(channel->curve_secret, true, secret, why, why_size);
	if (result != RESULT_OK)
		return result;
	/* Without an enforced domain a client that is unknown to the door would be let in. */
	bool set = set_number(outlet->socket, ZMQ_CURVE_SERVER, 1) &&
		   set_text(outlet->socket, ZMQ_CURVE_SECRETKEY, secret) &&
		   set_text(outlet->socket, ZMQ_ZAP_DOMAIN, channel->name) &&
		   set_number(outlet->socket, ZAP_ENFORCE_DOMAIN, 1);
	explicit_bzero(secret, sizeof secret);
	if (set)
		return RESULT_OK;
	snprintf(why, why_size, "channel %s: CURVE can't be set up: %s; is libzmq built with it?",
		 channel->name, zmq_strerror(errno));
	return RESULT_CONFIG;
}

int outlet_open(void *zmq, const struct config_channel *channel, struct outlet **out, char *why,
		size_t why_size)
{
	struct outlet *outlet = calloc(1, sizeof *outlet);
	*out = NULL;
	snprintf(why, why_size, "channel %s: no memory, or no socket to be had", channel->name);
	if (!outlet)
		return RESULT_NOMEM;
	outlet->channel = channel;
	outlet->zmq = zmq;
	outlet->socket = zmq_socket(zmq, ZMQ_PUB);
	int result = RESULT_NOMEM;
	if (outlet->socket &&
	    set_number(outlet->socket, ZMQ_SNDHWM, (int)channel->high_water_mark) &&
	    set_number(outlet->socket, ZMQ_LINGER, 0) && set_number(outlet->socket, ZMQ_IPV6, 1) &&
	    set_number(outlet->socket, ZMQ_HANDSHAKE_IVL, CALLERS_HANDSHAKE_MS) &&
	    set_number(outlet->socket, ZMQ_BACKLOG, WAITING_CONNECTIONS) &&
	    set_number(outlet->socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
	    set_number(outlet->socket, ZMQ_TCP_KEEPALIVE, 1)) {
		int64_t most = INCOMING_MAX;
		if (zmq_setsockopt(outlet->socket, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0)
			result = RESULT_OK;
	}
	if (result == RESULT_OK && channel->curve_secret)
		result = set_curve(outlet, why, why_size);
	if (result != RESULT_OK)
		outlet_close(&outlet, 0);
	*out = outlet;
	return result;
}

int outlet_open_relay(int fd, struct outlet **out)
{
	struct outlet *outlet = calloc(1, sizeof *outlet);
	int result = outlet ? relay_new(fd, &outlet->relay) : RESULT_NOMEM;
	if (result != RESULT_OK)
		outlet_close(&outlet, 0);
	*out = outlet;
	return result;
}

bool outlet_bind(struct outlet *outlet)
{
	if (!outlet->bound && !outlet->relay)
		outlet->bound = zmq_bind(outlet->socket, outlet->channel->bind) == 0;
	return outlet->bound || outlet->relay;
}

int outlet_watch(struct outlet *outlet, size_t most, struct door_counts *counts, char *why,
		 size_t why_size)
{
	outlet->most = most;
	outlet->counts = counts;
	int result = callers_watch(outlet->zmq, outlet->socket, outlet->channel->name,
				   outlet->channel->curve_secret != NULL, counts, &outlet->callers);
	if (result != RESULT_OK)
		snprintf(why, why_size, "channel %s: no memory, or no descriptor to be had",
			 outlet->channel->name);
	return result;
}

void *outlet_watched(const struct outlet *outlet)
{
	return callers_socket(outlet->callers);
}

/* libzmq ends with a listening socket all connections that came by it. */
static void cut_all_off(struct outlet *outlet, int64_t now_us)
{
	char endpoint[256];
	size_t size = sizeof endpoint;
	if (zmq_getsockopt(outlet->socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0 ||
	    zmq_unbind(outlet->socket, endpoint) != 0)
		return;
	atomic_fetch_add(&outlet->counts->cut_off, 1);
	log_error("channel %s has %zu connections, and may have no more: all are cut off, and it "
		  "listens again in %d s; who sends too many? limit that at the firewall, or raise "
		  "the limit of open files",
		  outlet->channel->name, outlet->most, CLOSED_US / 1000000);
	outlet->open_again_us = now_us + CLOSED_US;
}

static void open_again(struct outlet *outlet, int64_t now_us)
{
	if (zmq_bind(outlet->socket, outlet->channel->bind) == 0) {
		outlet->open_again_us = 0;
		return;
	}
	log_error("channel %s can't bind %s again: %s; it is tried each second",
		  outlet->channel->name, outlet->channel->bind, zmq_strerror(errno));
	outlet->open_again_us = now_us + CLOSED_US;
}

void outlet_look(struct outlet *outlet)
{
	int64_t now_us = clock_monotonic_us();
	if (!outlet->callers)
		return;
	callers_look(outlet->callers, now_us);
	if (outlet->open_again_us && now_us >= outlet->open_again_us)
		open_again(outlet, now_us);
	else if (!outlet->open_again_us && outlet->bound &&
		 callers_connected(outlet->callers) > outlet->most)
		cut_all_off(outlet, now_us);
}

void outlet_send(struct outlet *outlet, const char *topic, uint64_t index, const void *jws,
		 size_t size)
{
	char digits[24];
	if (outlet->relay) {
		relay_send(outlet->relay, topic, index, jws, size);
		return;
	}
	int length = snprintf(digits, sizeof digits, "%" PRIu64, index);
	/* A PUB socket takes all parts or none, and never makes a sender wait. */
	if (zmq_send(outlet->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
	    zmq_send(outlet->socket, digits, (size_t)length, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
		zmq_send(outlet->socket, jws, size, ZMQ_DONTWAIT);
}

bool outlet_flush(struct outlet *outlet)
{
	return !outlet->relay || relay_flush(outlet->relay, 0);
}

uint64_t outlet_dropped(const struct outlet *outlet)
{
	return outlet->relay ? relay_dropped(outlet->relay) : 0;
}

void outlet_close(struct outlet **outlet, int linger_ms)
{
	if (!*outlet)
		return;
	if ((*outlet)->relay)
		relay_flush((*outlet)->relay, linger_ms);
	relay_free(&(*outlet)->relay);
	if ((*outlet)->socket) {
		set_number((*outlet)->socket, ZMQ_LINGER, linger_ms);
		zmq_close((*outlet)->socket);
	}
	callers_close(&(*outlet)->callers, linger_ms + LAST_MS);
	free(*outlet);
	*outlet = NULL;
}
