/* difference.h - a difference between what we sent and what the registry says, in plain words: what it means, whom to call */
#ifndef SUBSCRIBER_DIFFERENCE_H
#define SUBSCRIBER_DIFFERENCE_H

#include "base/result.h"
#include "subscriber/ledger.h"

#include <stdbool.h>
#include <stdio.h>

enum difference_kind {
	DIFFERENCE_NOT_OURS,
	DIFFERENCE_MISSING,
	DIFFERENCE_LOST, /* missing, and the feed says that it lost it */
	DIFFERENCE_CHANGED,
	DIFFERENCE_BY_REGISTRY,
	DIFFERENCE_BY_ANOTHER,
	DIFFERENCE_OURS_AFTER_ALL,
	DIFFERENCE_CAME_AFTER_ALL,
	DIFFERENCES,
};

struct difference {
	enum difference_kind kind;
	const struct ledger_word *own, *feed; /* one of them may be NULL */
	unsigned parts;        /* of DIFFERENCE_CHANGED: which marks differ, as bits */
	const char *registrar; /* ours; of DIFFERENCE_BY_ANOTHER the other's */
};

/* What is compared of two events; the name of mark number `i`. */
const char *difference_part(unsigned i);

/* Is it one, or does it take one back? */
bool difference_counts(enum difference_kind kind);

/* Three lines for people, or one of JSON. RESULT_OK; RESULT_STORE: errno says why; RESULT_NOMEM. */
MUST_USE int difference_show(FILE *out, bool json, bool color, const struct difference *difference);

#endif
