#include "publisher/log_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the lines of a checkpoint. */
enum { LOG, LOG_BEFORE, COSIGNER };

struct log_keys {
	char cosigner[VERIFIER_NAME_SIZE];
	struct signing_key *keys[LOG_VERIFIERS_MAX]; /* LOG_BEFORE may be NULL */
	struct signer *signers[LOG_VERIFIERS_MAX];
};

static const char *const key_names[LOG_VERIFIERS_MAX] = {"keys.log", "keys.log_before",
							 "keys.cosigner"};

/* "<host of registry>/cosigner" */
static void name_cosigner(const struct config *config, char name[VERIFIER_NAME_SIZE])
{
	const char *host = config->registry + strlen("https://");
	int size =
		snprintf(name, VERIFIER_NAME_SIZE, "%.*s/cosigner", (int)strcspn(host, ":/"), host);
	for (int i = 0; i < size && i < VERIFIER_NAME_SIZE; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
}

/* Each must be a key of its own: what one signs must not be taken for what another says. */
static int refuse_twins(const struct log_keys *keys, const uint8_t event_key[FEED_KEY_SIZE],
			char *why, size_t why_size)
{
	for (size_t i = 0; i < LOG_VERIFIERS_MAX; i++) {
		if (!keys->keys[i])
			continue;
		const uint8_t *key = signing_key_public(keys->keys[i]);
		const char *twin = memcmp(key, event_key, FEED_KEY_SIZE) == 0 ? "keys.event" : NULL;
		for (size_t j = 0; j < i && !twin; j++)
			if (keys->keys[j] &&
			    memcmp(key, signing_key_public(keys->keys[j]), FEED_KEY_SIZE) == 0)
				twin = key_names[j];
		if (!twin)
			continue;
		snprintf(why, why_size, "%s: is the key of %s; `epptapctl keygen` makes another",
			 key_names[i], twin);
		return RESULT_CONFIG;
	}
	return RESULT_OK;
}

static int load_key(struct log_keys *keys, size_t i, const char *where, char *why, size_t why_size)
{
	char inner[768];
	if (!where)
		return RESULT_OK;
	int result = signing_key_load(where, &keys->keys[i], inner, sizeof inner);
	if (result == RESULT_OK)
		result = signer_new(keys->keys[i], &keys->signers[i]);
	if (result != RESULT_OK)
		snprintf(why, why_size, "%s: %s", key_names[i],
			 result == RESULT_CONFIG ? inner : "out of memory");
	return result;
}

int log_keys_load(const struct config *config, const uint8_t event_key[FEED_KEY_SIZE],
		  struct log_keys **out, char *why, size_t why_size)
{
	const char *const where[LOG_VERIFIERS_MAX] = {config->key_log, config->key_log_before,
						      config->key_cosigner};
	*out = NULL;
	if (!config->key_log)
		return RESULT_OK;
	snprintf(why, why_size, "out of memory");
	struct log_keys *keys = calloc(1, sizeof *keys);
	if (!keys)
		return RESULT_NOMEM;
	int result = RESULT_OK;
	name_cosigner(config, keys->cosigner);
	for (size_t i = 0; i < LOG_VERIFIERS_MAX && result == RESULT_OK; i++)
		result = load_key(keys, i, where[i], why, why_size);
	if (result == RESULT_OK)
		result = refuse_twins(keys, event_key, why, why_size);
	if (result != RESULT_OK)
		log_keys_free(&keys);
	*out = keys;
	return result;
}

void log_keys_free(struct log_keys **keys)
{
	if (!*keys)
		return;
	for (size_t i = 0; i < LOG_VERIFIERS_MAX; i++) {
		signer_free(&(*keys)->signers[i]);
		signing_key_free(&(*keys)->keys[i]);
	}
	free(*keys);
	*keys = NULL;
}

static int make_verifier(const struct log_keys *keys, size_t i, const char *origin,
			 struct verifier *verifier)
{
	bool cosigns = i == COSIGNER;
	return verifier_make(cosigns ? keys->cosigner : origin,
			     cosigns ? VERIFIER_COSIGNATURE : VERIFIER_ED25519,
			     signing_key_public(keys->keys[i]), verifier);
}

int log_keys_verifiers(const struct log_keys *keys, const char *origin,
		       struct verifier verifiers[LOG_VERIFIERS_MAX], size_t *count)
{
	int result = RESULT_OK;
	*count = 0;
	for (size_t i = 0; i < LOG_VERIFIERS_MAX && result == RESULT_OK; i++)
		if (keys->keys[i])
			result = make_verifier(keys, i, origin, &verifiers[(*count)++]);
	return result;
}

/* Adds the line of key number `i`; the note's text is its first `text_size` bytes. */
static int add_line(struct log_keys *keys, size_t i, const char *origin, int64_t time_s,
		    size_t text_size, struct buffer *note)
{
	uint8_t signature[VERIFIER_SIGNATURE_SIZE];
	struct verifier verifier;
	struct buffer message;
	if (!keys->keys[i])
		return RESULT_OK;
	int result = make_verifier(keys, i, origin, &verifier);
	if (result != RESULT_OK)
		return result;
	buffer_init(&message, CHECKPOINT_TEXT_MAX);
	if (i == COSIGNER)
		cosignature_message(note->data, text_size, time_s, &message);
	else
		buffer_append(&message, note->data, text_size);
	result = message.failed
			 ? RESULT_NOMEM
			 : signer_sign(keys->signers[i], message.data, message.size, signature);
	buffer_free(&message);
	if (result == RESULT_OK)
		signed_note_add_line(note, &verifier, time_s, signature);
	return result;
}

int log_keys_sign(struct log_keys *keys, const struct checkpoint *checkpoint, int64_t time_s,
		  struct buffer *note)
{
	int result = RESULT_OK;
	buffer_reset(note);
	checkpoint_write(checkpoint, note);
	size_t text_size = note->size;
	buffer_append_byte(note, '\n');
	for (size_t i = 0; i < LOG_VERIFIERS_MAX && result == RESULT_OK && !note->failed; i++)
		result = add_line(keys, i, checkpoint->origin, time_s, text_size, note);
	return result == RESULT_OK && note->failed ? RESULT_NOMEM : result;
}
