/* show.h - what the user sees: a line for each event, for people or as JSON
 *
 * For people: time, channel, index, name, impacts, a summary; only printable ASCII. As JSON: the channel, the index
 * and the claims as they were signed, byte for byte, but for line breaks between tokens, which become spaces so that
 * an event is one line. (A JSON text can't hold a raw control character within its strings.)
 * Each line is flushed. May block as long as whoever reads `out` does.
 * Owner: the caller; not thread-safe. The texts and files must outlive it.
 */
#ifndef SUBSCRIBER_SHOW_H
#define SUBSCRIBER_SHOW_H

#include "base/result.h"
#include "subscriber/message.h"
#include "subscriber/refusal.h"
#include "subscriber/verify.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct show {
	FILE *out;           /* events, and what did not verify */
	FILE *err;           /* notes */
	const char *channel; /* as options.h lets it through: fit for JSON as it is */
	bool json;
	bool color;
	int64_t now_ms; /* the wall clock, since 1970: a test of the whole way says how long it took; 0: not known */
};

/* All: RESULT_OK; RESULT_STORE: it can't be written, errno says why; RESULT_NOMEM. */
MUST_USE int show_event(const struct show *show, const struct event *event);

/* "NOT VERIFIED  index 17: ...", or {"channel":...,"index":17,"error":...}; no index, or null, if there is none. */
MUST_USE int show_unverified(const struct show *show, const struct message *message,
			     const struct refusal *why);

/* The same for what is wrong with something else than a message; index NULL: there is none. */
MUST_USE int show_wrong(const struct show *show, const uint64_t *index, const char *what);

/* A note that the events `from` to `to`, both included, did not come. As JSON: "missed":{"from":..,"to":..}. */
MUST_USE int show_missed(const struct show *show, uint64_t from, uint64_t to);

/* A note for people, our words only. */
MUST_USE int show_note(const struct show *show, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
