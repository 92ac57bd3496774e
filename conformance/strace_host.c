/* strace_host.c - a front end without anything of its own, to be looked at under strace
 *
 *   strace_host EPPTAP.SO CONFIG CALLS
 *
 * Opens the tap and warms up; then getppid(), CALLS times epptap_transaction() with each kind of pair, and the same as
 * bytes of two connections in pieces, one with its registrar and one without, getppid();
 * then, with one more change under way, getpgrp(), epptap_flush(), getpgrp(). These two calls mark places in the trace:
 * nothing else in here makes them. Prints how many calls were refused. Exit 0; 1: something failed.
 */
#include "plugin/epptap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EPP "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"

enum {
	STREAMS = 2,
	PIECE = 300,
	WARM_UP = 200,
	PATIENCE_MS = 60000,
	KINDS = 7,
	HUGE_SIZE = 2 << 20,
	LONG_SIZE = 32 << 10
};

typedef int open_function(const char *config, struct epptap **tap, char *why, size_t why_size);
typedef int transaction_function(struct epptap *tap, const char *registrar, const void *command,
				 size_t command_size, const void *response, size_t response_size);
typedef int stream_new_function(struct epptap *tap, const char *registrar,
				struct epptap_stream **stream);
typedef int stream_function(struct epptap_stream *stream, const void *bytes, size_t size);
typedef void stream_free_function(struct epptap_stream **stream);
typedef int flush_function(struct epptap *tap, unsigned timeout_ms);
typedef void close_function(struct epptap **tap, unsigned drain_ms);

struct host {
	struct epptap *tap;
	open_function *open;
	transaction_function *transaction;
	stream_new_function *stream_new;
	stream_function *client, *server;
	stream_free_function *stream_free;
	struct epptap_stream *streams[STREAMS];
	flush_function *flush;
	close_function *close;
	const char *commands[KINDS];
	unsigned long refused;
};

static const char update[] = EPP
	"<command><update><d:update xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
	"<d:name>bank.example</d:name><d:add><d:ns><d:hostObj>ns.hoster.example</d:hostObj></d:ns>"
	"</d:add></d:update></update></command></epp>";
static const char check[] =
	EPP "<command><check><d:check xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
	    "<d:name>bank.example</d:name></d:check></check></command></epp>";
static const char done[] = EPP "<response><result code=\"1000\"><msg>Done</msg></result>"
			       "<trID><svTRID>S-1</svTRID></trID></response></epp>";
static const char failed[] = EPP "<response><result code=\"2303\"><msg>No</msg></result>"
				 "<trID><svTRID>S-2</svTRID></trID></response></epp>";

static void show(struct host *host, const char *command, const char *response)
{
	host->refused += host->transaction(host->tap, "ClientX", command, strlen(command), response,
					   strlen(response)) != EPPTAP_OK;
}

/* A frame with its length, in pieces. */
static void show_bytes(struct epptap_stream *stream, stream_function *function, const char *frame)
{
	size_t size = strlen(frame), length = size + 4;
	const char header[] = {(char)(length >> 24), (char)(length >> 16), (char)(length >> 8),
			       (char)length};
	function(stream, header, sizeof header);
	for (size_t at = 0; at < size; at += PIECE)
		function(stream, frame + at, size - at < PIECE ? size - at : PIECE);
}

static void show_all(struct host *host, const char *command, const char *response)
{
	show(host, command, response);
	for (int i = 0; i < STREAMS; i++) {
		show_bytes(host->streams[i], host->client, command);
		show_bytes(host->streams[i], host->server, response);
	}
}

static void show_each(struct host *host, unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++) {
		for (int kind = 0; kind < KINDS; kind++)
			show_all(host, host->commands[kind], done);
		show_all(host, update, failed);
	}
}

/* What is long, over the limit, of odd encoding, or no frame at all is judged without a call, too. */
static void make_commands(struct host *host, char *huge, char *padded)
{
	const char *commands[KINDS] = {
		update, check, padded, huge, "<!DOCTYPE epp><epp/>", "not a frame", "\xff\xfe<"};
	memset(huge, 'x', HUGE_SIZE - 1);
	memcpy(huge, EPP, strlen(EPP));
	memset(padded, ' ', LONG_SIZE - 1);
	memcpy(padded, update, strlen(update));
	memcpy(host->commands, commands, sizeof commands);
}

static int load(struct host *host, const char *plugin)
{
	void *object = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		return -1;
	*(void **)&host->open = dlsym(object, "epptap_open");
	*(void **)&host->transaction = dlsym(object, "epptap_transaction");
	*(void **)&host->stream_new = dlsym(object, "epptap_stream_new");
	*(void **)&host->client = dlsym(object, "epptap_stream_client");
	*(void **)&host->server = dlsym(object, "epptap_stream_server");
	*(void **)&host->stream_free = dlsym(object, "epptap_stream_free");
	*(void **)&host->flush = dlsym(object, "epptap_flush");
	*(void **)&host->close = dlsym(object, "epptap_close");
	return host->open && host->transaction && host->stream_new && host->client &&
			       host->server && host->stream_free && host->flush && host->close
		       ? 0
		       : -1;
}

int main(int argc, char **argv)
{
	struct host host = {0};
	char why[1024] = "usage: strace_host EPPTAP.SO CONFIG CALLS";
	char *huge = calloc(1, HUGE_SIZE), *padded = calloc(1, LONG_SIZE);
	int status = EXIT_FAILURE;
	if (argc != 4 || !huge || !padded || load(&host, argv[1]) != 0 ||
	    host.open(argv[2], &host.tap, why, sizeof why) != EPPTAP_OK ||
	    host.stream_new(host.tap, "ClientY", &host.streams[0]) != EPPTAP_OK ||
	    host.stream_new(host.tap, NULL, &host.streams[1]) != EPPTAP_OK) {
		fprintf(stderr, "strace_host: %s\n", why);
		goto out;
	}
	make_commands(&host, huge, padded);
	show_each(&host, WARM_UP);
	if (host.flush(host.tap, PATIENCE_MS) != EPPTAP_OK)
		goto out;
	host.refused = 0;

	syscall(SYS_getppid);
	show_each(&host, strtoul(argv[3], NULL, 10));
	syscall(SYS_getppid);
	if (host.flush(host.tap, PATIENCE_MS) != EPPTAP_OK)
		goto out;

	syscall(SYS_getpgrp);
	show(&host, update, done);
	int flushed = host.flush(host.tap, PATIENCE_MS);
	syscall(SYS_getpgrp);
	printf("%lu\n", host.refused);
	status = flushed == EPPTAP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
out:
	for (int i = 0; i < STREAMS && host.stream_free; i++)
		host.stream_free(&host.streams[i]);
	if (host.close)
		host.close(&host.tap, 0);
	free(huge);
	free(padded);
	return status;
}
