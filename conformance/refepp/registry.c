#include "conformance/refepp/registry.h"

#include "conformance/refepp/need.h"
#include "conformance/refepp/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object *registry_find(const struct registry *registry, enum kind kind, const char *name)
{
	return table_get(&registry->objects[kind], name);
}

const struct set *registry_hosts_below(const struct registry *registry, const char *name)
{
	return table_get(&registry->below, name);
}

/* The name one label up, if it has two labels at least; else NULL. No domain has one label. */
static const char *parent_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot == NULL || strchr(dot + 1, '.') == NULL ? NULL : dot + 1;
}

struct object *registry_superordinate(const struct registry *registry, const char *host)
{
	const char *name;

	for (name = parent_of(host); name != NULL; name = parent_of(name)) {
		struct object *domain = registry_find(registry, KIND_DOMAIN, name);

		if (domain != NULL)
			return domain;
	}
	return NULL;
}

void registry_next_roid(const struct registry *registry, enum kind kind, char *roid, size_t size)
{
	static const char letters[KIND_COUNT] = {'D', 'H', 'C'};

	snprintf(roid, size, "%c%llu-REF", letters[kind],
		 (unsigned long long)registry->changes_count + 1);
}

static void index_host(struct registry *registry, const char *host)
{
	const char *name;

	for (name = parent_of(host); name != NULL; name = parent_of(name)) {
		struct set *hosts = table_get(&registry->below, name);

		if (hosts == NULL) {
			hosts = need_zeroed(sizeof(*hosts));
			table_put(&registry->below, name, hosts);
		}
		set_add(hosts, host);
	}
}

static void unindex_host(struct registry *registry, const char *host)
{
	const char *name;

	for (name = parent_of(host); name != NULL; name = parent_of(name)) {
		struct set *hosts = table_get(&registry->below, name);

		set_remove(hosts, host);
		if (hosts->count == 0) {
			table_take(&registry->below, name);
			set_free(hosts);
			free(hosts);
		}
	}
}

static void count_link(struct registry *registry, enum kind kind, const char *name, int by)
{
	struct object *object = registry_find(registry, kind, name);

	if (object != NULL)
		object->links += (size_t)by;
}

/* Counts what a domain refers to, up (1) or down (-1). */
static void count_links(struct registry *registry, const struct object *domain, int by)
{
	size_t i;

	if (domain->registrant != NULL)
		count_link(registry, KIND_CONTACT, domain->registrant, by);
	for (i = 0; i < domain->contacts.count; i++)
		count_link(registry, KIND_CONTACT, strchr(domain->contacts.items[i], ' ') + 1, by);
	for (i = 0; i < domain->ns.count; i++) {
		if (strncmp(domain->ns.items[i], "obj ", 4) == 0)
			count_link(registry, KIND_HOST, domain->ns.items[i] + 4, by);
	}
}

struct renaming {
	struct text from, to; /* as they stand in object.ns */
};

static void rename_in(void *value, void *context)
{
	struct object *domain = value;
	struct renaming *renaming = context;

	if (set_remove(&domain->ns, renaming->from.data))
		set_add(&domain->ns, renaming->to.data);
}

/* A host's new name shows in every domain it serves. Domains are searched one by one: this is
 * rare. */
static void follow_rename(struct registry *registry, const char *from, const char *to)
{
	struct renaming renaming = {0};

	text_printf(&renaming.from, "obj %s", from);
	text_printf(&renaming.to, "obj %s", to);
	table_each(&registry->objects[KIND_DOMAIN], rename_in, &renaming);
	text_free(&renaming.from);
	text_free(&renaming.to);
}

static void take_out(struct registry *registry, struct object *object)
{
	table_take(&registry->objects[object->kind], object->name);
	if (object->kind == KIND_HOST)
		unindex_host(registry, object->name);
	else if (object->kind == KIND_DOMAIN)
		count_links(registry, object, -1);
}

static void put_in(struct registry *registry, struct object *object)
{
	table_put(&registry->objects[object->kind], object->name, object);
	if (object->kind == KIND_HOST)
		index_host(registry, object->name);
	else if (object->kind == KIND_DOMAIN)
		count_links(registry, object, 1);
}

void registry_apply(struct registry *registry, struct change *change)
{
	struct object *old = change->old, *next = change->next;

	if (old != NULL)
		take_out(registry, old);
	if (next != NULL)
		put_in(registry, next);
	if (old != NULL && next != NULL && old->links > 0 && strcmp(old->name, next->name) != 0)
		follow_rename(registry, old->name, next->name);
	object_free(&old);
	registry->changes_count++;
	*change = (struct change){0};
}

void registry_discard(struct change *change)
{
	object_free(&change->next);
	change->old = NULL;
}

static void free_object(void *value, void *context)
{
	struct object *object = value;

	(void)context;
	object_free(&object);
}

static void free_set(void *value, void *context)
{
	(void)context;
	set_free(value);
	free(value);
}

void registry_free(struct registry *registry)
{
	size_t i;

	for (i = 0; i < KIND_COUNT; i++) {
		table_each(&registry->objects[i], free_object, NULL);
		table_free(&registry->objects[i]);
	}
	table_each(&registry->below, free_set, NULL);
	table_free(&registry->below);
}
