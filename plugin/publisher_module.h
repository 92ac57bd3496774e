/* publisher_module.h - what epptap.so and epptap-publisher.so say to each other; epptapd, too, hosts a publisher by it
 *
 * With `publisher: embedded` the plugin loads the module that lies beside it. Both are built together: the module is
 * used only if its version is the plugin's, which is asked before anything else.
 */
#ifndef PLUGIN_PUBLISHER_MODULE_H
#define PLUGIN_PUBLISHER_MODULE_H

#include "base/buffer.h"
#include "base/config.h"
#include "base/result.h"
#include "base/state_dir.h"

#include <stddef.h>
#include <stdint.h>

#define PUBLISHER_MODULE_FILE  "epptap-publisher.so"
#define PUBLISHER_MODULE_ENTRY "epptap_publisher_module"

struct publisher;

/* What the publisher is given. All of it must outlive the publisher. */
struct publisher_host {
	const struct config *config;
	struct state_dir *dir;
	/* By channel: where a sender of its own listens. NULL: the publisher binds the sockets itself, in this
	 * process. */
	const int *channel_fds;
	/* With channel_fds: appends members of a JSON object, without braces, about the senders. The publisher's
	 * thread. */
	void (*write_senders)(void *context, struct buffer *json);
	void *context;
};

struct publisher_module {
	const char *version;
	/* Checks keys and starts the threads. Of several processes with one state_dir one publishes, and when it dies
	 * another. A port that is taken, and a store that must not be published from, are no failure: it is tried
	 * again, and said. On failure `why` says what, where, and what would be right. RESULT_CONFIG, _STORE,
	 * _NOMEM. */
	int (*start)(const struct publisher_host *host, struct publisher **publisher, char *why,
		     size_t why_size);
	/* Goes on with another config, of the same state_dir, whose key may be a new one; both configs must outlive the
	 * publisher. On failure it goes on with the old one. Blocks while sockets are opened anew. Any thread. */
	int (*reload)(struct publisher *publisher, const struct config *config, char *why,
		      size_t why_size);
	/* Appends members of a JSON object, without braces. Any thread. */
	void (*write_stats)(struct publisher *publisher, struct buffer *json);
	/* Publishes what is in the spool, for drain_ms at most, and ends. */
	void (*stop)(struct publisher **publisher, unsigned drain_ms);
};

typedef const struct publisher_module *publisher_module_entry(void);

#endif
