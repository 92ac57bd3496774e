/* feed_store_inside.h - how the feed store is read and written; for feed_store.c, feed_txn.c and feed_notes.c alone
 *
 * feed_store.c opens the store, upgrades it, and begins and ends transactions; feed_txn.c is what stands in it, and
 * feed_notes.c what is noted for later events.
 */
#ifndef PUBLISHER_FEED_STORE_INSIDE_H
#define PUBLISHER_FEED_STORE_INSIDE_H

#include "publisher/feed_store.h"

#define FEED_NO_NUMBER UINT64_MAX /* feed_txn.next_number: not looked up yet */

MDB_val feed_view(const void *bytes, size_t size);
MDB_val feed_text_view(const char *text);

MUST_USE int feed_txn_put(struct feed_txn *txn, enum feed_table table, MDB_val key, MDB_val value);

/* Reads a value of just `size` bytes. */
MUST_USE int feed_txn_get(struct feed_txn *txn, enum feed_table table, MDB_val key, void *into,
			  size_t size);

#endif
