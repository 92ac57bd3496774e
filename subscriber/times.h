/* times.h - times as people and programs write them (RFC 3339, UTC) */
#ifndef SUBSCRIBER_TIMES_H
#define SUBSCRIBER_TIMES_H

#include <stdbool.h>
#include <stdint.h>

enum { TIMES_SIZE = 32 };

/* "2026-11-27T21:00:00Z", or with one to three decimals, as milliseconds since 1970. False: it is none of these. */
bool times_read(const char *text, int64_t *ms);

/* The same, the other way; with milliseconds only if there are any. */
void times_write(int64_t ms, char text[TIMES_SIZE]);

/* "3 s", "12 min", "5 h", "3 days": how long that is, for people. */
void times_write_age(int64_t seconds, char text[TIMES_SIZE]);

#endif
