/* need.h - memory that is there, or the process ends
 *
 * The registry's truth is its journal: whatever was answered stands there. So a front end that
 * runs out of memory may stop at once, with a line on stderr and exit status 1, and lose nothing;
 * each caller is spared a second way out.
 * Thread-safe. The caller owns what it gets and frees it with free().
 */
#ifndef REFEPP_NEED_H
#define REFEPP_NEED_H

#include <stddef.h>

/* `size` bytes, all zero. */
void *need_zeroed(size_t size);

/* `old` (or NULL) grown or shrunk to `size` bytes; what is new is not cleared. */
void *need_resized(void *old, size_t size);

/* A copy of `text`; NULL of NULL. */
char *need_copy(const char *text);

/* Puts a copy of `text` (or NULL) in place of `*slot`, which is freed. */
void need_replace(char **slot, const char *text);

#endif
