/* dates.h - EPP's dates, from milliseconds since 1970 (UTC). Pure functions. */
#ifndef REFEPP_DATES_H
#define REFEPP_DATES_H

#include <stdint.h>

enum { DATES_SIZE = 32 };

/* The wall clock. */
int64_t dates_now_ms(void);

/* 2026-04-03T22:00:00Z; the milliseconds are cut off. */
void dates_format(int64_t time_ms, char text[DATES_SIZE]);

/* 2026-04-03 */
void dates_format_day(int64_t time_ms, char text[DATES_SIZE]);

/* `months` calendar months later; a day that month does not have becomes its last one. */
int64_t dates_add_months(int64_t time_ms, unsigned months);

#endif
