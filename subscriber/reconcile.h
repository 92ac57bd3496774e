/* reconcile.h - `eppwatch reconcile`: what we sent against what the registry says happened under our id
 *
 * Blocks until the span is over, the time is, or `stop` is set.
 */
#ifndef SUBSCRIBER_RECONCILE_H
#define SUBSCRIBER_RECONCILE_H

#include "subscriber/options.h"
#include "subscriber/show.h"
#include "subscriber/watch_exit.h"

#include <signal.h>

enum watch_exit reconcile_run(const struct options *options, struct show show,
			      volatile const sig_atomic_t *stop);

#endif
