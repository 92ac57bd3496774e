/* differences.h - what of a process is not as it was, said in words */
#ifndef GUEST_DIFFERENCES_H
#define GUEST_DIFFERENCES_H

#include <stdbool.h>
#include <stdio.h>

/* Writes the lines of `before` and `after` that differ, each with `when`. That descriptors of `before`, which are its last
 * lines, are not in `after` is no difference: with the tap open nobody looks at them. False: there is no difference. Not
 * thread-safe. */
bool differences_write(FILE *out, const char *when, const char *before, const char *after);

#endif
