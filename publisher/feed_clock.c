#include "publisher/feed_clock.h"

#include <string.h>

int64_t feed_clock_advance(struct feed_clock *clock, const struct clock_reading *now,
			   const char boot_id[CLOCK_BOOT_ID_SIZE])
{
	int64_t boottime_ms = now->boottime_us / 1000, wall_ms = now->wall_us / 1000;
	int64_t passed_ms = 0;
	if (strcmp(clock->boot_id, boot_id) == 0)
		passed_ms = boottime_ms - clock->boottime_ms;
	else if (clock->boot_id[0])
		passed_ms = wall_ms - clock->wall_ms;
	if (passed_ms > 0)
		clock->feed_ms += passed_ms;
	clock->boottime_ms = boottime_ms;
	clock->wall_ms = wall_ms;
	memcpy(clock->boot_id, boot_id, CLOCK_BOOT_ID_SIZE);
	return clock->feed_ms;
}
