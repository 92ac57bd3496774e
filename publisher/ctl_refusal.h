/* ctl_refusal.h - would a publisher refuse to publish? For subcommands that look, and change nothing */
#ifndef PUBLISHER_CTL_REFUSAL_H
#define PUBLISHER_CTL_REFUSAL_H

#include "base/config.h"
#include "publisher/feed_store.h"

#include <stdbool.h>

/* True: `why` says what happened to state_dir, the log_dirs or the event key, and what to do. `store` may be NULL:
 * there is none yet. A key or store that can't be read is not told of here. */
bool ctl_refuses(const struct config *config, struct feed_store *store, char *why, size_t why_size);

#endif
