/* What is read from the log, and what a checkpoint brings about. */
#include "subscriber/follower_inside.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An entry that the checkpoint vouches for. One that does not verify is told, and passed over: it stays in the log. */
static int take_entry(struct follower *follower, const struct message_frame *entry)
{
	struct event event;
	struct refusal refusal;
	uint64_t index = follower->next;
	int result = follower_verify_entry(follower, entry, index, &event, &refusal);
	if (result != RESULT_OK && result != RESULT_INVALID)
		return result;
	follower->next++;
	if (result == RESULT_INVALID)
		return follower_wrong(follower, index, refusal.text);
	result = follower_tell(follower, &event);
	event_free(&event);
	return result;
}

static int take_bundle(struct follower *follower, const struct log_bundle *bundle)
{
	int result = RESULT_OK;
	for (unsigned i = (unsigned)(follower->next % TILES_WIDTH);
	     i < bundle->count && result == RESULT_OK && !follower_is_done(follower); i++)
		result = take_entry(follower, &bundle->entries[i]);
	return result;
}

/* Entries before minimum_index are gone by right; feed.json may have moved it since it was read. */
static int pass_over_gone(struct follower *follower)
{
	char what[256], why[SOURCE_WHY_SIZE];
	(void)!source_renew(&follower->source, why, sizeof why);
	uint64_t minimum = follower->source.channel.minimum_index;
	if (follower->next >= minimum || minimum > follower->head.checkpoint.size)
		return follower_trouble(follower, true, follower->source.reader.why);
	snprintf(what, sizeof what,
		 "the entries from here to index %" PRIu64
		 " are no longer kept by the registry: they are missed",
		 minimum - 1);
	uint64_t from = follower->next;
	follower->next = minimum;
	return follower_wrong(follower, from, what);
}

/* What the reader answered; RESULT_OK with *goes_on false: later. */
static int judge(struct follower *follower, int result, const char *why, bool *goes_on)
{
	*goes_on = result == RESULT_OK;
	if (result == RESULT_OK || result == RESULT_NOMEM || result == RESULT_TIMEOUT)
		return result;
	follower_back_off(follower, clock_monotonic_us());
	if (result == RESULT_BUSY)
		return RESULT_OK;
	return follower_trouble(follower, result == RESULT_INVALID || result == FETCH_ABSENT, why);
}

static int read_bundles(struct follower *follower, uint64_t end)
{
	struct log_bundle bundle;
	struct log_reader *reader = &follower->source.reader;
	volatile const sig_atomic_t *stop = follower->settings.stop;
	while (follower->next < end && !follower_is_done(follower)) {
		bool goes_on;
		uint64_t before = follower->next;
		int result = log_reader_bundle(reader, follower->next / TILES_WIDTH, &bundle);
		if (result == FETCH_ABSENT) {
			result = pass_over_gone(follower);
			if (result != RESULT_OK || follower->next == before)
				return result;
			continue;
		}
		result = judge(follower, result, reader->why, &goes_on);
		if (result == RESULT_OK && goes_on)
			result = take_bundle(follower, &bundle);
		if (result != RESULT_OK || !goes_on)
			return result;
		if (stop && *stop)
			return RESULT_TIMEOUT;
		if (follower->socket)
			result = follower_take_messages(follower, clock_monotonic_us());
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

/* Whatever ended the reading, what was read is sure, and what comes next goes on from there. */
static int go_on_from_here(struct follower *follower)
{
	struct merkle_range range;
	bool goes_on;
	int result = log_reader_range(&follower->source.reader, follower->next, &range);
	result = judge(follower, result, follower->source.reader.why, &goes_on);
	if (result != RESULT_OK || !goes_on)
		return result;
	tail_begin(&follower->tail, &range);
	follower->sure = follower->next;
	return RESULT_OK;
}

/* From a position that only the log knows, since the tail holds what came by the socket, the socket's are dropped: they
 * were told, and are sure once the checkpoint fits. */
int follower_fill(struct follower *follower, const struct log_head *head)
{
	char why[SOURCE_WHY_SIZE];
	bool is_fork, goes_on;
	int result = source_turn_to(&follower->source, head, &is_fork, why, sizeof why);
	if (is_fork)
		return follower_tell_fork(follower, why);
	result = judge(follower, result, why, &goes_on);
	if (result != RESULT_OK || !goes_on)
		return result;
	result = follower_check_proofs(follower, head->checkpoint.size);
	result = judge(follower, result, follower->source.reader.why, &goes_on);
	if (result != RESULT_OK || !goes_on)
		return result;
	follower->head = *head;
	follower->is_filling = true;
	result = read_bundles(follower, head->checkpoint.size);
	follower->is_filling = false;
	if (result == RESULT_NOMEM)
		return result;
	int ended = go_on_from_here(follower);
	if (result == RESULT_OK)
		result = ended;
	if (result != RESULT_OK || follower->next < head->checkpoint.size)
		return result;
	follower_went_well(follower);
	return follower_deliver_backlog(follower);
}

/* Does what was read begin the tree of this head? Then the rest can be read on top of it. */
static int check_beginning(struct follower *follower, const struct log_head *head, bool *fits)
{
	char why[SOURCE_WHY_SIZE];
	struct merkle_range range;
	struct checkpoint part = {.size = tail_next(&follower->tail)};
	enum tail_answer answer;
	bool is_fork, goes_on;
	*fits = false;
	if (follower->tail.count == 0) {
		*fits = true;
		return RESULT_OK;
	}
	int result = source_turn_to(&follower->source, head, &is_fork, why, sizeof why);
	if (is_fork)
		return follower_tell_fork(follower, why);
	if (result == RESULT_OK) {
		result = log_reader_range(&follower->source.reader, part.size, &range);
		snprintf(why, sizeof why, "%s", follower->source.reader.why);
	}
	result = judge(follower, result, why, &goes_on);
	if (result != RESULT_OK || !goes_on)
		return result;
	result = merkle_range_root(&range, &part.root);
	if (result == RESULT_OK)
		result = tail_check(&follower->tail, &part, &answer);
	if (result != RESULT_OK)
		return result;
	*fits = answer == TAIL_FITS;
	return *fits ? RESULT_OK : follower_differ(follower, head);
}

/* What came in no order is in its place by now, or it was given another one. */
static int check_proofs(struct follower *follower, const struct log_head *head)
{
	char why[SOURCE_WHY_SIZE];
	bool is_fork, goes_on;
	if (!follower_has_proofs(follower, head->checkpoint.size))
		return RESULT_OK;
	int result = source_turn_to(&follower->source, head, &is_fork, why, sizeof why);
	if (is_fork)
		return follower_tell_fork(follower, why);
	if (result == RESULT_OK) {
		result = follower_check_proofs(follower, head->checkpoint.size);
		snprintf(why, sizeof why, "%s", follower->source.reader.why);
	}
	return judge(follower, result, why, &goes_on);
}

static int take_fitting(struct follower *follower, const struct log_head *head)
{
	follower->head = *head;
	follower->source.trust.head = *head;
	follower->source.trust.has_head = true;
	if (head->checkpoint.size > follower->sure)
		follower->sure = head->checkpoint.size;
	int result = check_proofs(follower, head);
	/* A hole, but nothing of it is in the log yet. */
	bool is_whole = follower->backlog.count == 0 || follower->backlog.first == follower->next;
	return result == RESULT_OK && follower->lacks && is_whole
		       ? follower_deliver_backlog(follower)
		       : result;
}

int follower_take_head(struct follower *follower, const struct log_head *head, int64_t now_us)
{
	enum tail_answer answer;
	bool fits = true;
	follower->head_us = now_us;
	if (head->time_s > follower->signed_s)
		follower->signed_s = head->time_s;
	if (follower->watched)
		return follower_names_head(follower, head);
	int result = tail_check(&follower->tail, &head->checkpoint, &answer);
	if (result != RESULT_OK || answer == TAIL_OLDER)
		return result;
	if (answer == TAIL_DIFFERS)
		return follower_differ(follower, head);
	if (answer == TAIL_FITS)
		return take_fitting(follower, head);
	follower->lacks = true;
	result = check_beginning(follower, head, &fits);
	return result == RESULT_OK && fits ? follower_fill(follower, head) : result;
}
