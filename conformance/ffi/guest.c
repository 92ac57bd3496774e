/* guest.c - what a plugin must leave alone in the process that loads it, for test_ffi.py's programs
 *
 * A shared object that each language loads beside epptap.so: guest_state() before and after, and compares. Not thread-safe.
 */
#include <dlfcn.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATE_SIZE = 256 * 1024, FLUSH_MS = 100 };

static char state[STATE_SIZE];
static size_t filled;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	filled += (size_t)vsnprintf(state + filled, sizeof(state) - filled, format, arguments);
	va_end(arguments);
	if (filled >= sizeof(state))
		filled = sizeof(state) - 1;
}

static void add_mask(const sigset_t *mask)
{
	for (int number = 1; number < NSIG; number++)
		add("%d", sigismember(mask, number) == 1);
}

static void add_signals(void)
{
	struct sigaction action;
	sigset_t mask;

	for (int number = 1; number < NSIG; number++) {
		if (sigaction(number, NULL, &action) != 0)
			continue;
		add("signal %d: %p %x ", number, (void *)action.sa_sigaction,
		    (unsigned)action.sa_flags);
		add_mask(&action.sa_mask);
		add("\n");
	}
	if (sigprocmask(SIG_BLOCK, NULL, &mask) == 0) {
		add("blocked: ");
		add_mask(&mask);
		add("\n");
	}
}

/* umask() can't be asked without being set: other threads would see that. */
static void add_umask(void)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");

	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		if (strncmp(line, "Umask:", strlen("Umask:")) == 0)
			add("%s", line);
	}
	if (status != NULL)
		fclose(status);
}

/* Signal handlers and what this thread blocks, locale, umask, environment, working directory. */
const char *guest_state(void);
const char *guest_state(void)
{
	char folder[4096];

	filled = 0;
	add_signals();
	add("locale: %s\n", setlocale(LC_ALL, NULL));
	add_umask();
	for (char **variable = environ; *variable != NULL; variable++)
		add("%s\n", *variable);
	add("folder: %s\n", getcwd(folder, sizeof(folder)));
	return state;
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
