/* watch.h - who calls what changes the whole process
 *
 * watch.c has functions of the names of libc's (signal handlers, exit handlers, locale, umask, environment ...),
 * which the program must export (-rdynamic): a library loaded later is bound to them. Each notes the object that its
 * caller lies in and goes on to libc's own. So what is changed and put back in between is seen too.
 */
#ifndef GUEST_WATCH_H
#define GUEST_WATCH_H

#include <stdio.h>

/* From now on calls are noted; before, and by the program itself, they are not. */
void watch_begin(void);

/* Writes "FUNCTION by OBJECT", a line for each, once. */
void watch_write(FILE *out);

#endif
