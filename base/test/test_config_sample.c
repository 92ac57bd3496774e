/* etc/epptap.yaml and the table of keys name the same keys, and the sample shows the defaults. Run at the top of the
 * tree. */
#include "base/buffer.h"
#include "base/config_read.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sample[] = "etc/epptap.yaml";

enum { MAX_FOUND = 256 };

struct found {
	char paths[MAX_FOUND][96];
	size_t count;
};

static bool has(const struct found *found, const char *path)
{
	for (size_t i = 0; i < found->count; i++) {
		if (strcmp(found->paths[i], path) == 0)
			return true;
	}
	return false;
}

/* The sample's text with the keys that are switched off switched on: a "#" right before a letter goes, and so does
 * one before two blanks or more, where a key lies below another. Prose has "# ". */
static void switch_on(struct buffer *text)
{
	for (size_t i = 0; i < text->size; i++) {
		if ((i > 0 && text->data[i - 1] != '\n') || text->data[i] != '#')
			continue;
		bool indented = i + 2 < text->size && memcmp(text->data + i + 1, "  ", 2) == 0;
		if (text->data[i + 1] != ' ' || indented)
			memmove(text->data + i, text->data + i + 1, --text->size - i);
	}
}

static void walk(yaml_document_t *document, const yaml_node_t *node, const char *prefix,
		 struct found *found);

static void walk_pair(yaml_document_t *document, const yaml_node_pair_t *pair, const char *prefix,
		      struct found *found)
{
	const yaml_node_t *key = yaml_document_get_node(document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(document, pair->value);
	char path[96];
	if (strcmp(prefix, "channels.delay.zones") == 0 && value->type == YAML_MAPPING_NODE)
		snprintf(path, sizeof path, "%s", prefix); /* a zone, no key */
	else
		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "",
			 (const char *)key->data.scalar.value);
	if (!has(found, path)) {
		assert_true(found->count < MAX_FOUND);
		snprintf(found->paths[found->count++], sizeof found->paths[0], "%s", path);
	}
	if (strcmp(path, "registrars") != 0 && strcmp(path, "namespaces") != 0 &&
	    strcmp(path, "verbs") != 0)
		walk(document, value, path, found);
}

static void walk(yaml_document_t *document, const yaml_node_t *node, const char *prefix,
		 struct found *found)
{
	if (node->type == YAML_MAPPING_NODE) {
		const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		for (; pair < node->data.mapping.pairs.top; pair++)
			walk_pair(document, pair, prefix, found);
	} else if (node->type == YAML_SEQUENCE_NODE) {
		const yaml_node_item_t *item = node->data.sequence.items.start;
		for (; item < node->data.sequence.items.top; item++)
			walk(document, yaml_document_get_node(document, *item), prefix, found);
	}
}

static void find_keys(struct found *found)
{
	struct buffer text;
	yaml_parser_t parser;
	yaml_document_t document;
	*found = (struct found){0};
	buffer_init(&text, CONFIG_MAX_FILE);
	assert_int_equal(file_read(sample, &text), RESULT_OK);
	switch_on(&text);
	assert_int_equal(yaml_parser_initialize(&parser), 1);
	yaml_parser_set_input_string(&parser, (unsigned char *)text.data, text.size);
	if (!yaml_parser_load(&parser, &document))
		fail_msg("line %zu of the sample with all keys: %s", parser.problem_mark.line + 1,
			 parser.problem);
	walk(&document, yaml_document_get_root_node(&document), "", found);
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	buffer_free(&text);
}

static void the_sample_is_a_good_configuration(void **state)
{
	(void)state;
	struct config *config;
	char why[512];
	if (config_load(sample, &config, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	assert_int_equal(config->publisher, CONFIG_PUBLISHER_PROCESS);
	assert_int_equal(config->channel_count, 2);
	assert_string_equal(config->channels[0].name, "vetted");
	assert_int_equal(config->channels[1].delay.create_ms, 86400000);
	assert_int_equal(config->channels[1].zone_delays[0].create_ms, 3600000);
	assert_int_equal(config->channels[1].zone_delays[0].delete_ms, 86400000);
	config_free(&config);
}

static void each_key_of_the_table_is_in_the_sample(void **state)
{
	(void)state;
	struct found found;
	find_keys(&found);
	for (size_t i = 0; i < config_row_count; i++) {
		if (strcmp(config_rows[i].path, "channels.delay.zones.delete") != 0 &&
		    !has(&found, config_rows[i].path))
			fail_msg("%s: is not in the sample", config_rows[i].path);
	}
}

/* Itself, or one of those above a key. */
static bool is_in_table(const char *path)
{
	size_t size = strlen(path);
	for (size_t i = 0; i < config_row_count; i++) {
		const char *row = config_rows[i].path;
		if (strncmp(row, path, size) == 0 && (row[size] == '\0' || row[size] == '.'))
			return true;
	}
	return false;
}

static void each_key_of_the_sample_is_in_the_table(void **state)
{
	(void)state;
	struct found found;
	find_keys(&found);
	assert_true(found.count > 40);
	for (size_t i = 0; i < found.count; i++) {
		if (!is_in_table(found.paths[i]))
			fail_msg("%s: is not in the table", found.paths[i]);
	}
}

/* The operator may read the defaults off the sample; but who publishes is as production needs it. */
static void the_sample_shows_the_defaults(void **state)
{
	(void)state;
	struct buffer text;
	yaml_parser_t parser;
	struct config_reader reader = {.path = sample};
	buffer_init(&text, CONFIG_MAX_FILE);
	assert_int_equal(file_read(sample, &text), RESULT_OK);
	assert_int_equal(yaml_parser_initialize(&parser), 1);
	yaml_parser_set_input_string(&parser, (unsigned char *)text.data, text.size);
	assert_int_equal(yaml_parser_load(&parser, &reader.document), 1);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		if (row->scope != CONFIG_OF_FILE || !row->initial ||
		    strcmp(row->path, "publisher") == 0)
			continue;
		const yaml_node_t *node = config_find(
			&reader, yaml_document_get_root_node(&reader.document), row->path);
		if (!node)
			fail_msg("%s: is not in the sample", row->path);
		else
			assert_string_equal((const char *)node->data.scalar.value, row->initial);
	}
	yaml_document_delete(&reader.document);
	yaml_parser_delete(&parser);
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_a_good_configuration),
		cmocka_unit_test(each_key_of_the_table_is_in_the_sample),
		cmocka_unit_test(each_key_of_the_sample_is_in_the_table),
		cmocka_unit_test(the_sample_shows_the_defaults),
	};
	return cmocka_run_group_tests_name("config: the sample", tests, NULL, NULL);
}
