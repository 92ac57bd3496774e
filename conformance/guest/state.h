/* state.h - what a plugin must leave alone in the process that loads it
 *
 * Asked before and after, and compared: each is a text of lines that say what is what. Not thread-safe.
 */
#ifndef GUEST_STATE_H
#define GUEST_STATE_H

/* Signal handlers and what this thread blocks, locale, umask, environment, working directory, limits, priority,
 * timers, what prctl() tells, rounding. For hosts of any language, which load this as a shared object. */
const char *guest_state(void);

#endif
