#include "publisher/feed_json.h"

#include "base/file.h"
#include "publisher/door.h"
#include "publisher/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { TEXT_MAX = 1 << 20, PRIVATE_MODE = 0750, PUBLIC_MODE = 0755 };

static void put_texts(struct json *json, const char *name, const struct config_texts *texts)
{
	json_open_list(json, name);
	for (size_t i = 0; i < texts->count; i++)
		json_put_text(json, NULL, texts->items[i]);
	json_close_list(json);
}

/* Seconds, with as many decimals as there are milliseconds to tell. */
static void put_seconds(struct json *json, const char *name, int64_t milliseconds)
{
	json_put_number(json, name, milliseconds / 1000);
	if (milliseconds % 1000 != 0)
		buffer_printf(json->into, ".%03d", (int)(milliseconds % 1000));
}

static void put_delay(struct json *json, const char *name, const struct config_delay *delay)
{
	json_open_object(json, name);
	put_seconds(json, "create", delay->create_ms);
	put_seconds(json, "delete", delay->delete_ms);
	json_close_object(json);
}

static bool is_delayed(const struct config_channel *channel)
{
	return channel->delay.create_ms || channel->delay.delete_ms || channel->zone_delay_count;
}

static void put_delays(struct json *json, const struct config_channel *channel)
{
	if (!is_delayed(channel))
		return;
	json_open_object(json, "delay");
	put_seconds(json, "create", channel->delay.create_ms);
	put_seconds(json, "delete", channel->delay.delete_ms);
	if (channel->zone_delay_count)
		json_open_object(json, "zones");
	for (size_t i = 0; i < channel->zone_delay_count; i++)
		put_delay(json, channel->zone_delays[i].zone, &channel->zone_delays[i]);
	if (channel->zone_delay_count)
		json_close_object(json);
	json_close_object(json);
}

static void put_kinds(struct json *json, unsigned kinds)
{
	static const char *const names[] = {"create", "update",   "delete",
					    "renew",  "transfer", "restore"};
	if (kinds == CONFIG_KIND_ALL)
		return;
	json_open_list(json, "kinds");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (kinds >> i & 1)
			json_put_text(json, NULL, names[i]);
	json_close_list(json);
}

_Static_assert(CONFIG_KIND_CREATE == 1 && CONFIG_KIND_RESTORE == 1 << 5, "the order of the names");

static int put_verifiers(struct json *json, const struct log_keys *keys, const char *origin)
{
	struct verifier verifiers[LOG_VERIFIERS_MAX];
	struct buffer text;
	size_t count;
	int result = log_keys_verifiers(keys, origin, verifiers, &count);
	if (result != RESULT_OK)
		return result;
	buffer_init(&text, VERIFIER_TEXT_MAX);
	json_open_list(json, "verifier_keys");
	for (size_t i = 0; i < count; i++) {
		buffer_reset(&text);
		verifier_write(&verifiers[i], &text);
		if (!text.failed)
			json_put_bytes(json, NULL, text.data, text.size);
	}
	json_close_list(json);
	json->into->failed |= text.failed;
	buffer_free(&text);
	return RESULT_OK;
}

/* The public half of the server's key: with it, a client knows whom it talks to. */
static int put_curve_key(struct json *json, const struct config_channel *channel, char *why,
			 size_t why_size)
{
	char secret[DOOR_KEY_TEXT + 1], public_text[DOOR_KEY_TEXT + 1];
	if (!channel->curve_secret)
		return RESULT_OK;
	int result = door_read_key(channel->curve_secret, true, secret, why, why_size);
	if (result == RESULT_OK && zmq_curve_public(public_text, secret) != 0) {
		snprintf(why, why_size, "channel %s: its CURVE key makes no public one: %s",
			 channel->name, zmq_strerror(errno));
		result = RESULT_CONFIG;
	}
	explicit_bzero(secret, sizeof secret);
	if (result == RESULT_OK)
		json_put_text(json, "curve_server_key", public_text);
	return result;
}

/* All but the log's own members come from the config. */
static int write_all(struct json *json, const struct config *config,
		     const struct config_channel *channel, const struct log_keys *keys,
		     const char *origin, uint64_t minimum_index, char *why, size_t why_size)
{
	int result = RESULT_OK;
	json_open_object(json, NULL);
	json_put_number(json, "feed_version", FEED_VERSION);
	json_put_text(json, "registry", config->registry);
	json_put_text(json, "channel", channel->name);
	if (keys) {
		json_put_text(json, "origin", origin);
		result = put_verifiers(json, keys, origin);
	}
	json_put_text(json, "jwks", "jwks.json");
	put_texts(json, "connect", &channel->connect);
	if (result == RESULT_OK)
		result = put_curve_key(json, channel, why, why_size);
	put_delays(json, channel);
	if (channel->zones.count)
		put_texts(json, "zones", &channel->zones);
	put_kinds(json, channel->kinds);
	json_put_bool(json, "server_changes", config->server_changes);
	put_seconds(json, "retention", config->retention_ms);
	if (keys)
		json_put_number(json, "minimum_index", (int64_t)minimum_index);
	json_close_object(json);
	buffer_append_byte(json->into, '\n');
	return result;
}

static int replace(const struct config_channel *channel, const struct buffer *text, char *why,
		   size_t why_size)
{
	char path[PATH_MAX];
	mode_t mode = channel->curve_secret ? PRIVATE_MODE : PUBLIC_MODE;
	int size = snprintf(path, sizeof path, "%s/feed.json", channel->log_dir);
	errno = ENAMETOOLONG;
	if (size < (int)sizeof path && file_make_folder(channel->log_dir, mode) == RESULT_OK &&
	    file_replace(path, text->data, text->size, mode & 0666, true) == RESULT_OK)
		return RESULT_OK;
	int error = errno;
	snprintf(why, why_size,
		 "channel %s: %s: %s; log_dir must be a folder that this user can write, or make",
		 channel->name, path, strerror(error));
	errno = error;
	return RESULT_STORE;
}

int feed_json_publish(const struct config *config, size_t channel, const struct log_keys *keys,
		      const char *origin, uint64_t minimum_index, char *why, size_t why_size)
{
	struct buffer text;
	struct json json = {.into = &text};
	buffer_init(&text, TEXT_MAX);
	snprintf(why, why_size, "out of memory");
	int result = write_all(&json, config, &config->channels[channel], keys, origin,
			       minimum_index, why, why_size);
	if (result == RESULT_OK && text.failed)
		result = RESULT_NOMEM;
	if (result == RESULT_OK)
		result = replace(&config->channels[channel], &text, why, why_size);
	buffer_free(&text);
	return result;
}
