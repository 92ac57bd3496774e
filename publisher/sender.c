#include "publisher/sender.h"

#include "base/clock.h"
#include "base/log.h"
#include "publisher/outlet.h"
#include "publisher/pace.h"
#include "publisher/relay.h"
#include "publisher/zmq_context.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
	/* Writable memory. libzmq keeps each subscription of each stranger; what goes beyond this fails an allocation,
	 * at which libzmq ends the process. A subscriber takes some 70 KiB, and up to 2 MiB more if it reads nothing
	 * and high_water_mark is at its default. */
	MEMORY_MAX = 256 << 20,
	DESCRIPTORS_MAX = 65536,  /* as many as may be had, up to this: each connection takes one */
	CONNECTIONS_PERCENT = 85, /* of them; others may come before they are counted */
	MESSAGES_AT_ONCE = 256,   /* between looks at the door and at signals */
	MEMORY_BUSY = MEMORY_MAX / 2, /* beyond this libzmq is given time to send */
	BUSY_MS = 100,
	BUSY_LONGEST_MS = 1000,
	HURRY_US = 5000000, /* nor then for so long, if that was of no use */
	BIND_AGAIN_MS = 200,
	IDLE_MS = 1000,
	COMPLAINT_US = 10000000,
	LINGER_MS = 1000,
};

struct sender {
	const struct config_channel *channel;
	int fd;
	int signals; /* a signalfd of SIGTERM */
	struct score *score;
	void *zmq;
	struct door *door;
	struct outlet *outlet;
	int64_t complained_us; /* 0: not yet */
	int64_t hurry_us;      /* until then it is not waited for libzmq */
	char room[RELAY_MESSAGE_MAX];
};

/* A sanitizer's shadow is larger than any limit, and counts. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static void limit_memory(void)
{
	const struct rlimit limit = {.rlim_cur = MEMORY_MAX, .rlim_max = MEMORY_MAX};
	if (!SANITIZED && setrlimit(RLIMIT_DATA, &limit) != 0)
		log_warning("a sender's memory can't be limited");
}

static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	setrlimit(RLIMIT_NOFILE, &limit); /* with fewer, there are fewer connections */
}

static int open_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int open_parts(struct sender *sender, const struct config *config, char *why,
		      size_t why_size)
{
	/* The door needs to know this channel's guests alone. */
	struct config own = *config;
	own.channels = (struct config_channel *)sender->channel;
	own.channel_count = 1;
	snprintf(why, why_size, "no memory, or no descriptor to be had");
	sender->signals = open_signals();
	sender->zmq = zmq_context_new(2);
	if (sender->signals < 0 || !sender->zmq)
		return RESULT_NOMEM;
	int result = door_open(sender->zmq, &own, &sender->door, why, why_size);
	if (result == RESULT_OK)
		result = outlet_open(sender->zmq, sender->channel, &sender->outlet, why, why_size);
	if (result != RESULT_OK)
		return result;
	door_count_in(sender->door, &sender->score->door);
	atomic_store(&sender->score->door.connected, 0); /* my predecessor's are gone */
	return outlet_watch(sender->outlet, zmq_context_connections(1, CONNECTIONS_PERCENT),
			    &sender->score->door, why, why_size);
}

static void close_parts(struct sender *sender)
{
	outlet_close(&sender->outlet, LINGER_MS);
	door_close(&sender->door);
	if (sender->zmq)
		zmq_ctx_term(sender->zmq); /* waits for LINGER_MS at most */
	if (sender->signals >= 0)
		close(sender->signals);
}

static bool bind_outlet(struct sender *sender)
{
	bool bound = outlet_bind(sender->outlet);
	int64_t now_us = clock_monotonic_us();
	atomic_store(&sender->score->bound, bound);
	if (!bound && (!sender->complained_us || now_us - sender->complained_us > COMPLAINT_US)) {
		sender->complained_us = now_us;
		log_error("channel %s can't bind %s: %s; until it can, nobody hears the channel, "
			  "and the others go on",
			  sender->channel->name, sender->channel->bind, zmq_strerror(errno));
	}
	return bound;
}

/* Gives libzmq time to send, if it holds much. What is held for those who don't read does not get less: then the others
 * don't wait for it again for a while. */
static void let_it_send(struct sender *sender)
{
	if (clock_monotonic_us() >= sender->hurry_us &&
	    !pace_wait(MEMORY_BUSY, BUSY_MS, BUSY_LONGEST_MS))
		sender->hurry_us = clock_monotonic_us() + HURRY_US;
}

/* Sends what came, MESSAGES_AT_ONCE at most. False: there is no more now. */
static bool send_some(struct sender *sender)
{
	struct relay_message message;
	int result = RESULT_OK;
	let_it_send(sender);
	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		result = relay_receive(sender->fd, sender->room, &message);
		if (result == RESULT_TIMEOUT)
			return false;
		if (result == RESULT_OK)
			outlet_send(sender->outlet, message.topic, message.index, message.jws,
				    message.size);
		atomic_fetch_add(
			result == RESULT_OK ? &sender->score->sent : &sender->score->invalid, 1);
	}
	return true;
}

/* Until SIGTERM. What was written before the port could be had waits in the relay. */
static void serve(struct sender *sender)
{
	enum { SIGNALS, DOOR, CALLERS, MESSAGES, ITEMS };
	zmq_pollitem_t items[ITEMS] = {
		[SIGNALS] = {.fd = sender->signals, .events = ZMQ_POLLIN},
		[DOOR] = {.socket = door_socket(sender->door), .events = ZMQ_POLLIN},
		[CALLERS] = {.socket = outlet_watched(sender->outlet), .events = ZMQ_POLLIN},
		[MESSAGES] = {.fd = sender->fd, .events = ZMQ_POLLIN},
	};
	bool bound = false;
	while (!(items[SIGNALS].revents & ZMQ_POLLIN)) {
		bound = bound || bind_outlet(sender);
		int ready =
			zmq_poll(items, bound ? ITEMS : MESSAGES, bound ? IDLE_MS : BIND_AGAIN_MS);
		outlet_look(sender->outlet);
		if (ready <= 0)
			continue;
		door_answer(sender->door);
		if (bound && items[MESSAGES].revents)
			send_some(sender);
	}
	while (bound && send_some(sender))
		outlet_look(sender->outlet);
}

int sender_run(const struct config *config, size_t channel, int fd, struct score *score)
{
	char why[1024];
	struct sender *sender = calloc(1, sizeof *sender);
	if (!sender)
		return EXIT_FAILURE;
	*sender = (struct sender){
		.channel = &config->channels[channel], .fd = fd, .signals = -1, .score = score};
	limit_memory();
	raise_descriptors();
	int result = open_parts(sender, config, why, sizeof why);
	if (result == RESULT_OK) {
		atomic_store(&score->ready, true);
		serve(sender);
	} else {
		log_error("%s", why);
	}
	close_parts(sender);
	free(sender);
	return result == RESULT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
