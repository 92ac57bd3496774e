/* set.h - a sorted set of strings: statuses, nameservers, DS records, addresses
 *
 * Owner: whoever made it ({0} is an empty one); it copies what it is given. Not thread-safe.
 * An item is one or more words with single blanks between them; the first words are its key where
 * a caller says so ("attr ns1.example.org v4 192.0.2.1" is found by "attr ns1.example.org").
 */
#ifndef REFEPP_SET_H
#define REFEPP_SET_H

#include <stdbool.h>
#include <stddef.h>

struct set {
	char **items;
	size_t count;
	size_t capacity;
};

void set_free(struct set *set);
void set_copy(struct set *to, const struct set *from);

/* The item that equals `key` or begins with it and a blank; NULL if there is none. The set owns
 * it. */
const char *set_find(const struct set *set, const char *key);

/* False if the very item was there already. */
bool set_add(struct set *set, const char *item);

/* Removes the item that set_find() would find; false if there is none. */
bool set_remove(struct set *set, const char *key);

#endif
