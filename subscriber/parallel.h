/* parallel.h - the same done to each of many, on all cores
 *
 * Owner: whoever opened it; its threads take no signals and sleep between calls. One call at a time.
 */
#ifndef SUBSCRIBER_PARALLEL_H
#define SUBSCRIBER_PARALLEL_H

#include "base/result.h"

struct parallel;

/* `threads` beside the caller's own; 0 is fine. RESULT_OK: for parallel_close(); RESULT_NOMEM. */
MUST_USE int parallel_open(unsigned threads, struct parallel **parallel);

/* Calls run(context, i) for each i below `count`, in any order, on any thread; returns when all are done. */
void parallel_run(struct parallel *parallel, unsigned count, void (*run)(void *context, unsigned i),
		  void *context);

void parallel_close(struct parallel **parallel);

#endif
