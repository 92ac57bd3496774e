/* log_files.h - the files of a channel's log, for who writes them
 *
 * A file is put in place whole: readers see the old one, or none, or the new one. That it is there after a crash, too, is
 * seen to for many at once by log_files_sync(), which is cheaper than one by one; but for those that are replaced under
 * their names.
 * Owner: one thread. Waits for the disk. Errors are RESULT_STORE; errno says why.
 */
#ifndef PUBLISHER_LOG_FILES_H
#define PUBLISHER_LOG_FILES_H

#include "base/config.h"
#include "base/result.h"
#include "publisher/tiles.h"

#include <sys/types.h>

enum { LOG_FILES_UNSYNCED_MAX = 64 };

struct log_files {
	const char *folder;
	mode_t mode; /* of folders; a file has it without the x bits */
	char unsynced[LOG_FILES_UNSYNCED_MAX][TILES_PATH_SIZE];
	size_t unsynced_count;
};

/* The channel's log_dir; the channel is lent. Others than its owner and group may read it, unless it is encrypted. */
void log_files_init(struct log_files *files, const struct config_channel *channel);

/* Puts a tile or a bundle in place, with the folders above it. After a crash it may be torn, until it is synced. */
MUST_USE int log_files_put(struct log_files *files, const char *name, const void *bytes,
			   size_t size);

/* From here on all that was put lasts. */
MUST_USE int log_files_sync(struct log_files *files);

/* Forgets what was put and not synced: it will be put again. */
void log_files_forget(struct log_files *files);

/* Replaces the file `checkpoint`, once that lasts. */
MUST_USE int log_files_replace(const struct log_files *files, const char *name, const void *bytes,
			       size_t size);

/* What is past its time. A file that can't be removed does no harm. */
void log_files_remove(const struct log_files *files, const char *name);

/* The partial forms of a tile or bundle, of which `name` is any. */
void log_files_drop_partials(const struct log_files *files, const char *name);

/* A full bundle, and the folder of a thousand that it was the last of. */
void log_files_drop_bundle(const struct log_files *files, uint64_t tile);

#endif
