/* maps_host.c - a front end without anything of its own, to see what epptap.so brings into it
 *
 *   maps_host EPPTAP.SO CONFIG
 *
 * Opens the tap, shows it one change, waits until that is durable, prints /proc/self/maps, and closes the tap. Exit 0;
 * 1: something failed.
 */
#include "plugin/epptap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPP "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"

enum { PATIENCE_MS = 60000 };

typedef int open_function(const char *config, struct epptap **tap, char *why, size_t why_size);
typedef int transaction_function(struct epptap *tap, const char *registrar, const void *command,
				 size_t command_size, const void *response, size_t response_size);
typedef int flush_function(struct epptap *tap, unsigned timeout_ms);
typedef void close_function(struct epptap **tap, unsigned drain_ms);

static const char update[] =
	EPP "<command><update><d:update xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
	    "<d:name>bank.example</d:name></d:update></update></command></epp>";
static const char done[] = EPP "<response><result code=\"1000\"><msg>Done</msg></result>"
			       "<trID><svTRID>S-1</svTRID></trID></response></epp>";

static int show_maps(void)
{
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return EXIT_FAILURE;
	while (fgets(line, sizeof line, maps))
		fputs(line, stdout);
	fclose(maps);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	char why[1024] = "";
	struct epptap *tap = NULL;
	void *object = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!object) {
		fprintf(stderr, "usage: maps_host EPPTAP.SO CONFIG\n");
		return EXIT_FAILURE;
	}
	open_function *open = (open_function *)dlsym(object, "epptap_open");
	transaction_function *show = (transaction_function *)dlsym(object, "epptap_transaction");
	flush_function *flush = (flush_function *)dlsym(object, "epptap_flush");
	close_function *close = (close_function *)dlsym(object, "epptap_close");
	if (open(argv[2], &tap, why, sizeof why) != EPPTAP_OK) {
		fprintf(stderr, "maps_host: %s\n", why);
		return EXIT_FAILURE;
	}
	int status = EXIT_FAILURE;
	if (show(tap, "ClientX", update, strlen(update), done, strlen(done)) == EPPTAP_OK &&
	    flush(tap, PATIENCE_MS) == EPPTAP_OK)
		status = show_maps();
	close(&tap, 0);
	return status;
}
