/* answers.h - what mod_testepp.c's registry answers to a frame
 *
 * Owner:   a connection: its pool has the objects, and who is logged in.
 * Threads: one at a time.
 */
#ifndef TESTEPP_ANSWERS_H
#define TESTEPP_ANSWERS_H

#include <apr_pools.h>
#include <stdbool.h>

struct answers;

struct answers *answers_new(apr_pool_t *pool);

const char *answers_greeting(void);

/* The response to a frame, out of `pool`; sets *ends if it is the last one. NULL: there will be none. */
const char *answers_to(struct answers *answers, apr_pool_t *pool, const char *frame,
		       apr_size_t size, bool *ends);

#endif
