/* feed_socket.h - the way to the publisher: a ZeroMQ SUB socket, plain or CURVE
 *
 * Connects, and connects again, by itself; the subscriptions go along. What comes in while the caller is busy waits in
 * memory, up to FEED_SOCKET_WAITING messages (then the newest are lost, which shows in the indices); a frame over
 * FEED_SOCKET_FRAME_MAX ends the connection. libzmq never comes back from that, nor from a refused handshake; so a
 * connection that it gave up is made anew here, FEED_SOCKET_RENEW_MS later.
 * Owner: whoever opened it; one thread. Never blocks but in feed_socket_wait().
 */
#ifndef SUBSCRIBER_FEED_SOCKET_H
#define SUBSCRIBER_FEED_SOCKET_H

#include "base/result.h"
#include "subscriber/message.h"

#include <stddef.h>
#include <stdint.h>

enum {
	FEED_SOCKET_WAITING = 1000000,
	FEED_SOCKET_FRAME_MAX = 70000,
	FEED_SOCKET_RENEW_MS = 5000,
};

struct feed_socket;

struct feed_socket_settings {
	const char *endpoint;
	/* z85 keys, all three or none; not needed after feed_socket_open() */
	const char *curve_server, *curve_public, *curve_secret;
	/* names (name.h) to receive with what lies below; none: everything. The tap's own always come. */
	char *const *names;
	size_t name_count;
};

/* What happened to the connection. */
enum feed_socket_news {
	FEED_SOCKET_NO_NEWS,
	FEED_SOCKET_CONNECTED,    /* and the handshake done: subscriptions are on their way */
	FEED_SOCKET_RETRYING,     /* nobody answers at the endpoint, or it hung up */
	FEED_SOCKET_KEY_REFUSED,  /* the server doesn't take our key */
	FEED_SOCKET_NO_HANDSHAKE, /* no agreement: a wrong server key, or plain against CURVE */
};

/* RESULT_OK: *socket is the caller's, for feed_socket_close(). RESULT_INVALID: the endpoint can't be right;
 * RESULT_NOMEM. If not RESULT_OK, *socket is NULL and `why` says what is wrong. */
MUST_USE int feed_socket_open(const struct feed_socket_settings *settings,
			      struct feed_socket **socket, char *why, size_t why_size);

/* Receives this topic, and all that begin with it, from now on. RESULT_OK, RESULT_NOMEM. */
MUST_USE int feed_socket_subscribe(struct feed_socket *socket, const char *topic);

/* Waits until there is something to receive or to tell, a signal came, or `timeout_ms` are over. */
void feed_socket_wait(struct feed_socket *socket, long timeout_ms);

/* The next message, its bytes good until the next call. RESULT_TIMEOUT: there is none at the moment. */
MUST_USE int feed_socket_receive(struct feed_socket *socket, struct message *message);

/* The oldest news not told yet. Renews the connection when it is time: to be called at least every second or so;
 * `now_us` is CLOCK_MONOTONIC. */
enum feed_socket_news feed_socket_next_news(struct feed_socket *socket, int64_t now_us);

void feed_socket_close(struct feed_socket **socket);

#endif
