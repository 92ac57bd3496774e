/* tapped.h - what tests of a tap ask it through the ABI, and what must have come of it in its spool. cmocka's header
 * comes before */
#ifndef PLUGIN_TEST_TAPPED_H
#define PLUGIN_TEST_TAPPED_H

#include "plugin/epptap.h"
#include "plugin/test/spooled.h"

enum { TAPPED_FLUSH_MS = 60000, TAPPED_STATS_SIZE = 16384 };

/* `member`, with its value, stands in the tap's counters. */
static inline void tapped_assert_counted(struct epptap *tap, const char *member)
{
	char json[TAPPED_STATS_SIZE];
	size_t size = sizeof json;
	assert_int_equal(epptap_stats(tap, json, &size), EPPTAP_OK);
	if (!strstr(json, member))
		fail_msg("no %s in %s", member, json);
}

/* Reads the spool, which must get so many records and no more; they are the list's. */
static inline struct spooled *tapped_read(struct epptap *tap, struct spooled_list *list,
					  const char *state_dir, int count)
{
	assert_int_equal(epptap_flush(tap, TAPPED_FLUSH_MS), EPPTAP_OK);
	if (!spooled_await(list, state_dir, count) || list->count != count)
		fail_msg("%d records instead of %d", list->count, count);
	return list->items;
}

#endif
