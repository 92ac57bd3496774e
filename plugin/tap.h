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
#include "plugin/streams.h"
#include "plugin/tickets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TAP_MARK = 0x45505054, TAP_WHY_SIZE = 1024 };

struct tap_config {
	struct config *config;
	struct tap_config *before;
};

struct epptap {
	/* A page that the kernel empties in every child: TAP_MARK here, 0 there. Costs no system call to look at. */
	volatile uint32_t *mark;
	/* The one to go by. Those before it are kept until the tap is closed: a call may be reading one. */
	_Atomic(const struct config *) config;
	struct tap_config *configs; /* all, the newest first */
	pthread_mutex_t reload_lock;
	struct state_dir *state_dir;
	struct spool_writer *spool;
	struct queue *queue;
	struct registrars *registrars;
	struct tickets *tickets;
	struct streams *streams;
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

static inline const struct config *tap_config(struct epptap *tap)
{
	return atomic_load_explicit(&tap->config, memory_order_acquire);
}

/* Reads the file; *next is for tap_use() or tap_free_configs(). Answers as config_load() does. */
MUST_USE int tap_load(struct tap_config **next, const char *path, char *why, size_t why_size);

/* Makes the tap go by a config, which is its own from then on. One call at a time. */
void tap_use(struct epptap *tap, struct tap_config *next);

void tap_free_configs(struct tap_config **configs);

#endif
