/* failing_malloc.h - malloc and its kin for a whole program, of which any call can be made to fail
 *
 * To be included by one file of a program: it replaces malloc for the libraries, too. From failing_begin() to
 * failing_end() what is allocated and not given back is counted, on all threads. Sanitizers replace malloc themselves:
 * then nothing here is in use, and FAILING_MALLOC is 0.
 */
#ifndef BASE_TEST_FAILING_MALLOC_H
#define BASE_TEST_FAILING_MALLOC_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILING_MALLOC 0
#else
#define FAILING_MALLOC 1
#endif

/* The state of it all; for what follows alone. */
static _Atomic long failing_live; /* allocations not given back yet, while counted */
static _Atomic long failing_left; /* this many succeed, the next fails; negative: none fails */
static _Atomic bool failing_counted, failing_hit, failing_lasting;

/* From now on allocations are counted, and the one behind `after` of them fails; negative: none. `lasting`: all that
 * follow one that failed fail, too. */
static inline void failing_begin(long after, bool lasting)
{
	failing_live = 0;
	failing_hit = false;
	failing_lasting = lasting;
	failing_left = after;
	failing_counted = true;
}

/* Goes on counting, and the one behind `after` more fails; negative: none does any more. */
static inline void failing_go_on(long after)
{
	failing_left = after;
}

static inline void failing_end(void)
{
	failing_counted = false;
}

/* Since failing_begin(): did an allocation fail? How many were not given back? */
static inline bool failing_did_fail(void)
{
	return failing_hit;
}

static inline long failing_leaked(void)
{
	return failing_live;
}

/* NOLINTBEGIN: these are declared in <stdlib.h> already, with other names and without the visibility */
#if FAILING_MALLOC
#define VISIBLE __attribute__((visibility("default")))

/* glibc's own, under the names that are left when ours take the usual ones. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *old);

VISIBLE void *malloc(size_t size);
VISIBLE void *calloc(size_t count, size_t size);
VISIBLE void *realloc(void *old, size_t size);
VISIBLE void *aligned_alloc(size_t alignment, size_t size);
VISIBLE int posix_memalign(void **fresh, size_t alignment, size_t size);
VISIBLE void free(void *old);

/* A large piece that a thread gave back right after it had got it, glibc has for what it asks for next. */
enum { LARGE = 2048 };
static _Thread_local void *last;
static _Thread_local size_t last_size, kept_size;

static bool is_there(size_t size)
{
	bool there = size <= kept_size;
	kept_size = 0;
	return there;
}

static bool fails(void)
{
	if (!failing_counted || failing_left < 0)
		return false;
	if (failing_left > 0 || !failing_lasting)
		if (failing_left-- > 0)
			return false;
	failing_hit = true;
	errno = ENOMEM;
	return true;
}

static void *seen(void *fresh)
{
	if (failing_counted && fresh)
		failing_live++;
	return fresh;
}

void *malloc(size_t size)
{
	last_size = size;
	last = !is_there(size) && fails() ? NULL : seen(__libc_malloc(size));
	return last;
}

void *calloc(size_t count, size_t size)
{
	return !is_there(count * size) && fails() ? NULL : seen(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
	if (fails())
		return NULL;
	void *fresh = __libc_realloc(old, size);
	return old ? fresh : seen(fresh);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : seen(__libc_memalign(alignment, size));
}

int posix_memalign(void **fresh, size_t alignment, size_t size)
{
	*fresh = fails() ? NULL : seen(__libc_memalign(alignment, size));
	return *fresh ? 0 : ENOMEM;
}

void free(void *old)
{
	if (failing_counted && old)
		failing_live--;
	if (old && old == last && last_size >= LARGE)
		kept_size = last_size;
	__libc_free(old);
}
#endif
/* NOLINTEND */

#endif
