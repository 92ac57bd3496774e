/* ctl_order.h - what the operator tells the publisher, by way of the spool
 *
 * The feed store belongs to the publisher; so an order is a record in the spool, like a change, and takes its turn. It
 * is durable when the call returns, whether somebody publishes now or later.
 */
#ifndef PUBLISHER_CTL_ORDER_H
#define PUBLISHER_CTL_ORDER_H

#include "base/config.h"
#include "plugin/spool.h"

/* CTL_OK, or CTL_FAILED with a complaint on stderr. */
int ctl_order(const struct config *config, enum spool_kind kind, const void *payload, size_t size);

#endif
