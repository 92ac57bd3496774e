#include "base/config.h"

#include "base/config_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_document(struct config_reader *reader)
{
	const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
	if (!root)
		return config_fail(reader, NULL,
				   "the file is empty; start from the sample, etc/epptap.yaml");
	if (root->type != YAML_MAPPING_NODE)
		return config_fail(
			reader, root,
			"the file is no list of keys with values; start from the sample, "
			"etc/epptap.yaml");
	int result = config_read_defaults(reader, CONFIG_OF_FILE, reader->config);
	if (result == RESULT_OK)
		result = config_read_mapping(reader, CONFIG_OF_FILE, "", root, reader->config);
	if (result == RESULT_OK)
		result = config_require(reader, CONFIG_OF_FILE, "", root);
	if (result == RESULT_OK)
		result = config_complete(reader);
	if (result == RESULT_OK)
		result = config_check(reader, root);
	return result;
}

int config_load(const char *path, struct config **config, char *why, size_t why_size)
{
	struct config_reader reader = {.path = path, .why = why, .why_size = why_size};
	int result = RESULT_NOMEM;

	*config = NULL;
	if (why_size > 0)
		why[0] = '\0';
	reader.config = calloc(1, sizeof *reader.config);
	if (!reader.config)
		goto out;
	result = config_keep(&reader.config->path, path, strlen(path));
	if (result != RESULT_OK)
		goto out;
	result = config_yaml_load(&reader);
	if (result != RESULT_OK)
		goto out;
	result = read_document(&reader);
	yaml_document_delete(&reader.document);
	if (result != RESULT_OK)
		goto out;
	*config = reader.config;
	reader.config = NULL;
out:
	config_free(&reader.config);
	if (result == RESULT_NOMEM && why_size > 0)
		snprintf(why, why_size, "%s: out of memory; nothing was read", path);
	return result;
}

static void free_texts(struct config_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		free(texts->items[i]);
	free(texts->items);
}

static void free_pairs(struct config_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].from);
		free(pairs->items[i].to);
	}
	free(pairs->items);
}

static void free_channel(struct config_channel *channel)
{
	for (size_t i = 0; i < channel->zone_delay_count; i++)
		free(channel->zone_delays[i].zone);
	free(channel->zone_delays);
	free_texts(&channel->connect);
	free_texts(&channel->zones);
	free(channel->name);
	free(channel->bind);
	free(channel->curve_secret);
	free(channel->curve_clients);
	free(channel->origin);
	free(channel->log_dir);
}

void config_free(struct config **config)
{
	struct config *gone = *config;
	if (!gone)
		return;
	for (size_t i = 0; i < gone->channel_count; i++)
		free_channel(&gone->channels[i]);
	free(gone->channels);
	free_texts(&gone->zones);
	free_pairs(&gone->registrars);
	free_pairs(&gone->namespaces);
	free_pairs(&gone->verbs);
	free(gone->path);
	free(gone->registry);
	free(gone->state_dir);
	free(gone->key_event);
	free(gone->key_log);
	free(gone->key_log_before);
	free(gone->key_cosigner);
	free(gone->metrics);
	free(gone);
	*config = NULL;
}
