/* memory.c - does a parser grow with the names that it sees? bench-memory [FRAMES]
 *
 * FRAMES frames, half of them commands and half responses, of which no two have a name in common, through one parser:
 * the resident size after a tenth of them and at the end. It tells the flat from the growing at 10 million (`bench-memory
 * 10000000`, some minutes); `make bench` has it do fewer.
 */
#include "conformance/bench/frames.h"
#include "eppparse/eppparse.h"

#include <unistd.h>

enum { FRAMES = 1000000 };

static long resident_kib(void)
{
	long pages = 0, unused;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file || fscanf(file, "%ld %ld", &unused, &pages) != 2)
		give_up("/proc/self/statm", "can't be read");
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
	unsigned long frames = argc > 1 ? strtoul(argv[1], NULL, 10) : FRAMES;
	static struct frame_pair pair;
	struct eppparse *parse;
	struct change change;
	long early = 0;
	if (frames < 20 || eppparse_new(&parse) != RESULT_OK ||
	    eppparse_silence_thread() != RESULT_OK)
		give_up("memory", "20 frames at least; or no memory");
	change_init(&change);
	for (unsigned long i = 0; i < frames / 2; i++) {
		write_pair(&pair, (unsigned)i, (unsigned)i);
		if (eppparse_pair(parse, pair.command, pair.command_size, pair.response,
				  pair.response_size, &change) != EPPPARSE_CHANGE)
			give_up("memory", "a pair is no change");
		if (i + 1 == frames / 20)
			early = resident_kib();
	}
	long late = resident_kib();
	printf("memory   resident %ld KiB at %lu frames, %ld KiB at %lu\n", early, frames / 10,
	       late, frames);
	change_free(&change);
	eppparse_free(&parse);
	return 0;
}
