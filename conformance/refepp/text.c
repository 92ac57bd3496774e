#include "conformance/refepp/text.h"

#include "conformance/refepp/need.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

void text_reset(struct text *text)
{
	text->size = 0;
	if (text->data != NULL)
		text->data[0] = '\0';
}

static void reserve(struct text *text, size_t size)
{
	size_t wanted = text->size + size + 1;

	if (wanted <= text->capacity)
		return;
	text->capacity = wanted < 512 ? 1024 : wanted * 2;
	text->data = need_resized(text->data, text->capacity);
}

void text_bytes(struct text *text, const void *bytes, size_t size)
{
	reserve(text, size);
	if (size > 0)
		memcpy(text->data + text->size, bytes, size);
	text->size += size;
	text->data[text->size] = '\0';
}

void text_put(struct text *text, const char *string)
{
	text_bytes(text, string, strlen(string));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size < 0)
		return;
	reserve(text, (size_t)size);
	va_start(arguments, format);
	vsnprintf(text->data + text->size, (size_t)size + 1, format, arguments);
	va_end(arguments);
	text->size += (size_t)size;
}

void text_xml(struct text *text, const char *string)
{
	for (;;) {
		size_t plain = strcspn(string, "<>&\"'");

		text_bytes(text, string, plain);
		switch (string[plain]) {
		case '<':
			text_put(text, "&lt;");
			break;
		case '>':
			text_put(text, "&gt;");
			break;
		case '&':
			text_put(text, "&amp;");
			break;
		case '"':
			text_put(text, "&quot;");
			break;
		case '\'':
			text_put(text, "&#39;");
			break;
		default:
			return;
		}
		string += plain + 1;
	}
}

void text_element(struct text *text, const char *name, const char *value)
{
	if (value == NULL)
		return;
	text_printf(text, "<%s>", name);
	text_xml(text, value);
	text_printf(text, "</%s>", name);
}

/* How many bytes the UTF-8 character at `at` takes; 0 if it is none (cut, overlong, surrogate, too
 * high). */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t character;
	size_t length, i;

	if (at[0] < 0x80)
		return 1;
	length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc2 || at[0] > 0xf4 || length > left)
		return 0;
	character = at[0] & (0x7fu >> length);
	for (i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (at[i] & 0x3f);
	}
	if (character < least[length] || character > 0x10ffff)
		return 0;
	return character >= 0xd800 && character < 0xe000 ? 0 : length;
}

static bool is_utf8(const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t length = utf8_length(bytes + at, size - at);

		if (length == 0)
			return false;
		at += length;
	}
	return true;
}

bool text_json(struct text *text, const void *bytes, size_t size)
{
	const uint8_t *input = bytes;
	bool raw = !is_utf8(input, size);
	size_t i;

	text_put(text, "\"");
	for (i = 0; i < size; i++) {
		uint8_t byte = input[i];

		if (byte == '"' || byte == '\\')
			text_printf(text, "\\%c", byte);
		else if (byte == '\n')
			text_put(text, "\\n");
		else if (byte < 0x20 || byte == 0x7f || (raw && byte >= 0x80))
			text_printf(text, "\\u%04x", byte);
		else
			text_bytes(text, &byte, 1);
	}
	text_put(text, "\"");
	return raw;
}

static bool unescape(struct text *text, const char *escape, size_t left, size_t *used)
{
	char digits[3] = {0}, byte;
	char *end;

	*used = 2;
	if (left < 2)
		return false;
	if (escape[1] != 'u') {
		byte = escape[1] == 'n' ? '\n' : escape[1];
		text_bytes(text, &byte, 1);
		return byte == '\n' || byte == '"' || byte == '\\';
	}
	if (left < 6 || escape[2] != '0' || escape[3] != '0')
		return false;
	memcpy(digits, escape + 4, 2);
	byte = (char)strtoul(digits, &end, 16);
	text_bytes(text, &byte, 1);
	*used = 6;
	return end == digits + 2;
}

bool text_unjson(struct text *text, const char *escaped, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const char *backslash = memchr(escaped + at, '\\', size - at);
		size_t plain = backslash == NULL ? size - at : (size_t)(backslash - escaped) - at;
		size_t used = 0;

		text_bytes(text, escaped + at, plain);
		at += plain;
		if (at < size && !unescape(text, escaped + at, size - at, &used))
			return false;
		at += used;
	}
	return true;
}
