#include "base/config_read.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From small to large. */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit durations[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
					{"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit numbers[] = {{"", 1}, {NULL, 0}};

static const char *text_of(const yaml_node_t *scalar)
{
	return (const char *)scalar->data.scalar.value;
}

int config_keep(char **slot, const void *bytes, size_t size)
{
	char *copy = malloc(size + 1);
	if (!copy)
		return RESULT_NOMEM;
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	free(*slot);
	*slot = copy;
	return RESULT_OK;
}

static const struct unit *unit_of(const struct unit *units, const char *name)
{
	for (; units->name; units++) {
		if (strcmp(units->name, name) == 0)
			return units;
	}
	return NULL;
}

/* `value` in the largest unit that leaves no rest. */
static struct config_excerpt in_units(const struct unit *units, uint64_t value)
{
	struct config_excerpt shown;
	const struct unit *best = units;
	for (const struct unit *unit = units; unit->name; unit++) {
		if (value > 0 && value % unit->factor == 0)
			best = unit;
	}
	snprintf(shown.text, sizeof shown.text, "%llu%s",
		 (unsigned long long)(value / best->factor), value > 0 ? best->name : "");
	return shown;
}

struct config_excerpt config_size_text(uint64_t size)
{
	return in_units(sizes, size);
}

/* A whole number with a unit. One too large for 64 bits stays at their end, and is out of bounds. */
static bool parse_quantity(const char *text, const struct unit *units, uint64_t *value)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0)
		return false;
	uint64_t number = 0;
	for (size_t i = 0; i < digits; i++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
			number = UINT64_MAX;
	}
	const struct unit *unit = unit_of(units, text + digits);
	bool bare_zero = number == 0 && text[digits] == '\0';
	if (!unit && !bare_zero)
		return false;
	if (__builtin_mul_overflow(number, unit ? unit->factor : 1, value))
		*value = UINT64_MAX;
	return true;
}

static int read_quantity(struct config_reader *reader, const struct config_row *row,
			 const yaml_node_t *node, const struct unit *units, const char *what,
			 uint64_t *value)
{
	if (!parse_quantity(text_of(node), units, value))
		return config_wrong(reader, row, node, what);
	if (*value < row->min || *value > row->max)
		return config_fail(reader, node, "%s: %s is too %s; write %s to %s", row->path,
				   config_excerpt(node).text, *value < row->min ? "small" : "large",
				   in_units(units, row->min).text, in_units(units, row->max).text);
	return RESULT_OK;
}

int config_read_size(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, void *slot)
{
	return read_quantity(reader, row, node, sizes, "size", slot);
}

int config_read_duration(struct config_reader *reader, const struct config_row *row,
			 const yaml_node_t *node, void *slot)
{
	uint64_t value = 0;
	int result = read_quantity(reader, row, node, durations, "duration", &value);
	if (result == RESULT_OK)
		*(int64_t *)slot = (int64_t)value;
	return result;
}

int config_read_number(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, void *slot)
{
	uint64_t value = 0;
	int result = read_quantity(reader, row, node, numbers, "number", &value);
	if (result == RESULT_OK)
		*(unsigned *)slot = (unsigned)value;
	return result;
}

int config_read_switch(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, void *slot)
{
	const char *text = text_of(node);
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "on") == 0;
	if (!yes && strcmp(text, "false") != 0 && strcmp(text, "off") != 0)
		return config_fail(reader, node, "%s: \"%s\" is not known; write %s", row->path,
				   config_excerpt(node).text, row->right);
	*(bool *)slot = yes;
	return RESULT_OK;
}

int config_read_choice(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, void *slot)
{
	for (const struct config_choice *choice = row->choices; choice->name; choice++) {
		if (strcmp(choice->name, text_of(node)) == 0) {
			*(unsigned *)slot = choice->value;
			return RESULT_OK;
		}
	}
	return config_fail(reader, node, "%s: \"%s\" is not known; write %s", row->path,
			   config_excerpt(node).text, row->right);
}

int config_read_text(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, void *slot)
{
	size_t size = node->data.scalar.length;
	if (size == 0)
		return config_fail(reader, node, "%s: is empty; write %s", row->path, row->right);
	if (size > row->max)
		return config_fail(reader, node, "%s: is %zu bytes long; write at most %u",
				   row->path, size, (unsigned)row->max);
	return config_keep(slot, text_of(node), size);
}

/* Takes out doubled slashes, "." parts and a slash at the end, so that equal folders are equal texts. */
static void tidy_path(char *path)
{
	char *to = path;
	for (const char *from = path; *from;) {
		while (*from == '/')
			from++;
		size_t size = strcspn(from, "/");
		if (size > 0 && !(size == 1 && *from == '.')) {
			*to++ = '/';
			memmove(to, from, size);
			to += size;
		}
		from += size;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

static bool goes_up(const char *path)
{
	size_t size;
	for (; *path; path += size) {
		path += strspn(path, "/");
		size = strcspn(path, "/");
		if (size == 2 && memcmp(path, "..", 2) == 0)
			return true;
	}
	return false;
}

/* Reads `path`, which is the node's text, or a part of it. */
static int read_path(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, const char *path, char **slot)
{
	if (goes_up(path))
		return config_fail(reader, node, "%s: \"%s\" goes up by ..; write the path without",
				   row->path, config_excerpt(node).text);
	int result = config_read_text(reader, row, node, slot);
	if (result == RESULT_OK)
		memmove(*slot, *slot + (path - text_of(node)), strlen(path) + 1);
	if (result == RESULT_OK)
		tidy_path(*slot);
	return result;
}

int config_read_path(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, void *slot)
{
	if (*text_of(node) != '/')
		return config_wrong(reader, row, node, "absolute path");
	return read_path(reader, row, node, text_of(node), slot);
}

/* Of what a URI may hold, after its scheme. */
static bool is_uri_text(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}", *text))
			return false;
	}
	return true;
}

/* The complaints show nothing of the value: a URI may hold a PIN. */
int config_read_key(struct config_reader *reader, const struct config_row *row,
		    const yaml_node_t *node, void *slot)
{
	const char *path = file_path_of(text_of(node));
	if (path && *path == '/')
		return read_path(reader, row, node, path, slot);
	if (path || strncasecmp(text_of(node), "file:", 5) == 0)
		return config_fail(reader, node,
				   "%s: is neither an absolute path nor a URI; write %s", row->path,
				   row->right);
	if (!is_uri_text(text_of(node)))
		return config_fail(reader, node,
				   "%s: holds a character that a URI has only as %%XX; write %s",
				   row->path, row->right);
	return config_read_text(reader, row, node, slot);
}

int config_read_clients(struct config_reader *reader, const struct config_row *row,
			const yaml_node_t *node, void *slot)
{
	struct config_channel *channel = slot;
	if (strcmp(text_of(node), "any") == 0) {
		channel->curve_any = true;
		return RESULT_OK;
	}
	return config_read_path(reader, row, node, &channel->curve_clients);
}

int config_read_name(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, void *slot)
{
	const char *text = text_of(node);
	size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (size == 0 || text[size] != '\0' || size > row->max)
		return config_wrong(reader, row, node, "name of a channel");
	return config_keep(slot, text, size);
}

/* It is the key name of a signed note: no spaces, no plus. */
int config_read_origin(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, void *slot)
{
	for (const char *at = text_of(node); *at; at++) {
		if (*at <= ' ' || *at > '~' || *at == '+')
			return config_wrong(reader, row, node, "origin of a log");
	}
	return config_read_text(reader, row, node, slot);
}
