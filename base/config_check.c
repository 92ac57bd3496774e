#include "base/config_read.h"
#include "base/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char channels_key[] = "channels.";

static const yaml_node_t *channel_node(struct config_reader *reader, const yaml_node_t *root,
				       size_t i)
{
	const yaml_node_t *channels = config_find(reader, root, "channels");
	return config_node(reader, channels->data.sequence.items.start[i]);
}

/* Where a complaint about channel number `i` points: at the value of `path`, or at the channel if it isn't there. */
static const yaml_node_t *in_channel(struct config_reader *reader, const yaml_node_t *root,
				     size_t i, const char *path)
{
	const yaml_node_t *channel = channel_node(reader, root, i);
	const yaml_node_t *value = config_find(reader, channel, path + sizeof channels_key - 1);
	return value ? value : channel;
}

static const yaml_node_t *in_file(struct config_reader *reader, const yaml_node_t *root,
				  const char *path)
{
	const yaml_node_t *value = config_find(reader, root, path);
	return value ? value : root;
}

/* What follows from other keys. */

static int join(char **slot, const char *left, size_t left_size, const char *right)
{
	size_t size = left_size + strlen(right) + 2;
	char *text = malloc(size);
	if (!text)
		return RESULT_NOMEM;
	const char *slash = left_size > 0 && left[left_size - 1] == '/' ? "" : "/";
	snprintf(text, size, "%.*s%s%s", (int)left_size, left, slash, right);
	free(*slot);
	*slot = text;
	return RESULT_OK;
}

static int origin_of(const struct config *config, struct config_channel *channel)
{
	const char *host = config->registry + strlen("https://");
	size_t size = strcspn(host, ":/");
	int result = join(&channel->origin, host, size, channel->name);
	for (size_t i = 0; result == RESULT_OK && i < size; i++) {
		if (host[i] >= 'A' && host[i] <= 'Z')
			channel->origin[i] = (char)(host[i] - 'A' + 'a');
	}
	return result;
}

static int connect_to_bind(struct config_channel *channel)
{
	channel->connect.items = calloc(1, sizeof *channel->connect.items);
	if (!channel->connect.items)
		return RESULT_NOMEM;
	int result = config_keep(channel->connect.items, channel->bind, strlen(channel->bind));
	if (result == RESULT_OK)
		channel->connect.count = 1;
	return result;
}

/* Below a folder that nothing else uses: a channel may be named `feed` or `spool`. */
static int default_log_dir(const struct config *config, struct config_channel *channel)
{
	int result = join(&channel->log_dir, config->state_dir, strlen(config->state_dir), "log");
	if (result == RESULT_OK)
		result = join(&channel->log_dir, channel->log_dir, strlen(channel->log_dir),
			      channel->name);
	return result;
}

static int complete_channel(const struct config *config, struct config_channel *channel)
{
	int result = RESULT_OK;
	if (!channel->origin)
		result = origin_of(config, channel);
	if (result == RESULT_OK && !channel->log_dir)
		result = default_log_dir(config, channel);
	if (result == RESULT_OK && channel->connect.count == 0)
		result = connect_to_bind(channel);
	for (size_t i = 0; i < channel->zone_delay_count; i++) {
		struct config_delay *delay = &channel->zone_delays[i];
		if (delay->create_ms < 0)
			delay->create_ms = channel->delay.create_ms;
		if (delay->delete_ms < 0)
			delay->delete_ms = channel->delay.delete_ms;
	}
	return result;
}

int config_complete(struct config_reader *reader)
{
	struct config *config = reader->config;
	int result = RESULT_OK;
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = complete_channel(config, &config->channels[i]);
	return result;
}

/* Keys against each other. */

/* A full queue must hold some frames of the largest size, else one registrar's frame could fill it. */
static int check_capture(struct config_reader *reader, const yaml_node_t *root)
{
	const struct config *config = reader->config;
	const struct {
		uint64_t size;
		const char *path;
	} holders[] = {{config->capture.queue, "capture.queue"},
		       {config->capture.streams, "capture.streams"}};
	const yaml_node_t *limit = config_find(reader, root, "capture.frame_limit");
	for (size_t i = 0; i < sizeof holders / sizeof holders[0]; i++) {
		if (holders[i].size / 4 >= config->capture.frame_limit)
			continue;
		const yaml_node_t *at = config_find(reader, root, holders[i].path);
		return config_fail(reader, at ? at : limit,
				   "%s: holds less than four frames of capture.frame_limit; "
				   "write at least %s, or a smaller capture.frame_limit",
				   holders[i].path,
				   config_size_text(4 * config->capture.frame_limit).text);
	}
	return RESULT_OK;
}

static int check_keys(struct config_reader *reader, const yaml_node_t *root)
{
	const struct config *config = reader->config;
	const struct {
		const char *where, *path;
	} keys[] = {{config->key_event, "keys.event"},
		    {config->key_log, "keys.log"},
		    {config->key_log_before, "keys.log_before"},
		    {config->key_cosigner, "keys.cosigner"}};
	for (size_t i = 1; i < sizeof keys / sizeof keys[0]; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!keys[i].where || !keys[j].where ||
			    strcmp(keys[i].where, keys[j].where) != 0)
				continue;
			return config_fail(reader, in_file(reader, root, keys[i].path),
					   "%s: is the key of %s; write one of its own",
					   keys[i].path, keys[j].path);
		}
	}
	return RESULT_OK;
}

/* A log is signed and cosigned, or there is none. */
static int check_log_keys(struct config_reader *reader, const yaml_node_t *root)
{
	const struct config *config = reader->config;
	const char *missing = !config->key_log ? "keys.log" : "keys.cosigner";
	bool any = config->key_log || config->key_log_before || config->key_cosigner;
	if (!any || (config->key_log && config->key_cosigner))
		return RESULT_OK;
	return config_fail(reader, in_file(reader, root, "keys"),
			   "%s: is missing; the channels' logs need keys.log and keys.cosigner, or "
			   "neither for no logs",
			   missing);
}

/* What no two channels may share. */
static int check_unique(struct config_reader *reader, const yaml_node_t *root, size_t i)
{
	const struct config_channel *mine = &reader->config->channels[i];
	for (size_t j = 0; j < i; j++) {
		const struct config_channel *other = &reader->config->channels[j];
		const struct {
			const char *value, *taken, *path;
		} fields[] = {{mine->name, other->name, "channels.name"},
			      {mine->bind, other->bind, "channels.bind"},
			      {mine->origin, other->origin, "channels.origin"}};
		for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
			if (strcmp(fields[k].value, fields[k].taken) != 0)
				continue;
			return config_fail(reader, in_channel(reader, root, i, fields[k].path),
					   "%s: is that of channel %zu too; write one that no "
					   "other channel has",
					   fields[k].path, j + 1);
		}
	}
	return RESULT_OK;
}

/* Is `path` the folder, or in it? Both are tidy. */
static bool lies_in(const char *path, const char *folder)
{
	size_t size = strlen(folder);
	if (strcmp(folder, "/") == 0)
		return true;
	return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* Is `path` the folder `part` of state_dir, or in it? */
static bool lies_in_state(const struct config *config, const char *part, const char *path)
{
	char folder[CONFIG_MAX_PATH + 16];
	const char *slash = strcmp(config->state_dir, "/") == 0 ? "" : "/";
	snprintf(folder, sizeof folder, "%s%s%s", config->state_dir, slash, part);
	return lies_in(path, folder);
}

static int check_log_dir(struct config_reader *reader, const yaml_node_t *root, size_t i)
{
	static const char key[] = "channels.log_dir";
	static const char *const taken[] = {"feed", "spool", "status", "locks"};
	const struct config *config = reader->config;
	const char *mine = config->channels[i].log_dir;
	if (lies_in(config->state_dir, mine))
		return config_fail(reader, in_channel(reader, root, i, key),
				   "%s: is or holds state_dir; write a folder of its own", key);
	for (size_t j = 0; j < sizeof taken / sizeof taken[0]; j++) {
		if (lies_in_state(config, taken[j], mine))
			return config_fail(reader, in_channel(reader, root, i, key),
					   "%s: is or lies in the folder %s of state_dir, "
					   "which is private; write a folder of its own",
					   key, taken[j]);
	}
	for (size_t j = 0; j < i; j++) {
		const char *other = config->channels[j].log_dir;
		if (lies_in(mine, other) || lies_in(other, mine))
			return config_fail(reader, in_channel(reader, root, i, key),
					   "%s: is, holds or lies in the log_dir of channel %s; "
					   "write a folder of its own",
					   key, config->channels[j].name);
	}
	return RESULT_OK;
}

static int check_curve(struct config_reader *reader, const yaml_node_t *root, size_t i)
{
	const struct config_channel *channel = &reader->config->channels[i];
	const yaml_node_t *curve = config_find(reader, channel_node(reader, root, i), "curve");
	if (!curve)
		return RESULT_OK;
	if (!channel->curve_secret)
		return config_fail(reader, curve,
				   "channels.curve.secret: is missing; write the path of the "
				   "server's CURVE key");
	if (!channel->curve_any && !channel->curve_clients)
		return config_fail(reader, curve,
				   "channels.curve.clients: is missing; write the path of a "
				   "folder of public keys, or any to let every client in");
	return RESULT_OK;
}

/* Can a name lie in `zone`, if the file publishes only names in its `zones`? */
static bool is_served(const struct config *config, const char *zone)
{
	if (config->zones.count == 0 || config_zone_of(&config->zones, zone))
		return true;
	for (size_t i = 0; i < config->zones.count; i++) {
		if (name_is_in(config->zones.items[i], zone))
			return true;
	}
	return false;
}

static int fail_zone(struct config_reader *reader, const yaml_node_t *at, const char *path,
		     const char *zone)
{
	return config_fail(reader, at,
			   "%s: %.*s lies in none of the zones of this file; write one of those, "
			   "or add it to them",
			   path, CONFIG_EXCERPT, zone);
}

static int check_zones(struct config_reader *reader, const yaml_node_t *root, size_t i)
{
	const struct config *config = reader->config;
	const struct config_channel *channel = &config->channels[i];
	for (size_t j = 0; j < channel->zones.count; j++) {
		const char *path = "channels.zones";
		const yaml_node_t *list = in_channel(reader, root, i, path);
		const yaml_node_t *at = config_node(reader, list->data.sequence.items.start[j]);
		if (!is_served(config, channel->zones.items[j]))
			return fail_zone(reader, at, path, channel->zones.items[j]);
	}
	for (size_t j = 0; j < channel->zone_delay_count; j++) {
		const char *path = "channels.delay.zones";
		const yaml_node_t *map = in_channel(reader, root, i, path);
		const yaml_node_t *at = config_node(reader, map->data.mapping.pairs.start[j].key);
		if (!is_served(config, channel->zone_delays[j].zone))
			return fail_zone(reader, at, path, channel->zone_delays[j].zone);
	}
	return RESULT_OK;
}

/* The longest of the channel's delays; of creates, or of deletes. */
static int64_t longest_delay(const struct config_channel *channel, bool creates)
{
	int64_t longest = creates ? channel->delay.create_ms : channel->delay.delete_ms;
	for (size_t j = 0; j < channel->zone_delay_count; j++) {
		const struct config_delay *delay = &channel->zone_delays[j];
		int64_t its = creates ? delay->create_ms : delay->delete_ms;
		if (its > longest)
			longest = its;
	}
	return longest;
}

/* What a channel never gets can't hide or reveal a name there; what waits must outlive the retention. */
static int check_delays(struct config_reader *reader, const yaml_node_t *root, size_t i)
{
	const struct config_channel *channel = &reader->config->channels[i];
	const yaml_node_t *at = in_channel(reader, root, i, "channels.delay");
	int64_t creates = longest_delay(channel, true), deletes = longest_delay(channel, false);
	if (creates > 0 && !(channel->kinds & CONFIG_KIND_CREATE))
		return config_fail(reader, at,
				   "channels.delay: creates can't be delayed on a channel without "
				   "them, and updates would tell the new names at once; add create "
				   "to its kinds");
	if (deletes > 0 && !(channel->kinds & CONFIG_KIND_DELETE))
		return config_fail(reader, at,
				   "channels.delay: deletes can't be delayed on a channel without "
				   "them; add delete to its kinds, or take the delay out");
	if (creates > reader->config->retention_ms || deletes > reader->config->retention_ms)
		return config_fail(reader, at,
				   "channels.delay: is longer than retention, so what waited would "
				   "be gone as it comes out; make retention longer");
	return RESULT_OK;
}

static int check_channel(struct config_reader *reader, const yaml_node_t *root, size_t i)
{
	int result = check_unique(reader, root, i);
	if (result == RESULT_OK)
		result = check_log_dir(reader, root, i);
	if (result == RESULT_OK)
		result = check_curve(reader, root, i);
	if (result == RESULT_OK)
		result = check_zones(reader, root, i);
	if (result == RESULT_OK)
		result = check_delays(reader, root, i);
	return result;
}

int config_check(struct config_reader *reader, const yaml_node_t *root)
{
	int result = check_capture(reader, root);
	if (result == RESULT_OK)
		result = check_keys(reader, root);
	if (result == RESULT_OK)
		result = check_log_keys(reader, root);
	for (size_t i = 0; i < reader->config->channel_count && result == RESULT_OK; i++)
		result = check_channel(reader, root, i);
	return result;
}
