#include "publisher/note.h"
#include "publisher/crypto_gate.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum {
	ID_SIZE = 4,
	TIME_SIZE = 8,
	LINE_BYTES_MAX = ID_SIZE + TIME_SIZE + VERIFIER_SIGNATURE_SIZE, /* of keys known here */
	ROOT_TEXT_SIZE = 44,
	DECIMAL_MAX = 19, /* digits of MERKLE_SIZE_MAX */
};

static const char line_mark[] = "\xe2\x80\x94 "; /* an em dash and a space */

/* The six bits that a character stands for, or -1. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes base64 with its padding (RFC 4648, section 4), at most `max` bytes of it into `bytes`; *whole is how many there
 * are. Left-over bits must be zero, so that no two texts stand for the same bytes. */
static int decode(const char *text, size_t size, uint8_t *bytes, size_t max, size_t *whole)
{
	size_t padding = size >= 2 && text[size - 1] == '=' ? 1 + (text[size - 2] == '=') : 0;
	uint32_t bits = 0;
	int have = 0;
	*whole = 0;
	if (size == 0 || size % 4 != 0)
		return RESULT_INVALID;
	for (size_t i = 0; i < size - padding; i++) {
		int value = sextet(text[i]);
		if (value < 0)
			return RESULT_INVALID;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (*whole < max)
			bytes[*whole] = (uint8_t)(bits >> have);
		++*whole;
		bits &= (1u << have) - 1;
	}
	return bits == 0 ? RESULT_OK : RESULT_INVALID;
}

static void encode(const void *bytes, size_t size, struct buffer *into)
{
	/* EVP writes a NUL behind it. */
	char *text = buffer_reserve(into, (size + 2) / 3 * 4 + 1);
	if (text)
		into->size += (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
}

static uint32_t id_of(const uint8_t bytes[ID_SIZE])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void put_id(uint32_t id, uint8_t bytes[ID_SIZE])
{
	for (int i = 0; i < ID_SIZE; i++)
		bytes[i] = (uint8_t)(id >> (24 - 8 * i));
}

bool verifier_name_is_good(const char *name)
{
	size_t size = strnlen(name, VERIFIER_NAME_SIZE);
	if (size == 0 || size == VERIFIER_NAME_SIZE)
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '+')
			return false;
	return true;
}

int verifier_make(const char *name, enum verifier_type type, const uint8_t key[VERIFIER_KEY_SIZE],
		  struct verifier *verifier)
{
	uint8_t hash[CRYPTO_HASH_SIZE], bytes[VERIFIER_NAME_SIZE + 2 + VERIFIER_KEY_SIZE];
	if (!verifier_name_is_good(name))
		return RESULT_INVALID;
	*verifier = (struct verifier){.type = type};
	size_t size = strlen(name);
	memcpy(verifier->name, name, size + 1);
	memcpy(verifier->key, key, VERIFIER_KEY_SIZE);
	memcpy(bytes, name, size);
	bytes[size++] = '\n';
	bytes[size++] = (uint8_t)type;
	memcpy(bytes + size, key, VERIFIER_KEY_SIZE);
	size += VERIFIER_KEY_SIZE;
	if (crypto_hash(bytes, size, hash) != RESULT_OK)
		return RESULT_NOMEM;
	verifier->id = id_of(hash);
	return RESULT_OK;
}

void verifier_write(const struct verifier *verifier, struct buffer *into)
{
	uint8_t bytes[1 + VERIFIER_KEY_SIZE] = {(uint8_t)verifier->type};
	memcpy(bytes + 1, verifier->key, VERIFIER_KEY_SIZE);
	buffer_printf(into, "%s+%08" PRIx32 "+", verifier->name, verifier->id);
	encode(bytes, sizeof bytes, into);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_id(const char *text, uint32_t *id)
{
	*id = 0;
	for (int i = 0; i < 2 * ID_SIZE; i++) {
		int digit = hex_digit(text[i]);
		if (digit < 0)
			return false;
		*id = *id << 4 | (uint32_t)digit;
	}
	return true;
}

int verifier_parse(const char *text, size_t size, struct verifier *verifier)
{
	char name[VERIFIER_NAME_SIZE];
	uint8_t bytes[1 + VERIFIER_KEY_SIZE];
	uint32_t id;
	size_t whole;
	const char *plus = memchr(text, '+', size);
	size_t name_size = plus ? (size_t)(plus - text) : 0;
	if (!plus || name_size >= sizeof name || size - name_size < 2 + 2 * ID_SIZE ||
	    plus[1 + 2 * ID_SIZE] != '+' || memchr(text, '\0', size))
		return RESULT_INVALID;
	memcpy(name, text, name_size);
	name[name_size] = '\0';
	const char *base64 = plus + 2 + 2 * ID_SIZE;
	if (!verifier_name_is_good(name) || !parse_id(plus + 1, &id) ||
	    decode(base64, (size_t)(text + size - base64), bytes, sizeof bytes, &whole) !=
		    RESULT_OK)
		return RESULT_INVALID;
	if (bytes[0] != VERIFIER_ED25519 && bytes[0] != VERIFIER_COSIGNATURE)
		return RESULT_CONFIG;
	if (whole != sizeof bytes)
		return RESULT_INVALID;
	int result = verifier_make(name, bytes[0], bytes + 1, verifier);
	return result == RESULT_OK && verifier->id != id ? RESULT_INVALID : result;
}

/* How many bytes a character of UTF-8 has (RFC 3629) that begins at `at`; 0: it is none. */
static size_t utf8_size(const uint8_t *at, size_t left)
{
	size_t size = *at < 0x80   ? 1
		      : *at < 0xc2 ? 0
		      : *at < 0xe0 ? 2
		      : *at < 0xf0 ? 3
		      : *at < 0xf5 ? 4
				   : 0;
	if (size > left)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* The same in more bytes than it needs, half of a surrogate pair, beyond U+10FFFF. */
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
	    (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
		return 0;
	return size;
}

/* UTF-8, without control characters but newlines. */
static bool is_text(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t next = utf8_size(bytes + i, size - i);
		if (next == 0 || (bytes[i] < ' ' && bytes[i] != '\n'))
			return false;
		i += next;
	}
	return true;
}

/* Takes one signature line, of `size` bytes without its newline. */
static int parse_line(const char *line, size_t size, struct note_line *into)
{
	uint8_t id[ID_SIZE];
	size_t whole;
	if (size < sizeof line_mark || memcmp(line, line_mark, sizeof line_mark - 1) != 0)
		return RESULT_INVALID;
	line += sizeof line_mark - 1;
	size -= sizeof line_mark - 1;
	const char *space = memchr(line, ' ', size);
	if (!space || space == line || memchr(line, '+', (size_t)(space - line)))
		return RESULT_INVALID;
	*into = (struct note_line){.name = line,
				   .name_size = (size_t)(space - line),
				   .base64 = space + 1,
				   .base64_size = (size_t)(line + size - space - 1)};
	if (decode(into->base64, into->base64_size, id, sizeof id, &whole) != RESULT_OK ||
	    whole <= ID_SIZE)
		return RESULT_INVALID;
	into->id = id_of(id);
	return RESULT_OK;
}

/* Where the signature lines begin: behind the last empty line. NULL: there is none. */
static const char *find_lines(const char *bytes, size_t size)
{
	for (size_t i = size; i >= 2; i--)
		if (bytes[i - 1] == '\n' && bytes[i - 2] == '\n')
			return bytes + i;
	return NULL;
}

int signed_note_parse(const void *bytes, size_t size, struct signed_note *note)
{
	note->line_count = 0;
	note->text = bytes;
	note->text_size = 0;
	if (size == 0 || size > SIGNED_NOTE_MAX || !is_text(bytes, size))
		return RESULT_INVALID;
	const char *end = note->text + size;
	const char *line = find_lines(note->text, size);
	if (!line || line == end || end[-1] != '\n')
		return RESULT_INVALID;
	size_t text_size = (size_t)(line - note->text) - 1;
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		if (note->line_count == SIGNED_NOTE_LINES_MAX ||
		    parse_line(line, (size_t)(newline - line), &note->lines[note->line_count]) !=
			    RESULT_OK)
			return RESULT_INVALID;
		note->line_count++;
		line = newline + 1;
	}
	note->text_size = text_size;
	return RESULT_OK;
}

static int verify(const uint8_t key[VERIFIER_KEY_SIZE], const uint8_t *signature, const void *bytes,
		  size_t size)
{
	int result = RESULT_NOMEM;
	if (!crypto_gate_enter())
		return result;
	EVP_PKEY *public_key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, VERIFIER_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (public_key && context &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1)
		result = EVP_DigestVerify(context, signature, VERIFIER_SIGNATURE_SIZE, bytes,
					  size) == 1
				 ? RESULT_OK
				 : RESULT_INVALID;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	crypto_gate_leave();
	return result;
}

/* Of a cosignature *time_s becomes the time that it bears. */
static int verify_line(const struct signed_note *note, const struct note_line *line,
		       const struct verifier *verifier, int64_t *time_s)
{
	uint8_t bytes[LINE_BYTES_MAX];
	bool has_time = verifier->type == VERIFIER_COSIGNATURE;
	size_t whole, before = ID_SIZE + (has_time ? TIME_SIZE : 0);
	if (decode(line->base64, line->base64_size, bytes, sizeof bytes, &whole) != RESULT_OK ||
	    whole != before + VERIFIER_SIGNATURE_SIZE)
		return RESULT_INVALID;
	if (!has_time)
		return verify(verifier->key, bytes + before, note->text, note->text_size);
	uint64_t time = (uint64_t)id_of(bytes + ID_SIZE) << 32 | id_of(bytes + 2 * ID_SIZE);
	if (time > INT64_MAX)
		return RESULT_INVALID;
	*time_s = (int64_t)time;
	struct buffer message;
	buffer_init(&message, note->text_size + 64);
	cosignature_message(note->text, note->text_size, *time_s, &message);
	int result = message.failed
			     ? RESULT_NOMEM
			     : verify(verifier->key, bytes + before, message.data, message.size);
	buffer_free(&message);
	return result;
}

static bool is_of(const struct note_line *line, const struct verifier *verifier)
{
	return line->id == verifier->id && line->name_size == strlen(verifier->name) &&
	       memcmp(line->name, verifier->name, line->name_size) == 0;
}

/* All lines of one key. */
static int verify_key(const struct signed_note *note, const struct verifier *verifier,
		      struct note_verdict *verdict)
{
	bool found = false;
	for (size_t i = 0; i < note->line_count; i++) {
		int64_t time_s = 0;
		if (!is_of(&note->lines[i], verifier))
			continue;
		int result = verify_line(note, &note->lines[i], verifier, &time_s);
		if (result != RESULT_OK)
			return result;
		found = true;
		if (time_s > verdict->time_s)
			verdict->time_s = time_s;
	}
	if (found && verifier->type == VERIFIER_COSIGNATURE)
		verdict->cosignatures++;
	else if (found)
		verdict->signatures++;
	return RESULT_OK;
}

int signed_note_verify(const struct signed_note *note, const struct verifier *known,
		       size_t known_count, struct note_verdict *verdict)
{
	struct note_verdict good = {0};
	int result = RESULT_OK;
	*verdict = good;
	for (size_t i = 0; i < known_count && result == RESULT_OK; i++)
		result = verify_key(note, &known[i], &good);
	if (result == RESULT_OK)
		*verdict = good;
	return result;
}

void signed_note_add_line(struct buffer *note, const struct verifier *verifier, int64_t time_s,
			  const uint8_t signature[VERIFIER_SIGNATURE_SIZE])
{
	uint8_t bytes[LINE_BYTES_MAX];
	size_t size = ID_SIZE;
	put_id(verifier->id, bytes);
	if (verifier->type == VERIFIER_COSIGNATURE) {
		put_id((uint32_t)((uint64_t)time_s >> 32), bytes + size);
		put_id((uint32_t)time_s, bytes + size + ID_SIZE);
		size += TIME_SIZE;
	}
	memcpy(bytes + size, signature, VERIFIER_SIGNATURE_SIZE);
	size += VERIFIER_SIGNATURE_SIZE;
	buffer_printf(note, "%s%s ", line_mark, verifier->name);
	encode(bytes, size, note);
	buffer_append_byte(note, '\n');
}

void cosignature_message(const char *text, size_t text_size, int64_t time_s, struct buffer *into)
{
	buffer_printf(into, "cosignature/v1\ntime %" PRId64 "\n", time_s);
	buffer_append(into, text, text_size);
}

void checkpoint_write(const struct checkpoint *checkpoint, struct buffer *into)
{
	buffer_printf(into, "%s\n%" PRIu64 "\n", checkpoint->origin, checkpoint->size);
	encode(checkpoint->root.bytes, MERKLE_HASH_SIZE, into);
	buffer_append_byte(into, '\n');
}

/* A number to the letter: no sign, no leading zeros. */
static bool parse_size(const char *text, size_t size, uint64_t *number)
{
	*number = 0;
	if (size == 0 || size > DECIMAL_MAX || (size > 1 && *text == '0'))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = 10 * *number + (uint64_t)(text[i] - '0');
	}
	return *number <= MERKLE_SIZE_MAX;
}

/* Takes a line off the text; it must have one that is not empty. */
static bool take_line(const char **text, size_t *size, const char **line, size_t *line_size)
{
	const char *newline = *size > 0 ? memchr(*text, '\n', *size) : NULL;
	if (!newline || newline == *text)
		return false;
	*line = *text;
	*line_size = (size_t)(newline - *text);
	*text = newline + 1;
	*size -= *line_size + 1;
	return true;
}

int checkpoint_parse(const char *text, size_t size, struct checkpoint *checkpoint)
{
	const char *line;
	size_t line_size, whole;
	*checkpoint = (struct checkpoint){.size = 0};
	if (!take_line(&text, &size, &line, &line_size) || line_size >= sizeof checkpoint->origin ||
	    memchr(line, '\0', line_size))
		return RESULT_INVALID;
	memcpy(checkpoint->origin, line, line_size);
	if (!take_line(&text, &size, &line, &line_size) ||
	    !parse_size(line, line_size, &checkpoint->size))
		return RESULT_INVALID;
	if (!take_line(&text, &size, &line, &line_size) || line_size != ROOT_TEXT_SIZE ||
	    decode(line, line_size, checkpoint->root.bytes, MERKLE_HASH_SIZE, &whole) !=
		    RESULT_OK ||
	    whole != MERKLE_HASH_SIZE)
		return RESULT_INVALID;
	while (size > 0)
		if (!take_line(&text, &size, &line, &line_size))
			return RESULT_INVALID;
	return RESULT_OK;
}
