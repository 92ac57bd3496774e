/* client.c - registrars' connections under load, for `make bench-hosts`
 *
 *   bench-client PORT CONNECTIONS COMMANDS RATE NAME
 *
 * Opens CONNECTIONS over TLS to 127.0.0.1, each by a thread of its own: logs in and makes a domain. When all have,
 * each sends COMMANDS, one after the other: in twelve, one update that is a change, five infos and six checks, which
 * is about what a registry sees. With RATE 0 the next follows upon the answer; else all connections together send
 * RATE commands a second, each at its time, from which its answer is waited for, however late the command could be
 * sent. Each answer must be a success. The domains are deleted in the end. Prints "COMMANDS SECONDS P50 P99", the
 * times to the answer in microseconds. Exit 0; 1: as stderr says.
 *
 * A command costs it some microseconds, as TLS does at the other end: it shares the machine, in all runs alike.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EPP    "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command>"
#define DOMAIN "xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\""
#define ENDS   "<clTRID>bench</clTRID></command></epp>"

enum { FRAME_SIZE = 65536, HEADER = 4, CYCLE = 12, INFOS = 5, CONNECTIONS_MOST = 256 };

struct connection {
	pthread_t thread;
	SSL *ssl;
	unsigned number;
	uint32_t *took_us;
	bool locked, failed;
	char answer[FRAME_SIZE];
};

static struct {
	SSL_CTX *context;
	const char *name;
	uint16_t port;
	unsigned commands, connections, rate;
	int64_t begun_us;
	pthread_barrier_t ready, done;
} bench;

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool read_exactly(SSL *ssl, char *bytes, size_t size)
{
	for (size_t at = 0, got; at < size; at += got)
		if (SSL_read_ex(ssl, bytes + at, size - at, &got) != 1)
			return false;
	return true;
}

static bool read_frame(struct connection *connection)
{
	uint8_t header[HEADER];
	if (!read_exactly(connection->ssl, (char *)header, HEADER))
		return false;
	size_t size = ((size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 |
		       header[3]) -
		      HEADER;
	if (size >= FRAME_SIZE || !read_exactly(connection->ssl, connection->answer, size))
		return false;
	connection->answer[size] = '\0';
	return true;
}

/* Sends a command as one write, and reads its answer. */
static bool ask(struct connection *connection, const char *command)
{
	char frame[2048];
	size_t size = strlen(command) + HEADER, put;
	if (size > sizeof frame)
		return false;
	const char header[HEADER] = {(char)(size >> 24), (char)(size >> 16), (char)(size >> 8),
				     (char)size};
	memcpy(frame, header, HEADER);
	memcpy(frame + HEADER, command, size - HEADER);
	if (SSL_write_ex(connection->ssl, frame, size, &put) == 1 && read_frame(connection) &&
	    strstr(connection->answer, "code=\"1000\""))
		return true;
	fprintf(stderr, "bench-client: %s is answered with %.300s\n", command, connection->answer);
	return false;
}

/* One of a domain; `content` stands behind its name. */
static bool ask_domain(struct connection *connection, const char *verb, const char *content)
{
	char command[1024];
	snprintf(command, sizeof command,
		 EPP "<%s><d:%s " DOMAIN "><d:name>%s-%u.example</d:name>%s</d:%s></%s>" ENDS, verb,
		 verb, bench.name, connection->number, content, verb, verb);
	return ask(connection, command);
}

static bool ask_next(struct connection *connection, unsigned number)
{
	unsigned place = (number + connection->number) % CYCLE;
	if (place > INFOS)
		return ask_domain(connection, "check", "");
	if (place > 0)
		return ask_domain(connection, "info", "");
	connection->locked = !connection->locked;
	return ask_domain(connection, "update",
			  connection->locked ? "<d:add><d:status s=\"clientHold\"/></d:add>"
					     : "<d:rem><d:status s=\"clientHold\"/></d:rem>");
}

static bool connect_to(struct connection *connection)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons(bench.port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	connection->ssl = SSL_new(bench.context);
	return fd >= 0 && connection->ssl &&
	       connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
	       SSL_set_fd(connection->ssl, fd) == 1 && SSL_connect(connection->ssl) == 1;
}

/* Waits for the time of a connection's next command, if it has one; returns when it was. */
static int64_t await_time(const struct connection *connection, unsigned number)
{
	if (bench.rate == 0)
		return now_us();
	uint64_t place = (uint64_t)number * bench.connections + connection->number;
	int64_t due_us = bench.begun_us + (int64_t)(place * 1000000 / bench.rate);
	const struct timespec due = {.tv_sec = due_us / 1000000,
				     .tv_nsec = due_us % 1000000 * 1000};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
	return due_us;
}

static bool begin(struct connection *connection)
{
	if (!connect_to(connection) || !read_frame(connection)) {
		fprintf(stderr, "bench-client: no connection to port %u\n", bench.port);
		return false;
	}
	return ask(connection,
		   EPP "<login><clID>ClientX</clID><pw>made-up</pw><options><version>1.0"
		       "</version><lang>en</lang></options><svcs><objURI>"
		       "urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>" ENDS) &&
	       ask_domain(connection, "create", "<d:authInfo><d:pw>made-up</d:pw></d:authInfo>");
}

static void *run(void *context)
{
	struct connection *connection = context;
	bool good = begin(connection);
	pthread_barrier_wait(&bench.ready);
	pthread_barrier_wait(&bench.ready); /* the time to begin at is known */
	for (unsigned number = 0; good && number < bench.commands; number++) {
		int64_t begun_us = await_time(connection, number);
		good = ask_next(connection, number);
		connection->took_us[number] = (uint32_t)(now_us() - begun_us);
	}
	pthread_barrier_wait(&bench.done);
	connection->failed = !good || !ask_domain(connection, "delete", "");
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* Starts all, and waits until all are done: the seconds in between. A thread that can't be had ends the program. */
static double run_all(struct connection *connections, unsigned count, uint32_t *took_us)
{
	pthread_barrier_init(&bench.ready, NULL, count + 1);
	pthread_barrier_init(&bench.done, NULL, count + 1);
	for (unsigned i = 0; i < count; i++) {
		connections[i].number = i;
		connections[i].took_us = took_us + (size_t)i * bench.commands;
		if (pthread_create(&connections[i].thread, NULL, run, &connections[i]) != 0) {
			fprintf(stderr, "bench-client: no thread is to be had\n");
			_exit(EXIT_FAILURE);
		}
	}
	pthread_barrier_wait(&bench.ready);
	bench.begun_us = now_us();
	pthread_barrier_wait(&bench.ready);
	pthread_barrier_wait(&bench.done);
	double seconds = (double)(now_us() - bench.begun_us) / 1e6;
	for (unsigned i = 0; i < count; i++)
		pthread_join(connections[i].thread, NULL);
	return seconds;
}

int main(int argc, char **argv)
{
	static struct connection connections[CONNECTIONS_MOST];
	unsigned count = argc == 6 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	bench.commands = argc == 6 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	size_t all = (size_t)count * bench.commands;
	uint32_t *took_us = all && count <= CONNECTIONS_MOST ? calloc(all, sizeof *took_us) : NULL;
	if (!took_us) {
		fprintf(stderr, "usage: bench-client PORT CONNECTIONS COMMANDS RATE NAME\n");
		return EXIT_FAILURE;
	}
	bench.port = (uint16_t)strtoul(argv[1], NULL, 10);
	bench.rate = (unsigned)strtoul(argv[4], NULL, 10);
	bench.name = argv[5];
	bench.connections = count;
	bench.context = SSL_CTX_new(TLS_client_method());
	double seconds = run_all(connections, count, took_us);
	int status = EXIT_SUCCESS;
	for (unsigned i = 0; i < count; i++)
		if (connections[i].failed)
			status = EXIT_FAILURE;
	qsort(took_us, all, sizeof *took_us, compare);
	printf("%zu %.6f %u %u\n", all, seconds, took_us[all / 2], took_us[all - 1 - all / 100]);
	free(took_us);
	return status;
}
