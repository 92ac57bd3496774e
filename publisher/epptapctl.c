/* epptapctl.c - the operator's tool */
#include "publisher/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SUBMIT_MOST = 10000, NAME_SHOWN = 64 };

/* What stands on the screen of `epptapctl --help`, and on the command's own; epptapctl(1) has the rest. */
static const struct command {
	const char *name;
	const char *arguments;
	const char *what;
	const char *more;
	int least, most; /* arguments */
	int paths;       /* how many of them, from the first, can't be an option: they name files */
	int (*run)(int argc, char **argv);
} commands[] = {
	{"keygen", "[--client NAME] DIRECTORY", "make the keys of a registry, or of a subscriber",
	 "Makes event.pem, log.pem, cosigner.pem, server.key and server.pub in DIRECTORY.\n"
	 "  --client NAME  a subscriber's instead: NAME.key for him, and clients/NAME.pub,\n"
	 "                 which lets him in when the publisher reloads\n"
	 "Overwrites nothing. Secret keys are their owner's alone.\n",
	 1, 3, 0, ctl_keygen},
	{"check", "CONFIG", "say what is wrong with a config, its keys and folders",
	 "Looks at the config, all keys that it names, folders, channels and who is let\n"
	 "in; binds and makes nothing. Run it as the front end's user.\n",
	 1, 1, 1, ctl_check},
	{"status", "CONFIG", "show who publishes, spool, channels, counters, and what is wrong",
	 "Shows one screen of what goes on in state_dir; each line that begins with WRONG\n"
	 "says what is to be mended, and makes the exit status 1.\n",
	 1, 1, 1, ctl_status},
	{"test-event", "CONFIG STATE", "send a signed event through the whole way",
	 "Sends urn:epptap:verification, with STATE in it, through spool, store and log to\n"
	 "every subscriber. STATE: 1 to 128 characters of printable ASCII.\n",
	 2, 2, 1, ctl_test_event},
	{"submit", "CONFIG FRAME.xml...", "tell changes that the registry made itself",
	 "Each file is one frame in the form of a poll message (RFC 8590). All are taken,\n"
	 "in their order, or none. When it ends with 0 they are on disk.\n",
	 2, SUBMIT_MOST, SUBMIT_MOST, ctl_submit},
	{"feed-dump", "CONFIG [CHANNEL]", "print the channels' events, sent and held, as JSON",
	 "Prints what each channel, or CHANNEL, has sent, in its order, then what it\n"
	 "holds: one JSON object a line.\n",
	 1, 2, 1, ctl_feed_dump},
	{"spool-dump", "CONFIG", "print the changes in the spool as JSON",
	 "Prints what front ends have spooled, one JSON object a line: published already\n"
	 "or not.\n",
	 1, 1, 1, ctl_spool_dump},
	{"quarantine", "CONFIG [retry]", "list what no event could be made of, or try it again",
	 "Lists what is set aside: number, time, why.\n"
	 "  retry  has the publisher try all of it again, as after an upgrade\n",
	 1, 2, 1, ctl_quarantine},
	{"revoke", "CONFIG KID", "tell readers to trust an event key no more",
	 "KID: the key's id, `kid` in jwks.json. Another key must sign by then.\n", 2, 2, 1,
	 ctl_revoke},
	{"new-log", "CONFIG", "publish from a state_dir that was lost, copied or restored",
	 "Begins each channel's log anew, from 0, and tells of it by a gap `new_log`. For\n"
	 "a state_dir that is refused: `epptapctl status CONFIG` says why it is.\n",
	 1, 1, 1, ctl_new_log},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const char last_line[] =
	"Exit: 0 done, 1 something is wrong, 2 usage. Manual: epptapctl(1)\n";

static int help(FILE *where, int status)
{
	fputs("usage: epptapctl COMMAND [argument]...\n"
	      "       epptapctl COMMAND --help | --help | --version\n\n",
	      where);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(where, "  %-11s %s\n", commands[i].name, commands[i].what);
	fprintf(where, "\n%s", last_line);
	return status;
}

static int help_with(const struct command *command)
{
	printf("usage: epptapctl %s %s\n%s%s", command->name, command->arguments, command->more,
	       last_line);
	return CTL_OK;
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

static const struct command *find(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* The first of the arguments that is an option, where none may be. */
static const char *stray_option(const struct command *command, int argc, char **argv)
{
	for (int i = 0; i < argc && i < command->paths; i++)
		if (argv[i][0] == '-' && argv[i][1])
			return argv[i];
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return help_with(command);
	const char *stray = stray_option(command, argc, argv);
	if (stray)
		ctl_fail("%s: %.*s: no such option; usage: epptapctl %s %s", command->name,
			 NAME_SHOWN, stray, command->name, command->arguments);
	else if (argc < command->least || argc > command->most)
		ctl_fail("%s: %s arguments; usage: epptapctl %s %s", command->name,
			 argc < command->least ? "too few" : "too many", command->name,
			 command->arguments);
	else
		return command->run(argc, argv);
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return help(stderr, CTL_USAGE);
	if (strcmp(argv[1], "--help") == 0)
		return help(stdout, CTL_OK);
	if (strcmp(argv[1], "--version") == 0) {
		puts("epptapctl " EPPTAP_VERSION);
		return CTL_OK;
	}
	const struct command *command = find(argv[1]);
	if (command)
		return run(command, argc - 2, argv + 2);
	ctl_fail("%.*s: no such %s; `epptapctl --help` shows all", NAME_SHOWN, argv[1],
		 argv[1][0] == '-' ? "option" : "command");
	return CTL_USAGE;
}
