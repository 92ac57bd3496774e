#include "subscriber/options.h"

#include "subscriber/complaint.h"
#include "subscriber/option_table.h"
#include "subscriber/times.h"

#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 100, LEFT_WIDTH = 22, IMPACTS_SIZE = 256, IMPACTS_WIDTH = 70 };

static void *member_of(struct options *options, size_t offset)
{
	return (char *)options + offset;
}

static int complain_value(const struct option_row *row, const char *value,
			  const struct complaint *why)
{
	char known[IMPACTS_SIZE];
	if (row->right)
		return complain(why, RESULT_INVALID, "%s %.*s: %s", row->name, SAID_MAX, value,
				row->right);
	option_list_impacts(known, sizeof known);
	return complain(why, RESULT_INVALID, "%s %.*s: one of these would be right: %s", row->name,
			SAID_MAX, value, known);
}

static int complain_twice(const struct option_row *row, const struct complaint *why)
{
	return complain(why, RESULT_INVALID, "%s stands twice: once would be right", row->name);
}

static int take_text(struct options *options, const struct option_row *row, const char *value,
		     const struct complaint *why)
{
	const char **member = member_of(options, row->offset);
	if (*member)
		return complain_twice(row, why);
	if (!row->is_right(value))
		return complain_value(row, value, why);
	*member = value;
	return RESULT_OK;
}

static int take_list(struct options *options, const struct option_row *row, const char *value,
		     const struct complaint *why)
{
	struct option_list *list = member_of(options, row->offset);
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

/* A whole number up to `max`. */
static bool read_number(const char *value, uint64_t max, uint64_t *number)
{
	*number = 0;
	for (const char *at = value; *at; at++) {
		if (*at < '0' || *at > '9' || *number > max / 10)
			return false;
		*number = *number * 10 + (uint64_t)(*at - '0');
	}
	return *value != '\0' && *number <= max;
}

static int take_number(struct options *options, const struct option_row *row, const char *value,
		       const struct complaint *why)
{
	uint64_t *member = member_of(options, row->offset);
	uint64_t number;
	if (*member)
		return complain_twice(row, why);
	if (!read_number(value, row->max, &number) || number == 0)
		return complain(why, RESULT_INVALID,
				"%s %.*s: a whole number from 1 to %llu would be right", row->name,
				SAID_MAX, value, (unsigned long long)row->max);
	*member = number;
	return RESULT_OK;
}

static int take_place(struct options *options, const struct option_row *row, const char *value,
		      const struct complaint *why)
{
	static const struct {
		const char *word;
		enum option_place_kind kind;
	} words[] = {{"start", PLACE_START}, {"end", PLACE_END}, {"last", PLACE_LAST}};
	struct option_place *place = member_of(options, row->offset);
	if (place->kind != PLACE_NONE)
		return complain_twice(row, why);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(value, words[i].word) == 0)
			place->kind = words[i].kind;
	}
	if (place->kind == PLACE_NONE && read_number(value, INT64_MAX, &place->index))
		place->kind = PLACE_INDEX;
	if (place->kind == PLACE_NONE && times_read(value, &place->time_ms))
		place->kind = PLACE_TIME;
	if (place->kind != PLACE_NONE)
		return RESULT_OK;
	return complain(why, RESULT_INVALID,
			"%s %.*s: a number, start, end, last, or a time as 2026-11-27T21:00:00Z "
			"would be right",
			row->name, SAID_MAX, value);
}

/* The row for "--name" or "--name=value"; *value is what stands behind the sign, or NULL. */
static const struct option_row *find_row(enum options_of of, const char *argument,
					 const char **value)
{
	const struct option_row *row;
	size_t size = strcspn(argument, "=");
	*value = argument[size] ? argument + size + 1 : NULL;
	for (size_t i = 0; (row = option_row(i)); i++) {
		if (row->of & of && strlen(row->name) == size &&
		    strncmp(row->name, argument, size) == 0)
			return row;
	}
	return NULL;
}

static int take(struct options *options, const struct option_row *row, const char *value,
		const struct complaint *why)
{
	switch (row->kind) {
	case OPTION_TEXT:
		return take_text(options, row, value, why);
	case OPTION_LIST:
		return take_list(options, row, value, why);
	case OPTION_NUMBER:
		return take_number(options, row, value, why);
	case OPTION_PLACE:
		return take_place(options, row, value, why);
	case OPTION_FLAG:
		break;
	}
	*(bool *)member_of(options, row->offset) = true;
	return RESULT_OK;
}

/* Argument number `number` of those that the subcommand takes; NULL: there are no more. */
static const struct option_argument *argument_of(enum options_of of, size_t number)
{
	const struct option_argument *argument;
	for (size_t i = 0; (argument = option_argument(i)); i++) {
		if (argument->of & of && number-- == 0)
			return argument;
	}
	return NULL;
}

/* An option that is none, or something that no argument could be. */
static bool is_no_argument(const char *text)
{
	bool is_printable = true;
	for (const char *at = text; *at; at++)
		is_printable &= (unsigned char)*at >= ' ' && *at != 0x7f;
	return *text == '\0' || (text[0] == '-' && text[1] == '-') || !is_printable;
}

static int take_argument(enum options_of of, struct options *options, size_t number,
			 const char *value, const struct complaint *why)
{
	const struct option_argument *argument = argument_of(of, number);
	if (!argument || is_no_argument(value))
		return complain(why, RESULT_INVALID,
				"%.*s: no such option: eppwatch %s --help has them all", SAID_MAX,
				value, options_name(of));
	if (argument->kind == OPTION_TEXT)
		*(const char **)member_of(options, argument->offset) = value;
	else if (!read_number(value, INT64_MAX, member_of(options, argument->offset)))
		return complain(why, RESULT_INVALID, "%s %.*s: %s would be right", argument->name,
				SAID_MAX, value, argument->right);
	return RESULT_OK;
}

static int take_all(enum options_of of, int count, char *const *arguments, struct options *options,
		    size_t *taken, const struct complaint *why)
{
	for (int i = 0; i < count; i++) {
		const char *value;
		int result;
		const struct option_row *row = find_row(of, arguments[i], &value);
		if (!row) {
			result = take_argument(of, options, (*taken)++, arguments[i], why);
		} else if (row->kind == OPTION_FLAG && value) {
			result = complain(why, RESULT_INVALID, "%s takes no value", row->name);
		} else if (row->kind != OPTION_FLAG && !value && ++i == count) {
			result = complain(why, RESULT_INVALID,
					  "%s lacks its value: %s %s would be right", row->name,
					  row->name, row->value);
		} else {
			result = take(options, row, value ? value : arguments[i], why);
		}
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

static int check_arguments(enum options_of of, size_t taken, const struct complaint *why)
{
	const struct option_argument *next = argument_of(of, taken);
	if (!next || next->optional & of)
		return RESULT_OK;
	return complain(why, RESULT_INVALID, "%s is missing: %s would be right", next->name,
			next->right);
}

/* `eppwatch follow` without a channel's address has to be told what feed.json would say. */
static int check_by_hand(const struct options *options, const struct complaint *why)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} needed[] = {
		{"--connect ENDPOINT", "the channel's address, tcp://HOST:PORT",
		 offsetof(struct options, connect)},
		{"--channel NAME", "the channel's name, shown with each event",
		 offsetof(struct options, channel)},
		{"--registry URL", "the registry's URL: events of another are not verified",
		 offsetof(struct options, registry)},
		{"--jwks FILE", "the registry's event keys (JWKS), got in a way you trust",
		 offsetof(struct options, jwks)},
	};
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		if (!*(const char *const *)((const char *)options + needed[i].offset))
			return complain(why, RESULT_INVALID,
					"%s is missing: %s (or give the URL of the channel's log)",
					needed[i].name, needed[i].help);
	}
	if (options->cursor || options->from.kind != PLACE_NONE || options->keys.count > 0 ||
	    options->complete)
		return complain(why, RESULT_INVALID,
				"--from, --cursor, --key and --complete need a log: the URL of the "
				"channel would be right");
	if (!options->curve_server != !options->curve_key)
		return complain(why, RESULT_INVALID,
				"--curve-server and --curve-key go together: both for an "
				"encrypted channel, neither for a plain one");
	return RESULT_OK;
}

static int check_by_log(const struct options *options, const struct complaint *why)
{
	if (!options->client_cert != !options->client_key)
		return complain(why, RESULT_INVALID, "--client-cert and --client-key go together");
	if (options->complete && options->names.count == 0)
		return complain(why, RESULT_INVALID,
				"--complete is for --name: without it, all is read anyway");
	if (options->channel || options->registry || options->curve_server)
		return complain(why, RESULT_INVALID,
				"--channel, --registry and --curve-server are for channels without "
				"a log: with a URL, its feed.json says it");
	return RESULT_OK;
}

static int check_together(enum options_of of, const struct options *options,
			  const struct complaint *why)
{
	if (of == OPTIONS_FOLLOW && options->from.kind == PLACE_TIME)
		return complain(why, RESULT_INVALID,
				"--from: a number, start, end or last would be right");
	if (of == OPTIONS_FOLLOW && !options->address)
		return check_by_hand(options, why);
	if (of == OPTIONS_VERIFY_PROOF && options->keys.count == 0)
		return complain(why, RESULT_INVALID,
				"--key VERIFIER is missing: whose signature is to be believed");
	if (of == OPTIONS_RECONCILE && options->registrars.count == 0)
		return complain(why, RESULT_INVALID,
				"--registrar ID is missing: our id, as the feed has it");
	if (of == OPTIONS_RECONCILE && !options->own)
		return complain(why, RESULT_INVALID,
				"--own FILE|URL is missing: what we sent ourselves");
	return check_by_log(options, why);
}

int options_parse(enum options_of of, int count, char *const *arguments, struct options *options,
		  char *why, size_t why_size)
{
	const struct complaint to = {.text = why, .size = why_size};
	size_t taken = 0;
	*options = (struct options){0};
	int result = take_all(of, count, arguments, options, &taken, &to);
	bool is_asked = result == RESULT_OK && !options->help && !options->version;
	if (is_asked)
		result = check_arguments(of, taken, &to);
	if (is_asked && result == RESULT_OK)
		result = check_together(of, options, &to);
	if (result == RESULT_NOMEM)
		(void)complain(&to, result, "out of memory");
	if (result != RESULT_OK)
		options_free(options);
	return result;
}

const char *options_name(enum options_of of)
{
	return option_usage(of)->name;
}

/* A row's help may go on in a second line. */
static void print_right(FILE *out, const char *help)
{
	const char *newline = strchr(help, '\n');
	if (newline)
		fprintf(out, "%.*s\n  %*s  %s\n", (int)(newline - help), help, LEFT_WIDTH, "",
			newline + 1);
	else
		fprintf(out, "%s\n", help);
}

static void print_rows(enum options_of of, FILE *out)
{
	const struct option_row *row;
	char left[128] = "";
	for (size_t i = 0; (row = option_row(i)); i++) {
		if (!(row->of & of) || (row->help && !*row->help))
			continue;
		size_t at = strlen(left);
		snprintf(left + at, sizeof left - at, "%s%s%s%s", at ? " " : "", row->name,
			 row->value ? " " : "", row->value ? row->value : "");
		if (!row->help)
			continue;
		fprintf(out, "  %-*s  ", LEFT_WIDTH, left);
		print_right(out, row->help);
		left[0] = '\0';
	}
}

void options_help(enum options_of of, FILE *out)
{
	char known[IMPACTS_SIZE];
	const struct option_usage *usage = option_usage(of);
	fprintf(out, "usage: eppwatch %s %s\n%s", usage->name, usage->usage, usage->purpose);
	print_rows(of, out);
	if (usage->notes)
		fputs(usage->notes, out);
	if (of == OPTIONS_FOLLOW) {
		option_list_impacts(known, sizeof known);
		for (char *at = known + IMPACTS_WIDTH; strlen(known) > IMPACTS_WIDTH; at--) {
			if (*at != ' ')
				continue;
			*at = '\n';
			break;
		}
		fprintf(out, "Impacts: %s\n", known);
	}
}

static void list_free(struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void options_free(struct options *options)
{
	list_free(&options->keys);
	list_free(&options->names);
	list_free(&options->registrars);
	list_free(&options->impacts);
	*options = (struct options){0};
}
