/* audit.h - `eppwatch audit`: the whole log of a channel, each hash and each signature
 *
 * Blocks until it is done, or `stop` is set.
 */
#ifndef SUBSCRIBER_AUDIT_H
#define SUBSCRIBER_AUDIT_H

#include "subscriber/audit_events.h"
#include "subscriber/audit_tree.h"
#include "subscriber/options.h"
#include "subscriber/source.h"
#include "subscriber/watch_exit.h"

#include <signal.h>
#include <stdio.h>

enum { AUDIT_FAULTS_SHOWN = 100 };

/* What came of it, for audit_report.h. */
struct audit {
	const struct options *options;
	FILE *out, *err;
	struct source source;
	struct log_head head;
	struct audit_tree tree;
	struct audit_events events;
	bool has_before; /* a checkpoint was seen before: of this size */
	uint64_t before;
	bool is_still; /* nobody renews the checkpoint */
	int64_t age_s; /* of the checkpoint */
	uint64_t faults;
	json_t *told; /* of them: the first AUDIT_FAULTS_SHOWN, if it is for programs */
	int64_t took_us;
};

enum watch_exit audit_run(const struct options *options, FILE *out, FILE *err,
			  volatile const sig_atomic_t *stop);

#endif
