/* tail.h - what was read since the checkpoint that all before was held against
 *
 * A compact range as of that checkpoint, and the leaf hashes of the entries that came since, which are folded into it when
 * the next checkpoint tells how many of them it speaks of. So a checkpoint may lag behind the entries, or they behind it.
 * Owner: whoever made it; not thread-safe. Memory: 32 bytes for each entry since, up to TAIL_MAX of them.
 */
#ifndef SUBSCRIBER_TAIL_H
#define SUBSCRIBER_TAIL_H

#include "base/result.h"
#include "publisher/merkle.h"
#include "publisher/note.h"

#include <stddef.h>
#include <stdint.h>

enum { TAIL_MAX = 1 << 20 };

struct tail {
	struct merkle_range range; /* of all that a checkpoint was held against */
	struct merkle_hash *since; /* of what came after it */
	size_t count, room;
};

/* What a checkpoint is to the entries that were read. */
enum tail_answer {
	TAIL_FITS,   /* they are what it says: now they are in the range */
	TAIL_OLDER,  /* it speaks of fewer than the range has: nothing can be said */
	TAIL_LACKS,  /* it speaks of more than were read */
	TAIL_DIFFERS /* what was read is not what it says. Nothing was changed */
};

/* Empties it, and goes on from this range. */
void tail_begin(struct tail *tail, const struct merkle_range *range);

/* The index of the next entry. */
uint64_t tail_next(const struct tail *tail);

/* The next entry was read. RESULT_OK; RESULT_FULL: no checkpoint came for TAIL_MAX entries; RESULT_NOMEM. */
MUST_USE int tail_add(struct tail *tail, const struct merkle_hash *leaf);

/* The leaf hash of an entry since the checkpoint; NULL: it is not one of these. */
const struct merkle_hash *tail_leaf(const struct tail *tail, uint64_t index);

/* Holds the entries against a checkpoint. RESULT_OK, RESULT_NOMEM. */
MUST_USE int tail_check(struct tail *tail, const struct checkpoint *checkpoint,
			enum tail_answer *answer);

void tail_free(struct tail *tail);

#endif
