/* told.h - what a spool tells of a known number of changes: each must be there, or known to be lost */
#ifndef CONFORMANCE_OOM_TOLD_H
#define CONFORMANCE_OOM_TOLD_H

#include "plugin/test/scratch.h"
#include "plugin/test/spooled.h"

/* A folder in memory: there are hundreds of syncs to come. */
static inline struct scratch told_scratch(void)
{
	struct scratch folder = {"/dev/shm/epptap-test-XXXXXX"};
	if (!mkdtemp(folder.path)) {
		perror(folder.path);
		abort();
	}
	return folder;
}

struct told {
	uint64_t changes; /* whole ones */
	uint64_t lost;    /* by gaps */
	uint64_t open;    /* intents that nothing follows: the publisher tells them as unknown */
	uint64_t unknown, given_up;
};

static inline struct told told_read(const char *state_dir)
{
	struct spooled_list list = {0};
	struct told told = {0};
	uint64_t intents = 0, ended = 0;
	spooled_read(&list, state_dir);
	for (int i = 0; i < list.count; i++) {
		const struct spooled *record = &list.items[i];
		uint32_t kind = record->header.kind;
		told.changes += kind == SPOOL_CHANGE;
		told.lost += kind == SPOOL_GAP ? record->gap.count : 0;
		told.unknown += kind == SPOOL_UNKNOWN;
		told.given_up += kind == SPOOL_GIVEN_UP;
		intents += kind == SPOOL_INTENT;
		ended += kind == SPOOL_UNKNOWN || kind == SPOOL_GIVEN_UP ||
			 (kind == SPOOL_CHANGE && record->header.ticket != 0);
	}
	told.open = intents > ended ? intents - ended : 0;
	spooled_free(&list);
	return told;
}

#endif
