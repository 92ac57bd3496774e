#include "subscriber/channel.h"

#include "publisher/feed_format.h"
#include "subscriber/complaint.h"

#include <stdio.h>
#include <string.h>

enum { Z85_KEY_SIZE = 40, NAME_MAX_BYTES = 63, SAID_MAX = 100 };

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int complain_member(const struct complaint *why, const char *member, const char *right)
{
	return complain(why, RESULT_INVALID, "%s is not right: %s would be right", member, right);
}

static int take_texts(struct channel *channel, const struct complaint *why)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const json_t *from = channel->document;
	channel->registry = text_member(from, "registry");
	if (!channel->registry || strncmp(channel->registry, "https://", 8) != 0)
		return complain_member(why, "registry", "an https:// URL");
	channel->name = text_member(from, "channel");
	if (!channel->name || !*channel->name || strlen(channel->name) > NAME_MAX_BYTES ||
	    strspn(channel->name, letters) != strlen(channel->name))
		return complain_member(why, "channel", "lower-case letters, digits and hyphens");
	channel->origin = text_member(from, "origin");
	if (!channel->origin || !verifier_name_is_good(channel->origin))
		return complain_member(why, "origin", "a name in printable ASCII without spaces");
	channel->jwks = text_member(from, "jwks");
	if (!channel->jwks)
		return complain_member(why, "jwks", "the name of a file");
	return RESULT_OK;
}

static int take_keys(struct channel *channel, const struct complaint *why)
{
	const json_t *keys = json_object_get(channel->document, "verifier_keys");
	if (json_array_size(keys) == 0 || json_array_size(keys) > CHANNEL_KEYS_MAX)
		return complain_member(why, "verifier_keys", "a list of 1 to 16 of them");
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const char *text = json_string_value(json_array_get(keys, i));
		int result = text ? verifier_parse(text, strlen(text),
						   &channel->keys[channel->key_count])
				  : RESULT_INVALID;
		if (result == RESULT_CONFIG)
			continue; /* of a kind that will come some day */
		if (result == RESULT_INVALID)
			return complain(why, result,
					"verifier_keys: number %zu is none: "
					"NAME+ID+BASE64 would be right",
					i + 1);
		if (result != RESULT_OK)
			return result;
		channel->key_count++;
	}
	return RESULT_OK;
}

static int take_socket(struct channel *channel, const struct complaint *why)
{
	const json_t *connect = json_object_get(channel->document, "connect");
	channel->connect = json_string_value(json_array_get(connect, 0));
	if (channel->connect && strncmp(channel->connect, "tcp://", 6) != 0 &&
	    strncmp(channel->connect, "ipc://", 6) != 0)
		return complain_member(why, "connect", "a list of tcp://HOST:PORT");
	channel->curve_server_key = text_member(channel->document, "curve_server_key");
	if (channel->curve_server_key && strlen(channel->curve_server_key) != Z85_KEY_SIZE)
		return complain_member(why, "curve_server_key", "40 z85 characters");
	return RESULT_OK;
}

static int take_all(struct channel *channel, const struct complaint *why)
{
	const json_t *from = channel->document;
	const json_t *version = json_object_get(from, "feed_version");
	if (json_integer_value(version) == FEED_VERSION && !json_object_get(from, "verifier_keys"))
		return complain(
			why, RESULT_INVALID,
			"the channel has no log (no verifier_keys): its socket alone can be "
			"followed, with --connect and --jwks");
	if (json_integer_value(version) != FEED_VERSION)
		return complain(why, RESULT_INVALID,
				"feed_version is %lld: this eppwatch reads version %d; a newer one "
				"may read it",
				(long long)json_integer_value(version), FEED_VERSION);
	int result = take_texts(channel, why);
	if (result == RESULT_OK)
		result = take_keys(channel, why);
	if (result == RESULT_OK)
		result = take_socket(channel, why);
	json_int_t minimum = json_integer_value(json_object_get(from, "minimum_index"));
	if (result == RESULT_OK && minimum < 0)
		result = complain_member(why, "minimum_index", "a number from 0");
	channel->minimum_index = minimum > 0 ? (uint64_t)minimum : 0;
	channel->delays = json_object_size(json_object_get(from, "delay")) > 0;
	channel->is_limited = json_array_size(json_object_get(from, "zones")) > 0 ||
			      json_array_size(json_object_get(from, "kinds")) > 0;
	return result;
}

static int parse(const struct buffer *file, struct channel *channel, const struct complaint *why)
{
	json_error_t error;
	channel->document = json_loadb(file->size ? file->data : "", file->size,
				       JSON_REJECT_DUPLICATES, &error);
	if (!channel->document && json_error_code(&error) == json_error_out_of_memory)
		return RESULT_NOMEM;
	if (!channel->document)
		return complain(why, RESULT_INVALID, "line %d, column %d: not JSON: %s", error.line,
				error.column, error.text);
	if (!json_is_object(channel->document))
		return complain(why, RESULT_INVALID, "not a JSON object");
	return take_all(channel, why);
}

int channel_read(struct fetch *fetch, struct channel *channel, char *why, size_t why_size)
{
	char path[FETCH_ADDRESS_MAX + sizeof CHANNEL_FILE];
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	struct buffer file;
	*channel = (struct channel){0};
	buffer_init(&file, CHANNEL_FILE_MAX);
	snprintf(path, sizeof path, "%s" CHANNEL_FILE, fetch_address(fetch));
	int result = fetch_get(fetch, CHANNEL_FILE, &file, why, why_size);
	if (result == RESULT_OK)
		result = parse(&file, channel, &to);
	if (result == RESULT_NOMEM)
		(void)complain(&to, result, "out of memory");
	if (result != RESULT_OK)
		channel_free(channel);
	buffer_free(&file);
	return result;
}

void channel_free(struct channel *channel)
{
	json_decref(channel->document);
	*channel = (struct channel){0};
}
