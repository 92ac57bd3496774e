/* fetch.h - files of a channel's folder, from a web server or a disk
 *
 * An address is https://HOST/PATH/, http:// of this machine alone (what else comes without TLS is not believed: feed.json
 * and jwks.json are signed by nobody), file:///PATH or a plain path. A name is that of a file within. Servers are held to
 * their certificates, time and size; they may redirect from https to https alone, three times.
 * Owner: whoever opened it; one thread, one file at a time. A connection is kept for the next file.
 */
#ifndef SUBSCRIBER_FETCH_H
#define SUBSCRIBER_FETCH_H

#include "base/buffer.h"
#include "base/result.h"

#include <signal.h>
#include <stddef.h>

enum {
	FETCH_CONNECT_S = 10, /* to be connected, TLS included */
	FETCH_SILENT_S = 20,  /* with less than FETCH_SLOW_BYTES in each of them */
	FETCH_SLOW_BYTES = 100,
	FETCH_WHOLE_S = 120,
	FETCH_REDIRECTS = 3,
	FETCH_ADDRESS_MAX = 1024,
	/* beside the results of fetch_get(): there is no such file, or not yet */
	FETCH_ABSENT = 1,
};

struct fetch;

struct fetch_settings {
	const char *ca_file; /* who may vouch for the server; NULL: whom the system trusts */
	const char *client_cert,
		*client_key; /* PEM files, for servers that ask who we are; both or neither */
	volatile const sig_atomic_t *stop; /* ends a transfer within a second; may be NULL */
};

/* RESULT_OK: *fetch is the caller's, for fetch_close(); nothing was asked for yet. RESULT_CONFIG: the address can't be
 * right; RESULT_NOMEM. If not RESULT_OK, *fetch is NULL and `why` says what is wrong, and what would be right. */
MUST_USE int fetch_open(const char *address, const struct fetch_settings *settings,
			struct fetch **fetch, char *why, size_t why_size);

/* The address as it is used: with a slash at its end, and without a file's name. */
const char *fetch_address(const struct fetch *fetch);

/* Puts the file's bytes into `into`, in the place of what was there; blocks for as long as the limits above let it.
 * RESULT_OK; FETCH_ABSENT; RESULT_FULL: it is larger than into's maximum; RESULT_STORE: it can't be had, maybe later;
 * RESULT_CONFIG: it can't be had until somebody changes something: a certificate, a right; RESULT_TIMEOUT: `stop` is
 * set; RESULT_NOMEM. If not RESULT_OK, `why` says "ADDRESS: what", and `into` is empty. */
MUST_USE int fetch_get(struct fetch *fetch, const char *name, struct buffer *into, char *why,
		       size_t why_size);

void fetch_close(struct fetch **fetch);

#endif
