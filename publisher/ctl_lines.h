/* ctl_lines.h - prints what stands in the feed store, of any length, for a reader of any pace
 *
 * A read transaction keeps the publisher from using freed pages again, and who reads the lines may never go on, like a
 * pager. So they are gathered a piece at a time, each in a transaction of its own that has ended before the piece is
 * written: a piece is one view of the store, all of them together are not.
 */
#ifndef PUBLISHER_CTL_LINES_H
#define PUBLISHER_CTL_LINES_H

#include "base/buffer.h"
#include "publisher/feed_store.h"

enum { CTL_LINE_MAX_BYTES = 1 << 20 };

/* Is the piece long enough? There is room for one more line as long as it isn't. */
bool ctl_lines_full(const struct buffer *lines);

/* Writes lines to stdout that `gather` appends, until it answers other than RESULT_OK: it is called again and again,
 * and goes on behind the last one, up to ctl_lines_full(). RESULT_INVALID: those were all.
 * Returns CTL_OK, or CTL_FAILED with a complaint on stderr. */
int ctl_lines_print(struct feed_store *store,
		    int (*gather)(void *context, struct feed_txn *txn, struct buffer *lines),
		    void *context);

#endif
