/* event_delta.h - the lists of an event: what is added, removed, or there; for event.c alone
 *
 * publisher/FEED.md tells what each member means. Pure, as event.h.
 */
#ifndef PUBLISHER_EVENT_DELTA_H
#define PUBLISHER_EVENT_DELTA_H

#include "eppparse/change.h"
#include "publisher/json.h"

/* What all that writes an event shares. */
struct event_writer {
	struct json json;
	const struct change *change;
	bool counts; /* lists are told by their number of items */
};

/* `ldhName`, and `unicodeName` if that differs. */
void event_write_name(struct json *json, const char *name);

/* `add`: what is added. References that take another's place are not of it: event.c has them under `set`. */
void event_write_added(struct event_writer *writer);

/* `remove`, where all of a kind may go. */
void event_write_removed(struct event_writer *writer);

/* `before` or `state`: what the object was like before the change, or is since, as far as it is known. */
void event_write_state(struct event_writer *writer);

#endif
