#include "conformance/refepp/frames.h"

#include "conformance/refepp/need.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 4 };

/* SSL_read() that gives all that was asked for, or fails. */
static bool read_all(SSL *tls, void *into, size_t size)
{
	char *to = into;

	while (size > 0) {
		size_t got;

		ERR_clear_error();
		if (SSL_read_ex(tls, to, size, &got) != 1)
			return false;
		to += got;
		size -= got;
	}
	return true;
}

bool frames_read(SSL *tls, struct text *frame)
{
	uint8_t header[HEADER_SIZE];
	char chunk[16384];
	size_t left;

	text_reset(frame);
	if (!read_all(tls, header, sizeof(header)))
		return false;
	left = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 |
	       header[3];
	if (left <= HEADER_SIZE || left > FRAME_LIMIT)
		return false;
	left -= HEADER_SIZE;
	/* Memory follows the bytes that came, not the length that was promised. */
	while (left > 0) {
		size_t size = left < sizeof(chunk) ? left : sizeof(chunk);

		if (!read_all(tls, chunk, size))
			return false;
		text_bytes(frame, chunk, size);
		left -= size;
	}
	return true;
}

bool frames_write(SSL *tls, const struct text *frame)
{
	size_t size = frame->size + HEADER_SIZE, written;
	uint8_t *bytes = need_resized(NULL, size);
	bool sent;

	bytes[0] = (uint8_t)(size >> 24);
	bytes[1] = (uint8_t)(size >> 16);
	bytes[2] = (uint8_t)(size >> 8);
	bytes[3] = (uint8_t)size;
	memcpy(bytes + HEADER_SIZE, frame->data, frame->size);
	ERR_clear_error();
	sent = SSL_write_ex(tls, bytes, size, &written) == 1;
	free(bytes);
	return sent;
}
