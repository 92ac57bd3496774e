#include "base/name.h"

#include "base/blank.h"

#include <string.h>

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool fits_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int name_read(const char *text, size_t size, char name[NAME_SIZE])
{
	size_t label = 0; /* bytes of the label so far */
	name[0] = '\0';
	trim(&text, &size);
	if (size > 0 && text[size - 1] == '.')
		size--;
	if (size >= NAME_SIZE)
		return RESULT_INVALID;
	for (size_t i = 0; i < size; i++) {
		char c = to_lower(text[i]);
		bool dot = c == '.';
		if (dot ? label == 0 : !fits_label(c) || label == NAME_LABEL_MAX) {
			name[0] = '\0';
			return RESULT_INVALID;
		}
		label = dot ? 0 : label + 1;
		name[i] = c;
	}
	name[label == 0 ? 0 : size] = '\0';
	return label == 0 ? RESULT_INVALID : RESULT_OK;
}

bool name_is_in(const char *name, const char *above)
{
	size_t size = strlen(name), above_size = strlen(above);
	if (size < above_size || strcmp(name + size - above_size, above) != 0)
		return false;
	return size == above_size || name[size - above_size - 1] == '.';
}
