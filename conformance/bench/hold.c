/* hold.c - what millions of held events cost: bench-hold fill FOLDER COUNT, then bench-hold release FOLDER COUNT
 *
 * `fill` makes a feed store in FOLDER. First it commits a full batch of updates of the usual size, which go out at
 * once: LMDB keeps on the heap what its largest transaction took. Then COUNT creates, of names in no order, in batches
 * as the publisher makes them; all are held. `release` opens that store in a process of its own, as after a restart,
 * with the file dropped from the page cache, moves the clock on until all is due, and takes out the first RELEASED of
 * them: each must stand where its time and number put it. Every line tells the process's anonymous memory (RssAnon):
 * the queue is to lie on the disk. Events are not signed, and the held ones short: the queue does not look at them.
 */
#include "publisher/feed.h"

#include "conformance/bench/tap.h"
#include "eppparse/change.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

/* A batch a second; every other name is of a zone whose delay is longer. */
enum { DELAY_S = 10 * 86400, LONGER_S = DELAY_S + 100, FEW = 10000, RELEASED = 100000 };
enum { SHORT_JWS = 64, USUAL_JWS = 900, FIRST = BATCH_MAX /* held event's number */ };

struct bench {
	struct config *config;
	struct feed_store *store;
	void *zmq;
	struct outlet *outlet;
	struct tallies tallies;
	struct feed *feed;
	struct batch batch;
};

static struct bench bench;

static long anonymous_kb(void)
{
	char line[256];
	long kb = -1;
	FILE *status = fopen("/proc/self/status", "re");
	while (status && kb < 0 && fgets(line, sizeof line, status))
		if (sscanf(line, "RssAnon: %ld", &kb) != 1)
			kb = -1;
	if (status)
		fclose(status);
	return kb;
}

static void load_config(const char *folder)
{
	char path[PATH_MAX], why[1024];
	snprintf(path, sizeof path, "%s/epptap.yaml", folder);
	FILE *file = fopen(path, "we");
	if (!file)
		give_up(path, "it can't be written");
	fprintf(file,
		"registry: https://registry.example\n"
		"state_dir: %s\n"
		"keys: {event: %s/none.pem}\n"
		"channels:\n"
		"  - name: public\n"
		"    bind: ipc://%s/public\n"
		"    delay: {create: %ds, zones: {co.example: {create: %ds}}}\n",
		folder, folder, folder, DELAY_S, LONGER_S);
	fclose(file);
	if (config_load(path, &bench.config, why, sizeof why) != RESULT_OK)
		give_up(path, why);
}

static void open_feed(void)
{
	char why[1024] = "out of memory";
	if (feed_store_open(bench.config->state_dir, bench.config->store_limit, false, &bench.store,
			    why, sizeof why) != RESULT_OK ||
	    feed_new(bench.config, bench.store, &bench.outlet, &bench.tallies, &bench.feed) !=
		    RESULT_OK)
		give_up("the feed", why);
}

static void prepare(const char *folder)
{
	char why[1024] = "out of memory";
	load_config(folder);
	bench.zmq = zmq_ctx_new();
	if (!bench.zmq || outlet_open(bench.zmq, &bench.config->channels[0], &bench.outlet, why,
				      sizeof why) != RESULT_OK)
		give_up("the channel", why);
	batch_init(&bench.batch);
}

static void clean_up(void)
{
	feed_free(&bench.feed);
	feed_store_close(&bench.store);
	outlet_close(&bench.outlet, 0);
	zmq_ctx_term(bench.zmq);
	batch_free(&bench.batch);
	config_free(&bench.config);
}

static void commit_at(const struct batch *batch, int64_t second)
{
	const struct clock_reading now = {.boottime_us = second * 1000000,
					  .wall_us = (1790000000 + second) * 1000000};
	if (feed_commit(bench.feed, batch, &now) != RESULT_OK)
		give_up("feed_commit", "it failed; is the disk full?");
}

static void add_event(enum change_verb verb, const char *name, size_t jws_size)
{
	static const char jws[USUAL_JWS];
	struct batch_item *item = &bench.batch.items[bench.batch.count];
	struct sign_job *job = &bench.batch.jobs[bench.batch.count++];
	*item = (struct batch_item){.object = CHANGE_DOMAIN, .verb = (uint8_t)verb};
	buffer_reset(&job->jws);
	buffer_append(&job->jws, jws, jws_size);
	job->is_signed = true;
	if (change_name_read(&item->name, name, strlen(name)) != RESULT_OK || job->jws.failed)
		give_up(name, "no name, or no memory");
}

static void commit_updates(void)
{
	for (bench.batch.count = 0; bench.batch.count < BATCH_MAX;)
		add_event(CHANGE_UPDATE, "known.example", USUAL_JWS);
	commit_at(&bench.batch, 0);
}

/* The held create that is the `nth`: multiplying scatters the names, and no two are the same. */
static void add_create(uint64_t nth)
{
	char name[64];
	snprintf(name, sizeof name, "n%08" PRIx32 "%s.example", (uint32_t)nth * 2654435761u,
		 nth % 2 ? ".co" : "");
	add_event(CHANGE_CREATE, name, SHORT_JWS);
}

static void tell_held(int64_t start_ns)
{
	uint64_t held = atomic_load(&bench.tallies.held);
	printf("hold     held %" PRIu64 "   RssAnon %ld kB   %.0f/s\n", held, anonymous_kb(),
	       (double)held * 1e9 / (double)(now_ns() - start_ns));
	fflush(stdout);
}

static void fill(uint64_t count)
{
	uint64_t tell_at = FEW;
	open_feed();
	commit_updates();
	int64_t start_ns = now_ns();
	for (uint64_t nth = 0; nth < count;) {
		int64_t second = (int64_t)(nth / BATCH_DELAYED_MAX);
		for (bench.batch.count = 0; bench.batch.count < BATCH_DELAYED_MAX && nth < count;)
			add_create(nth++);
		commit_at(&bench.batch, second);
		if (nth >= tell_at) {
			tell_held(start_ns);
			tell_at *= 10;
		}
	}
	tell_held(start_ns);
	if (atomic_load(&bench.tallies.held) != count)
		give_up("the queue", "it does not hold all");
}

static void drop_from_page_cache(const char *folder)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/" FEED_STORE_FOLDER "/data.mdb", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fdatasync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		give_up(path, "it can't be read");
	close(fd);
}

static int64_t due_second(uint64_t nth)
{
	return (int64_t)(nth / BATCH_DELAYED_MAX) + (nth % 2 ? LONGER_S : DELAY_S);
}

/* The number of the event that must follow: the two zones' next ones are merged by time and number. */
static uint64_t next_expected(uint64_t count)
{
	static uint64_t short_one = 0, longer_one = 1;
	int64_t short_due = due_second(short_one), longer_due = due_second(longer_one);
	bool is_short = short_one < count && (longer_one >= count || short_due < longer_due ||
					      (short_due == longer_due && short_one < longer_one));
	uint64_t *next = is_short ? &short_one : &longer_one;
	*next += 2;
	return FIRST + *next - 2;
}

/* Looks at the places from `index` on; the index after the last. */
static uint64_t check_places(uint64_t index, uint64_t count)
{
	struct feed_txn txn;
	struct channel_record record;
	uint64_t number;
	if (feed_txn_begin(bench.store, true, &txn) != RESULT_OK ||
	    feed_txn_channel(&txn, "public", false, &record) != RESULT_OK)
		give_up("the feed store", "it can't be read");
	for (; index < record.next_index; index++)
		if (feed_txn_placed(&txn, &record, index, &number) != RESULT_OK ||
		    number != next_expected(count))
			give_up("the queue", "released out of order");
	feed_txn_abort(&txn);
	return index;
}

static void release(const char *folder, uint64_t count)
{
	uint64_t released = 0, wanted = count < RELEASED ? count : RELEASED;
	drop_from_page_cache(folder);
	int64_t start_ns = now_ns();
	open_feed();
	int64_t opened_ns = now_ns();
	printf("hold     opened %" PRIu64 " in %.1f ms   RssAnon %ld kB\n",
	       atomic_load(&bench.tallies.held), (double)(opened_ns - start_ns) / 1e6,
	       anonymous_kb());
	if (atomic_load(&bench.tallies.held) != count)
		give_up("the queue", "it does not hold all");
	while (released < wanted) {
		commit_at(NULL, due_second(count | 1));
		released = check_places(FIRST + released, count) - FIRST;
	}
	if (atomic_load(&bench.tallies.held) != count - released)
		give_up("the queue", "what is left does not add up");
	printf("hold     released %" PRIu64 " in order   RssAnon %ld kB   %.0f/s\n", released,
	       anonymous_kb(), (double)released * 1e9 / (double)(now_ns() - opened_ns));
}

int main(int argc, char **argv)
{
	uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	if (count == 0)
		give_up("usage", "bench-hold fill|release FOLDER COUNT");
	prepare(argv[2]);
	if (strcmp(argv[1], "fill") == 0)
		fill(count);
	else
		release(argv[2], count);
	clean_up();
	return 0;
}
