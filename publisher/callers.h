/* callers.h - who comes to a channel's socket: how many are there, and whom libzmq turns away by itself
 *
 * libzmq tells of connections and failed handshakes through a socket monitor: messages within the process, which are
 * read here and counted. They are bounded: at 2,000 that wait, libzmq's thread does until they are read, and strangers
 * with it. So look often, and never wait for libzmq's thread without a limit while a socket is watched.
 * What a client said is not told, so that some ways to fail can't be told apart; which of them count as what stands with
 * enum door_verdict (door.h). A client refused by the door was counted there, and is not again.
 * Owner: one thread, the publisher's or a sender's.
 */
#ifndef PUBLISHER_CALLERS_H
#define PUBLISHER_CALLERS_H

#include "base/result.h"
#include "publisher/door.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a handshake may take, TCP apart: the socket's ZMQ_HANDSHAKE_IVL must be this. */
enum { CALLERS_HANDSHAKE_MS = 5000 };

struct callers;

/* Watches `socket`, which is lent and not bound yet, with one I/O thread in its context `zmq`; `name` is the watch's own
 * in the context. `encrypted`: it has CURVE, so that each client's handshake has an end of which libzmq tells, or the
 * client is malformed: of some such libzmq tells only that they came. Counts in `counts`, which is lent.
 * RESULT_OK; RESULT_NOMEM: no memory, or no descriptor. */
MUST_USE int callers_watch(void *zmq, void *socket, const char *name, bool encrypted,
			   struct door_counts *counts, struct callers **callers);

/* Ends it, once zmq_close() was called for `socket`: takes what libzmq still tells of it, for wait_ms at most. With 0 the
 * socket must be closed at once after, and its context ended before anybody waits for it. */
void callers_close(struct callers **callers, int wait_ms);

/* What to poll; readable if there is something to see. */
void *callers_socket(const struct callers *callers);

/* Takes in what was told until now. Never waits. */
void callers_look(struct callers *callers, int64_t now_us);

/* How many are connected, those in their handshake included. */
uint64_t callers_connected(const struct callers *callers);

#endif
