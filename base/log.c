#include "base/log.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_SIZE = 512, WINDOW_US = 10 * 1000000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t window_start_us;
static unsigned lines_in_window, lines_withheld;

/* May another line be written now? If lines were withheld before it, *withheld says how many. */
static int admitted(unsigned *withheld)
{
	int64_t now_us = clock_monotonic_us();
	pthread_mutex_lock(&lock);
	if (lines_in_window == 0 || now_us - window_start_us > WINDOW_US) {
		window_start_us = now_us;
		lines_in_window = 0;
	}
	int yes = lines_in_window < LOG_BURST;
	if (yes) {
		lines_in_window++;
		*withheld = lines_withheld;
		lines_withheld = 0;
	} else {
		lines_withheld++;
	}
	pthread_mutex_unlock(&lock);
	return yes;
}

static void put(const char *line, int size)
{
	if (size >= LINE_SIZE)
		size = LINE_SIZE - 1;
	ssize_t written = write(STDERR_FILENO, line, (size_t)size);
	(void)written; /* nowhere to complain */
}

static void write_line(const char *level, const char *format, va_list args)
{
	char text[LINE_SIZE - 32], line[LINE_SIZE];
	unsigned withheld = 0;
	if (!admitted(&withheld))
		return;
	if (withheld)
		put(line, snprintf(line, sizeof line,
				   "epptap: warning: %u lines were withheld before this one\n",
				   withheld));
	vsnprintf(text, sizeof text, format, args);
	put(line, snprintf(line, sizeof line, "epptap: %s: %s\n", level, text));
}

#define DEFINE_LEVEL(name, level)                                                                  \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		write_line(level, format, args);                                                   \
		va_end(args);                                                                      \
	}

DEFINE_LEVEL(log_info, "info")
DEFINE_LEVEL(log_warning, "warning")
DEFINE_LEVEL(log_error, "error")
