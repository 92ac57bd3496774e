/* stream.h - what is behind a stream of the public ABI: one EPP connection, as raw bytes
 *
 * stream.c has its life and the calls; stream_command.c what becomes of a frame that the registrar sent, and
 * stream_answer.c of one that the server did.
 *
 * Each direction has a lock of its own, which its caller holds while frames are put together, scanned and copied: calls
 * of the two don't wait for each other then, nor for any other stream's. `lock` is held for some dozen instructions.
 */
#ifndef PLUGIN_STREAM_H
#define PLUGIN_STREAM_H

#include "plugin/calls.h"
#include "plugin/stream_frames.h"
#include "plugin/stream_pairs.h"

#include <pthread.h>

/* Whose connection it is. */
struct stream_session {
	char login[REGISTRARS_LOGIN_SIZE]; /* empty: not known */
	bool open;                         /* somebody is logged in, or the host says who it is */
	unsigned owner;                    /* by registrars.h */
	uint64_t session;                  /* of struct caller */
};

struct epptap_stream {
	struct streams *streams;
	struct streams_held own; /* where it lies itself */
	bool given;              /* the host said whose it is: logins don't matter */

	pthread_mutex_t client_lock;
	struct stream_frames client;

	pthread_mutex_t server_lock;
	struct stream_frames server;

	pthread_mutex_t lock; /* of what follows */
	struct stream_pairs pairs;
	struct stream_session session;
	char asked[REGISTRARS_LOGIN_SIZE]; /* whom a login that has no answer names; empty: none */
};

/* One call with bytes. */
struct stream_call {
	struct epptap_stream *stream;
	struct epptap *tap;
	int result; /* EPPTAP_EFULL: something in it found no room */
};

/* What stream_frames_add() shows: `context` is a struct stream_call. */
void stream_take_command(void *context, struct stream_frame *frame);
void stream_take_answer(void *context, struct stream_frame *frame);

/* It gets no answer: the connection is cut. *may_act: somebody is logged in, or may be by what waited before it; then what
 * may be a change, and is noted nowhere, is told as lost. */
void stream_give_up(struct stream_call *call, struct stream_pending *pending, bool *may_act);

/* The session as it is now. */
struct stream_session stream_session(struct epptap_stream *stream);

/* Counts a loss, and has the call tell of it. */
void stream_lose(struct stream_call *call, enum loss reason);

/* Only has the call tell of it, if it is one for want of room. */
void stream_tell(struct stream_call *call, enum loss reason);

#endif
