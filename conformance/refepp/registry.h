/* registry.h - the objects there are, and who refers to whom
 *
 * Not thread-safe: the engine's mutex guards it, over each whole command.
 * Owner of the objects: the registry. A change owns its `next` until registry_apply() takes it.
 */
#ifndef REFEPP_REGISTRY_H
#define REFEPP_REGISTRY_H

#include "conformance/refepp/object.h"
#include "conformance/refepp/table.h"

#include <stdint.h>

struct registry {
	struct table objects[KIND_COUNT];
	struct table below;     /* of a name: the set of hosts below it */
	uint64_t changes_count; /* applied so far; names the next object, in a replay too */
};

/* What a transform comes to: a create has no `old`, a delete no `next`. */
struct change {
	struct object *old;  /* in the registry */
	struct object *next; /* not there yet */
};

struct object *registry_find(const struct registry *registry, enum kind kind, const char *name);

/* The hosts below `name`; NULL if there are none. Good until the next change. */
const struct set *registry_hosts_below(const struct registry *registry, const char *name);

/* The closest domain that `host` lies below; NULL if it is external. */
struct object *registry_superordinate(const struct registry *registry, const char *host);

/* The id of the next object created: letter of its kind, number of the change. */
void registry_next_roid(const struct registry *registry, enum kind kind, char *roid, size_t size);

/* Makes the change, follows a host's new name into the domains that refer to it, and empties
 * `change`. Can't fail. */
void registry_apply(struct registry *registry, struct change *change);

/* Drops a change that was not applied. */
void registry_discard(struct change *change);

void registry_free(struct registry *registry);

#endif
