/* forks.c - a front end that forks after it opened the tap
 *
 *   forks EPPTAP.SO CONFIG CHILDREN [anew]
 *
 * One thread shows changes all the time, a timer interrupts, and two threads fork CHILDREN children each. A child's
 * every call must answer EPPTAP_EFORK, its close forget the handle; then it ends, by exit(), _exit() or exec, in
 * turn. With `anew` one more child opens the state directory for itself, and shows change 1000000. Then the parent
 * waits until all is durable and closes. Prints how many changes the parent showed. Exit 0: all ended by themselves,
 * and well; 1: as stderr says.
 */
#include "conformance/guest/host.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FORKERS = 2, PATIENCE_S = 30, CLOSE_MS = 5000, OF_THE_CHILD = 1000000 };

static struct host host;
static struct epptap_stream *stream;
static atomic_bool ended, failed;
static unsigned shown;

static void fail(const char *what)
{
	atomic_store(&failed, true);
	fprintf(stderr, "forks: %s\n", what);
}

static void interrupt(int number)
{
	(void)number;
}

static void *run_front_end(void *unused)
{
	const struct timespec pause = {.tv_nsec = 100000};
	while (!atomic_load(&ended)) {
		if (host_show(&host, shown) == EPPTAP_OK)
			shown++;
		else
			fail("a change was not taken");
		nanosleep(&pause, NULL);
	}
	return unused;
}

static void be_child(unsigned number)
{
	bool good = host_all_answer(&host, stream, EPPTAP_EFORK);
	host.stream_free(&stream);
	host.close(&host.tap, CLOSE_MS);
	int status = good && !host.tap && !stream ? EXIT_SUCCESS : EXIT_FAILURE;
	if (number % 3 == 0)
		exit(status); /* NOLINT(concurrency-mt-unsafe): what it does is the question */
	if (number % 3 == 1 && status == EXIT_SUCCESS)
		execl("/bin/true", "true", NULL);
	_exit(status);
}

/* Waits for a child; one that hangs is killed. */
static void await(pid_t child, const char *what)
{
	int status;
	if (!host_await(child, PATIENCE_S, &status)) {
		fprintf(stderr, "forks: a child hangs: %s\n", what);
		fail(what);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
		fprintf(stderr, "forks: status %x: ", (unsigned)status);
		fail(what);
	}
}

static void *run_forker(void *children)
{
	static const char *const ways[] = {"a child that exits", "a child that executes another",
					   "a child that ends at once"};
	for (unsigned number = 0; number < *(unsigned *)children && !atomic_load(&failed);
	     number++) {
		pid_t child = fork();
		if (child == 0)
			be_child(number);
		if (child < 0)
			fail("no process is to be had");
		else
			await(child, ways[number % 3]);
	}
	return NULL;
}

static void open_anew(const char *config)
{
	char why[HOST_WHY_SIZE];
	pid_t child = fork();
	if (child > 0)
		await(child, "a child that opens anew");
	if (child != 0)
		return;
	host.close(&host.tap, 0);
	bool good = host.open(config, &host.tap, why, sizeof why) == EPPTAP_OK;
	if (!good)
		fprintf(stderr, "%s\n", why);
	good = good && host_show(&host, OF_THE_CHILD) == EPPTAP_OK &&
	       host.flush(host.tap, HOST_PATIENCE_MS) == EPPTAP_OK;
	if (good)
		host.close(&host.tap, CLOSE_MS);
	_exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
	const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	pthread_t front_end, forkers[FORKERS];
	bool anew = argc == 5 && strcmp(argv[4], "anew") == 0;
	if (argc != 4 + anew || !host_open(&host, argv[1], argv[2]) ||
	    host.stream_new(host.tap, NULL, &stream) != EPPTAP_OK) {
		fprintf(stderr, "usage: forks EPPTAP.SO CONFIG CHILDREN [anew]\n");
		return EXIT_FAILURE;
	}
	unsigned children = (unsigned)strtoul(argv[3], NULL, 10);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	pthread_create(&front_end, NULL, run_front_end, NULL);
	for (int i = 0; i < FORKERS; i++)
		pthread_create(&forkers[i], NULL, run_forker, &children);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(forkers[i], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	atomic_store(&ended, true);
	pthread_join(front_end, NULL);
	if (anew)
		open_anew(argv[2]);
	host.stream_free(&stream);
	if (host.flush(host.tap, HOST_PATIENCE_MS) != EPPTAP_OK)
		fail("the flush was not in time");
	host.close(&host.tap, CLOSE_MS);
	printf("%u\n", shown);
	return atomic_load(&failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}
