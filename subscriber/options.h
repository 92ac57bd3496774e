/* options.h - what `eppwatch follow` was asked to do
 *
 * One table in options.c has every option: its kind, whether it is needed, what is right for it, its help. Unknown
 * options, doubled ones where one is enough, and values that can't be right are errors.
 * Owner: the caller of options_parse(); afterwards nothing changes it. Texts that are not in a list are argv's.
 */
#ifndef SUBSCRIBER_OPTIONS_H
#define SUBSCRIBER_OPTIONS_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct option_list {
	char **items;
	size_t count;
};

struct options {
	const char *connect, *channel, *registry, *jwks;
	const char *curve_server, *curve_key; /* paths; both or neither */
	struct option_list names;             /* as name_read() writes them */
	struct option_list registrars, impacts;
	uint64_t count;     /* 0: no end */
	uint64_t timeout_s; /* 0: none */
	const char *color;  /* always, never, auto; NULL as auto */
	bool json, help, version;
};

/* Reads the arguments after the subcommand's name. RESULT_OK: the options are the caller's, for options_free(); with
 * help or version in them, nothing else need be. RESULT_INVALID: `why` says which option, what is wrong, and what
 * would be right; RESULT_NOMEM. If not RESULT_OK, *options is empty. */
MUST_USE int options_parse(int count, char *const *arguments, struct options *options, char *why,
			   size_t why_size);

/* Writes the usage of `eppwatch follow`. */
void options_help(FILE *out);

void options_free(struct options *options);

#endif
