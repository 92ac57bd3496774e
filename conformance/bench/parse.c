/* parse.c - what reading a command with its response costs: bench-parse [ROUNDS]
 *
 * eppparse against xmlReadMemory of the same bytes, both frames, freed each time: the ratio, of each kind of pair and of
 * all. In turns, so that a machine that drifts does so for both.
 */
#include "conformance/bench/frames.h"
#include "eppparse/eppparse.h"

#include <libxml/parser.h>

enum { ROUNDS = 20, PAIRS = 2000, SECOND = 1000000000 };

static struct eppparse *parse;
static struct change change;
static struct frame_pair pairs[PAIRS];

/* Of the processor's time, not of the wall's: others may be at work, too. */
static int64_t cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static int64_t by_eppparse(void)
{
	int64_t start = cpu_ns();
	for (int i = 0; i < PAIRS; i++)
		if (eppparse_pair(parse, pairs[i].command, pairs[i].command_size, pairs[i].response,
				  pairs[i].response_size, &change) != EPPPARSE_CHANGE)
			give_up("parse", "a pair is no change");
	return cpu_ns() - start;
}

static void read_tree(const char *frame, size_t size)
{
	xmlDocPtr tree = xmlReadMemory(frame, (int)size, NULL, NULL, XML_PARSE_NONET);
	if (!tree)
		give_up("parse", "libxml2 does not read a frame");
	xmlFreeDoc(tree);
}

static int64_t by_tree(void)
{
	int64_t start = cpu_ns();
	for (int i = 0; i < PAIRS; i++) {
		read_tree(pairs[i].command, pairs[i].command_size);
		read_tree(pairs[i].response, pairs[i].response_size);
	}
	return cpu_ns() - start;
}

struct sums {
	int64_t ours, trees;
	uint64_t pairs;
};

static void measure(unsigned kind, int rounds, struct sums *all)
{
	struct sums sums = {.pairs = (uint64_t)rounds * PAIRS};
	for (int round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < PAIRS; i++)
			write_pair(&pairs[i], kind, (unsigned)round * PAIRS + i);
		sums.ours += by_eppparse();
		sums.trees += by_tree();
	}
	printf("parse    %-8s %4zu + %3zu bytes   eppparse %5.2f us   xmlReadMemory %5.2f us   "
	       "ratio %.2f\n",
	       frame_formats[kind].what, pairs[0].command_size, pairs[0].response_size,
	       (double)sums.ours / (double)sums.pairs / 1000,
	       (double)sums.trees / (double)sums.pairs / 1000,
	       (double)sums.ours / (double)sums.trees);
	all->ours += sums.ours;
	all->trees += sums.trees;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	struct sums all = {0};
	if (eppparse_new(&parse) != RESULT_OK || eppparse_silence_thread() != RESULT_OK)
		give_up("parse", "no memory");
	change_init(&change);
	for (unsigned kind = 0; kind < FRAME_KINDS; kind++)
		measure(kind, rounds, &all);
	printf("parse    all      ratio %.2f (goal: 0.50 or less)\n",
	       (double)all.ours / (double)all.trees);
	change_free(&change);
	eppparse_free(&parse);
	return 0;
}
