/* leaves.c - a front end that ends without a close, in one of the ways there are
 *
 *   leaves EPPTAP.SO CONFIG WAY
 *
 * Shows CHANGES changes, waits until they are durable, then shows more on two threads while it ends: by `return`
 * from main, `exit`, `_exit`, `quick_exit`, `exit in a thread`, `main's thread` (ends alone; another closes the
 * tap), `unload` (dlclose() of the library, then exit), `SIGTERM`, or `OPENSSL_cleanup` (called by the host, which
 * then goes on for a while). Exit 0, or by the signal; 1: as stderr says.
 */
#include "conformance/guest/host.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHANGES = 50, SHOWERS = 2, CLOSE_MS = 1000 };

static struct host host;

static void *run_shower(void *first)
{
	const struct timespec pause = {.tv_nsec = 100000};
	for (unsigned number = *(unsigned *)first;; number++) {
		if (host_show(&host, number) != EPPTAP_OK)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

static void *run_exit(void *unused)
{
	exit(EXIT_SUCCESS); /* NOLINT(concurrency-mt-unsafe): what it does is the question */
	return unused;
}

/* The one that closes when main's thread is gone. The showers are cancelled: no call may be under way then. */
static void *run_last(void *showers)
{
	for (int i = 0; i < SHOWERS; i++) {
		pthread_cancel(((pthread_t *)showers)[i]);
		pthread_join(((pthread_t *)showers)[i], NULL);
	}
	host.close(&host.tap, CLOSE_MS);
	return NULL;
}

static int leave(const char *way, const char *plugin, pthread_t *showers)
{
	static const struct timespec while_longer = {.tv_nsec = 100000000};
	pthread_t thread;
	if (strcmp(way, "return") == 0)
		return EXIT_SUCCESS;
	if (strcmp(way, "exit") == 0)
		exit(EXIT_SUCCESS); /* NOLINT(concurrency-mt-unsafe) */
	if (strcmp(way, "_exit") == 0)
		_exit(EXIT_SUCCESS);
	if (strcmp(way, "quick_exit") == 0)
		quick_exit(EXIT_SUCCESS);
	if (strcmp(way, "exit in a thread") == 0) {
		pthread_create(&thread, NULL, run_exit, NULL);
		pthread_join(thread, NULL);
	}
	if (strcmp(way, "main's thread") == 0) {
		pthread_create(&thread, NULL, run_last, showers);
		pthread_exit(NULL);
	}
	if (strcmp(way, "unload") == 0) {
		void *object = dlopen(plugin, RTLD_NOW | RTLD_NOLOAD);
		while (object && dlclose(object) == 0 && dlclose(object) == 0 &&
		       (object = dlopen(plugin, RTLD_NOW | RTLD_NOLOAD)) && dlclose(object) == 0)
			break;
		nanosleep(&while_longer, NULL);
		return EXIT_SUCCESS;
	}
	if (strcmp(way, "SIGTERM") == 0)
		raise(SIGTERM);
	if (strcmp(way, "OPENSSL_cleanup") == 0) {
		OPENSSL_cleanup();
		nanosleep(&while_longer, NULL);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "leaves: \"%s\" is no way\n", way);
	_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	static pthread_t showers[SHOWERS];
	static unsigned first[SHOWERS];
	uint8_t hash[EVP_MAX_MD_SIZE];
	if (argc != 4 || EVP_Digest("abc", 3, hash, NULL, EVP_sha256(), NULL) != 1 ||
	    !host_open(&host, argv[1], argv[2])) {
		fprintf(stderr, "usage: leaves EPPTAP.SO CONFIG WAY\n");
		return EXIT_FAILURE;
	}
	for (unsigned number = 0; number < CHANGES; number++)
		if (host_show(&host, number) != EPPTAP_OK)
			return EXIT_FAILURE;
	if (host.flush(host.tap, HOST_PATIENCE_MS) != EPPTAP_OK)
		return EXIT_FAILURE;
	for (unsigned i = 0; i < SHOWERS; i++) {
		first[i] = 1000 * (i + 1);
		pthread_create(&showers[i], NULL, run_shower, &first[i]);
	}
	return leave(argv[3], argv[1], showers);
}
