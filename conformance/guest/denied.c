/* denied.c - a front end that may not make a system call, or sees but a part of the file system
 *
 *   denied EPPTAP.SO CONFIG [--deny NUMBER ERROR [ARGUMENT (=|&) VALUE]]... [--chroot FOLDER] [--later]
 *
 * Loads the library; then a filter of the kernel's (seccomp) answers a system call with an error: each, or those
 * whose ARGUMENT (0 to 5) is VALUE, or has a bit of it; and the root folder changes. Then it opens the tap, shows it
 * three changes and a connection, flushes, asks for the counters, reloads and closes. With `--later` the filter
 * comes when the tap is open. Prints what calls answer, with their words: "open -6 WHY", "show 0", "stream 0",
 * "flush 0", "stats 0 JSON", "reload 0 WHY", "closed".
 *
 * Since it may be writing that is denied, the one that does all that is a child, which writes into memory; its
 * parent prints that. Exit 0: it ended by itself; 1: it crashed, or hung, as stderr says.
 */
#include "conformance/guest/host.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SAID_SIZE = 1 << 20,
	STATS_SIZE = 65536,
	CHANGES = 3,
	FLUSH_MS = 20000,
	LATER_FLUSH_MS = 1500, /* nothing may come of it */
	CLOSE_MS = 300,
	PATIENCE_S = 40,
	RULES_MOST = 64
};

static char *said;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	size_t size = strlen(said);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(said + size, SAID_SIZE - size, format, arguments);
	va_end(arguments);
}

/* The filter, rule by rule: falls through to the next, to "allowed" at last. */
static struct sock_filter rules[RULES_MOST] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
static unsigned short rule_count = 1;

static void add(struct sock_filter rule)
{
	if (rule_count < RULES_MOST - 1)
		rules[rule_count++] = rule;
}

static void deny(unsigned number, unsigned error)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

/* Looks at the lower half of an argument, and loads the number again for the next rule. */
static void deny_some(unsigned number, unsigned error, unsigned argument, bool equal,
		      unsigned value)
{
	unsigned at = (unsigned)offsetof(struct seccomp_data, args) + 8 * argument;
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
	add((struct sock_filter)BPF_JUMP(BPF_JMP | (equal ? BPF_JEQ : BPF_JSET) | BPF_K, value, 0,
					 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, nr)));
}

static bool install(void)
{
	rules[rule_count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {.len = rule_count, .filter = rules};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
		       0;
}

struct wishes {
	const char *root;
	bool later;
};

static unsigned number_of(const char *text)
{
	return (unsigned)strtoul(text, NULL, 0);
}

static bool read_wishes(int argc, char **argv, struct wishes *wishes)
{
	for (int i = 3; i < argc; i++) {
		int left = argc - i - 1;
		if (strcmp(argv[i], "--later") == 0) {
			wishes->later = true;
		} else if (strcmp(argv[i], "--chroot") == 0 && left >= 1) {
			wishes->root = argv[++i];
		} else if (strcmp(argv[i], "--deny") == 0 && left >= 5 &&
			   strchr("=&", *argv[i + 4])) {
			deny_some(number_of(argv[i + 1]), number_of(argv[i + 2]),
				  number_of(argv[i + 3]), *argv[i + 4] == '=',
				  number_of(argv[i + 5]));
			i += 5;
		} else if (strcmp(argv[i], "--deny") == 0 && left >= 2) {
			deny(number_of(argv[i + 1]), number_of(argv[i + 2]));
			i += 2;
		} else {
			return false;
		}
	}
	return argc >= 3;
}

static void walk(struct host *host, unsigned flush_ms)
{
	static char json[STATS_SIZE];
	char why[HOST_WHY_SIZE] = "";
	struct epptap_stream *stream = NULL;
	size_t size = sizeof json;
	for (unsigned number = 0; number < CHANGES; number++)
		say("show %d\n", host_show(host, number));
	int result = host->stream_new(host->tap, "ClientY", &stream);
	if (result == EPPTAP_OK)
		result = host_show_command(host, stream, CHANGES);
	if (result == EPPTAP_OK)
		result = host_show_answer(host, stream, CHANGES);
	say("stream %d\n", result);
	host->stream_free(&stream);
	say("flush %d\n", host->flush(host->tap, flush_ms));
	result = host->stats(host->tap, json, &size);
	say("stats %d %s\n", result, result == EPPTAP_OK ? json : "");
	result = host->reload(host->tap, why, sizeof why);
	say("reload %d %s\n", result, why);
}

static int be_child(struct host *host, const char *config, const struct wishes *wishes)
{
	char why[HOST_WHY_SIZE] = "";
	if (wishes->root && (chroot(wishes->root) != 0 || chdir("/") != 0))
		return EXIT_FAILURE;
	if (!wishes->later && rule_count > 1 && !install())
		return EXIT_FAILURE;
	int result = host->open(config, &host->tap, why, sizeof why);
	say("open %d %s\n", result, why);
	if (result == EPPTAP_OK && wishes->later && !install())
		return EXIT_FAILURE;
	if (result == EPPTAP_OK)
		walk(host, wishes->later ? LATER_FLUSH_MS : FLUSH_MS);
	host->close(&host->tap, CLOSE_MS);
	say("closed\n");
	return EXIT_SUCCESS;
}

/* Waits for the child; one that hangs is killed. */
static int await(pid_t child)
{
	int status;
	if (!host_await(child, PATIENCE_S, &status)) {
		fprintf(stderr, "denied: the front end hangs\n");
		return EXIT_FAILURE;
	}
	if (WIFSIGNALED(status))
		fprintf(stderr, "denied: the front end died of signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status) != EXIT_SUCCESS)
		fprintf(stderr, "denied: the front end could not be set up\n");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct host host = {0};
	struct wishes wishes = {0};
	said = mmap(NULL, SAID_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!read_wishes(argc, argv, &wishes) || said == MAP_FAILED || !host_load(&host, argv[1])) {
		fprintf(stderr,
			"usage: denied EPPTAP.SO CONFIG [--deny NUMBER ERROR [ARGUMENT (=|&) "
			"VALUE]]... [--chroot FOLDER] [--later]\n");
		return EXIT_FAILURE;
	}
	pid_t child = fork();
	if (child == 0)
		_exit(be_child(&host, argv[2], &wishes));
	int status = child > 0 ? await(child) : EXIT_FAILURE;
	fputs(said, stdout);
	return status;
}
