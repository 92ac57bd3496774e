/* front.c - what a front end gets done when nobody publishes: bench-front PLUGIN CONFIG
 *
 * The front end does of its own work the least that it must: libxml2 makes a tree of each command, and then the tap is
 * shown the command with its response. Whoever started it changes the publisher's state, and says on stdin what to do
 * then: `work`: BURSTS times BURST commands as fast as they go, all of which fit into the queue; prints of each burst how
 * many a second of this thread's own time, how many a second by the clock, and how often the thread gave up the processor
 * to wait. `flush`: waits until all is durable; prints `ok`.
 * The clock alone tells little: on a machine with few cores it shows who else had them, the publisher among others.
 */
#include "conformance/bench/tap.h"

#include <libxml/parser.h>
#include <string.h>
#include <sys/resource.h>

enum { BURSTS = 4, BURST = 2000, FLUSH_MS = 20000 };

static void serve(struct plugin *plugin, unsigned number)
{
	char command[COMMAND_ROOM];
	size_t size = write_update(command, number);
	xmlDoc *read = xmlReadMemory(command, (int)size, NULL, NULL, XML_PARSE_NONET);
	if (!read)
		give_up("libxml2", "it can't read a command");
	if (plugin->transaction(plugin->tap, "bench", command, size, update_response,
				sizeof update_response - 1) != EPPTAP_OK)
		give_up("work", "a call was refused");
	xmlFreeDoc(read);
}

struct reading {
	int64_t clock_ns, own_ns;
	long waits;
};

static struct reading read_now(void)
{
	struct timespec own;
	struct rusage usage;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
	getrusage(RUSAGE_THREAD, &usage);
	return (struct reading){.clock_ns = now_ns(),
				.own_ns = (int64_t)own.tv_sec * 1000000000 + own.tv_nsec,
				.waits = usage.ru_nvcsw};
}

static void work(struct plugin *plugin, unsigned *number)
{
	for (int i = 0; i < BURSTS; i++) {
		struct reading start = read_now();
		for (int j = 0; j < BURST; j++)
			serve(plugin, (*number)++);
		struct reading end = read_now();
		printf("%.0f %.0f %ld ", BURST * 1e9 / (double)(end.own_ns - start.own_ns),
		       BURST * 1e9 / (double)(end.clock_ns - start.clock_ns),
		       end.waits - start.waits);
	}
	puts("");
}

int main(int argc, char **argv)
{
	char line[16];
	unsigned number = 0;
	if (argc != 3)
		give_up("usage", "bench-front PLUGIN CONFIG");
	struct plugin plugin = load_plugin(argv[1], argv[2]);
	while (fgets(line, sizeof line, stdin)) {
		if (strcmp(line, "work\n") == 0)
			work(&plugin, &number);
		else if (plugin.flush(plugin.tap, FLUSH_MS) == EPPTAP_OK)
			puts("ok");
		else
			give_up("flush", "not durable in time");
		fflush(stdout);
	}
	plugin.close(&plugin.tap, 10000);
	return 0;
}
