/* notify.h - tells the service manager how we are (sd_notify)
 *
 * A datagram of NAME=VALUE lines to the socket that NOTIFY_SOCKET names. The systemd manual gives the protocol so that
 * a program can speak it by itself: libsystemd, which half of an init system hangs on, is not worth these few lines.
 * Owner: the supervisor, which has no threads.
 */
#ifndef PUBLISHER_NOTIFY_H
#define PUBLISHER_NOTIFY_H

/* Takes NOTIFY_SOCKET out of the environment: only this process shall speak for the service. Without one, what is said
 * afterwards goes nowhere. */
void notify_begin(void);

/* Sends these lines, such as "READY=1\nSTATUS=..."; never waits. */
void notify_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
