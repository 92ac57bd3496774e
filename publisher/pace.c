#include "publisher/pace.h"

#include "base/clock.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 5 };

/* Of the process, in bytes, the free parts of its heap included; 0: not known. */
static size_t data_size(void)
{
	char text[128];
	size_t pages = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t size = read(fd, text, sizeof text - 1);
	close(fd);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	if (sscanf(text, "%*u %*u %*u %*u %*u %zu", &pages) != 1)
		return 0;
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

size_t pace_used(size_t over)
{
	if (data_size() <= over)
		return 0;
	const struct mallinfo2 heap = mallinfo2();
	return heap.uordblks + heap.hblkhd;
}

bool pace_wait(size_t most, int wait_ms, int longest_ms)
{
	int64_t now_us = clock_monotonic_us(), end_us = now_us + (int64_t)longest_ms * 1000;
	int64_t fell_us = now_us;
	size_t used, least = SIZE_MAX;
	while ((used = pace_used(most)) > most && now_us < end_us) {
		if (used < least) {
			least = used;
			fell_us = now_us;
		}
		if (now_us - fell_us >= (int64_t)wait_ms * 1000)
			break;
		clock_sleep_us(LOOK_AGAIN_MS * 1000);
		now_us = clock_monotonic_us();
	}
	return used <= most;
}
