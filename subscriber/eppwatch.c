/* eppwatch: the other end of the feed. Each subcommand has a file of its own. */
#include "subscriber/audit.h"
#include "subscriber/follow.h"
#include "subscriber/follow_log.h"
#include "subscriber/options.h"
#include "subscriber/prove.h"
#include "subscriber/reconcile.h"

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

static struct show show_of(const struct options *options)
{
	return (struct show){.out = stdout,
			     .err = stderr,
			     .channel = options->channel,
			     .json = options->json,
			     .color = wants_color(options->color)};
}

static enum watch_exit follow(const struct options *options)
{
	const struct show show = show_of(options);
	return options->address ? follow_log_run(options, show, &stop)
				: follow_run(options, show, &stop);
}

static enum watch_exit audit(const struct options *options)
{
	return audit_run(options, stdout, stderr, &stop);
}

static enum watch_exit prove(const struct options *options)
{
	return prove_run(options, stdout, stderr, &stop);
}

static enum watch_exit verify_proof(const struct options *options)
{
	return verify_proof_run(options, stdout, stderr);
}

static enum watch_exit reconcile(const struct options *options)
{
	return reconcile_run(options, show_of(options), &stop);
}

static const struct subcommand {
	enum options_of of;
	enum watch_exit (*run)(const struct options *options);
	const char *help;
} subcommands[] = {
	{OPTIONS_FOLLOW, follow, "show a channel's events as they come, each verified first"},
	{OPTIONS_AUDIT, audit, "verify the whole log of a channel"},
	{OPTIONS_PROVE, prove, "write the proof that an event is in the log"},
	{OPTIONS_VERIFY_PROOF, verify_proof, "judge such a proof, without asking anybody"},
	{OPTIONS_RECONCILE, reconcile,
	 "compare what a registrar sent with what the registry tells"},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands, NAME_SHOWN = 64 };

static enum watch_exit run(const struct subcommand *subcommand, int count, char *const *arguments)
{
	char why[512];
	struct options options;
	if (options_parse(subcommand->of, count, arguments, &options, why, sizeof why) !=
	    RESULT_OK) {
		fprintf(stderr, "eppwatch %s: %s\n", options_name(subcommand->of), why);
		return WATCH_USAGE;
	}
	enum watch_exit end = WATCH_DONE;
	if (options.help) {
		options_help(subcommand->of, stdout);
	} else if (options.version) {
		puts("eppwatch " EPPTAP_VERSION);
	} else {
		catch_signals();
		end = subcommand->run(&options);
	}
	options_free(&options);
	return end;
}

static void help(FILE *out)
{
	fputs("usage: eppwatch SUBCOMMAND [argument or option]...\n"
	      "       eppwatch SUBCOMMAND --help | --help | --version\n\n",
	      out);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(out, "  %-13s %s\n", options_name(subcommands[i].of), subcommands[i].help);
	fputs("\nManual: eppwatch(1)\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return WATCH_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		help(stdout);
		return WATCH_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("eppwatch " EPPTAP_VERSION);
		return WATCH_DONE;
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		if (strcmp(argv[1], options_name(subcommands[i].of)) == 0)
			return (int)run(&subcommands[i], argc - 2, argv + 2);
	}
	fprintf(stderr, "eppwatch: %.*s: no such %s: eppwatch --help has them all\n", NAME_SHOWN,
		argv[1], argv[1][0] == '-' ? "option" : "subcommand");
	return WATCH_USAGE;
}
