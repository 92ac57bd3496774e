/* spool_watch.h - wakes who reads the spool when somebody writes into it
 *
 * By inotify(7), which is told by the kernel, so that a writer need not know who reads, nor a reader look again and again.
 * Where inotify is not to be had (a filter of system calls, fs.inotify.max_user_instances), the reader looks every few
 * milliseconds: nothing is lost.
 * Owner: the publisher's thread. Never waits. Keeps one descriptor.
 */
#ifndef PUBLISHER_SPOOL_WATCH_H
#define PUBLISHER_SPOOL_WATCH_H

#include "base/result.h"

struct spool_watch;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int spool_watch_new(const char *state_dir, struct spool_watch **watch);
/* Accepts NULL and a pointer to NULL. */
void spool_watch_free(struct spool_watch **watch);

/* A descriptor that is readable once something was written since spool_watch_clear(); -1: there is none now. */
int spool_watch_fd(struct spool_watch *watch);

/* To be called before a look at the spool: what is written from now on makes the descriptor readable. */
void spool_watch_clear(struct spool_watch *watch);

#endif
