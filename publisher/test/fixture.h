/* fixture.h - what tests of the publisher have in common: a folder, keys, configs, changes, spool segments */
#ifndef PUBLISHER_TEST_FIXTURE_H
#define PUBLISHER_TEST_FIXTURE_H

#include "base/clock.h"
#include "base/config.h"
#include "eppparse/change.h"
#include "plugin/spool.h"
#include "plugin/test/scratch.h"
#include "publisher/feed_store.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
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

/* Makes `change` one of that name. */
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
struct fixture_segment {
	struct spool_segment_header header;
	struct buffer bytes;
};

/* The wall clock when CLOCK_MONOTONIC was 0: a record's times are made from one stamp. */
#define FIXTURE_WALL_US INT64_C(1790000000000000)

/* Writes the header anew, after a change of its members. */
static inline void fixture_segment_seal(struct fixture_segment *segment)
{
	segment->header.crc = spool_segment_crc(&segment->header);
	memcpy(segment->bytes.data, &segment->header, sizeof segment->header);
}

/* Begins a segment of this boot. */
static inline void fixture_segment_begin(struct fixture_segment *segment, uint64_t writer,
					 uint32_t sequence)
{
	*segment = (struct fixture_segment){.header = {.version = SPOOL_VERSION,
						       .pid = 1,
						       .writer = writer,
						       .created_us = FIXTURE_WALL_US,
						       .sequence = sequence,
						       .salt = (uint32_t)writer * 31 + sequence}};
	memcpy(segment->header.magic, SPOOL_SEGMENT_MAGIC, sizeof segment->header.magic);
	memcpy(segment->header.id, &writer, sizeof writer);
	memcpy(segment->header.id + sizeof writer, &sequence, sizeof sequence);
	clock_boot_id(segment->header.boot_id);
	buffer_init(&segment->bytes, 64 << 20);
	buffer_append(&segment->bytes, &segment->header, sizeof segment->header);
	fixture_segment_seal(segment);
}

static inline void fixture_segment_free(struct fixture_segment *segment)
{
	buffer_free(&segment->bytes);
}

static inline void fixture_record_at(struct fixture_segment *segment, uint32_t kind,
				     uint64_t ticket, int64_t monotonic_us, int64_t wall_us,
				     const void *payload, size_t size)
{
	struct spool_record_header header = {.size = (uint32_t)size,
					     .kind = kind,
					     .ticket = ticket,
					     .monotonic_us = monotonic_us,
					     .wall_us = wall_us};
	spool_record_seal(segment->header.salt, &header, payload);
	buffer_append(&segment->bytes, &header, sizeof header);
	buffer_append(&segment->bytes, payload, size);
}

static inline void fixture_record(struct fixture_segment *segment, uint32_t kind, uint64_t ticket,
				  int64_t stamp_us, const void *payload, size_t size)
{
	fixture_record_at(segment, kind, ticket, stamp_us, FIXTURE_WALL_US + stamp_us, payload,
			  size);
}

/* A change, or the intent of one. */
static inline void fixture_change_record(struct fixture_segment *segment, uint32_t kind,
					 uint64_t ticket, int64_t stamp_us,
					 const struct change *change)
{
	struct buffer encoded;
	buffer_init(&encoded, SPOOL_RECORD_MAX);
	change_encode(change, &encoded);
	fixture_record(segment, kind, ticket, stamp_us, encoded.data, encoded.size);
	buffer_free(&encoded);
}

static inline void fixture_segment_path(char path[PATH_MAX], const char *state_dir, uint64_t writer,
					uint32_t sequence, const char *suffix)
{
	snprintf(path, PATH_MAX, "%s/" SPOOL_FOLDER "/" SPOOL_SEGMENT_NAME "%s", state_dir, writer,
		 sequence, suffix);
}

/* Puts the segment's first `size` bytes in its file, in place of what that held. A new file is there at once with all
 * of it: of a dead writer, somebody who reads meanwhile would take a part for a torn one. */
static inline void fixture_segment_cut(const struct fixture_segment *segment, const char *state_dir,
				       size_t size)
{
	char path[PATH_MAX], begun[PATH_MAX];
	mkdir(state_dir, 0700);
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, state_dir);
	FIXTURE_MUST(mkdir(path, 0700) == 0 || errno == EEXIST);
	fixture_segment_path(path, state_dir, segment->header.writer, segment->header.sequence, "");
	fixture_segment_path(begun, state_dir, segment->header.writer, segment->header.sequence,
			     ".begun");
	bool is_there = access(path, F_OK) == 0;
	FILE *file = fopen(is_there ? path : begun, "we");
	FIXTURE_MUST(file && fwrite(segment->bytes.data, 1, size, file) == size &&
		     fclose(file) == 0);
	FIXTURE_MUST(is_there || rename(begun, path) == 0);
}

static inline void fixture_segment_put(const struct fixture_segment *segment, const char *state_dir)
{
	FIXTURE_MUST(!segment->bytes.failed);
	fixture_segment_cut(segment, state_dir, segment->bytes.size);
}

static inline bool fixture_segment_is_there(const char *state_dir, uint64_t writer,
					    uint32_t sequence, const char *suffix)
{
	char path[PATH_MAX];
	fixture_segment_path(path, state_dir, writer, sequence, suffix);
	return access(path, F_OK) == 0;
}

/* How many entries a table of the store has. */
static inline uint64_t fixture_count(struct feed_store *store, enum feed_table table)
{
	struct feed_txn txn;
	uint64_t count;
	FIXTURE_MUST(feed_txn_begin(store, true, &txn) == RESULT_OK);
	FIXTURE_MUST(feed_txn_count(&txn, table, &count) == RESULT_OK);
	feed_txn_abort(&txn);
	return count;
}

/* The claims of the event at this place of the channel `all`, for json_decref(); NULL: there is none. */
static inline json_t *fixture_claims(struct feed_store *store, uint64_t index)
{
	struct channel_record record;
	struct feed_event event;
	struct feed_txn txn;
	struct buffer text;
	uint64_t number;
	json_t *claims = NULL;
	buffer_init(&text, 1 << 20);
	FIXTURE_MUST(feed_txn_begin(store, true, &txn) == RESULT_OK);
	if (feed_txn_channel(&txn, "all", false, &record) == RESULT_OK &&
	    feed_txn_placed(&txn, &record, index, &number) == RESULT_OK) {
		FIXTURE_MUST(feed_txn_event(&txn, number, &event) == RESULT_OK);
		const char *payload = (const char *)memchr(event.jws, '.', event.jws_size) + 1;
		size_t size = event.jws_size - (size_t)(payload - event.jws);
		FIXTURE_MUST(feed_base64url_decode(payload, size, &text) == RESULT_OK);
		claims = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
		FIXTURE_MUST(claims);
	}
	feed_txn_abort(&txn);
	buffer_free(&text);
	return claims;
}

/* The same numbers in each run, or from where it is set to. */
static inline uint64_t *fixture_random_state(void)
{
	static uint64_t state = 20261123;
	return &state;
}

static inline void fixture_random_from(uint64_t seed)
{
	*fixture_random_state() = seed;
}

static inline unsigned fixture_random(void)
{
	uint64_t *state = fixture_random_state();
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*state >> 33);
}

#endif
