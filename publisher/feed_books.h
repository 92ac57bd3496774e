/* feed_books.h - what an item of a batch changes in the feed store beside the events: intents, quarantine, keys, notes
 *
 * Owner: the publisher's thread, within the transaction of a commit.
 */
#ifndef PUBLISHER_FEED_BOOKS_H
#define PUBLISHER_FEED_BOOKS_H

#include "publisher/batch.h"

/* `now_ms` is on the feed's time line. *told: the item is news that was told before; its event must not be added. This
 * is where that is decided: what was found when the event was made may have missed what was made just before it.
 * RESULT_OK, or an error of feed_store.h's: abort the transaction. */
MUST_USE int feed_books_keep(struct feed_txn *txn, const struct batch *batch,
			     const struct batch_item *item, int64_t now_ms, int64_t retention_ms,
			     bool *told);

#endif
