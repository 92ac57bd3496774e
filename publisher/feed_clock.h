/* feed_clock.h - the one time line on which delays run
 *
 * Held events need a time that survives restarts and reboots and that nobody can turn. Within one boot of the machine
 * CLOCK_BOOTTIME alone moves it, whatever the wall clock does; over a reboot it moves by what the wall clock says has
 * passed, and never back. It stands in the feed store, written with each commit.
 *
 * A wall clock that comes up behind what it showed before the reboot (1970, for want of a battery) is not believed
 * until it has caught up: if it were, and the machine rebooted again, the step to the right time would release all that
 * is held.
 */
#ifndef PUBLISHER_FEED_CLOCK_H
#define PUBLISHER_FEED_CLOCK_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the time line stood when it was last looked at; as it stands in the store. */
struct feed_clock {
	int64_t feed_ms; /* milliseconds on the time line; from 0 when the store was made */
	int64_t boottime_ms;
	int64_t wall_ms; /* what the wall clock showed, or while it is behind should have shown at least */
	char boot_id[CLOCK_BOOT_ID_SIZE];
	uint8_t wall_behind; /* 1: it went back over a reboot, and has not caught up */
	char unused[2];
};

/* Moves it on to `now`, which was read in the boot `boot_id`, and returns the feed time in milliseconds. */
int64_t feed_clock_advance(struct feed_clock *clock, const struct clock_reading *now,
			   const char boot_id[CLOCK_BOOT_ID_SIZE]);

/* Must it be recorded at `now`, though nothing else happens? So it is after a reboot, and when the wall clock was set
 * by more than a minute: at the next reboot what passes is counted from what it shows now. */
bool feed_clock_has_stepped(const struct feed_clock *clock, const struct clock_reading *now,
			    const char boot_id[CLOCK_BOOT_ID_SIZE]);

#endif
