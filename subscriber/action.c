#include "subscriber/action.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they are written. */
static const struct {
	enum action action;
	const char *word;
} words[] = {
	{ACTION_UNLOCK, "unlock"},     {ACTION_LOCK, "lock"},       {ACTION_CREATE, "create"},
	{ACTION_UPDATE, "update"},     {ACTION_DELETE, "delete"},   {ACTION_RENEW, "renew"},
	{ACTION_TRANSFER, "transfer"}, {ACTION_RESTORE, "restore"},
};

enum { WORDS = sizeof words / sizeof *words };

static const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static unsigned locks_of(const json_t *locks)
{
	unsigned actions = 0;
	for (size_t i = 0; i < json_array_size(locks); i++)
		actions |= action_parse(text_member(json_array_get(locks, i), "action"));
	return actions & ACTION_LOCKS;
}

/* Does a delta hold more than statuses? */
static bool says_more(const json_t *delta)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)delta, name, value)
	{
		if (strcmp(name, "status") != 0)
			return true;
	}
	return false;
}

/* Does an update do more than lock and unlock? A hold is a status, too. */
static bool does_more(const struct event *event)
{
	static const char *const plain[] = {"lock", "unlock", "none"};
	const json_t *impact = json_object_get(event->what, "impact");
	for (size_t i = 0; i < json_array_size(impact); i++) {
		const char *word = json_string_value(json_array_get(impact, i));
		bool is_plain = false;
		for (size_t p = 0; p < sizeof plain / sizeof *plain; p++)
			is_plain |= word && strcmp(word, plain[p]) == 0;
		if (!is_plain)
			return true;
	}
	return says_more(json_object_get(event->what, "add")) ||
	       says_more(json_object_get(event->what, "remove")) ||
	       json_object_size(json_object_get(event->what, "set")) > 0 ||
	       json_array_size(json_object_get(event->what, "changed")) > 0;
}

unsigned action_of(const struct event *event)
{
	const char *hash = strrchr(event->kind, '#');
	unsigned verb = hash ? action_parse(hash + 1) : 0;
	if (json_object_get(event->what, "restore"))
		return ACTION_RESTORE;
	if (verb != ACTION_UPDATE)
		return verb;
	unsigned locks = locks_of(json_object_get(event->what, "lock"));
	return locks && !does_more(event) ? locks : locks | ACTION_UPDATE;
}

unsigned action_parse(const char *word)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (strcmp(words[i].word, word) == 0)
			return words[i].action;
	}
	return 0;
}

void action_write(unsigned actions, char text[ACTION_WORDS_SIZE])
{
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < WORDS; i++) {
		if (actions & words[i].action)
			at += (size_t)snprintf(text + at, ACTION_WORDS_SIZE - at, "%s%s",
					       at ? ", " : "", words[i].word);
	}
}

bool action_fits(unsigned own, unsigned event)
{
	if (own == ACTION_UPDATE)
		return (event & ~(unsigned)ACTION_UPDATES) == 0 && event != 0;
	return own == event;
}
