#include "subscriber/trust.h"

#include "base/file.h"
#include "subscriber/complaint.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SHOWN = 100, FOLDER_MODE = 0700, FILE_MODE = 0600 };

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* FNV-1a: so that two addresses whose names look alike have a file each. */
static uint32_t hash_of(const char *text)
{
	uint32_t hash = UINT32_C(2166136261);
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
	return hash;
}

/* What the address is called as a file: without its scheme, in letters, digits, dots and hyphens. */
static void name_of(const char *address, char name[NAME_SHOWN + 1])
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   ".-";
	const char *scheme = strstr(address, "://");
	const char *from = scheme ? scheme + 3 : address;
	size_t size = strlen(from);
	if (size > NAME_SHOWN)
		from += size - NAME_SHOWN;
	for (; *from; from++)
		*name++ = (char)(strchr(good, *from) ? *from : '_');
	*name = '\0';
}

static int find_path(struct trust *trust, const char *folder, const struct complaint *why)
{
	char name[NAME_SHOWN + 1];
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	name_of(trust->address, name);
	uint32_t hash = hash_of(trust->address);
	int size;
	if (folder)
		size = snprintf(trust->path, sizeof trust->path, "%s/%s-%08" PRIx32, folder, name,
				hash);
	else if (state && *state == '/')
		size = snprintf(trust->path, sizeof trust->path, "%s/eppwatch/%s-%08" PRIx32, state,
				name, hash);
	else if (home && *home)
		size = snprintf(trust->path, sizeof trust->path,
				"%s/.local/state/eppwatch/%s-%08" PRIx32, home, name, hash);
	else
		return complain(why, RESULT_CONFIG,
				"there is no HOME to keep in what was seen: --state FOLDER would "
				"be right");
	if (size < 0 || (size_t)size >= sizeof trust->path - sizeof ".evidence-0000000000-old")
		return complain(why, RESULT_CONFIG, "--state: too long a path");
	return RESULT_OK;
}

static int complain_file(const struct trust *trust, const struct complaint *why)
{
	return complain(why, RESULT_CONFIG,
			"%s: not a state file of eppwatch's: who removes it forgets the log's keys "
			"and its past",
			trust->path);
}

static bool take_key(struct trust *trust, const char *text)
{
	struct verifier *into = &trust->keys[trust->key_count];
	if (!text || trust->key_count == TRUST_KEYS_MAX ||
	    verifier_parse(text, strlen(text), into) != RESULT_OK)
		return false;
	trust->key_count++;
	return true;
}

static bool take_head(struct trust *trust, const char *note)
{
	struct signed_note parsed;
	size_t size = note ? strlen(note) : 0;
	if (!note)
		return true;
	if (size > LOG_HEAD_MAX)
		return false;
	memcpy(trust->head.note, note, size);
	trust->head.note_size = size;
	trust->has_head = true;
	return signed_note_parse(trust->head.note, size, &parsed) == RESULT_OK &&
	       checkpoint_parse(parsed.text, parsed.text_size, &trust->head.checkpoint) ==
		       RESULT_OK;
}

static bool take_document(struct trust *trust, const json_t *document)
{
	const char *address = text_member(document, "address");
	const char *origin = text_member(document, "origin");
	const json_t *keys = json_object_get(document, "keys");
	const json_t *next = json_object_get(document, "next");
	if (!address || strcmp(address, trust->address) != 0 || !origin ||
	    strlen(origin) >= sizeof trust->origin || json_array_size(keys) == 0)
		return false;
	memcpy(trust->origin, origin, strlen(origin) + 1);
	for (size_t i = 0; i < json_array_size(keys); i++) {
		if (!take_key(trust, json_string_value(json_array_get(keys, i))))
			return false;
	}
	trust->has_next = json_is_integer(next) && json_integer_value(next) >= 0;
	if (trust->has_next)
		trust->next = (uint64_t)json_integer_value(next);
	return take_head(trust, text_member(document, "checkpoint"));
}

static int read_state(struct trust *trust, const struct complaint *why)
{
	struct buffer file;
	buffer_init(&file, TRUST_FILE_MAX);
	int result = file_read(trust->path, &file);
	if (result == RESULT_STORE && errno == ENOENT) {
		buffer_free(&file);
		return RESULT_OK;
	}
	if (result == RESULT_STORE) {
		result = complain(why, RESULT_CONFIG, "%s: can't be read: %s", trust->path,
				  strerror(errno));
	} else if (result == RESULT_OK) {
		json_t *document = json_loadb(file.size ? file.data : "", file.size, 0, NULL);
		trust->is_known = take_document(trust, document);
		if (!trust->is_known)
			result = complain_file(trust, why);
		json_decref(document);
	} else if (result == RESULT_FULL) {
		result = complain_file(trust, why);
	}
	buffer_free(&file);
	return result;
}

static bool is_same(const struct verifier *one, const struct verifier *other)
{
	return one->type == other->type && strcmp(one->name, other->name) == 0 &&
	       memcmp(one->key, other->key, sizeof one->key) == 0;
}

static bool has_key(const struct trust *trust, const struct verifier *key)
{
	for (size_t i = 0; i < trust->key_count; i++) {
		if (is_same(&trust->keys[i], key))
			return true;
	}
	return false;
}

static size_t count_of(const struct trust *trust, enum verifier_type type)
{
	size_t count = 0;
	for (size_t i = 0; i < trust->key_count; i++)
		count += trust->keys[i].type == type;
	return count;
}

static void drop_type(struct trust *trust, enum verifier_type type)
{
	size_t kept = 0;
	for (size_t i = 0; i < trust->key_count; i++) {
		if (trust->keys[i].type != type)
			trust->keys[kept++] = trust->keys[i];
	}
	trust->key_count = kept;
}

/* The user's word stands above the file's: of each type that he gave, his keys are the only ones. */
static int take_given(struct trust *trust, char *const *keys, size_t count,
		      const struct complaint *why)
{
	struct trust given = {.key_count = 0};
	for (size_t i = 0; i < count; i++) {
		if (!take_key(&given, keys[i]))
			return complain(why, RESULT_CONFIG,
					"--key %.100s: no verifier key: NAME+ID+BASE64, as the "
					"registry publishes it, would be right",
					keys[i]);
	}
	if (count > 0 && count_of(&given, VERIFIER_ED25519) == 0)
		return complain(why, RESULT_CONFIG,
				"--key: the cosigner's alone: the log's key would be right");
	trust->is_given = count > 0;
	for (size_t i = 0; i < given.key_count; i++)
		drop_type(trust, given.keys[i].type);
	for (size_t i = 0; i < given.key_count; i++) {
		if (trust->key_count < TRUST_KEYS_MAX)
			trust->keys[trust->key_count++] = given.keys[i];
	}
	return RESULT_OK;
}

int trust_open(struct trust *trust, const char *folder, const char *address, char *const *keys,
	       size_t key_count, char *why, size_t why_size)
{
	const struct complaint to = {.text = why, .size = why_size};
	memset(trust, 0, sizeof *trust);
	snprintf(trust->address, sizeof trust->address, "%s", address);
	int result = find_path(trust, folder, &to);
	if (result == RESULT_OK)
		result = read_state(trust, &to);
	if (result == RESULT_OK)
		result = take_given(trust, keys, key_count, &to);
	if (result == RESULT_NOMEM)
		(void)complain(&to, result, "out of memory");
	return result;
}

static void take_type(struct trust *trust, const struct channel *channel, enum verifier_type type)
{
	for (size_t i = 0; i < channel->key_count && trust->key_count < TRUST_KEYS_MAX; i++) {
		if (channel->keys[i].type == type)
			trust->keys[trust->key_count++] = channel->keys[i];
	}
}

static bool knows_log_key(const struct trust *trust, const struct channel *channel)
{
	for (size_t i = 0; i < channel->key_count; i++) {
		if (channel->keys[i].type == VERIFIER_ED25519 && has_key(trust, &channel->keys[i]))
			return true;
	}
	return false;
}

/* What a user who came without a key should compare with what he hears elsewhere. */
static void note_first_use(const struct trust *trust, char *note, size_t note_size)
{
	struct buffer text;
	buffer_init(&text, VERIFIER_TEXT_MAX + 1);
	for (size_t i = 0; i < trust->key_count && text.size == 0; i++) {
		if (trust->keys[i].type == VERIFIER_ED25519)
			verifier_write(&trust->keys[i], &text);
	}
	buffer_append_byte(&text, '\0');
	snprintf(note, note_size,
		 "seen for the first time: this log's key is believed from now on: %s (is it what "
		 "the registry says elsewhere?)",
		 text.failed ? "" : text.data);
	buffer_free(&text);
}

int trust_meet(struct trust *trust, const struct channel *channel, char *note, size_t note_size,
	       char *why, size_t why_size)
{
	const struct complaint to = {.path = trust->address, .text = why, .size = why_size};
	note[0] = '\0';
	if (trust->is_known && strcmp(trust->origin, channel->origin) != 0)
		return complain(&to, RESULT_INVALID,
				"this is the log %s, and it was %s: another log stands in its "
				"place. Ask the registry; if it began a new one, remove %s",
				channel->origin, trust->origin, trust->path);
	snprintf(trust->origin, sizeof trust->origin, "%s", channel->origin);
	bool is_first = count_of(trust, VERIFIER_ED25519) == 0;
	if (is_first)
		take_type(trust, channel, VERIFIER_ED25519);
	if (count_of(trust, VERIFIER_COSIGNATURE) == 0)
		take_type(trust, channel, VERIFIER_COSIGNATURE);
	if (count_of(trust, VERIFIER_ED25519) == 0)
		return complain(&to, RESULT_INVALID,
				"feed.json has no log key that this eppwatch can read");
	if (!knows_log_key(trust, channel))
		return complain(&to, RESULT_INVALID,
				"the log's key was replaced by one that is not known. Ask the "
				"registry; if it did so, give its new key by --key%s%s",
				trust->is_given ? "" : ", or remove ",
				trust->is_given ? "" : trust->path);
	if (is_first)
		note_first_use(trust, note, note_size);
	return RESULT_OK;
}

struct log_keys trust_keys(const struct trust *trust)
{
	return (struct log_keys){
		.origin = trust->origin, .keys = trust->keys, .count = trust->key_count};
}

int trust_learn(struct trust *trust, const struct channel *channel, const struct log_head *head,
		char *note, size_t note_size)
{
	struct signed_note parsed;
	note[0] = '\0';
	if (trust->is_given || signed_note_parse(head->note, head->note_size, &parsed) != RESULT_OK)
		return RESULT_OK;
	for (size_t i = 0; i < channel->key_count; i++) {
		const struct verifier *key = &channel->keys[i];
		struct note_verdict verdict;
		if (has_key(trust, key) || trust->key_count == TRUST_KEYS_MAX)
			continue;
		int result = signed_note_verify(&parsed, key, 1, &verdict);
		if (result == RESULT_NOMEM)
			return result;
		if (result != RESULT_OK || verdict.signatures + verdict.cosignatures == 0)
			continue;
		trust->keys[trust->key_count++] = *key;
		snprintf(note, note_size,
			 "the log has a new %s key, %s+%08" PRIx32
			 ", beside the one that is known: both are believed from now on",
			 key->type == VERIFIER_COSIGNATURE ? "cosigner's" : "signing", key->name,
			 key->id);
	}
	return RESULT_OK;
}

static json_t *keys_as_json(const struct trust *trust)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < trust->key_count; i++) {
		struct buffer text;
		buffer_init(&text, VERIFIER_TEXT_MAX);
		verifier_write(&trust->keys[i], &text);
		json_array_append_new(keys, json_stringn(text.data, text.size));
		buffer_free(&text);
	}
	return keys;
}

static json_t *as_json(const struct trust *trust)
{
	json_t *document = json_pack("{s:s, s:s, s:o}", "address", trust->address, "origin",
				     trust->origin, "keys", keys_as_json(trust));
	if (trust->has_next)
		json_object_set_new(document, "next", json_integer((json_int_t)trust->next));
	if (trust->has_head)
		json_object_set_new(document, "checkpoint",
				    json_stringn(trust->head.note, trust->head.note_size));
	return document;
}

static int make_folder(const char *path)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return RESULT_OK;
	*slash = '\0';
	return file_make_folder(folder, FOLDER_MODE);
}

int trust_keep(const struct trust *trust, char *why, size_t why_size)
{
	const struct complaint to = {.path = trust->path, .text = why, .size = why_size};
	json_t *document = as_json(trust);
	char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
	int result = text ? make_folder(trust->path) : RESULT_NOMEM;
	if (result == RESULT_OK)
		result = file_replace(trust->path, text, strlen(text), FILE_MODE, true);
	if (result == RESULT_STORE)
		(void)complain(&to, result, "can't be written: %s: --state FOLDER names another",
			       strerror(errno));
	else if (result != RESULT_OK)
		(void)complain(&to, result, "%s", result_text(result));
	free(text);
	json_decref(document);
	return result;
}

void trust_keep_evidence(const struct trust *trust, const struct log_head *other, char *told,
			 size_t told_size)
{
	char before[PATH_MAX + 32], after[PATH_MAX + 32];
	snprintf(before, sizeof before, "%s.evidence-%" PRId64 "-old", trust->path, other->time_s);
	snprintf(after, sizeof after, "%s.evidence-%" PRId64 "-new", trust->path, other->time_s);
	if (make_folder(trust->path) != RESULT_OK ||
	    file_replace(before, trust->head.note, trust->head.note_size, FILE_MODE, true) !=
		    RESULT_OK ||
	    file_replace(after, other->note, other->note_size, FILE_MODE, true) != RESULT_OK)
		snprintf(told, told_size, "the two checkpoints can't be kept: %s: %s", before,
			 strerror(errno));
	else
		snprintf(told, told_size, "both checkpoints are kept: %s, %s", before, after);
}
