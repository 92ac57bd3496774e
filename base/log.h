/* log.h - lines for the operator, on stderr or to the local syslog
 *
 * A line is "epptap: <level>: <what>". It never holds bytes of a frame, a key or a contact: callers pass constant
 * formats with names from the config, numbers and system errors. At most LOG_BURST lines in ten seconds; the rest
 * are counted, and told in one line when the next may be written.
 *
 * Where it goes is decided at log_begin(), and once more with each line:
 *   - EPPTAP_LOG=syslog or =stderr in the environment decides.
 *   - Else to stderr: that is nginx's and Apache's error log, a terminal, a container's log. If it is the stream that
 *     systemd connected to the journal (JOURNAL_STREAM), the line begins with its priority, such as "<4>".
 *   - To the local syslog, facility daemon, if nobody reads stderr: it is closed, or /dev/null (PHP-FPM's workers,
 *     daemons that detach), or no longer what it was at log_begin() (a daemon that put something else at descriptor 2).
 *
 * Thread-safe, and a good guest: a line that would have to wait (a full pipe, a busy syslog daemon, or none) is
 * dropped, and one into a closed pipe raises no SIGPIPE. syslog(3) is not used: it may wait for the daemon, and its
 * connection, name and facility belong to the whole process, so to the host. Each line has a socket of its own
 * instead: no descriptor stays open that the host could close and give to somebody else.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum { LOG_BURST = 20 };

/* The local syslog's datagram socket: "/dev/log". A test puts one of its own here. */
extern const char *log_syslog_socket;

/* Looks at stderr and the environment. Without it, whatever is at descriptor 2 counts as stderr. */
void log_begin(void);

void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
