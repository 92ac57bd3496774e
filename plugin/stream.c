#include "plugin/stream.h"

#include "plugin/arena.h"

#include <string.h>

_Static_assert(sizeof(struct epptap_stream) <= ARENA_UNIT, "an idle stream takes a block");

struct stream_session stream_session(struct epptap_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	struct stream_session now = stream->session;
	pthread_mutex_unlock(&stream->lock);
	return now;
}

void stream_lose(struct stream_call *call, enum loss reason)
{
	calls_lose(call->tap, stream_session(call->stream).owner, reason);
	stream_tell(call, reason);
}

void stream_tell(struct stream_call *call, enum loss reason)
{
	if (reason != LOSS_FRAME_LIMIT && reason != LOSS_OUT_OF_STEP)
		call->result = EPPTAP_EFULL;
}

static void set_up(struct epptap_stream *stream, struct streams *streams, const char *registrar,
		   unsigned owner)
{
	stream->streams = streams;
	stream->given = registrar != NULL;
	stream->session.open = stream->given;
	stream->session.owner = owner;
	if (registrar)
		memcpy(stream->session.login, registrar,
		       strnlen(registrar, REGISTRARS_LOGIN_SIZE - 1));
	stream_frames_init(&stream->client);
	stream_frames_init(&stream->server);
	stream_pairs_init(&stream->pairs);
	pthread_mutex_init(&stream->client_lock, NULL);
	pthread_mutex_init(&stream->server_lock, NULL);
	pthread_mutex_init(&stream->lock, NULL);
}

/* A connection that can't be followed is told as a loss: who knows what goes through it. */
static int make(struct epptap *tap, const char *registrar, struct epptap_stream **stream)
{
	struct streams *streams = tap->streams;
	struct streams_held held = {0};
	unsigned owner = registrars_find(tap->registrars, registrar);
	enum loss reason;
	int result = streams_join(streams);
	if (result != RESULT_OK)
		return result;
	if (!streams_begin(streams, &held, owner, sizeof **stream, &reason)) {
		streams_leave(&streams);
		calls_lose(tap, owner, reason);
		return RESULT_FULL;
	}
	held.size = sizeof **stream;
	*stream = (struct epptap_stream *)held.bytes;
	**stream = (struct epptap_stream){.own = held};
	set_up(*stream, streams, registrar, owner);
	counters_add(&tap->counters.streams_open, 1);
	return RESULT_OK;
}

int epptap_stream_new(struct epptap *tap, const char *registrar, struct epptap_stream **stream)
{
	if (stream)
		*stream = NULL;
	if (!tap || !stream)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	return make(tap, registrar, stream);
}

/* Can the call go on? Then call->tap is the tap. */
static int check(struct epptap_stream *stream, const void *bytes, size_t size,
		 struct stream_call *call)
{
	*call = (struct stream_call){.stream = stream, .result = EPPTAP_OK};
	if (!stream || (!bytes && size))
		return EPPTAP_EINVAL;
	call->tap = streams_tap(stream->streams);
	if (!call->tap)
		return EPPTAP_EINVAL;
	return tap_forked(call->tap) ? EPPTAP_EFORK : EPPTAP_OK;
}

static struct stream_frames_taker taker_of(struct stream_call *call)
{
	return (struct stream_frames_taker){
		.streams = call->stream->streams,
		.limit = tap_config(call->tap)->capture.frame_limit,
		.owner = stream_session(call->stream).owner,
		.context = call,
	};
}

int epptap_stream_client(struct epptap_stream *stream, const void *bytes, size_t size)
{
	struct stream_call call;
	int result = check(stream, bytes, size, &call);
	if (result != EPPTAP_OK)
		return result;
	struct stream_frames_taker taker = taker_of(&call);
	taker.take = stream_take_command;
	pthread_mutex_lock(&stream->client_lock);
	stream_frames_add(&stream->client, &taker, bytes, size);
	pthread_mutex_unlock(&stream->client_lock);
	return call.result;
}

int epptap_stream_server(struct epptap_stream *stream, const void *bytes, size_t size)
{
	struct stream_call call;
	int result = check(stream, bytes, size, &call);
	if (result != EPPTAP_OK)
		return result;
	struct stream_frames_taker taker = taker_of(&call);
	taker.take = stream_take_answer;
	pthread_mutex_lock(&stream->server_lock);
	stream_frames_add(&stream->server, &taker, bytes, size);
	pthread_mutex_unlock(&stream->server_lock);
	return call.result;
}

void epptap_stream_free(struct epptap_stream **stream)
{
	struct epptap_stream *freed = stream ? *stream : NULL;
	struct stream_pending pending;
	if (!freed)
		return;
	*stream = NULL;
	struct streams *streams = freed->streams;
	struct epptap *tap = streams_tap(streams);
	/* In a child all of it is the parent's. */
	if (tap && tap_forked(tap))
		return;
	struct stream_call call = {.stream = freed, .tap = tap, .result = EPPTAP_OK};
	stream_frames_end(&freed->client, streams);
	stream_frames_end(&freed->server, streams);
	bool may_act = freed->session.open;
	while (stream_pairs_take(&freed->pairs, streams, &pending))
		stream_give_up(&call, &pending, &may_act);
	if (tap)
		counters_add(&tap->counters.streams_open, UINT64_MAX);
	pthread_mutex_destroy(&freed->client_lock);
	pthread_mutex_destroy(&freed->server_lock);
	pthread_mutex_destroy(&freed->lock);
	struct streams_held held = freed->own;
	streams_give(streams, &held);
	streams_leave(&streams);
}
