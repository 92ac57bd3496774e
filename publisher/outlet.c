#include "publisher/outlet.h"

#include "publisher/door.h"
#include "publisher/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
	HANDSHAKE_MS = 5000, /* for TCP and CURVE together */
	INCOMING_MAX = 1024, /* bytes of a subscription, and of a part of the CURVE handshake */
	WAITING_CONNECTIONS = 128,
	HEARTBEAT_MS = 15000,
	ZAP_ENFORCE_DOMAIN = 93, /* libzmq has it since 4.3; its header shows it with drafts only */
};

struct outlet {
	void *socket; /* one of these two */
	struct relay *relay;
	const struct config_channel *channel;
	bool bound;
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
	outlet->socket = zmq_socket(zmq, ZMQ_PUB);
	int result = RESULT_NOMEM;
	if (outlet->socket &&
	    set_number(outlet->socket, ZMQ_SNDHWM, (int)channel->high_water_mark) &&
	    set_number(outlet->socket, ZMQ_LINGER, 0) && set_number(outlet->socket, ZMQ_IPV6, 1) &&
	    set_number(outlet->socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
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

void outlet_flush(struct outlet *outlet)
{
	if (outlet->relay)
		relay_flush(outlet->relay, 0);
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
	free(*outlet);
	*outlet = NULL;
}
