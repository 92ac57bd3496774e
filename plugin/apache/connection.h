/* connection.h - one connection to the server, shown to the tap as bytes, by filters directly above TLS
 *
 * Purpose: what the registrar sent is shown to the tap before the EPP module has it, and what that answers before it goes out.
 *          Nothing is changed, held back or added: to the module and to TLS it is as if the filters were not there.
 * Owner:   the connection's pool, whose end ends the stream.
 * Threads: those of the server; one at a time works on a connection. Nothing waits, but where the filter below, or a bucket
 *          that has to be read anyway, does. */

#ifndef EPPTAP_APACHE_CONNECTION_H
#define EPPTAP_APACHE_CONNECTION_H

#include <httpd.h>

#include "plugin/apache/child_tap.h"

/* Makes the filters known to the server: once, where hooks are registered. */
void connection_register_filters(void);

/* Puts the filters into a connection that begins, in pre_connection; from its first byte on `stream` sees it. */
void connection_tap(conn_rec *connection, struct epptap_stream *stream);

#endif
