#include "publisher/feed_format.h"
#include "publisher/crypto_gate.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 253 };

void feed_base64url_encode(const void *bytes, size_t size, struct buffer *into)
{
	/* EVP writes four characters for three bytes, padding and a NUL. */
	char *text = buffer_reserve(into, (size + 2) / 3 * 4 + 1);
	if (!text)
		return;
	int length = EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
	while (length > 0 && text[length - 1] == '=')
		length--;
	for (int i = 0; i < length; i++) {
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	}
	into->size += (size_t)length;
}

/* The six bits that a character stands for, or -1. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int feed_base64url_decode(const char *text, size_t size, struct buffer *into)
{
	if (size % 4 == 1)
		return RESULT_INVALID;
	if (size == 0)
		return RESULT_OK; /* an empty buffer may have no memory to point to */
	size_t decoded = size / 4 * 3 + (size % 4 ? size % 4 - 1 : 0);
	char *out = buffer_reserve(into, decoded);
	if (!out)
		return RESULT_FULL;
	uint32_t bits = 0;
	int have = 0;
	for (size_t i = 0; i < size; i++) {
		int value = sextet(text[i]);
		if (value < 0)
			return RESULT_INVALID;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	/* Left-over bits must be zero, or two texts would stand for the same bytes (RFC 4648, section 3.5). */
	if (bits != 0)
		return RESULT_INVALID;
	into->size += decoded;
	return RESULT_OK;
}

int feed_key_id(const uint8_t key[FEED_KEY_SIZE], char id[FEED_KEY_ID_SIZE])
{
	struct buffer text;
	buffer_init(&text, 256);
	buffer_append_text(&text, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
	feed_base64url_encode(key, FEED_KEY_SIZE, &text);
	buffer_append_text(&text, "\"}");
	uint8_t hash[CRYPTO_HASH_SIZE];
	int result = RESULT_NOMEM;
	if (!text.failed && crypto_hash(text.data, text.size, hash) == RESULT_OK) {
		buffer_reset(&text);
		feed_base64url_encode(hash, sizeof hash, &text);
		if (!text.failed && text.size == FEED_KEY_ID_SIZE - 1) {
			memcpy(id, text.data, FEED_KEY_ID_SIZE - 1);
			id[FEED_KEY_ID_SIZE - 1] = '\0';
			result = RESULT_OK;
		}
	}
	buffer_free(&text);
	return result;
}

const char *feed_impact_name(size_t i)
{
	static const char *const names[] = {
		"create",         "delete",     "restore", "renew",        "transfer",
		"registrar",      "delegation", "glue",    "dnssec-added", "dnssec-changed",
		"dnssec-removed", "lock",       "unlock",  "hold",         "unhold",
		"contacts",       "none",
	};
	static_assert(sizeof names / sizeof *names == FEED_IMPACTS, "the number of them");
	return i < FEED_IMPACTS ? names[i] : NULL;
}

int feed_topic(const char *name, char topic[FEED_TOPIC_SIZE])
{
	size_t end = strlen(name), at = 0;
	if (end == 0 || end > NAME_MAX_BYTES)
		return RESULT_INVALID;
	for (;;) {
		size_t start = end;
		while (start > 0 && name[start - 1] != '.')
			start--;
		if (start == end)
			return RESULT_INVALID;
		memcpy(topic + at, name + start, end - start);
		at += end - start;
		topic[at++] = '.';
		if (start == 0)
			break;
		end = start - 1;
	}
	topic[at] = '\0';
	return RESULT_OK;
}

const char *feed_class(size_t i)
{
	static const char *const classes[] = {"nsset", "keyset", "nsgroup", "keygroup"};
	static_assert(sizeof classes / sizeof *classes == FEED_CLASSES, "the number of them");
	return i < FEED_CLASSES ? classes[i] : NULL;
}

static bool is_handle(const char *handle)
{
	return *handle && strnlen(handle, FEED_HANDLE_MAX + 1) <= FEED_HANDLE_MAX;
}

int feed_handle_topic(const char *kind, const char *handle, char topic[FEED_TOPIC_SIZE])
{
	if (!is_handle(handle))
		return RESULT_INVALID;
	int at = snprintf(topic, FEED_TOPIC_SIZE, "%c%s.", FEED_OWN_TOPIC_MARK, kind);
	if (at < 0 || (size_t)at + strlen(handle) + 2 > FEED_TOPIC_SIZE)
		return RESULT_INVALID;
	for (; *handle; handle++)
		topic[at++] =
			*handle >= 'A' && *handle <= 'Z' ? (char)(*handle + 'a' - 'A') : *handle;
	topic[at] = '.';
	topic[at + 1] = '\0';
	return RESULT_OK;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~:", c);
}

int feed_handle_uri(const char *kind, const char *handle, char uri[FEED_URI_SIZE])
{
	static const char digits[] = "0123456789ABCDEF";
	if (!is_handle(handle))
		return RESULT_INVALID;
	int at = snprintf(uri, FEED_URI_SIZE, FEED_HANDLE_SCHEME "%s:", kind);
	if (at < 0 || (size_t)at + 3 * strlen(handle) + 1 > FEED_URI_SIZE)
		return RESULT_INVALID;
	for (; *handle; handle++) {
		unsigned char c = (unsigned char)*handle;
		if (!is_plain(*handle)) {
			uri[at++] = '%';
			uri[at++] = digits[c >> 4];
			uri[at++] = digits[c & 15];
		} else {
			uri[at++] = *handle;
		}
	}
	uri[at] = '\0';
	return RESULT_OK;
}
