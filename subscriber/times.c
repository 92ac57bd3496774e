#include "subscriber/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, FRACTION_MAX = 3 };

/* Up to three digits behind a dot. */
static bool read_fraction(const char **at, int64_t *ms)
{
	static const int64_t places[FRACTION_MAX] = {100, 10, 1};
	size_t digits = 0;
	*ms = 0;
	if (**at != '.')
		return true;
	for (++*at; **at >= '0' && **at <= '9'; ++*at, digits++) {
		if (digits == FRACTION_MAX)
			return false;
		*ms += (**at - '0') * places[digits];
	}
	return digits > 0;
}

bool times_read(const char *text, int64_t *ms)
{
	struct tm utc = {0};
	int64_t fraction;
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	if (!at || !read_fraction(&at, &fraction) || strcmp(at, "Z") != 0)
		return false;
	*ms = (int64_t)timegm(&utc) * 1000 + fraction;
	return *ms >= 0;
}

void times_write(int64_t ms, char text[TIMES_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	text[0] = '\0';
	if (!gmtime_r(&seconds, &utc))
		return;
	size_t size = strftime(text, TIMES_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	if (ms % 1000)
		snprintf(text + size, TIMES_SIZE - size, ".%03dZ", (int)(ms % 1000));
	else
		snprintf(text + size, TIMES_SIZE - size, "Z");
}

void times_write_age(int64_t seconds, char text[TIMES_SIZE])
{
	if (seconds < 2 * MINUTE_S)
		snprintf(text, TIMES_SIZE, "%" PRId64 " s", seconds);
	else if (seconds < 2 * HOUR_S)
		snprintf(text, TIMES_SIZE, "%" PRId64 " min", seconds / MINUTE_S);
	else if (seconds < 2 * DAY_S)
		snprintf(text, TIMES_SIZE, "%" PRId64 " h", seconds / HOUR_S);
	else
		snprintf(text, TIMES_SIZE, "%" PRId64 " days", seconds / DAY_S);
}
