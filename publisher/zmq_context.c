#include "publisher/zmq_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

enum {
	CONTEXT_TAKES = 16, /* five, in libzmq 4.3: its mailboxes and epoll sets */
	SOCKET_TAKES = 6,   /* one; to bind, another; to watch it, two */
	PROBES_MOST = 256,
	DESCRIPTORS_MOST = 1 << 20, /* enough, where there is no limit */
};

/* Are as many descriptors to be had? */
static bool has_descriptors(size_t count)
{
	int probes[PROBES_MOST];
	size_t made = 0;
	if (count > PROBES_MOST)
		count = PROBES_MOST;
	while (made < count && (probes[made] = open("/", O_PATH | O_CLOEXEC)) >= 0)
		made++;
	int saved = errno;
	bool enough = made == count;
	while (made > 0)
		close(probes[--made]);
	errno = saved;
	return enough;
}

void *zmq_context_new(size_t sockets)
{
	return has_descriptors(CONTEXT_TAKES + sockets * SOCKET_TAKES) ? zmq_ctx_new() : NULL;
}

size_t zmq_context_connections(size_t sockets, unsigned percent)
{
	struct rlimit limit;
	size_t most = DESCRIPTORS_MOST, own = CONTEXT_TAKES + sockets * SOCKET_TAKES;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most)
		most = limit.rlim_cur;
	most = most > own ? (most - own) * percent / 100 / sockets : 0;
	return most > 0 ? most : 1;
}
