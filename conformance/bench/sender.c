/* sender.c - a sender's processor time for each event: bench-sender CONFIG SERVER_PUB [ROUNDS]
 *
 * The sender is what epptapd runs for a channel (publisher/sender.h), in a process of its own, fed through its relay.
 * Beside it, a bare PUB socket of libzmq, which has the same messages in its memory already. Both are told to send bursts
 * as large as the publisher's batches, each once all subscribers have the one before, and their processes' clocks are
 * read before and after. They take turns; the median of their ratios counts.
 * CONFIG has a channel with CURVE and `clients: any`, and one without. Exit 1 if a ratio that is judged is over MOST.
 */
#include "conformance/bench/readers.h"

#include "base/config.h"
#include "publisher/relay.h"
#include "publisher/sender.h"

#include <sys/socket.h>

#define MOST 1.3

enum {
	BURST = 512,
	JWS_SIZE = 900,
	TOPIC_SIZE = 32,
	ROUNDS = 3,
	ROUNDS_MAX = 99,
	FLUSH_MS = 10000,
	PROBE_NS = 50000000,
	JUDGED = 50, /* subscribers; with fewer, handing a message on costs more than sending it */
};

/* One side of the comparison: a process that sends. */
struct source {
	pid_t pid;
	int fd;
	struct relay *relay; /* NULL: the bare one */
	clockid_t clock;
};

struct bench {
	struct config *config;
	const struct config_channel *channel;
	size_t channel_number;
	char server_key[READER_KEY];
	char jws[JWS_SIZE];
	struct score *score;
};

static void topic_of(unsigned number, char topic[TOPIC_SIZE])
{
	snprintf(topic, TOPIC_SIZE, "example.bench-%08u.", number);
}

/* The bare PUB */

static void *bare_socket(const struct bench *bench)
{
	const struct config_channel *channel = bench->channel;
	char secret[READER_KEY] = "";
	int on = 1, most = (int)channel->high_water_mark;
	void *socket = zmq_socket(zmq_ctx_new(), ZMQ_PUB);
	if (!socket || zmq_setsockopt(socket, ZMQ_SNDHWM, &most, sizeof most) != 0)
		give_up("bare PUB", zmq_strerror(errno));
	if (channel->curve_secret) {
		FILE *file = fopen(channel->curve_secret, "r");
		if (!file || !fgets(secret, sizeof secret, file))
			give_up(channel->curve_secret, "it can't be read");
		fclose(file);
		if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) != 0 ||
		    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, READER_KEY - 1) != 0)
			give_up("bare PUB", zmq_strerror(errno));
	}
	if (zmq_bind(socket, channel->bind) != 0)
		give_up(channel->bind, zmq_strerror(errno));
	return socket;
}

static void bare_send(void *socket, const struct bench *bench, const char *topic, unsigned index)
{
	char digits[16];
	int length = snprintf(digits, sizeof digits, "%u", index);
	zmq_send(socket, topic, strlen(topic), ZMQ_SNDMORE);
	zmq_send(socket, digits, (size_t)length, ZMQ_SNDMORE);
	zmq_send(socket, bench->jws, JWS_SIZE, 0);
}

/* Is told how many to send; 0: a probe. */
static _Noreturn void run_bare(const struct bench *bench, int fd)
{
	void *socket = bare_socket(bench);
	char topic[TOPIC_SIZE];
	unsigned count, index = 0;
	while (read(fd, &count, sizeof count) == sizeof count) {
		if (count == 0)
			bare_send(socket, bench, "~probe", 0);
		for (; count > 0; count--) {
			topic_of(index, topic);
			bare_send(socket, bench, topic, index++);
		}
	}
	_exit(0);
}

/* Either */

static void start(struct source *source, const struct bench *bench, bool bare)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		give_up("socketpair", strerror(errno));
	*source = (struct source){.fd = ends[0]};
	fork_child(&source->pid);
	if (source->pid == 0) {
		close(ends[0]);
		if (bare)
			run_bare(bench, ends[1]);
		_exit(sender_run(bench->config, bench->channel_number, ends[1], bench->score));
	}
	close(ends[1]);
	if ((!bare && relay_new(source->fd, &source->relay) != RESULT_OK) ||
	    clock_getcpuclockid(source->pid, &source->clock) != 0)
		give_up("a sender", "it can't be started");
}

static void probe(const struct source *source)
{
	const unsigned none = 0;
	if (source->relay)
		relay_send(source->relay, "~probe", 0, "probe", 5);
	else if (write(source->fd, &none, sizeof none) != sizeof none)
		give_up("bare PUB", "it ended");
}

static void send_burst(const struct source *source, const struct bench *bench, unsigned first)
{
	const unsigned count = BURST;
	char topic[TOPIC_SIZE];
	if (!source->relay && write(source->fd, &count, sizeof count) != sizeof count)
		give_up("bare PUB", "it ended");
	for (unsigned i = 0; source->relay && i < BURST; i++) {
		topic_of(first + i, topic);
		relay_send(source->relay, topic, first + i, bench->jws, JWS_SIZE);
	}
	if (source->relay)
		relay_flush(source->relay, FLUSH_MS);
}

static int64_t used_ns(const struct source *source)
{
	struct timespec used;
	if (clock_gettime(source->clock, &used) != 0)
		give_up("a sender", "it ended");
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static void stop(struct source *source)
{
	kill(source->pid, source->relay ? SIGTERM : SIGKILL);
	waitpid(source->pid, NULL, 0);
	if (source->relay && relay_dropped(source->relay) > 0)
		give_up("a sender", "messages were dropped on the way to it");
	relay_free(&source->relay);
	close(source->fd);
}

/* Nanoseconds of processor for each of so many bursts' events. */
static double measure(const struct bench *bench, bool bare, size_t subscribers, unsigned bursts)
{
	struct source source;
	struct readers readers = {.endpoint = bench->channel->bind, .count = subscribers};
	if (bench->channel->curve_secret)
		readers.server_key = bench->server_key;
	start(&source, bench, bare);
	readers_begin(&readers);
	while (!readers_are_ready(&readers)) {
		probe(&source);
		nanosleep(&(struct timespec){.tv_nsec = PROBE_NS}, NULL);
	}
	int64_t before_ns = used_ns(&source);
	for (unsigned i = 1; i <= bursts; i++) {
		send_burst(&source, bench, (i - 1) * BURST);
		readers_wait(&readers, i * BURST);
	}
	double each_ns = (double)(used_ns(&source) - before_ns) / bursts / BURST;
	readers_end(&readers);
	stop(&source);
	return each_ns;
}

static int compare(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;
	return (difference > 0) - (difference < 0);
}

static double median(double *numbers, int count)
{
	qsort(numbers, (size_t)count, sizeof *numbers, compare);
	return numbers[count / 2];
}

/* False: the ratio is judged, and too large. */
static bool compare_with_bare(const struct bench *bench, size_t subscribers, unsigned bursts,
			      int rounds)
{
	double ours[ROUNDS_MAX] = {0}, bare[ROUNDS_MAX] = {0}, ratios[ROUNDS_MAX] = {0};
	for (int i = 0; i < rounds; i++) {
		bare[i] = measure(bench, true, subscribers, bursts);
		ours[i] = measure(bench, false, subscribers, bursts);
		ratios[i] = ours[i] / bare[i];
	}
	double ratio = median(ratios, rounds);
	bool good = subscribers < JUDGED || ratio <= MOST;
	printf("sender   %s, %3zu subscriber%s: %7.2f us of processor an event, a bare PUB %7.2f: "
	       "%.2f times (%.2f to %.2f)%s\n",
	       bench->channel->curve_secret ? "CURVE" : "plain", subscribers,
	       subscribers == 1 ? " " : "s", median(ours, rounds) / 1000,
	       median(bare, rounds) / 1000, ratio, ratios[0], ratios[rounds - 1],
	       good ? "" : ": over 1.3");
	fflush(stdout);
	return good;
}

static void open_all(struct bench *bench, const char *config, const char *server_pub)
{
	const struct rlimit many = {.rlim_cur = 4096, .rlim_max = 4096};
	char why[1024];
	sigset_t signals;
	FILE *file = fopen(server_pub, "r");
	if (config_load(config, &bench->config, why, sizeof why) != RESULT_OK)
		give_up(config, why);
	if (!file || !fgets(bench->server_key, sizeof bench->server_key, file))
		give_up(server_pub, "it can't be read");
	fclose(file);
	for (int i = 0; i < JWS_SIZE; i++)
		bench->jws[i] = (char)('a' + i % 26);
	bench->score = calloc(1, sizeof *bench->score);
	if (!bench->score || setrlimit(RLIMIT_NOFILE, &many) != 0)
		give_up("bench", "no memory, or no 4096 descriptors to be had");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM); /* as a sender must find it */
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	static const struct {
		size_t subscribers;
		unsigned bursts;
	} runs[] = {{1, 40}, {50, 30}, {500, 1}};
	int rounds = argc > 3 ? atoi(argv[3]) : ROUNDS;
	bool good = true;
	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX)
		give_up("usage", "bench-sender CONFIG SERVER_PUB [ROUNDS, up to 99]");
	open_all(&bench, argv[1], argv[2]);
	for (size_t i = 0; i < bench.config->channel_count; i++)
		for (size_t run = 0; run < sizeof runs / sizeof *runs; run++) {
			bench.channel = &bench.config->channels[i];
			bench.channel_number = i;
			good &= compare_with_bare(&bench, runs[run].subscribers, runs[run].bursts,
						  rounds);
		}
	config_free(&bench.config);
	free(bench.score);
	return !good;
}
