#include "subscriber/proof_file.h"

#include "publisher/feed_format.h"
#include "publisher/tiles.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define EXTRA      "extra "
#define INDEX      "index "

enum { DIGITS_MAX = 19, HASH_TEXT_SIZE = 44 };

static void append_base64(struct buffer *into, const void *bytes, size_t size)
{
	/* EVP writes a NUL behind it. */
	char *text = buffer_reserve(into, (size + 2) / 3 * 4 + 1);
	if (text)
		into->size += (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
}

void proof_file_write(const struct message_frame *entry, uint64_t index,
		      const struct merkle_proof *proof, const struct log_head *head,
		      struct buffer *into)
{
	buffer_append_text(into, FIRST_LINE "\n");
	if (entry->size > 0) {
		buffer_append_text(into, EXTRA);
		append_base64(into, entry->bytes, entry->size);
		buffer_append_text(into, "\n");
	}
	buffer_printf(into, INDEX "%" PRIu64 "\n", index);
	for (size_t i = 0; i < proof->count; i++) {
		append_base64(into, proof->hashes[i].bytes, MERKLE_HASH_SIZE);
		buffer_append_text(into, "\n");
	}
	buffer_append_text(into, "\n");
	buffer_append(into, head->note, head->note_size);
}

/* What is still to be read, by lines. */
struct lines {
	const char *at, *end;
	unsigned number; /* of the line that was taken last */
};

/* Takes a line without its newline. */
static bool take_line(struct lines *lines, struct message_frame *line)
{
	const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
	if (!newline)
		return false;
	*line = (struct message_frame){lines->at, (size_t)(newline - lines->at)};
	lines->at = newline + 1;
	lines->number++;
	return true;
}

static bool begins(const struct message_frame *line, const char *with)
{
	return line->size >= strlen(with) && memcmp(line->bytes, with, strlen(with)) == 0;
}

/* Base64 with its padding, to the letter: by way of base64url, which has a decoder that is. */
static int decode(const char *text, size_t size, struct buffer *into)
{
	struct buffer url;
	size_t padding = 0;
	while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
		padding++;
	if (size == 0 || size % 4 != 0)
		return RESULT_INVALID;
	buffer_init(&url, size);
	buffer_append(&url, text, size - padding);
	for (size_t i = 0; i < url.size; i++) {
		char *c = &url.data[i];
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '-' || *c == '_' ? '=' : *c;
	}
	int result = url.failed ? RESULT_NOMEM : feed_base64url_decode(url.data, url.size, into);
	buffer_free(&url);
	return result;
}

static int take_extra(struct proof_file *file, const struct message_frame *line)
{
	size_t name = strlen(EXTRA);
	return decode(line->bytes + name, line->size - name, &file->extra);
}

static bool take_index(struct proof_file *file, const struct message_frame *line)
{
	size_t at = strlen(INDEX);
	if (!begins(line, INDEX) || line->size == at || line->size - at > DIGITS_MAX ||
	    (line->bytes[at] == '0' && line->size - at > 1))
		return false;
	for (; at < line->size; at++) {
		if (line->bytes[at] < '0' || line->bytes[at] > '9')
			return false;
		file->index = file->index * 10 + (uint64_t)(line->bytes[at] - '0');
	}
	return file->index <= INT64_MAX;
}

static int take_hash(struct proof_file *file, const struct message_frame *line)
{
	struct buffer hash;
	buffer_init(&hash, MERKLE_HASH_SIZE);
	int result = RESULT_INVALID;
	if (line->size == HASH_TEXT_SIZE && file->proof.count < MERKLE_PROOF_MAX)
		result = decode(line->bytes, line->size, &hash);
	if (result == RESULT_OK && hash.size != MERKLE_HASH_SIZE)
		result = RESULT_INVALID;
	if (result == RESULT_OK)
		memcpy(file->proof.hashes[file->proof.count++].bytes, hash.data, hash.size);
	buffer_free(&hash);
	return result;
}

static int wrong_line(const struct lines *lines, const struct complaint *why, const char *right)
{
	return complain(why, RESULT_INVALID, "line %u: %s would be right", lines->number, right);
}

static int read_all(struct lines *lines, struct proof_file *file, const struct complaint *why)
{
	struct message_frame line = {"", 0};
	int result = RESULT_OK;
	if (!take_line(lines, &line) || line.size != strlen(FIRST_LINE) ||
	    !begins(&line, FIRST_LINE))
		return complain(why, RESULT_INVALID,
				"no proof of a log: its first line would be " FIRST_LINE);
	if (!take_line(lines, &line))
		return wrong_line(lines, why, "extra or index");
	if (begins(&line, EXTRA)) {
		result = take_extra(file, &line);
		if (result != RESULT_OK || !take_line(lines, &line))
			return wrong_line(lines, why, "base64");
	}
	if (!take_index(file, &line))
		return wrong_line(lines, why, "index, and a number");
	while (take_line(lines, &line) && line.size > 0) {
		result = take_hash(file, &line);
		if (result != RESULT_OK)
			return wrong_line(lines, why, "a hash in base64, or an empty line");
	}
	if (line.size > 0 || lines->at == lines->end)
		return complain(why, RESULT_INVALID,
				"the checkpoint is missing: it follows an empty line");
	file->note = lines->at;
	file->note_size = (size_t)(lines->end - lines->at);
	return RESULT_OK;
}

int proof_file_read(const char *bytes, size_t size, struct proof_file *file,
		    const struct complaint *why)
{
	struct lines lines = {.at = bytes, .end = bytes + size};
	*file = (struct proof_file){.index = 0};
	buffer_init(&file->extra, TILES_ENTRY_MAX);
	int result = size <= PROOF_FILE_MAX
			     ? read_all(&lines, file, why)
			     : complain(why, RESULT_INVALID, "over %d bytes: too large for a proof",
					PROOF_FILE_MAX);
	if (result != RESULT_OK)
		proof_file_free(file);
	return result;
}

void proof_file_free(struct proof_file *file)
{
	buffer_free(&file->extra);
}
