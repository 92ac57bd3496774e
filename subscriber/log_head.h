/* log_head.h - a log's checkpoint, verified: by the log's key, and by the cosigner's, whose time it bears
 *
 * Whoever reads it believes nothing else of a log: tiles and entries are held against its root.
 * Pure, but for log_head_fetch().
 */
#ifndef SUBSCRIBER_LOG_HEAD_H
#define SUBSCRIBER_LOG_HEAD_H

#include "base/buffer.h"
#include "base/result.h"
#include "publisher/note.h"
#include "subscriber/fetch.h"

#include <stddef.h>
#include <stdint.h>

enum { LOG_HEAD_MAX = 1 << 14 }; /* bytes of a checkpoint with its lines: ours have some 400 */

struct log_head {
	struct checkpoint checkpoint;
	int64_t time_s; /* when the cosigner signed it, since 1970; 0: it was not asked for */
	size_t note_size;
	char note[LOG_HEAD_MAX]; /* as it came, for evidence */
};

/* Whose signatures are believed. */
struct log_keys {
	const char *origin; /* NULL: any log that one of the keys signs */
	const struct verifier *keys;
	size_t count;
};

/* Verifies a note that came from `where`. There must be a good signature of a log key, and of a cosigner if any is among
 * the keys. RESULT_OK; RESULT_INVALID: `why` says "WHERE: what is wrong, what would be right"; RESULT_NOMEM. */
MUST_USE int log_head_parse(const void *bytes, size_t size, const struct log_keys *keys,
			    const char *where, struct log_head *head, char *why, size_t why_size);

/* The file `checkpoint` of the folder. The same results, or those of fetch_get(). */
MUST_USE int log_head_fetch(struct fetch *fetch, const struct log_keys *keys, struct log_head *head,
			    char *why, size_t why_size);

#endif
