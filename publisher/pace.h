/* pace.h - lets libzmq send before it is given more
 *
 * A PUB socket takes all that it is given at once, and keeps it for each subscriber: up to high_water_mark messages, 192
 * bytes each beside the message itself. In a burst that is more than a sender's memory once there are some hundred
 * subscribers, however fast they read. So whoever gives it a burst waits now and then; not for ever, since what strangers
 * who read nothing hold on to does not get less by waiting.
 * Any thread; no state.
 */
#ifndef PUBLISHER_PACE_H
#define PUBLISHER_PACE_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the process has allocated, if its data are larger than `over`: that takes a look of some microseconds, and
 * only then what of it is in use is counted. Else, and where it can't be known, 0. */
size_t pace_used(size_t over);

/* Waits until that is `most` or less; no longer than it becomes less at least every `wait_ms`, nor than `longest_ms`. False:
 * it is still more. */
bool pace_wait(size_t most, int wait_ms, int longest_ms);

#endif
