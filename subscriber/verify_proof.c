#include "subscriber/prove.h"

#include "base/file.h"
#include "publisher/feed_format.h"
#include "subscriber/complaint.h"
#include "subscriber/log_head.h"
#include "subscriber/printable.h"
#include "subscriber/proof_file.h"
#include "subscriber/times.h"
#include "subscriber/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_SIZE = 512, SHOWN_MAX = 70000 };

/* What is judged, and by whom. */
struct judged {
	struct buffer bytes, event; /* the files */
	struct proof_file file;
	struct verifier keys[TRUST_KEYS_MAX];
	size_t key_count;
	struct log_head head;
	struct message_frame entry;
};

static int read_file(const char *path, struct buffer *into, const struct complaint *why)
{
	int result = file_read(path, into);
	if (result == RESULT_STORE)
		return complain(why, RESULT_CONFIG, "can't be read: %s", strerror(errno));
	if (result == RESULT_FULL)
		return complain(why, RESULT_CONFIG, "over %zu bytes: too large", into->max);
	return result;
}

static int take_keys(const struct options *options, struct judged *judged,
		     const struct complaint *why)
{
	for (size_t i = 0; i < options->keys.count; i++) {
		const char *text = options->keys.items[i];
		if (judged->key_count == TRUST_KEYS_MAX ||
		    verifier_parse(text, strlen(text), &judged->keys[judged->key_count]) !=
			    RESULT_OK)
			return complain(why, RESULT_CONFIG,
					"--key %.100s: no verifier key: NAME+ID+BASE64, as the "
					"registry publishes it, would be right",
					text);
		judged->key_count++;
	}
	return RESULT_OK;
}

/* A file with the event may end in a newline that an editor put there. */
static struct message_frame event_of(const struct judged *judged)
{
	const struct buffer *from = judged->event.size > 0 ? &judged->event : &judged->file.extra;
	size_t size = from->size;
	while (size > 0 && (from->data[size - 1] == '\n' || from->data[size - 1] == '\r'))
		size--;
	return (struct message_frame){size ? from->data : "", size};
}

static int check_entry(const struct options *options, struct judged *judged,
		       const struct complaint *why)
{
	struct merkle_hash leaf;
	judged->entry = event_of(judged);
	if (judged->entry.size == 0)
		return complain(why, RESULT_CONFIG,
				"it does not hold the event itself: --event FILE would be right");
	int result = merkle_leaf(judged->entry.bytes, judged->entry.size, &leaf);
	if (result == RESULT_OK)
		result = merkle_verify_inclusion(&judged->file.proof, judged->file.index,
						 judged->head.checkpoint.size, &leaf,
						 &judged->head.checkpoint.root);
	if (result == RESULT_INVALID)
		return complain(why, result,
				"the event%s%s is not entry %" PRIu64
				" of the log with this checkpoint",
				options->event ? " in " : "", options->event ? options->event : "",
				judged->file.index);
	return result;
}

static int judge(const struct options *options, struct judged *judged, const struct complaint *why)
{
	struct log_keys keys = {.origin = NULL, .keys = judged->keys};
	int result = take_keys(options, judged, why);
	if (result == RESULT_OK)
		result = read_file(options->file, &judged->bytes, why);
	if (result == RESULT_OK && options->event) {
		const struct complaint of_event = {
			.path = options->event, .text = why->text, .size = why->size};
		result = read_file(options->event, &judged->event, &of_event);
	}
	if (result == RESULT_OK)
		result = proof_file_read(judged->bytes.size ? judged->bytes.data : "",
					 judged->bytes.size, &judged->file, why);
	keys.count = judged->key_count;
	if (result == RESULT_OK)
		result = log_head_parse(judged->file.note, judged->file.note_size, &keys,
					options->file, &judged->head, why->text, why->size);
	return result == RESULT_OK ? check_entry(options, judged, why) : result;
}

/* The event's claims, which the log's signature vouches for; NULL if they can't be read. */
static json_t *claims_of(const struct judged *judged)
{
	struct buffer claims;
	const char *end = judged->entry.bytes + judged->entry.size;
	const char *dot = memchr(judged->entry.bytes, '.', judged->entry.size);
	const char *last = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
	json_t *parsed = NULL;
	buffer_init(&claims, FEED_JWS_MAX);
	if (last && feed_base64url_decode(dot + 1, (size_t)(last - dot - 1), &claims) == RESULT_OK)
		parsed = json_loadb(claims.size ? claims.data : "", claims.size,
				    JSON_REJECT_DUPLICATES, NULL);
	buffer_free(&claims);
	return parsed;
}

static void tell_as_json(const struct judged *judged, FILE *out)
{
	json_t *line = json_pack(
		"{s:b, s:I, s:s, s:I, s:I}", "good", 1, "index", (json_int_t)judged->file.index,
		"origin", judged->head.checkpoint.origin, "size",
		(json_int_t)judged->head.checkpoint.size, "time", (json_int_t)judged->head.time_s);
	json_t *claims = claims_of(judged);
	if (claims)
		json_object_set_new(line, "event", claims);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	if (text)
		fprintf(out, "%s\n", text);
	free(text);
	json_decref(line);
}

static void tell_for_people(const struct judged *judged, FILE *out)
{
	char when[TIMES_SIZE];
	struct buffer shown;
	json_t *claims = claims_of(judged);
	char *text = claims ? json_dumps(claims, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
	times_write(judged->head.time_s * 1000, when);
	fprintf(out, "proved: entry %" PRIu64 " of %s, by its checkpoint of %" PRIu64 " entries",
		judged->file.index, judged->head.checkpoint.origin, judged->head.checkpoint.size);
	if (judged->head.time_s)
		fprintf(out, ", cosigned at %s", when);
	buffer_init(&shown, SHOWN_MAX);
	for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		buffer_append_text(&shown, "\n");
		printable_append_text(&shown, line, SHOWN_MAX);
	}
	if (!shown.failed && shown.size > 0)
		fwrite(shown.data, 1, shown.size, out);
	fputs("\n", out);
	buffer_free(&shown);
	free(text);
	json_decref(claims);
}

static enum watch_exit tell(const struct options *options, const struct judged *judged, int result,
			    const char *why, FILE *out, FILE *err)
{
	if (result != RESULT_OK) {
		fprintf(err, "eppwatch verify-proof: %s\n", *why ? why : result_text(result));
		if (options->json)
			fputs("{\"good\":false}\n", out);
		return result == RESULT_CONFIG ? WATCH_USAGE : WATCH_WRONG;
	}
	if (options->json)
		tell_as_json(judged, out);
	else
		tell_for_people(judged, out);
	if (ferror(out) || fflush(out) != 0) {
		fprintf(err, "eppwatch verify-proof: %s\n", strerror(errno));
		return WATCH_WRONG;
	}
	return WATCH_DONE;
}

enum watch_exit verify_proof_run(const struct options *options, FILE *out, FILE *err)
{
	char text[WHY_SIZE] = "";
	const struct complaint why = {.path = options->file, .text = text, .size = sizeof text};
	struct judged *judged = calloc(1, sizeof *judged);
	if (!judged) {
		fputs("eppwatch verify-proof: out of memory\n", err);
		return WATCH_WRONG;
	}
	buffer_init(&judged->bytes, PROOF_FILE_MAX);
	buffer_init(&judged->event, FEED_JWS_MAX + 2);
	int result = judge(options, judged, &why);
	enum watch_exit end = tell(options, judged, result, text, out, err);
	proof_file_free(&judged->file);
	buffer_free(&judged->bytes);
	buffer_free(&judged->event);
	free(judged);
	return end;
}
