/* file.h - whole files, read and replaced */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buffer.h"
#include "base/result.h"

#include <sys/types.h>

/* Appends the file's bytes to `into`. RESULT_STORE (errno says why), RESULT_FULL if it is larger than the buffer's
 * maximum, RESULT_NOMEM. */
MUST_USE int file_read(const char *path, struct buffer *into);

/* Puts `size` bytes in place of whatever `path` held: a temporary file beside it, fsync, rename, fsync of the
 * folder; so a reader or a crash sees the old or the new bytes, never a part. RESULT_STORE: errno says why, the old
 * bytes stand. */
MUST_USE int file_replace(const char *path, const void *bytes, size_t size, mode_t mode);

/* Makes the folder, and those above it, with `mode`; one that is there already is left as it is.
 * RESULT_STORE: errno says why. */
MUST_USE int file_make_folder(const char *path, mode_t mode);

/* Writes all of it, over short writes and EINTR. RESULT_STORE: errno says why. */
MUST_USE int file_write_all(int fd, const void *bytes, size_t size);

#endif
