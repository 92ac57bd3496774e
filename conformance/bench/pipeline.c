/* pipeline.c - how many events a second reach a subscriber: bench-pipeline PLUGIN CONFIG ENDPOINT EVENTS
 *
 * From the call of epptap_transaction to a libzmq subscriber in this process, through spool and feed store with all
 * their syncs; as a ratio to S, the Ed25519 signatures per second that one core makes in the same run. Before and
 * after, since machines drift; S is the mean of both.
 */
#include "conformance/bench/tap.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <zmq.h>

enum { MESSAGE_SIZE = 900, RECEIVE_MS = 20000, SETTLE_NS = 500000000 };

static double signatures_per_second(void)
{
	unsigned char message[MESSAGE_SIZE] = {1}, signature[64];
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!key || !context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1)
		give_up("OpenSSL", "no Ed25519 here");
	int64_t start = now_ns();
	int count = 0;
	for (; now_ns() - start < 1000000000; count++) {
		size_t size = sizeof signature;
		if (EVP_DigestSign(context, signature, &size, message, sizeof message) != 1)
			give_up("OpenSSL", "it can't sign");
	}
	double seconds = (double)(now_ns() - start) / 1e9;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return count / seconds;
}

struct reader {
	const char *endpoint;
	int wanted, received;
	int64_t last_ns;
};

static void *receive(void *context)
{
	struct reader *reader = context;
	void *zmq = zmq_ctx_new(), *socket = zmq_socket(zmq, ZMQ_SUB);
	int unlimited = 0, patience = RECEIVE_MS;
	zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
	zmq_setsockopt(socket, ZMQ_LINGER, &unlimited, sizeof unlimited);
	zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(socket, reader->endpoint) != 0)
		give_up(reader->endpoint, zmq_strerror(errno));
	char frame[65536];
	while (reader->received < reader->wanted) {
		for (int i = 0; i < 3; i++)
			if (zmq_recv(socket, frame, sizeof frame, 0) < 0)
				goto out;
		reader->received++;
	}
out:
	reader->last_ns = now_ns();
	zmq_close(socket);
	zmq_ctx_term(zmq);
	return NULL;
}

static void send_all(struct plugin *plugin, int events)
{
	const struct timespec pause = {.tv_nsec = 500000};
	char command[COMMAND_ROOM];
	for (int i = 0; i < events; i++) {
		size_t size = write_update(command, (unsigned)i);
		while (plugin->transaction(plugin->tap, "bench", command, size, update_response,
					   sizeof update_response - 1) == EPPTAP_EFULL)
			nanosleep(&pause,
				  NULL); /* a front end would go on; here none may be lost */
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;
	if (argc != 5)
		give_up("usage", "bench-pipeline PLUGIN CONFIG ENDPOINT EVENTS");
	struct reader reader = {.endpoint = argv[3], .wanted = atoi(argv[4])};
	double before = signatures_per_second();
	struct plugin plugin = load_plugin(argv[1], argv[2]);
	pthread_create(&thread, NULL, receive, &reader);
	int64_t settle = now_ns() + SETTLE_NS;
	while (now_ns() < settle)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	int64_t start = now_ns();
	send_all(&plugin, reader.wanted);
	pthread_join(thread, NULL);
	double seconds = (double)(reader.last_ns - start) / 1e9;
	plugin.close(&plugin.tap, 10000);
	double s = (before + signatures_per_second()) / 2;
	if (reader.received < reader.wanted)
		printf("only %d of %d events arrived\n", reader.received, reader.wanted);
	printf("pipeline %d events in %.2f s: %.0f events/s = %.2f S   (S: %.0f signatures/s, one "
	       "core)\n",
	       reader.received, seconds, reader.received / seconds, reader.received / seconds / s,
	       s);
	return reader.received < reader.wanted;
}
