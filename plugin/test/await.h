/* await.h - waiting for what another thread does. cmocka's header comes before */
#ifndef PLUGIN_TEST_AWAIT_H
#define PLUGIN_TEST_AWAIT_H

#include "plugin/test/scratch.h"

#include <unistd.h>

/* Until it is true, looked at each millisecond; fails after ten seconds, and more on a busy machine. */
#define AWAIT(condition)                                                                           \
	do {                                                                                       \
		for (int tries = 0; !(condition); tries++) {                                       \
			assert_in_range(tries, 0, 10000);                                          \
			usleep(1000);                                                              \
		}                                                                                  \
	} while (0)

/* Until there are so many threads, or fewer: one that was joined may still be on its way out. */
#define AWAIT_THREADS(most) AWAIT(scratch_count("/proc/self/task") <= (most))

#endif
