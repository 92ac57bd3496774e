/* guest.c - what test_ffi.py's programs ask of the process that they are, for languages that can't
 *
 * A shared object, with those of guest/ in it that know a process, that each language loads beside epptap.so. Not
 * thread-safe.
 */
#include "conformance/guest/differences.h"
#include "conformance/guest/look.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLUSH_MS = 100 };

/* What of the process, of libxml2 and of OpenSSL is not as it was at the first call: "same", or a line for each
 * difference. Good until the next call; all calls are one thread's, since some of it is a thread's own. */
const char *guest_changes(void);
const char *guest_changes(void)
{
	static char *first, *told;
	size_t size = 0;
	if (!first) {
		free(guest_look());
		first = guest_look();
	}
	free(told);
	char *now = guest_look();
	FILE *out = open_memstream(&told, &size);
	if (!out)
		abort();
	if (!differences_write(out, "changed", first, now))
		fputs("same", out);
	fclose(out);
	free(now);
	return told;
}

/* What epptap_flush() of the loaded `library` answers in a child, forked here and now; -100: it did not end by itself. For
 * languages that cannot fork. */
int guest_forked(const char *library, void *tap);
int guest_forked(const char *library, void *tap)
{
	void *object = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
	int (*flush)(void *tap, unsigned timeout_ms) = NULL;
	void (*close_tap)(void **tap, unsigned drain_ms) = NULL;
	int status;
	pid_t child;

	if (object == NULL)
		return -100;
	*(void **)&flush = dlsym(object, "epptap_flush");
	*(void **)&close_tap = dlsym(object, "epptap_close");
	if (flush == NULL || close_tap == NULL)
		return -100;
	child = fork();
	if (child == 0) {
		int result = flush(tap, FLUSH_MS);

		close_tap(&tap, FLUSH_MS);
		_exit(tap == NULL ? -result : 100);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -100;
	return -WEXITSTATUS(status);
}
