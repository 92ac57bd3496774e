/* follower_inside.h - what the files of the follower share */
#ifndef SUBSCRIBER_FOLLOWER_INSIDE_H
#define SUBSCRIBER_FOLLOWER_INSIDE_H

#include "subscriber/backlog.h"
#include "subscriber/feed_socket.h"
#include "subscriber/follower.h"
#include "subscriber/seen.h"
#include "subscriber/tail.h"
#include "subscriber/watched.h"

enum { FOLLOWER_PROOFS_MAX = 1 << 16 };

/* A message that came live, and is yet to be proved: of names each one; else those that came in no order. */
struct follower_proof {
	uint64_t index;
	struct merkle_hash leaf;
};

struct follower {
	struct follower_settings settings;
	struct source source;
	struct feed_socket *socket;      /* NULL: the channel has none */
	enum feed_socket_news told_news; /* the last that was told */
	bool is_open;                    /* the source is */
	bool is_placed;                  /* `next` is known */
	bool is_fresh;                   /* and nothing else was done yet */
	bool was_connected;

	uint64_t next, sure;
	uint64_t to; /* FOLLOWER_NO_INDEX: no end */
	bool is_filling;
	bool lacks; /* something before what the socket says next is to be read from the log */
	struct tail tail;
	struct backlog backlog;

	struct watched *watched; /* NULL: all */
	struct seen *seen;
	struct follower_proof *proofs;
	size_t proof_count;

	struct log_head head; /* the newest that was verified */
	int64_t head_us;      /* when it came */
	int64_t signed_s;     /* the newest cosigned time */
	bool is_still;
	int64_t try_us, wait_ms; /* when the folder may be asked again, and how long after that */
	int64_t asked_us;        /* for the checkpoint */
	int64_t asked_s;         /* the same by the wall clock */
	bool is_doubtful; /* feed.json and the checkpoint are to be read, whatever the socket says */
	int64_t renew_us, kept_us;
	char said[SOURCE_WHY_SIZE]; /* the last trouble that was told: not again */
};

int follower_wrong(struct follower *follower, uint64_t index, const char *what);
/* Tells that history was rewritten. RESULT_INVALID, which ends it, or what the listener answered. */
int follower_tell_fork(struct follower *follower, const char *why);
int follower_note(struct follower *follower, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Trouble that comes back: told once, until follower_went_well(). `is_wrong`: as an alarm. */
int follower_trouble(struct follower *follower, bool is_wrong, const char *what);
void follower_went_well(struct follower *follower);

/* The folder may be asked again after a while, longer each time. */
void follower_back_off(struct follower *follower, int64_t now_us);

/* Verifies with keys that are read again if one is not known. An entry waits for that, a second at most. */
int follower_verify_message(struct follower *follower, const struct message *message,
			    struct event *event, struct refusal *refusal);
int follower_verify_entry(struct follower *follower, const struct message_frame *entry,
			  uint64_t index, struct event *event, struct refusal *refusal);

/* Hands an event on, and learns what it says of keys. */
int follower_tell(struct follower *follower, const struct event *event);

/* follower_log.c: everything from `next` to the head's size, from the log; then what waits in the backlog. Trouble is told,
 * and leaves `lacks` set. RESULT_INVALID: the log was rewritten. */
int follower_fill(struct follower *follower, const struct log_head *head);

/* A checkpoint was verified. */
int follower_take_head(struct follower *follower, const struct log_head *head, int64_t now_us);

/* follower_proofs.c: keeps what this message says of its index, until it can be held against the log. *is_noted false: there
 * are too many. RESULT_OK, RESULT_NOMEM. */
int follower_note_proof(struct follower *follower, uint64_t index, const struct message *message,
			bool *is_noted);

/* Are there any that a log of this size can prove? */
bool follower_has_proofs(const struct follower *follower, uint64_t size);

/* Each that a log of this size can prove must be in it, in its place: else it is told. The reader stands at the head of that
 * size. RESULT_OK; or as log_reader_tile(), and what the listener answered. */
int follower_check_proofs(struct follower *follower, uint64_t size);

/* follower_live.c: what waits at the socket, up to a bound. */
int follower_take_messages(struct follower *follower, int64_t now_us);

/* The next message in order: verified, folded in, told. */
int follower_deliver(struct follower *follower, const struct message *message);

/* Those of the backlog that follow on what was read. */
int follower_deliver_backlog(struct follower *follower);

/* follower_differ.c: what came by the socket is not what the log has. */
int follower_differ(struct follower *follower, const struct log_head *head);

/* follower_names.c */
int follower_names_message(struct follower *follower, const struct message *message);
int follower_names_head(struct follower *follower, const struct log_head *head);

#endif
