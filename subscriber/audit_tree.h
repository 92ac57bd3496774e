/* audit_tree.h - walks a log's whole tree, from the entries up, and finds out which file is wrong
 *
 * Each hash is computed from what it stands for, and held against what the tile has; each tile against the one above it,
 * and the right edge against the checkpoint. Where two do not fit, the one that leads to the checkpoint's root is right,
 * and the other is named.
 * Memory: a bundle, and 400 kB, whatever the log's size. Reads each file once, but for the edge.
 */
#ifndef SUBSCRIBER_AUDIT_TREE_H
#define SUBSCRIBER_AUDIT_TREE_H

#include "subscriber/log_reader.h"

#include <stdbool.h>
#include <stdint.h>

struct audit_tree {
	struct log_reader *reader; /* the folder; it need not be turned to anything */
	const struct checkpoint *checkpoint;
	uint64_t minimum_index; /* bundles that end at or below it may be gone */
	/* What is wrong, and in which file of the folder; "" if it is in none alone. */
	void (*fault)(void *context, const char *file, const char *what);
	/* The entries of a bundle, in order. If not RESULT_OK, that ends the walk. */
	int (*entries)(void *context, uint64_t first, const struct log_bundle *bundle);
	void *context;
	uint64_t tiles, bundles,
		pruned; /* how many of each were seen, or gone by right; entries of `pruned` */
};

/* RESULT_OK: walked through, whatever was wrong. Else it could not be: what fetch_get() answers, with the reader's why;
 * or what entries() did. */
MUST_USE int audit_tree_walk(struct audit_tree *tree);

#endif
