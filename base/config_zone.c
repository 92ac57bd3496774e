/* Apart from the rest of config.h: who only looks up zones needs no libyaml. */
#include "base/config.h"
#include "base/name.h"

#include <string.h>

const char *config_zone_of(const struct config_texts *zones, const char *name)
{
	const char *longest = NULL;
	size_t longest_size = 0;
	for (size_t i = 0; i < zones->count; i++) {
		const char *zone = zones->items[i];
		size_t size = strlen(zone);
		if (size <= longest_size || !name_is_in(name, zone))
			continue;
		longest = zone;
		longest_size = size;
	}
	return longest;
}
