/* The socket and the log differ: somebody between left out, changed or renumbered events. */
#include "subscriber/follower_inside.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The hashes of what came, in their order as bytes. */
struct came {
	struct merkle_hash *hashes;
	size_t count;
};

static int compare(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct merkle_hash));
}

static int note_what_came(const struct tail *tail, struct came *came)
{
	came->count = tail->count;
	came->hashes = calloc(tail->count + 1, sizeof *came->hashes);
	if (!came->hashes)
		return RESULT_NOMEM;
	if (tail->count > 0)
		memcpy(came->hashes, tail->since, tail->count * sizeof *came->hashes);
	qsort(came->hashes, came->count, sizeof *came->hashes, compare);
	return RESULT_OK;
}

static bool did_come(const struct came *came, const struct merkle_hash *leaf)
{
	return bsearch(leaf, came->hashes, came->count, sizeof *came->hashes, compare) != NULL;
}

/* An event that the log has, and the socket kept from us. */
static int tell_kept_back(struct follower *follower, const struct message_frame *entry,
			  uint64_t index)
{
	struct event event;
	struct refusal refusal;
	int result = follower_verify_entry(follower, entry, index, &event, &refusal);
	if (result == RESULT_INVALID)
		return follower_wrong(follower, index, refusal.text);
	if (result != RESULT_OK)
		return result;
	result = follower_tell(follower, &event);
	event_free(&event);
	return result;
}

static int compare_entry(struct follower *follower, const struct came *came,
			 const struct message_frame *entry, uint64_t index, bool *differs)
{
	static const char what[] =
		"what came by the socket in this place is not what the log has: somebody on the "
		"way left out, changed or renumbered events; what was kept back follows";
	struct merkle_hash leaf;
	int result = merkle_leaf(entry->bytes, entry->size, &leaf);
	const struct merkle_hash *had = tail_leaf(&follower->tail, index);
	if (result == RESULT_OK && !*differs && had && !merkle_equal(had, &leaf)) {
		*differs = true;
		result = follower_wrong(follower, index, what);
	}
	if (result != RESULT_OK || did_come(came, &leaf))
		return result;
	return tell_kept_back(follower, entry, index);
}

/* Reads what the log has in the place of all that came since the last checkpoint that fitted. */
static int read_again(struct follower *follower, const struct came *came, uint64_t end)
{
	struct log_reader *reader = &follower->source.reader;
	struct log_bundle bundle;
	bool differs = false;
	for (uint64_t index = follower->tail.range.size; index < end;) {
		int result = log_reader_bundle(reader, index / TILES_WIDTH, &bundle);
		if (result != RESULT_OK)
			return result;
		for (unsigned i = (unsigned)(index % TILES_WIDTH); i < bundle.count && index < end;
		     i++, index++) {
			result = compare_entry(follower, came, &bundle.entries[i], index, &differs);
			if (result != RESULT_OK)
				return result;
		}
	}
	return RESULT_OK;
}

static int put_right(struct follower *follower, const struct log_head *head)
{
	struct merkle_range range;
	struct came came = {NULL, 0};
	uint64_t size = head->checkpoint.size;
	int result = note_what_came(&follower->tail, &came);
	if (result == RESULT_OK)
		result = read_again(follower, &came, size);
	if (result == RESULT_OK)
		result = log_reader_range(&follower->source.reader, size, &range);
	if (result == RESULT_OK) {
		tail_begin(&follower->tail, &range);
		follower->next = follower->sure = size;
		follower->lacks = false;
		backlog_clear(&follower->backlog);
	}
	free(came.hashes);
	return result;
}

int follower_differ(struct follower *follower, const struct log_head *head)
{
	char why[SOURCE_WHY_SIZE], what[SOURCE_WHY_SIZE + 128];
	bool is_fork;
	int result = source_turn_to(&follower->source, head, &is_fork, why, sizeof why);
	if (is_fork)
		return follower_tell_fork(follower, why);
	if (result == RESULT_OK) {
		result = put_right(follower, head);
		snprintf(why, sizeof why, "%s", follower->source.reader.why);
	}
	if (result != RESULT_INVALID && result != RESULT_STORE && result != FETCH_ABSENT &&
	    result != RESULT_CONFIG && result != RESULT_FULL)
		return result == RESULT_BUSY ? RESULT_OK : result;
	follower_back_off(follower, clock_monotonic_us());
	follower->lacks = true;
	snprintf(what, sizeof what,
		 "what came by the socket does not make the checkpoint's root, and the log can't "
		 "be read: %s",
		 why);
	return follower_trouble(follower, true, what);
}
