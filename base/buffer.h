/* buffer.h - bytes that grow up to a maximum set at birth
 *
 * Owner: whoever made it; not thread-safe. A failed append (maximum reached, no memory) leaves the bytes as they
 * were and sets `failed`; later appends do nothing. So a writer appends all it has and looks at `failed` once.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	size_t max;
	bool failed;
};

/* An empty buffer that holds at most `max` bytes. Allocates nothing. */
void buffer_init(struct buffer *buffer, size_t max);

/* Gives the memory back; the buffer is as after buffer_init(). Accepts one that never held anything. */
void buffer_free(struct buffer *buffer);

/* Empties it and forgets `failed`; keeps the memory. */
void buffer_reset(struct buffer *buffer);

void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);

/* printf into the buffer; for texts off the hot path. */
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for `size` more bytes, to be written by the caller, who then adds to `size` what it used.
 * NULL, and `failed`, if there is none. The pointer is good until the next call on this buffer. */
char *buffer_reserve(struct buffer *buffer, size_t size);

#endif
