/* readers.h - many subscribers of one socket, in processes of their own, that do nothing but count
 *
 * What they cost is nobody's whom a benchmark measures. Events are counted for each reader; a message whose topic begins
 * with ~ is a probe, which says that the reader's subscription has arrived. Counts lie in memory that all share.
 */
#ifndef CONFORMANCE_BENCH_READERS_H
#define CONFORMANCE_BENCH_READERS_H

#include "conformance/bench/tap.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum {
	READERS_MAX = 500,
	READERS_A_PROCESS = 125,
	READER_PROCESSES = READERS_MAX / READERS_A_PROCESS,
	READER_KEY = 41, /* z85, with its NUL */
	READER_PAUSE_NS = 1000000,
};

struct reader {
	_Atomic bool is_ready;
	_Atomic unsigned heard;
};

struct readers {
	const char *endpoint, *server_key; /* the key NULL: a plain channel */
	size_t count;
	struct reader *all;
	pid_t processes[READER_PROCESSES];
};

static inline void bench_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = READER_PAUSE_NS}, NULL);
}

/* Forks; in the child, which ends when its parent does, *pid is 0. */
static inline void fork_child(pid_t *pid)
{
	pid_t parent = getpid();
	*pid = fork();
	if (*pid < 0)
		give_up("fork", strerror(errno));
	if (*pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
		_exit(1);
}

static inline void *reader_connect(void *zmq, const struct readers *readers)
{
	char public[READER_KEY], secret[READER_KEY];
	int none = 0;
	void *socket = zmq_socket(zmq, ZMQ_SUB);
	if (!socket || zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none) != 0 ||
	    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) != 0)
		give_up("a subscriber", zmq_strerror(errno));
	if (readers->server_key &&
	    (zmq_curve_keypair(public, secret) != 0 ||
	     zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, readers->server_key, READER_KEY - 1) !=
		     0 ||
	     zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public, READER_KEY - 1) != 0 ||
	     zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, READER_KEY - 1) != 0))
		give_up("a subscriber's key", zmq_strerror(errno));
	if (zmq_connect(socket, readers->endpoint) != 0)
		give_up(readers->endpoint, zmq_strerror(errno));
	return socket;
}

/* Takes what is there. False: nothing. */
static inline bool reader_take(void *socket, struct reader *reader)
{
	bool any = false;
	zmq_msg_t frame;
	zmq_msg_init(&frame);
	while (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0) {
		any = true;
		bool is_probe = *(const char *)zmq_msg_data(&frame) == '~';
		while (zmq_msg_more(&frame))
			zmq_msg_recv(&frame, socket, 0);
		if (is_probe)
			atomic_store(&reader->is_ready, true);
		else
			atomic_fetch_add(&reader->heard, 1);
	}
	zmq_msg_close(&frame);
	return any;
}

/* Each process has a piece of the readers, which are in one context; for ever. */
static inline _Noreturn void run_readers(const struct readers *readers, size_t first, size_t count)
{
	void *zmq = zmq_ctx_new(), *sockets[READERS_A_PROCESS];
	for (size_t i = 0; i < count; i++)
		sockets[i] = reader_connect(zmq, readers);
	for (;;) {
		bool any = false;
		for (size_t i = 0; i < count; i++)
			any |= reader_take(sockets[i], &readers->all[first + i]);
		if (!any)
			bench_pause();
	}
}

/* Starts `count` of them; readers_end() ends them. */
static inline void readers_begin(struct readers *readers)
{
	readers->all = mmap(NULL, READERS_MAX * sizeof *readers->all, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (readers->all == MAP_FAILED)
		give_up("mmap", strerror(errno));
	for (size_t i = 0, first = 0; first < readers->count; i++, first += READERS_A_PROCESS) {
		size_t left = readers->count - first;
		fork_child(&readers->processes[i]);
		if (readers->processes[i] == 0)
			run_readers(readers, first,
				    left < READERS_A_PROCESS ? left : READERS_A_PROCESS);
	}
}

/* Has each of them heard a probe? */
static inline bool readers_are_ready(const struct readers *readers)
{
	for (size_t i = 0; i < readers->count; i++)
		if (!atomic_load(&readers->all[i].is_ready))
			return false;
	return true;
}

/* Waits until each has heard so many events. */
static inline void readers_wait(const struct readers *readers, unsigned events)
{
	int64_t end_ns = now_ns() + INT64_C(60000000000);
	for (size_t i = 0; i < readers->count; i++)
		while (atomic_load(&readers->all[i].heard) < events) {
			if (now_ns() > end_ns)
				give_up("a subscriber", "it lacks events, after a minute");
			bench_pause();
		}
}

static inline void readers_end(struct readers *readers)
{
	for (size_t i = 0; i < READER_PROCESSES; i++)
		if (readers->processes[i] > 0) {
			kill(readers->processes[i], SIGKILL);
			waitpid(readers->processes[i], NULL, 0);
		}
	memset(readers->processes, 0, sizeof readers->processes);
	munmap(readers->all, READERS_MAX * sizeof *readers->all);
}

#endif
