/* fixture.h - what tests of the publisher have in common: a folder, keys, configs, changes, spool segments */
#ifndef PUBLISHER_TEST_FIXTURE_H
#define PUBLISHER_TEST_FIXTURE_H

#include "base/config.h"
#include "base/crc32.h"
#include "eppparse/change.h"
#include "plugin/spool.h"
#include "plugin/test/scratch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>

/* Tells where and ends the program: what the fixture itself needs must work. */
#define FIXTURE_MUST(condition)                                                                    \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A PEM file with a new private key of that type, such as "ED25519"; with a passphrase if one is given. */
static inline void fixture_key(const char *path, const char *type, const char *passphrase)
{
	FILE *file = fopen(path, "we");
	EVP_PKEY *key = strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
						: EVP_PKEY_Q_keygen(NULL, NULL, type);
	FIXTURE_MUST(file && key && chmod(path, 0600) == 0);
	FIXTURE_MUST(PEM_write_PKCS8PrivateKey(file, key, passphrase ? EVP_aes_128_cbc() : NULL,
					       passphrase, passphrase ? (int)strlen(passphrase) : 0,
					       NULL, NULL) == 1);
	FIXTURE_MUST(fclose(file) == 0);
	EVP_PKEY_free(key);
}

/* A config with `channels` as the rest of its text, and state_dir and key in the folder. */
static inline struct config *fixture_config(const struct scratch *scratch, const char *more)
{
	char path[128], why[512];
	struct config *config;
	snprintf(path, sizeof path, "%s/epptap.yaml", scratch->path);
	FILE *file = fopen(path, "we");
	FIXTURE_MUST(file);
	fprintf(file,
		"registry: https://registry.example\n"
		"state_dir: %s/state\n"
		"keys: {event: %s/event.pem}\n"
		"%s",
		scratch->path, scratch->path, more);
	fclose(file);
	if (config_load(path, &config, why, sizeof why) != RESULT_OK) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return config;
}

/* Makes `change` one of that name, seen at `wall_us`. */
static inline void fixture_change(struct change *change, enum change_object object,
				  enum change_verb verb, const char *name)
{
	change_clear(change);
	change->wall_us = 1790000000123456;
	change->object = object;
	change->verb = verb;
	FIXTURE_MUST(change_name_read(&change->name, name, strlen(name)) == RESULT_OK);
	FIXTURE_MUST(change_token_read(&change->svtrid, "SV-1", 4) == RESULT_OK);
}

/* A spool segment, put together by the words of plugin/spool.h. */
static inline void fixture_segment_begin(struct buffer *bytes, uint8_t id)
{
	struct spool_segment_header header = {.version = SPOOL_VERSION, .pid = 1};
	memcpy(header.magic, SPOOL_SEGMENT_MAGIC, sizeof header.magic);
	memset(header.id, id, sizeof header.id);
	header.crc = crc32_update(0, &header, offsetof(struct spool_segment_header, crc));
	buffer_init(bytes, 64 << 20);
	buffer_append(bytes, &header, sizeof header);
}

static inline void fixture_record(struct buffer *bytes, uint32_t kind, const void *payload,
				  size_t size)
{
	struct spool_record_header header = {
		.magic = SPOOL_RECORD_MAGIC, .size = (uint32_t)size, .kind = kind};
	header.crc = crc32_update(0, &header.size, sizeof header.size);
	header.crc = crc32_update(header.crc, &header.kind, sizeof header.kind);
	header.crc = crc32_update(header.crc, payload, size);
	buffer_append(bytes, &header, sizeof header);
	buffer_append(bytes, payload, size);
}

static inline void fixture_change_record(struct buffer *bytes, const struct change *change)
{
	struct buffer encoded;
	buffer_init(&encoded, SPOOL_RECORD_MAX);
	change_encode(change, &encoded);
	fixture_record(bytes, SPOOL_CHANGE, encoded.data, encoded.size);
	buffer_free(&encoded);
}

static inline void fixture_segment_path(char path[PATH_MAX], const char *state_dir,
					uint64_t sequence, const char *suffix)
{
	snprintf(path, PATH_MAX, "%s/" SPOOL_FOLDER "/%016" PRIx64 ".%s", state_dir, sequence,
		 suffix);
}

/* Puts the first `size` bytes in a segment file, in place of what it held. */
static inline void fixture_segment_file(const char *state_dir, uint64_t sequence, const void *bytes,
					size_t size)
{
	char path[PATH_MAX];
	mkdir(state_dir, 0700);
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, state_dir);
	FIXTURE_MUST(mkdir(path, 0700) == 0 || errno == EEXIST);
	fixture_segment_path(path, state_dir, sequence, "seg");
	FILE *file = fopen(path, "we");
	FIXTURE_MUST(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

#endif
