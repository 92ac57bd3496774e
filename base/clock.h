/* clock.h - the time, read once and passed on
 *
 * Nothing below a thread's main loop asks for the time: it is given a reading. A test makes readings of its own.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum {
	CLOCK_BOOT_ID_SIZE = 37,
	CLOCK_MOMENT_US = 200, /* the clocks of one reading are mostly read within this */
};

struct clock_reading {
	int64_t wall_us;      /* since 1970, UTC: CLOCK_REALTIME. May step. */
	int64_t monotonic_us; /* CLOCK_MONOTONIC: never steps back, stands still in suspend */
	int64_t boottime_us;  /* CLOCK_BOOTTIME: as monotonic, but goes on in suspend */
};

/* All three clocks at one moment: read again, a few times, if the thread lost the processor in between, so that what is
 * in order by one clock is, but for CLOCK_MOMENT_US, in order by the others. No system call where the kernel's vDSO serves them. */
void clock_read(struct clock_reading *reading);

int64_t clock_monotonic_us(void);

/* The kernel's id of this boot, as text; an empty text if it can't be read. */
void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE]);

/* Sleeps on CLOCK_MONOTONIC; a signal may end it early. */
void clock_sleep_us(int64_t microseconds);

#endif
