/* stream_command.c - what becomes of a frame that the registrar sent */
#include "plugin/stream.h"

#include <string.h>

static uint64_t hash_of(struct epptap_stream *stream, struct session_text id)
{
	return id.size ? streams_hash(stream->streams, id.at, id.size) : 0;
}

/* What it is, as far as it can be told here. A frame whose bytes are lost may be anything. */
static struct stream_pending judge(struct stream_call *call, const struct stream_frame *frame)
{
	struct stream_pending pending = {
		.scan = SCAN_MAYBE, .sent = SESSION_UNSURE, .lost = frame->lost};
	if (frame->lost != LOSSES) {
		counters_add(&call->tap->counters.stream_frames_skipped, 1);
		return pending;
	}
	if (frame->size == 0) {
		pending.scan = SCAN_NOTHING;
		pending.sent = SESSION_COMMAND;
		pending.empty = true;
		return pending;
	}
	pending.scan = scan_command(frame->bytes, frame->size, &tap_config(call->tap)->verbs);
	pending.sent = session_command_of(frame->bytes, frame->size);
	if (pending.sent == SESSION_HELLO && pending.scan == SCAN_MAYBE)
		pending.sent = SESSION_UNSURE;
	pending.id = hash_of(call->stream, session_command_id(frame->bytes, frame->size));
	return pending;
}

/* Keeps the bytes until the answer is there. */
static bool keep(struct stream_call *call, const struct stream_session *session,
		 struct stream_frame *frame, struct stream_pending *pending, enum loss *reason)
{
	if (pending->held.bytes)
		return true;
	if (!frame->held)
		return streams_hold(call->stream->streams, &pending->held, session->owner,
				    frame->bytes, frame->size, reason);
	pending->held = *frame->held;
	*frame->held = (struct streams_held){0};
	return true;
}

/* Notes it before it is carried out, or keeps it. Only of somebody who is logged in: a stranger's command is not carried
 * out, and its connection may be cut to make it look as if nobody knew. */
static void prepare_change(struct stream_call *call, const struct stream_session *session,
			   struct stream_frame *frame, struct stream_pending *pending)
{
	const struct caller caller = {session->login, session->session};
	uint64_t position;
	if (!tap_config(call->tap)->capture.intent || !session->open) {
		keep(call, session, frame, pending, &pending->lost);
		return;
	}
	int result = calls_begin(call->tap, &caller, frame->bytes, frame->size, &pending->ticket,
				 &position);
	if (result == RESULT_OK)
		return;
	call->result = result;
	pending->scan = SCAN_NOTHING; /* that it is lost is told */
}

/* Notes whom it names; what only a parser can read, is kept for it. */
static void prepare_login(struct stream_call *call, const struct stream_session *session,
			  struct stream_frame *frame, struct stream_pending *pending)
{
	struct epptap_stream *stream = call->stream;
	struct session_text login = session_login(frame->bytes, frame->size);
	enum loss reason;
	if (login.size > sizeof stream->asked - 1)
		login.size = sizeof stream->asked - 1;
	pthread_mutex_lock(&stream->lock);
	if (login.size && !stream->asked[0]) {
		memcpy(stream->asked, login.at, login.size);
		pending->asks = true;
	}
	pthread_mutex_unlock(&stream->lock);
	if (!pending->asks)
		keep(call, session, frame, pending, &reason);
}

static void prepare(struct stream_call *call, const struct stream_session *session,
		    struct stream_frame *frame, struct stream_pending *pending)
{
	if (pending->lost != LOSSES || pending->empty)
		return;
	if (pending->scan == SCAN_MAYBE)
		prepare_change(call, session, frame, pending);
	if (!call->stream->given &&
	    (pending->sent == SESSION_LOGIN || pending->sent == SESSION_UNSURE))
		prepare_login(call, session, frame, pending);
}

/* More wait for their answers than can be followed. */
static void take_beyond(struct stream_call *call, const struct stream_pending *pending,
			enum loss reason)
{
	struct epptap_stream *stream = call->stream;
	if (pending->scan == SCAN_MAYBE)
		stream_lose(call, pending->lost != LOSSES ? pending->lost : reason);
	/* Whoever has no answer for sure is not counted: nothing would come of it. */
	if (pending->empty || pending->sent == SESSION_HELLO)
		return;
	pthread_mutex_lock(&stream->lock);
	stream_pairs_add_beyond(&stream->pairs, pending->id);
	pthread_mutex_unlock(&stream->lock);
}

void stream_take_command(void *context, struct stream_frame *frame)
{
	struct stream_call *call = context;
	struct epptap_stream *stream = call->stream;
	struct stream_pending pending = judge(call, frame);
	enum loss reason;
	pthread_mutex_lock(&stream->lock);
	struct stream_session session = stream->session;
	bool room = stream_pairs_have_room(&stream->pairs, stream->streams, session.owner, &reason);
	pthread_mutex_unlock(&stream->lock);
	if (!room) {
		take_beyond(call, &pending, reason);
		return;
	}
	prepare(call, &session, frame, &pending);
	pthread_mutex_lock(&stream->lock);
	stream_pairs_add(&stream->pairs, &pending);
	pthread_mutex_unlock(&stream->lock);
}
