/* zmq_context.h - a libzmq context, where there are descriptors enough for one
 *
 * libzmq ends its process with abort() when it is out of descriptors for its threads and mailboxes. A front end must not
 * die of that: so libzmq is asked for nothing before as many as it takes were to be had. Whoever takes them away in the
 * moment after is not held off: one more reason to publish from a process of its own.
 */
#ifndef PUBLISHER_ZMQ_CONTEXT_H
#define PUBLISHER_ZMQ_CONTEXT_H

#include <stddef.h>

/* A context for `sockets` sockets, which are to be made at once: zmq_ctx_term() takes it back. NULL: errno says why. */
void *zmq_context_new(size_t sockets);

/* How many connections each of `sockets` sockets may have at once, so that all of them take `percent` of the descriptors
 * that this process may have, and it does not need otherwise. At least 1. */
size_t zmq_context_connections(size_t sockets, unsigned percent);

#endif
