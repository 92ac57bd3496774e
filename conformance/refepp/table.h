/* table.h - a hash table from names to things
 *
 * Owner: whoever made it ({0} is an empty one). It copies the keys and does not own the values.
 * Not thread-safe: the registry's mutex guards it.
 */
#ifndef REFEPP_TABLE_H
#define REFEPP_TABLE_H

#include <stddef.h>

struct table_entry;

struct table {
	struct table_entry **buckets;
	size_t bucket_count;
	size_t count;
};

/* The value put under `key`, or NULL. */
void *table_get(const struct table *table, const char *key);

/* Puts `value` (not NULL) under `key`, in place of what was there. */
void table_put(struct table *table, const char *key, void *value);

/* Takes the entry out; its value, or NULL if there was none. */
void *table_take(struct table *table, const char *key);

/* Calls `visit` once for each value, in no order. It must not put or take. */
void table_each(const struct table *table, void (*visit)(void *value, void *context),
		void *context);

/* Frees the table, not the values. */
void table_free(struct table *table);

#endif
