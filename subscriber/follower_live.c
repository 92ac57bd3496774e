/* What comes by the socket, and is handed on in order. */
#include "subscriber/follower_inside.h"

#include "base/clock.h"
#include "publisher/feed_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROUND_MAX = 1000 }; /* messages until time and news are looked at again */

static bool is_topic(const struct message *message, const char *topic)
{
	return message->topic.size == strlen(topic) &&
	       memcmp(message->topic.bytes, topic, message->topic.size) == 0;
}

/* RESULT_OK: the keys were read again, so that another try makes sense. */
static int reread(struct follower *follower, const struct refusal *refusal)
{
	char why[SOURCE_WHY_SIZE];
	if (refusal->reason != REFUSAL_KEY_UNKNOWN)
		return RESULT_INVALID;
	int result = keys_reread(follower->source.keys, clock_monotonic_us(), why, sizeof why);
	if (result == RESULT_OK || result == RESULT_BUSY || result == RESULT_NOMEM)
		return result;
	result = follower_note(follower, "%s; the keys read before stay in use", why);
	return result == RESULT_OK ? RESULT_INVALID : result;
}

int follower_verify_message(struct follower *follower, const struct message *message,
			    struct event *event, struct refusal *refusal)
{
	const char *registry = follower->source.channel.registry;
	int result = verify_message(message, registry, follower->source.keys, event, refusal);
	if (result != RESULT_INVALID)
		return result;
	int again = reread(follower, refusal);
	if (again == RESULT_OK)
		return verify_message(message, registry, follower->source.keys, event, refusal);
	return again == RESULT_NOMEM || again == RESULT_STORE ? again : RESULT_INVALID;
}

int follower_verify_entry(struct follower *follower, const struct message_frame *entry,
			  uint64_t index, struct event *event, struct refusal *refusal)
{
	const char *registry = follower->source.channel.registry;
	const struct keys *keys = follower->source.keys;
	int result = verify_entry(entry, index, registry, keys, event, refusal);
	if (result != RESULT_INVALID)
		return result;
	int again = reread(follower, refusal);
	if (again == RESULT_BUSY) {
		clock_sleep_us(KEYS_REREAD_MS * INT64_C(1000));
		again = reread(follower, refusal);
	}
	if (again == RESULT_OK)
		return verify_entry(entry, index, registry, keys, event, refusal);
	return again == RESULT_NOMEM || again == RESULT_STORE ? again : RESULT_INVALID;
}

int follower_tell(struct follower *follower, const struct event *event)
{
	const struct follower_listener *listener = &follower->settings.listener;
	char why[SOURCE_WHY_SIZE];
	int result = RESULT_OK;
	if (event->own && strcmp(event->kind, FEED_KEY_EVENT) == 0)
		result = keys_learn(follower->source.keys, event->what, why, sizeof why);
	if (result == RESULT_CONFIG)
		result = follower_note(follower, "%s", why);
	return result == RESULT_OK ? listener->event(listener->context, event) : result;
}

int follower_deliver(struct follower *follower, const struct message *message)
{
	struct merkle_hash leaf;
	struct event event;
	struct refusal refusal;
	uint64_t index = follower->next;
	int result = follower_verify_message(follower, message, &event, &refusal);
	if (result == RESULT_INVALID) {
		/* If it is in the log, it is read from there, and told again. */
		follower->lacks = true;
		return follower_wrong(follower, index, refusal.text);
	}
	if (result != RESULT_OK)
		return result;
	result = merkle_leaf(message->jws.bytes, message->jws.size, &leaf);
	if (result == RESULT_OK)
		result = tail_add(&follower->tail, &leaf);
	if (result == RESULT_OK) {
		follower->next++;
		result = follower_tell(follower, &event);
	} else if (result == RESULT_FULL) {
		follower->lacks = true; /* until a checkpoint comes */
		result = RESULT_OK;
	}
	event_free(&event);
	return result;
}

int follower_deliver_backlog(struct follower *follower)
{
	struct message message;
	int result = RESULT_OK;
	follower->lacks = false;
	while (result == RESULT_OK && !follower->lacks && !follower_is_done(follower) &&
	       backlog_peek(&follower->backlog, follower->next, &message)) {
		result = follower_deliver(follower, &message);
		backlog_drop(&follower->backlog);
	}
	follower->lacks |= follower->backlog.count > 0;
	return result;
}

/* An index that was had before: the same event again, or one that was given its place. */
static int take_repeat(struct follower *follower, uint64_t index, const struct message *message)
{
	const struct merkle_hash *had = tail_leaf(&follower->tail, index);
	struct merkle_hash leaf;
	struct event event;
	struct refusal refusal;
	bool is_noted;
	if (!had)
		return follower_note_proof(follower, index, message, &is_noted);
	int result = merkle_leaf(message->jws.bytes, message->jws.size, &leaf);
	if (result != RESULT_OK || merkle_equal(had, &leaf))
		return result;
	result = follower_verify_message(follower, message, &event, &refusal);
	event_free(&event);
	if (result == RESULT_INVALID)
		return follower_wrong(follower, index, refusal.text);
	return result == RESULT_OK ? follower_wrong(follower, index,
						    "it came again with another event: the next "
						    "checkpoint tells which one is in the log")
				   : result;
}

static int take_event(struct follower *follower, const struct message *message)
{
	struct event event;
	struct refusal refusal;
	uint64_t index;
	bool is_noted;
	if (follower->watched)
		return follower_names_message(follower, message);
	if (message->frames != MESSAGE_FRAMES || !verify_index(message, &index)) {
		int result = follower_verify_message(follower, message, &event, &refusal);
		event_free(&event);
		return result == RESULT_INVALID
			       ? follower_wrong(follower, FOLLOWER_NO_INDEX, refusal.text)
			       : result;
	}
	if (index < follower->next)
		return take_repeat(follower, index, message);
	if (index == follower->next && !follower->lacks && !follower->is_filling)
		return follower_deliver(follower, message);
	if (message->topic.size >= FEED_TOPIC_SIZE || message->jws.size > FEED_JWS_MAX)
		return follower_wrong(follower, index, "a message larger than any of the feed's");
	/* It may never get its turn, if somebody gave it that index: the log tells. */
	int result = follower_note_proof(follower, index, message, &is_noted);
	follower->lacks = true;
	return result == RESULT_OK ? backlog_add(&follower->backlog, index, message) : result;
}

static int take_checkpoint(struct follower *follower, const struct message *message, int64_t now_us)
{
	char why[SOURCE_WHY_SIZE];
	struct log_head head;
	const struct log_keys keys = trust_keys(&follower->source.trust);
	int result = log_head_parse(message->jws.bytes, message->jws.size, &keys,
				    FEED_CHECKPOINT_TOPIC " of the socket", &head, why, sizeof why);
	if (result == RESULT_OK && follower->is_filling) {
		if (head.time_s > follower->signed_s)
			follower->signed_s = head.time_s;
		return RESULT_OK; /* the next one will do */
	}
	if (result == RESULT_OK)
		return follower_take_head(follower, &head, now_us);
	if (result != RESULT_INVALID)
		return result;
	follower->is_doubtful = true; /* it may be that a key was changed: the folder knows */
	return follower_trouble(follower, true, why);
}

int follower_take_messages(struct follower *follower, int64_t now_us)
{
	int result = RESULT_OK;
	for (int i = 0; i < ROUND_MAX && result == RESULT_OK && !follower_is_done(follower); i++) {
		struct message message;
		if (feed_socket_receive(follower->socket, &message) != RESULT_OK)
			break;
		if (is_topic(&message, FEED_CHECKPOINT_TOPIC))
			result = take_checkpoint(follower, &message, now_us);
		else
			result = take_event(follower, &message);
	}
	return result;
}
