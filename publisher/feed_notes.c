/* feed_notes.c - what the feed store remembers of events for the sake of later ones
 *
 * Two tables hold together: each note has its time in its value, by which its entry in the other is found.
 */
#include "publisher/feed_store_inside.h"

#include <string.h>

enum {
	KEY_SIZE = 1 + NOTE_HASH_SIZE,
	TIME_SIZE = 8,
	AGE_KEY_SIZE = TIME_SIZE + KEY_SIZE,
};

_Static_assert(sizeof(struct note_key) == KEY_SIZE, "a key is its bytes");

/* Age keys sort by time, which is never below zero. */
static void age_key(uint8_t age[AGE_KEY_SIZE], const struct note_key *key, int64_t feed_ms)
{
	feed_key_put_u64(age, (uint64_t)feed_ms);
	memcpy(age + TIME_SIZE, key, KEY_SIZE);
}

static int take_away(struct feed_txn *txn, enum feed_table table, MDB_val key)
{
	return feed_store_result(mdb_del(txn->mdb, txn->tables[table], &key, NULL));
}

int feed_txn_note(struct feed_txn *txn, const struct note_key *key, int64_t *feed_ms,
		  const void **value, size_t *size)
{
	MDB_val wanted = feed_view(key, KEY_SIZE), found;
	int code = mdb_get(txn->mdb, txn->tables[TABLE_NOTES], &wanted, &found);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	if (found.mv_size < sizeof *feed_ms)
		return RESULT_STORE;
	memcpy(feed_ms, found.mv_data, sizeof *feed_ms);
	*value = (const char *)found.mv_data + sizeof *feed_ms;
	*size = found.mv_size - sizeof *feed_ms;
	return RESULT_OK;
}

int feed_txn_drop_note(struct feed_txn *txn, const struct note_key *key)
{
	uint8_t age[AGE_KEY_SIZE];
	int64_t feed_ms = 0;
	const void *value;
	size_t size;
	int result = feed_txn_note(txn, key, &feed_ms, &value, &size);
	if (result != RESULT_OK)
		return result == RESULT_INVALID ? RESULT_OK : result;
	age_key(age, key, feed_ms);
	result = take_away(txn, TABLE_AGES, feed_view(age, sizeof age));
	/* One without the other is damage, which is no reason to keep it. */
	if (result == RESULT_OK || result == RESULT_INVALID)
		result = take_away(txn, TABLE_NOTES, feed_view(key, KEY_SIZE));
	return result;
}

int feed_txn_put_note(struct feed_txn *txn, const struct note_key *key, int64_t feed_ms,
		      const void *value, size_t size)
{
	uint8_t age[AGE_KEY_SIZE];
	int result = feed_txn_drop_note(txn, key);
	if (result != RESULT_OK)
		return result;
	MDB_val wanted = feed_view(key, KEY_SIZE), room = {.mv_size = sizeof feed_ms + size};
	int code = mdb_put(txn->mdb, txn->tables[TABLE_NOTES], &wanted, &room, MDB_RESERVE);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	memcpy(room.mv_data, &feed_ms, sizeof feed_ms);
	if (size > 0)
		memcpy((char *)room.mv_data + sizeof feed_ms, value, size);
	age_key(age, key, feed_ms);
	return feed_txn_put(txn, TABLE_AGES, feed_view(age, sizeof age), feed_view("", 0));
}

/* Takes away the oldest note, if it is old enough. RESULT_INVALID: there is nothing to take away. */
static int prune_one(struct feed_txn *txn, int64_t feed_ms, MDB_cursor *cursor)
{
	struct note_key noted;
	MDB_val key, value;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	if (key.mv_size != AGE_KEY_SIZE)
		return RESULT_STORE;
	if ((int64_t)feed_key_u64(key.mv_data) >= feed_ms)
		return RESULT_INVALID;
	memcpy(&noted, (const char *)key.mv_data + TIME_SIZE, KEY_SIZE);
	int result = take_away(txn, TABLE_NOTES, feed_view(&noted, KEY_SIZE));
	if (result != RESULT_OK && result != RESULT_INVALID)
		return result;
	return feed_store_result(mdb_cursor_del(cursor, 0));
}

int feed_txn_prune_notes(struct feed_txn *txn, int64_t feed_ms, unsigned most)
{
	MDB_cursor *cursor;
	int result = feed_store_result(mdb_cursor_open(txn->mdb, txn->tables[TABLE_AGES], &cursor));
	if (result != RESULT_OK)
		return result;
	while (most-- > 0 && result == RESULT_OK)
		result = prune_one(txn, feed_ms, cursor);
	mdb_cursor_close(cursor);
	return result == RESULT_INVALID ? RESULT_OK : result;
}
