/* queue.h - the bounded queue between the front end's threads and the capture thread
 *
 * A ring of bytes. Producers reserve room with one compare-and-swap, copy outside of any lock, and mark the entry
 * ready; the one consumer takes entries in the order of their reservations. Nobody is woken: the consumer polls.
 * What was consumed is overwritten with zeros, so contact data doesn't stay in memory.
 *
 * Threads: queue_put() any; queue_peek(), queue_pop() the consumer's alone; queue_end() and queue_used() any.
 */
#ifndef PLUGIN_QUEUE_H
#define PLUGIN_QUEUE_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an entry holds. */
enum queue_kind {
	QUEUE_PAIR,    /* a command with its response */
	QUEUE_BEGIN,   /* a command that is about to be carried out */
	QUEUE_END,     /* the response to that */
	QUEUE_MESSAGE, /* the response to a poll */
	QUEUE_SERVER,  /* a change that the registry itself made, as a response */
	QUEUE_LOGIN, /* what may be a login, with its response: for whose session, only the parser can tell */
};

/* Something captured; what it doesn't have is empty, not NULL. What queue_peek() shows lies in the ring's memory: good
 * until queue_pop(). */
struct queue_entry {
	enum queue_kind kind;
	uint64_t ticket;  /* of a begin and its end; else 0 */
	uint64_t session; /* by sessions.h, if its login may be there; else 0 */
	int64_t wall_us;
	int64_t monotonic_us;
	unsigned owner;        /* whose room it takes, by registrars.h */
	uint64_t spare;        /* bytes that must stay free for others; known while it is put in */
	const char *registrar; /* the login, cut to 65 bytes, closed by a NUL; empty: not known */
	const char *command;
	size_t command_size;
	const char *response;
	size_t response_size;
};

struct queue;

/* A queue of at least `bytes` of memory, which the system gives as it is touched. RESULT_OK or RESULT_NOMEM. */
MUST_USE int queue_new(size_t bytes, struct queue **queue);
void queue_free(struct queue **queue);

/* The room that it takes: the same before it is put in and when it comes out. */
uint64_t queue_room_of(const struct queue_entry *entry);

/* Copies the entry in; *position is behind it. RESULT_FULL: there is no room, nothing was taken. */
MUST_USE int queue_put(struct queue *queue, const struct queue_entry *entry, uint64_t *position);

/* The oldest entry. False: there is none, or its producer is still copying. */
bool queue_peek(struct queue *queue, struct queue_entry *entry);

/* Gives back the room of the entry that queue_peek() showed. */
void queue_pop(struct queue *queue);

/* A position that grows for ever: behind the newest entry (queue_end), behind the last one consumed (queue_start). */
uint64_t queue_end(const struct queue *queue);
uint64_t queue_start(const struct queue *queue);

/* What it can hold, and what is taken of it now. */
uint64_t queue_capacity(const struct queue *queue);
uint64_t queue_used(const struct queue *queue);

#endif
