/* name.h - domain and host names as the feed writes them
 *
 * A-labels, lower case, without a trailing dot. Pure; thread-safe.
 */
#ifndef SUBSCRIBER_NAME_H
#define SUBSCRIBER_NAME_H

#include <stdbool.h>

/* Labels of lower-case letters, digits, hyphens and underscores, 1 to 63 bytes each, 253 together. */
bool name_is_valid(const char *name);

/* `name` is `above`, or lies below it. Both valid names. */
bool name_is_in(const char *name, const char *above);

/* ASCII capitals to small letters, and one trailing dot off. */
void name_normalise(char *name);

#endif
