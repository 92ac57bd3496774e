/* log.h - lines for the operator, on stderr
 *
 * A line is "epptap: <level>: <what>". It never holds bytes of a frame, a key or a contact: callers pass constant
 * formats with names from the config, numbers and system errors. At most LOG_BURST lines in ten seconds; the rest
 * are counted, and told in one line when the next may be written.
 * Thread-safe. A guest must not be harmed by what its host has at descriptor 2: a line that would have to wait (a full
 * pipe) is dropped, one into a closed pipe raises no SIGPIPE, and when the descriptor is no longer what it was at
 * log_begin(), nothing is written to it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum { LOG_BURST = 20 };

/* Remembers what stderr is. Without it, whatever is at descriptor 2 counts as stderr. */
void log_begin(void);

void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
