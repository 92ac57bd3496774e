#include "subscriber/audit_events.h"

#include "subscriber/printable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_SIZE = 256 };

/* What became of an entry on whichever thread. */
struct audit_verdict {
	int result;
	struct event event;
	struct refusal refusal;
};

/* A bundle under way. */
struct round {
	struct audit_events *events;
	uint64_t first;
	const struct log_bundle *bundle;
};

int audit_events_open(struct audit_events *events)
{
	events->verdicts = calloc(TILES_WIDTH, sizeof *events->verdicts);
	return events->verdicts ? RESULT_OK : RESULT_NOMEM;
}

void audit_events_close(struct audit_events *events)
{
	free(events->verdicts);
	events->verdicts = NULL;
}

static const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static void copy_word(char *into, size_t size, const char *text)
{
	snprintf(into, size, "%s", text);
	printable_in_place(into);
}

static void verify_one(void *context, unsigned i)
{
	const struct round *round = context;
	struct audit_verdict *verdict = &round->events->verdicts[i];
	verdict->result =
		verify_entry(&round->bundle->entries[i], round->first + i, round->events->registry,
			     round->events->keys, &verdict->event, &verdict->refusal);
}

static struct audit_kid *find_kid(struct audit_events *events, const char *kid)
{
	for (size_t i = 0; i < events->kid_count; i++) {
		if (strcmp(events->kids[i].kid, kid) == 0)
			return &events->kids[i];
	}
	return NULL;
}

/* Of an event whose key is not known nothing is believed; it may be told later that the key was revoked. False: there is
 * no room for it. */
static bool note_kid(struct audit_events *events, uint64_t index, const char *kid)
{
	struct audit_kid *known = find_kid(events, kid);
	if (!known && events->kid_count == AUDIT_KIDS_MAX)
		return false;
	if (!known) {
		known = &events->kids[events->kid_count++];
		*known = (struct audit_kid){.first = index};
		copy_word(known->kid, sizeof known->kid, kid);
	}
	known->count++;
	known->last = index;
	return true;
}

static void take_gap(struct audit_events *events, const json_t *what)
{
	const char *reason = text_member(what, "reason");
	const json_t *count = json_object_get(what, "count");
	size_t i = 0;
	while (i < events->gap_count && strcmp(events->gaps[i].reason, reason) != 0)
		i++;
	if (i == AUDIT_REASONS_MAX)
		return;
	if (i == events->gap_count) {
		copy_word(events->gaps[i].reason, sizeof events->gaps[i].reason, reason);
		events->gap_count++;
	}
	events->gaps[i].events++;
	if (json_is_integer(count) && json_integer_value(count) > 0)
		events->gaps[i].changes += (uint64_t)json_integer_value(count);
}

static int take_key(struct audit_events *events, const struct event *event)
{
	char why[WORDS_SIZE];
	const char *action = text_member(event->what, "action");
	const char *kid = text_member(event->what, "kid");
	struct audit_kid *unknown = find_kid(events, kid);
	if (events->key_event_count < AUDIT_KEY_EVENTS_MAX) {
		struct audit_key_event *into = &events->key_events[events->key_event_count++];
		into->index = event->index;
		copy_word(into->action, sizeof into->action, action);
		copy_word(into->kid, sizeof into->kid, kid);
	} else {
		events->key_events_more++;
	}
	if (unknown && strcmp(action, "revoked") == 0)
		unknown->is_revoked = true;
	int result = keys_learn(events->keys, event->what, why, sizeof why);
	if (result == RESULT_CONFIG)
		events->fault(events->context, event->index, why);
	return result == RESULT_CONFIG ? RESULT_OK : result;
}

static void judge_chain(struct audit_events *events, const struct event *event)
{
	char words[WORDS_SIZE];
	uint64_t before;
	if (!events->chains)
		return;
	events->has_links |= event->prev != NULL;
	switch (chains_add(events->chains, event, &before)) {
	case CHAIN_GOOD:
		events->links += event->prev != NULL;
		return;
	case CHAIN_UNKNOWN:
		events->links_unknown++;
		return;
	case CHAIN_LACKS:
		if (!events->has_links || events->refused + events->kid_count > 0)
			return;
		snprintf(words, sizeof words,
			 "it has no prev, and index %" PRIu64 " is about the same object", before);
		break;
	case CHAIN_BROKEN:
		if (events->refused + events->kid_count > 0) {
			events->links_unknown++; /* the one before may be among them */
			return;
		}
		if (before == UINT64_MAX)
			snprintf(words, sizeof words,
				 "its prev names an event about the same object that is not in the "
				 "log");
		else
			snprintf(words, sizeof words,
				 "its prev does not name index %" PRIu64
				 ", the event before about the same object: one is missing",
				 before);
		break;
	}
	events->fault(events->context, event->index, words);
}

static void count_event(struct audit_events *events, const struct event *event)
{
	events->verified++;
	if (event->own)
		events->own++;
	else if (event->class)
		events->about_sets++;
	else if (strstr(event->kind, ":host-"))
		events->about_hosts++;
	else
		events->about_domains++;
	if (events->verified == 1 || event->toe_ms < events->first_ms)
		events->first_ms = event->toe_ms;
	if (event->toe_ms > events->last_ms)
		events->last_ms = event->toe_ms;
}

static int take_event(struct audit_events *events, const struct event *event)
{
	/* Verified before an event of the same bundle revoked its key. */
	if (keys_is_revoked(events->keys, event->kid)) {
		events->refused++;
		events->fault(events->context, event->index,
			      "it is signed by a key that was revoked before");
		return RESULT_OK;
	}
	count_event(events, event);
	judge_chain(events, event);
	if (!event->own)
		return RESULT_OK;
	if (strcmp(event->kind, FEED_GAP_EVENT) == 0)
		take_gap(events, event->what);
	return strcmp(event->kind, FEED_KEY_EVENT) == 0 ? take_key(events, event) : RESULT_OK;
}

static void take_refusal(struct audit_events *events, uint64_t index, const struct refusal *refusal)
{
	bool is_kid = refusal->reason == REFUSAL_KEY_UNKNOWN;
	if (is_kid && keys_is_revoked(events->keys, refusal->kid)) {
		events->refused++;
		events->fault(events->context, index,
			      "it is signed by a key that was revoked before");
	} else if (!is_kid || !note_kid(events, index, refusal->kid)) {
		events->refused++;
		events->fault(events->context, index, refusal->text);
	}
}

/* In order, on the caller's thread. An event whose key was not known is tried again: one before it may have told it. */
static int take_verdict(struct round *round, unsigned i)
{
	struct audit_verdict *verdict = &round->events->verdicts[i];
	if (verdict->result == RESULT_INVALID && verdict->refusal.reason == REFUSAL_KEY_UNKNOWN)
		verify_one(round, i);
	int result = verdict->result;
	if (result == RESULT_OK)
		result = take_event(round->events, &verdict->event);
	else if (result == RESULT_INVALID)
		take_refusal(round->events, round->first + i, &verdict->refusal);
	event_free(&verdict->event);
	return result == RESULT_INVALID ? RESULT_OK : result;
}

int audit_events_take(struct audit_events *events, uint64_t first, const struct log_bundle *bundle)
{
	struct round round = {.events = events, .first = first, .bundle = bundle};
	parallel_run(events->parallel, bundle->count, verify_one, &round);
	int result = RESULT_OK;
	for (unsigned i = 0; i < bundle->count; i++) {
		if (result == RESULT_OK)
			result = take_verdict(&round, i);
		else
			event_free(&events->verdicts[i].event);
	}
	return result;
}

void audit_events_end(struct audit_events *events)
{
	for (size_t i = 0; i < events->kid_count; i++) {
		const struct audit_kid *kid = &events->kids[i];
		char words[WORDS_SIZE];
		if (kid->is_revoked) {
			events->revoked += kid->count;
			continue;
		}
		events->refused += kid->count;
		snprintf(words, sizeof words,
			 "%" PRIu64 " events from here to index %" PRIu64
			 " are signed by key %s, which is not in the JWKS, and which the feed "
			 "never told of",
			 kid->count, kid->last, kid->kid);
		events->fault(events->context, kid->first, words);
	}
}
