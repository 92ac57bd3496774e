#include "subscriber/keys.h"

#include "base/file.h"
#include "publisher/feed_format.h"
#include "subscriber/complaint.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct key {
	char id[FEED_KEY_ID_SIZE];
	EVP_PKEY *pkey;
};

struct key_set {
	struct key *items;
	size_t count;
};

struct keys {
	struct keys_source source;
	struct key_set set;     /* of the file */
	struct key_set learned; /* of the feed */
	struct key_set revoked; /* ids alone */
	bool reread;            /* at least once, at: */
	int64_t reread_us;
};

static const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static bool is_event_key(const json_t *jwk)
{
	const json_t *use = json_object_get(jwk, "use");
	return strcmp(text_member(jwk, "kty"), "OKP") == 0 &&
	       strcmp(text_member(jwk, "crv"), "Ed25519") == 0 &&
	       (!use || strcmp(text_member(jwk, "use"), "sig") == 0);
}

static int key_read(const json_t *jwk, size_t number, struct key *key, const struct complaint *why)
{
	const char *x = text_member(jwk, "x"), *kid = text_member(jwk, "kid");
	struct buffer raw;
	buffer_init(&raw, FEED_KEY_SIZE);
	int result = RESULT_OK;
	if (feed_base64url_decode(x, strlen(x), &raw) != RESULT_OK || raw.size != FEED_KEY_SIZE) {
		result = complain(why, RESULT_CONFIG,
				  "key %zu: x must be 32 bytes in base64url without padding",
				  number);
		goto out;
	}
	result = feed_key_id((const uint8_t *)raw.data, key->id);
	if (result != RESULT_OK)
		goto out;
	if (strcmp(kid, key->id) != 0) {
		result = complain(why, RESULT_CONFIG,
				  "key %zu: kid %.64s is not the key's thumbprint: %s is", number,
				  *kid ? kid : "(none)", key->id);
		goto out;
	}
	key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						(const unsigned char *)raw.data, raw.size);
	if (!key->pkey)
		result = RESULT_NOMEM;
out:
	buffer_free(&raw);
	return result;
}

static void set_free(struct key_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		EVP_PKEY_free(set->items[i].pkey);
	free(set->items);
	*set = (struct key_set){0};
}

static int set_take(struct key_set *set, const json_t *list, const struct complaint *why)
{
	set->items = calloc(json_array_size(list) + 1, sizeof *set->items);
	if (!set->items)
		return RESULT_NOMEM;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *jwk = json_array_get(list, i);
		if (!is_event_key(jwk))
			continue;
		int result = key_read(jwk, i + 1, &set->items[set->count], why);
		if (result != RESULT_OK)
			return result;
		set->count++;
	}
	if (set->count == 0)
		return complain(why, RESULT_CONFIG,
				"no Ed25519 key in it: at least one is needed "
				"(kty OKP, crv Ed25519, use sig)");
	return RESULT_OK;
}

static int set_parse(struct key_set *set, const struct buffer *file, const struct complaint *why)
{
	json_error_t error;
	json_t *jwks = json_loadb(file->size ? file->data : "", file->size, JSON_REJECT_DUPLICATES,
				  &error);
	if (!jwks && json_error_code(&error) == json_error_out_of_memory)
		return RESULT_NOMEM;
	int result;
	const json_t *list = json_object_get(jwks, "keys");
	if (!jwks)
		result = complain(why, RESULT_CONFIG, "line %d, column %d: not JSON: %s",
				  error.line, error.column, error.text);
	else if (!json_is_array(list))
		result =
			complain(why, RESULT_CONFIG, "not a JWKS: {\"keys\":[...]} would be right");
	else
		result = set_take(set, list, why);
	json_decref(jwks);
	return result;
}

static int read_file(void *context, struct buffer *into, const struct complaint *why)
{
	(void)context;
	int result = file_read(why->path, into);
	if (result == RESULT_STORE)
		return complain(why, RESULT_CONFIG, "can't be read: %s", strerror(errno));
	if (result == RESULT_FULL)
		return complain(why, RESULT_CONFIG, "over %d bytes: too large for a JWKS",
				KEYS_FILE_MAX);
	return result;
}

static int set_load(struct key_set *set, const struct keys_source *source,
		    const struct complaint *why)
{
	struct buffer file;
	buffer_init(&file, KEYS_FILE_MAX);
	int result = source->read(source->context, &file, why);
	if (result == RESULT_OK)
		result = set_parse(set, &file, why);
	if (result == RESULT_NOMEM)
		(void)complain(why, result, "out of memory");
	if (result != RESULT_OK)
		set_free(set);
	buffer_free(&file);
	return result;
}

int keys_load(const char *path, struct keys **keys, char *why, size_t why_size)
{
	return keys_open(&(struct keys_source){.name = path, .read = read_file}, keys, why,
			 why_size);
}

int keys_open(const struct keys_source *source, struct keys **keys, char *why, size_t why_size)
{
	const struct complaint to = {.path = source->name, .text = why, .size = why_size};
	struct key_set set = {0};
	*keys = NULL;
	int result = set_load(&set, source, &to);
	if (result != RESULT_OK)
		return result;
	*keys = calloc(1, sizeof **keys);
	if (!*keys) {
		set_free(&set);
		return complain(&to, RESULT_NOMEM, "out of memory");
	}
	(*keys)->source = *source;
	(*keys)->set = set;
	return RESULT_OK;
}

int keys_reread(struct keys *keys, int64_t now_us, char *why, size_t why_size)
{
	const struct complaint to = {.path = keys->source.name, .text = why, .size = why_size};
	if (keys->reread && now_us - keys->reread_us < KEYS_REREAD_MS * INT64_C(1000))
		return RESULT_BUSY;
	keys->reread = true;
	keys->reread_us = now_us;
	struct key_set set = {0};
	int result = set_load(&set, &keys->source, &to);
	if (result != RESULT_OK)
		return result;
	set_free(&keys->set);
	keys->set = set;
	return RESULT_OK;
}

static struct key *set_find(const struct key_set *set, const char *id)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->items[i].id, id) == 0)
			return &set->items[i];
	}
	return NULL;
}

static int set_add(struct key_set *set, const struct key *key)
{
	struct key *moved = realloc(set->items, (set->count + 1) * sizeof *moved);
	if (!moved)
		return RESULT_NOMEM;
	set->items = moved;
	set->items[set->count++] = *key;
	return RESULT_OK;
}

static int learn_new(struct keys *keys, const json_t *jwk, const struct complaint *why)
{
	struct key key = {0};
	if (!is_event_key(jwk))
		return complain(why, RESULT_CONFIG, "the feed adds a key that is no Ed25519 key");
	int result = key_read(jwk, 1, &key, why);
	bool known = result == RESULT_OK && keys_find(keys, key.id);
	if (result == RESULT_OK && !known)
		result = set_add(&keys->learned, &key);
	if (result != RESULT_OK || known)
		EVP_PKEY_free(key.pkey);
	return result;
}

int keys_learn(struct keys *keys, const json_t *what, char *why, size_t why_size)
{
	const struct complaint to = {.path = "urn:epptap:key", .text = why, .size = why_size};
	const char *action = text_member(what, "action"), *kid = text_member(what, "kid");
	struct key gone = {0};
	if (strcmp(action, "added") == 0)
		return learn_new(keys, json_object_get(what, "jwk"), &to);
	if (strcmp(action, "revoked") != 0 || set_find(&keys->revoked, kid))
		return RESULT_OK;
	snprintf(gone.id, sizeof gone.id, "%s", kid);
	return set_add(&keys->revoked, &gone);
}

bool keys_is_revoked(const struct keys *keys, const char *kid)
{
	return set_find(&keys->revoked, kid) != NULL;
}

EVP_PKEY *keys_find(const struct keys *keys, const char *kid)
{
	if (set_find(&keys->revoked, kid))
		return NULL;
	const struct key *key = set_find(&keys->set, kid);
	if (!key)
		key = set_find(&keys->learned, kid);
	return key ? key->pkey : NULL;
}

void keys_free(struct keys **keys)
{
	if (!*keys)
		return;
	set_free(&(*keys)->set);
	set_free(&(*keys)->learned);
	set_free(&(*keys)->revoked);
	free(*keys);
	*keys = NULL;
}
