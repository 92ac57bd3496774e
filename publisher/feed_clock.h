/* feed_clock.h - the one time line on which delays run
 *
 * Held events need a time that survives restarts and reboots and that nobody can turn. Within one boot of the machine
 * CLOCK_BOOTTIME alone moves it, whatever the wall clock does; over a reboot it moves by what the wall clock says has
 * passed, and never back. It stands in the feed store, written with each commit.
 */
#ifndef PUBLISHER_FEED_CLOCK_H
#define PUBLISHER_FEED_CLOCK_H

#include "base/clock.h"

#include <stdint.h>

/* Where the time line stood when it was last looked at; as it stands in the store. */
struct feed_clock {
	int64_t feed_ms; /* milliseconds on the time line; from 0 when the store was made */
	int64_t boottime_ms;
	int64_t wall_ms;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	char unused[3];
};

/* Moves it on to `now`, which was read in the boot `boot_id`, and returns the feed time in milliseconds. */
int64_t feed_clock_advance(struct feed_clock *clock, const struct clock_reading *now,
			   const char boot_id[CLOCK_BOOT_ID_SIZE]);

#endif
