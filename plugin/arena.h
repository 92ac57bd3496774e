/* arena.h - memory of a fixed size, in blocks, for frames that are being put together
 *
 * A buddy system: a block is 1 KiB times a power of two, and two halves that are both free are one again. All of it is
 * reserved at birth, and the system gives it as it is touched; taking and giving back ask the system for nothing. It
 * stays out of core dumps, and what is given back is overwritten with zeros: frames hold contact data and passwords.
 *
 * Threads: any call but arena_free() may come from any thread. One lock is held for some dozen instructions, never over
 * a copy or the zeros.
 */
#ifndef PLUGIN_ARENA_H
#define PLUGIN_ARENA_H

#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

enum { ARENA_UNIT = 1024 };

struct arena;

/* An arena of `bytes`, cut to a multiple of ARENA_UNIT. RESULT_OK or RESULT_NOMEM. */
MUST_USE int arena_new(size_t bytes, struct arena **arena);
void arena_free(struct arena **arena);

/* The size of the block that `size` bytes take. */
size_t arena_room_of(size_t size);

/* A block of arena_room_of(size) bytes, aligned to ARENA_UNIT, whose content is not defined. NULL: there is none. */
void *arena_take(struct arena *arena, size_t size);

/* Gives back a block, of which nothing behind the first `used` bytes was ever written. */
void arena_give(struct arena *arena, void *block, size_t used);

/* What it can hold, and what is taken of it now. */
uint64_t arena_capacity(const struct arena *arena);
uint64_t arena_used(const struct arena *arena);

#endif
