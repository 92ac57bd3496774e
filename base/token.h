/* token.h - short texts that may be published: ids, logins, what a registrar is called
 *
 * Printable ASCII, 1 to TOKEN_MAX bytes. Pure; thread-safe.
 */
#ifndef BASE_TOKEN_H
#define BASE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_MAX = 64 };

/* Is it such a text, without any space? */
bool token_is_id(const char *text, size_t size);

/* The same, but spaces may stand within it, one at a time. */
bool token_is_title(const char *text, size_t size);

#endif
