/* manners.c - a front end that looks whether the plugin leaves all alone that is not its own
 *
 *   manners EPPTAP.SO FOLDER [bare]
 *
 * Uses libxml2 and OpenSSL in ways of its own, loads the plugin, walks through all calls (host.h says what FOLDER
 * must hold), and compares before, with the tap open, and after it is closed: the process's state; libxml2's and
 * OpenSSL's in this thread, in one that was there before, and in a new one; descriptors and threads. Prints what
 * changed, then what was called that would change it, by which library, then "signals blocked by all threads of its
 * own: N". Exit 0: all calls answered as they should; 1: one did not. `bare`: it has no use for the two libraries
 * itself, so that the plugin is the first who has.
 */
#include "conformance/guest/differences.h"
#include "conformance/guest/host.h"
#include "conformance/guest/libraries.h"
#include "conformance/guest/state.h"
#include "conformance/guest/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { CLOSE_MS = 5000 };

/* What is to be printed, not before the end: the standard streams are looked at, too. */
static FILE *report;
static bool bare;

/* The thread that was there before: it looks when it is asked. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	FILE *out; /* where to; NULL: nothing is asked */
} old_thread = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};

static void *run_old_thread(void *unused)
{
	pthread_mutex_lock(&old_thread.lock);
	for (;;) {
		while (!old_thread.out)
			pthread_cond_wait(&old_thread.changed, &old_thread.lock);
		libraries_write(old_thread.out);
		old_thread.out = NULL;
		pthread_cond_broadcast(&old_thread.changed);
	}
	return unused;
}

static void ask_old_thread(FILE *out)
{
	pthread_mutex_lock(&old_thread.lock);
	old_thread.out = out;
	pthread_cond_broadcast(&old_thread.changed);
	while (old_thread.out)
		pthread_cond_wait(&old_thread.changed, &old_thread.lock);
	pthread_mutex_unlock(&old_thread.lock);
}

/* A new thread has what libxml2 gives to threads by default; what it has of its own lies at other places each time. */
static void *run_new_thread(void *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *lines = open_memstream(&text, &size);
	libraries_write(lines);
	fclose(lines);
	char *random = strstr(text, "openssl random:");
	if (random)
		*random = '\0';
	fputs(text, out);
	free(text);
	return NULL;
}

static void ask_new_thread(FILE *out)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, run_new_thread, out) == 0)
		pthread_join(thread, NULL);
}

static void write_descriptors(FILE *out)
{
	DIR *folder = opendir("/proc/self/fd");
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		char path[512] = "";
		if (*entry->d_name != '.' && atoi(entry->d_name) != dirfd(folder) &&
		    readlinkat(dirfd(folder), entry->d_name, path, sizeof path - 1) > 0)
			fprintf(out, "descriptor %s: %s\n", entry->d_name, path);
	}
	if (folder)
		closedir(folder);
}

/* What is this thread's own: hosts of other languages change threads under way. */
static void write_thread(FILE *out)
{
	char name[17] = "";
	stack_t stack;
	prctl(PR_GET_NAME, name);
	sigaltstack(NULL, &stack);
	fprintf(out, "thread %s: signal stack %p %x\n", name, stack.ss_sp,
		(unsigned)stack.ss_flags);
}

/* A runtime of another language sets up its streams when it first uses them. */
static void write_streams(FILE *out)
{
	FILE *const streams[] = {stdin, stdout, stderr};
	for (int i = 0; i < 3; i++)
		fprintf(out,
			"stream %d: descriptor %d, flags %x %x, buffer %zu, line-buffered %d, wide "
			"%d\n",
			i, fileno(streams[i]), (unsigned)fcntl(i, F_GETFL),
			(unsigned)fcntl(i, F_GETFD), __fbufsize(streams[i]), __flbf(streams[i]),
			fwide(streams[i], 0));
}

static void write_pointers(FILE *out)
{
	for (char **variable = environ; *variable; variable++)
		fprintf(out, "variable at %p\n", (void *)*variable);
}

static void write_libraries(FILE *out)
{
	fprintf(out, "[main thread]\n");
	libraries_write(out);
	fprintf(out, "[old thread]\n");
	ask_old_thread(out);
	fprintf(out, "[new thread]\n");
	ask_new_thread(out);
}

/* All that is compared, as lines. With the tap open its own descriptors are there. */
static char *look(bool open)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	fputs(guest_state(), out);
	write_thread(out);
	write_streams(out);
	write_pointers(out);
	if (!bare)
		write_libraries(out);
	if (!open)
		write_descriptors(out);
	fclose(out);
	return text;
}

/* The signal mask of a thread; false: it is not one of the tap's. */
static bool mask_of(const char *task, uint64_t *blocked)
{
	char path[64], line[256], name[64] = "";
	bool ours = true;
	snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
	FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof line, status)) {
		sscanf(line, "Name: %63s", name);
		sscanf(line, "SigBlk: %" SCNx64, blocked);
	}
	if (status)
		fclose(status);
	ours = strncmp(name, "manners", 7) != 0;
	return ours;
}

/* How many threads there are besides ours; and how many of them take a signal that can be blocked. */
static int count_threads(int *open)
{
	static const uint64_t most =
		~((UINT64_C(1) << (SIGKILL - 1)) | (UINT64_C(1) << (SIGSTOP - 1)) |
		  (UINT64_C(3) << 31)); /* and those that are libc's own */
	DIR *folder = opendir("/proc/self/task");
	int count = 0;
	*open = 0;
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		uint64_t blocked = 0;
		if (*entry->d_name == '.' || !mask_of(entry->d_name, &blocked))
			continue;
		count++;
		*open += (blocked & most) != most;
	}
	if (folder)
		closedir(folder);
	return count;
}

/* With `wanted`, those that are there; else there should be none, but one that was joined may be on its way out. */
static void write_threads(const char *when, bool wanted)
{
	int open, count = count_threads(&open);
	for (int tries = 0; !wanted && count && tries < 10000; tries++) {
		usleep(1000);
		count = count_threads(&open);
	}
	fprintf(report, "%s: %s threads of its own, %d of them take signals\n", when,
		count ? "there are" : "no", open);
}

static void ignore(int number)
{
	(void)number;
}

/* A process that is not as it was born, so that what is put back to a default is seen. */
static bool settle(void)
{
	pthread_t thread;
	struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
	sigaddset(&action.sa_mask, SIGUSR2);
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	umask(027);
	return setlocale(LC_ALL, "C.UTF-8") && setenv("OF_OURS", "1", 1) == 0 &&
	       sigaction(SIGPIPE, &action, NULL) == 0 && sigaction(SIGHUP, &action, NULL) == 0 &&
	       signal(SIGCHLD, SIG_IGN) != SIG_ERR && sigprocmask(SIG_BLOCK, &blocked, NULL) == 0 &&
	       libraries_use() && pthread_create(&thread, NULL, run_old_thread, NULL) == 0;
}

int main(int argc, char **argv)
{
	struct host host = {0};
	char *said = NULL;
	size_t said_size = 0;
	bare = argc == 4 && strcmp(argv[3], "bare") == 0;
	if (argc != 3 + bare || !settle()) {
		fprintf(stderr, "usage: manners EPPTAP.SO FOLDER [bare]\n");
		return EXIT_FAILURE;
	}
	report = open_memstream(&said, &said_size);
	free(look(false)); /* once, so that looking itself has changed what it does */
	char *before = look(false);
	watch_begin();
	if (!host_load(&host, argv[1]))
		return EXIT_FAILURE;
	bool good = host_walk(&host, argv[2]);
	char *open = look(true);
	differences_write(report, "with the tap open", before, open);
	write_threads("open", true);
	host.close(&host.tap, CLOSE_MS);
	char *after = look(false);
	differences_write(report, "after it was closed", before, after);
	write_threads("closed", false);
	watch_write(report);
	fclose(report);
	fputs(said, stdout);
	free(said);
	free(before);
	free(open);
	free(after);
	return good && !host.tap ? EXIT_SUCCESS : EXIT_FAILURE;
}
