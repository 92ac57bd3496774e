/* complaint.h - where a function says what is wrong with what the user gave it */
#ifndef SUBSCRIBER_COMPLAINT_H
#define SUBSCRIBER_COMPLAINT_H

#include <stddef.h>

struct complaint {
	const char *path; /* of the file it is about; NULL: none */
	char *text;       /* of `size` bytes; may be NULL if that is 0 */
	size_t size;
};

/* Writes "PATH: ", if there is a path, and the words, made printable (printable.h) and cut to fit. Returns `result`. */
int complain(const struct complaint *to, int result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
