/* state_dir.h - the state directory, and who lives in it
 *
 * The folder is made if it is missing, for its owner alone. POSIX record locks on bytes of <state_dir>/locks say who
 * lives: they are not inherited by children, and go when their process does. Since they also go when any descriptor of
 * the file is closed in the process, the file is opened once per process: a table of what is open keeps a second
 * state_dir_open() of the same folder out before it touches the file.
 * Thread-safe but for open and close.
 */
#ifndef BASE_STATE_DIR_H
#define BASE_STATE_DIR_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_DIR_LOCKS_FILE "locks"

/* Bytes of the file of locks. A spool writer's byte is its number, from STATE_DIR_WRITERS on. */
#define STATE_DIR_PUBLISHER  UINT64_C(0) /* the one process that publishes */
#define STATE_DIR_SUCCESSOR  UINT64_C(1) /* one that should: its config is newer */
#define STATE_DIR_WRITERS    (UINT64_C(1) << 32)
#define STATE_DIR_LAST       ((UINT64_C(1) << 62) - 1)

struct state_dir;

/* RESULT_OK; RESULT_BUSY: this process has it open already; RESULT_STORE: it can't be used, as on a network file
 * system, whose locks and mappings can't be trusted, or if others can write it; RESULT_NOMEM. `why` is never empty then. */
MUST_USE int state_dir_open(const char *path, struct state_dir **dir, char *why, size_t why_size);

/* Gives it back, with all its locks; accepts a pointer to NULL. */
void state_dir_close(struct state_dir **dir);

const char *state_dir_path(const struct state_dir *dir);

/* Takes the lock of a byte, without waiting. RESULT_OK; RESULT_BUSY: somebody has it; RESULT_STORE: errno says why. */
MUST_USE int state_dir_lock(struct state_dir *dir, uint64_t byte);
void state_dir_unlock(struct state_dir *dir, uint64_t byte);

/* Who has the lock of a byte: a process id, perhaps our own; 0: nobody; STATE_DIR_SOMEBODY: it can't be told who, as of a
 * process in another PID namespace (a container beside ours), or after an error. */
enum { STATE_DIR_SOMEBODY = -1 };
long state_dir_holder(struct state_dir *dir, uint64_t byte);

/* Looks from outside which processes have `path` open as writers: of `most` of them at the most, what
 * state_dir_holder() says of each. Not for a process that has it open itself, which would lose its locks. RESULT_OK,
 * with none if there is no file of locks; RESULT_STORE: errno says why. */
MUST_USE int state_dir_find_writers(const char *path, long *pids, size_t most, size_t *count);

/* What the publisher says of itself in the file of locks: when the config that it runs was written, in nanoseconds
 * since 1970; 0 if nobody said. */
void state_dir_tell_config(struct state_dir *dir, int64_t written_ns);
int64_t state_dir_told_config(struct state_dir *dir);

/* RESULT_STORE: the folder lies on a network file system, or it is another user's, or others than its owner can write
 * it, as `why` says: what they put there would be signed. RESULT_OK: none of these, as far as we know, or there is no
 * such folder. */
MUST_USE int state_dir_check(const char *path, char *why, size_t why_size);

/* The name of a network file system by its statfs() type; NULL: it is none that we know. */
const char *state_dir_network_type(long type);

#endif
