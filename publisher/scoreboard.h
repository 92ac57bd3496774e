/* scoreboard.h - what epptapd's processes let each other know: pieces of memory that they share
 *
 * The supervisor makes it before it forks. Each child has a piece of its own, and keeps no other's but the publisher, which
 * reads all: so what a sender scribbles there can't harm the others, nor pass for them. Only numbers stand in a piece,
 * each written by one process alone (named below), so it needs no lock, and none of them is used as a size or a place. It
 * outlives each of the children: counts go on over their restarts, and begin anew when the config is read anew.
 */
#ifndef PUBLISHER_SCOREBOARD_H
#define PUBLISHER_SCOREBOARD_H

#include "base/buffer.h"
#include "base/config.h"
#include "publisher/door.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Of one child process. */
struct score {
	_Atomic int64_t pid;         /* the supervisor's: 0: it does not run now */
	_Atomic uint64_t restarts;   /* the supervisor's */
	_Atomic bool ready;          /* the child's: it has opened what it needs */
	_Atomic bool refused_reload; /* the publisher's, taken back by the supervisor */
	/* Of a sender only; its own. */
	_Atomic bool bound;
	_Atomic uint64_t sent;
	_Atomic uint64_t invalid; /* datagrams that were no message */
	struct door_counts door;
};

/* Itself no shared memory: each process has a copy. */
struct scoreboard {
	size_t sender_count;
	struct score *publisher;
	struct score *senders[]; /* by channel */
};

/* NULL: no memory. */
struct scoreboard *scoreboard_new(size_t sender_count);
void scoreboard_free(struct scoreboard **board);

/* In a sender's process: lets go of all pieces but that of its channel. */
void scoreboard_keep_one(struct scoreboard *board, size_t channel);

/* Appends members of a JSON object, without braces: `restarts` of the publisher, `senders` by channel, and `door`, the sum
 * of theirs. */
void scoreboard_write_stats(struct scoreboard *board, const struct config *config,
			    struct buffer *json);

#endif
