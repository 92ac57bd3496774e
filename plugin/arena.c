#include "plugin/arena.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ORDERS = 32 };

#define NONE UINT32_MAX

/* Of a block's first unit: its order, plus FREE if it is. */
enum tag { TAG_INSIDE = 0, TAG_ORDER = 0x3f, TAG_FREE = 0x40 };

/* In the first bytes of a free block: others of its order, by their first units. */
struct link {
	uint32_t next, before;
};

struct arena {
	pthread_mutex_t lock; /* of all that follows but what never changes */
	char *memory;
	uint32_t units;
	uint8_t *tags;
	uint32_t first[ORDERS]; /* free blocks by order */
	_Atomic uint64_t used;
};

static struct link *link_at(struct arena *arena, uint32_t unit)
{
	return (struct link *)(arena->memory + (size_t)unit * ARENA_UNIT);
}

static void put(struct arena *arena, uint32_t unit, unsigned order)
{
	*link_at(arena, unit) = (struct link){arena->first[order], NONE};
	if (arena->first[order] != NONE)
		link_at(arena, arena->first[order])->before = unit;
	arena->first[order] = unit;
	arena->tags[unit] = (uint8_t)(TAG_FREE | order);
}

static void take_out(struct arena *arena, uint32_t unit, unsigned order)
{
	struct link link = *link_at(arena, unit);
	if (link.before == NONE)
		arena->first[order] = link.next;
	else
		link_at(arena, link.before)->next = link.next;
	if (link.next != NONE)
		link_at(arena, link.next)->before = link.before;
	arena->tags[unit] = TAG_INSIDE;
}

/* Cuts the whole into the largest blocks that lie at multiples of their own size. */
static void cut(struct arena *arena)
{
	uint32_t unit = 0;
	while (unit < arena->units) {
		unsigned order = 0;
		while (order + 1 < ORDERS && unit % (UINT32_C(2) << order) == 0 &&
		       (UINT32_C(2) << order) <= arena->units - unit)
			order++;
		put(arena, unit, order);
		unit += UINT32_C(1) << order;
	}
}

int arena_new(size_t bytes, struct arena **out)
{
	struct arena *arena = calloc(1, sizeof *arena);
	*out = NULL;
	if (!arena)
		return RESULT_NOMEM;
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	/* It is held for so short a time that to look again is less than to sleep. */
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&arena->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	arena->units = (uint32_t)(bytes / ARENA_UNIT);
	arena->tags = calloc(arena->units, 1);
	size_t size = (size_t)arena->units * ARENA_UNIT;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory != MAP_FAILED)
		arena->memory = memory;
	if (!arena->tags || !arena->memory) {
		arena_free(&arena);
		return RESULT_NOMEM;
	}
	madvise(memory, size, MADV_DONTDUMP);
	memset(arena->first, 0xff, sizeof arena->first);
	cut(arena);
	*out = arena;
	return RESULT_OK;
}

void arena_free(struct arena **arena)
{
	if (!*arena)
		return;
	if ((*arena)->memory)
		munmap((*arena)->memory, (size_t)(*arena)->units * ARENA_UNIT);
	free((*arena)->tags);
	pthread_mutex_destroy(&(*arena)->lock);
	free(*arena);
	*arena = NULL;
}

static unsigned order_of(size_t size)
{
	unsigned order = 0;
	while (((size_t)ARENA_UNIT << order) < size)
		order++;
	return order;
}

size_t arena_room_of(size_t size)
{
	return (size_t)ARENA_UNIT << order_of(size);
}

/* A block of this order, out of the smallest that is there. NONE: there is none. */
static uint32_t take_unit(struct arena *arena, unsigned order)
{
	unsigned there = order;
	while (there < ORDERS && arena->first[there] == NONE)
		there++;
	if (there == ORDERS)
		return NONE;
	uint32_t unit = arena->first[there];
	take_out(arena, unit, there);
	while (there > order) {
		there--;
		put(arena, unit + (UINT32_C(1) << there), there);
	}
	arena->tags[unit] = (uint8_t)order;
	return unit;
}

void *arena_take(struct arena *arena, size_t size)
{
	unsigned order = order_of(size);
	if (order >= ORDERS)
		return NULL;
	pthread_mutex_lock(&arena->lock);
	uint32_t unit = take_unit(arena, order);
	if (unit != NONE)
		atomic_fetch_add_explicit(&arena->used, (uint64_t)ARENA_UNIT << order,
					  memory_order_relaxed);
	pthread_mutex_unlock(&arena->lock);
	return unit == NONE ? NULL : arena->memory + (size_t)unit * ARENA_UNIT;
}

/* Puts a block back, as one with its other half as long as that is free. */
static void give_unit(struct arena *arena, uint32_t unit)
{
	unsigned order = arena->tags[unit] & TAG_ORDER;
	arena->tags[unit] = TAG_INSIDE;
	for (; order + 1 < ORDERS; order++) {
		uint32_t half = UINT32_C(1) << order, other = unit ^ half;
		if (other >= arena->units || arena->tags[other] != (TAG_FREE | order))
			break;
		take_out(arena, other, order);
		unit &= ~half;
	}
	put(arena, unit, order);
}

void arena_give(struct arena *arena, void *block, size_t used)
{
	uint32_t unit = (uint32_t)((size_t)((char *)block - arena->memory) / ARENA_UNIT);
	explicit_bzero(block, used);
	pthread_mutex_lock(&arena->lock);
	uint64_t size = (uint64_t)ARENA_UNIT << (arena->tags[unit] & TAG_ORDER);
	atomic_fetch_sub_explicit(&arena->used, size, memory_order_relaxed);
	give_unit(arena, unit);
	pthread_mutex_unlock(&arena->lock);
}

uint64_t arena_capacity(const struct arena *arena)
{
	return (uint64_t)arena->units * ARENA_UNIT;
}

uint64_t arena_used(const struct arena *arena)
{
	return atomic_load_explicit(&arena->used, memory_order_relaxed);
}
