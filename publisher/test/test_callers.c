/* Who comes to a socket, and how each that is turned away by libzmq is counted: strangers on real connections, that speak
 * ZMTP by hand, against a CURVE socket. */
#include "publisher/callers.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum {
	KEY = DOOR_KEY_TEXT + 1,
	SOON_MS = 300,       /* a handshake's time, where it must be over */
	PATIENCE_MS = 20000, /* and where it must not */
	FLOOD_MOST = 5000,
	FLOOD_WAIT_MS = 3000, /* a SYN that found a full queue is sent again after a second */
	SECOND_US = 1000000,
};

static void *zmq, *zap, *pub, *guest; /* guest: a subscriber who is let in, if there is one */
static struct callers *callers;
static struct door_counts counts;
static char server_public[KEY], server_secret[KEY];
static int port;
static int64_t now_us; /* what callers take for the time */

static int set_up_with(int handshake_ms)
{
	int on = 1, no_linger = 0;
	char endpoint[64];
	size_t size = sizeof endpoint;
	memset(&counts, 0, sizeof counts);
	now_us = 1000LL * SECOND_US;
	assert_int_equal(zmq_curve_keypair(server_public, server_secret), 0);
	zmq = zmq_ctx_new();
	zap = zmq_socket(zmq, ZMQ_REP);
	assert_int_equal(zmq_bind(zap, "inproc://zeromq.zap.01"), 0);
	pub = zmq_socket(zmq, ZMQ_PUB);
	zmq_setsockopt(pub, ZMQ_ZAP_DOMAIN, "here", 4);
	zmq_setsockopt(pub, ZMQ_CURVE_SERVER, &on, sizeof on);
	zmq_setsockopt(pub, ZMQ_CURVE_SECRETKEY, server_secret, KEY);
	zmq_setsockopt(pub, ZMQ_HANDSHAKE_IVL, &handshake_ms, sizeof handshake_ms);
	zmq_setsockopt(pub, ZMQ_LINGER, &no_linger, sizeof no_linger);
	assert_int_equal(callers_watch(zmq, pub, "here", true, &counts, &callers), RESULT_OK);
	assert_int_equal(zmq_bind(pub, "tcp://127.0.0.1:*"), 0);
	assert_int_equal(zmq_getsockopt(pub, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	assert_int_equal(sscanf(strrchr(endpoint, ':'), ":%d", &port), 1);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_with(PATIENCE_MS);
}

static int set_up_soon(void **state)
{
	(void)state;
	return set_up_with(SOON_MS);
}

static void close_guest(void)
{
	if (guest)
		zmq_close(guest);
	guest = NULL;
}

static int tear_down(void **state)
{
	(void)state;
	close_guest();
	callers_close(&callers, 0);
	zmq_close(pub);
	zmq_close(zap);
	zmq_ctx_term(zmq);
	return 0;
}

/* A connection; -1: nobody takes it within the time. */
static int try_to_connect(int wait_ms)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A stranger who says this. */
static int say(const void *bytes, size_t size)
{
	int fd = try_to_connect(PATIENCE_MS);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
	return fd;
}

enum { GREETING = 64, SIGNATURE = 10, MECHANISM_AT = 12 };

static void write_greeting(char greeting[GREETING], const char *mechanism)
{
	memset(greeting, 0, GREETING);
	greeting[0] = '\xff';
	greeting[SIGNATURE - 1] = '\x7f';
	greeting[SIGNATURE] = 3;
	memcpy(greeting + MECHANISM_AT, mechanism, strlen(mechanism));
}

/* A HELLO that was made for another key. */
static int say_wrong_hello(void)
{
	enum { HELLO = 200, COMMAND = 4 };
	char bytes[GREETING + 2 + HELLO] = {0};
	write_greeting(bytes, "CURVE");
	bytes[GREETING] = COMMAND;
	bytes[GREETING + 1] = (char)HELLO;
	memcpy(bytes + GREETING + 2, "\5HELLO\1\0", 8);
	return say(bytes, sizeof bytes);
}

static void nap(void)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	nanosleep(&moment, NULL);
}

/* Looks until it has this value. */
static void wait_for(_Atomic uint64_t *count, uint64_t value)
{
	for (int i = 0; i < PATIENCE_MS / 2; i++) {
		callers_look(callers, now_us);
		if (atomic_load(count) == value)
			return;
		nap();
	}
	fail_msg("it is %llu", (unsigned long long)atomic_load(count));
}

/* It is the only refusal that was counted. */
static void assert_alone(enum door_verdict verdict)
{
	for (int i = 0; i < DOOR_VERDICTS; i++)
		assert_int_equal(atomic_load(&counts.by[i]), i == (int)verdict);
}

static void who_speaks_another_mechanism_is_counted(void **state)
{
	char greeting[GREETING];
	(void)state;
	write_greeting(greeting, "PLAIN");
	int fd = say(greeting, sizeof greeting);
	wait_for(&counts.by[DOOR_MECHANISM], 1);
	wait_for(&counts.connected, 0);
	assert_alone(DOOR_MECHANISM);
	close(fd);
}

static void who_has_another_servers_key_is_counted(void **state)
{
	(void)state;
	int fd = say_wrong_hello();
	wait_for(&counts.by[DOOR_WRONG_KEY], 1);
	wait_for(&counts.connected, 0);
	assert_alone(DOOR_WRONG_KEY);
	close(fd);
}

static void who_goes_away_during_the_handshake_is_counted(void **state)
{
	char greeting[GREETING];
	(void)state;
	write_greeting(greeting, "CURVE");
	close(say(greeting, sizeof greeting));
	wait_for(&counts.by[DOOR_LEFT], 1);
	wait_for(&counts.connected, 0);
	assert_alone(DOOR_LEFT);
}

static void who_says_nothing_is_counted_when_the_time_is_over(void **state)
{
	(void)state;
	int fd = try_to_connect(PATIENCE_MS);
	wait_for(&counts.by[DOOR_TIMEOUT], 1);
	wait_for(&counts.connected, 0);
	assert_alone(DOOR_TIMEOUT);
	close(fd);
}

/* Of these libzmq tells only that they came and went. */
static void who_speaks_no_zmtp_is_counted(void **state)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: feed.registry.example\r\n\r\n";
	(void)state;
	int fd = say(http, sizeof http - 1);
	wait_for(&counts.by[DOOR_MALFORMED], 1);
	wait_for(&counts.connected, 0);
	assert_alone(DOOR_MALFORMED);
	close(fd);
}

static void add_guest(void)
{
	char public_key[KEY], secret[KEY], endpoint[64];
	int no_linger = 0;
	guest = zmq_socket(zmq, ZMQ_SUB);
	assert_int_equal(zmq_curve_keypair(public_key, secret), 0);
	zmq_setsockopt(guest, ZMQ_CURVE_SERVERKEY, server_public, KEY);
	zmq_setsockopt(guest, ZMQ_CURVE_PUBLICKEY, public_key, KEY);
	zmq_setsockopt(guest, ZMQ_CURVE_SECRETKEY, secret, KEY);
	zmq_setsockopt(guest, ZMQ_SUBSCRIBE, "", 0);
	zmq_setsockopt(guest, ZMQ_LINGER, &no_linger, sizeof no_linger);
	snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
	assert_int_equal(zmq_connect(guest, endpoint), 0);
}

/* Lets in whoever asks. */
static void open_the_door(void)
{
	static const char *const yes[] = {"200", "OK", "", ""};
	char version[8], id[8], rest[256];
	int more = 1;
	size_t more_size = sizeof more;
	if (zmq_recv(zap, version, sizeof version, ZMQ_DONTWAIT) < 0)
		return;
	int id_size = zmq_recv(zap, id, sizeof id, 0);
	while (zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &more_size) == 0 && more)
		zmq_recv(zap, rest, sizeof rest, 0);
	zmq_send(zap, version, 3, ZMQ_SNDMORE);
	zmq_send(zap, id, (size_t)id_size, ZMQ_SNDMORE);
	for (int i = 0; i < 4; i++)
		zmq_send(zap, yes[i], strlen(yes[i]), i < 3 ? ZMQ_SNDMORE : 0);
}

/* Until the guest hears the socket. */
static void wait_heard(void)
{
	int wait_ms = 10;
	char room[8];
	zmq_setsockopt(guest, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms);
	for (int i = 0; zmq_recv(guest, room, sizeof room, 0) < 0; i++) {
		assert_true(i < PATIENCE_MS / wait_ms);
		zmq_send(pub, "news", 4, ZMQ_DONTWAIT);
		open_the_door();
		callers_look(callers, now_us);
	}
}

/* It may still be that it is the guest who has not ended his handshake, and the stranger who is connected. */
static void who_speaks_no_zmtp_while_a_guest_is_new_is_counted_when_that_is_sure(void **state)
{
	(void)state;
	add_guest();
	wait_heard();
	int fd = say("garbage garbage", 15);
	char rest[GREETING];
	while (recv(fd, rest, sizeof rest, 0) > 0)
		;
	close(fd);
	wait_for(&counts.connected, 1);
	assert_int_equal(atomic_load(&counts.by[DOOR_MALFORMED]), 0);
	now_us += CALLERS_HANDSHAKE_MS * 1000LL;
	callers_look(callers, now_us);
	assert_int_equal(atomic_load(&counts.by[DOOR_MALFORMED]), 0);
	now_us += 4LL * SECOND_US;
	callers_look(callers, now_us);
	assert_alone(DOOR_MALFORMED);
	now_us += 100LL * SECOND_US;
	callers_look(callers, now_us);
	assert_alone(DOOR_MALFORMED);
	close_guest();
	wait_for(&counts.connected, 0);
	assert_alone(DOOR_MALFORMED);
}

static void all_are_gone_when_the_socket_is_unbound(void **state)
{
	char endpoint[64];
	size_t size = sizeof endpoint;
	(void)state;
	add_guest();
	wait_heard();
	int fd = try_to_connect(PATIENCE_MS);
	wait_for(&counts.connected, 2);
	assert_int_equal(zmq_getsockopt(pub, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	assert_int_equal(zmq_unbind(pub, endpoint), 0);
	wait_for(&counts.connected, 0);
	now_us += 100LL * SECOND_US;
	callers_look(callers, now_us);
	for (int i = 0; i < DOOR_VERDICTS; i++)
		assert_int_equal(atomic_load(&counts.by[i]), 0);
	close(fd);
}

/* Connections that come and go until nobody takes them; how many. */
static uint64_t flood(void)
{
	uint64_t came = 0;
	for (int fd; came < FLOOD_MOST && (fd = try_to_connect(FLOOD_WAIT_MS)) >= 0; came++) {
		close(fd);
		if (came % 16 == 0)
			nap();
	}
	return came;
}

static void a_flood_that_nobody_looks_at_waits_and_takes_no_memory(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		size_t before = mallinfo2().uordblks;
		uint64_t left = atomic_load(&counts.by[DOOR_LEFT]);
		uint64_t came = flood();
		assert_in_range(came, 300, FLOOD_MOST - 1);
		assert_true(mallinfo2().uordblks < before + (4 << 20));
		/* and then each of them is counted */
		wait_for(&counts.by[DOOR_LEFT], left + came);
	}
	wait_for(&counts.connected, 0);
}

/* As at the end of a process: libzmq's thread waits for somebody to look, and nobody will. */
static void an_end_in_the_middle_of_a_flood_does_not_hang(void **state)
{
	(void)state;
	flood();
	alarm(PATIENCE_MS / 1000);
	tear_down(NULL);
	alarm(0);
	set_up(NULL);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCHED(who_speaks_another_mechanism_is_counted),
		WATCHED(who_has_another_servers_key_is_counted),
		WATCHED(who_goes_away_during_the_handshake_is_counted),
		cmocka_unit_test_setup_teardown(who_says_nothing_is_counted_when_the_time_is_over,
						set_up_soon, tear_down),
		WATCHED(who_speaks_no_zmtp_is_counted),
		WATCHED(who_speaks_no_zmtp_while_a_guest_is_new_is_counted_when_that_is_sure),
		WATCHED(all_are_gone_when_the_socket_is_unbound),
		WATCHED(a_flood_that_nobody_looks_at_waits_and_takes_no_memory),
		WATCHED(an_end_in_the_middle_of_a_flood_does_not_hang),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
