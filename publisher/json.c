#include "publisher/json.h"

#include <inttypes.h>
#include <string.h>

static void put_quoted(struct buffer *into, const char *text, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t plain = 0;
	buffer_append_byte(into, '"');
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f)
			continue;
		char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		buffer_append(into, text + plain, i - plain);
		buffer_append(into, escape, sizeof escape);
		plain = i + 1;
	}
	buffer_append(into, text + plain, size - plain);
	buffer_append_byte(into, '"');
}

static void begin_value(struct json *json, const char *name)
{
	if (json->comma)
		buffer_append_byte(json->into, ',');
	json->comma = true;
	if (!name)
		return;
	put_quoted(json->into, name, strlen(name));
	buffer_append_byte(json->into, ':');
}

static void open_with(struct json *json, const char *name, char bracket)
{
	begin_value(json, name);
	buffer_append_byte(json->into, (uint8_t)bracket);
	json->comma = false;
}

static void close_with(struct json *json, char bracket)
{
	buffer_append_byte(json->into, (uint8_t)bracket);
	json->comma = true;
}

void json_open_object(struct json *json, const char *name)
{
	open_with(json, name, '{');
}

void json_close_object(struct json *json)
{
	close_with(json, '}');
}

void json_open_list(struct json *json, const char *name)
{
	open_with(json, name, '[');
}

void json_close_list(struct json *json)
{
	close_with(json, ']');
}

void json_put_bytes(struct json *json, const char *name, const char *text, size_t size)
{
	begin_value(json, name);
	put_quoted(json->into, text, size);
}

void json_put_text(struct json *json, const char *name, const char *text)
{
	json_put_bytes(json, name, text, strlen(text));
}

void json_put_number(struct json *json, const char *name, int64_t number)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		digits[--at] = '-';
	begin_value(json, name);
	buffer_append(json->into, digits + at, sizeof digits - at);
}

void json_put_true(struct json *json, const char *name)
{
	json_put_bool(json, name, true);
}

void json_put_bool(struct json *json, const char *name, bool value)
{
	begin_value(json, name);
	buffer_append_text(json->into, value ? "true" : "false");
}

static struct json_mark open_if_any(struct json *json, const char *name, char bracket)
{
	struct json_mark mark = {.before = json->into->size, .comma = json->comma};
	open_with(json, name, bracket);
	mark.opened = json->into->size;
	return mark;
}

static void close_if_any(struct json *json, struct json_mark mark, char bracket)
{
	if (json->into->size != mark.opened) {
		close_with(json, bracket);
	} else {
		json->into->size = mark.before;
		json->comma = mark.comma;
	}
}

struct json_mark json_open_object_if_any(struct json *json, const char *name)
{
	return open_if_any(json, name, '{');
}

struct json_mark json_open_list_if_any(struct json *json, const char *name)
{
	return open_if_any(json, name, '[');
}

void json_close_object_if_any(struct json *json, struct json_mark mark)
{
	close_if_any(json, mark, '}');
}

void json_close_list_if_any(struct json *json, struct json_mark mark)
{
	close_if_any(json, mark, ']');
}
