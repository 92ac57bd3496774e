#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
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

/* What stderr was at log_begin(). */
static struct {
	bool known;
	bool there; /* it was open at all */
	dev_t device;
	ino_t inode;
} origin;

void log_begin(void)
{
	struct stat now;
	pthread_mutex_lock(&lock);
	origin.there = fstat(STDERR_FILENO, &now) == 0;
	if (origin.there) {
		origin.device = now.st_dev;
		origin.inode = now.st_ino;
	}
	origin.known = true;
	pthread_mutex_unlock(&lock);
}

/* Is descriptor 2 still what it was, and would a line go into it without waiting? */
static bool may_write(void)
{
	struct stat now;
	struct pollfd poller = {.fd = STDERR_FILENO, .events = POLLOUT};
	pthread_mutex_lock(&lock);
	bool same = !origin.known || (origin.there && fstat(STDERR_FILENO, &now) == 0 &&
				      now.st_dev == origin.device && now.st_ino == origin.inode);
	pthread_mutex_unlock(&lock);
	return same && poll(&poller, 1, 0) == 1 && poller.revents & POLLOUT;
}

/* Writes with SIGPIPE blocked, and takes it back if the write raised it. */
static void put(const char *line, int size)
{
	static const struct timespec at_once;
	sigset_t pipe_signal, before, pending;
	if (!may_write())
		return;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	ssize_t written =
		write(STDERR_FILENO, line, (size_t)(size < LINE_SIZE ? size : LINE_SIZE - 1));
	if (written < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_signal, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
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

DEFINE_LEVEL(log_warning, "warning")
DEFINE_LEVEL(log_error, "error")
