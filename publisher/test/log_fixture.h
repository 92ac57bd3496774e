/* log_fixture.h - what tests of the channels' logs have in common: a store with events, a log, a reader who trusts nothing
 *
 * The reader is given the log's verifier keys and nothing else: it takes the checkpoint's root from the folder's tiles,
 * and holds each bundle against them and against what the test's events are.
 */
#ifndef PUBLISHER_TEST_LOG_FIXTURE_H
#define PUBLISHER_TEST_LOG_FIXTURE_H

#include "base/file.h"
#include "publisher/channel_log.h"
#include "publisher/identity.h"
#include "publisher/log_dir.h"
#include "publisher/test/fixture.h"
#include "publisher/tiles.h"

#define FIXTURE_LOG_LIMIT (UINT64_C(256) << 20)

struct log_fixture {
	struct scratch scratch;
	struct config *config;
	struct feed_store *store;
	struct feed_identity identity;
	struct log_keys *keys;
	struct channel_log *log;
	char origin[VERIFIER_NAME_SIZE];
	struct clock_reading now;
};

/* Loads a config with keys for logs, and `more` as a member of keys. */
static inline struct config *log_fixture_config(const struct scratch *scratch, const char *more)
{
	char path[128], why[512];
	struct config *config;
	snprintf(path, sizeof path, "%s/epptap.yaml", scratch->path);
	FILE *file = fopen(path, "we");
	FIXTURE_MUST(file);
	fprintf(file,
		"registry: https://registry.example\n"
		"state_dir: %s/state\n"
		"keys: {event: %s/event.pem, log: %s/log.pem, cosigner: %s/cosigner.pem%s}\n"
		"channels: [{name: public, bind: 'tcp://127.0.0.1:7700', log_dir: %s/log}]\n",
		scratch->path, scratch->path, scratch->path, scratch->path, more, scratch->path);
	fclose(file);
	if (config_load(path, &config, why, sizeof why) != RESULT_OK) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return config;
}

static inline void log_fixture_open_store(struct log_fixture *fixture)
{
	char why[512];
	if (feed_store_open(fixture->config->state_dir, FIXTURE_LOG_LIMIT, false, &fixture->store,
			    why, sizeof why) != RESULT_OK) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
}

/* Opens what a publisher has: all but the log itself, if the folder must not be gone on with. */
static inline int log_fixture_open(struct log_fixture *fixture, char *why, size_t why_size)
{
	static const uint8_t event_key[FEED_KEY_SIZE] = {1};
	log_fixture_open_store(fixture);
	int result =
		identity_check(fixture->config, fixture->store, &fixture->identity, why, why_size);
	if (result != RESULT_OK)
		return result;
	FIXTURE_MUST(log_keys_load(fixture->config, event_key, &fixture->keys, why, why_size) ==
		     RESULT_OK);
	identity_origin(fixture->config->channels, &fixture->identity, fixture->origin);
	const struct channel_log_parts parts = {fixture->config, 0, fixture->store, fixture->keys,
						fixture->origin};
	return channel_log_new(&parts, &fixture->log);
}

static inline void log_fixture_close(struct log_fixture *fixture)
{
	channel_log_free(&fixture->log);
	log_keys_free(&fixture->keys);
	feed_store_close(&fixture->store);
}

static inline void log_fixture_set_up(struct log_fixture *fixture)
{
	static const char *const names[] = {"event", "log", "cosigner", "log-2"};
	char path[128], why[1024];
	*fixture = (struct log_fixture){.now = {.wall_us = FIXTURE_WALL_US, .monotonic_us = 1}};
	fixture->scratch = scratch_make();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s.pem", fixture->scratch.path, names[i]);
		fixture_key(path, "ED25519", NULL);
	}
	fixture->config = log_fixture_config(&fixture->scratch, "");
	FIXTURE_MUST(log_fixture_open(fixture, why, sizeof why) == RESULT_OK);
}

static inline void log_fixture_tear_down(struct log_fixture *fixture)
{
	log_fixture_close(fixture);
	config_free(&fixture->config);
	scratch_remove(fixture->scratch.path);
}

/* The bytes of event number `index`: some are longer than others. */
static inline size_t log_fixture_event(uint64_t index, char bytes[2048])
{
	size_t size = (size_t)snprintf(bytes, 64, "event-%" PRIu64 ".", index);
	size_t more = index % 61 == 60 ? 1900 : index % 7;
	memset(bytes + size, 'a' + (int)(index % 26), more);
	return size + more;
}

/* Adds events to the store, and gives each the channel's next place. */
static inline void log_fixture_add(struct log_fixture *fixture, unsigned count)
{
	char bytes[2048];
	struct channel_record record;
	struct feed_txn txn;
	FIXTURE_MUST(feed_txn_begin(fixture->store, false, &txn) == RESULT_OK);
	FIXTURE_MUST(feed_txn_channel(&txn, "public", true, &record) == RESULT_OK);
	for (unsigned i = 0; i < count; i++) {
		uint64_t number;
		struct feed_event event = {.object = 1,
					   .verb = 1,
					   .feed_ms = (int64_t)record.next_index,
					   .name = "a.example",
					   .new_name = "",
					   .jws = bytes};
		event.jws_size = log_fixture_event(record.next_index, bytes);
		FIXTURE_MUST(feed_txn_add_event(&txn, &event, 1, &number) == RESULT_OK);
		FIXTURE_MUST(feed_txn_place(&txn, &record, number) == RESULT_OK);
	}
	FIXTURE_MUST(feed_txn_set_channel(&txn, "public", &record) == RESULT_OK);
	FIXTURE_MUST(feed_txn_commit(&txn) == RESULT_OK);
}

/* Lets go of the events below `feed_ms`, that is, index, as feed.c does: not of what the log needs. */
static inline void log_fixture_prune(struct log_fixture *fixture, int64_t feed_ms)
{
	struct channel_record record;
	struct log_record log;
	struct feed_txn txn;
	FIXTURE_MUST(feed_txn_begin(fixture->store, false, &txn) == RESULT_OK);
	FIXTURE_MUST(feed_txn_channel(&txn, "public", true, &record) == RESULT_OK);
	FIXTURE_MUST(feed_txn_log(&txn, "public", &log, NULL, NULL) == RESULT_OK);
	FIXTURE_MUST(feed_txn_prune(&txn, &record, feed_ms, log.size / TILES_WIDTH * TILES_WIDTH,
				    1000000) == RESULT_OK);
	FIXTURE_MUST(feed_txn_commit(&txn) == RESULT_OK);
}

/* One round, `later_ms` after the one before. */
static inline int log_fixture_round(struct log_fixture *fixture, int64_t later_ms,
				    struct log_round *round)
{
	fixture->now.wall_us += later_ms * 1000;
	fixture->now.monotonic_us += later_ms * 1000;
	return channel_log_round(fixture->log, &fixture->now, false, round);
}

/* Makes the whole log of what the store has. */
static inline void log_fixture_catch_up(struct log_fixture *fixture)
{
	struct log_round round;
	FIXTURE_MUST(log_fixture_round(fixture, 1000, &round) == RESULT_OK);
	while (round.has_more)
		FIXTURE_MUST(log_fixture_round(fixture, 1000, &round) == RESULT_OK);
}

static inline int log_fixture_read(const struct log_fixture *fixture, const char *name,
				   struct buffer *bytes)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", fixture->config->channels->log_dir, name);
	buffer_reset(bytes);
	return file_read(path, bytes);
}

/* A tile as a reader takes it: the partial one, or the full one in its place. */
static inline int log_fixture_tile(void *context, unsigned level, uint64_t tile, unsigned width,
				   struct merkle_hash *hashes)
{
	char name[TILES_PATH_SIZE];
	struct buffer bytes;
	buffer_init(&bytes, TILES_BYTES);
	tiles_tile_path(level, tile, width, name);
	int result = log_fixture_read(context, name, &bytes);
	if (result != RESULT_OK) {
		tiles_tile_path(level, tile, TILES_WIDTH, name);
		result = log_fixture_read(context, name, &bytes);
	}
	if (result == RESULT_OK && bytes.size >= width * sizeof *hashes)
		memcpy(hashes, bytes.data, width * sizeof *hashes);
	else
		result = RESULT_STORE;
	buffer_free(&bytes);
	return result;
}

/* The checkpoint in the folder, if log and cosigner signed it. */
static inline bool log_fixture_checkpoint(const struct log_fixture *fixture,
					  struct checkpoint *checkpoint,
					  struct note_verdict *verdict)
{
	struct verifier verifiers[LOG_VERIFIERS_MAX];
	struct signed_note note;
	struct buffer bytes;
	size_t count;
	buffer_init(&bytes, SIGNED_NOTE_MAX);
	bool good = log_keys_verifiers(fixture->keys, fixture->origin, verifiers, &count) ==
			    RESULT_OK &&
		    log_fixture_read(fixture, TILES_CHECKPOINT, &bytes) == RESULT_OK &&
		    signed_note_parse(bytes.data, bytes.size, &note) == RESULT_OK &&
		    signed_note_verify(&note, verifiers, count, verdict) == RESULT_OK &&
		    verdict->signatures == count - 1 && verdict->cosignatures == 1 &&
		    checkpoint_parse(note.text, note.text_size, checkpoint) == RESULT_OK &&
		    strcmp(checkpoint->origin, fixture->origin) == 0;
	buffer_free(&bytes);
	return good;
}

/* Does the bundle hold just the test's events, and are their hashes the tile's? */
static inline bool log_fixture_bundle_is_good(const struct log_fixture *fixture, uint64_t size,
					      uint64_t tile)
{
	struct merkle_hash hashes[TILES_WIDTH], leaf;
	char name[TILES_PATH_SIZE], expected[2048];
	struct buffer bytes;
	unsigned width = tiles_width(size, 0, tile);
	size_t at = 0;
	buffer_init(&bytes, TILES_BUNDLE_MAX);
	tiles_bundle_path(tile, width, name);
	bool good =
		log_fixture_read(fixture, name, &bytes) == RESULT_OK &&
		log_fixture_tile((void *)(uintptr_t)fixture, 0, tile, width, hashes) == RESULT_OK;
	for (unsigned i = 0; i < width && good; i++) {
		const char *entry;
		size_t entry_size, expected_size;
		expected_size = log_fixture_event(tile * TILES_WIDTH + i, expected);
		good = tiles_bundle_next(bytes.data, bytes.size, &at, &entry, &entry_size) ==
			       RESULT_OK &&
		       entry_size == expected_size && memcmp(entry, expected, entry_size) == 0 &&
		       merkle_leaf(entry, entry_size, &leaf) == RESULT_OK &&
		       merkle_equal(&leaf, &hashes[i]);
	}
	good = good && at == bytes.size;
	buffer_free(&bytes);
	return good;
}

/* Is the log in the folder good, with all bundles from `minimum_index` on? Its size, or UINT64_MAX if it is not. */
static inline uint64_t log_fixture_verify(const struct log_fixture *fixture, uint64_t minimum_index)
{
	const struct merkle_reader reader = {.context = (void *)(uintptr_t)fixture,
					     .read_tile = log_fixture_tile};
	struct checkpoint checkpoint;
	struct note_verdict verdict;
	struct merkle_range range;
	struct merkle_hash root;
	if (!log_fixture_checkpoint(fixture, &checkpoint, &verdict) ||
	    merkle_read_range(&reader, checkpoint.size, checkpoint.size, &range) != RESULT_OK ||
	    merkle_range_root(&range, &root) != RESULT_OK || !merkle_equal(&root, &checkpoint.root))
		return UINT64_MAX;
	for (uint64_t tile = minimum_index / TILES_WIDTH; tile < tiles_count(checkpoint.size, 0);
	     tile++)
		if (!log_fixture_bundle_is_good(fixture, checkpoint.size, tile))
			return UINT64_MAX;
	return checkpoint.size;
}

/* Is the newer checkpoint's tree a growth of the older one's, by the folder's tiles? */
static inline bool log_fixture_is_consistent(const struct log_fixture *fixture,
					     const struct checkpoint *older,
					     const struct checkpoint *newer)
{
	const struct merkle_reader reader = {.context = (void *)(uintptr_t)fixture,
					     .read_tile = log_fixture_tile};
	struct merkle_proof proof;
	return merkle_prove_consistency(&reader, older->size, newer->size, &proof) == RESULT_OK &&
	       merkle_verify_consistency(&proof, older->size, &older->root, newer->size,
					 &newer->root) == RESULT_OK;
}

#endif
