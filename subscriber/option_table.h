/* option_table.h - every option of every subcommand, in one table */
#ifndef SUBSCRIBER_OPTION_TABLE_H
#define SUBSCRIBER_OPTION_TABLE_H

#include "subscriber/options.h"

enum option_kind { OPTION_TEXT, OPTION_LIST, OPTION_NUMBER, OPTION_PLACE, OPTION_FLAG };

struct option_row {
	unsigned of; /* bits of enum options_of */
	const char *name;
	const char *value; /* its name in the help; NULL of a flag */
	enum option_kind kind;
	size_t offset; /* within struct options */
	bool (*is_right)(const char *value);
	const char *right; /* what would be; NULL: the impacts */
	uint64_t max;
	void (*normalise)(char *copy);
	const char *help; /* NULL: it shares the next one's line */
};

/* What stands without a name: the address, an index, a file. */
struct option_argument {
	unsigned of;
	unsigned optional; /* for these it may be left out */
	const char *name;
	enum option_kind kind;
	size_t offset;
	const char *right;
};

/* What a subcommand's help says around its options. */
struct option_usage {
	enum options_of of;
	const char *name, *usage, *purpose, *notes;
};

/* Row number `i`; NULL past the last. */
const struct option_row *option_row(size_t i);
const struct option_argument *option_argument(size_t i);
const struct option_usage *option_usage(enum options_of of);

/* The impacts, one after the other, for messages and help. */
void option_list_impacts(char *text, size_t size);

#endif
