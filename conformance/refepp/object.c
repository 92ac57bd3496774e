#include "conformance/refepp/object.h"

#include "conformance/refepp/need.h"

#include <stdlib.h>

enum { STRING_COUNT = 14, SET_COUNT = 7 };

/* Every string and every set of an object, so that cloning and freeing can't forget one. */
static void strings_of(struct object *object, char **strings[STRING_COUNT])
{
	char ***at = strings;

	*at++ = &object->name;
	*at++ = &object->roid;
	*at++ = &object->sponsor;
	*at++ = &object->creator;
	*at++ = &object->updater;
	*at++ = &object->auth;
	*at++ = &object->registrant;
	*at++ = &object->max_sig_life;
	*at++ = &object->voice;
	*at++ = &object->voice_ext;
	*at++ = &object->fax;
	*at++ = &object->fax_ext;
	*at++ = &object->email;
	*at++ = &object->disclose_flag;
}

static void sets_of(struct object *object, struct set *sets[SET_COUNT])
{
	struct set **at = sets;

	*at++ = &object->status;
	*at++ = &object->contacts;
	*at++ = &object->ns;
	*at++ = &object->ds;
	*at++ = &object->keys;
	*at++ = &object->addresses;
	*at++ = &object->disclose;
}

struct object *object_new(enum kind kind, const char *name)
{
	struct object *object = need_zeroed(sizeof(*object));

	object->kind = kind;
	object->name = need_copy(name);
	return object;
}

struct object *object_clone(const struct object *object)
{
	struct object *clone = need_zeroed(sizeof(*clone));
	char **strings[STRING_COUNT];
	struct set *sets[SET_COUNT];
	size_t i, j;

	*clone = *object;
	strings_of(clone, strings);
	for (i = 0; i < STRING_COUNT; i++)
		*strings[i] = need_copy(*strings[i]);
	sets_of(clone, sets);
	for (i = 0; i < SET_COUNT; i++) {
		struct set shared = *sets[i];

		set_copy(sets[i], &shared);
	}
	for (i = 0; i < FORM_COUNT; i++) {
		for (j = 0; j < POSTAL_COUNT; j++)
			clone->postal[i][j] = need_copy(object->postal[i][j]);
	}
	return clone;
}

void object_free(struct object **object)
{
	char **strings[STRING_COUNT];
	struct set *sets[SET_COUNT];
	size_t i, j;

	if (*object == NULL)
		return;
	strings_of(*object, strings);
	for (i = 0; i < STRING_COUNT; i++)
		free(*strings[i]);
	sets_of(*object, sets);
	for (i = 0; i < SET_COUNT; i++)
		set_free(sets[i]);
	for (i = 0; i < FORM_COUNT; i++) {
		for (j = 0; j < POSTAL_COUNT; j++)
			free((*object)->postal[i][j]);
	}
	free(*object);
	*object = NULL;
}
