/* namespaces.h - XML namespaces that were met where epptap has no rule for them, and how often
 *
 * A table of fixed size: what a registrar writes into its frames must not make it grow. Those that find no place, or
 * that can't be shown, are counted together. A few places are kept for those that made a frame unreadable: a registry's
 * extensions must not hide what the operator has to map.
 *
 * Threads: namespaces_note() the capture thread's alone, namespaces_write() any. All zero at first.
 */
#ifndef PLUGIN_NAMESPACES_H
#define PLUGIN_NAMESPACES_H

#include "base/buffer.h"
#include "eppparse/eppparse.h"

#include <stdatomic.h>
#include <stdint.h>

enum { NAMESPACES_MAX = 32, NAMESPACES_KEPT = 8 };

struct namespace_row {
	char uri[EPPPARSE_URI_SIZE];  /* written before the row is counted, and never again */
	_Atomic uint64_t unread;      /* frames that it made unreadable */
	_Atomic uint64_t passed_over; /* frames in which it was an extension, and passed over */
};

struct namespaces {
	_Atomic unsigned count;
	struct namespace_row rows[NAMESPACES_MAX];
	struct namespace_row others;
};

void namespaces_note(struct namespaces *namespaces, const struct eppparse_met *met);

/* Appends a JSON object: of each URI, and of "others" if there are any, an object with `unread` and `passed_over`. */
void namespaces_write(struct namespaces *namespaces, struct buffer *json);

#endif
