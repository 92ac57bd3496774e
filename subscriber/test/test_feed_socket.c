/* The publisher here is an XPUB socket: it hands on what is subscribed, so that nothing has to be slept for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "publisher/feed_format.h"
#include "subscriber/feed_socket.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { PATIENCE_MS = 10000, KEY_SIZE = 41 };

struct publisher {
	void *context, *socket;
	char endpoint[128];
};

static struct publisher publisher_open(const char *curve_secret)
{
	struct publisher made = {.context = zmq_ctx_new()};
	int wait = PATIENCE_MS, one = 1, none = 0;
	size_t size = sizeof made.endpoint;
	made.socket = zmq_socket(made.context, ZMQ_XPUB);
	assert_non_null(made.socket);
	zmq_setsockopt(made.socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
	zmq_setsockopt(made.socket, ZMQ_LINGER, &none, sizeof none);
	zmq_setsockopt(made.socket, ZMQ_RCVHWM, &none, sizeof none);
	zmq_setsockopt(made.socket, ZMQ_XPUB_VERBOSE, &one, sizeof one);
	if (curve_secret) {
		zmq_setsockopt(made.socket, ZMQ_CURVE_SERVER, &one, sizeof one);
		assert_int_equal(
			zmq_setsockopt(made.socket, ZMQ_CURVE_SECRETKEY, curve_secret, KEY_SIZE),
			0);
	}
	assert_int_equal(zmq_bind(made.socket, "tcp://127.0.0.1:*"), 0);
	assert_int_equal(zmq_getsockopt(made.socket, ZMQ_LAST_ENDPOINT, made.endpoint, &size), 0);
	return made;
}

static void publisher_close(struct publisher *publisher)
{
	zmq_close(publisher->socket);
	zmq_ctx_term(publisher->context);
}

/* The next subscriptions are these, in any order. */
static void assert_all_subscribed(struct publisher *publisher, const char *const *prefixes,
				  size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		char got[FEED_TOPIC_SIZE + 1] = "";
		int size = zmq_recv(publisher->socket, got, sizeof got - 1, 0);
		assert_true(size > 0);
		for (size_t p = 0; p < count; p++)
			found += strcmp(got + 1, prefixes[p]) == 0;
	}
	assert_int_equal(found, count);
}

/* The next subscription is this. */
static void assert_subscribed(struct publisher *publisher, const char *prefix)
{
	char got[FEED_TOPIC_SIZE + 1];
	int size = zmq_recv(publisher->socket, got, sizeof got, 0);
	assert_int_equal(size, strlen(prefix) + 1);
	assert_int_equal(got[0], 1);
	assert_memory_equal(got + 1, prefix, strlen(prefix));
}

static void send_frames(struct publisher *publisher, const char *const *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_true(zmq_send(publisher->socket, frames[i], strlen(frames[i]),
				     i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
}

static struct message receive(struct feed_socket *socket)
{
	struct message message;
	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		if (feed_socket_receive(socket, &message) == RESULT_OK)
			return message;
		while (feed_socket_next_news(socket, 0) != FEED_SOCKET_NO_NEWS)
			;
		feed_socket_wait(socket, 100);
	}
	fail_msg("nothing came");
	return message;
}

static enum feed_socket_news next_news(struct feed_socket *socket)
{
	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		enum feed_socket_news news = feed_socket_next_news(socket, 0);
		if (news != FEED_SOCKET_NO_NEWS)
			return news;
		feed_socket_wait(socket, 100);
	}
	fail_msg("no news came");
	return FEED_SOCKET_NO_NEWS;
}

static struct feed_socket *open_socket(const struct feed_socket_settings *settings)
{
	struct feed_socket *socket;
	char why[256];
	assert_int_equal(feed_socket_open(settings, &socket, why, sizeof why), RESULT_OK);
	return socket;
}

static void assert_frame(struct message_frame frame, const char *text)
{
	assert_int_equal(frame.size, strlen(text));
	assert_memory_equal(frame.bytes, text, frame.size);
}

static void without_names_everything_is_subscribed(void **state)
{
	(void)state;
	struct publisher publisher = publisher_open(NULL);
	struct feed_socket *socket =
		open_socket(&(struct feed_socket_settings){.endpoint = publisher.endpoint});
	struct message message;
	assert_int_equal(feed_socket_receive(socket, &message), RESULT_TIMEOUT);
	assert_subscribed(&publisher, "");
	send_frames(&publisher, (const char *[]){"org.example.", "17", "a.b.c"}, 3);
	message = receive(socket);
	assert_int_equal(message.frames, 3);
	assert_frame(message.topic, "org.example.");
	assert_frame(message.index, "17");
	assert_frame(message.jws, "a.b.c");
	feed_socket_close(&socket);
	assert_null(socket);
	publisher_close(&publisher);
}

static void names_are_subscribed_with_the_taps_own(void **state)
{
	(void)state;
	char *names[] = {"example.org", "ns1.example.net"};
	struct publisher publisher = publisher_open(NULL);
	struct feed_socket *socket = open_socket(&(struct feed_socket_settings){
		.endpoint = publisher.endpoint, .names = names, .name_count = 2});
	assert_all_subscribed(
		&publisher,
		(const char *[]){"~event", "~checkpoint", "org.example.", "net.example.ns1."}, 4);
	send_frames(&publisher, (const char *[]){"org.other.", "1", "no"}, 3);
	send_frames(&publisher, (const char *[]){"org.example.ns1.", "2", "yes"}, 3);
	struct message message = receive(socket);
	assert_frame(message.jws, "yes");
	feed_socket_close(&socket);
	publisher_close(&publisher);
}

static void many_names_are_all_subscribed(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	static char texts[MANY][24];
	static char *names[MANY];
	for (int i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof texts[i], "name%d.example", i);
		names[i] = texts[i];
	}
	struct publisher publisher = publisher_open(NULL);
	struct feed_socket *socket = open_socket(&(struct feed_socket_settings){
		.endpoint = publisher.endpoint, .names = names, .name_count = MANY});
	char got[FEED_TOPIC_SIZE + 1];
	for (int i = 0; i < MANY + 1; i++)
		assert_true(zmq_recv(publisher.socket, got, sizeof got, 0) > 1);
	feed_socket_close(&socket);
	publisher_close(&publisher);
}

static void any_number_of_frames_is_taken_as_one_message(void **state)
{
	(void)state;
	struct publisher publisher = publisher_open(NULL);
	struct feed_socket *socket =
		open_socket(&(struct feed_socket_settings){.endpoint = publisher.endpoint});
	assert_subscribed(&publisher, "");
	send_frames(&publisher, (const char *[]){"one"}, 1);
	send_frames(&publisher, (const char *[]){"a", "b", "c", "d", "e"}, 5);
	send_frames(&publisher, (const char *[]){"after", "1", ""}, 3);
	assert_int_equal(receive(socket).frames, 1);
	struct message message = receive(socket);
	assert_int_equal(message.frames, 5);
	assert_frame(message.jws, "c");
	message = receive(socket);
	assert_int_equal(message.frames, 3);
	assert_frame(message.topic, "after");
	feed_socket_close(&socket);
	publisher_close(&publisher);
}

/* The old subscription ends, or ended before, and a new one begins. */
static void assert_resubscribed(struct publisher *publisher)
{
	char got[2] = "";
	while (zmq_recv(publisher->socket, got, sizeof got, 0) == 1 && got[0] == 0)
		;
	assert_int_equal(got[0], 1);
}

/* Time stands still until a connection was given up; then it jumps. */
static void assert_renewed(struct feed_socket *socket)
{
	enum feed_socket_news news;
	do
		news = next_news(socket);
	while (news != FEED_SOCKET_RETRYING);
	const int64_t renew_us = FEED_SOCKET_RENEW_MS * INT64_C(1000);
	feed_socket_wait(socket, 200);
	assert_int_equal(feed_socket_next_news(socket, renew_us - 1), FEED_SOCKET_NO_NEWS);
	feed_socket_wait(socket, 200);
	assert_int_equal(feed_socket_next_news(socket, renew_us), FEED_SOCKET_NO_NEWS);
}

static void a_frame_too_large_is_never_received(void **state)
{
	(void)state;
	static char large[FEED_SOCKET_FRAME_MAX + 2];
	memset(large, 'a', sizeof large - 1);
	struct publisher publisher = publisher_open(NULL);
	struct feed_socket *socket =
		open_socket(&(struct feed_socket_settings){.endpoint = publisher.endpoint});
	assert_subscribed(&publisher, "");
	assert_int_equal(next_news(socket), FEED_SOCKET_CONNECTED);
	send_frames(&publisher, (const char *[]){"a.", "1", large}, 3);
	assert_renewed(socket);
	assert_int_equal(next_news(socket), FEED_SOCKET_CONNECTED);
	assert_resubscribed(&publisher);
	send_frames(&publisher, (const char *[]){"after.", "2", ""}, 3);
	assert_frame(receive(socket).topic, "after.");
	feed_socket_close(&socket);
	publisher_close(&publisher);
}

static void curve_keys_open_an_encrypted_channel(void **state)
{
	(void)state;
	char server_public[KEY_SIZE], server_secret[KEY_SIZE], public[KEY_SIZE], secret[KEY_SIZE];
	assert_int_equal(zmq_curve_keypair(server_public, server_secret), 0);
	assert_int_equal(zmq_curve_keypair(public, secret), 0);
	struct publisher publisher = publisher_open(server_secret);
	struct feed_socket *socket =
		open_socket(&(struct feed_socket_settings){.endpoint = publisher.endpoint,
							   .curve_server = server_public,
							   .curve_public = public,
							   .curve_secret = secret});
	assert_subscribed(&publisher, "");
	assert_int_equal(next_news(socket), FEED_SOCKET_CONNECTED);
	send_frames(&publisher, (const char *[]){"org.example.", "17", "a.b.c"}, 3);
	assert_frame(receive(socket).index, "17");
	feed_socket_close(&socket);
	publisher_close(&publisher);
}

static void plain_against_curve_is_no_agreement(void **state)
{
	(void)state;
	char public[KEY_SIZE], secret[KEY_SIZE];
	assert_int_equal(zmq_curve_keypair(public, secret), 0);
	struct publisher publisher = publisher_open(secret);
	struct feed_socket *socket =
		open_socket(&(struct feed_socket_settings){.endpoint = publisher.endpoint});
	assert_int_equal(next_news(socket), FEED_SOCKET_NO_HANDSHAKE);
	feed_socket_close(&socket);
	publisher_close(&publisher);
}

static void an_endpoint_that_cannot_be_is_refused(void **state)
{
	(void)state;
	struct feed_socket *socket;
	char why[256] = "";
	assert_int_equal(
		feed_socket_open(&(struct feed_socket_settings){.endpoint = "tcp://nowhere"},
				 &socket, why, sizeof why),
		RESULT_INVALID);
	assert_null(socket);
	assert_non_null(strstr(why, "tcp://HOST:PORT would be right"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_names_everything_is_subscribed),
		cmocka_unit_test(names_are_subscribed_with_the_taps_own),
		cmocka_unit_test(many_names_are_all_subscribed),
		cmocka_unit_test(any_number_of_frames_is_taken_as_one_message),
		cmocka_unit_test(a_frame_too_large_is_never_received),
		cmocka_unit_test(curve_keys_open_an_encrypted_channel),
		cmocka_unit_test(plain_against_curve_is_no_agreement),
		cmocka_unit_test(an_endpoint_that_cannot_be_is_refused),
	};
	return cmocka_run_group_tests_name("feed socket", tests, NULL, NULL);
}
