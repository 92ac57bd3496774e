/* frame.h - one XML frame through libxml2's push SAX2, with bounds
 *
 * Knows XML and nothing of EPP. Owner: the struct eppparse that made it; not thread-safe.
 */
#ifndef EPPPARSE_FRAME_H
#define EPPPARSE_FRAME_H

#include "eppparse/eppparse.h"

struct frame_element {
	const char *uri;   /* its namespace, or NULL */
	const char *local; /* its name without the prefix */
	int attribute_count;
	const void *attributes; /* for frame_attribute() */
};

/* The value of the attribute `name`, without a namespace of its own; its size in *size. NULL: there is none. The
 * bytes are not closed by a NUL. */
const char *frame_attribute(const struct frame_element *element, const char *name, size_t *size);

/* What a frame is read by. A function that returns anything but EPPPARSE_CHANGE ends the reading. */
struct frame_handler {
	enum eppparse_result (*start)(void *context, const struct frame_element *element);
	enum eppparse_result (*end)(void *context);
	enum eppparse_result (*text)(void *context, const char *bytes, size_t size);
	void *context;
};

struct frame_reader;

MUST_USE int frame_reader_new(struct frame_reader **reader);
void frame_reader_free(struct frame_reader **reader);

/* Gives back what libxml2 keeps for it; the next frame takes it anew. */
void frame_reader_rest(struct frame_reader *reader);

/* Reads the whole frame. EPPPARSE_CHANGE: it was well-formed, and the handler took it all. */
enum eppparse_result frame_read(struct frame_reader *reader, const void *bytes, size_t size,
				const struct frame_handler *handler);

#endif
