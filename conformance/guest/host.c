#include "conformance/guest/host.h"

#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define EPP "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"

enum { FRAME_SIZE = 1024, PIECE = 100, STATS_SIZE = 65536, LOADED = 40 };

static const char check[] =
	EPP "<command><check><d:check xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
	    "<d:name>bank.example</d:name></d:check></check></command></epp>";

static const char hostile[] = "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;";

static const char server_change[] =
	EPP "<response><result code=\"1000\"><msg>Done</msg></result><resData>"
	    "<d:infData xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\"><d:name>c40.example</d:name>"
	    "<d:roid>C40-EX</d:roid><d:clID>ClientX</d:clID></d:infData></resData><extension>"
	    "<c:changeData xmlns:c=\"urn:ietf:params:xml:ns:changePoll-1.0\" state=\"after\">"
	    "<c:operation>update</c:operation><c:date>2026-01-01T00:00:00Z</c:date>"
	    "<c:svTRID>S-40</c:svTRID><c:who>registry</c:who></c:changeData></extension>"
	    "<trID><svTRID>S-P40</svTRID></trID></response></epp>";

static void make_command(char frame[FRAME_SIZE], unsigned number)
{
	snprintf(frame, FRAME_SIZE,
		 EPP "<command><update><d:update xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">"
		     "<d:name>c%u.example</d:name><d:add><d:ns><d:hostObj>ns.hoster.example"
		     "</d:hostObj></d:ns></d:add></d:update></update></command></epp>",
		 number);
}

static void make_answer(char frame[FRAME_SIZE], unsigned number)
{
	snprintf(frame, FRAME_SIZE,
		 EPP "<response><result code=\"1000\"><msg>Done</msg></result>"
		     "<trID><svTRID>S-%u</svTRID></trID></response></epp>",
		 number);
}

static void *symbol_of(void *object, const char *name)
{
	void *found = dlsym(object, name);
	if (!found)
		fprintf(stderr, "epptap.so has no %s()\n", name);
	return found;
}

bool host_load(struct host *host, const char *plugin)
{
	void *object = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		fprintf(stderr, "%s\n", dlerror());
		return false;
	}
	return (*(void **)&host->strerror = symbol_of(object, "epptap_strerror")) &&
	       (*(void **)&host->open = symbol_of(object, "epptap_open")) &&
	       (*(void **)&host->transaction = symbol_of(object, "epptap_transaction")) &&
	       (*(void **)&host->begin = symbol_of(object, "epptap_begin")) &&
	       (*(void **)&host->end = symbol_of(object, "epptap_end")) &&
	       (*(void **)&host->server_change = symbol_of(object, "epptap_server_change")) &&
	       (*(void **)&host->stream_new = symbol_of(object, "epptap_stream_new")) &&
	       (*(void **)&host->stream_client = symbol_of(object, "epptap_stream_client")) &&
	       (*(void **)&host->stream_server = symbol_of(object, "epptap_stream_server")) &&
	       (*(void **)&host->stream_free = symbol_of(object, "epptap_stream_free")) &&
	       (*(void **)&host->flush = symbol_of(object, "epptap_flush")) &&
	       (*(void **)&host->stats = symbol_of(object, "epptap_stats")) &&
	       (*(void **)&host->reload = symbol_of(object, "epptap_reload")) &&
	       (*(void **)&host->close = symbol_of(object, "epptap_close"));
}

bool host_open(struct host *host, const char *plugin, const char *config)
{
	char why[HOST_WHY_SIZE] = "";
	if (!host_load(host, plugin))
		return false;
	if (host->open(config, &host->tap, why, sizeof why) == EPPTAP_OK)
		return true;
	fprintf(stderr, "%s\n", why);
	return false;
}

bool host_await(pid_t child, time_t patience_s, int *status)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	time_t deadline = time(NULL) + patience_s;
	pid_t done;
	*status = 0;
	while ((done = waitpid(child, status, WNOHANG)) == 0 && time(NULL) < deadline)
		nanosleep(&pause, NULL);
	if (done != 0)
		return true;
	kill(child, SIGKILL);
	waitpid(child, status, 0);
	return false;
}

int host_show(struct host *host, unsigned number)
{
	char command[FRAME_SIZE], answer[FRAME_SIZE];
	make_command(command, number);
	make_answer(answer, number);
	return host->transaction(host->tap, "ClientX", command, strlen(command), answer,
				 strlen(answer));
}

/* A frame with its length, in pieces. */
static int show_bytes(__typeof__(epptap_stream_client) *way, struct epptap_stream *stream,
		      const char *frame)
{
	size_t size = strlen(frame), length = size + 4;
	const char header[] = {(char)(length >> 24), (char)(length >> 16), (char)(length >> 8),
			       (char)length};
	int result = way(stream, header, sizeof header);
	for (size_t at = 0; result == EPPTAP_OK && at < size; at += PIECE)
		result = way(stream, frame + at, size - at < PIECE ? size - at : PIECE);
	return result;
}

int host_show_command(struct host *host, struct epptap_stream *stream, unsigned number)
{
	char frame[FRAME_SIZE];
	make_command(frame, number);
	return show_bytes(host->stream_client, stream, frame);
}

int host_show_answer(struct host *host, struct epptap_stream *stream, unsigned number)
{
	char frame[FRAME_SIZE];
	make_answer(frame, number);
	return show_bytes(host->stream_server, stream, frame);
}

static bool is(const char *what, int result, int expected)
{
	if (result != expected)
		fprintf(stderr, "%s answers %d, not %d\n", what, result, expected);
	return result == expected;
}

bool host_all_answer(struct host *host, struct epptap_stream *stream, int expected)
{
	char command[FRAME_SIZE], json[STATS_SIZE], why[HOST_WHY_SIZE];
	struct epptap_stream *another = NULL;
	size_t size = sizeof json, command_size;
	uint64_t ticket = 0;
	make_command(command, 1);
	command_size = strlen(command);
	return is("transaction", host_show(host, 1), expected) &&
	       is("begin", host->begin(host->tap, "ClientX", command, command_size, &ticket),
		  expected) &&
	       is("end", host->end(host->tap, 1, "", 0), expected) &&
	       is("server_change",
		  host->server_change(host->tap, server_change, strlen(server_change)), expected) &&
	       is("stream_new", host->stream_new(host->tap, NULL, &another), expected) &&
	       is("stream_client", host->stream_client(stream, "\0", 1), expected) &&
	       is("stream_server", host->stream_server(stream, "\0", 1), expected) &&
	       is("flush", host->flush(host->tap, HOST_PATIENCE_MS), expected) &&
	       is("stats", host->stats(host->tap, json, &size), expected) &&
	       is("reload", host->reload(host->tap, why, sizeof why), expected);
}

static bool walk_open(struct host *host, const char *folder)
{
	char good[PATH_MAX], bad[PATH_MAX], why[HOST_WHY_SIZE];
	struct epptap *second = NULL;
	snprintf(good, sizeof good, "%s/epptap.yaml", folder);
	snprintf(bad, sizeof bad, "%s/bad.yaml", folder);
	if (!is("open of none", host->open(NULL, &host->tap, why, sizeof why), EPPTAP_EINVAL) ||
	    !is("open of a bad config", host->open(bad, &host->tap, why, sizeof why),
		EPPTAP_ECONFIG))
		return false;
	int result = host->open(good, &host->tap, why, sizeof why);
	if (result != EPPTAP_OK)
		fprintf(stderr, "%s\n", why);
	return is("open", result, EPPTAP_OK) &&
	       is("a second open", host->open(good, &second, why, sizeof why), EPPTAP_EBUSY);
}

static bool walk_transactions(struct host *host)
{
	char answer[FRAME_SIZE];
	make_answer(answer, 0);
	for (unsigned number = 0; number < LOADED; number++)
		if (!is("transaction", host_show(host, number), EPPTAP_OK))
			return false;
	return is("transaction of a check",
		  host->transaction(host->tap, NULL, check, strlen(check), answer, strlen(answer)),
		  EPPTAP_OK) &&
	       is("transaction of nothing",
		  host->transaction(host->tap, NULL, NULL, 0, answer, strlen(answer)),
		  EPPTAP_EINVAL) &&
	       is("transaction of what is none",
		  host->transaction(host->tap, NULL, hostile, strlen(hostile), "<a", 2),
		  EPPTAP_OK) &&
	       is("server_change",
		  host->server_change(host->tap, server_change, strlen(server_change)), EPPTAP_OK);
}

static bool walk_tickets(struct host *host)
{
	char command[FRAME_SIZE], answer[FRAME_SIZE];
	uint64_t ticket = 0, given_up = 0;
	make_command(command, LOADED + 1);
	make_answer(answer, LOADED + 1);
	return is("begin", host->begin(host->tap, "ClientX", command, strlen(command), &ticket),
		  EPPTAP_OK) &&
	       is("begin", host->begin(host->tap, NULL, command, strlen(command), &given_up),
		  EPPTAP_OK) &&
	       is("end", host->end(host->tap, given_up, NULL, 0), EPPTAP_OK) &&
	       is("end", host->end(host->tap, ticket, answer, strlen(answer)), EPPTAP_OK) &&
	       is("a second end", host->end(host->tap, ticket, answer, strlen(answer)),
		  EPPTAP_EINVAL);
}

static bool walk_stream(struct host *host)
{
	struct epptap_stream *stream = NULL;
	bool good = is("stream_new", host->stream_new(host->tap, "ClientY", &stream), EPPTAP_OK) &&
		    is("stream_client", host_show_command(host, stream, LOADED + 2), EPPTAP_OK) &&
		    is("stream_server", host_show_answer(host, stream, LOADED + 2), EPPTAP_OK) &&
		    is("stream_client of NULL", host->stream_client(NULL, "", 0), EPPTAP_EINVAL);
	host->stream_free(&stream);
	return good;
}

/* Puts a file's bytes in another's place. */
static bool copy(const char *folder, const char *from, const char *to)
{
	char path[PATH_MAX], bytes[65536];
	snprintf(path, sizeof path, "%s/%s", folder, from);
	FILE *source = fopen(path, "re");
	snprintf(path, sizeof path, "%s/%s", folder, to);
	FILE *target = fopen(path, "we");
	size_t size = source ? fread(bytes, 1, sizeof bytes, source) : 0;
	bool good = target && size > 0 && fwrite(bytes, 1, size, target) == size;
	if (source)
		fclose(source);
	return target && fclose(target) == 0 && good;
}

static bool walk_reload(struct host *host, const char *folder)
{
	char why[HOST_WHY_SIZE];
	return copy(folder, "bad.yaml", "epptap.yaml") &&
	       is("reload of a bad config", host->reload(host->tap, why, sizeof why),
		  EPPTAP_ECONFIG) &&
	       copy(folder, "good.yaml", "epptap.yaml") &&
	       is("reload", host->reload(host->tap, why, sizeof why), EPPTAP_OK);
}

bool host_walk(struct host *host, const char *folder)
{
	char json[STATS_SIZE];
	size_t size = sizeof json, too_little = 1;
	return walk_open(host, folder) && walk_transactions(host) && walk_tickets(host) &&
	       walk_stream(host) &&
	       is("flush", host->flush(host->tap, HOST_PATIENCE_MS), EPPTAP_OK) &&
	       walk_reload(host, folder) &&
	       is("stats", host->stats(host->tap, json, &size), EPPTAP_OK) &&
	       is("stats without room", host->stats(host->tap, json, &too_little), EPPTAP_EINVAL);
}
