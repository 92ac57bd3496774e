#include "publisher/crypto_gate.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 1000, PAUSE_NS = 100000 };

static atomic_bool is_shut;
static atomic_uint inside;
static _Atomic pid_t owner;

/* In a forked child nobody is inside, whatever was counted when it was made. */
static void shut(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	atomic_store(&is_shut, true);
	for (int look = 0;
	     look < LOOKS && getpid() == atomic_load(&owner) && atomic_load(&inside) > 0; look++)
		nanosleep(&pause, NULL);
}

static void watch(void)
{
	/* It must not be us who hang a handler on the front end's exit. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	OPENSSL_atexit(shut);
}

void crypto_gate_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	atomic_store(&owner, getpid());
	pthread_once(&once, watch);
}

bool crypto_gate_enter(void)
{
	atomic_fetch_add(&inside, 1);
	if (!atomic_load(&is_shut))
		return true;
	atomic_fetch_sub(&inside, 1);
	return false;
}

void crypto_gate_leave(void)
{
	atomic_fetch_sub(&inside, 1);
}

int crypto_hash(const void *bytes, size_t size, uint8_t hash[CRYPTO_HASH_SIZE])
{
	if (!crypto_gate_enter())
		return RESULT_NOMEM;
	bool good = EVP_Digest(bytes, size, hash, NULL, EVP_sha256(), NULL) == 1;
	crypto_gate_leave();
	return good ? RESULT_OK : RESULT_NOMEM;
}
