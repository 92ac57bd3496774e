#include "publisher/chain.h"
#include "publisher/crypto_gate.h"

#include <string.h>

_Static_assert((int)FEED_ID_SIZE == (int)EVENT_ID_SIZE, "what is stored is a jti");
_Static_assert(1 + CHANGE_NAME_SIZE <= FEED_CHAIN_KEY_MAX, "a key holds any name");
_Static_assert(3 * BATCH_MAX * 2 <= NOTE_RING_NOTES, "two of each event under way find room");

struct key {
	uint8_t bytes[FEED_CHAIN_KEY_MAX];
	size_t size;
};

/* Handles are the same in either case. */
static void make_key(uint8_t object, const struct change_name *name, struct key *key)
{
	key->bytes[0] = object;
	key->size = 1;
	for (const char *at = name->text; *at; at++)
		key->bytes[key->size++] =
			(uint8_t)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
}

static int hash_key(uint8_t object, const struct change_name *name, struct note_key *hashed)
{
	struct key key;
	make_key(object, name, &key);
	hashed->kind = NOTE_CHAIN;
	return crypto_hash(key.bytes, key.size, hashed->hash);
}

static int look_in_store(struct feed_store *store, struct feed_txn *reading,
			 struct batch_item *item)
{
	struct feed_txn own = {0};
	struct key key;
	int result = reading ? RESULT_OK : feed_txn_begin(store, true, &own);
	make_key(item->object, &item->name, &key);
	if (result == RESULT_OK)
		result = feed_txn_chain(reading ? reading : &own, key.bytes, key.size,
					item->chain.prev);
	feed_txn_abort(&own);
	item->chain.has_prev = result == RESULT_OK;
	return result == RESULT_INVALID ? RESULT_OK : result;
}

int chain_look_up(const struct note_ring *ring, struct feed_store *store, struct feed_txn *reading,
		  struct batch_item *item)
{
	struct note_key key;
	const void *value;
	size_t size;
	int result = hash_key(item->object, &item->name, &key);
	if (result != RESULT_OK)
		return result;
	if (!note_ring_find(ring, &key, &value, &size))
		return look_in_store(store, reading, item);
	item->chain.has_prev = value != NULL;
	if (value)
		memcpy(item->chain.prev, value, EVENT_ID_SIZE);
	return RESULT_OK;
}

static bool is_renamed(const struct batch_item *item)
{
	return item->new_name.text[0] != '\0' && strcmp(item->new_name.text, item->name.text) != 0;
}

int chain_add(struct note_ring *ring, struct batch_item *item, const uint8_t id[EVENT_ID_SIZE],
	      bool ends)
{
	const struct change_name *name = is_renamed(item) ? &item->new_name : &item->name;
	struct note_key key, old_key;
	int result = hash_key(item->object, name, &key);
	if (result == RESULT_OK)
		result = hash_key(item->object, &item->name, &old_key);
	if (result == RESULT_OK && !ends)
		result = note_ring_put(ring, &key, id, EVENT_ID_SIZE);
	if (result != RESULT_OK)
		return result;
	if (ends || is_renamed(item))
		note_ring_drop(ring, &old_key);
	memcpy(item->chain.id, id, EVENT_ID_SIZE);
	item->chain.ends = ends;
	return RESULT_OK;
}

/* Without memory the next event has no prev: a reader then takes it for the beginning of a chain, which is nothing worse
 * than a hole. */
void chain_take_back(struct note_ring *ring, struct batch_item *item)
{
	struct note_key key;
	if (is_renamed(item) && hash_key(item->object, &item->new_name, &key) == RESULT_OK)
		note_ring_drop(ring, &key);
	if (hash_key(item->object, &item->name, &key) == RESULT_OK &&
	    (!item->chain.has_prev ||
	     note_ring_put(ring, &key, item->chain.prev, EVENT_ID_SIZE) != RESULT_OK))
		note_ring_drop(ring, &key);
}

int chain_commit(struct feed_txn *txn, const struct batch_item *item)
{
	struct key key;
	int result = RESULT_OK;
	make_key(item->object, &item->name, &key);
	if (item->chain.ends)
		return feed_txn_end_chain(txn, key.bytes, key.size);
	if (is_renamed(item)) {
		result = feed_txn_end_chain(txn, key.bytes, key.size);
		make_key(item->object, &item->new_name, &key);
	}
	return result == RESULT_OK ? feed_txn_set_chain(txn, key.bytes, key.size, item->chain.id)
				   : result;
}
