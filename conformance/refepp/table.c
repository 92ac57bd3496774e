#include "conformance/refepp/table.h"

#include "conformance/refepp/need.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct table_entry {
	struct table_entry *next;
	char *key;
	void *value;
};

/* FNV-1a, 64 bits. */
static size_t bucket_of(const char *key, size_t bucket_count)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *key != '\0'; key++)
		hash = (hash ^ (uint8_t)*key) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32) & (bucket_count - 1);
}

/* The link that points to the entry of `key`, or the one where it would be hung. Needs buckets. */
static struct table_entry **link_of(const struct table *table, const char *key)
{
	struct table_entry **link = &table->buckets[bucket_of(key, table->bucket_count)];

	while (*link != NULL && strcmp((*link)->key, key) != 0)
		link = &(*link)->next;
	return link;
}

void *table_get(const struct table *table, const char *key)
{
	struct table_entry *entry = table->count == 0 ? NULL : *link_of(table, key);

	return entry == NULL ? NULL : entry->value;
}

static void grow(struct table *table)
{
	struct table old = *table;
	size_t i;

	table->bucket_count = old.bucket_count == 0 ? 1024 : old.bucket_count * 2;
	table->buckets = need_zeroed(table->bucket_count * sizeof(*table->buckets));
	for (i = 0; i < old.bucket_count; i++) {
		while (old.buckets[i] != NULL) {
			struct table_entry *entry = old.buckets[i];
			struct table_entry **link;

			old.buckets[i] = entry->next;
			link = &table->buckets[bucket_of(entry->key, table->bucket_count)];
			entry->next = *link;
			*link = entry;
		}
	}
	free(old.buckets);
}

void table_put(struct table *table, const char *key, void *value)
{
	struct table_entry **link;

	if (table->count >= table->bucket_count)
		grow(table);
	link = link_of(table, key);
	if (*link == NULL) {
		*link = need_zeroed(sizeof(**link));
		(*link)->key = need_copy(key);
		table->count++;
	}
	(*link)->value = value;
}

void *table_take(struct table *table, const char *key)
{
	struct table_entry **link = table->count == 0 ? NULL : link_of(table, key);
	struct table_entry *entry = link == NULL ? NULL : *link;
	void *value;

	if (entry == NULL)
		return NULL;
	*link = entry->next;
	value = entry->value;
	free(entry->key);
	free(entry);
	table->count--;
	return value;
}

void table_each(const struct table *table, void (*visit)(void *value, void *context), void *context)
{
	size_t i;

	for (i = 0; i < table->bucket_count; i++) {
		const struct table_entry *entry;

		for (entry = table->buckets[i]; entry != NULL; entry = entry->next)
			visit(entry->value, context);
	}
}

void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i] != NULL) {
			struct table_entry *entry = table->buckets[i];

			table->buckets[i] = entry->next;
			free(entry->key);
			free(entry);
		}
	}
	free(table->buckets);
	*table = (struct table){0};
}
