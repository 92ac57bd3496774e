/* calls.h - what the calls of the ABI come to, for them and for raw streams
 *
 * As epptap.h describes the call of each name; but arguments are taken for good, and nothing here waits.
 *
 * Threads: any.
 */
#ifndef PLUGIN_CALLS_H
#define PLUGIN_CALLS_H

#include "plugin/tap.h"

/* Whose session a command belongs to. */
struct caller {
	const char *login; /* or NULL */
	uint64_t session;  /* where a stream's login had to be left to the parser; else 0 */
};

/* *position is what to wait for, with `durability: wait`; 0: nothing. */
MUST_USE int calls_transaction(struct epptap *tap, const struct caller *caller, const void *command,
			       size_t command_size, const void *response, size_t response_size,
			       uint64_t *position);
MUST_USE int calls_begin(struct epptap *tap, const struct caller *caller, const void *command,
			 size_t command_size, uint64_t *ticket, uint64_t *position);
MUST_USE int calls_end(struct epptap *tap, uint64_t ticket, const void *response,
		       size_t response_size);

/* The ticket's command may have been carried out, and nobody will know. Accepts a poll's, of which nothing is told. */
void calls_end_unknown(struct epptap *tap, uint64_t ticket);

/* A poll's response, by itself. */
MUST_USE int calls_message(struct epptap *tap, const struct caller *caller, const void *response,
			   size_t response_size);

/* What may be a login with its response, that only a parser can read: caller->session gets the name that is in it. */
MUST_USE int calls_login(struct epptap *tap, const struct caller *caller, const void *command,
			 size_t command_size, const void *response, size_t response_size);

/* A change of this registrar's is lost, and told as a gap when there is room. */
void calls_lose(struct epptap *tap, unsigned who, enum loss reason);

/* Can this be the response to a change, or a message that tells of one? One over the limit is not looked at. */
bool calls_may_matter(struct epptap *tap, const void *response, size_t size);

#endif
