#include "subscriber/printable.h"

#include <string.h>

static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

void printable_append(struct buffer *into, const char *bytes, size_t size, size_t limit)
{
	size_t kept = size < limit ? size : limit;
	char *room = buffer_reserve(into, kept);
	if (!room)
		return;
	for (size_t i = 0; i < kept; i++)
		room[i] = printable(bytes[i]);
	into->size += kept;
	if (kept < size)
		buffer_append_text(into, "...");
}

void printable_append_text(struct buffer *into, const char *text, size_t limit)
{
	printable_append(into, text, strlen(text), limit);
}

void printable_in_place(char *text)
{
	for (; *text; text++)
		*text = printable(*text);
}
