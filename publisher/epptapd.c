/* epptapd.c - publishes what the front end spools, with `publisher: process` */
#include "publisher/supervisor.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static int usage(FILE *where, int status)
{
	fprintf(where,
		"epptapd %s - publishes the feed, beside the front end\n\n"
		"  epptapd CONFIG\n"
		"        stays in the foreground. SIGTERM: publish what is there, and end. SIGHUP: "
		"read CONFIG anew.\n\n"
		"Exit status: 0 told to end, 1 something is wrong, 2 usage.\n",
		EPPTAP_VERSION);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("epptapd %s\n", EPPTAP_VERSION);
		return 0;
	}
	if (argc != 2 || argv[1][0] == '-')
		return usage(stderr, EXIT_USAGE);
	return supervisor_run(argv[1]);
}
