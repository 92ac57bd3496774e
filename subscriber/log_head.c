#include "subscriber/log_head.h"

#include "publisher/tiles.h"
#include "subscriber/complaint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PLACE_SIZE = FETCH_ADDRESS_MAX + sizeof TILES_CHECKPOINT };

static bool has_cosigner(const struct log_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].type == VERIFIER_COSIGNATURE)
			return true;
	}
	return false;
}

/* Which key's line is wrong, for people. */
static const char *wrong_key(const struct signed_note *note, const struct log_keys *keys)
{
	struct note_verdict verdict;
	for (size_t i = 0; i < keys->count; i++) {
		if (signed_note_verify(note, &keys->keys[i], 1, &verdict) == RESULT_INVALID)
			return keys->keys[i].type == VERIFIER_COSIGNATURE ? "the cosigner's"
									  : "the log's";
	}
	return "a";
}

static int verify(const struct signed_note *note, const struct log_keys *keys,
		  struct log_head *head, const struct complaint *why)
{
	struct note_verdict verdict;
	int result = signed_note_verify(note, keys->keys, keys->count, &verdict);
	if (result == RESULT_INVALID)
		return complain(why, result, "%s signature does not match: it was changed",
				wrong_key(note, keys));
	if (result != RESULT_OK)
		return complain(why, result, "out of memory");
	if (verdict.signatures == 0)
		return complain(why, RESULT_INVALID,
				"no signature of the log's key: it was changed, or is of another "
				"log, or its key was replaced");
	if (verdict.cosignatures == 0 && has_cosigner(keys))
		return complain(why, RESULT_INVALID,
				"no signature of the cosigner's key: it was changed, or that key "
				"was replaced");
	head->time_s = verdict.time_s;
	return RESULT_OK;
}

int log_head_parse(const void *bytes, size_t size, const struct log_keys *keys, const char *where,
		   struct log_head *head, char *why, size_t why_size)
{
	const struct complaint to = {.path = where, .text = why, .size = why_size};
	struct signed_note note;
	*head = (struct log_head){.note_size = size};
	if (size > LOG_HEAD_MAX)
		return complain(&to, RESULT_INVALID, "%zu bytes: a checkpoint has at most %d", size,
				LOG_HEAD_MAX);
	memcpy(head->note, bytes, size);
	if (signed_note_parse(head->note, size, &note) != RESULT_OK)
		return complain(&to, RESULT_INVALID,
				"no signed note: a text, an empty line and signature lines would "
				"be right");
	int result = verify(&note, keys, head, &to);
	if (result != RESULT_OK)
		return result;
	if (checkpoint_parse(note.text, note.text_size, &head->checkpoint) != RESULT_OK)
		return complain(&to, RESULT_INVALID,
				"signed, but no checkpoint: origin, size and root would be right");
	if (keys->origin && strcmp(head->checkpoint.origin, keys->origin) != 0)
		return complain(&to, RESULT_INVALID, "of the log %s, not of %s",
				head->checkpoint.origin, keys->origin);
	return RESULT_OK;
}

int log_head_fetch(struct fetch *fetch, const struct log_keys *keys, struct log_head *head,
		   char *why, size_t why_size)
{
	char place[PLACE_SIZE];
	struct buffer file;
	snprintf(place, sizeof place, "%s" TILES_CHECKPOINT, fetch_address(fetch));
	buffer_init(&file, LOG_HEAD_MAX);
	int result = fetch_get(fetch, TILES_CHECKPOINT, &file, why, why_size);
	if (result == RESULT_OK)
		result = log_head_parse(file.data, file.size, keys, place, head, why, why_size);
	buffer_free(&file);
	return result;
}
