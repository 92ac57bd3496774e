/* log.h - lines for the operator, on stderr
 *
 * A line is "epptap: <level>: <what>". It never holds bytes of a frame, a key or a contact: callers pass constant
 * formats with names from the config, numbers and system errors. At most LOG_BURST lines in ten seconds; the rest
 * are counted, and told in one line when the next may be written. Thread-safe; written with one write(2), which
 * may block if stderr does: never called on the front end's threads after epptap_open().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum { LOG_BURST = 20 };

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
