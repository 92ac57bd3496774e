#include "subscriber/event_word.h"

#include "subscriber/summary.h"

#include <stdlib.h>
#include <string.h>

enum { SUMMARY_MAX = 65536 };

static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

/* Members in one order, so that equal values have equal hashes; 0 of what is not there. */
static int mark_of(const json_t *value, uint64_t *mark)
{
	*mark = 0;
	if (!value)
		return RESULT_OK;
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	if (!text)
		return RESULT_NOMEM;
	*mark = hash_of(text);
	free(text);
	return RESULT_OK;
}

static int take_marks(const struct event *event, struct ledger_word *word)
{
	static const char *const members[] = {"add", "remove", "set", "changed", "lock"};
	enum { MARK_COMMAND, MARK_NAME, MARK_MEMBERS };
	const json_t *op = json_object_get(json_object_get(event->what, "transfer"), "op");
	const json_t *restore = json_object_get(event->what, "restore");
	int result = RESULT_OK;
	word->has_marks = true;
	word->marks[MARK_COMMAND] = hash_of(event->kind);
	word->marks[MARK_NAME] = hash_of(event->name);
	for (size_t i = 0; i < sizeof members / sizeof *members && result == RESULT_OK; i++)
		result = mark_of(json_object_get(event->what, members[i]),
				 &word->marks[MARK_MEMBERS + i]);
	if (result == RESULT_OK)
		result = mark_of(op ? op : restore, &word->marks[LEDGER_MARKS - 1]);
	return result;
}

int event_word_make(const struct event *event, struct ledger_word *word)
{
	struct buffer summary;
	*word = (struct ledger_word){.actions = action_of(event),
				     .time_ms = event->toe_ms,
				     .index = event->index,
				     .completes =
					     json_object_get(event->what, "completes") != NULL};
	if (event->txn && token_is_id(event->txn, strlen(event->txn)))
		memcpy(word->txn, event->txn, strlen(event->txn));
	memcpy(word->name, event->name, strnlen(event->name, LEDGER_NAME_SIZE - 1));
	buffer_init(&summary, SUMMARY_MAX);
	summary_append(&summary, event);
	if (!summary.failed && summary.size > 0)
		memcpy(word->summary, summary.data,
		       summary.size < LEDGER_SUMMARY_SIZE ? summary.size : LEDGER_SUMMARY_SIZE - 1);
	buffer_free(&summary);
	return take_marks(event, word);
}
