/* own_lines.h - what a registrar sent, as it wrote it down: JSON lines in a file, or from standard input
 *
 *   {"svTRID":"R-17","domain":"example.org","action":"unlock","time":"2026-11-27T21:00:00Z"}
 *
 * `action` is a word of action.h, or a list of them; `time` may be left out; other members are passed over. The file may
 * grow while it is read, and a line that has no end yet waits for it. A file that was replaced is read from its begin.
 * Owner: whoever opened it; one thread. Never blocks but as a disk does.
 */
#ifndef SUBSCRIBER_OWN_LINES_H
#define SUBSCRIBER_OWN_LINES_H

#include "base/result.h"
#include "subscriber/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OWN_LINE_MAX = 65536 };

struct own_lines;

struct own_listener {
	int (*word)(void *context, const struct ledger_word *word);
	/* A line that is none; `what` says where, and what would be right. */
	int (*wrong)(void *context, const char *what);
	void *context;
};

/* `path` may be "-". `from_end`: what is in the file already is passed over.
 * RESULT_OK: for own_lines_close(). RESULT_CONFIG: it can't be read, `why` says why; RESULT_NOMEM. */
MUST_USE int own_lines_open(const char *path, bool from_end, struct own_lines **lines, char *why,
			    size_t why_size);

/* Reads what came since. RESULT_OK, RESULT_NOMEM, or what the listener answered. */
MUST_USE int own_lines_read(struct own_lines *lines, const struct own_listener *listener);

/* There is no more: a last line without an end is one, too. The same results. */
MUST_USE int own_lines_end(struct own_lines *lines, const struct own_listener *listener);

void own_lines_close(struct own_lines **lines);

#endif
