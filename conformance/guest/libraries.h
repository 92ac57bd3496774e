/* libraries.h - the global state of libxml2 and OpenSSL, as this process has it, for who uses them beside a plugin */
#ifndef GUEST_LIBRARIES_H
#define GUEST_LIBRARIES_H

#include <stdbool.h>
#include <stdio.h>

/* Uses both as a program does that has ways of its own with them: handlers and defaults of libxml2's are set, and
 * the last error of each is one of ours. False: it could not. */
bool libraries_use(void);

/* Writes what they have in common for all threads, and what the calling thread has of its own: a line for each. */
void libraries_write(FILE *out);

#endif
