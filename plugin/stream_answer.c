/* stream_answer.c - what becomes of a frame that the server sent, and of commands that get none */
#include "plugin/stream.h"

#include <stdio.h>
#include <string.h>

enum { CODE_DONE = 1000, CODE_LOGGED_OUT = 1500 };

/* What is lost where clTRIDs differ. */
struct dropping {
	struct stream_call *call;
	bool unknown; /* a command that was noted is told as unknown */
	bool lost;    /* one that was not, as a loss */
};

static struct stream_answer judge(struct epptap_stream *stream, const struct stream_frame *frame)
{
	if (frame->lost != LOSSES)
		return (struct stream_answer){.kind = SESSION_UNCLEAR, .succeeds = true};
	struct session_text id = session_answer_id(frame->bytes, frame->size);
	return (struct stream_answer){
		.kind = session_answer_of(frame->bytes, frame->size),
		.succeeds = scan_may_succeed(frame->bytes, frame->size),
		.id = id.size ? streams_hash(stream->streams, id.at, id.size) : 0,
	};
}

/* An answer to a poll tells by itself what it tells. */
static void take_message(struct stream_call *call, const struct stream_frame *frame)
{
	const struct stream_session session = stream_session(call->stream);
	const struct caller caller = {session.login, session.session};
	if (frame->lost != LOSSES)
		stream_lose(call, frame->lost);
	else if (calls_message(call->tap, &caller, frame->bytes, frame->size) != RESULT_OK)
		call->result = EPPTAP_EFULL;
}

/* The answer to what may be a change, whose command is known for certain. */
static void take_pair(struct stream_call *call, const struct stream_frame *frame,
		      struct stream_pending *pending)
{
	const struct stream_session session = stream_session(call->stream);
	const struct caller caller = {session.login, session.session};
	uint64_t position;
	int result;
	if (pending->ticket)
		result = calls_end(call->tap, pending->ticket, frame->bytes, frame->size);
	else
		result =
			calls_transaction(call->tap, &caller, pending->held.bytes,
					  pending->held.size, frame->bytes, frame->size, &position);
	if (result != RESULT_OK)
		call->result = result;
}

/* What may be a change, and can't be told for this reason; without its answer, or with one that has news. */
static void lose_pair(struct stream_call *call, struct stream_pending *pending, enum loss reason)
{
	if (!pending->ticket) {
		stream_lose(call, reason);
		return;
	}
	counters_add(&call->tap->counters.lost[reason], 1);
	calls_end_unknown(call->tap, pending->ticket);
	stream_tell(call, reason);
}

static void settle_change(struct stream_call *call, const struct stream_frame *frame,
			  struct stream_pending *pending, bool certain)
{
	bool known = frame->lost == LOSSES;
	enum loss lost = pending->lost;
	if (lost == LOSSES)
		lost = known ? LOSS_OUT_OF_STEP : frame->lost;
	if (certain && known && pending->lost == LOSSES)
		take_pair(call, frame, pending);
	else if (!certain || !known || calls_may_matter(call->tap, frame->bytes, frame->size))
		lose_pair(call, pending, lost);
}

static void set_session(struct epptap_stream *stream, const char *login, bool open,
			uint64_t session)
{
	struct epptap *tap = streams_tap(stream->streams);
	unsigned owner = registrars_find(tap->registrars, *login ? login : NULL);
	pthread_mutex_lock(&stream->lock);
	stream->session = (struct stream_session){.open = open, .owner = owner, .session = session};
	memcpy(stream->session.login, login, strnlen(login, REGISTRARS_LOGIN_SIZE - 1));
	pthread_mutex_unlock(&stream->lock);
}

/* What may be a login. */
struct login {
	const char *bytes;
	size_t size;
	bool done; /* it is one, and succeeded */
};

/* Leaves it to the parser who has logged in, and whether. If it finds none, it is whoever it was, unless that one is surely
 * gone; so it is if the parser can't be asked, and nobody is logged in that is known. */
static void ask_parser(struct stream_call *call, const struct stream_frame *frame,
		       const struct login *login)
{
	struct epptap_stream *stream = call->stream;
	struct stream_session session = stream_session(stream);
	uint64_t number = session.session ? session.session : streams_number(stream->streams);
	const struct caller caller = {session.login, number};
	bool asked = login->bytes && calls_login(call->tap, &caller, login->bytes, login->size,
						 frame->bytes, frame->size) == RESULT_OK;
	bool gone = login->done || (!asked && !session.open);
	set_session(stream, gone ? "" : session.login, true, gone && !asked ? 0 : number);
}

/* The same for one of which only whom it names was kept. */
static void ask_parser_of(struct stream_call *call, const struct stream_frame *frame,
			  const char *login)
{
	char again[256];
	int size = snprintf(again, sizeof again,
			    "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command><login><clID>%s"
			    "</clID></login></command></epp>",
			    login);
	ask_parser(call, frame, &(struct login){again, (size_t)size, false});
}

/* The registrar is as before: if the server has not ended the session, it is still that one's. */
static void log_out(struct epptap_stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->session.open = false;
	pthread_mutex_unlock(&stream->lock);
}

/* The name that a login has asked for; from now on another may ask. */
static void take_asked(struct epptap_stream *stream, char login[REGISTRARS_LOGIN_SIZE])
{
	pthread_mutex_lock(&stream->lock);
	memcpy(login, stream->asked, REGISTRARS_LOGIN_SIZE);
	memset(stream->asked, 0, sizeof stream->asked);
	pthread_mutex_unlock(&stream->lock);
}

/* What the answer means for the session. */
static void settle_session(struct stream_call *call, const struct stream_frame *frame,
			   const struct stream_pending *pending, bool certain)
{
	struct epptap_stream *stream = call->stream;
	char login[REGISTRARS_LOGIN_SIZE] = "";
	if (pending->asks)
		take_asked(stream, login);
	if (stream->given || !certain || frame->lost != LOSSES)
		return;
	unsigned code = session_code(frame->bytes, frame->size);
	bool logs_in = pending->sent == SESSION_LOGIN, done = code == CODE_DONE;
	if (logs_in && pending->asks && done)
		set_session(stream, login, true, 0);
	else if (logs_in && pending->asks && code == 0)
		ask_parser_of(call, frame, login);
	else if ((logs_in || pending->sent == SESSION_UNSURE) && (done || code == 0))
		ask_parser(
			call, frame,
			&(struct login){pending->held.bytes, pending->held.size, logs_in && done});
	else if (pending->sent == SESSION_LOGOUT && code == CODE_LOGGED_OUT)
		log_out(stream);
}

static void settle(struct stream_call *call, const struct stream_frame *frame,
		   struct stream_pending *pending, bool certain)
{
	if (pending->sent == SESSION_HELLO && pending->ticket)
		certain = calls_end(call->tap, pending->ticket, "", 0) == RESULT_OK;
	else if (pending->scan == SCAN_MAYBE && pending->sent != SESSION_HELLO)
		settle_change(call, frame, pending, certain);
	else if (pending->scan == SCAN_POLL)
		take_message(call, frame);
	else
		counters_add(&call->tap->counters.skipped, 1);
	settle_session(call, frame, pending, certain);
	streams_give(call->stream->streams, &pending->held);
}

/* With the stream's lock held. It will get no answer, as others bear other clTRIDs. */
static void drop(void *context, struct stream_pending *pending)
{
	struct dropping *dropping = context;
	struct stream_call *call = dropping->call;
	if (pending->ticket) {
		calls_end_unknown(call->tap, pending->ticket);
		dropping->unknown = true;
	} else if (pending->scan == SCAN_MAYBE) {
		calls_lose(call->tap, call->stream->session.owner, LOSS_OUT_OF_STEP);
		dropping->lost = true;
	}
	if (pending->asks)
		memset(call->stream->asked, 0, sizeof call->stream->asked);
	streams_give(call->stream->streams, &pending->held);
}

/* Commands and answers were out of step: a gap tells so, unless nothing can be lost by it. */
static void tell_out_of_step(struct stream_call *call, const struct dropping *dropping,
			     bool succeeds)
{
	counters_add(&call->tap->counters.streams_resynchronised, 1);
	if (!dropping->lost && (dropping->unknown || succeeds))
		stream_lose(call, LOSS_OUT_OF_STEP);
}

void stream_take_answer(void *context, struct stream_frame *frame)
{
	struct stream_call *call = context;
	struct epptap_stream *stream = call->stream;
	struct dropping dropping = {.call = call};
	struct stream_pending pending;
	bool dropped;
	if (frame->lost != LOSSES)
		counters_add(&call->tap->counters.stream_frames_skipped, 1);
	else if (frame->size == 0)
		return;
	struct stream_answer answer = judge(stream, frame);
	pthread_mutex_lock(&stream->lock);
	enum stream_found found = stream_pairs_answer(&stream->pairs, stream->streams, &answer,
						      &pending, &dropped, drop, &dropping);
	pthread_mutex_unlock(&stream->lock);
	bool nobodys = found == STREAM_NOBODYS && answer.succeeds;
	if (dropped)
		tell_out_of_step(call, &dropping, nobodys);
	else if (nobodys)
		stream_lose(call, LOSS_OUT_OF_STEP);
	if (found == STREAM_FOUND || found == STREAM_NOT_CERTAIN)
		settle(call, frame, &pending, found == STREAM_FOUND);
	else if (found != STREAM_NO_MATTER && frame->lost == LOSSES)
		take_message(call, frame);
}

void stream_give_up(struct stream_call *call, struct stream_pending *pending, bool *may_act)
{
	if (call->tap && pending->ticket)
		calls_end_unknown(call->tap, pending->ticket);
	else if (call->tap && pending->scan == SCAN_MAYBE && *may_act &&
		 tap_config(call->tap)->capture.intent)
		stream_lose(call, pending->lost != LOSSES ? pending->lost : LOSS_OUT_OF_STEP);
	*may_act |= pending->sent == SESSION_LOGIN || pending->sent == SESSION_UNSURE;
	streams_give(call->stream->streams, &pending->held);
}
