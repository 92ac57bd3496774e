/* tls.h - TLS 1.2 and later, by OpenSSL: a context for the server, one connection from a socket
 *
 * Owner: whoever asked. The context may be used by all threads, a connection by one.
 */
#ifndef REFEPP_TLS_H
#define REFEPP_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

/* A server's context with certificate chain and key of these PEM files. NULL on failure: `why`
 * says which and why. */
SSL_CTX *tls_context(const char *cert, const char *key, char *why, size_t why_size);

/* Shakes hands on the socket, for as long as its time limits allow. NULL if that failed; the
 * socket stays the caller's. */
SSL *tls_accept(SSL_CTX *context, int fd);

/* Says goodbye and frees the connection, sets NULL; accepts NULL. The socket stays the caller's. */
void tls_close(SSL **tls);

#endif
