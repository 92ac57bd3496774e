/* filter.h - which verified events the user asked for
 *
 * Values of one option are alternatives, different options narrow each other; the tap's own events always pass.
 * Pure; thread-safe.
 */
#ifndef SUBSCRIBER_FILTER_H
#define SUBSCRIBER_FILTER_H

#include "subscriber/options.h"
#include "subscriber/verify.h"

#include <stdbool.h>

/* --name: the name or one it lies below, a renamed host's new name too; --registrar: the event's, capitals matter;
 * --impact: one of the event's. */
bool filter_passes(const struct options *options, const struct event *event);

#endif
