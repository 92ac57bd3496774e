#include "subscriber/curve_key.h"

#include "base/file.h"
#include "subscriber/complaint.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <zmq.h>

/* A file may be read that is longer than a key, so that it is told what a key looks like. */
enum { Z85_SIZE = CURVE_KEY_SIZE - 1, FILE_MAX = 256 };

/* One line of 40 characters, with or without its end. */
static int read_line(const struct buffer *file, char key[CURVE_KEY_SIZE],
		     const struct complaint *why)
{
	unsigned char raw[Z85_SIZE / 5 * 4];
	size_t size = file->size;
	while (size > 0 && (file->data[size - 1] == '\n' || file->data[size - 1] == '\r'))
		size--;
	key[0] = '\0';
	if (size == Z85_SIZE) {
		memcpy(key, file->data, Z85_SIZE);
		key[Z85_SIZE] = '\0';
	}
	/* It judges length and characters too: a NUL among them makes the text shorter. */
	bool is_key = zmq_z85_decode(raw, key) && strlen(key) == Z85_SIZE;
	OPENSSL_cleanse(raw, sizeof raw);
	if (is_key)
		return RESULT_OK;
	return complain(why, RESULT_CONFIG,
			"not a CURVE key: one line of 40 z85 characters, as epptapctl keygen "
			"writes, would be right");
}

int curve_key_read_public(const char *path, char key[CURVE_KEY_SIZE], char *why, size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	struct buffer file;
	buffer_init(&file, FILE_MAX);
	int result = file_read(path, &file);
	if (result == RESULT_STORE)
		result = complain(&to, RESULT_CONFIG, "can't be read: %s", strerror(errno));
	else if (result == RESULT_NOMEM)
		(void)complain(&to, result, "out of memory");
	else
		result = read_line(&file, key, &to);
	buffer_free(&file);
	return result;
}

int curve_key_read_secret(const char *path, char secret[CURVE_KEY_SIZE],
			  char public[CURVE_KEY_SIZE], char *why, size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	struct buffer file;
	buffer_init(&file, FILE_MAX);
	int result = file_read_private(path, &file, "`epptapctl keygen DIRECTORY` makes keys", why,
				       why_size);
	if (result == RESULT_OK)
		result = read_line(&file, secret, &to);
	if (result == RESULT_OK && zmq_curve_public(public, secret) != 0)
		result = complain(&to, RESULT_CONFIG,
				  "no public key can be derived from it: libzmq may lack CURVE");
	if (result != RESULT_OK)
		OPENSSL_cleanse(secret, CURVE_KEY_SIZE);
	if (file.data)
		OPENSSL_cleanse(file.data, file.capacity);
	buffer_free(&file);
	return result;
}

int curve_key_make(char secret[CURVE_KEY_SIZE], char public[CURVE_KEY_SIZE])
{
	return zmq_curve_keypair(public, secret) == 0 ? RESULT_OK : RESULT_CONFIG;
}
