/* name.h - domain and host names, as everything in the house writes them
 *
 * A-labels in lower case, without a trailing dot; on their way to the publisher also U-labels. The one judge of what a
 * name is: frames, configuration, feed and options all ask here; who is stricter (the configuration) checks the rest
 * itself. Pure; thread-safe.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	NAME_SIZE = 254, /* RFC 1035: 253 bytes, and a NUL */
	NAME_LABEL_MAX = 63,
};

/* Reads a name of `size` bytes: blanks around it and one trailing dot are dropped, letters lowered; `name` is never
 * longer than `text`. RESULT_INVALID, and an empty name: not labels of letters, digits, hyphens and underscores with
 * dots between them, or lengths that RFC 1035 forbids. */
MUST_USE int name_read(const char *text, size_t size, char name[NAME_SIZE]);

/* The same, but letters beyond ASCII may stand in it, in UTF-8: they are taken as they are, and whether they make labels,
 * and how long those are, is for IDNA to say (RFC 5891). */
MUST_USE int name_read_unicode(const char *text, size_t size, char name[NAME_SIZE]);

/* Is it one that name_read_unicode() alone takes? */
bool name_is_unicode(const char *name);

/* Is `name` `above`, or below it? Both as name_read() writes them. */
bool name_is_in(const char *name, const char *above);

#endif
