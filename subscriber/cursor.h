/* cursor.h - a file with the index of the next event: a decimal number and a newline */
#ifndef SUBSCRIBER_CURSOR_H
#define SUBSCRIBER_CURSOR_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RESULT_OK, with *is_there false if there is no such file yet. RESULT_CONFIG: it can't be read, or holds something else:
 * `why`. */
MUST_USE int cursor_read(const char *path, bool *is_there, uint64_t *index, char *why,
			 size_t why_size);

/* Replaces the file. RESULT_OK; RESULT_STORE: `why`. */
MUST_USE int cursor_write(const char *path, uint64_t index, char *why, size_t why_size);

#endif
