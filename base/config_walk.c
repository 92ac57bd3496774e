#include "base/config_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LIST_SIZE = 320 };

struct config_excerpt config_excerpt(const yaml_node_t *scalar)
{
	struct config_excerpt excerpt;
	size_t size = scalar->data.scalar.length;
	size_t shown = size > CONFIG_EXCERPT ? CONFIG_EXCERPT : size;
	for (size_t i = 0; i < shown; i++) {
		unsigned char byte = scalar->data.scalar.value[i];
		excerpt.text[i] = (char)(byte >= ' ' && byte < 0x7f ? byte : '?');
	}
	memcpy(excerpt.text + shown, size > shown ? "..." : "\0\0\0", 4);
	return excerpt;
}

const yaml_node_t *config_node(struct config_reader *reader, int index)
{
	return yaml_document_get_node(&reader->document, index);
}

static bool is_key(const yaml_node_t *node, const char *key, size_t size)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.length == size &&
	       memcmp(node->data.scalar.value, key, size) == 0;
}

const yaml_node_t *config_find(struct config_reader *reader, const yaml_node_t *mapping,
			       const char *path)
{
	const yaml_node_t *at = mapping;
	while (at && at->type == YAML_MAPPING_NODE) {
		size_t size = strcspn(path, ".");
		const yaml_node_t *value = NULL;
		const yaml_node_pair_t *pair = at->data.mapping.pairs.start;
		for (; pair < at->data.mapping.pairs.top && !value; pair++) {
			if (is_key(config_node(reader, pair->key), path, size))
				value = config_node(reader, pair->value);
		}
		if (!value || path[size] == '\0')
			return value;
		path += size + 1;
		at = value;
	}
	return NULL;
}

/* Plain "", "~" and "null" are YAML for nothing. */
static bool is_nothing(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (strcmp(text, "") == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static bool has_control(const yaml_node_t *scalar)
{
	for (size_t i = 0; i < scalar->data.scalar.length; i++) {
		unsigned char byte = scalar->data.scalar.value[i];
		if (byte < ' ' || byte == 0x7f)
			return true;
	}
	return false;
}

int config_expect(struct config_reader *reader, const struct config_row *row,
		  const yaml_node_t *node, yaml_node_type_t shape)
{
	if (is_nothing(node))
		return config_fail(reader, node, "%s: has no value; write %s%s", row->path,
				   row->right, config_or_without(row));
	if (node->type != shape)
		return config_fail(reader, node, "%s: %s does not belong here; write %s", row->path,
				   node->type == YAML_SCALAR_NODE     ? "a single value"
				   : node->type == YAML_SEQUENCE_NODE ? "a list"
								      : "a mapping",
				   row->right);
	if (shape == YAML_SCALAR_NODE && has_control(node))
		return config_fail(reader, node, "%s: holds a control character; write %s",
				   row->path, row->right);
	return RESULT_OK;
}

const char *config_or_without(const struct config_row *row)
{
	return row->required ? "" : ", or take the key out";
}

int config_wrong(struct config_reader *reader, const struct config_row *row,
		 const yaml_node_t *node, const char *what)
{
	return config_fail(reader, node, "%s: \"%s\" is no %s; write %s", row->path,
			   config_excerpt(node).text, what, row->right);
}

/* The part of `row` below `prefix` up to the next dot, in *size; NULL if it isn't below. */
static const char *child_of(const struct config_row *row, const char *prefix, size_t *size)
{
	size_t skip = strlen(prefix);
	if (skip > 0 && (strncmp(row->path, prefix, skip) != 0 || row->path[skip] != '.'))
		return NULL;
	const char *child = row->path + skip + (skip > 0);
	*size = strcspn(child, ".");
	return child;
}

static const struct config_row *row_of(const char *path)
{
	for (size_t i = 0; i < config_row_count; i++) {
		if (strcmp(config_rows[i].path, path) == 0)
			return &config_rows[i];
	}
	return NULL;
}

/* Is `path` no key with a value, but one with keys below it? */
static bool is_section(const char *path)
{
	size_t size;
	for (size_t i = 0; i < config_row_count; i++) {
		if (child_of(&config_rows[i], path, &size))
			return true;
	}
	return false;
}

/* How many letters must be put in, taken out or changed to make one word of the other; Levenshtein's distance. */
static size_t distance(const char *left, size_t left_size, const char *right, size_t right_size)
{
	size_t row[CONFIG_MAX_KEY + 1];
	for (size_t j = 0; j <= right_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= left_size; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= right_size; j++) {
			size_t change = diagonal + (left[i - 1] != right[j - 1]);
			size_t edit = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			diagonal = row[j];
			row[j] = change < edit ? change : edit;
		}
	}
	return row[right_size];
}

/* A key below `prefix` that `key` may have meant; NULL if none is near. */
static const char *nearest(const char *prefix, const char *key, size_t size, size_t *found_size)
{
	const char *found = NULL;
	size_t best = size / 3 + 1;
	for (size_t i = 0; i < config_row_count; i++) {
		size_t child_size;
		const char *child = child_of(&config_rows[i], prefix, &child_size);
		if (!child)
			continue;
		size_t apart = distance(key, size, child, child_size);
		size_t common = size < child_size ? size : child_size;
		if (common > 3 && memcmp(key, child, common) == 0)
			apart = 1; /* one begins like the other: log_directory */
		if (apart > best || (apart == best && found))
			continue;
		found = child;
		*found_size = child_size;
		best = apart;
	}
	return found;
}

/* The dotted path of a key or section of that name that belongs elsewhere; NULL if there is none. */
static const char *elsewhere(const char *key, size_t size, size_t *path_size)
{
	for (size_t i = 0; i < config_row_count; i++) {
		const char *path = config_rows[i].path;
		for (const char *part = path;; part++) {
			size_t part_size = strcspn(part, ".");
			if (part_size == size && memcmp(part, key, size) == 0) {
				*path_size = (size_t)(part - path) + size;
				return path;
			}
			part += part_size;
			if (*part == '\0')
				break;
		}
	}
	return NULL;
}

static void list_keys(const char *prefix, char list[KEY_LIST_SIZE])
{
	const char *last = "";
	size_t used = 0, last_size = 0;
	list[0] = '\0';
	for (size_t i = 0; i < config_row_count; i++) {
		size_t size;
		const char *child = child_of(&config_rows[i], prefix, &size);
		if (!child || (size == last_size && memcmp(child, last, size) == 0))
			continue;
		int more = snprintf(list + used, KEY_LIST_SIZE - used, "%s%.*s", used ? ", " : "",
				    (int)size, child);
		if (more < 0 || (size_t)more >= KEY_LIST_SIZE - used)
			return;
		used += (size_t)more;
		last = child;
		last_size = size;
	}
}

static int unknown_key(struct config_reader *reader, const char *prefix, const yaml_node_t *key)
{
	const char *text = (const char *)key->data.scalar.value;
	size_t size = key->data.scalar.length, found_size = 0;
	const char *dot = *prefix ? "." : "", *other = elsewhere(text, size, &found_size);
	struct config_excerpt shown = config_excerpt(key);
	if (strchr(text, '.') && row_of(text))
		return config_fail(reader, key, "%s: unknown key; write %.*s:, and %s: below it",
				   text, (int)strcspn(text, "."), text, strchr(text, '.') + 1);
	if (other)
		return config_fail(reader, key, "%s%s%s: unknown key; did you mean %.*s?", prefix,
				   dot, shown.text, (int)found_size, other);
	const char *near = size <= CONFIG_EXCERPT ? nearest(prefix, text, size, &found_size) : NULL;
	if (near)
		return config_fail(reader, key, "%s%s%s: unknown key; did you mean %s%s%.*s?",
				   prefix, dot, shown.text, prefix, dot, (int)found_size, near);
	char list[KEY_LIST_SIZE];
	list_keys(prefix, list);
	return config_fail(reader, key, "%s%s%s: unknown key; the keys here are %s", prefix, dot,
			   shown.text, list);
}

static int check_single(struct config_reader *reader, const char *path, const yaml_node_t *mapping,
			const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = config_node(reader, pair->key);
	const yaml_node_pair_t *earlier = mapping->data.mapping.pairs.start;
	for (; earlier < pair; earlier++) {
		const yaml_node_t *other = config_node(reader, earlier->key);
		if (is_key(other, (const char *)key->data.scalar.value, key->data.scalar.length))
			return config_fail(reader, key,
					   "%s: is here twice, first in line %zu; keep one of them",
					   path, other->start_mark.line + 1);
	}
	return RESULT_OK;
}

static int read_section(struct config_reader *reader, enum config_scope scope, const char *path,
			const yaml_node_t *node, void *base)
{
	if (node->type != YAML_MAPPING_NODE) {
		char list[KEY_LIST_SIZE];
		list_keys(path, list);
		return config_fail(reader, node,
				   "%s: has no keys; write some of %s below it, or take it out",
				   path, list);
	}
	return config_read_mapping(reader, scope, path, node, base);
}

static int read_pair(struct config_reader *reader, enum config_scope scope, const char *prefix,
		     const yaml_node_t *mapping, const yaml_node_pair_t *pair, void *base)
{
	const yaml_node_t *key = config_node(reader, pair->key);
	const yaml_node_t *value = config_node(reader, pair->value);
	if (key->type != YAML_SCALAR_NODE)
		return config_fail(reader, key,
				   "%s: a key is a list or a mapping; write key: value",
				   *prefix ? prefix : "the file");
	char path[CONFIG_MAX_KEY];
	const char *text = (const char *)key->data.scalar.value;
	int size = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", text);
	if (size < 0 || (size_t)size >= sizeof path || strlen(text) != key->data.scalar.length)
		return unknown_key(reader, prefix, key);
	const struct config_row *row = row_of(path);
	bool dotted = strchr(text, '.') != NULL;
	if (dotted || (!row && !is_section(path)))
		return unknown_key(reader, prefix, key);
	int result = check_single(reader, path, mapping, pair);
	if (result == RESULT_OK && !row)
		return read_section(reader, scope, path, value, base);
	if (result == RESULT_OK)
		result = config_expect(reader, row, value, row->shape);
	if (result == RESULT_OK)
		result = row->read(reader, row, value, (char *)base + row->offset);
	return result;
}

int config_read_mapping(struct config_reader *reader, enum config_scope scope, const char *prefix,
			const yaml_node_t *mapping, void *base)
{
	int result = RESULT_OK;
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	for (; pair < mapping->data.mapping.pairs.top && result == RESULT_OK; pair++)
		result = read_pair(reader, scope, prefix, mapping, pair, base);
	return result;
}

int config_read_defaults(struct config_reader *reader, enum config_scope scope, void *base)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < config_row_count && result == RESULT_OK; i++) {
		const struct config_row *row = &config_rows[i];
		if (row->scope != scope || !row->initial)
			continue;
		/* A default is read as if it stood in the file: so it keeps to the same bounds. */
		char text[32];
		snprintf(text, sizeof text, "%s", row->initial);
		yaml_node_t node = {.type = YAML_SCALAR_NODE};
		node.data.scalar.value = (yaml_char_t *)text;
		node.data.scalar.length = strlen(text);
		result = row->read(reader, row, &node, (char *)base + row->offset);
	}
	return result;
}

int config_require(struct config_reader *reader, enum config_scope scope, const char *prefix,
		   const yaml_node_t *mapping)
{
	size_t skip = *prefix ? strlen(prefix) + 1 : 0;
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		if (row->scope == scope && row->required &&
		    !config_find(reader, mapping, row->path + skip))
			return config_fail(reader, mapping, "%s: is missing; write %s", row->path,
					   row->right);
	}
	return RESULT_OK;
}
