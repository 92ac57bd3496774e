/* Who follows some names hears of these alone, and proves each event to be in the log. */
#include "subscriber/follower_inside.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int subscribe(void *context, const char *topic)
{
	struct follower *follower = context;
	return follower->socket ? feed_socket_subscribe(follower->socket, topic) : RESULT_OK;
}

/* An event that comes for the first time, by the socket or from the log. */
static int take_event(struct follower *follower, const struct event *event, bool is_live)
{
	uint64_t from;
	struct seen_answer answer = seen_add(follower->seen, event->index, event->jti);
	if (answer.repeat || !watched_has(follower->watched, event))
		return RESULT_OK;
	/* What is missing lies behind the last one that came. */
	if (!watched_chain(follower->watched, event, &from) && is_live && from < event->index) {
		follower->lacks = true;
		if (from + 1 < follower->next)
			follower->next = from + 1;
	}
	int result = watched_learn(follower->watched, event, subscribe, follower);
	if (result == RESULT_FULL)
		result = follower_trouble(follower, false,
					  "too many nameservers to follow them all: those that are "
					  "known stay followed");
	return result == RESULT_OK ? follower_tell(follower, event) : result;
}

int follower_names_message(struct follower *follower, const struct message *message)
{
	struct event event;
	struct refusal refusal;
	uint64_t index;
	int result = follower_verify_message(follower, message, &event, &refusal);
	if (result == RESULT_INVALID)
		return follower_wrong(follower,
				      verify_index(message, &index) ? index : FOLLOWER_NO_INDEX,
				      refusal.text);
	if (result != RESULT_OK)
		return result;
	bool is_noted;
	result = follower_note_proof(follower, event.index, message, &is_noted);
	follower->lacks |= !is_noted; /* the log has it, and is proof itself */
	if (result == RESULT_OK)
		result = take_event(follower, &event, true);
	event_free(&event);
	return result;
}

/* The claims of an entry, to look for names in; nothing of them is believed. False: it has none. */
static bool claims_of(const struct message_frame *entry, struct buffer *claims)
{
	const char *dot = memchr(entry->bytes, '.', entry->size);
	const char *end = entry->bytes + entry->size;
	const char *last = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
	buffer_reset(claims);
	return last &&
	       feed_base64url_decode(dot + 1, (size_t)(last - dot - 1), claims) == RESULT_OK;
}

static int take_entry(struct follower *follower, const struct message_frame *entry, uint64_t index,
		      struct buffer *claims)
{
	struct event event;
	struct refusal refusal;
	if (claims_of(entry, claims) &&
	    !watched_may_have(follower->watched, claims->data, claims->size))
		return RESULT_OK;
	int result = follower_verify_entry(follower, entry, index, &event, &refusal);
	if (result == RESULT_INVALID)
		return follower_wrong(follower, index, refusal.text);
	if (result != RESULT_OK)
		return result;
	result = take_event(follower, &event, false);
	event_free(&event);
	return result;
}

/* Looks through the log for what is about the names. */
static int scan(struct follower *follower, uint64_t end)
{
	struct log_reader *reader = &follower->source.reader;
	struct log_bundle bundle;
	struct buffer claims;
	int result = RESULT_OK;
	volatile const sig_atomic_t *stop = follower->settings.stop;
	buffer_init(&claims, FEED_JWS_MAX);
	while (follower->next < end && result == RESULT_OK) {
		result = log_reader_bundle(reader, follower->next / TILES_WIDTH, &bundle);
		uint64_t minimum = follower->source.channel.minimum_index;
		if (result == FETCH_ABSENT && follower->next < minimum && minimum <= end) {
			follower->next = minimum;
			result = follower_note(follower,
					       "entries before index %" PRIu64
					       " are no longer kept by the registry",
					       minimum);
			continue;
		}
		for (unsigned i = (unsigned)(follower->next % TILES_WIDTH);
		     i < bundle.count && result == RESULT_OK; i++, follower->next++)
			result = take_entry(follower, &bundle.entries[i], follower->next, &claims);
		if (result == RESULT_OK && stop && *stop)
			result = RESULT_TIMEOUT;
	}
	buffer_free(&claims);
	return result;
}

static int use_head(struct follower *follower, const struct log_head *head, bool *is_fork,
		    char *why, size_t why_size)
{
	int result = source_turn_to(&follower->source, head, is_fork, why, why_size);
	if (result != RESULT_OK)
		return result;
	follower->head = *head;
	result = follower_check_proofs(follower, head->checkpoint.size);
	if (result == RESULT_OK && follower->lacks)
		result = scan(follower, head->checkpoint.size);
	if (result == RESULT_OK)
		follower_went_well(follower);
	else
		snprintf(why, why_size, "%s", follower->source.reader.why);
	return result;
}

int follower_names_head(struct follower *follower, const struct log_head *head)
{
	char why[SOURCE_WHY_SIZE];
	bool is_fork = false;
	if (follower->next < follower->head.checkpoint.size ||
	    follower->told_news != FEED_SOCKET_CONNECTED || follower->settings.options->complete)
		follower->lacks = true;
	int result = use_head(follower, head, &is_fork, why, sizeof why);
	if (is_fork)
		return follower_tell_fork(follower, why);
	if (result == RESULT_OK) {
		follower->lacks = false;
		if (head->checkpoint.size > follower->next)
			follower->next = head->checkpoint.size;
		follower->sure = follower->next;
		return RESULT_OK;
	}
	if (result == RESULT_INVALID || result == FETCH_ABSENT || result == RESULT_STORE ||
	    result == RESULT_CONFIG || result == RESULT_FULL) {
		follower_back_off(follower, clock_monotonic_us());
		return follower_trouble(follower, result != RESULT_STORE, why);
	}
	return result == RESULT_BUSY ? RESULT_OK : result;
}
