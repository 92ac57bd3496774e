#include "subscriber/filter.h"

#include "base/name.h"

#include <string.h>

static bool has(const struct option_list *list, const char *text)
{
	for (size_t i = 0; text && i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

static bool is_in_any(const struct option_list *names, const char *name)
{
	for (size_t i = 0; name && i < names->count; i++) {
		if (name_is_in(name, names->items[i]))
			return true;
	}
	return false;
}

static bool has_impact(const struct option_list *impacts, const struct event *event)
{
	const json_t *list = json_object_get(event->what, "impact");
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (has(impacts, json_string_value(json_array_get(list, i))))
			return true;
	}
	return false;
}

bool filter_passes(const struct options *options, const struct event *event)
{
	if (event->own)
		return true;
	/* An object with a handle has no name, though its handle may look like one. */
	if (options->names.count > 0 &&
	    (event->handle || (!is_in_any(&options->names, event->name) &&
			       !is_in_any(&options->names, event->new_name))))
		return false;
	if (options->registrars.count > 0 &&
	    !has(&options->registrars,
		 json_string_value(json_object_get(event->what, "registrar"))))
		return false;
	return options->impacts.count == 0 || has_impact(&options->impacts, event);
}
