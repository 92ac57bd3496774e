#include "publisher/feed_store_inside.h"

#include <errno.h>
#include <string.h>

enum { PLACE_KEY_SIZE = 12, INTENT_KEY_SIZE = 16, NUMBER_SIZE = 8 };

struct event_header {
	uint8_t object, verb, name_size, new_name_size; /* the sizes with their NULs */
	uint32_t channels;                              /* how many still need it */
	int64_t feed_ms;
};

void feed_key_put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

void feed_key_put_u64(uint8_t *at, uint64_t value)
{
	feed_key_put_u32(at, (uint32_t)(value >> 32));
	feed_key_put_u32(at + 4, (uint32_t)value);
}

uint64_t feed_key_u64(const uint8_t *at)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

int feed_store_result(int code)
{
	switch (code) {
	case MDB_SUCCESS:
		return RESULT_OK;
	case MDB_NOTFOUND:
		return RESULT_INVALID;
	case MDB_MAP_FULL:
	case ENOSPC:
		return RESULT_FULL;
	case ENOMEM:
		return RESULT_NOMEM;
	default:
		return RESULT_STORE;
	}
}

MDB_val feed_view(const void *bytes, size_t size)
{
	return (MDB_val){.mv_data = (void *)(uintptr_t)bytes, .mv_size = size};
}

MDB_val feed_text_view(const char *text)
{
	return feed_view(text, strlen(text));
}

int feed_txn_put(struct feed_txn *txn, enum feed_table table, MDB_val key, MDB_val value)
{
	return feed_store_result(mdb_put(txn->mdb, txn->tables[table], &key, &value, 0));
}

int feed_txn_get(struct feed_txn *txn, enum feed_table table, MDB_val key, void *into, size_t size)
{
	MDB_val value;
	int code = mdb_get(txn->mdb, txn->tables[table], &key, &value);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	if (value.mv_size != size)
		return RESULT_STORE;
	memcpy(into, value.mv_data, size);
	return RESULT_OK;
}

/* What stands under a name in the table of single things; zeros if it is not there yet. */
static int get_meta(struct feed_txn *txn, const char *name, void *into, size_t size)
{
	memset(into, 0, size);
	int result = feed_txn_get(txn, TABLE_META, feed_text_view(name), into, size);
	return result == RESULT_INVALID ? RESULT_OK : result;
}

static int put_meta(struct feed_txn *txn, const char *name, const void *from, size_t size)
{
	return feed_txn_put(txn, TABLE_META, feed_text_view(name), feed_view(from, size));
}

int feed_txn_clock(struct feed_txn *txn, struct feed_clock *clock)
{
	return get_meta(txn, "clock", clock, sizeof *clock);
}

int feed_txn_set_clock(struct feed_txn *txn, const struct feed_clock *clock)
{
	return put_meta(txn, "clock", clock, sizeof *clock);
}

int feed_txn_order(struct feed_txn *txn, struct spool_order *order)
{
	return get_meta(txn, "order", order, sizeof *order);
}

int feed_txn_set_order(struct feed_txn *txn, const struct spool_order *order)
{
	return put_meta(txn, "order", order, sizeof *order);
}

int feed_txn_identity(struct feed_txn *txn, struct feed_identity *identity)
{
	return get_meta(txn, "identity", identity, sizeof *identity);
}

int feed_txn_set_identity(struct feed_txn *txn, const struct feed_identity *identity)
{
	return put_meta(txn, "identity", identity, sizeof *identity);
}

/* The number after the last key of a table whose keys are numbers. */
static int next_number(struct feed_txn *txn, enum feed_table table, uint64_t *number)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int code = mdb_cursor_open(txn->mdb, txn->tables[table], &cursor);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
	*number = code == MDB_SUCCESS ? feed_key_u64(key.mv_data) + 1 : 0;
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? RESULT_OK : feed_store_result(code);
}

int feed_txn_event_count(struct feed_txn *txn, uint64_t *count)
{
	return next_number(txn, TABLE_EVENTS, count);
}

int feed_txn_count(struct feed_txn *txn, enum feed_table table, uint64_t *count)
{
	MDB_stat stat;
	int code = mdb_stat(txn->mdb, txn->tables[table], &stat);
	*count = code == MDB_SUCCESS ? stat.ms_entries : 0;
	return feed_store_result(code);
}

int feed_txn_add_event(struct feed_txn *txn, const struct feed_event *event, uint32_t channels,
		       uint64_t *number)
{
	uint8_t key_bytes[8];
	struct event_header header = {.object = event->object,
				      .verb = event->verb,
				      .name_size = (uint8_t)(strlen(event->name) + 1),
				      .new_name_size = (uint8_t)(strlen(event->new_name) + 1),
				      .channels = channels,
				      .feed_ms = event->feed_ms};
	int result = RESULT_OK;
	if (txn->next_number == FEED_NO_NUMBER)
		result = feed_txn_event_count(txn, &txn->next_number);
	if (result != RESULT_OK)
		return result;
	*number = txn->next_number;
	feed_key_put_u64(key_bytes, *number);
	MDB_val key = feed_view(key_bytes, sizeof key_bytes);
	size_t names_size = (size_t)header.name_size + header.new_name_size;
	MDB_val value = {.mv_size = sizeof header + names_size + event->jws_size};
	int code = mdb_put(txn->mdb, txn->tables[TABLE_EVENTS], &key, &value,
			   MDB_RESERVE | MDB_APPEND);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	char *at = value.mv_data;
	memcpy(at, &header, sizeof header);
	at += sizeof header;
	memcpy(at, event->name, header.name_size);
	at += header.name_size;
	memcpy(at, event->new_name, header.new_name_size);
	at += header.new_name_size;
	memcpy(at, event->jws, event->jws_size);
	txn->next_number++;
	return RESULT_OK;
}

static int read_event(MDB_val value, struct feed_event *event)
{
	struct event_header header;
	if (value.mv_size < sizeof header)
		return RESULT_STORE;
	memcpy(&header, value.mv_data, sizeof header);
	size_t names_size = (size_t)header.name_size + header.new_name_size;
	const char *names = (const char *)value.mv_data + sizeof header;
	if (value.mv_size < sizeof header + names_size || !header.name_size ||
	    !header.new_name_size || names[header.name_size - 1] || names[names_size - 1])
		return RESULT_STORE;
	*event = (struct feed_event){
		.object = header.object,
		.verb = header.verb,
		.feed_ms = header.feed_ms,
		.name = names,
		.new_name = names + header.name_size,
		.jws = names + names_size,
		.jws_size = value.mv_size - sizeof header - names_size,
	};
	return RESULT_OK;
}

int feed_txn_event(struct feed_txn *txn, uint64_t number, struct feed_event *event)
{
	uint8_t key_bytes[8];
	feed_key_put_u64(key_bytes, number);
	MDB_val key = feed_view(key_bytes, sizeof key_bytes), value;
	int code = mdb_get(txn->mdb, txn->tables[TABLE_EVENTS], &key, &value);
	return code == MDB_SUCCESS ? read_event(value, event) : feed_store_result(code);
}

int feed_txn_channel(struct feed_txn *txn, const char *name, bool make,
		     struct channel_record *record)
{
	MDB_stat stat;
	int result =
		feed_txn_get(txn, TABLE_CHANNELS, feed_text_view(name), record, sizeof *record);
	if (result != RESULT_INVALID || !make)
		return result;
	/* No record is ever removed, so their number is a number that none has. */
	int code = mdb_stat(txn->mdb, txn->tables[TABLE_CHANNELS], &stat);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	*record = (struct channel_record){.id = (uint32_t)stat.ms_entries};
	return feed_txn_set_channel(txn, name, record);
}

int feed_txn_set_channel(struct feed_txn *txn, const char *name,
			 const struct channel_record *record)
{
	return feed_txn_put(txn, TABLE_CHANNELS, feed_text_view(name),
			    feed_view(record, sizeof *record));
}

static void place_key(uint8_t key[PLACE_KEY_SIZE], const struct channel_record *record,
		      uint64_t index)
{
	feed_key_put_u32(key, record->id);
	feed_key_put_u64(key + 4, index);
}

int feed_txn_place(struct feed_txn *txn, struct channel_record *record, uint64_t number)
{
	uint8_t key[PLACE_KEY_SIZE];
	place_key(key, record, record->next_index);
	int result = feed_txn_put(txn, TABLE_PLACES, feed_view(key, sizeof key),
				  feed_view(&number, sizeof number));
	if (result == RESULT_OK)
		record->next_index++;
	return result;
}

int feed_txn_placed(struct feed_txn *txn, const struct channel_record *record, uint64_t index,
		    uint64_t *number)
{
	uint8_t key[PLACE_KEY_SIZE];
	place_key(key, record, index);
	return feed_txn_get(txn, TABLE_PLACES, feed_view(key, sizeof key), number, sizeof *number);
}

int feed_txn_mark(struct feed_txn *txn, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	memset(mark, 0, sizeof *mark);
	int result =
		feed_txn_get(txn, TABLE_SEGMENTS, feed_view(id, SPOOL_ID_SIZE), mark, sizeof *mark);
	return result == RESULT_INVALID ? RESULT_OK : result;
}

int feed_store_mark(struct feed_store *store, const uint8_t id[SPOOL_ID_SIZE],
		    struct spool_mark *mark)
{
	struct feed_txn txn;
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_mark(&txn, id, mark);
	feed_txn_abort(&txn);
	return result;
}

int feed_txn_set_mark(struct feed_txn *txn, const uint8_t id[SPOOL_ID_SIZE],
		      const struct spool_mark *mark)
{
	return feed_txn_put(txn, TABLE_SEGMENTS, feed_view(id, SPOOL_ID_SIZE),
			    feed_view(mark, sizeof *mark));
}

/* Takes away what need not be there. */
static int drop(struct feed_txn *txn, enum feed_table table, MDB_val key)
{
	int code = mdb_del(txn->mdb, txn->tables[table], &key, NULL);
	return code == MDB_NOTFOUND ? RESULT_OK : feed_store_result(code);
}

int feed_txn_forget_segment(struct feed_txn *txn, const uint8_t id[SPOOL_ID_SIZE])
{
	return drop(txn, TABLE_SEGMENTS, feed_view(id, SPOOL_ID_SIZE));
}

/* The first entry at `wanted` or behind it. RESULT_INVALID: none, or its key does not begin with `prefix` bytes of
 * `wanted`, or has another length. */
static int seek(struct feed_txn *txn, enum feed_table table, MDB_val wanted, size_t prefix,
		MDB_val *key, MDB_val *value)
{
	MDB_cursor *cursor;
	int code = mdb_cursor_open(txn->mdb, txn->tables[table], &cursor);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	*key = wanted;
	code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	mdb_cursor_close(cursor);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	bool fits =
		key->mv_size == wanted.mv_size && memcmp(key->mv_data, wanted.mv_data, prefix) == 0;
	return fits ? RESULT_OK : RESULT_INVALID;
}

/* A value that begins with a header of `header_size` bytes. */
static int put_with_header(struct feed_txn *txn, enum feed_table table, MDB_val key,
			   const void *header, size_t header_size, const void *bytes, size_t size)
{
	MDB_val value = {.mv_size = header_size + size};
	int code = mdb_put(txn->mdb, txn->tables[table], &key, &value, MDB_RESERVE);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	memcpy(value.mv_data, header, header_size);
	memcpy((char *)value.mv_data + header_size, bytes, size);
	return RESULT_OK;
}

static int split_header(MDB_val value, void *header, size_t header_size, const void **bytes,
			size_t *size)
{
	if (value.mv_size < header_size)
		return RESULT_STORE;
	memcpy(header, value.mv_data, header_size);
	*bytes = (const char *)value.mv_data + header_size;
	*size = value.mv_size - header_size;
	return RESULT_OK;
}

static void intent_key(uint8_t key[INTENT_KEY_SIZE], uint64_t writer, uint64_t ticket)
{
	feed_key_put_u64(key, writer);
	feed_key_put_u64(key + NUMBER_SIZE, ticket);
}

int feed_txn_add_intent(struct feed_txn *txn, uint64_t writer, uint64_t ticket, int64_t wall_us,
			const void *bytes, size_t size)
{
	uint8_t key[INTENT_KEY_SIZE];
	intent_key(key, writer, ticket);
	return put_with_header(txn, TABLE_INTENTS, feed_view(key, sizeof key), &wall_us,
			       sizeof wall_us, bytes, size);
}

int feed_txn_end_intent(struct feed_txn *txn, uint64_t writer, uint64_t ticket)
{
	uint8_t key[INTENT_KEY_SIZE];
	intent_key(key, writer, ticket);
	return drop(txn, TABLE_INTENTS, feed_view(key, sizeof key));
}

int feed_txn_next_intent(struct feed_txn *txn, uint64_t writer, uint64_t *ticket, int64_t *wall_us,
			 const void **bytes, size_t *size)
{
	uint8_t wanted[INTENT_KEY_SIZE];
	MDB_val key, value;
	intent_key(wanted, writer, *ticket);
	int result = seek(txn, TABLE_INTENTS, feed_view(wanted, sizeof wanted), NUMBER_SIZE, &key,
			  &value);
	if (result != RESULT_OK)
		return result;
	*ticket = feed_key_u64((const uint8_t *)key.mv_data + NUMBER_SIZE);
	return split_header(value, wall_us, sizeof *wall_us, bytes, size);
}

int feed_txn_put_aside(struct feed_txn *txn, const struct aside_header *header, const void *payload,
		       size_t size)
{
	uint8_t key[NUMBER_SIZE];
	uint64_t number;
	int result = next_number(txn, TABLE_ASIDE, &number);
	if (result != RESULT_OK)
		return result;
	feed_key_put_u64(key, number);
	return put_with_header(txn, TABLE_ASIDE, feed_view(key, sizeof key), header, sizeof *header,
			       payload, size);
}

int feed_txn_next_aside(struct feed_txn *txn, uint64_t *number, struct aside_header *header,
			const void **payload, size_t *size)
{
	uint8_t wanted[NUMBER_SIZE];
	MDB_val key, value;
	feed_key_put_u64(wanted, *number);
	int result = seek(txn, TABLE_ASIDE, feed_view(wanted, sizeof wanted), 0, &key, &value);
	if (result != RESULT_OK)
		return result;
	*number = feed_key_u64(key.mv_data);
	return split_header(value, header, sizeof *header, payload, size);
}

int feed_txn_take_back(struct feed_txn *txn, uint64_t number)
{
	uint8_t key[NUMBER_SIZE];
	feed_key_put_u64(key, number);
	return drop(txn, TABLE_ASIDE, feed_view(key, sizeof key));
}

int feed_txn_set_key(struct feed_txn *txn, const char *id, const struct key_record *key)
{
	return feed_txn_put(txn, TABLE_KEYS, feed_text_view(id), feed_view(key, sizeof *key));
}

int feed_txn_key(struct feed_txn *txn, const char *id, struct key_record *key)
{
	return feed_txn_get(txn, TABLE_KEYS, feed_text_view(id), key, sizeof *key);
}

int feed_store_key(struct feed_store *store, const char *id, struct key_record *key)
{
	struct feed_txn txn;
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_key(&txn, id, key);
	feed_txn_abort(&txn);
	return result;
}

int feed_txn_each_key(struct feed_txn *txn,
		      int (*show)(void *context, const char *id, size_t id_size,
				  const struct key_record *key),
		      void *context)
{
	struct key_record record;
	MDB_cursor *cursor;
	MDB_val key, value;
	int result = feed_store_result(mdb_cursor_open(txn->mdb, txn->tables[TABLE_KEYS], &cursor));
	if (result != RESULT_OK)
		return result;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	for (; code == MDB_SUCCESS && result == RESULT_OK;
	     code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		if (value.mv_size != sizeof record) {
			result = RESULT_STORE;
			break;
		}
		memcpy(&record, value.mv_data, sizeof record);
		result = show(context, key.mv_data, key.mv_size, &record);
	}
	mdb_cursor_close(cursor);
	if (result == RESULT_OK && code != MDB_NOTFOUND)
		result = feed_store_result(code);
	return result;
}

/* One channel less needs the event. */
static int let_go(struct feed_txn *txn, uint64_t number)
{
	uint8_t key_bytes[8];
	feed_key_put_u64(key_bytes, number);
	MDB_val key = feed_view(key_bytes, sizeof key_bytes), old;
	struct event_header header;
	int code = mdb_get(txn->mdb, txn->tables[TABLE_EVENTS], &key, &old);
	if (code != MDB_SUCCESS || old.mv_size < sizeof header)
		return code == MDB_NOTFOUND ? RESULT_OK : RESULT_STORE;
	memcpy(&header, old.mv_data, sizeof header);
	if (header.channels <= 1)
		return feed_store_result(mdb_del(txn->mdb, txn->tables[TABLE_EVENTS], &key, NULL));
	struct buffer changed;
	buffer_init(&changed, old.mv_size);
	header.channels--;
	buffer_append(&changed, &header, sizeof header);
	buffer_append(&changed, (char *)old.mv_data + sizeof header, old.mv_size - sizeof header);
	int result = changed.failed ? RESULT_NOMEM
				    : feed_txn_put(txn, TABLE_EVENTS, key,
						   feed_view(changed.data, changed.size));
	buffer_free(&changed);
	return result;
}

/* Removes the channel's oldest place if its event is old enough. RESULT_INVALID: there is nothing to remove. */
static int prune_one(struct feed_txn *txn, const struct channel_record *record, int64_t feed_ms,
		     uint64_t end, MDB_cursor *cursor)
{
	uint8_t key_bytes[PLACE_KEY_SIZE];
	struct feed_event event;
	uint64_t number;
	place_key(key_bytes, record, 0);
	MDB_val key = feed_view(key_bytes, sizeof key_bytes), value;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	if (memcmp(key.mv_data, key_bytes, sizeof record->id) != 0)
		return RESULT_INVALID;
	if (key.mv_size != sizeof key_bytes || value.mv_size != sizeof number)
		return RESULT_STORE;
	if (feed_key_u64((const uint8_t *)key.mv_data + sizeof record->id) >= end)
		return RESULT_INVALID;
	memcpy(&number, value.mv_data, sizeof number);
	int result = feed_txn_event(txn, number, &event);
	if (result == RESULT_OK && event.feed_ms >= feed_ms)
		return RESULT_INVALID;
	if (result == RESULT_OK)
		result = let_go(txn, number);
	if (result != RESULT_OK && result != RESULT_INVALID)
		return result;
	return feed_store_result(mdb_cursor_del(cursor, 0));
}

int feed_txn_prune(struct feed_txn *txn, const struct channel_record *record, int64_t feed_ms,
		   uint64_t end, unsigned most)
{
	MDB_cursor *cursor;
	int result =
		feed_store_result(mdb_cursor_open(txn->mdb, txn->tables[TABLE_PLACES], &cursor));
	if (result != RESULT_OK)
		return result;
	while (most-- > 0 && result == RESULT_OK)
		result = prune_one(txn, record, feed_ms, end, cursor);
	mdb_cursor_close(cursor);
	return result == RESULT_INVALID ? RESULT_OK : result;
}

int feed_txn_used_bytes(struct feed_txn *txn, uint64_t *bytes)
{
	int code = MDB_SUCCESS;
	*bytes = 0;
	for (int i = 0; i < TABLE_COUNT && code == MDB_SUCCESS; i++) {
		MDB_stat stat = {0};
		code = mdb_stat(txn->mdb, txn->tables[i], &stat);
		*bytes += stat.ms_psize *
			  (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages);
	}
	return feed_store_result(code);
}
