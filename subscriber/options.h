/* options.h - what eppwatch was asked to do
 *
 * One table (option_table.c) has every option: which subcommands take it, its kind, what is right for it, its help.
 * Unknown options, doubled ones where one is enough, and values that can't be right are errors.
 * Owner: the caller of options_parse(); afterwards nothing changes it. Texts that are not in a list are argv's.
 */
#ifndef SUBSCRIBER_OPTIONS_H
#define SUBSCRIBER_OPTIONS_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As bits, so that a row of the table can have several. */
enum options_of {
	OPTIONS_FOLLOW = 1,
	OPTIONS_AUDIT = 2,
	OPTIONS_PROVE = 4,
	OPTIONS_VERIFY_PROOF = 8,
	OPTIONS_RECONCILE = 16,
};

struct option_list {
	char **items;
	size_t count;
};

/* A place in the log. */
enum option_place_kind {
	PLACE_NONE,
	PLACE_INDEX,
	PLACE_START, /* the first entry that is still there */
	PLACE_END,   /* behind the last one of now */
	PLACE_LAST,  /* where the last run ended */
	PLACE_TIME,
};

struct option_place {
	enum option_place_kind kind;
	uint64_t index;
	int64_t time_ms; /* since 1970 */
};

struct options {
	const char *address; /* of the channel */
	const char *file;    /* a proof */
	uint64_t index;
	const char *connect, *channel, *registry, *jwks;
	const char *curve_server, *curve_key; /* paths */
	struct option_list keys;              /* verifier keys */
	const char *state, *ca_file, *client_cert, *client_key;
	struct option_place from, to;
	const char *cursor;
	struct option_list names; /* as name_read() writes them */
	struct option_list registrars, impacts;
	uint64_t count;     /* 0: no end */
	uint64_t timeout_s; /* 0: none */
	uint64_t max_age_s; /* 0: the default */
	uint64_t wait_s;    /* 0: the default */
	const char *own, *event, *out;
	const char *color; /* always, never, auto; NULL as auto */
	bool all, complete, json, help, version;
};

/* Reads the arguments after the subcommand's name. RESULT_OK: the options are the caller's, for options_free(); with
 * help or version in them, nothing else need be. RESULT_INVALID: `why` says which option, what is wrong, and what
 * would be right; RESULT_NOMEM. If not RESULT_OK, *options is empty. */
MUST_USE int options_parse(enum options_of of, int count, char *const *arguments,
			   struct options *options, char *why, size_t why_size);

/* Writes the usage of the subcommand: it fits a screen of 24 lines of 80 characters. */
void options_help(enum options_of of, FILE *out);

const char *options_name(enum options_of of);

void options_free(struct options *options);

#endif
