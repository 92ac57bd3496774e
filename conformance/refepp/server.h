/* server.h - the listening socket, and a thread for each connection
 *
 * At most SERVER_MAX_CONNECTIONS at a time; a further one is closed without a greeting. A
 * handshake may take ten seconds, a silence ten minutes, a client that does not read ten seconds.
 * Owner: main()'s thread makes, runs and frees it; server_stop() is for any thread.
 */
#ifndef REFEPP_SERVER_H
#define REFEPP_SERVER_H

#include "conformance/refepp/session.h"

#include <stddef.h>

enum { SERVER_MAX_CONNECTIONS = 200 };

struct server;

/* Listens on `address`, ADDRESS:PORT with a numeric address (IPv6 in brackets); port 0 is a free
 * one. `house` outlives the server. NULL on failure: then `why` says what, where, and what would
 * be right. */
struct server *server_new(const char *address, struct session_house *house, char *why,
			  size_t why_size);

/* Where it listens, with the port it got: 127.0.0.1:43210 */
const char *server_address(const struct server *server);

/* Serves until server_stop(), then until the last connection is done with the command it is at:
 * connections get two seconds for that before they are cut. */
void server_run(struct server *server);

/* Makes server_run() come to its end. */
void server_stop(struct server *server);

/* Frees it and sets NULL; accepts NULL. */
void server_free(struct server **server);

#endif
