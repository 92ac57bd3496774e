/* publisher_module.h - what epptap.so and epptap-publisher.so say to each other
 *
 * With `publisher: embedded` the plugin loads the module that lies beside it. Both are built together: the module is
 * used only if its version is the plugin's, which is asked before anything else.
 */
#ifndef PLUGIN_PUBLISHER_MODULE_H
#define PLUGIN_PUBLISHER_MODULE_H

#include "base/buffer.h"
#include "base/config.h"
#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

#define PUBLISHER_MODULE_FILE  "epptap-publisher.so"
#define PUBLISHER_MODULE_ENTRY "epptap_publisher_module"

struct publisher;

/* What the publisher is given. All of it must outlive the publisher. */
struct publisher_host {
	const struct config *config;
	uint64_t first_live_segment; /* spool segments below it were left by dead processes */
	/* Appends members of a JSON object, without braces, about the capture side. Any thread. */
	void (*write_stats)(void *context, struct buffer *json);
	void *context;
};

struct publisher_module {
	const char *version;
	/* Opens keys and feed store and starts the threads. A port that is taken is no failure: it is tried again.
	 * On failure `why` says what, where, and what would be right. RESULT_CONFIG, _STORE, _NOMEM. */
	int (*start)(const struct publisher_host *host, struct publisher **publisher, char *why,
		     size_t why_size);
	/* Appends members of a JSON object, without braces. Any thread. */
	void (*write_stats)(struct publisher *publisher, struct buffer *json);
	/* Publishes what is in the spool, for drain_ms at most, and ends. */
	void (*stop)(struct publisher **publisher, unsigned drain_ms);
};

typedef const struct publisher_module *publisher_module_entry(void);

#endif
