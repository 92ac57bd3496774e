#include "subscriber/name.h"

#include <stddef.h>
#include <string.h>

enum { LABEL_MAX = 63, NAME_MAX_BYTES = 253 };

static bool may_stand_in_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool name_is_valid(const char *name)
{
	size_t label = 0, size = 0;
	for (; size <= NAME_MAX_BYTES && name[size]; size++) {
		if (name[size] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!may_stand_in_label(name[size]) || ++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0 && size <= NAME_MAX_BYTES;
}

bool name_is_in(const char *name, const char *above)
{
	size_t size = strlen(name), above_size = strlen(above);
	if (size < above_size || strcmp(name + size - above_size, above) != 0)
		return false;
	return size == above_size || name[size - above_size - 1] == '.';
}

void name_normalise(char *name)
{
	size_t size = strlen(name);
	if (size > 1 && name[size - 1] == '.')
		name[--size] = '\0';
	for (size_t i = 0; i < size; i++) {
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] - 'A' + 'a');
	}
}
