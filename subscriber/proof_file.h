/* proof_file.h - .tlog-proof files: that an entry is in a log, for who has the log's key and nothing else
 *
 * After c2sp.org/tlog-proof@v1: a line that says so; `extra` and base64, where we put the entry itself; `index` and a
 * number; the inclusion hashes, from the leaf's neighbour upwards; an empty line; the checkpoint.
 * Pure. Reading takes whatever a stranger sends: it is bounded, and answers RESULT_INVALID to what is not to the letter.
 */
#ifndef SUBSCRIBER_PROOF_FILE_H
#define SUBSCRIBER_PROOF_FILE_H

#include "base/buffer.h"
#include "base/result.h"
#include "publisher/merkle.h"
#include "subscriber/complaint.h"
#include "subscriber/log_head.h"
#include "subscriber/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROOF_FILE_MAX = 1 << 18 };

struct proof_file {
	struct buffer extra; /* empty: there is none */
	uint64_t index;
	struct merkle_proof proof;
	const char *note; /* the checkpoint, within what was read */
	size_t note_size;
};

/* Appends the file. `entry` may be empty. Look at into->failed. */
void proof_file_write(const struct message_frame *entry, uint64_t index,
		      const struct merkle_proof *proof, const struct log_head *head,
		      struct buffer *into);

/* RESULT_OK: for proof_file_free(). RESULT_INVALID: `why` says which line is wrong; RESULT_NOMEM. */
MUST_USE int proof_file_read(const char *bytes, size_t size, struct proof_file *file,
			     const struct complaint *why);

void proof_file_free(struct proof_file *file);

#endif
