/* sign_pool.h - threads that sign a batch of events while their maker does something else
 *
 * Signing is three quarters of an event's cost. The batch keeps its order: each thread takes the next unsigned item.
 * Owner: the publisher's thread; its calls come from that thread alone, begin and wait in turn.
 */
#ifndef PUBLISHER_SIGN_POOL_H
#define PUBLISHER_SIGN_POOL_H

#include "publisher/signing_key.h"

#include <stdbool.h>

struct sign_pool;

/* One thing to sign: "header.payload" in, the JWS out. */
struct sign_job {
	struct buffer jws;
	bool is_signed;
};

/* Starts `threads` threads, all signals blocked. The key is lent. RESULT_OK or RESULT_NOMEM. */
MUST_USE int sign_pool_new(const struct signing_key *key, unsigned threads,
			   struct sign_pool **pool);

/* Hands over jobs[0..count): the caller touches none of them before sign_pool_wait(). */
void sign_pool_begin(struct sign_pool *pool, struct sign_job *jobs, size_t count);

/* Returns when all were tried. False: some could not be signed (no memory, or OpenSSL failed): begin again with the
 * same jobs; those that are signed are left as they are. */
MUST_USE bool sign_pool_wait(struct sign_pool *pool);

/* Ends the threads; what they have not taken yet of a batch stays unsigned. */
void sign_pool_free(struct sign_pool **pool);

#endif
