#include "conformance/refepp/dates.h"

#include <time.h>

int64_t dates_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct tm calendar(int64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts = {0};

	gmtime_r(&seconds, &parts);
	return parts;
}

void dates_format(int64_t time_ms, char text[DATES_SIZE])
{
	struct tm parts = calendar(time_ms);

	strftime(text, DATES_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void dates_format_day(int64_t time_ms, char text[DATES_SIZE])
{
	struct tm parts = calendar(time_ms);

	strftime(text, DATES_SIZE, "%Y-%m-%d", &parts);
}

int64_t dates_add_months(int64_t time_ms, unsigned months)
{
	struct tm parts = calendar(time_ms);
	int day = parts.tm_mday;

	parts.tm_mon += (int)months;
	(void)timegm(&parts);
	if (parts.tm_mday != day)
		parts.tm_mday = 0;
	return (int64_t)timegm(&parts) * 1000 + time_ms % 1000;
}
