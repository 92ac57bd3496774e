/* relay.h - a channel's messages on their way from the publisher to the channel's sender, another process
 *
 * Each message is one datagram of a SOCK_SEQPACKET socketpair: whole or not there, whoever dies in between. Writing
 * never waits: what the socket has no room for is kept, RELAY_BACKLOG bytes at most, and written when there is room;
 * what comes on top of that is dropped and counted. A sender that is stopped, dead or slow so costs its own channel's
 * live messages, and nobody's time. The kernel's buffer alone is too small for a burst: without privileges it can't be
 * made larger than net.core.wmem_max, some hundred messages.
 * Owner of each end: one thread. The descriptors stay their opener's.
 */
#ifndef PUBLISHER_RELAY_H
#define PUBLISHER_RELAY_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RELAY_BACKLOG = 8 << 20,      /* bytes */
	RELAY_MESSAGE_MAX = 128 << 10 /* a datagram's; an event is half of that at most */
};

struct relay;

/* The writing end. RESULT_OK or RESULT_NOMEM. */
MUST_USE int relay_new(int fd, struct relay **relay);
void relay_free(struct relay **relay);

/* Writes one message, or keeps or drops it. Never waits. */
void relay_send(struct relay *relay, const char *topic, uint64_t index, const void *jws,
		size_t size);

/* Writes what was kept, as far as there is room within `wait_ms`; 0: never waits. False: something is left. */
bool relay_flush(struct relay *relay, int wait_ms);

/* How many messages were dropped. Any thread. */
uint64_t relay_dropped(const struct relay *relay);

/* A message as received; it points into the caller's room. */
struct relay_message {
	const char *topic;
	uint64_t index;
	const void *jws;
	size_t size;
};

/* The reading end: takes one message; never waits. RESULT_OK; RESULT_TIMEOUT: there is none now; RESULT_INVALID: what
 * came was none. */
MUST_USE int relay_receive(int fd, char room[RELAY_MESSAGE_MAX], struct relay_message *message);

#endif
