/* follow.h - `eppwatch follow`: receive, verify, drop repeats, filter, show
 *
 * Owner: the caller of follow_open(); one thread. `options`, and what `show` points to, must outlive it.
 */
#ifndef SUBSCRIBER_FOLLOW_H
#define SUBSCRIBER_FOLLOW_H

#include "base/result.h"
#include "subscriber/keys.h"
#include "subscriber/message.h"
#include "subscriber/options.h"
#include "subscriber/seen.h"
#include "subscriber/show.h"
#include "subscriber/watch_exit.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct follow {
	const struct options *options;
	struct show show;
	struct keys *keys;
	struct seen *seen;
	uint64_t shown;
	bool connected; /* at some time */
	uint64_t verified, unverified;
};

/* Reads the keys. RESULT_OK: for follow_close(). RESULT_CONFIG, RESULT_NOMEM: *follow is empty, `why` says why. */
MUST_USE int follow_open(struct follow *follow, const struct options *options, struct show show,
			 char *why, size_t why_size);

/* Everything that happens to one message; `now_us` is CLOCK_MONOTONIC. May read the JWKS file.
 * RESULT_OK: shown, dropped, or shown as not verified; RESULT_STORE: can't be shown, errno says why; RESULT_NOMEM. */
MUST_USE int follow_message(struct follow *follow, const struct message *message, int64_t now_us);

/* As many were shown as the user asked for. */
bool follow_is_complete(const struct follow *follow);

void follow_close(struct follow *follow);

/* The whole of it, until the count is reached, the time is over, or `stop` is set by a signal (seen within half a
 * second). */
enum watch_exit follow_run(const struct options *options, struct show show,
			   volatile const sig_atomic_t *stop);

#endif
