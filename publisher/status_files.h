/* status_files.h - the counters of all processes of one state_dir, put together
 *
 * In <state_dir>/status each front-end process writes tap-<writer>.json and the publisher publisher.json, each file
 * replaced as a whole. The publisher reads them once a second for the metrics file, epptapctl status when it is asked.
 * Processes come and go and may be of other versions: a file that is gone, half written or of another shape is passed
 * over, and of too many or too large ones the rest.
 *
 * What a front-end process counted must not leave the sums when it ends, or Prometheus takes the fall for a restart:
 * its counters are retired, added to a sum that stands in publisher.json, which the next publisher goes on with.
 */
#ifndef PUBLISHER_STATUS_FILES_H
#define PUBLISHER_STATUS_FILES_H

#include "base/buffer.h"
#include "base/result.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATUS_FOLDER         "status"                  /* in state_dir; 0700, its files 0600 */
#define STATUS_TAP_FILE       "tap-%016" PRIx64 ".json" /* of a writer */
#define STATUS_PUBLISHER_FILE "publisher.json"

enum {
	STATUS_FILE_MAX = 65536,    /* bytes of a file; larger ones are not read */
	STATUS_TAPS_MAX = 1024,     /* files of front-end processes that are read */
	STATUS_NAMESPACES_MAX = 32, /* XML namespaces that a sum names */
};

/* Among the namespaces, the one that stands for those that are too many to be named, or can't be shown. */
#define STATUS_OTHER_NAMESPACES "(others)"

/* Puts together what is there now, wall clock: a new object, or NULL if there is no memory for it.
 *   "now_ms"      when that was: now_us in milliseconds
 *   "taps"        how many front-end processes have a file; "taps_unread": how many of these were passed over
 *   "sum"         their members and those of the retired, added up; all integers, within objects too; of its
 *                 "namespaces" STATUS_NAMESPACES_MAX by name, those first that made the most frames unreadable
 *   "fullest_queue_permille"  the queue that is fullest of them, if there is any
 *   "publisher"   the publisher's members, its pid and version, and "age_ms" of its file; missing if there is none */
json_t *status_files_gather(const char *state_dir, int64_t now_us);

/* The publisher's side. Owner: its thread; waits for the disk. */
struct status_files;

/* Makes the folder, and goes on with what is retired in publisher.json. state_dir is lent. RESULT_OK, RESULT_NOMEM, or
 * RESULT_STORE (errno says why). */
MUST_USE int status_files_new(const char *state_dir, struct status_files **files);
void status_files_free(struct status_files **files);

/* Writes publisher.json: pid, version, `members` (of a JSON object, without braces), and what is retired.
 * RESULT_STORE: errno says why; RESULT_NOMEM. The file is as it was then. */
MUST_USE int status_files_write(struct status_files *files, const struct buffer *members);

/* status_files_gather() with the publisher's members as last given to status_files_write(), be they written or not: on
 * a disk that is full, the metrics must not say that all is well. */
json_t *status_files_gather_own(const struct status_files *files, int64_t now_us);

/* The writers that have a file: up to `most` of them, in no order. Returns how many. */
size_t status_files_writers(const struct status_files *files, uint64_t *writers, size_t most);

/* A front-end process that has ended, and whose spool is consumed: adds its last counters to the retired, and removes
 * its file. True: there is none any more. False: it could not be removed, or no memory; nothing was added. */
bool status_files_retire(struct status_files *files, uint64_t writer);

#endif
