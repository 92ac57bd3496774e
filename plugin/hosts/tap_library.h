/* tap_library.h - epptap.so as a server's module loads it: in each worker, by itself
 *
 * Purpose: a server's parent process must not map the tap (it forks, and it outlives an upgrade), so a module is not
 *          linked with it. Each worker loads the library that lies there when it starts: a reload of the server is all
 *          that an upgrade of the tap takes.
 * Owner:   the worker. Nothing is unloaded: epptap.so stays until the process ends (see plugin/epptap.h).
 * Threads: load before there are any; from then on the calls are as thread-safe as epptap.h says. */

#ifndef EPPTAP_HOSTS_TAP_LIBRARY_H
#define EPPTAP_HOSTS_TAP_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/epptap.h"

/* The calls that a server's module makes; each is the one of epptap.h that is named so. */
struct tap_library {
	__typeof__(&epptap_version) version;
	__typeof__(&epptap_strerror) strerror;
	__typeof__(&epptap_open) open;
	__typeof__(&epptap_close) close;
	__typeof__(&epptap_stream_new) stream_new;
	__typeof__(&epptap_stream_client) stream_client;
	__typeof__(&epptap_stream_server) stream_server;
	__typeof__(&epptap_stream_free) stream_free;
};

/* Loads `file`. False: why it can't be had is in `why`, of why_size bytes (cut, with its NUL), and nothing of *library
 * may be called. Waits for the disk alone. */
bool tap_library_load(struct tap_library *library, const char *file, char *why, size_t why_size);

#endif
