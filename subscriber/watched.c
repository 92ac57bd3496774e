#include "subscriber/watched.h"

#include "base/name.h"
#include "subscriber/chains.h"

#include <stdlib.h>
#include <string.h>

enum { CHAIN_PLACES = 4 * WATCHED_MAX, TEXT_SIZE = 256 };

/* A name, or "class:handle" as in a sub_id. */
struct item {
	bool is_set;
	char text[TEXT_SIZE];
};

struct watched {
	size_t given; /* of the items: by the user, with what lies below; the others are just themselves */
	size_t count, room;
	struct item *items;
	struct chains *chains;
};

static bool knows(const struct watched *watched, const char *text)
{
	for (size_t i = 0; i < watched->count; i++) {
		if (strcmp(watched->items[i].text, text) == 0)
			return true;
	}
	return false;
}

static int add(struct watched *watched, const char *text, bool is_set)
{
	if (watched->count == WATCHED_MAX)
		return RESULT_FULL;
	if (watched->count == watched->room) {
		size_t room = watched->room ? 2 * watched->room : 16;
		struct item *items = reallocarray(watched->items, room, sizeof *items);
		if (!items)
			return RESULT_NOMEM;
		watched->items = items;
		watched->room = room;
	}
	struct item *item = &watched->items[watched->count++];
	*item = (struct item){.is_set = is_set};
	memcpy(item->text, text, strnlen(text, TEXT_SIZE - 1));
	return RESULT_OK;
}

int watched_new(char *const *names, size_t count, struct watched **watched)
{
	struct watched *made = calloc(1, sizeof *made);
	*watched = made;
	int result = made ? chains_new(CHAIN_PLACES, false, &made->chains) : RESULT_NOMEM;
	for (size_t i = 0; i < count && result == RESULT_OK; i++)
		result = add(made, names[i], false);
	if (result == RESULT_OK)
		made->given = count;
	else
		watched_free(watched);
	return result;
}

static bool is_given(const struct watched *watched, const char *name)
{
	for (size_t i = 0; name && i < watched->given; i++) {
		if (name_is_in(name, watched->items[i].text))
			return true;
	}
	return false;
}

bool watched_has(const struct watched *watched, const struct event *event)
{
	if (event->own || knows(watched, event->name))
		return true;
	if (event->class)
		return false;
	return is_given(watched, event->name) || is_given(watched, event->new_name) ||
	       (event->new_name && knows(watched, event->new_name));
}

bool watched_may_have(const struct watched *watched, const char *claims, size_t size)
{
	static const char own[] = "urn:epptap:";
	if (memmem(claims, size, own, sizeof own - 1))
		return true;
	for (size_t i = 0; i < watched->count; i++) {
		const char *text = watched->items[i].text;
		if (memmem(claims, size, text, strlen(text)))
			return true;
	}
	return false;
}

static int learn_name(struct watched *watched, const char *name,
		      int (*topic)(void *context, const char *topic), void *context)
{
	char text[FEED_TOPIC_SIZE];
	if (!name || is_given(watched, name) || knows(watched, name) ||
	    feed_topic(name, text) != RESULT_OK)
		return RESULT_OK;
	int result = add(watched, name, false);
	return result == RESULT_OK ? topic(context, text) : result;
}

static int learn_set(struct watched *watched, const char *class, const char *handle,
		     int (*topic)(void *context, const char *topic), void *context)
{
	char uri[FEED_URI_SIZE], text[FEED_TOPIC_SIZE];
	if (!handle || feed_handle_uri(class, handle, uri) != RESULT_OK ||
	    feed_handle_topic(class, handle, text) != RESULT_OK)
		return RESULT_OK;
	const char *name = uri + strlen(FEED_HANDLE_SCHEME);
	if (knows(watched, name) || strlen(name) >= TEXT_SIZE)
		return RESULT_OK;
	int result = add(watched, name, true);
	return result == RESULT_OK ? topic(context, text) : result;
}

/* What stands under `add`, `set` or `state`: nameservers, and sets by their handles. */
static int learn_from(struct watched *watched, const json_t *from,
		      int (*topic)(void *context, const char *topic), void *context)
{
	const json_t *hosts = json_object_get(from, "nameservers");
	int result = RESULT_OK;
	for (size_t i = 0; i < json_array_size(hosts) && result == RESULT_OK; i++)
		result = learn_name(
			watched,
			json_string_value(json_object_get(json_array_get(hosts, i), "ldhName")),
			topic, context);
	for (size_t c = 0; c < FEED_CLASSES && result == RESULT_OK; c++) {
		const char *class = feed_class(c);
		const json_t *handles = json_object_get(from, class);
		if (json_is_string(handles))
			result = learn_set(watched, class, json_string_value(handles), topic,
					   context);
		for (size_t i = 0; i < json_array_size(handles) && result == RESULT_OK; i++)
			result = learn_set(watched, class,
					   json_string_value(json_array_get(handles, i)), topic,
					   context);
	}
	return result;
}

int watched_learn(struct watched *watched, const struct event *event,
		  int (*topic)(void *context, const char *topic), void *context)
{
	static const char *const members[] = {"add", "set", "before", "state"};
	int result = RESULT_OK;
	if (event->own)
		return result;
	if (event->new_name)
		result = learn_name(watched, event->new_name, topic, context);
	for (size_t i = 0; i < sizeof members / sizeof *members && result == RESULT_OK; i++)
		result = learn_from(watched, json_object_get(event->what, members[i]), topic,
				    context);
	return result;
}

bool watched_chain(struct watched *watched, const struct event *event, uint64_t *from)
{
	switch (chains_add(watched->chains, event, from)) {
	case CHAIN_GOOD:
	case CHAIN_UNKNOWN:
		return true;
	case CHAIN_BROKEN:
	case CHAIN_LACKS:
		break;
	}
	return *from == UINT64_MAX || !event->prev;
}

void watched_free(struct watched **watched)
{
	if (!*watched)
		return;
	chains_free(&(*watched)->chains);
	free((*watched)->items);
	free(*watched);
	*watched = NULL;
}
