/* text.h - text that grows: responses, journal lines
 *
 * Owner: whoever made it ({0} is an empty one), and frees it with text_free(). Not thread-safe.
 * What is put in comes from frames of at most FRAME_LIMIT bytes and from objects made by such
 * frames, so no maximum of its own is kept. `data` ends with a NUL that `size` does not count,
 * once anything was put in.
 */
#ifndef REFEPP_TEXT_H
#define REFEPP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data;
	size_t size;
	size_t capacity;
};

void text_free(struct text *text);
void text_reset(struct text *text);

void text_bytes(struct text *text, const void *bytes, size_t size);
void text_put(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `string` as XML character data: markup and quotes are escaped. It is UTF-8 as libxml2 gave it
 * out. */
void text_xml(struct text *text, const char *string);

/* <name>value</name>, escaped; nothing if `value` is NULL. */
void text_element(struct text *text, const char *name, const char *value);

/* Bytes as a JSON string with its quotes. Bytes that are no UTF-8 are written one by one as
 * \u00XX: then the caller notes it beside the string, for without that note \u00e9 reads as two
 * bytes. Answers whether that was so. */
bool text_json(struct text *text, const void *bytes, size_t size);

/* The way back: undoes the escapes of a string written by text_json(), `escaped` standing without
 * its quotes.
 * False if text_json() writes no such thing; then what stood before it is still there, and perhaps
 * more. */
bool text_unjson(struct text *text, const char *escaped, size_t size);

#endif
