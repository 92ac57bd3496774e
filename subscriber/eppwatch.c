/* eppwatch: the other end of the feed. Each subcommand has a file of its own. */
#include "subscriber/follow.h"
#include "subscriber/options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Without SA_RESTART: a write that blocks must end too. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool wants_color(const char *when)
{
	if (when && strcmp(when, "always") == 0)
		return true;
	if (when && strcmp(when, "never") == 0)
		return false;
	const char *no_color = getenv("NO_COLOR");
	return (!no_color || !*no_color) && isatty(STDOUT_FILENO);
}

static int follow(int count, char *const *arguments)
{
	char why[512];
	struct options options;
	if (options_parse(count, arguments, &options, why, sizeof why) != RESULT_OK) {
		fprintf(stderr, "eppwatch follow: %s\n", why);
		return FOLLOW_USAGE;
	}
	int end = FOLLOW_DONE;
	if (options.help) {
		options_help(stdout);
	} else if (options.version) {
		puts("eppwatch " EPPTAP_VERSION);
	} else {
		struct show show = {.out = stdout,
				    .err = stderr,
				    .channel = options.channel,
				    .json = options.json,
				    .color = wants_color(options.color)};
		catch_signals();
		end = follow_run(&options, show, &stop);
	}
	options_free(&options);
	return end;
}

static const struct subcommand {
	const char *name;
	int (*run)(int count, char *const *arguments);
	const char *help;
} subcommands[] = {
	{"follow", follow, "show a channel's events as they come, each verified first"},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

static void help(FILE *out)
{
	fputs("usage: eppwatch SUBCOMMAND [option]...\n"
	      "       eppwatch SUBCOMMAND --help | --help | --version\n\n",
	      out);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].help);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return FOLLOW_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		help(stdout);
		return FOLLOW_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("eppwatch " EPPTAP_VERSION);
		return FOLLOW_DONE;
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 2, argv + 2);
	}
	fputs("eppwatch: no such subcommand: eppwatch --help has them all\n", stderr);
	return FOLLOW_USAGE;
}
