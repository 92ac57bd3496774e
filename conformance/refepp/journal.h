/* journal.h - the registry's own truth: one JSON line for each change that was made
 *
 * {"svTRID","registrar","object","verb","name","time","code","command","response"}, and
 * "bytes":true if the command was not UTF-8: then each of its bytes stands as one character. It
 * holds frames as they came, contact data and authInfo included: mode 0600, and never near the
 * feed.
 * Each line is written by one write() and not synced: it outlives the process, not the machine.
 * Owner: the engine, under its mutex. One process has a journal at a time.
 */
#ifndef REFEPP_JOURNAL_H
#define REFEPP_JOURNAL_H

#include "conformance/refepp/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

/* One line. The strings belong to whoever made the entry; in a replay they are good during the
 * call. */
struct journal_entry {
	const char *sv_trid, *registrar, *object, *verb, *name;
	int64_t time_ms;
	int code;
	const struct text *command, *response;
};

/* Opens the file, made if need be, and cuts off a last line that is not whole (told on stderr).
 * NULL on failure: then `why` says what and where. */
struct journal *journal_open(const char *path, char *why, size_t why_size);

/* Reads all lines, each given to `take` in order. False if a line can't be read or `take` answers
 * false; then `why` says where and what. To be called before the first append. */
bool journal_replay(struct journal *journal,
		    bool (*take)(void *context, const struct journal_entry *entry), void *context,
		    char *why, size_t why_size);

/* Appends one line. False if it can't be written (errno says why): then nothing of it is in the
 * file. */
bool journal_append(struct journal *journal, const struct journal_entry *entry);

/* Closes and sets NULL; accepts NULL. */
void journal_close(struct journal **journal);

#endif
