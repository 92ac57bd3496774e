/* feed_chains.c - which event of an object was the last, in the feed store */
#include "publisher/feed_store_inside.h"

int feed_txn_chain(struct feed_txn *txn, const void *key, size_t key_size, uint8_t id[FEED_ID_SIZE])
{
	return feed_txn_get(txn, TABLE_CHAINS, feed_view(key, key_size), id, FEED_ID_SIZE);
}

int feed_txn_set_chain(struct feed_txn *txn, const void *key, size_t key_size,
		       const uint8_t id[FEED_ID_SIZE])
{
	return feed_txn_put(txn, TABLE_CHAINS, feed_view(key, key_size),
			    feed_view(id, FEED_ID_SIZE));
}

int feed_txn_end_chain(struct feed_txn *txn, const void *key, size_t key_size)
{
	MDB_val wanted = feed_view(key, key_size);
	int code = mdb_del(txn->mdb, txn->tables[TABLE_CHAINS], &wanted, NULL);
	return code == MDB_NOTFOUND ? RESULT_OK : feed_store_result(code);
}
