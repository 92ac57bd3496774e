/* crypto_gate.h - no call of OpenSSL's may be under way when a front end's exit takes OpenSSL down
 *
 * A front end that uses OpenSSL itself, or brings one that our calls are bound to as Node.js does, has OPENSSL_cleanup()
 * called by exit(), while our threads go on if nobody closed the tap: what they call then crashes. So each call, or group
 * of calls, stands between crypto_gate_enter() and crypto_gate_leave(), and is left out once the gate is shut.
 * OPENSSL_cleanup() shuts it, and waits for those inside: for the microseconds of a hash or a signature, 100 ms at most.
 *
 * Threads: any. Costs two atomic additions.
 */
#ifndef PUBLISHER_CRYPTO_GATE_H
#define PUBLISHER_CRYPTO_GATE_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has OpenSSL shut the gate; once is enough, more do no harm. Before anything else of OpenSSL's. */
void crypto_gate_watch(void);

/* May OpenSSL be called? If so, crypto_gate_leave() must follow. May be nested. */
MUST_USE bool crypto_gate_enter(void);
void crypto_gate_leave(void);

/* SHA-256 of the bytes, behind the gate. RESULT_OK or RESULT_NOMEM: OpenSSL can't, or is not to be called any more. */
enum { CRYPTO_HASH_SIZE = 32 };
MUST_USE int crypto_hash(const void *bytes, size_t size, uint8_t hash[CRYPTO_HASH_SIZE]);

#endif
