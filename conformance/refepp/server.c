#include "conformance/refepp/server.h"

#include "conformance/refepp/need.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ADDRESS_SIZE = 80, IO_SECONDS = 10, PATIENCE_SECONDS = 2, FULL_PAUSE_MS = 20 };

struct server {
	struct session_house *house;
	int fd;
	int stop_pipe[2]; /* a byte in it ends the accepting */
	char address[ADDRESS_SIZE];

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t ended;
	int connections[SERVER_MAX_CONNECTIONS]; /* sockets; -1: a free place */
	size_t connection_count;
};

struct connection {
	struct server *server;
	size_t place;
	int fd;
};

/* Splits "ADDRESS:PORT" or "[ADDRESS]:PORT"; false if it is neither. */
static bool split(const char *text, char host[ADDRESS_SIZE], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - text);

	if (length == 0 || length >= ADDRESS_SIZE || colon[1] == '\0')
		return false;
	if (text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	memcpy(host, text, length);
	host[length] = '\0';
	*port = colon + 1;
	return true;
}

static bool listen_on(struct server *server, const struct addrinfo *info)
{
	const int on = 1;

	server->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		return false;
	setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(server->fd, info->ai_addr, info->ai_addrlen) == 0 &&
	       listen(server->fd, 128) == 0;
}

static bool note_address(struct server *server)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char host[ADDRESS_SIZE - 10], port[8];

	if (getsockname(server->fd, (struct sockaddr *)&address, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return false;
	snprintf(server->address, sizeof(server->address),
		 address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return true;
}

static bool open_socket(struct server *server, const char *address, char *why, size_t why_size)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	char host[ADDRESS_SIZE];
	struct addrinfo *info = NULL;
	const char *port;
	bool open;

	if (!split(address, host, &port) || getaddrinfo(host, port, &hints, &info) != 0) {
		snprintf(why, why_size,
			 "--listen %s: not ADDRESS:PORT; give one such as 127.0.0.1:700 or [::1]:0",
			 address);
		return false;
	}
	open = listen_on(server, info) && note_address(server);
	if (!open)
		snprintf(why, why_size,
			 "--listen %s: %s; it needs an address of this host and a "
			 "free port",
			 address, strerror(errno));
	freeaddrinfo(info);
	return open;
}

struct server *server_new(const char *address, struct session_house *house, char *why,
			  size_t why_size)
{
	struct server *server = need_zeroed(sizeof(*server));
	size_t i;

	server->house = house;
	server->fd = server->stop_pipe[0] = server->stop_pipe[1] = -1;
	pthread_mutex_init(&server->mutex, NULL);
	pthread_cond_init(&server->ended, NULL);
	for (i = 0; i < SERVER_MAX_CONNECTIONS; i++)
		server->connections[i] = -1;
	if (pipe2(server->stop_pipe, O_CLOEXEC) != 0)
		snprintf(why, why_size, "pipe: %s", strerror(errno));
	else if (open_socket(server, address, why, why_size))
		return server;
	server_free(&server);
	return NULL;
}

const char *server_address(const struct server *server)
{
	return server->address;
}

void server_free(struct server **server)
{
	size_t i;

	if (*server == NULL)
		return;
	for (i = 0; i < 2; i++) {
		if ((*server)->stop_pipe[i] >= 0)
			close((*server)->stop_pipe[i]);
	}
	if ((*server)->fd >= 0)
		close((*server)->fd);
	pthread_cond_destroy(&(*server)->ended);
	pthread_mutex_destroy(&(*server)->mutex);
	free(*server);
	*server = NULL;
}

static void set_limits(int fd)
{
	const struct timeval limit = {.tv_sec = IO_SECONDS};
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void leave(struct server *server, size_t place)
{
	pthread_mutex_lock(&server->mutex);
	/* Closed under the mutex: cut_connections() must not meet another file's number. */
	close(server->connections[place]);
	server->connections[place] = -1;
	server->connection_count--;
	pthread_cond_broadcast(&server->ended);
	pthread_mutex_unlock(&server->mutex);
}

static void *serve_connection(void *context)
{
	struct connection connection = *(struct connection *)context;

	free(context);
	session_serve(connection.server->house, connection.fd);
	leave(connection.server, connection.place);
	return NULL;
}

/* A place for the socket; SERVER_MAX_CONNECTIONS if all are taken. */
static size_t enter(struct server *server, int fd)
{
	size_t place = 0;

	pthread_mutex_lock(&server->mutex);
	while (place < SERVER_MAX_CONNECTIONS && server->connections[place] >= 0)
		place++;
	if (place < SERVER_MAX_CONNECTIONS) {
		server->connections[place] = fd;
		server->connection_count++;
	}
	pthread_mutex_unlock(&server->mutex);
	return place;
}

static void accept_one(struct server *server)
{
	const struct timespec pause = {.tv_nsec = FULL_PAUSE_MS * 1000000L};
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	struct connection *connection;
	pthread_t thread;
	size_t place;

	if (fd < 0) {
		/* It stays waiting, and poll() would tell of it again at once. */
		if (errno == EMFILE || errno == ENFILE)
			nanosleep(&pause, NULL);
		return;
	}
	place = enter(server, fd);
	if (place == SERVER_MAX_CONNECTIONS) {
		close(fd);
		return;
	}
	set_limits(fd);
	connection = need_zeroed(sizeof(*connection));
	*connection = (struct connection){.server = server, .place = place, .fd = fd};
	if (pthread_create(&thread, NULL, serve_connection, connection) != 0) {
		free(connection);
		leave(server, place);
		return;
	}
	pthread_detach(thread);
}

/* Ends reading (SHUT_RD) or all (SHUT_RDWR) of what is still connected. */
static void cut_connections(struct server *server, int how)
{
	size_t i;

	for (i = 0; i < SERVER_MAX_CONNECTIONS; i++) {
		if (server->connections[i] >= 0)
			shutdown(server->connections[i], how);
	}
}

static void wait_for_sessions(struct server *server)
{
	struct timespec until;
	int result = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_SECONDS;
	pthread_mutex_lock(&server->mutex);
	cut_connections(server, SHUT_RD);
	while (server->connection_count > 0 && result == 0)
		result = pthread_cond_timedwait(&server->ended, &server->mutex, &until);
	cut_connections(server, SHUT_RDWR);
	while (server->connection_count > 0)
		pthread_cond_wait(&server->ended, &server->mutex);
	pthread_mutex_unlock(&server->mutex);
}

void server_run(struct server *server)
{
	struct pollfd waited[2] = {{.fd = server->fd, .events = POLLIN},
				   {.fd = server->stop_pipe[0], .events = POLLIN}};

	while (!atomic_load(&server->house->stopping)) {
		if (poll(waited, 2, -1) > 0 && (waited[0].revents & POLLIN) != 0)
			accept_one(server);
	}
	close(server->fd);
	server->fd = -1;
	wait_for_sessions(server);
}

void server_stop(struct server *server)
{
	ssize_t ignored;

	atomic_store(&server->house->stopping, true);
	ignored = write(server->stop_pipe[1], "", 1);
	(void)ignored;
}
