#include "base/config_read.h"
#include "base/token.h"

#include <stdlib.h>
#include <string.h>

static size_t item_count(const yaml_node_t *list)
{
	return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

static const yaml_node_t *item(struct config_reader *reader, const yaml_node_t *list, size_t i)
{
	return config_node(reader, list->data.sequence.items.start[i]);
}

static size_t pair_count(const yaml_node_t *mapping)
{
	return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

static int check_count(struct config_reader *reader, const struct config_row *row,
		       const yaml_node_t *node, size_t count)
{
	if (count == 0)
		return config_fail(reader, node, "%s: is empty; write %s%s", row->path, row->right,
				   config_or_without(row));
	if (count > row->max)
		return config_fail(reader, node, "%s: has %zu entries; write at most %u", row->path,
				   count, (unsigned)row->max);
	return RESULT_OK;
}

static int fail_twice(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node)
{
	return config_fail(reader, node, "%s: \"%s\" is here twice; keep one of them", row->path,
			   config_excerpt(node).text);
}

int config_read_texts(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, void *slot)
{
	struct config_texts *texts = slot;
	size_t count = item_count(node);
	int result = check_count(reader, row, node, count);
	if (result != RESULT_OK)
		return result;
	texts->items = calloc(count, sizeof *texts->items);
	if (!texts->items)
		return RESULT_NOMEM;
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		const yaml_node_t *at = item(reader, node, i);
		result = config_expect(reader, row, at, YAML_SCALAR_NODE);
		if (result == RESULT_OK)
			result = row->item(reader, row, at, &texts->items[i]);
		if (result != RESULT_OK)
			break;
		texts->count = i + 1;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(texts->items[i], texts->items[j]) == 0)
				return fail_twice(reader, row, at);
		}
	}
	return result;
}

int config_read_kinds(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, void *slot)
{
	unsigned *kinds = slot;
	size_t count = item_count(node);
	int result = check_count(reader, row, node, count);
	*kinds = 0;
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		unsigned kind = 0;
		const yaml_node_t *at = item(reader, node, i);
		result = config_expect(reader, row, at, YAML_SCALAR_NODE);
		if (result == RESULT_OK)
			result = config_read_choice(reader, row, at, &kind);
		*kinds |= kind;
	}
	return result;
}

static int read_login(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, char **slot)
{
	if (!token_is_id((const char *)node->data.scalar.value, node->data.scalar.length))
		return config_fail(reader, node,
				   "%s: \"%s\" is no login; write 1 to %d characters of printable "
				   "ASCII, without spaces",
				   row->path, config_excerpt(node).text, TOKEN_MAX);
	return config_keep(slot, node->data.scalar.value, node->data.scalar.length);
}

/* What a registrar is called: it goes into each of its events. */
static int read_title(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, char **slot)
{
	if (!token_is_title((const char *)node->data.scalar.value, node->data.scalar.length))
		return config_fail(reader, node,
				   "%s: \"%s\" can't be published; write 1 to %d characters of "
				   "printable ASCII, single spaces within, or hide",
				   row->path, config_excerpt(node).text, TOKEN_MAX);
	return config_keep(slot, node->data.scalar.value, node->data.scalar.length);
}

/* A key or a value of a mapping of texts to texts. */
static int read_part(struct config_reader *reader, const struct config_row *row,
		     const yaml_node_t *node, config_part_fn *read, char **slot)
{
	int result = config_expect(reader, row, node, YAML_SCALAR_NODE);
	return result == RESULT_OK ? read(reader, row, node, slot) : result;
}

/* Entry number `i` of a mapping of texts to texts; those before it are scalars. */
static int read_entry(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, size_t i, config_part_fn *from, config_part_fn *to,
		      struct config_pair *pair)
{
	const yaml_node_pair_t *entries = node->data.mapping.pairs.start;
	const yaml_node_t *key = config_node(reader, entries[i].key);
	int result = read_part(reader, row, key, from, &pair->from);
	for (size_t j = 0; j < i && result == RESULT_OK; j++) {
		const yaml_node_t *other = config_node(reader, entries[j].key);
		if (other->data.scalar.length == key->data.scalar.length &&
		    memcmp(other->data.scalar.value, key->data.scalar.value,
			   key->data.scalar.length) == 0)
			result = fail_twice(reader, row, key);
	}
	if (result == RESULT_OK)
		result = read_part(reader, row, config_node(reader, entries[i].value), to,
				   &pair->to);
	return result;
}

int config_read_pairs(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, config_part_fn *from, config_part_fn *to,
		      struct config_pairs *pairs)
{
	size_t count = pair_count(node);
	int result = count == 0 ? RESULT_OK : check_count(reader, row, node, count);
	if (count == 0 || result != RESULT_OK)
		return result;
	pairs->items = calloc(count, sizeof *pairs->items);
	if (!pairs->items)
		return RESULT_NOMEM;
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		pairs->count = i + 1;
		result = read_entry(reader, row, node, i, from, to, &pairs->items[i]);
	}
	return result;
}

int config_read_registrars(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_t *node, void *slot)
{
	return config_read_pairs(reader, row, node, read_login, read_title, slot);
}

static int read_channel(struct config_reader *reader, const struct config_row *row,
			const yaml_node_t *node, struct config_channel *channel)
{
	int result = config_expect(reader, row, node, YAML_MAPPING_NODE);
	channel->kinds = CONFIG_KIND_ALL;
	if (result == RESULT_OK)
		result = config_read_defaults(reader, CONFIG_OF_CHANNEL, channel);
	if (result == RESULT_OK)
		result = config_read_mapping(reader, CONFIG_OF_CHANNEL, row->path, node, channel);
	if (result == RESULT_OK)
		result = config_require(reader, CONFIG_OF_CHANNEL, row->path, node);
	return result;
}

int config_read_channels(struct config_reader *reader, const struct config_row *row,
			 const yaml_node_t *node, void *slot)
{
	struct config *config = slot;
	size_t count = item_count(node);
	int result = check_count(reader, row, node, count);
	if (result != RESULT_OK)
		return result;
	config->channels = calloc(count, sizeof *config->channels);
	if (!config->channels)
		return RESULT_NOMEM;
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		config->channel_count = i + 1;
		result = read_channel(reader, row, item(reader, node, i), &config->channels[i]);
	}
	return result;
}

static int read_zone_delay(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_pair_t *pair, struct config_delay *delay)
{
	const yaml_node_t *key = config_node(reader, pair->key);
	const yaml_node_t *value = config_node(reader, pair->value);
	*delay = (struct config_delay){.create_ms = -1, .delete_ms = -1}; /* config_complete() */
	int result = config_expect(reader, row, key, YAML_SCALAR_NODE);
	if (result == RESULT_OK)
		result = config_read_domain(reader, row, key, &delay->zone);
	if (result == RESULT_OK)
		result = config_expect(reader, row, value, YAML_MAPPING_NODE);
	if (result == RESULT_OK)
		result = config_read_mapping(reader, CONFIG_OF_ZONE, row->path, value, delay);
	return result;
}

int config_read_zone_delays(struct config_reader *reader, const struct config_row *row,
			    const yaml_node_t *node, void *slot)
{
	struct config_channel *channel = slot;
	size_t count = pair_count(node);
	int result = check_count(reader, row, node, count);
	if (result != RESULT_OK)
		return result;
	channel->zone_delays = calloc(count, sizeof *channel->zone_delays);
	if (!channel->zone_delays)
		return RESULT_NOMEM;
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
		const yaml_node_t *key = config_node(reader, pair->key);
		channel->zone_delay_count = i + 1;
		result = read_zone_delay(reader, row, pair, &channel->zone_delays[i]);
		for (size_t j = 0; j < i && result == RESULT_OK; j++) {
			if (strcmp(channel->zone_delays[j].zone, channel->zone_delays[i].zone) == 0)
				result = fail_twice(reader, row, key);
		}
	}
	return result;
}
