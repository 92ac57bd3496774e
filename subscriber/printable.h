/* printable.h - a stranger's bytes, made fit for a terminal
 *
 * A terminal obeys control characters, and some characters look like others: so only printable ASCII passes, and
 * every other byte becomes a question mark. Pure; thread-safe.
 */
#ifndef SUBSCRIBER_PRINTABLE_H
#define SUBSCRIBER_PRINTABLE_H

#include "base/buffer.h"

#include <stddef.h>

/* Appends at most `limit` of the `size` bytes, made printable, and "..." if there were more. */
void printable_append(struct buffer *into, const char *bytes, size_t size, size_t limit);

/* The same for a text. */
void printable_append_text(struct buffer *into, const char *text, size_t limit);

/* Makes a text printable where it stands. */
void printable_in_place(char *text);

#endif
