/* feed_logs.c - what the feed store knows of the channels' logs */
#include "publisher/feed_store_inside.h"

#include <string.h>

int feed_txn_log(struct feed_txn *txn, const char *name, struct log_record *record,
		 const void **bytes, size_t *size)
{
	MDB_val key = feed_text_view(name), value;
	int code = mdb_get(txn->mdb, txn->tables[TABLE_LOGS], &key, &value);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	if (value.mv_size < sizeof *record)
		return RESULT_STORE;
	memcpy(record, value.mv_data, sizeof *record);
	if (!memchr(record->origin, '\0', sizeof record->origin))
		return RESULT_STORE;
	if (bytes) {
		*bytes = (const char *)value.mv_data + sizeof *record;
		*size = value.mv_size - sizeof *record;
	}
	return RESULT_OK;
}

int feed_txn_set_log(struct feed_txn *txn, const char *name, const struct log_record *record,
		     const void *bytes, size_t size)
{
	MDB_val key = feed_text_view(name), value = {.mv_size = sizeof *record + size};
	int code = mdb_put(txn->mdb, txn->tables[TABLE_LOGS], &key, &value, MDB_RESERVE);
	if (code != MDB_SUCCESS)
		return feed_store_result(code);
	memcpy(value.mv_data, record, sizeof *record);
	memcpy((char *)value.mv_data + sizeof *record, bytes, size);
	return RESULT_OK;
}

int feed_txn_drop_log(struct feed_txn *txn, const char *name)
{
	MDB_val key = feed_text_view(name);
	int code = mdb_del(txn->mdb, txn->tables[TABLE_LOGS], &key, NULL);
	return code == MDB_NOTFOUND ? RESULT_OK : feed_store_result(code);
}

int feed_txn_first_place(struct feed_txn *txn, const struct channel_record *record, uint64_t *index)
{
	uint8_t wanted[4 + 8] = {0};
	MDB_cursor *cursor;
	feed_key_put_u32(wanted, record->id);
	MDB_val key = feed_view(wanted, sizeof wanted), value;
	int result =
		feed_store_result(mdb_cursor_open(txn->mdb, txn->tables[TABLE_PLACES], &cursor));
	if (result != RESULT_OK)
		return result;
	int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	*index = record->next_index;
	if (code == MDB_SUCCESS && key.mv_size == sizeof wanted &&
	    memcmp(key.mv_data, wanted, sizeof record->id) == 0)
		*index = feed_key_u64((const uint8_t *)key.mv_data + 4);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? RESULT_OK : feed_store_result(code);
}
