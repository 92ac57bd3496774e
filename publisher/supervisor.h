/* supervisor.h - keeps epptapd's processes running: one publisher, and one sender for each channel
 *
 * The supervisor itself opens no store, no key and no public socket, and has no threads: it has nothing to fall over.
 * It makes each channel's relay, a socketpair, once, and keeps both ends: so a process that is started again goes on
 * with the ends that its predecessor had, and what was in between stays. A child that ends is started again, at first
 * after 100 ms, then after twice as long each time, 10 s at most; one that has lived for 10 s begins at 100 ms again.
 * When the supervisor dies, its children are killed by the kernel.
 *
 * SIGTERM, SIGINT: the publisher drains, then the senders do, then it is done; a second one: at once. SIGHUP: the
 * config is read anew; a wrong one is told in the log, and the old one stays.
 */
#ifndef PUBLISHER_SUPERVISOR_H
#define PUBLISHER_SUPERVISOR_H

/* Runs until it is told to end. 0: it was, and all is drained; 1: the config is wrong, or a process can't begin by it,
 * as the log says. Blocks signals of the whole process. */
int supervisor_run(const char *config_path);

#endif
