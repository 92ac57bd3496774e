#include "conformance/refepp/set.h"

#include "conformance/refepp/need.h"

#include <stdlib.h>
#include <string.h>

void set_free(struct set *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		free(set->items[i]);
	free(set->items);
	*set = (struct set){0};
}

void set_copy(struct set *to, const struct set *from)
{
	size_t i;

	*to = (struct set){0};
	if (from->count == 0)
		return;
	to->items = need_zeroed(from->count * sizeof(*to->items));
	to->count = to->capacity = from->count;
	for (i = 0; i < from->count; i++)
		to->items[i] = need_copy(from->items[i]);
}

/* Where `item` stands or would stand. */
static size_t place_of(const struct set *set, const char *item)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(set->items[middle], item) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* No byte of an item sorts before the blank, so an item that begins with the key and a blank
 * stands where the key itself would. */
static bool stands_at(const struct set *set, size_t place, const char *key)
{
	size_t length = strlen(key);
	const char *item;

	if (place == set->count)
		return false;
	item = set->items[place];
	return strncmp(item, key, length) == 0 && (item[length] == '\0' || item[length] == ' ');
}

const char *set_find(const struct set *set, const char *key)
{
	size_t place = place_of(set, key);

	return stands_at(set, place, key) ? set->items[place] : NULL;
}

bool set_add(struct set *set, const char *item)
{
	size_t place = place_of(set, item);

	if (place < set->count && strcmp(set->items[place], item) == 0)
		return false;
	if (set->count == set->capacity) {
		set->capacity = set->capacity == 0 ? 4 : set->capacity * 2;
		set->items = need_resized(set->items, set->capacity * sizeof(*set->items));
	}
	memmove(set->items + place + 1, set->items + place,
		(set->count - place) * sizeof(*set->items));
	set->items[place] = need_copy(item);
	set->count++;
	return true;
}

bool set_remove(struct set *set, const char *key)
{
	size_t place = place_of(set, key);

	if (!stands_at(set, place, key))
		return false;
	free(set->items[place]);
	set->count--;
	memmove(set->items + place, set->items + place + 1,
		(set->count - place) * sizeof(*set->items));
	return true;
}
