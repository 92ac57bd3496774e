/* state_dir.h - one writer per state directory
 *
 * The folder is made if it is missing, for its owner alone. A POSIX record lock on <state_dir>/locks says that a
 * process lives: it is not inherited by children, and goes when the process does. Since such a lock also goes when
 * any descriptor of the file is closed in the process, the file is opened once per process: a table of what is open
 * keeps a second epptap_open() of the same folder out before it touches the file.
 */
#ifndef PLUGIN_STATE_DIR_H
#define PLUGIN_STATE_DIR_H

#include "base/result.h"

#include <stddef.h>

struct state_dir;

/* RESULT_OK; RESULT_BUSY: somebody has it, `why` says who; RESULT_STORE, RESULT_NOMEM. `why` is never empty then. */
MUST_USE int state_dir_open(const char *path, struct state_dir **dir, char *why, size_t why_size);

/* Gives it back; accepts a pointer to NULL. */
void state_dir_close(struct state_dir **dir);

#endif
