/* child_tap.h - the tap of one configuration file in one of the server's children
 *
 * Purpose: however many virtual hosts name a file, each child opens it once. That it can't be opened harms nobody: the child
 *          serves untapped, the error log says so, and it is tried again when a later connection begins.
 * Owner:   the child's pool. Its end closes all taps, within seconds, and after that no call here does anything.
 * Threads: child_taps_start() and child_tap_new() are called in child_init, where there is one. The others may be called from
 *          any thread; they wait for nothing, but for the one connection that tries again to open a tap: that may wait for a
 *          disk. The others don't wait for it.
 * Signals: a child of the prefork MPM ends inside of the handler of SIGTERM, wherever that interrupts it. So these signals wait
 *          while a call is under way there; handlers and masks are as before when it returns.
 * Restart: new children have taps of their own, of what lies at the paths then: library and file. Old ones keep theirs. */

#ifndef EPPTAP_APACHE_CHILD_TAP_H
#define EPPTAP_APACHE_CHILD_TAP_H

#include <httpd.h>

#include "plugin/hosts/tap_library.h"

struct child_tap;

/* Before all else, in each child, whose pool it is. `library` is epptap.so's path; it is loaded when it is needed. */
void child_taps_start(apr_pool_t *pool, const char *library);

/* The tap of the file `config`. If it can't be opened now, `server`'s error log is told, and it is tried again later. May wait
 * for a disk. */
struct child_tap *child_tap_new(apr_pool_t *pool, server_rec *server, const char *config);

/* A stream for a connection that begins now; NULL: it goes unseen, and `server`'s error log was told, though not each time. */
struct epptap_stream *child_tap_stream(struct child_tap *tap, server_rec *server);

/* Bytes from the registrar, or to it. What finds no room in the tap is counted, and told in the feed. */
void child_tap_client(struct epptap_stream *stream, const char *bytes, size_t size);
void child_tap_server(struct epptap_stream *stream, const char *bytes, size_t size);

/* The connection is at its end; sets *stream NULL. */
void child_tap_end(struct epptap_stream **stream);

#endif
