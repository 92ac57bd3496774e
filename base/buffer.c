#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, size_t max)
{
	*buffer = (struct buffer){.max = max};
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer, buffer->max);
}

void buffer_reset(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->failed = false;
}

char *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (buffer->failed || size > buffer->max - buffer->size) {
		buffer->failed = true;
		return NULL;
	}
	size_t needed = buffer->size + size;
	if (needed > buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
		while (capacity < needed)
			capacity *= 2;
		if (capacity > buffer->max)
			capacity = buffer->max;
		char *data = realloc(buffer->data, capacity);
		if (!data) {
			buffer->failed = true;
			return NULL;
		}
		buffer->data = data;
		buffer->capacity = capacity;
	}
	return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	if (size == 0)
		return;
	char *room = buffer_reserve(buffer, size);
	if (!room)
		return;
	memcpy(room, bytes, size);
	buffer->size += size;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
	buffer_append(buffer, &byte, 1);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* One more for the NUL that vsnprintf writes; it doesn't count. */
	char *room = size < 0 ? NULL : buffer_reserve(buffer, (size_t)size + 1);
	if (!room) {
		buffer->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(room, (size_t)size + 1, format, args);
	va_end(args);
	buffer->size += (size_t)size;
}
