#include "publisher/relay.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A datagram is the index, the topic with its NUL, the JWS. */
struct relay {
	int fd;
	struct buffer datagram; /* the one being made */
	struct buffer backlog;  /* each a size_t, and so many bytes */
	size_t written;         /* of the backlog */
	_Atomic uint64_t dropped;
};

int relay_new(int fd, struct relay **out)
{
	struct relay *relay = calloc(1, sizeof *relay);
	*out = relay;
	if (!relay)
		return RESULT_NOMEM;
	relay->fd = fd;
	buffer_init(&relay->datagram, RELAY_MESSAGE_MAX);
	buffer_init(&relay->backlog, RELAY_BACKLOG);
	return RESULT_OK;
}

void relay_free(struct relay **relay)
{
	if (!*relay)
		return;
	buffer_free(&(*relay)->datagram);
	buffer_free(&(*relay)->backlog);
	free(*relay);
	*relay = NULL;
}

/* False: there is no room now, or nobody who reads. What the kernel would never take (net.core.wmem_max is small) is
 * dropped: it must not stand in the way of all that follows. */
static bool write_datagram(struct relay *relay, const void *bytes, size_t size)
{
	if (send(relay->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size)
		return true;
	if (errno != EMSGSIZE)
		return false;
	atomic_fetch_add_explicit(&relay->dropped, 1, memory_order_relaxed);
	return true;
}

/* Makes room by moving what is left to the front; not for little, for that would be done at every message. */
static void compact(struct relay *relay)
{
	struct buffer *backlog = &relay->backlog;
	if (relay->written < RELAY_BACKLOG / 2)
		return;
	backlog->size -= relay->written;
	memmove(backlog->data, backlog->data + relay->written, backlog->size);
	relay->written = 0;
}

static bool keep(struct relay *relay)
{
	struct buffer *backlog = &relay->backlog;
	size_t size = relay->datagram.size;
	if (backlog->size + sizeof size + size > RELAY_BACKLOG)
		compact(relay);
	char *room = buffer_reserve(backlog, sizeof size + size);
	if (!room) {
		backlog->failed = false;
		return false;
	}
	memcpy(room, &size, sizeof size);
	memcpy(room + sizeof size, relay->datagram.data, size);
	backlog->size += sizeof size + size;
	return true;
}

void relay_send(struct relay *relay, const char *topic, uint64_t index, const void *jws,
		size_t size)
{
	struct buffer *datagram = &relay->datagram;
	buffer_reset(datagram);
	buffer_append(datagram, &index, sizeof index);
	buffer_append(datagram, topic, strlen(topic) + 1);
	buffer_append(datagram, jws, size);
	relay_flush(relay, 0);
	bool overtakes = relay->backlog.size > 0;
	if (datagram->failed ||
	    ((overtakes || !write_datagram(relay, datagram->data, datagram->size)) && !keep(relay)))
		atomic_fetch_add_explicit(&relay->dropped, 1, memory_order_relaxed);
}

/* Writes the first of what was kept. */
static bool write_first(struct relay *relay)
{
	size_t size;
	const char *first = relay->backlog.data + relay->written;
	memcpy(&size, first, sizeof size);
	if (!write_datagram(relay, first + sizeof size, size))
		return false;
	relay->written += sizeof size + size;
	return true;
}

static bool wait_for_room(const struct relay *relay, int64_t deadline_us)
{
	struct pollfd poller = {.fd = relay->fd, .events = POLLOUT};
	int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
	return left_ms > 0 && poll(&poller, 1, (int)left_ms) == 1;
}

bool relay_flush(struct relay *relay, int wait_ms)
{
	if (relay->backlog.size == 0)
		return true;
	int64_t deadline_us = clock_monotonic_us() + (int64_t)wait_ms * 1000;
	while (relay->written < relay->backlog.size)
		if (!write_first(relay) && !wait_for_room(relay, deadline_us))
			return false;
	buffer_free(&relay->backlog);
	relay->written = 0;
	return true;
}

uint64_t relay_dropped(const struct relay *relay)
{
	return atomic_load_explicit(&relay->dropped, memory_order_relaxed);
}

int relay_receive(int fd, char room[RELAY_MESSAGE_MAX], struct relay_message *message)
{
	size_t head = sizeof message->index;
	ssize_t size = recv(fd, room, RELAY_MESSAGE_MAX, MSG_DONTWAIT);
	if (size < 0)
		return RESULT_TIMEOUT;
	const char *end =
		(size_t)size > head ? memchr(room + head, '\0', (size_t)size - head) : NULL;
	if (!end)
		return RESULT_INVALID;
	memcpy(&message->index, room, head);
	message->topic = room + head;
	message->jws = end + 1;
	message->size = (size_t)(room + size - (end + 1));
	return RESULT_OK;
}
