#include "plugin/namespaces.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* The row of a URI, a new one if there is room. */
static struct namespace_row *row_of(struct namespaces *namespaces, const struct eppparse_met *met)
{
	unsigned count = atomic_load_explicit(&namespaces->count, memory_order_relaxed);
	unsigned most = met->unread ? NAMESPACES_MAX : NAMESPACES_MAX - NAMESPACES_KEPT;
	if (!met->uri[0])
		return &namespaces->others;
	for (unsigned i = 0; i < count; i++)
		if (strcmp(namespaces->rows[i].uri, met->uri) == 0)
			return &namespaces->rows[i];
	if (count >= most)
		return &namespaces->others;
	memcpy(namespaces->rows[count].uri, met->uri, sizeof met->uri);
	atomic_store_explicit(&namespaces->count, count + 1, memory_order_release);
	return &namespaces->rows[count];
}

void namespaces_note(struct namespaces *namespaces, const struct eppparse_met *met)
{
	struct namespace_row *row = row_of(namespaces, met);
	atomic_fetch_add_explicit(met->unread ? &row->unread : &row->passed_over, 1,
				  memory_order_relaxed);
}

/* A URI's characters need no escape in JSON: eppparse.h says which those are. */
static void put_row(struct buffer *json, const char *name, struct namespace_row *row, bool first)
{
	buffer_printf(json, "%s\"%s\":{\"unread\":%" PRIu64 ",\"passed_over\":%" PRIu64 "}",
		      first ? "" : ",", name,
		      atomic_load_explicit(&row->unread, memory_order_relaxed),
		      atomic_load_explicit(&row->passed_over, memory_order_relaxed));
}

void namespaces_write(struct namespaces *namespaces, struct buffer *json)
{
	unsigned count = atomic_load_explicit(&namespaces->count, memory_order_acquire);
	struct namespace_row *others = &namespaces->others;
	buffer_append_byte(json, '{');
	for (unsigned i = 0; i < count; i++)
		put_row(json, namespaces->rows[i].uri, &namespaces->rows[i], i == 0);
	if (atomic_load(&others->unread) || atomic_load(&others->passed_over))
		put_row(json, "(others)", others, count == 0);
	buffer_append_byte(json, '}');
}
