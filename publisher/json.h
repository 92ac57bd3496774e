/* json.h - JSON (RFC 8259) written straight into a buffer
 *
 * For events: a library builds a tree first, which takes ten times as long (`make bench` measures it). What is
 * written is bounded tokens of printable ASCII, names in UTF-8, numbers and our own words; JSON that is read, is read by
 * jansson.
 *
 * A struct json is the writer's place in the buffer: it knows whether a comma is due. Errors show as buffer.failed.
 */
#ifndef PUBLISHER_JSON_H
#define PUBLISHER_JSON_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct json {
	struct buffer *into;
	bool comma; /* the next value needs one before it */
};

/* `name` is the member's, or NULL within a list. */
void json_open_object(struct json *json, const char *name);
void json_close_object(struct json *json);
void json_open_list(struct json *json, const char *name);
void json_close_list(struct json *json);
void json_put_text(struct json *json, const char *name, const char *text);
void json_put_bytes(struct json *json, const char *name, const char *text, size_t size);
void json_put_number(struct json *json, const char *name, int64_t number);
void json_put_true(struct json *json, const char *name);
void json_put_bool(struct json *json, const char *name, bool value);

/* An object or list that is left out, name and all, if nothing was written into it: close it with the mark that
 * opening it gave. */
struct json_mark {
	size_t before, opened;
	bool comma;
};
struct json_mark json_open_object_if_any(struct json *json, const char *name);
struct json_mark json_open_list_if_any(struct json *json, const char *name);
void json_close_object_if_any(struct json *json, struct json_mark mark);
void json_close_list_if_any(struct json *json, struct json_mark mark);

#endif
