/* report.h - what the publisher tells operators: status file, metrics file, the counters that epptap_stats() shows
 *
 * Once a second its thread looks how things stand, and writes both files; any thread may have the counters then, with
 * what was seen last.
 */
#ifndef PUBLISHER_REPORT_H
#define PUBLISHER_REPORT_H

#include "base/config.h"
#include "base/state_dir.h"
#include "publisher/pipeline.h"
#include "publisher/tallies.h"

struct report;

/* All are lent. RESULT_OK; RESULT_STORE (`why` says), RESULT_NOMEM. */
MUST_USE int report_new(const struct config *config, struct state_dir *dir, struct tallies *tallies,
			struct report **report, char *why, size_t why_size);
void report_free(struct report **report);

/* From now on by this config. The publisher's thread. */
void report_use(struct report *report, const struct config *config);

/* Looks and writes, if it is time, or the `last` one. `pipeline` is NULL if there is none. The publisher's thread;
 * waits for the disk. */
void report_write(struct report *report, struct pipeline *pipeline, const struct clock_reading *now,
		  bool last);

/* Appends the member "publisher". Any thread. */
void report_stats(struct report *report, struct buffer *json);

#endif
