#include "publisher/jwks.h"

#include "base/file.h"
#include "publisher/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { JWKS_MAX = 1 << 20, PRIVATE_MODE = 0750, PUBLIC_MODE = 0755 };

void jwk_write(struct json *json, const char *name, const char *id, size_t id_size,
	       const uint8_t key[FEED_KEY_SIZE])
{
	struct buffer x;
	buffer_init(&x, 64);
	feed_base64url_encode(key, FEED_KEY_SIZE, &x);
	json_open_object(json, name);
	json_put_text(json, "kty", "OKP");
	json_put_text(json, "crv", "Ed25519");
	json_put_bytes(json, "kid", id, id_size);
	json_put_bytes(json, "x", x.data ? x.data : "", x.size);
	json_put_text(json, "use", "sig");
	json_close_object(json);
	json->into->failed |= x.failed;
	buffer_free(&x);
}

/* All that a reader may trust: a revoked one is left out. */
static int write_key(void *context, const char *id, size_t id_size, const struct key_record *key)
{
	struct json *json = context;
	if (key->state != KEY_REVOKED)
		jwk_write(json, NULL, id, id_size, key->key);
	return RESULT_OK;
}

static int write_set(struct feed_store *store, struct buffer *text)
{
	struct json json = {.into = text};
	struct feed_txn txn;
	int result = feed_txn_begin(store, true, &txn);
	if (result != RESULT_OK)
		return result;
	json_open_object(&json, NULL);
	json_open_list(&json, "keys");
	result = feed_txn_each_key(&txn, write_key, &json);
	json_close_list(&json);
	json_close_object(&json);
	buffer_append_byte(text, '\n');
	feed_txn_abort(&txn);
	return result == RESULT_OK && text->failed ? RESULT_NOMEM : result;
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

int jwks_publish(const struct config *config, struct feed_store *store, char *why, size_t why_size)
{
	struct buffer text;
	buffer_init(&text, JWKS_MAX);
	int result = write_set(store, &text);
	if (result != RESULT_OK)
		snprintf(why, why_size,
			 "the keys can't be read from the feed store: it is damaged");
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = put_in_folder(&config->channels[i], &text, why, why_size);
	buffer_free(&text);
	return result;
}
