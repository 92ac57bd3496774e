/* log_maker.h - for the tests: a channel's folder with a log of its own, signed with fresh keys
 *
 * Everything here asserts; only tests include it.
 */
#ifndef SUBSCRIBER_TEST_LOG_MAKER_H
#define SUBSCRIBER_TEST_LOG_MAKER_H

#include "subscriber/test/signer.h"

#include "publisher/merkle.h"
#include "publisher/note.h"
#include "publisher/tiles.h"

#include <ftw.h>
#include <limits.h>

#define LOG_ORIGIN "registry.example/public"

enum { LOG_MAKER_MAX = 1024, LOG_MAKER_TIME_S = 1700000000 };

struct log_maker {
	char folder[128]; /* ends in a slash */
	struct signer signer;
	EVP_PKEY *log_key, *cosigner_key;
	struct verifier log, cosigner;
	struct buffer entries[LOG_MAKER_MAX];
	struct merkle_hash leaves[LOG_MAKER_MAX];
	size_t count;
};

static inline void make_verifier(const char *name, enum verifier_type type, EVP_PKEY **key,
				 struct verifier *verifier)
{
	uint8_t raw[VERIFIER_KEY_SIZE];
	size_t size = sizeof raw;
	*key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(EVP_PKEY_get_raw_public_key(*key, raw, &size), 1);
	assert_int_equal(verifier_make(name, type, raw, verifier), RESULT_OK);
}

static inline void log_maker_put(const struct log_maker *maker, const char *name, const void *bytes,
				 size_t size)
{
	char path[PATH_MAX], folder[PATH_MAX];
	snprintf(path, sizeof path, "%s%s", maker->folder, name);
	snprintf(folder, sizeof folder, "%s", path);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_make_folder(folder, 0700), RESULT_OK);
	assert_int_equal(file_replace(path, bytes, size, 0600, false), RESULT_OK);
}

static inline void put_text(const struct log_maker *maker, const char *name, const char *text)
{
	log_maker_put(maker, name, text, strlen(text));
}

/* Of this text; and what stands between is the verifier key as text. */
static inline char *verifier_text(const struct verifier *verifier)
{
	struct buffer text;
	buffer_init(&text, VERIFIER_TEXT_MAX + 1);
	verifier_write(verifier, &text);
	buffer_append_byte(&text, '\0');
	assert_false(text.failed);
	return text.data;
}

static inline void log_maker_write_feed(const struct log_maker *maker, const char *more)
{
	char *text, *log = verifier_text(&maker->log), *cosigner = verifier_text(&maker->cosigner);
	assert_true(asprintf(&text,
			     "{\"feed_version\":1,\"registry\":\"" REGISTRY
			     "\",\"channel\":\"public\",\"origin\":\"" LOG_ORIGIN
			     "\",\"verifier_keys\":[\"%s\",\"%s\"],\"jwks\":\"jwks.json\","
			     "\"connect\":[]%s}",
			     log, cosigner, more) > 0);
	put_text(maker, "feed.json", text);
	free(text);
	free(log);
	free(cosigner);
}

static inline struct log_maker *log_maker_new(void)
{
	struct log_maker *maker = calloc(1, sizeof *maker);
	const char *above = getenv("TMPDIR");
	assert_non_null(maker);
	char folder[sizeof maker->folder - 1];
	snprintf(folder, sizeof folder, "%s/eppwatch-log-XXXXXX", above ? above : "/tmp");
	assert_non_null(mkdtemp(folder));
	snprintf(maker->folder, sizeof maker->folder, "%s/", folder);
	signer_init(&maker->signer);
	make_verifier(LOG_ORIGIN, VERIFIER_ED25519, &maker->log_key, &maker->log);
	make_verifier("registry.example/cosigner", VERIFIER_COSIGNATURE, &maker->cosigner_key,
		      &maker->cosigner);
	char *jwks = jwks_of(&maker->signer, NULL);
	put_text(maker, "jwks.json", jwks);
	free(jwks);
	log_maker_write_feed(maker, "");
	return maker;
}

static inline int remove_one(const char *path, const struct stat *is, int type, struct FTW *ftw)
{
	(void)is, (void)type, (void)ftw;
	return remove(path);
}

static inline void log_maker_free(struct log_maker *maker)
{
	nftw(maker->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < maker->count; i++)
		buffer_free(&maker->entries[i]);
	EVP_PKEY_free(maker->log_key);
	EVP_PKEY_free(maker->cosigner_key);
	signer_free(&maker->signer);
	free(maker);
}

/* Appends a signed event about this name; `more` are further members of its value, each with a comma before it. */
static inline void log_maker_event(struct log_maker *maker, const char *name, const char *jti,
				   const char *more)
{
	char payload[2048];
	assert_true(maker->count < LOG_MAKER_MAX);
	snprintf(payload, sizeof payload,
		 "{" CLAIM_ISS "," CLAIM_IAT "," CLAIM_TOE
		 ",\"jti\":\"%s\",\"sub_id\":{\"format\":\"uri\",\"uri\":\"dns:%s\"},"
		 "\"events\":{\"" DOMAIN_UPDATE
		 "\":{\"objectClassName\":\"domain\",\"ldhName\":\"%s\"%s}}}",
		 jti, name, name, more);
	struct buffer *entry = &maker->entries[maker->count];
	*entry = sign(&maker->signer, NULL, payload);
	assert_int_equal(merkle_leaf(entry->data, entry->size, &maker->leaves[maker->count]),
			 RESULT_OK);
	maker->count++;
}

/* Events about d0.example, d1.example ... up to this size. */
static inline void log_maker_fill(struct log_maker *maker, size_t size)
{
	while (maker->count < size) {
		char name[32], jti[32];
		snprintf(name, sizeof name, "d%zu.example", maker->count);
		snprintf(jti, sizeof jti, "jti-%zu", maker->count);
		log_maker_event(maker, name, jti, "");
	}
}

static inline void log_maker_root(const struct log_maker *maker, size_t size,
				  struct merkle_hash *root)
{
	struct merkle_range range;
	merkle_range_init(&range);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(merkle_range_append(&range, &maker->leaves[i]), RESULT_OK);
	assert_int_equal(merkle_range_root(&range, root), RESULT_OK);
}

static inline void sign_bytes(EVP_PKEY *key, const void *bytes, size_t size,
			      uint8_t signature[VERIFIER_SIGNATURE_SIZE])
{
	size_t signature_size = VERIFIER_SIGNATURE_SIZE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &signature_size, bytes, size), 1);
	EVP_MD_CTX_free(context);
}

/* A signed and cosigned checkpoint of the first `size` entries; for buffer_free(). */
static inline struct buffer log_maker_note(const struct log_maker *maker, size_t size,
					   int64_t time_s)
{
	struct checkpoint checkpoint = {.origin = LOG_ORIGIN, .size = size};
	struct buffer note, message;
	uint8_t signature[VERIFIER_SIGNATURE_SIZE];
	buffer_init(&note, SIGNED_NOTE_MAX);
	buffer_init(&message, SIGNED_NOTE_MAX);
	log_maker_root(maker, size, &checkpoint.root);
	checkpoint_write(&checkpoint, &note);
	size_t text_size = note.size;
	cosignature_message(note.data, text_size, time_s, &message);
	sign_bytes(maker->log_key, note.data, text_size, signature);
	buffer_append_byte(&note, '\n');
	signed_note_add_line(&note, &maker->log, 0, signature);
	sign_bytes(maker->cosigner_key, message.data, message.size, signature);
	signed_note_add_line(&note, &maker->cosigner, time_s, signature);
	buffer_free(&message);
	assert_false(note.failed);
	return note;
}

static inline void put_bundle(const struct log_maker *maker, size_t tile, size_t width)
{
	char path[TILES_PATH_SIZE];
	struct buffer bundle;
	buffer_init(&bundle, TILES_BUNDLE_MAX);
	for (size_t i = 0; i < width; i++) {
		const struct buffer *entry = &maker->entries[tile * TILES_WIDTH + i];
		assert_int_equal(tiles_bundle_append(&bundle, entry->data, entry->size), RESULT_OK);
	}
	tiles_bundle_path(tile, (unsigned)width, path);
	log_maker_put(maker, path, bundle.data, bundle.size);
	buffer_free(&bundle);
}

/* Writes all tiles, bundles, and the checkpoint. Logs of the tests have two levels at most. */
static inline void log_maker_publish(const struct log_maker *maker, int64_t time_s)
{
	char path[TILES_PATH_SIZE];
	struct merkle_hash above[TILES_WIDTH];
	for (size_t tile = 0; tile * TILES_WIDTH < maker->count; tile++) {
		size_t width = tiles_width(maker->count, 0, tile);
		tiles_tile_path(0, tile, (unsigned)width, path);
		log_maker_put(maker, path, &maker->leaves[tile * TILES_WIDTH],
			      width * MERKLE_HASH_SIZE);
		put_bundle(maker, tile, width);
		struct merkle_range range;
		merkle_range_init(&range);
		for (size_t i = 0; i < width; i++)
			assert_int_equal(
				merkle_range_append(&range, &maker->leaves[tile * TILES_WIDTH + i]),
				RESULT_OK);
		assert_int_equal(merkle_range_root(&range, &above[tile]), RESULT_OK);
	}
	size_t full = maker->count / TILES_WIDTH;
	if (full > 0) {
		tiles_tile_path(1, 0, (unsigned)full, path);
		log_maker_put(maker, path, above, full * MERKLE_HASH_SIZE);
	}
	struct buffer note = log_maker_note(maker, maker->count, time_s);
	log_maker_put(maker, "checkpoint", note.data, note.size);
	buffer_free(&note);
}

static inline struct buffer log_maker_get(const struct log_maker *maker, const char *name)
{
	char path[PATH_MAX];
	struct buffer file;
	buffer_init(&file, TILES_BUNDLE_MAX);
	snprintf(path, sizeof path, "%s%s", maker->folder, name);
	assert_int_equal(file_read(path, &file), RESULT_OK);
	return file;
}

/* Flips bit `bit` of the file. Twice is not at all. */
static inline void log_maker_flip(const struct log_maker *maker, const char *name, size_t bit)
{
	struct buffer file = log_maker_get(maker, name);
	assert_true(bit / 8 < file.size);
	file.data[bit / 8] = (char)(file.data[bit / 8] ^ 1 << bit % 8);
	log_maker_put(maker, name, file.data, file.size);
	buffer_free(&file);
}

static inline void log_maker_remove(const struct log_maker *maker, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s%s", maker->folder, name);
	assert_int_equal(unlink(path), 0);
}

#endif
