/* look.h - the whole of what a plugin must leave alone in a process that uses libxml2 and OpenSSL, too */
#ifndef GUEST_LOOK_H
#define GUEST_LOOK_H

/* guest_state() and libraries_write() as one text of lines, to be freed. The first look changes what looking itself does:
 * whoever compares looks once before. Not thread-safe; some of it is the calling thread's own. */
char *guest_look(void);

#endif
