#include "publisher/note_ring.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct entry {
	struct note_key key;
	uint64_t before; /* 1 + the number of the last entry before it in its bucket; 0: none */
	void *value;     /* NULL: nothing is noted */
	size_t size;
};

struct note_ring {
	struct entry entries[NOTE_RING_NOTES];
	uint64_t begin,
		end; /* numbers of entries, from 0 on and never again; each at its remainder */
	uint64_t buckets[BUCKETS]; /* by hash: 1 + the number of the newest entry; 0: none */
	size_t bytes;
};

int note_ring_new(struct note_ring **ring)
{
	*ring = calloc(1, sizeof **ring);
	return *ring ? RESULT_OK : RESULT_NOMEM;
}

static struct entry *entry_at(struct note_ring *ring, uint64_t number)
{
	return &ring->entries[number % NOTE_RING_NOTES];
}

static size_t bucket_of(const struct note_key *key)
{
	return (size_t)(key->hash[0] << 8 | key->hash[1]) % BUCKETS;
}

static void forget_oldest(struct note_ring *ring)
{
	struct entry *entry = entry_at(ring, ring->begin++);
	ring->bytes -= entry->size;
	free(entry->value);
	*entry = (struct entry){0};
}

void note_ring_clear(struct note_ring *ring)
{
	while (ring->begin < ring->end)
		forget_oldest(ring);
}

void note_ring_free(struct note_ring **ring)
{
	if (!*ring)
		return;
	note_ring_clear(*ring);
	free(*ring);
	*ring = NULL;
}

static void append(struct note_ring *ring, struct entry *entry)
{
	size_t bucket = bucket_of(&entry->key);
	while (ring->begin < ring->end && (ring->end - ring->begin == NOTE_RING_NOTES ||
					   ring->bytes + entry->size > NOTE_RING_BYTES))
		forget_oldest(ring);
	entry->before = ring->buckets[bucket];
	*entry_at(ring, ring->end++) = *entry;
	ring->buckets[bucket] = ring->end;
	ring->bytes += entry->size;
}

int note_ring_put(struct note_ring *ring, const struct note_key *key, const void *value,
		  size_t size)
{
	/* One byte more: an empty value is not none. */
	struct entry entry = {.key = *key, .value = malloc(size + 1), .size = size};
	if (!entry.value)
		return RESULT_NOMEM;
	memcpy(entry.value, value, size);
	append(ring, &entry);
	return RESULT_OK;
}

void note_ring_drop(struct note_ring *ring, const struct note_key *key)
{
	struct entry entry = {.key = *key};
	append(ring, &entry);
}

bool note_ring_find(const struct note_ring *ring, const struct note_key *key, const void **value,
		    size_t *size)
{
	const struct entry *entry;
	for (uint64_t next = ring->buckets[bucket_of(key)]; next > ring->begin;
	     next = entry->before) {
		entry = &ring->entries[(next - 1) % NOTE_RING_NOTES];
		if (memcmp(&entry->key, key, sizeof *key) != 0)
			continue;
		*value = entry->value;
		*size = entry->size;
		return true;
	}
	return false;
}
