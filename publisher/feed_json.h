/* feed_json.h - feed.json in each channel's log_dir: all that who has the channel's address needs to know
 *
 * FEED.md has its members. It is replaced when the publisher begins, whatever it begins with (another config, another
 * key), and before bundles are pruned. Blocks as the file system does.
 */
#ifndef PUBLISHER_FEED_JSON_H
#define PUBLISHER_FEED_JSON_H

#include "base/config.h"
#include "publisher/log_keys.h"

/* Writes the file of channel number `channel`. `keys` may be NULL: it has no log. `minimum_index`: entries below it may
 * be gone. RESULT_OK; RESULT_CONFIG (the CURVE key), RESULT_STORE (the file), RESULT_NOMEM: `why` says what. */
MUST_USE int feed_json_publish(const struct config *config, size_t channel,
			       const struct log_keys *keys, const char *origin,
			       uint64_t minimum_index, char *why, size_t why_size);

#endif
