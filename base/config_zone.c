/* Apart from the rest of config.h: who only looks up zones needs no libyaml. */
#include "base/config.h"

#include <string.h>

const char *config_zone_of(const struct config_texts *zones, const char *name)
{
	const char *longest = NULL;
	size_t longest_size = 0, name_size = strlen(name);
	for (size_t i = 0; i < zones->count; i++) {
		const char *zone = zones->items[i];
		size_t size = strlen(zone);
		if (size > name_size || size <= longest_size)
			continue;
		const char *tail = name + (name_size - size);
		if (strcmp(tail, zone) != 0 || (tail != name && tail[-1] != '.'))
			continue;
		longest = zone;
		longest_size = size;
	}
	return longest;
}
