/* front.c - what a front end gets done when nobody publishes: bench-front PLUGIN CONFIG
 *
 * The front end does of its own work the least that it must: libxml2 makes a tree of each command, and then the tap is
 * shown the command with its response. Whoever started it changes the publisher's state, and says on stdin what to do
 * then: `work`: BURSTS times BURST commands as fast as they go, all of which fit into the queue; prints of each burst how
 * many a second. `flush`: waits until all is durable; prints `ok`.
 */
#include "conformance/bench/tap.h"

#include <libxml/parser.h>
#include <string.h>

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

static void work(struct plugin *plugin, unsigned *number)
{
	for (int i = 0; i < BURSTS; i++) {
		int64_t start = now_ns();
		for (int j = 0; j < BURST; j++)
			serve(plugin, (*number)++);
		printf("%.0f ", BURST * 1e9 / (double)(now_ns() - start));
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
