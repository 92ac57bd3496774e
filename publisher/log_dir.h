/* log_dir.h - the files of a channel's log, held against what the feed store knows of it
 *
 * A log must never say two things. So before a store is published from, the log in log_dir must be the one that the store
 * knows, as far as the store knows it, or less far; what else lies there was made by another store, or by a newer one.
 * Changes nothing but in log_dir_set_aside(). Blocks as the file system does.
 */
#ifndef PUBLISHER_LOG_DIR_H
#define PUBLISHER_LOG_DIR_H

#include "base/config.h"
#include "publisher/feed_store.h"

/* Is the channel's log, which has this origin, such that the store can go on with it? `store` may be NULL: there is none
 * yet. Somebody may publish meanwhile.
 * RESULT_OK; RESULT_BUSY: it is not, and `why` says what is wrong; RESULT_STORE, RESULT_NOMEM: the store can't be
 * read. */
MUST_USE int log_dir_check(const struct config_channel *channel, struct feed_store *store,
			   const char *origin, char *why, size_t why_size);

/* Moves the log's files into a folder `before-<tag>` in log_dir, where readers may still want them. There may be none.
 * RESULT_OK, RESULT_STORE (errno). */
MUST_USE int log_dir_set_aside(const struct config_channel *channel, const char *tag);

#endif
