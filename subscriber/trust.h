/* trust.h - whom of a channel we believe, and what we saw of it last
 *
 * A state file for each address: the log's name and verifier keys as they were met first (or as the user gave them), the
 * last checkpoint that was verified, and where the reader was. So a registry, or whoever sits before it, that shows
 * another key, another log, or another past than before, is found out; then both checkpoints are kept as evidence.
 * A key that feed.json adds beside those that are believed is believed too, once a checkpoint bears both signatures: so
 * keys are changed. Keys that the user gave are the only ones.
 * Owner: whoever opened it; one thread. Two programs that follow one address share the file; the later one's word stays.
 */
#ifndef SUBSCRIBER_TRUST_H
#define SUBSCRIBER_TRUST_H

#include "base/result.h"
#include "publisher/note.h"
#include "subscriber/channel.h"
#include "subscriber/log_head.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRUST_KEYS_MAX = 2 * CHANNEL_KEYS_MAX, TRUST_FILE_MAX = 1 << 17 };

struct trust {
	char address[FETCH_ADDRESS_MAX + 1];
	char path[PATH_MAX]; /* of the state file */
	char origin[VERIFIER_NAME_SIZE];
	struct verifier keys[TRUST_KEYS_MAX];
	size_t key_count;
	bool is_given; /* log keys: by the user */
	bool is_known; /* the state file was there */
	bool has_head;
	struct log_head head; /* the last checkpoint seen */
	bool has_next;
	uint64_t next; /* the first index that was not shown yet */
};

/* Reads the state file of this address in `folder` (NULL: eppwatch within XDG_STATE_HOME, or ~/.local/state). The keys
 * are verifier keys as text, which the user gave. RESULT_OK; RESULT_CONFIG: a key that is none, a file that can't be
 * read or is not ours; RESULT_NOMEM. `why` says what would be right. */
MUST_USE int trust_open(struct trust *trust, const char *folder, const char *address,
			char *const *keys, size_t key_count, char *why, size_t why_size);

/* Holds feed.json against what is known, and takes what is not known yet from it. RESULT_OK; `note` says what the user
 * should know, or is empty. RESULT_INVALID: it is another log, or none of its keys is believed: `why`. */
MUST_USE int trust_meet(struct trust *trust, const struct channel *channel, char *note,
			size_t note_size, char *why, size_t why_size);

/* The keys by which checkpoints are verified; they lie in `trust`. */
struct log_keys trust_keys(const struct trust *trust);

/* A checkpoint was verified that may bear new keys' signatures too: those of feed.json are believed then. `note` says so,
 * or is empty. RESULT_OK, RESULT_NOMEM. */
MUST_USE int trust_learn(struct trust *trust, const struct channel *channel,
			 const struct log_head *head, char *note, size_t note_size);

/* Writes the state file, and its folder if there is none. RESULT_OK; RESULT_STORE: `why` says what can't be written. */
MUST_USE int trust_keep(const struct trust *trust, char *why, size_t why_size);

/* Writes the checkpoint seen last, and one that does not fit it, into two files beside the state file. `told` names
 * them, or says why they can't be written. */
void trust_keep_evidence(const struct trust *trust, const struct log_head *other, char *told,
			 size_t told_size);

#endif
