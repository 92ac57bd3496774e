#include "publisher/ctl_lines.h"

#include "publisher/ctl.h"

#include <stdio.h>

enum { PIECE_BYTES = 256 << 10 };

bool ctl_lines_full(const struct buffer *lines)
{
	return lines->size >= PIECE_BYTES;
}

int ctl_lines_print(struct feed_store *store,
		    int (*gather)(void *context, struct feed_txn *txn, struct buffer *lines),
		    void *context)
{
	struct buffer lines;
	struct feed_txn txn;
	int result;
	buffer_init(&lines, PIECE_BYTES + CTL_LINE_MAX_BYTES);
	do {
		buffer_reset(&lines);
		result = feed_txn_begin(store, true, &txn);
		if (result == RESULT_OK)
			result = gather(context, &txn, &lines);
		feed_txn_abort(&txn);
		/* A line that failed in its midst is not shown. */
		while (lines.size > 0 && lines.data[lines.size - 1] != '\n')
			lines.size--;
		if (lines.size > 0)
			fwrite(lines.data, 1, lines.size, stdout);
	} while (result == RESULT_OK);
	buffer_free(&lines);
	if (result == RESULT_INVALID)
		return CTL_OK;
	return ctl_fail("the feed store can't be read further%s",
			result == RESULT_STORE ? ": it is damaged" : " now");
}
