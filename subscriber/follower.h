/* follower.h - a channel's events, all of them, in order, each verified: live from the socket, else from the log
 *
 * What the socket leaves out is read from the log; what it says is held against each checkpoint, and where the two differ
 * the log is right, and the difference is told. With names, only what is about these and what they lean on (watched.h)
 * comes: live by its topics, each proved to be in the log, and what is missing in a chain is looked for there.
 * An address that can't be reached is tried again, at longer and longer intervals.
 *
 * "Sure" is a place in the log: all before it was held against a checkpoint. Who goes on there after a restart sees some
 * events again, and misses none.
 * Owner: whoever opened it; one thread. follower_step() blocks while it fetches (fetch.h), else not.
 */
#ifndef SUBSCRIBER_FOLLOWER_H
#define SUBSCRIBER_FOLLOWER_H

#include "base/result.h"
#include "subscriber/options.h"
#include "subscriber/source.h"
#include "subscriber/verify.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	FOLLOWER_RETRY_MS = 1000, /* until an address is tried again: twice as long each time, */
	FOLLOWER_RETRY_MAX_MS = 60000,
	FOLLOWER_SILENT_S = 15,   /* without a live checkpoint, until it is fetched */
	FOLLOWER_POLL_MS = 1000,  /* between fetches of the checkpoint while something is missing */
	FOLLOWER_ALONE_MS = 2000, /* the same while there is no socket, or no connection to it */
	FOLLOWER_RENEW_S = 600,   /* feed.json is read again */
	FOLLOWER_SETTLE_MS = 3000,
};

#define FOLLOWER_NO_INDEX UINT64_MAX

struct follower;

/* Whom it tells; whatever they answer but RESULT_OK ends the step with that. */
struct follower_listener {
	/* The next event. It is gone when this returns. */
	int (*event)(void *context, const struct event *event);
	/* Something is not as it must be: an alarm. `index`, or FOLLOWER_NO_INDEX. */
	int (*wrong)(void *context, uint64_t index, const char *what);
	/* Something that a user may want to know. */
	int (*note)(void *context, const char *what);
	void *context;
};

struct follower_settings {
	const char *address;
	const struct options *options; /* of keys, certificates, the socket */
	struct option_place from; /* PLACE_NONE: the end. A time is not known here: the start */
	struct option_place
		to; /* PLACE_INDEX: ends before it; PLACE_END: before what is not there yet */
	char *const *names; /* none: all */
	size_t name_count;
	volatile const sig_atomic_t *stop;
	struct follower_listener listener;
};

/* Reads feed.json, keys and checkpoint. RESULT_OK: for follower_close(); an address that does not answer is tried again
 * later. RESULT_CONFIG, RESULT_INVALID: it never will, or not rightly, as `why` says; RESULT_NOMEM; or what the listener
 * answered. */
MUST_USE int follower_open(const struct follower_settings *settings, struct follower **follower,
			   char *why, size_t why_size);

/* Does what is to be done now. RESULT_OK; RESULT_INVALID: the log was rewritten (the listener was told); RESULT_TIMEOUT:
 * `stop` is set; RESULT_NOMEM; or what the listener answered. */
MUST_USE int follower_step(struct follower *follower);

/* Waits for a message, a signal, or so long. */
void follower_wait(struct follower *follower, long timeout_ms);

/* All before `to` came. */
bool follower_is_done(const struct follower *follower);

/* The checkpoint is older than options->max_age_s. */
bool follower_is_still(const struct follower *follower);

/* There was an answer: of the socket, or of the folder if there is no socket. */
bool follower_was_connected(const struct follower *follower);

/* Nothing is known to be missing: what comes next comes live. */
bool follower_is_live(const struct follower *follower);

/* And it comes at once: the socket is connected. */
bool follower_is_prompt(const struct follower *follower);

/* As above: FOLLOWER_NO_INDEX: nowhere yet. */
uint64_t follower_sure(const struct follower *follower);

/* For the end: waits, a few seconds at most, for a checkpoint that makes all sure; and keeps what was seen. */
MUST_USE int follower_settle(struct follower *follower);

/* The newest cosigned time, since 1970; 0: none yet. */
int64_t follower_signed_s(const struct follower *follower);

const struct source *follower_source(const struct follower *follower);

void follower_close(struct follower **follower);

#endif
