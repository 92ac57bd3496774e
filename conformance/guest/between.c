/* between.c - what a server's module loads in place of epptap.so, to see what each call does to the server's process
 *
 * A shared object that passes each call on to the file REAL, looks at the process before and after it, and appends to the
 * file TOLD a line for each: its name, and "same"; or one for each difference. Both are set when it is compiled. Calls
 * come one after the other, from whichever threads: what one finds changed was changed by it, or by the tap's threads
 * meanwhile.
 */
#include "conformance/guest/differences.h"
#include "conformance/guest/look.h"
#include "plugin/epptap.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef REAL /* whoever only looks at it, as linters do */
#define REAL "epptap.so"
#define TOLD "told"
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *before;

/* A call of the real one. */
static void *real(const char *name)
{
	static void *library;
	if (!library)
		library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	void *call = library ? dlsym(library, name) : NULL;
	if (!call)
		abort(); /* the test is wrong */
	return call;
}

static void begin(void)
{
	pthread_mutex_lock(&lock);
	free(guest_look());
	before = guest_look();
}

static void end(const char *name)
{
	char *after = guest_look();
	FILE *told = fopen(TOLD, "ae");
	if (!told)
		abort();
	if (!differences_write(told, name, before, after))
		fprintf(told, "%s: same\n", name);
	fclose(told);
	free(before);
	free(after);
	pthread_mutex_unlock(&lock);
}

/* A call that is passed on, and one that answers nothing. */
#define CALL(type, name, parameters, arguments)                                                    \
	type name parameters                                                                       \
	{                                                                                          \
		begin();                                                                           \
		type answer = ((__typeof__(&name))real(#name))arguments;                           \
		end(#name);                                                                        \
		return answer;                                                                     \
	}
#define CALL_VOID(name, parameters, arguments)                                                     \
	void name parameters                                                                       \
	{                                                                                          \
		begin();                                                                           \
		((__typeof__(&name))real(#name)) arguments;                                        \
		end(#name);                                                                        \
	}

CALL(unsigned, epptap_abi, (void), ())
CALL(const char *, epptap_version, (void), ())
CALL(const char *, epptap_strerror, (int result), (result))
CALL(int, epptap_open, (const char *config, struct epptap **tap, char *why, size_t why_size),
     (config, tap, why, why_size))
CALL(int, epptap_stream_new,
     (struct epptap * tap, const char *registrar, struct epptap_stream **stream),
     (tap, registrar, stream))
CALL(int, epptap_stream_client, (struct epptap_stream * stream, const void *bytes, size_t size),
     (stream, bytes, size))
CALL(int, epptap_stream_server, (struct epptap_stream * stream, const void *bytes, size_t size),
     (stream, bytes, size))
CALL_VOID(epptap_stream_free, (struct epptap_stream * *stream), (stream))
CALL_VOID(epptap_close, (struct epptap * *tap, unsigned drain_ms), (tap, drain_ms))
