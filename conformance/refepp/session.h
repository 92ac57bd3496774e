/* session.h - one EPP connection: greeting, login, commands in order, logout
 *
 * Runs in the connection's own thread, from handshake to goodbye; blocks for as long as the
 * socket's time limits allow.
 * Commands are answered one by one, in order, so a client may send many without waiting.
 */
#ifndef REFEPP_SESSION_H
#define REFEPP_SESSION_H

#include "conformance/refepp/engine.h"
#include "conformance/refepp/users.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

/* What all sessions share. */
struct session_house {
	struct engine *engine;
	struct users *users;
	SSL_CTX *tls;
	atomic_bool stopping; /* a session ends after the command it is at */
};

/* Serves the connected socket until either side ends it. The socket stays the caller's. */
void session_serve(struct session_house *house, int fd);

#endif
