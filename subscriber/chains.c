#include "subscriber/chains.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 8 };

/* The last event of an object. An empty place has no object. */
struct place {
	uint64_t object, jti;
	uint64_t index : 63;
	uint64_t is_deleted : 1;
};

struct chains {
	size_t sets; /* of WAYS places each */
	bool is_whole, has_forgotten;
	struct place *places;
};

/* FNV-1a, and a last mixing: its low bits choose the set. Texts are under the registry's signature. */
static uint64_t hash_of(const char *text, uint64_t hash, bool lower)
{
	for (; *text; text++) {
		bool is_upper = lower && *text >= 'A' && *text <= 'Z';
		hash = (hash ^ (unsigned char)(*text + (is_upper ? 'a' - 'A' : 0))) *
		       UINT64_C(1099511628211);
	}
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

static uint64_t jti_hash(const char *jti)
{
	return hash_of(jti, UINT64_C(14695981039346656037), false);
}

/* Handles are the same in either case. */
static uint64_t object_of(const struct event *event, const char *name)
{
	const char *class = json_string_value(json_object_get(event->what, "objectClassName"));
	return hash_of(name, jti_hash(class ? class : ""), true);
}

int chains_new(size_t places, bool is_whole, struct chains **chains)
{
	struct chains *made = calloc(1, sizeof *made);
	*chains = NULL;
	if (!made)
		return RESULT_NOMEM;
	made->is_whole = is_whole;
	made->sets = places / WAYS ? places / WAYS : 1;
	made->places = calloc(made->sets * WAYS, sizeof *made->places);
	if (!made->places) {
		free(made);
		return RESULT_NOMEM;
	}
	*chains = made;
	return RESULT_OK;
}

/* The object's place, or one that is free, or that of the one quiet longest. */
static struct place *find(struct chains *chains, uint64_t object)
{
	struct place *set = &chains->places[object % chains->sets * WAYS];
	struct place *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].object == object)
			return &set[i];
		bool is_better = set[i].object == 0 || set[i].index < oldest->index;
		if (oldest->object != 0 && is_better)
			oldest = &set[i];
	}
	return oldest;
}

static bool is_verb(const struct event *event, const char *verb)
{
	const char *hash = strrchr(event->kind, '#');
	return hash && strcmp(hash + 1, verb) == 0;
}

static enum chain_answer judge(const struct chains *chains, const struct place *place,
			       const struct event *event)
{
	if (place->object == 0 || place->object != object_of(event, event->name)) {
		if (!event->prev)
			return CHAIN_GOOD;
		return chains->is_whole && !chains->has_forgotten ? CHAIN_BROKEN : CHAIN_UNKNOWN;
	}
	if (!event->prev)
		return is_verb(event, "create") || place->is_deleted ? CHAIN_GOOD : CHAIN_LACKS;
	return jti_hash(event->prev) == place->jti ? CHAIN_GOOD : CHAIN_BROKEN;
}

static void take(struct chains *chains, const struct event *event, const char *name)
{
	uint64_t object = object_of(event, name);
	struct place *place = find(chains, object);
	chains->has_forgotten |= place->object != 0 && place->object != object;
	*place = (struct place){.object = object,
				.jti = jti_hash(event->jti),
				.index = event->index,
				.is_deleted = is_verb(event, "delete")};
}

static void drop(struct chains *chains, uint64_t object)
{
	struct place *place = find(chains, object);
	if (place->object == object)
		*place = (struct place){.object = 0};
}

enum chain_answer chains_add(struct chains *chains, const struct event *event, uint64_t *before)
{
	*before = UINT64_MAX;
	if (event->own)
		return CHAIN_GOOD;
	uint64_t object = object_of(event, event->name);
	const struct place *place = find(chains, object);
	enum chain_answer answer = judge(chains, place, event);
	if (place->object == object)
		*before = place->index;
	/* A host that gets a new name takes its chain along. */
	if (event->new_name && strcmp(event->new_name, event->name) != 0)
		drop(chains, object);
	take(chains, event, event->new_name ? event->new_name : event->name);
	return answer;
}

void chains_free(struct chains **chains)
{
	if (*chains)
		free((*chains)->places);
	free(*chains);
	*chains = NULL;
}
