/* epptapctl.c - the operator's tool */
#include "publisher/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SUBMIT_MOST = 10000 };

static const struct command {
	const char *name;
	const char *arguments;
	const char *what;
	int least, most; /* arguments */
	int (*run)(int argc, char **argv);
} commands[] = {
	{"keygen", "DIRECTORY", "make the keys of a registry: event, log, cosigner, CURVE server",
	 1, 1, ctl_keygen},
	{"keygen", "--client NAME DIRECTORY", "make a subscriber's key, and let its public half in",
	 3, 3, ctl_keygen},
	{"check", "CONFIG", "say what is wrong with a config, its keys and folders", 1, 1,
	 ctl_check},
	{"status", "CONFIG", "counters, channels and spool of a state_dir, and what is wrong", 1, 1,
	 ctl_status},
	{"spool-dump", "CONFIG", "the changes in the spool, one JSON object a line", 1, 1,
	 ctl_spool_dump},
	{"feed-dump", "CONFIG [CHANNEL]",
	 "each channel's events, sent and held, one JSON object a line", 1, 2, ctl_feed_dump},
	{"quarantine", "CONFIG [retry]",
	 "what no event could be made of; retry: try again, as after an upgrade", 1, 2,
	 ctl_quarantine},
	{"revoke", "CONFIG KID", "tell readers to trust an event key no more", 2, 2, ctl_revoke},
	{"submit", "CONFIG FRAME.xml...",
	 "tell changes that the registry made itself, as RFC 8590 has them", 2, SUBMIT_MOST,
	 ctl_submit},
	{"test-event", "CONFIG STATE",
	 "send a signed event with these words of yours through the whole way", 2, 2,
	 ctl_test_event},
	{"new-log", "CONFIG", "publish again from a state_dir that was lost, copied or restored", 1,
	 1, ctl_new_log},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *where, int status)
{
	fprintf(where, "epptapctl %s - the operator's tool of epptap\n\n", EPPTAP_VERSION);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(where, "  epptapctl %s %s\n        %s\n", commands[i].name,
			commands[i].arguments, commands[i].what);
	fprintf(where, "\nExit status: 0 done, 1 something is wrong, 2 usage.\n");
	return status;
}

int ctl_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("epptapctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return CTL_FAILED;
}

struct config *ctl_load(const char *path)
{
	char why[1024];
	struct config *config;
	if (config_load(path, &config, why, sizeof why) != RESULT_OK)
		fprintf(stderr, "%s\n", why);
	return config;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return usage(stdout, CTL_OK);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("epptapctl %s\n", EPPTAP_VERSION);
		return CTL_OK;
	}
	if (argc < 2)
		return usage(stderr, CTL_USAGE);
	bool known = false;
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[1]) != 0)
			continue;
		known = true;
		if (argc - 2 >= commands[i].least && argc - 2 <= commands[i].most)
			return commands[i].run(argc - 2, argv + 2);
	}
	ctl_fail("%.32s: %s; `epptapctl --help` shows all", argv[1],
		 known ? "wrong number of arguments" : "there is no subcommand of that name");
	return CTL_USAGE;
}
