/* call.c - what one epptap_transaction costs the front end: bench-call PLUGIN CONFIG
 *
 * Calls are paced as a busy registry's are (PAUSE_NS between them), each is timed by itself, and in turn with it a
 * bare memcpy of the same bytes; the cost of reading the clock is measured and taken off.
 */
#include "conformance/bench/tap.h"

#include <stdbool.h>
#include <string.h>

enum { WARM_UP = 60000, /* once around the queue's memory */ SAMPLES = 30000, PAUSE_NS = 40000 };

static int by_size(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static int64_t percentile(int64_t *samples, int percent)
{
	return samples[(int64_t)SAMPLES * percent / 100];
}

static void wait_until_ns(int64_t until)
{
	while (now_ns() < until)
		;
}

static int64_t clock_cost(void)
{
	static int64_t samples[SAMPLES];
	for (int i = 0; i < SAMPLES; i++) {
		int64_t start = now_ns();
		samples[i] = now_ns() - start;
	}
	qsort(samples, SAMPLES, sizeof *samples, by_size);
	return percentile(samples, 50);
}

static void measure(struct plugin *plugin, const char *what, bool update, const char *response,
		    int64_t clock_ns)
{
	static int64_t calls[SAMPLES], copies[SAMPLES];
	static char command[COMMAND_ROOM], copy[2 * COMMAND_ROOM];
	size_t response_size = strlen(response);
	size_t command_size = sizeof check_command - 1;
	memcpy(command, check_command, sizeof check_command);
	for (int i = -WARM_UP; i < SAMPLES; i++) {
		if (update)
			command_size = write_update(command, (unsigned)(i + WARM_UP));
		wait_until_ns(now_ns() + PAUSE_NS);
		int64_t start = now_ns();
		int result = plugin->transaction(plugin->tap, "bench", command, command_size,
						 response, response_size);
		int64_t middle = now_ns();
		memcpy(copy, command, command_size);
		memcpy(copy + command_size, response, response_size);
		__asm__ volatile("" ::: "memory");
		int64_t end = now_ns();
		if (result != EPPTAP_OK)
			give_up(what, "a call was refused");
		if (i >= 0) {
			calls[i] = middle - start - clock_ns;
			copies[i] = end - middle - clock_ns;
		}
	}
	qsort(calls, SAMPLES, sizeof *calls, by_size);
	qsort(copies, SAMPLES, sizeof *copies, by_size);
	printf("%-8s %5zu bytes   call p50 %5lld ns  p99 %6lld ns   memcpy p50 %4lld ns  p99 %5lld "
	       "ns\n",
	       what, command_size + response_size, (long long)percentile(calls, 50),
	       (long long)percentile(calls, 99), (long long)percentile(copies, 50),
	       (long long)percentile(copies, 99));
}

int main(int argc, char **argv)
{
	if (argc != 3)
		give_up("usage", "bench-call PLUGIN CONFIG");
	struct plugin plugin = load_plugin(argv[1], argv[2]);
	int64_t clock_ns = clock_cost();
	measure(&plugin, "check", false, check_response, clock_ns);
	measure(&plugin, "update", true, update_response, clock_ns);
	plugin.close(&plugin.tap, 10000);
	return 0;
}
