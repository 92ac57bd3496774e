/* values.h - the typed values of EPP elements, from text
 *
 * Pure. Each takes `size` bytes, drops blanks around them, and returns RESULT_OK or RESULT_INVALID; when it
 * refuses, what it writes to is as before (but for the bytes of hex and base64, which may be half written).
 */
#ifndef EPPPARSE_VALUES_H
#define EPPPARSE_VALUES_H

#include "eppparse/change.h"

/* A decimal number from 0 to `max`, maybe with a plus sign. */
MUST_USE int value_number(const char *text, size_t size, uint32_t max, uint32_t *number);

/* XML Schema's boolean: true, false, 1, 0. */
MUST_USE int value_boolean(const char *text, size_t size, bool *yes);

/* Hex or base64, blanks anywhere; at most `room` bytes, at least one. *written is how many. */
MUST_USE int value_hex(const char *text, size_t size, uint8_t *bytes, size_t room, size_t *written);
MUST_USE int value_base64(const char *text, size_t size, uint8_t *bytes, size_t room,
			  size_t *written);

/* Is the record whole, and its digest or key as long as its type or algorithm makes it (RFC 4034, and the registries of
 * IANA)? Of one that is not known here, any length will do. */
bool value_ds_is_whole(const struct change_ds *ds);
bool value_key_is_whole(const struct change_key *key);

/* An IP address. Which family it is of, its text says: what frames declare is often left out, or wrong. */
MUST_USE int value_address(const char *text, size_t size, struct change_address *address);

/* XML Schema's dateTime or date, with or without a time zone (none: UTC), as seconds since 1970. */
MUST_USE int value_date(const char *text, size_t size, int64_t *seconds);

#endif
