#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_SIZE = 512, WINDOW_US = 10 * 1000000 };

enum { FACILITY_DAEMON = 3 << 3, SEVERITY_ERROR = 3, SEVERITY_WARNING = 4 }; /* RFC 3164 */

const char *log_syslog_socket = "/dev/log";

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

enum way { TO_STDERR, TO_JOURNAL, TO_SYSLOG };

/* What log_begin() found. */
static struct {
	bool known;
	bool forced; /* the environment decides, whatever happens to stderr */
	enum way way;
	dev_t device; /* of stderr */
	ino_t inode;
} origin;

/* Is it the stream that systemd connected to the journal? Its variable says "device:inode". */
static bool is_journal(const struct stat *now)
{
	char expected[64];
	const char *stream = secure_getenv("JOURNAL_STREAM");
	snprintf(expected, sizeof expected, "%ju:%ju", (uintmax_t)now->st_dev,
		 (uintmax_t)now->st_ino);
	return stream && strcmp(stream, expected) == 0;
}

static bool is_dev_null(const struct stat *now)
{
	return S_ISCHR(now->st_mode) && now->st_rdev == makedev(1, 3);
}

void log_begin(void)
{
	struct stat now = {0};
	const char *wish = secure_getenv("EPPTAP_LOG");
	bool there = fstat(STDERR_FILENO, &now) == 0;
	pthread_mutex_lock(&lock);
	origin.known = true;
	origin.device = now.st_dev;
	origin.inode = now.st_ino;
	origin.way = !there || is_dev_null(&now) ? TO_SYSLOG
		     : is_journal(&now)          ? TO_JOURNAL
						 : TO_STDERR;
	origin.forced = wish && (strcmp(wish, "syslog") == 0 || strcmp(wish, "stderr") == 0);
	if (origin.forced && strcmp(wish, "syslog") == 0)
		origin.way = TO_SYSLOG;
	else if (origin.forced && origin.way == TO_SYSLOG)
		origin.way = TO_STDERR;
	pthread_mutex_unlock(&lock);
}

/* Where a line goes now. */
static enum way choose_way(void)
{
	struct stat now;
	pthread_mutex_lock(&lock);
	enum way way = origin.known ? origin.way : TO_STDERR;
	bool changed = origin.known && !origin.forced && way != TO_SYSLOG &&
		       (fstat(STDERR_FILENO, &now) != 0 || now.st_dev != origin.device ||
			now.st_ino != origin.inode);
	pthread_mutex_unlock(&lock);
	return changed ? TO_SYSLOG : way;
}

/* Writes with SIGPIPE blocked, and takes it back if the write raised it; not at all if it would have to wait. False: it
 * can't be known whether it would. */
static bool put_stderr(const char *line, size_t size)
{
	static const struct timespec at_once;
	sigset_t pipe_signal, before, pending;
	struct pollfd poller = {.fd = STDERR_FILENO, .events = POLLOUT};
	int ready = poll(&poller, 1, 0);
	if (ready != 1 || !(poller.revents & POLLOUT))
		return ready >= 0;
	sigemptyset(&pending);
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	ssize_t written = write(STDERR_FILENO, line, size);
	if (written < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_signal, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return true;
}

static void put_syslog(const char *line, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	snprintf(address.sun_path, sizeof address.sun_path, "%s", log_syslog_socket);
	/* Without a daemon, or with one that is busy, there is nobody to tell: the line is dropped. */
	ssize_t sent = sendto(fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&address, sizeof address);
	(void)sent;
	close(fd);
}

/* To syslog; also what can't go to stderr, whose reader is then nobody. */
static void tell_syslog(int severity, const char *level, const char *text)
{
	char line[LINE_SIZE];
	int size = snprintf(line, sizeof line, "<%d>epptap[%ld]: %s: %s",
			    FACILITY_DAEMON | severity, (long)getpid(), level, text);
	put_syslog(line, (size_t)size);
}

static void put(int severity, const char *text)
{
	char line[LINE_SIZE];
	const char *level = severity == SEVERITY_ERROR ? "error" : "warning";
	enum way way = choose_way();
	int size;
	if (way == TO_JOURNAL)
		size = snprintf(line, sizeof line, "<%d>epptap: %s: %s\n", severity, level, text);
	else
		size = snprintf(line, sizeof line, "epptap: %s: %s\n", level, text);
	if (way == TO_SYSLOG || !put_stderr(line, (size_t)size))
		tell_syslog(severity, level, text);
}

static void write_line(int severity, const char *format, va_list args)
{
	char text[LINE_SIZE - 64]; /* so that what stands before and behind it fits */
	unsigned withheld = 0;
	if (!admitted(&withheld))
		return;
	if (withheld) {
		snprintf(text, sizeof text, "%u lines were withheld before this one", withheld);
		put(SEVERITY_WARNING, text);
	}
	vsnprintf(text, sizeof text, format, args);
	put(severity, text);
}

#define DEFINE_LEVEL(name, severity)                                                               \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		write_line(severity, format, args);                                                \
		va_end(args);                                                                      \
	}

DEFINE_LEVEL(log_warning, SEVERITY_WARNING)
DEFINE_LEVEL(log_error, SEVERITY_ERROR)
