/* engine.h - carries commands out: registry, journal, tap, in one order
 *
 * One mutex is held over a command's whole work. For a change it is held on: response made,
 * journal line written, change made in memory, tap called, and only then let go, so that journal,
 * registry and feed tell of changes in the same order, and nobody has seen an answer the tap has
 * not. A plugin that blocks therefore holds up all changes; how long is its promise. Commands
 * that change nothing call the tap outside the mutex.
 * Owner: main(). engine_run() may be called by any thread.
 */
#ifndef REFEPP_ENGINE_H
#define REFEPP_ENGINE_H

#include "conformance/refepp/command.h"
#include "conformance/refepp/journal.h"
#include "conformance/refepp/tap.h"

#include <stdbool.h>
#include <stddef.h>

struct engine;

/* `journal` and `tap` (or NULL) stay the caller's and outlive the engine. The journal is replayed,
 * without a word to the tap. With `begins` the tap hears of a command before it is carried out,
 * and of its response after. NULL on failure: then `why` says what and where. */
struct engine *engine_new(struct journal *journal, struct tap *tap, bool grace, bool begins,
			  char *why, size_t why_size);

/* Frees it and sets NULL; accepts NULL. No thread may use it any more. */
void engine_free(struct engine **engine);

/* Carries out a command on objects, already read from `frame`, for `registrar`; the frame to
 * answer with goes into `response`, in place of what was there. The tap has been told when it
 * returns. */
void engine_run(struct engine *engine, const struct command *command, const struct text *frame,
		const char *registrar, struct text *response);

/* Answers a command that is not about objects with `code`, and tells the tap; `registrar` may be
 * NULL. */
void engine_answer(struct engine *engine, const struct command *command, const struct text *frame,
		   const char *registrar, int code, const char *why, struct text *response);

#endif
