#include "conformance/guest/watch.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MOST = 256 };

static struct {
	const char *function, *object;
} notes[NOTES_MOST];
static size_t count;
static atomic_bool begun;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *program;

static const char *object_of(const void *address)
{
	Dl_info found;
	return dladdr(address, &found) && found.dli_fname ? found.dli_fname : "?";
}

void watch_begin(void)
{
	program = object_of((const void *)watch_begin);
	atomic_store(&begun, true);
}

/* Notes that code or data at `address` belongs to who called. */
static void note(const char *function, const void *address)
{
	const char *object = atomic_load(&begun) ? object_of(address) : NULL;
	if (!object || strcmp(object, program) == 0)
		return;
	pthread_mutex_lock(&lock);
	size_t i = 0;
	while (i < count && (notes[i].function != function || notes[i].object != object))
		i++;
	if (i == count && count < NOTES_MOST) {
		notes[count].function = function;
		notes[count++].object = object;
	}
	pthread_mutex_unlock(&lock);
}

void watch_write(FILE *out)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < count; i++) {
		const char *slash = strrchr(notes[i].object, '/');
		fprintf(out, "%s by %s\n", notes[i].function, slash ? slash + 1 : notes[i].object);
	}
	pthread_mutex_unlock(&lock);
}

/* A function of libc's name and shape, that notes its caller and goes on to the real one. */
#define WATCH(type, name, parameters, ...)                                                         \
	type name parameters;                                                                      \
	__attribute__((noinline)) type name parameters                                             \
	{                                                                                          \
		static type(*real) parameters;                                                     \
		note(#name, __builtin_return_address(0));                                          \
		if (!real)                                                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #name);                                 \
		return real(__VA_ARGS__);                                                          \
	}

struct sigaction;

WATCH(int, sigaction, (int number, const struct sigaction *now, struct sigaction *before), number,
      now, before)
WATCH(void *, signal, (int number, void *handler), number, handler)
WATCH(int, sigaltstack, (const void *now, void *before), now, before)
WATCH(int, raise, (int number), number)
WATCH(int, kill, (int pid, int number), pid, number)
WATCH(char *, setlocale, (int category, const char *name), category, name)
WATCH(void *, uselocale, (void *locale), locale)
WATCH(unsigned, umask, (unsigned mask), mask)
WATCH(int, chdir, (const char *path), path)
WATCH(int, fchdir, (int fd), fd)
WATCH(int, setenv, (const char *name, const char *value, int replace), name, value, replace)
WATCH(int, unsetenv, (const char *name), name)
WATCH(int, putenv, (char *string), string)
WATCH(int, clearenv, (void), )
WATCH(int, setrlimit, (int which, const void *limit), which, limit)
WATCH(int, setpriority, (int which, unsigned who, int priority), which, who, priority)
WATCH(int, nice, (int by), by)
WATCH(unsigned, alarm, (unsigned seconds), seconds)
WATCH(int, setitimer, (int which, const void *now, void *before), which, now, before)
WATCH(void, srandom, (unsigned seed), seed)
WATCH(void, srand, (unsigned seed), seed)
WATCH(long, random, (void), )
WATCH(int, rand, (void), )
WATCH(int, mallopt, (int what, int value), what, value)
WATCH(int, setvbuf, (FILE * stream, char *buf, int modes, size_t n), stream, buf, modes, n)
WATCH(int, fesetround, (int mode), mode)
WATCH(int, feenableexcept, (int traps), traps)
WATCH(void, openlog, (const char *name, int options, int facility), name, options, facility)
WATCH(void, closelog, (void), )
WATCH(int, on_exit, (void (*func)(int, void *), void *arg), func, arg)
WATCH(int, daemon, (int stays, int keeps), stays, keeps)
WATCH(int, dup2, (int from, int to), from, to)

/* What is to be done at exit or at a fork bears the object that it belongs to: that is who asked, whichever function
 * of the C library lies in between. */
#define WATCH_OWNED(name, parameters, ...)                                                         \
	int name parameters;                                                                       \
	int name parameters                                                                        \
	{                                                                                          \
		static int(*real) parameters;                                                      \
		note(#name, owner);                                                                \
		if (!real)                                                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #name);                                 \
		return real(__VA_ARGS__);                                                          \
	}

WATCH_OWNED(__cxa_atexit, (void *handler, void *context, void *owner), handler, context, owner)
WATCH_OWNED(__cxa_at_quick_exit, (void *handler, void *owner), handler, owner)
WATCH_OWNED(__register_atfork, (void *before, void *parent, void *child, void *owner), before,
	    parent, child, owner)
