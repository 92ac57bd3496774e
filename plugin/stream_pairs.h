/* stream_pairs.h - which answer is whose, on one connection
 *
 * Commands wait in the order in which they were sent, and are answered in that order (RFC 5734): what is known of each is
 * kept until then. So many can wait; those beyond are only counted, so that the pairs stay in step.
 *
 * Three things may bring the order out of step. If command and answer both bear a clTRID, and they differ, the command
 * that bears the answer's is looked for among those that wait: those before it will get no answer; if there is none, the
 * oldest gets none. An answer that comes when nothing waits is one to a command that was not seen. And nobody knows
 * whether a server answers an empty frame: if it can't be told whose an answer is, all is doubtful until a clTRID says
 * otherwise, or nothing waits any more.
 *
 * Owner: the stream, under its lock.
 */
#ifndef PLUGIN_STREAM_PAIRS_H
#define PLUGIN_STREAM_PAIRS_H

#include "eppparse/scan.h"
#include "eppparse/session.h"
#include "plugin/streams.h"

enum {
	STREAM_PAIRS_MOST = 1024, /* commands that can wait */
	STREAM_PAIRS_NEAR = 4,    /* of these, how many take no memory of their own */
};

/* What was sent and has no answer. */
struct stream_pending {
	enum scan_command scan;
	enum session_command sent;
	enum loss lost; /* why the command is not known; LOSSES: it is */
	bool empty;     /* it is an empty frame */
	bool asks;      /* it is a login, by the id that the stream has noted */
	uint64_t id;    /* of its clTRID, by streams_hash(); 0: none */
	uint64_t ticket;
	struct streams_held held; /* its bytes, if they are needed */
};

struct stream_pairs {
	struct stream_pending near[STREAM_PAIRS_NEAR];
	struct streams_held far; /* those that wait, where there are more */
	unsigned first, count, capacity;
	uint64_t beyond;      /* commands that wait behind those */
	uint64_t beyond_id;   /* of the last of them */
	uint64_t given_up_id; /* of the last command that was thought to get no answer */
	bool begun;           /* the server has sent something */
	bool doubtful;
};

void stream_pairs_init(struct stream_pairs *pairs);

/* Can one more wait? False: *reason says why not. */
bool stream_pairs_have_room(struct stream_pairs *pairs, struct streams *streams, unsigned owner,
			    enum loss *reason);

/* Waits; after stream_pairs_have_room(). What it holds goes with it. */
void stream_pairs_add(struct stream_pairs *pairs, const struct stream_pending *pending);

/* Waits beyond: only that there is one is known. */
void stream_pairs_add_beyond(struct stream_pairs *pairs, uint64_t id);

/* The oldest that waits, and nothing waits any more for its answer. False: there is none. */
bool stream_pairs_take(struct stream_pairs *pairs, struct streams *streams,
		       struct stream_pending *pending);

/* What came from the server. */
struct stream_answer {
	enum session_answer kind;
	bool succeeds; /* it may say 1000 or 1001 */
	uint64_t id;   /* of its clTRID; 0: none */
};

/* Whose it is. */
enum stream_found {
	STREAM_FOUND,       /* *pending's */
	STREAM_NOT_CERTAIN, /* probably *pending's */
	STREAM_BEYOND,      /* a command's of which nothing is known */
	STREAM_NOBODYS, /* a command's that was not seen; or, with *dropped, of another than the oldest */
	STREAM_NO_MATTER, /* a greeting; an answer to what is no command; one that came late */
};

/* Takes an answer. For each command that will get none, `drop` is called with `context`; *dropped says that there are
 * such, because clTRIDs differ. */
enum stream_found stream_pairs_answer(struct stream_pairs *pairs, struct streams *streams,
				      const struct stream_answer *answer,
				      struct stream_pending *pending, bool *dropped,
				      void (*drop)(void *context, struct stream_pending *gone),
				      void *context);

#endif
