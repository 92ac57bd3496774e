/* file.h - whole files, read and replaced
 *
 * Each call blocks as the file system does. Thread-safe, but not for two calls that replace the same file.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buffer.h"
#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The local file that a text names: of a file: URI (file:/PATH, file:///PATH, file://localhost/PATH) its path, as it
 * stands: no %-sequence is decoded; of a text without a scheme the text. NULL: it is a URI of another scheme, or
 * another host's file. The answer lies within `text`. */
const char *file_path_of(const char *text);

/* Appends the bytes of a regular file to `into`. RESULT_STORE: errno says why (ENOTSUP: it is a pipe or a device, which
 * could make us wait for ever); RESULT_FULL: it is larger than the buffer's maximum; RESULT_NOMEM. */
MUST_USE int file_read(const char *path, struct buffer *into);

/* The same for a file with a key in it: refused if it is not its owner's alone (group or others can read or write it;
 * asked of the file that was opened, so nobody can put another in its place). The buffer takes memory for its whole
 * maximum at once, so that no copy of the key stays behind when it grows; the caller wipes it before he frees it.
 * RESULT_CONFIG: `why` says "PATH: what is wrong; what would be right", `hint` in the end if the file can't be read,
 * and nothing of the file is in the buffer. RESULT_NOMEM likewise. */
MUST_USE int file_read_private(const char *path, struct buffer *into, const char *hint, char *why,
			       size_t why_size);

/* Puts `size` bytes in place of whatever `path` held: a temporary file beside it, fsync, rename, fsync of the
 * folder; so a reader or a crash sees the old or the new bytes, never a part. RESULT_STORE: errno says why. The old
 * bytes stand then; but if only the last step failed, the folder's fsync, the new ones do, and a crash may bring the
 * old ones back.
 * Not `durable`: without any fsync, for a file that is worthless after a crash. Readers never see a part; a crash may
 * leave one. */
MUST_USE int file_replace(const char *path, const void *bytes, size_t size, mode_t mode,
			  bool durable);

/* Makes the folder with `mode`, and those above it as mkdir -p does; one that is there already is left as it is. Each
 * that was made is on disk when this returns. RESULT_STORE: errno says why; some of them may have been made. */
MUST_USE int file_make_folder(const char *path, mode_t mode);

/* Makes what was created, renamed or unlinked in the folder last over a crash. RESULT_STORE: errno says why. */
MUST_USE int file_sync_folder(const char *path);

/* Writes all of it, over short writes and EINTR. RESULT_STORE: errno says why. */
MUST_USE int file_write_all(int fd, const void *bytes, size_t size);

#endif
