/* frames.h - EPP over TCP (RFC 5734): a length of four bytes, most significant first, that counts
 * itself; then XML
 *
 * Works on an established TLS connection, which the caller owns. Blocks for as long as the
 * socket's time limits allow.
 */
#ifndef REFEPP_FRAMES_H
#define REFEPP_FRAMES_H

#include "conformance/refepp/text.h"

#include <openssl/ssl.h>
#include <stdbool.h>

enum { FRAME_LIMIT = 1024 * 1024 };

/* Reads the next frame's XML into `frame`, in place of what was there. False when the connection
 * is to be closed:
 * the other end closed it, time ran out, or the frame is empty or over FRAME_LIMIT. */
bool frames_read(SSL *tls, struct text *frame);

/* Sends one frame, as one write. False when the connection is to be closed. */
bool frames_write(SSL *tls, const struct text *frame);

#endif
