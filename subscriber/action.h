/* action.h - what a change does, in the words that registrars use
 *
 *   create, delete, renew, transfer   that command
 *   restore                           an update that asks for a name back, or reports on it
 *   lock, unlock                      an update that adds, or takes away, what prohibits changes
 *   update                            any other update; of one that locks or unlocks: that it does more than that
 *
 * Of a host the same words. An event may have several: an update that unlocks and moves nameservers is `unlock` and
 * `update`. Pure; thread-safe.
 */
#ifndef SUBSCRIBER_ACTION_H
#define SUBSCRIBER_ACTION_H

#include "subscriber/verify.h"

#include <stdbool.h>
#include <stddef.h>

/* As bits. */
enum action {
	ACTION_CREATE = 1,
	ACTION_DELETE = 2,
	ACTION_RENEW = 4,
	ACTION_TRANSFER = 8,
	ACTION_RESTORE = 16,
	ACTION_LOCK = 32,
	ACTION_UNLOCK = 64,
	ACTION_UPDATE = 128,
};

enum {
	ACTION_LOCKS = ACTION_LOCK | ACTION_UNLOCK,
	ACTION_UPDATES = ACTION_LOCKS | ACTION_UPDATE | ACTION_RESTORE,
	ACTION_WORDS_SIZE = 80, /* bytes of all words, never more */
};

/* The words of an event that is not the tap's own. */
unsigned action_of(const struct event *event);

/* 0: no such word. */
unsigned action_parse(const char *word);

/* "unlock, update" */
void action_write(unsigned actions, char text[ACTION_WORDS_SIZE]);

/* Can what we call `own` be the event? `update` alone stands for any update, whatever it does. */
bool action_fits(unsigned own, unsigned event);

#endif
