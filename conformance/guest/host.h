/* host.h - epptap.so as a front end in C has it: loaded by dlopen(), shown changes, and walked through all its calls
 *
 * Threads: host_show() and the calls themselves from any; the rest from one.
 */
#ifndef GUEST_HOST_H
#define GUEST_HOST_H

#include "plugin/epptap.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

enum { HOST_WHY_SIZE = 1024, HOST_PATIENCE_MS = 60000 };

struct host {
	struct epptap *tap;
	__typeof__(epptap_strerror) *strerror;
	__typeof__(epptap_open) *open;
	__typeof__(epptap_transaction) *transaction;
	__typeof__(epptap_begin) *begin;
	__typeof__(epptap_end) *end;
	__typeof__(epptap_server_change) *server_change;
	__typeof__(epptap_stream_new) *stream_new;
	__typeof__(epptap_stream_client) *stream_client;
	__typeof__(epptap_stream_server) *stream_server;
	__typeof__(epptap_stream_free) *stream_free;
	__typeof__(epptap_flush) *flush;
	__typeof__(epptap_stats) *stats;
	__typeof__(epptap_reload) *reload;
	__typeof__(epptap_close) *close;
};

/* Loads the library. False: it can't be, as stderr says. */
bool host_load(struct host *host, const char *plugin);

/* Loads it and opens the tap. False: as stderr says. */
bool host_open(struct host *host, const char *plugin, const char *config);

/* Waits for a child of ours, and for what it ends with. False: it hangs, and was killed. */
bool host_await(pid_t child, time_t patience_s, int *status);

/* One change: an update of c<number>.example, answered with the svTRID S-<number>. What the call answers. */
int host_show(struct host *host, unsigned number);

/* The same by bytes of a connection, as far as the command, or the answer. */
int host_show_command(struct host *host, struct epptap_stream *stream, unsigned number);
int host_show_answer(struct host *host, struct epptap_stream *stream, unsigned number);

/* Goes through all calls, the ways in which they fail too, but for the last epptap_close(): the tap is open then.
 * `folder` holds epptap.yaml, a copy of it, good.yaml, and bad.yaml, which is none. It shows HOST_WALK_CHANGES
 * changes, and waits until they are durable. False: a call answered what it should not, as stderr says. */
enum { HOST_WALK_CHANGES = 43 };
bool host_walk(struct host *host, const char *folder);

/* Each call but epptap_open() and _close() must answer `expected` to arguments that are good. False: one did not, as
 * stderr says. `stream` was made before. */
bool host_all_answer(struct host *host, struct epptap_stream *stream, int expected);

#endif
