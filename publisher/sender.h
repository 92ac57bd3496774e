/* sender.h - the process that has one channel's public socket
 *
 * Under epptapd each channel has one. It takes the channel's messages from the publisher (relay.h), binds the channel's
 * PUB socket, and asks the door who may connect. It opens no feed store, no signing key and no file of state_dir; the
 * worst that a stranger can do through libzmq is to end it, and then it is started again.
 */
#ifndef PUBLISHER_SENDER_H
#define PUBLISHER_SENDER_H

#include "base/config.h"
#include "publisher/scoreboard.h"

/* Runs until SIGTERM, which must be blocked; then sends what `fd` still holds, and returns 0. `fd` is the reading end
 * of the channel's relay. A port that is taken is tried again. Returns 1 if it can't begin, said in the log: a key or a
 * folder of keys can't be used. Changes limits of the whole process. */
int sender_run(const struct config *config, size_t channel, int fd, struct score *score);

#endif
