/* tap.h - what is behind a handle of the public ABI
 *
 * Set up by epptap_open() before any other call, taken apart by epptap_close() after the last. In between, the parts
 * look after their own threads.
 */
#ifndef PLUGIN_TAP_H
#define PLUGIN_TAP_H

#pragma GCC visibility push(default)
#include "plugin/epptap.h"
#pragma GCC visibility pop

#include "base/config.h"
#include "base/state_dir.h"
#include "plugin/capture.h"
#include "plugin/counters.h"
#include "plugin/publisher_module.h"
#include "plugin/queue.h"
#include "plugin/registrars.h"
#include "plugin/spool_writer.h"
#include "plugin/tickets.h"

#include <stdbool.h>
#include <stdint.h>

enum { TAP_MARK = 0x45505054 };

struct epptap {
	/* A page that the kernel empties in every child: TAP_MARK here, 0 there. Costs no system call to look at. */
	volatile uint32_t *mark;
	struct config *config;
	struct state_dir *state_dir;
	struct spool_writer *spool;
	struct queue *queue;
	struct registrars *registrars;
	struct tickets *tickets;
	struct counters counters;
	struct capture *capture;
	const struct publisher_module *module;
	struct publisher *publisher; /* NULL: another process publishes */
};

/* Is this a child of the process that opened it? */
static inline bool tap_forked(const struct epptap *tap)
{
	return *tap->mark != TAP_MARK;
}

#endif
