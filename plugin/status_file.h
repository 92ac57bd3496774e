/* status_file.h - what the capture side of this process counts, in a file of its own:
 * <state_dir>/status/tap-<writer>.json
 *
 * For who looks from another process. Written at most once a second, and only if something changed; readers never see a
 * part of it. A file whose writer's lock nobody holds (base/state_dir.h) is of a process that died.
 * Owner: the capture thread alone. A file that can't be written is not written: nothing depends on it.
 */
#ifndef PLUGIN_STATUS_FILE_H
#define PLUGIN_STATUS_FILE_H

#include "base/buffer.h"
#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

struct status_file;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int status_file_new(const char *state_dir, uint64_t writer, struct status_file **file);

/* Is it time to write again, at now_us of CLOCK_MONOTONIC? */
bool status_file_due(const struct status_file *file, int64_t now_us);

/* Writes the counters, which are members of a JSON object, if they are not what they were; due or not. */
void status_file_write(struct status_file *file, const struct buffer *counters, int64_t now_us);

/* Forgets it. The file stays: who publishes adds it to what others counted that have ended, and removes it. */
void status_file_close(struct status_file **file);

#endif
