#include "subscriber/options.h"

#include "base/name.h"
#include "base/token.h"
#include "publisher/feed_format.h"
#include "subscriber/complaint.h"
#include "subscriber/impact.h"

#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 100, TIMEOUT_MAX_S = 100 * 366 * 86400L };

enum kind { KIND_TEXT, KIND_LIST, KIND_NUMBER, KIND_FLAG };

struct row {
	const char *name;
	const char *value; /* its name in the help */
	enum kind kind;
	bool needed;
	size_t offset;
	bool (*is_right)(const char *value);
	const char *right; /* what would be */
	uint64_t max;
	void (*normalise)(char *copy);
	const char *help;
};

static bool is_not_empty(const char *value)
{
	return *value != '\0';
}

static bool is_endpoint(const char *value)
{
	return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "ipc://", 6) == 0;
}

static bool is_channel(const char *value)
{
	size_t size = strlen(value);
	return size > 0 && size <= 63 &&
	       strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static bool is_registry(const char *value)
{
	return strncmp(value, "https://", 8) == 0 && value[8] != '\0';
}

static bool is_registrar(const char *value)
{
	return token_is_title(value, strlen(value));
}

/* A name as the feed has it; empty if it is none. */
static void normalise_name(char *copy)
{
	char name[NAME_SIZE];
	(void)!name_read(copy, strlen(copy), name);
	memcpy(copy, name, strlen(name) + 1); /* never longer */
}

static bool is_impact(const char *value)
{
	return impact_is_known(value);
}

static bool is_color(const char *value)
{
	return strcmp(value, "always") == 0 || strcmp(value, "never") == 0 ||
	       strcmp(value, "auto") == 0;
}

#define AT(member) offsetof(struct options, member)

static const struct row rows[] = {
	{"--connect", "ENDPOINT", KIND_TEXT, true, AT(connect), is_endpoint,
	 "tcp://HOST:PORT would be right", 0, NULL, "the channel's address, tcp://HOST:PORT"},
	{"--channel", "NAME", KIND_TEXT, true, AT(channel), is_channel,
	 "lower-case letters, digits and hyphens would be right", 0, NULL,
	 "the channel's name, shown with each event"},
	{"--registry", "URL", KIND_TEXT, true, AT(registry), is_registry,
	 "the https:// URL that the registry puts into each event would be right", 0, NULL,
	 "the registry's URL: events of another are not verified"},
	{"--jwks", "FILE", KIND_TEXT, true, AT(jwks), is_not_empty, "a file's name would be right",
	 0, NULL, "the registry's event keys (JWKS), got in a way you trust"},
	{"--curve-server", "FILE", KIND_TEXT, false, AT(curve_server), is_not_empty,
	 "a file's name would be right", 0, NULL, "the server's public CURVE key, one z85 line"},
	{"--curve-key", "FILE", KIND_TEXT, false, AT(curve_key), is_not_empty,
	 "a file's name would be right", 0, NULL,
	 "your secret CURVE key, one z85 line, readable by you alone"},
	{"--name", "NAME", KIND_LIST, false, AT(names), is_not_empty,
	 "a domain or host name would be right, with xn-- labels for other alphabets", 0,
	 normalise_name, "only this name and the hosts below it"},
	{"--registrar", "ID", KIND_LIST, false, AT(registrars), is_registrar,
	 "printable ASCII, single spaces within, at most 64 characters, would be right", 0, NULL,
	 "only events of this registrar, as the feed names it"},
	{"--impact", "CLASS", KIND_LIST, false, AT(impacts), is_impact, NULL, 0, NULL,
	 "only events with this impact"},
	{"--count", "N", KIND_NUMBER, false, AT(count), NULL, NULL, INT64_MAX, NULL,
	 "end after N events were shown"},
	{"--timeout", "SECONDS", KIND_NUMBER, false, AT(timeout_s), NULL, NULL, TIMEOUT_MAX_S, NULL,
	 "end after this time"},
	{"--json", NULL, KIND_FLAG, false, AT(json), NULL, NULL, 0, NULL,
	 "one line of JSON for each event, the claims as they were signed"},
	{"--color", "WHEN", KIND_TEXT, false, AT(color), is_color,
	 "always, never or auto would be right", 0, NULL,
	 "always, never or auto (on a terminal, unless NO_COLOR is set)"},
	{"--help", NULL, KIND_FLAG, false, AT(help), NULL, NULL, 0, NULL, "this text"},
	{"--version", NULL, KIND_FLAG, false, AT(version), NULL, NULL, 0, NULL, "the version"},
};

enum { ROWS = sizeof rows / sizeof *rows };

static void *member_of(struct options *options, const struct row *row)
{
	return (char *)options + row->offset;
}

/* The impacts, one after the other, for messages and help. */
static void list_impacts(char *text, size_t size)
{
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < FEED_IMPACTS && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "",
				       feed_impact_name(i));
}

static int complain_value(const struct row *row, const char *value, const struct complaint *why)
{
	char known[256];
	if (row->right)
		return complain(why, RESULT_INVALID, "%s %.*s: %s", row->name, SAID_MAX, value,
				row->right);
	list_impacts(known, sizeof known);
	return complain(why, RESULT_INVALID, "%s %.*s: one of these would be right: %s", row->name,
			SAID_MAX, value, known);
}

static int take_text(struct options *options, const struct row *row, const char *value,
		     const struct complaint *why)
{
	const char **member = member_of(options, row);
	if (*member)
		return complain(why, RESULT_INVALID, "%s stands twice: once would be right",
				row->name);
	if (!row->is_right(value))
		return complain_value(row, value, why);
	*member = value;
	return RESULT_OK;
}

static int take_list(struct options *options, const struct row *row, const char *value,
		     const struct complaint *why)
{
	struct option_list *list = member_of(options, row);
	char *copy = strdup(value);
	if (!copy)
		return RESULT_NOMEM;
	if (row->normalise)
		row->normalise(copy);
	if (!row->is_right(copy)) {
		free(copy);
		return complain_value(row, value, why);
	}
	char **items = reallocarray(list->items, list->count + 1, sizeof *items);
	if (!items) {
		free(copy);
		return RESULT_NOMEM;
	}
	list->items = items;
	list->items[list->count++] = copy;
	return RESULT_OK;
}

static int take_number(struct options *options, const struct row *row, const char *value,
		       const struct complaint *why)
{
	uint64_t *member = member_of(options, row);
	uint64_t number = 0;
	if (*member)
		return complain(why, RESULT_INVALID, "%s stands twice: once would be right",
				row->name);
	bool right = *value != '\0';
	for (const char *at = value; *at && right; at++) {
		right = *at >= '0' && *at <= '9' && number <= row->max / 10;
		number = number * 10 + (uint64_t)(*at - '0');
	}
	if (!right || number == 0 || number > row->max)
		return complain(why, RESULT_INVALID,
				"%s %.*s: a whole number from 1 to %llu would be right", row->name,
				SAID_MAX, value, (unsigned long long)row->max);
	*member = number;
	return RESULT_OK;
}

/* The row for "--name" or "--name=value"; *value is what stands behind the sign, or NULL. */
static const struct row *find_row(const char *argument, const char **value)
{
	size_t size = strcspn(argument, "=");
	*value = argument[size] ? argument + size + 1 : NULL;
	for (size_t i = 0; i < ROWS; i++) {
		if (strlen(rows[i].name) == size && strncmp(rows[i].name, argument, size) == 0)
			return &rows[i];
	}
	return NULL;
}

static int take(struct options *options, const struct row *row, const char *value,
		const struct complaint *why)
{
	switch (row->kind) {
	case KIND_TEXT:
		return take_text(options, row, value, why);
	case KIND_LIST:
		return take_list(options, row, value, why);
	case KIND_NUMBER:
		return take_number(options, row, value, why);
	case KIND_FLAG:
		break;
	}
	*(bool *)member_of(options, row) = true;
	return RESULT_OK;
}

static int take_all(int count, char *const *arguments, struct options *options,
		    const struct complaint *why)
{
	for (int i = 0; i < count; i++) {
		const char *value;
		const struct row *row = find_row(arguments[i], &value);
		if (!row)
			return complain(why, RESULT_INVALID,
					"%.*s: no such option: eppwatch follow --help has them all",
					SAID_MAX, arguments[i]);
		if (row->kind == KIND_FLAG && value)
			return complain(why, RESULT_INVALID, "%s takes no value", row->name);
		if (row->kind != KIND_FLAG && !value && ++i == count)
			return complain(why, RESULT_INVALID,
					"%s lacks its value: %s %s would be right", row->name,
					row->name, row->value);
		if (row->kind != KIND_FLAG && !value)
			value = arguments[i];
		int result = take(options, row, value, why);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

static int check_together(struct options *options, const struct complaint *why)
{
	if (options->help || options->version)
		return RESULT_OK;
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].needed && !*(const char **)member_of(options, &rows[i]))
			return complain(why, RESULT_INVALID, "%s %s is missing: %s", rows[i].name,
					rows[i].value, rows[i].help);
	}
	if (!options->curve_server != !options->curve_key)
		return complain(why, RESULT_INVALID,
				"--curve-server and --curve-key go together: both for an "
				"encrypted channel, neither for a plain one");
	return RESULT_OK;
}

int options_parse(int count, char *const *arguments, struct options *options, char *why,
		  size_t why_size)
{
	const struct complaint to = {.text = why, .size = why_size};
	*options = (struct options){0};
	int result = take_all(count, arguments, options, &to);
	if (result == RESULT_OK)
		result = check_together(options, &to);
	if (result == RESULT_NOMEM)
		(void)complain(&to, result, "out of memory");
	if (result != RESULT_OK)
		options_free(options);
	return result;
}

void options_help(FILE *out)
{
	char known[256];
	list_impacts(known, sizeof known);
	fputs("usage: eppwatch follow --connect ENDPOINT --channel NAME --registry URL --jwks FILE"
	      " [option]...\n\n"
	      "Shows the changes that a registry's EPP servers made, each verified first.\n\n",
	      out);
	for (size_t i = 0; i < ROWS; i++) {
		char left[64];
		snprintf(left, sizeof left, "%s %s", rows[i].name,
			 rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-22s %s%s\n", left, rows[i].help,
			rows[i].needed ? " (needed)" : "");
	}
	fprintf(out,
		"\n--name, --registrar and --impact may be repeated: values of one are "
		"alternatives,"
		"\ndifferent options narrow each other. The tap's own events are always shown.\n"
		"impacts: %s\n"
		"exit: 0 done, 1 something did not verify or could not be read or written, 2 usage,"
		"\n      3 --count not reached within --timeout, or no connection in that time\n",
		known);
}

static void list_free(struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void options_free(struct options *options)
{
	list_free(&options->names);
	list_free(&options->registrars);
	list_free(&options->impacts);
	*options = (struct options){0};
}
