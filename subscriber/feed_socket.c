#include "subscriber/feed_socket.h"

#include "publisher/feed_format.h"
#include "subscriber/curve_key.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define MONITOR "inproc://feed-socket-monitor"

enum {
	RECONNECT_MS = 100,
	RECONNECT_MAX_MS = 5000,
	HEARTBEAT_MS = 10000,
	HEARTBEAT_TIMEOUT_MS = 30000,
	SUBSCRIPTIONS_WAITING = 1000, /* libzmq's default; beyond it, subscriptions are lost */
	OWN_SUBSCRIPTIONS = 8,        /* room for ours beside the names */
};

struct feed_socket {
	void *context, *sub, *monitor;
	char *endpoint;
	bool lost; /* and libzmq did not say that it tries again; since: */
	int64_t lost_us;
	zmq_msg_t frames[MESSAGE_FRAMES];
};

static int set_number(struct feed_socket *socket, int option, int value)
{
	return zmq_setsockopt(socket->sub, option, &value, sizeof value);
}

static int set_transport(struct feed_socket *socket, size_t name_count)
{
	int64_t frame_max = FEED_SOCKET_FRAME_MAX;
	size_t subscriptions = name_count + OWN_SUBSCRIPTIONS;
	if (subscriptions < SUBSCRIPTIONS_WAITING)
		subscriptions = SUBSCRIPTIONS_WAITING;
	if (subscriptions > INT32_MAX)
		return -1;
	int failed = set_number(socket, ZMQ_RCVHWM, FEED_SOCKET_WAITING);
	failed |= set_number(socket, ZMQ_SNDHWM, (int)subscriptions);
	failed |= set_number(socket, ZMQ_LINGER, 0);
	failed |= set_number(socket, ZMQ_IPV6, 1);
	failed |= set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
	failed |= set_number(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
	failed |= set_number(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
	failed |= set_number(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
	failed |= set_number(socket, ZMQ_TCP_KEEPALIVE, 1);
	failed |= zmq_setsockopt(socket->sub, ZMQ_MAXMSGSIZE, &frame_max, sizeof frame_max);
	return failed;
}

static int set_curve(struct feed_socket *socket, const struct feed_socket_settings *settings)
{
	if (!settings->curve_server)
		return 0;
	int failed = zmq_setsockopt(socket->sub, ZMQ_CURVE_SERVERKEY, settings->curve_server,
				    CURVE_KEY_SIZE);
	failed |= zmq_setsockopt(socket->sub, ZMQ_CURVE_PUBLICKEY, settings->curve_public,
				 CURVE_KEY_SIZE);
	failed |= zmq_setsockopt(socket->sub, ZMQ_CURVE_SECRETKEY, settings->curve_secret,
				 CURVE_KEY_SIZE);
	return failed;
}

static int subscribe(struct feed_socket *socket, const struct feed_socket_settings *settings)
{
	if (settings->name_count == 0)
		return zmq_setsockopt(socket->sub, ZMQ_SUBSCRIBE, "", 0);
	int failed = zmq_setsockopt(socket->sub, ZMQ_SUBSCRIBE, FEED_EVENT_TOPIC,
				    strlen(FEED_EVENT_TOPIC));
	failed |= zmq_setsockopt(socket->sub, ZMQ_SUBSCRIBE, FEED_CHECKPOINT_TOPIC,
				 strlen(FEED_CHECKPOINT_TOPIC));
	for (size_t i = 0; i < settings->name_count; i++) {
		char topic[FEED_TOPIC_SIZE];
		if (feed_topic(settings->names[i], topic) != RESULT_OK)
			return -1;
		failed |= zmq_setsockopt(socket->sub, ZMQ_SUBSCRIBE, topic, strlen(topic));
	}
	return failed;
}

static int watch(struct feed_socket *socket)
{
	const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
			   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
			   ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_CONNECT_RETRIED |
			   ZMQ_EVENT_DISCONNECTED;
	if (zmq_socket_monitor(socket->sub, MONITOR, events) != 0)
		return -1;
	socket->monitor = zmq_socket(socket->context, ZMQ_PAIR);
	return socket->monitor ? zmq_connect(socket->monitor, MONITOR) : -1;
}

static struct feed_socket *make(void)
{
	struct feed_socket *socket = calloc(1, sizeof *socket);
	if (!socket)
		return NULL;
	for (size_t i = 0; i < MESSAGE_FRAMES; i++)
		zmq_msg_init(&socket->frames[i]);
	socket->context = zmq_ctx_new();
	if (socket->context)
		socket->sub = zmq_socket(socket->context, ZMQ_SUB);
	return socket;
}

int feed_socket_open(const struct feed_socket_settings *settings, struct feed_socket **socket,
		     char *why, size_t why_size)
{
	int result = RESULT_NOMEM;
	struct feed_socket *made = make();
	*socket = NULL;
	snprintf(why, why_size, "the socket can't be made: %s", zmq_strerror(zmq_errno()));
	if (!made || !made->sub)
		goto out;
	made->endpoint = strdup(settings->endpoint);
	if (!made->endpoint)
		goto out;
	if (set_transport(made, settings->name_count) != 0 || set_curve(made, settings) != 0 ||
	    subscribe(made, settings) != 0 || watch(made) != 0) {
		snprintf(why, why_size, "the socket can't be set up: %s",
			 zmq_strerror(zmq_errno()));
		goto out;
	}
	if (zmq_connect(made->sub, settings->endpoint) != 0) {
		snprintf(why, why_size,
			 "%.200s: can't be connected to: %s: tcp://HOST:PORT would be right",
			 settings->endpoint, zmq_strerror(zmq_errno()));
		result = RESULT_INVALID;
		goto out;
	}
	*socket = made;
	return RESULT_OK;
out:
	feed_socket_close(&made);
	return result;
}

int feed_socket_subscribe(struct feed_socket *socket, const char *topic)
{
	return zmq_setsockopt(socket->sub, ZMQ_SUBSCRIBE, topic, strlen(topic)) == 0 ? RESULT_OK
										     : RESULT_NOMEM;
}

void feed_socket_wait(struct feed_socket *socket, long timeout_ms)
{
	zmq_pollitem_t items[] = {{.socket = socket->sub, .events = ZMQ_POLLIN},
				  {.socket = socket->monitor, .events = ZMQ_POLLIN}};
	zmq_poll(items, 2, timeout_ms);
}

static struct message_frame frame_of(zmq_msg_t *msg)
{
	return (struct message_frame){.bytes = zmq_msg_data(msg), .size = zmq_msg_size(msg)};
}

/* Takes the rest of the message's frames; libzmq hands a message on only when all are there. */
static size_t take_rest(struct feed_socket *socket)
{
	size_t count = 1;
	zmq_msg_t spare;
	zmq_msg_init(&spare);
	bool more = zmq_msg_more(&socket->frames[0]);
	while (more) {
		zmq_msg_t *frame = count < MESSAGE_FRAMES ? &socket->frames[count] : &spare;
		if (zmq_msg_recv(frame, socket->sub, ZMQ_DONTWAIT) < 0)
			break;
		count++;
		more = zmq_msg_more(frame);
	}
	zmq_msg_close(&spare);
	return count;
}

int feed_socket_receive(struct feed_socket *socket, struct message *message)
{
	*message = (struct message){0};
	if (zmq_msg_recv(&socket->frames[0], socket->sub, ZMQ_DONTWAIT) < 0)
		return RESULT_TIMEOUT;
	message->frames = take_rest(socket);
	message->topic = frame_of(&socket->frames[0]);
	if (message->frames > 1)
		message->index = frame_of(&socket->frames[1]);
	if (message->frames > 2)
		message->jws = frame_of(&socket->frames[2]);
	return RESULT_OK;
}

/* The monitor sends two frames: 16 bits of event with 32 of value, then the endpoint. */
static bool receive_monitor(struct feed_socket *socket, uint16_t *event)
{
	bool got = false;
	zmq_msg_t frame;
	zmq_msg_init(&frame);
	if (zmq_msg_recv(&frame, socket->monitor, ZMQ_DONTWAIT) >= (int)sizeof *event) {
		memcpy(event, zmq_msg_data(&frame), sizeof *event);
		got = true;
	}
	while (zmq_msg_more(&frame) && zmq_msg_recv(&frame, socket->monitor, ZMQ_DONTWAIT) >= 0)
		;
	zmq_msg_close(&frame);
	return got;
}

static enum feed_socket_news news_of(uint16_t event)
{
	switch (event) {
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
		return FEED_SOCKET_CONNECTED;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
		return FEED_SOCKET_KEY_REFUSED;
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
		return FEED_SOCKET_NO_HANDSHAKE;
	default:
		return FEED_SOCKET_RETRYING;
	}
}

/* After a protocol error libzmq gives the connection up for good: what tells it from others is that no retry is
 * announced. */
static void renew_if_lost(struct feed_socket *socket, int64_t now_us)
{
	if (!socket->lost || now_us - socket->lost_us < FEED_SOCKET_RENEW_MS * INT64_C(1000))
		return;
	socket->lost_us = now_us;
	zmq_disconnect(socket->sub, socket->endpoint); /* there may be nothing left of it */
	zmq_connect(socket->sub, socket->endpoint);
}

enum feed_socket_news feed_socket_next_news(struct feed_socket *socket, int64_t now_us)
{
	uint16_t event;
	if (!receive_monitor(socket, &event)) {
		renew_if_lost(socket, now_us);
		return FEED_SOCKET_NO_NEWS;
	}
	bool goes_on = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED || event == ZMQ_EVENT_CONNECT_RETRIED;
	if (!goes_on && !socket->lost)
		socket->lost_us = now_us;
	socket->lost = !goes_on;
	return news_of(event);
}

void feed_socket_close(struct feed_socket **socket)
{
	if (!*socket)
		return;
	for (size_t i = 0; i < MESSAGE_FRAMES; i++)
		zmq_msg_close(&(*socket)->frames[i]);
	if ((*socket)->monitor)
		zmq_close((*socket)->monitor);
	if ((*socket)->sub)
		zmq_close((*socket)->sub);
	if ((*socket)->context)
		zmq_ctx_term((*socket)->context);
	free((*socket)->endpoint);
	free(*socket);
	*socket = NULL;
}
