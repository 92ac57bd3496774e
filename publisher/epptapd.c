/* epptapd.c - publishes what the front end spools, with `publisher: process` */
#include "publisher/supervisor.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2, ARGUMENT_SHOWN = 64 };

static int help(void)
{
	fputs("usage: epptapd CONFIG\n"
	      "       epptapd --help | --version\n\n"
	      "Publishes what the front end spools, with `publisher: process` in CONFIG. Stays\n"
	      "in the foreground; run it as the front end's user.\n\n"
	      "  SIGTERM, SIGINT  publish what is there, and end; a second one: end at once\n"
	      "  SIGHUP           read CONFIG anew; if it is wrong, go on as before\n\n"
	      "Exit: 0 told to end, 1 something is wrong, 2 usage. Manual: epptapd(8)\n",
	      stdout);
	return 0;
}

static int complain(const char *what, const char *argument)
{
	fprintf(stderr, "epptapd: %s%.*s; usage: epptapd CONFIG, and `epptapd --help` says more\n",
		what, ARGUMENT_SHOWN, argument);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return complain("the config's path is missing", "");
	if (strcmp(argv[1], "--help") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		puts("epptapd " EPPTAP_VERSION);
		return 0;
	}
	if (argv[1][0] == '-')
		return complain("no such option: ", argv[1]);
	if (argc > 2)
		return complain("one config is enough: ", argv[2]);
	return supervisor_run(argv[1]);
}
