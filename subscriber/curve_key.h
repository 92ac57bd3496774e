/* curve_key.h - CURVE keys in files: one line of 40 z85 characters
 *
 * Reads block as a file does. Keys are copied to the caller, who wipes the secret one after use.
 */
#ifndef SUBSCRIBER_CURVE_KEY_H
#define SUBSCRIBER_CURVE_KEY_H

#include "base/result.h"

#include <stddef.h>

enum { CURVE_KEY_SIZE = 41 }; /* with its NUL */

/* The public key in `path`. RESULT_CONFIG: `why` says what is wrong and what would be right; it never holds bytes of
 * the file. RESULT_NOMEM likewise. */
MUST_USE int curve_key_read_public(const char *path, char key[CURVE_KEY_SIZE], char *why,
				   size_t why_size);

/* The secret key in `path`, and the public key that belongs to it. A file that others can use is refused. Results
 * as above; then nothing of the secret is left in `secret`. */
MUST_USE int curve_key_read_secret(const char *path, char secret[CURVE_KEY_SIZE],
				   char public[CURVE_KEY_SIZE], char *why, size_t why_size);

/* A new pair of keys, for a server that takes every client. RESULT_OK; RESULT_CONFIG: libzmq lacks CURVE. */
MUST_USE int curve_key_make(char secret[CURVE_KEY_SIZE], char public[CURVE_KEY_SIZE]);

#endif
