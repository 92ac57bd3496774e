#include "plugin/counters.h"

#include <inttypes.h>

static void put(struct buffer *json, const char *name, _Atomic uint64_t *counter)
{
	buffer_printf(json, "\"%s\":%" PRIu64, name,
		      atomic_load_explicit(counter, memory_order_relaxed));
}

void counters_write(struct counters *counters, struct buffer *json)
{
	put(json, "skipped", &counters->skipped);
	buffer_append_text(json, ",");
	put(json, "accepted", &counters->accepted);
	buffer_append_text(json, ",");
	put(json, "nothing", &counters->read[EPPPARSE_NOTHING]);
	buffer_append_text(json, ",");
	put(json, "changes", &counters->read[EPPPARSE_CHANGE]);
	buffer_append_text(json, ",");
	put(json, "spooled", &counters->spooled);
	buffer_append_text(json, ",\"lost\":{");
	put(json, "queue_full", &counters->lost_queue_full);
	buffer_append_text(json, ",");
	put(json, "frame_limit", &counters->lost_frame_limit);
	buffer_append_text(json, ",");
	put(json, "record_limit", &counters->lost_large);
	buffer_append_text(json, ",");
	put(json, "closed", &counters->lost_closed);
	buffer_append_text(json, "},\"unreadable\":{");
	for (int i = EPPPARSE_MALFORMED; i < EPPPARSE_RESULTS; i++) {
		if (i > EPPPARSE_MALFORMED)
			buffer_append_text(json, ",");
		put(json, eppparse_reason(i), &counters->read[i]);
	}
	buffer_append_text(json, "},");
	put(json, "statuses_unknown", &counters->statuses_unknown);
	buffer_append_text(json, ",");
	put(json, "registrars_left_out", &counters->registrars_left_out);
	buffer_append_text(json, ",");
	put(json, "sync_failures", &counters->sync_failures);
}
