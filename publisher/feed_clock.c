#include "publisher/feed_clock.h"

#include <string.h>

enum { STEP_MS = 60 * 1000 };

static bool is_boot_of(const struct feed_clock *clock, const char boot_id[CLOCK_BOOT_ID_SIZE])
{
	return strcmp(clock->boot_id, boot_id) == 0;
}

static int64_t passed_ms(const struct feed_clock *clock, const struct clock_reading *now,
			 const char boot_id[CLOCK_BOOT_ID_SIZE])
{
	int64_t passed = 0;
	if (is_boot_of(clock, boot_id))
		passed = now->boottime_us / 1000 - clock->boottime_ms;
	else if (clock->boot_id[0])
		passed = now->wall_us / 1000 - clock->wall_ms;
	return passed > 0 ? passed : 0;
}

int64_t feed_clock_advance(struct feed_clock *clock, const struct clock_reading *now,
			   const char boot_id[CLOCK_BOOT_ID_SIZE])
{
	int64_t passed = passed_ms(clock, now, boot_id), wall_ms = now->wall_us / 1000;
	int64_t expected_ms = clock->wall_ms + passed;
	bool may_be_behind = is_boot_of(clock, boot_id) ? clock->wall_behind : clock->boot_id[0];
	clock->feed_ms += passed;
	clock->boottime_ms = now->boottime_us / 1000;
	clock->wall_behind = may_be_behind && wall_ms < expected_ms;
	clock->wall_ms = clock->wall_behind ? expected_ms : wall_ms;
	memcpy(clock->boot_id, boot_id, CLOCK_BOOT_ID_SIZE);
	return clock->feed_ms;
}

bool feed_clock_has_stepped(const struct feed_clock *clock, const struct clock_reading *now,
			    const char boot_id[CLOCK_BOOT_ID_SIZE])
{
	int64_t ahead_ms = now->wall_us / 1000 - clock->wall_ms - passed_ms(clock, now, boot_id);
	if (!is_boot_of(clock, boot_id))
		return true;
	return ahead_ms > STEP_MS || (ahead_ms < -STEP_MS && !clock->wall_behind);
}
