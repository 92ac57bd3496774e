#include "plugin/queue.h"

#include "plugin/registrars.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	UNIT = 64
}; /* entries begin at multiples of it, so that a header always fits before the ring's end */

/* ENTRY_WHOLE plus its kind, if an entry is there. */
enum entry_state { ENTRY_FREE, ENTRY_PADDING, ENTRY_WHOLE };

struct entry {
	_Atomic uint32_t state; /* enum entry_state, ENTRY_FREE until all else is written */
	uint16_t registrar_size;
	uint16_t owner;
	uint64_t size; /* of the whole entry, a multiple of UNIT */
	uint64_t command_size, response_size;
	int64_t wall_us, monotonic_us;
	uint64_t ticket, session;
};

_Static_assert(sizeof(struct entry) <= UNIT, "a header fits in a unit");

struct queue {
	_Alignas(UNIT) _Atomic uint64_t end;   /* producers reserve here */
	_Alignas(UNIT) _Atomic uint64_t start; /* the consumer frees here */
	_Alignas(UNIT) char *ring;
	uint64_t capacity;
};

int queue_new(size_t bytes, struct queue **queue)
{
	*queue = aligned_alloc(UNIT, sizeof **queue);
	if (!*queue)
		return RESULT_NOMEM;
	memset(*queue, 0, sizeof **queue);
	(*queue)->capacity = (bytes + UNIT - 1) / UNIT * UNIT;
	void *ring = mmap(NULL, (*queue)->capacity, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ring == MAP_FAILED) {
		free(*queue);
		*queue = NULL;
		return RESULT_NOMEM;
	}
	/* Frames hold contact data: keep them out of core dumps. */
	madvise(ring, (*queue)->capacity, MADV_DONTDUMP);
	(*queue)->ring = ring;
	return RESULT_OK;
}

void queue_free(struct queue **queue)
{
	if (!*queue)
		return;
	munmap((*queue)->ring, (*queue)->capacity);
	free(*queue);
	*queue = NULL;
}

static struct entry *entry_at(const struct queue *queue, uint64_t position)
{
	return (struct entry *)(queue->ring + position % queue->capacity);
}

/* Reserves `size` bytes in one piece, if `spare` more are free; *padding are the bytes before it, up to the ring's end,
 * that go unused. */
static bool reserve(struct queue *queue, uint64_t size, uint64_t spare, uint64_t *position,
		    uint64_t *padding)
{
	uint64_t end = atomic_load_explicit(&queue->end, memory_order_relaxed);
	do {
		uint64_t to_edge = queue->capacity - end % queue->capacity;
		*padding = to_edge < size ? to_edge : 0;
		uint64_t start = atomic_load_explicit(&queue->start, memory_order_acquire);
		if (size + *padding + spare > queue->capacity - (end - start))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&queue->end, &end, end + *padding + size,
							memory_order_acq_rel,
							memory_order_relaxed));
	*position = end;
	return true;
}

uint64_t queue_room_of(const struct queue_entry *entry)
{
	size_t registrar_size = strnlen(entry->registrar, REGISTRARS_LOGIN_SIZE - 1) + 1;
	uint64_t size = UNIT + registrar_size + entry->command_size + entry->response_size;
	return (size + UNIT - 1) / UNIT * UNIT;
}

static void fill(struct entry *entry, uint64_t size, const struct queue_entry *from)
{
	size_t registrar_size = strnlen(from->registrar, REGISTRARS_LOGIN_SIZE - 1) + 1;
	char *at = (char *)entry + UNIT;
	entry->size = size;
	entry->registrar_size = (uint16_t)registrar_size;
	entry->owner = (uint16_t)from->owner;
	entry->command_size = from->command_size;
	entry->response_size = from->response_size;
	entry->ticket = from->ticket;
	entry->session = from->session;
	entry->wall_us = from->wall_us;
	entry->monotonic_us = from->monotonic_us;
	memcpy(at, from->registrar, registrar_size - 1); /* its NUL is there: the ring is zeroed */
	at += registrar_size;
	memcpy(at, from->command, from->command_size);
	at += from->command_size;
	memcpy(at, from->response, from->response_size);
	atomic_store_explicit(&entry->state, ENTRY_WHOLE + from->kind, memory_order_release);
}

int queue_put(struct queue *queue, const struct queue_entry *entry, uint64_t *position)
{
	uint64_t size = queue_room_of(entry), at, padding;
	if (size > queue->capacity || !reserve(queue, size, entry->spare, &at, &padding))
		return RESULT_FULL;
	if (padding) {
		struct entry *gap = entry_at(queue, at);
		gap->size = padding;
		atomic_store_explicit(&gap->state, ENTRY_PADDING, memory_order_release);
	}
	fill(entry_at(queue, at + padding), size, entry);
	*position = at + padding + size;
	return RESULT_OK;
}

/* Gives back the entry at the start, as zeros. */
static void release(struct queue *queue, struct entry *entry)
{
	uint64_t size = entry->size;
	memset((char *)entry + sizeof entry->state, 0, size - sizeof entry->state);
	atomic_store_explicit(&entry->state, ENTRY_FREE, memory_order_relaxed);
	atomic_fetch_add_explicit(&queue->start, size, memory_order_release);
}

bool queue_peek(struct queue *queue, struct queue_entry *out)
{
	for (;;) {
		if (queue_start(queue) == queue_end(queue))
			return false;
		struct entry *entry = entry_at(queue, queue_start(queue));
		uint32_t state = atomic_load_explicit(&entry->state, memory_order_acquire);
		if (state == ENTRY_FREE)
			return false;
		if (state == ENTRY_PADDING) {
			release(queue, entry);
			continue;
		}
		const char *at = (const char *)entry + UNIT;
		*out = (struct queue_entry){
			.kind = (enum queue_kind)(state - ENTRY_WHOLE),
			.ticket = entry->ticket,
			.session = entry->session,
			.wall_us = entry->wall_us,
			.monotonic_us = entry->monotonic_us,
			.owner = entry->owner,
			.registrar = at,
			.command = at + entry->registrar_size,
			.command_size = entry->command_size,
			.response = at + entry->registrar_size + entry->command_size,
			.response_size = entry->response_size,
		};
		return true;
	}
}

void queue_pop(struct queue *queue)
{
	release(queue, entry_at(queue, queue_start(queue)));
}

uint64_t queue_end(const struct queue *queue)
{
	return atomic_load_explicit(&queue->end, memory_order_acquire);
}

uint64_t queue_start(const struct queue *queue)
{
	return atomic_load_explicit(&queue->start, memory_order_acquire);
}

uint64_t queue_capacity(const struct queue *queue)
{
	return queue->capacity;
}

uint64_t queue_used(const struct queue *queue)
{
	/* The start first: it never overtakes the end, so this is never below zero. */
	uint64_t start = queue_start(queue);
	return queue_end(queue) - start;
}
