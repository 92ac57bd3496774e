/* worker_tap.h - the tap of one configuration file in one worker
 *
 * Purpose: however many servers name a file, each worker opens it once. One that can't be opened harms nobody:
 *          connections are served untapped, the error log says so, and the worker tries again.
 * Owner:   nginx's configuration, whose pool it lies in. The master merely notes names; init_process opens, and
 *          exit_process closes.
 * Threads: the worker's only one. The tap has its own, which never call into here.
 * Reload:  new workers have taps of their own, of what lies at both paths then. Old ones keep theirs. */

#ifndef EPPTAP_NGINX_WORKER_TAP_H
#define EPPTAP_NGINX_WORKER_TAP_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "plugin/hosts/tap_library.h"

struct worker_tap {
	ngx_str_t config;                /* the file's full path, with a NUL behind it */
	const ngx_str_t *library;        /* likewise; epptap.so */
	const struct tap_library *calls; /* of epptap.so, once that is loaded */
	struct epptap *handle;           /* NULL: not open. Sessions that begin now are not seen */
	ngx_queue_t sessions;            /* those that are seen: see session.c */
	ngx_uint_t unseen;               /* how many sessions are under way that are not */
	ngx_msec_t last_told; /* when the error log was last told of a session that isn't */
	ngx_event_t retry;
	ngx_connection_t nobody; /* nginx's timers want a connection to name in the debug log */
	char refusal[1024];      /* why it couldn't be opened, as last told */
	time_t refused;          /* and when */
};

/* Opens it, in a worker that has no threads of its own yet. On failure the error log is told, and it is tried again
 * every ten seconds, which does not keep the worker from ending. May wait for a disk. */
void worker_tap_open(struct worker_tap *tap, ngx_cycle_t *cycle);

/* Closes it: what was seen is made durable, and published as far as that goes in drain_ms. No stream may be left. */
void worker_tap_close(struct worker_tap *tap, unsigned drain_ms);

/* May the error log be told of what can happen to each session? Once in ten seconds: it must not fill the disk. */
bool worker_tap_may_tell(struct worker_tap *tap);

#endif
