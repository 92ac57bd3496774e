/* session.h - one connection through nginx, shown to the tap as bytes
 *
 * Purpose: each buffer that nginx passes on, in either direction, is shown to the tap before it goes on: a command
 *          before the back end has it, a response before the registrar has.
 * Owner:   the connection's pool, whose cleanup ends the stream. A session begins with its first byte; one that begins
 *          while the tap is not open is not seen to its end, since the tap could not know whose it is.
 * Threads: the worker's only one. None of these calls waits, and none changes a buffer. */

#ifndef EPPTAP_NGINX_SESSION_H
#define EPPTAP_NGINX_SESSION_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>

#include "plugin/nginx/worker_tap.h"

extern ngx_module_t ngx_stream_epptap_module; /* a session is its context of the stream session */

/* Shows what is in the buffers to `tap`, which may not be open. Never fails: what is not seen is told by the tap in the
 * feed, or in the error log. */
void session_show(ngx_stream_session_t *s, struct worker_tap *tap, const ngx_chain_t *chain,
		  bool from_upstream);

/* Ends the streams of all sessions that are still under way: the worker ends, and won't see how they do. */
void session_end_all(struct worker_tap *tap);

#endif
