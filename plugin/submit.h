/* submit.h - the registry's own changes from files, into the spool: what epptapctl submit does
 *
 * The back office has no front end to call epptap_server_change(); its changes come this way, as frames of the same form,
 * read by the same rules, and stand in the spool like any process's. All frames of a call or none.
 * Owner: one thread, in a process of its own that runs as the front end's user. Waits for the disk.
 */
#ifndef PLUGIN_SUBMIT_H
#define PLUGIN_SUBMIT_H

#include "base/config.h"
#include "base/result.h"
#include "eppparse/change.h"

#include <stddef.h>

struct submit;

/* RESULT_OK or RESULT_NOMEM. The config is lent. */
MUST_USE int submit_new(const struct config *config, struct submit **submit);
void submit_free(struct submit **submit);

/* Reads a frame from a file, of capture.frame_limit bytes at most. RESULT_OK: *change is what it tells of, good until the
 * next call. RESULT_INVALID or RESULT_NOMEM: `why` says "path: what is wrong; what would be right", with no byte of the
 * frame, and nothing was added. */
MUST_USE int submit_add(struct submit *submit, const char *path, const struct change **change,
			char *why, size_t why_size);

/* Makes durable in the spool all that were added, in their order. Otherwise `why` says what is wrong, and the feed tells
 * none of them, unless the disk failed while they were written: then it may tell the first ones, or all. */
MUST_USE int submit_write(struct submit *submit, char *why, size_t why_size);

#endif
