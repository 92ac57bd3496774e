#include "publisher/jwks.h"

#include "base/file.h"
#include "publisher/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { JWKS_MAX = 1 << 20, PRIVATE_MODE = 0750, PUBLIC_MODE = 0755 };

static int write_key(void *context, const char *id, size_t id_size,
		     const uint8_t key[FEED_KEY_SIZE])
{
	struct json *json = context;
	struct buffer x;
	buffer_init(&x, 64);
	feed_base64url_encode(key, FEED_KEY_SIZE, &x);
	json_open_object(json, NULL);
	json_put_text(json, "kty", "OKP");
	json_put_text(json, "crv", "Ed25519");
	json_put_bytes(json, "kid", id, id_size);
	json_put_bytes(json, "x", x.data ? x.data : "", x.size);
	json_put_text(json, "use", "sig");
	json_close_object(json);
	int result = x.failed ? RESULT_NOMEM : RESULT_OK;
	buffer_free(&x);
	return result;
}

static int write_set(struct feed_store *store, const struct signing_key *key, struct buffer *text)
{
	struct json json = {.into = text};
	struct feed_txn txn;
	int result = feed_txn_begin(store, false, &txn);
	if (result != RESULT_OK)
		return result;
	result = feed_txn_add_key(&txn, signing_key_id(key), signing_key_public(key));
	json_open_object(&json, NULL);
	json_open_list(&json, "keys");
	if (result == RESULT_OK)
		result = feed_txn_each_key(&txn, write_key, &json);
	json_close_list(&json);
	json_close_object(&json);
	buffer_append_byte(text, '\n');
	if (result == RESULT_OK && text->failed)
		result = RESULT_NOMEM;
	if (result == RESULT_OK)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	return result;
}

static int put_in_folder(const struct config_channel *channel, const struct buffer *text, char *why,
			 size_t why_size)
{
	char path[PATH_MAX];
	mode_t mode = channel->curve_secret ? PRIVATE_MODE : PUBLIC_MODE;
	int size = snprintf(path, sizeof path, "%s/jwks.json", channel->log_dir);
	errno = ENAMETOOLONG;
	if (size < (int)sizeof path && file_make_folder(channel->log_dir, mode) == RESULT_OK &&
	    file_replace(path, text->data, text->size, mode & 0666, true) == RESULT_OK)
		return RESULT_OK;
	snprintf(why, why_size,
		 "channel %s: %s: %s; log_dir must be a folder that this user can write, or make",
		 channel->name, path, strerror(errno));
	return RESULT_STORE;
}

int jwks_publish(const struct config *config, const struct signing_key *key,
		 struct feed_store *store, char *why, size_t why_size)
{
	struct buffer text;
	buffer_init(&text, JWKS_MAX);
	int result = write_set(store, key, &text);
	if (result != RESULT_OK)
		snprintf(why, why_size, "the feed store can't be written: is the disk full?");
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = put_in_folder(&config->channels[i], &text, why, why_size);
	buffer_free(&text);
	return result;
}
