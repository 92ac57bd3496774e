#include "plugin/streams.h"

#include "plugin/arena.h"
#include "plugin/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct streams {
	_Atomic(struct epptap *) tap;  /* NULL: closed */
	_Atomic unsigned users;        /* the tap and the streams */
	_Atomic(struct arena *) arena; /* NULL: there was no stream yet */
	pthread_mutex_t lock;          /* of setting it aside */
	_Atomic uint64_t numbers;      /* given to sessions */
	uint64_t seed;
};

int streams_new(struct epptap *tap, struct streams **out)
{
	struct streams *streams = calloc(1, sizeof *streams);
	*out = streams;
	if (!streams)
		return RESULT_NOMEM;
	atomic_init(&streams->tap, tap);
	atomic_init(&streams->users, 1);
	pthread_mutex_init(&streams->lock, NULL);
	/* Without a seed, a registrar might find two clTRIDs that look the same: both its own. */
	if (getrandom(&streams->seed, sizeof streams->seed, GRND_NONBLOCK) < 0)
		streams->seed = (uint64_t)(uintptr_t)streams;
	return RESULT_OK;
}

void streams_leave(struct streams **streams)
{
	struct streams *left = *streams;
	*streams = NULL;
	if (!left || atomic_fetch_sub(&left->users, 1) > 1)
		return;
	struct arena *arena = atomic_load(&left->arena);
	arena_free(&arena);
	pthread_mutex_destroy(&left->lock);
	free(left);
}

void streams_leave_tap(struct streams **streams)
{
	if (*streams)
		atomic_store(&(*streams)->tap, NULL);
	streams_leave(streams);
}

int streams_join(struct streams *streams)
{
	int result = RESULT_OK;
	pthread_mutex_lock(&streams->lock);
	if (!atomic_load(&streams->arena)) {
		struct arena *arena;
		result = arena_new(tap_config(streams_tap(streams))->capture.streams, &arena);
		atomic_store(&streams->arena, arena);
	}
	pthread_mutex_unlock(&streams->lock);
	if (result == RESULT_OK)
		atomic_fetch_add(&streams->users, 1);
	return result;
}

struct epptap *streams_tap(const struct streams *streams)
{
	return atomic_load_explicit(&streams->tap, memory_order_acquire);
}

uint64_t streams_hash(const struct streams *streams, const char *text, size_t size)
{
	uint64_t hash = streams->seed;
	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash ? hash : 1;
}

uint64_t streams_number(struct streams *streams)
{
	return atomic_fetch_add(&streams->numbers, 1) + 1;
}

/* A block for `size` bytes, charged to its owner, whose share is what is left when `used` are taken. False: *reason says
 * why not. */
static bool take(struct streams *streams, struct streams_held *held, unsigned owner, size_t size,
		 uint64_t used, enum loss *reason)
{
	struct epptap *tap = streams_tap(streams);
	struct arena *arena = atomic_load(&streams->arena);
	size_t room = arena_room_of(size);
	if (!tap) {
		*reason = LOSS_CLOSED;
		return false;
	}
	if (!registrars_hold(tap->registrars, owner, SHARED_STREAMS, room, used,
			     arena_capacity(arena))) {
		*reason = LOSS_REGISTRAR_QUOTA;
		return false;
	}
	held->bytes = arena_take(arena, size);
	if (!held->bytes) {
		*reason = LOSS_STREAMS_LIMIT;
		registrars_release(tap->registrars, owner, SHARED_STREAMS, room);
		return false;
	}
	counters_add(&tap->counters.stream_bytes, room);
	held->capacity = (uint32_t)room;
	held->owner = owner;
	return true;
}

void streams_give(struct streams *streams, struct streams_held *held)
{
	struct epptap *tap = streams_tap(streams);
	if (!held->bytes)
		return;
	arena_give(atomic_load(&streams->arena), held->bytes, held->size);
	if (tap) {
		registrars_release(tap->registrars, held->owner, SHARED_STREAMS, held->capacity);
		counters_add(&tap->counters.stream_bytes, (uint64_t)0 - held->capacity);
	}
	*held = (struct streams_held){0};
}

bool streams_begin(struct streams *streams, struct streams_held *held, unsigned owner, size_t size,
		   enum loss *reason)
{
	return take(streams, held, owner, size, 0, reason);
}

bool streams_reserve(struct streams *streams, struct streams_held *held, unsigned owner,
		     size_t size, enum loss *reason)
{
	struct streams_held grown = {.size = held->size};
	if (size <= held->capacity)
		return true;
	if (!take(streams, &grown, owner, size, arena_used(atomic_load(&streams->arena)), reason))
		return false;
	if (held->size)
		memcpy(grown.bytes, held->bytes, held->size);
	streams_give(streams, held);
	*held = grown;
	return true;
}

bool streams_hold(struct streams *streams, struct streams_held *held, unsigned owner,
		  const void *bytes, size_t size, enum loss *reason)
{
	if (!streams_reserve(streams, held, owner, size, reason))
		return false;
	memcpy(held->bytes, bytes, size);
	held->size = (uint32_t)size;
	return true;
}
