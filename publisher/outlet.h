/* outlet.h - where a channel's messages go: a PUB socket in this process, or the channel's sender, a process of its own
 *
 * Owner: one thread, the publisher's or the sender's. Sending never waits: a subscriber that is slow loses messages of
 * the live socket (libzmq drops what is over its high-water mark), and nobody else notices.
 */
#ifndef PUBLISHER_OUTLET_H
#define PUBLISHER_OUTLET_H

#include "base/config.h"
#include "base/result.h"
#include "publisher/door.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outlet;

/* Makes the socket in the libzmq context `zmq`, with the channel's CURVE key if it has one; it is not bound yet.
 * `channel` is lent. RESULT_OK, RESULT_CONFIG (`why` says what is wrong), RESULT_NOMEM. */
MUST_USE int outlet_open(void *zmq, const struct config_channel *channel, struct outlet **outlet,
			 char *why, size_t why_size);

/* Makes one that hands its messages to the sender that reads the other end of `fd` (relay.h), which is lent.
 * RESULT_OK or RESULT_NOMEM. */
MUST_USE int outlet_open_relay(int fd, struct outlet **outlet);

/* Binds the socket, if it is not bound; a sender's is its own to bind. False: the port is taken, or can't be had: try
 * again later. errno says why. */
bool outlet_bind(struct outlet *outlet);

/* Counts from now on who comes to the socket, in `counts`, which is lent, and lets in `most` at once: see outlet_look().
 * Before outlet_bind(). RESULT_OK; RESULT_NOMEM (`why` says). */
MUST_USE int outlet_watch(struct outlet *outlet, size_t most, struct door_counts *counts, char *why,
			  size_t why_size);

/* What to poll, of an outlet that is watched; readable if outlet_look() has something to see. */
void *outlet_watched(const struct outlet *outlet);

/* To be called often: takes in who came and went. When there are more than may be, all of them are cut off, and those
 * who want to come back have to wait for a second: libzmq can neither refuse a connection nor choose one to end, and
 * without descriptors its thread would do nothing but fail to accept. Never waits. */
void outlet_look(struct outlet *outlet);

/* Sends one message of three frames: topic, index, JWS (publisher/FEED.md). */
void outlet_send(struct outlet *outlet, const char *topic, uint64_t index, const void *jws,
		 size_t size);

/* Hands on what the sender had no room for, if it has now. Never waits. False: something is left. */
bool outlet_flush(struct outlet *outlet);

/* How many messages were dropped because the sender took none for too long. Any thread. What libzmq drops is not
 * told. */
uint64_t outlet_dropped(const struct outlet *outlet);

/* Closes it; what was sent may still go out for `linger_ms`, here (to a sender) or while the context ends. */
void outlet_close(struct outlet **outlet, int linger_ms);

#endif
