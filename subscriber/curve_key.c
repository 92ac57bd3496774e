#include "subscriber/curve_key.h"

#include "base/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

enum { Z85_SIZE = CURVE_KEY_SIZE - 1, FILE_MAX = Z85_SIZE + 2 };

static const char z85[] =
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()"
	"[]{}@%$#";

struct complaint {
	const char *path;
	char *text;
	size_t size;
};

static int complain(const struct complaint *to, const char *what)
{
	snprintf(to->text, to->size, "%s: %s", to->path, what);
	return RESULT_CONFIG;
}

/* A line of 40 characters, with or without its end. */
static int read_line(const struct complaint *why, char key[CURVE_KEY_SIZE])
{
	struct buffer file;
	buffer_init(&file, FILE_MAX);
	int result = file_read(why->path, &file);
	if (result == RESULT_STORE) {
		char what[128];
		snprintf(what, sizeof what, "can't be read: %s", strerror(errno));
		result = complain(why, what);
		goto out;
	}
	if (result == RESULT_NOMEM) {
		(void)complain(why, "out of memory");
		goto out;
	}
	size_t size = file.size;
	while (size > 0 && (file.data[size - 1] == '\n' || file.data[size - 1] == '\r'))
		size--;
	unsigned char raw[Z85_SIZE / 5 * 4];
	if (result == RESULT_OK && size == Z85_SIZE) {
		memcpy(key, file.data, Z85_SIZE);
		key[Z85_SIZE] = '\0';
	}
	if (result == RESULT_FULL || size != Z85_SIZE || strspn(key, z85) != Z85_SIZE ||
	    !zmq_z85_decode(raw, key))
		result = complain(why,
				  "not a CURVE key: one line of 40 z85 characters, as epptapctl "
				  "keygen writes, would be right");
	OPENSSL_cleanse(raw, sizeof raw);
out:
	if (file.data)
		OPENSSL_cleanse(file.data, file.capacity);
	buffer_free(&file);
	return result;
}

int curve_key_read_public(const char *path, char key[CURVE_KEY_SIZE], char *why, size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	return read_line(&to, key);
}

int curve_key_read_secret(const char *path, char secret[CURVE_KEY_SIZE],
			  char public[CURVE_KEY_SIZE], char *why, size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	struct stat now;
	if (stat(path, &now) == 0 && (now.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return complain(&to, "a secret key that others may read or change: chmod 600 would "
				     "be right");
	int result = read_line(&to, secret);
	if (result == RESULT_OK && zmq_curve_public(public, secret) != 0)
		result = complain(&to,
				  "no public key can be derived from it: libzmq may lack CURVE");
	if (result != RESULT_OK)
		OPENSSL_cleanse(secret, CURVE_KEY_SIZE);
	return result;
}
