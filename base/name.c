#include "base/name.h"

#include "base/blank.h"

#include <stdint.h>
#include <string.h>

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool fits_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Bytes of the character at `text`, if it is one beyond ASCII and its controls, in UTF-8 (RFC 3629); else 0. */
static size_t letter_size(const char *text, size_t left)
{
	static const struct {
		uint8_t first_mask, first, size;
		uint32_t least;
	} forms[] = {{0xe0, 0xc0, 2, 0xa0}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
	const uint8_t *bytes = (const uint8_t *)text;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if ((bytes[0] & forms[i].first_mask) != forms[i].first || forms[i].size > left)
			continue;
		uint32_t letter = bytes[0] & (uint8_t)~forms[i].first_mask;
		for (size_t j = 1; j < forms[i].size; j++) {
			if ((bytes[j] & 0xc0) != 0x80)
				return 0;
			letter = letter << 6 | (bytes[j] & 0x3f);
		}
		bool surrogate = letter >= 0xd800 && letter <= 0xdfff;
		return letter < forms[i].least || letter > 0x10ffff || surrogate ? 0
										 : forms[i].size;
	}
	return 0;
}

static int read_name(const char *text, size_t size, bool unicode, char name[NAME_SIZE])
{
	size_t label = 0;  /* bytes of the label so far */
	bool plain = true; /* it has ASCII alone */
	name[0] = '\0';
	trim(&text, &size);
	if (size > 0 && text[size - 1] == '.')
		size--;
	if (size >= NAME_SIZE)
		return RESULT_INVALID;
	for (size_t i = 0; i < size; i++) {
		char c = to_lower(text[i]);
		size_t letter = unicode ? letter_size(text + i, size - i) : 0;
		bool dot = c == '.';
		plain = (plain || dot) && letter == 0;
		if (dot ? label == 0
			: (letter == 0 && !fits_label(c)) || (plain && label == NAME_LABEL_MAX)) {
			name[0] = '\0';
			return RESULT_INVALID;
		}
		label = dot ? 0 : label + 1;
		name[i] = c;
		for (; letter > 1; letter--, label++, i++)
			name[i + 1] = text[i + 1];
	}
	name[label == 0 ? 0 : size] = '\0';
	return label == 0 ? RESULT_INVALID : RESULT_OK;
}

int name_read(const char *text, size_t size, char name[NAME_SIZE])
{
	return read_name(text, size, false, name);
}

int name_read_unicode(const char *text, size_t size, char name[NAME_SIZE])
{
	return read_name(text, size, true, name);
}

bool name_is_unicode(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name >= 0x80)
			return true;
	return false;
}

bool name_is_in(const char *name, const char *above)
{
	size_t size = strlen(name), above_size = strlen(above);
	if (size < above_size || strcmp(name + size - above_size, above) != 0)
		return false;
	return size == above_size || name[size - above_size - 1] == '.';
}
