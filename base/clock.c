#include "base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRIES_MOST = 8 };

static int64_t read_us(clockid_t which)
{
	struct timespec now;
	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_read(struct clock_reading *reading)
{
	int64_t after_us = read_us(CLOCK_MONOTONIC);
	for (unsigned tries = 0; tries < TRIES_MOST; tries++) {
		reading->monotonic_us = after_us;
		reading->wall_us = read_us(CLOCK_REALTIME);
		reading->boottime_us = read_us(CLOCK_BOOTTIME);
		after_us = read_us(CLOCK_MONOTONIC);
		if (after_us - reading->monotonic_us <= CLOCK_MOMENT_US)
			return;
	}
}

int64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE])
{
	memset(id, 0, CLOCK_BOOT_ID_SIZE);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t size = read(fd, id, CLOCK_BOOT_ID_SIZE - 1);
	if (size != CLOCK_BOOT_ID_SIZE - 1)
		id[0] = '\0';
	close(fd);
}

void clock_sleep_us(int64_t microseconds)
{
	struct timespec span = {.tv_sec = microseconds / 1000000,
				.tv_nsec = microseconds % 1000000 * 1000};
	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}
