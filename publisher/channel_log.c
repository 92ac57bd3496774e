#include "publisher/channel_log.h"

#include "publisher/feed_json.h"
#include "publisher/identity.h"
#include "publisher/log_edge.h"
#include "publisher/log_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NOTE_MAX = 8192,
	EXTRA_MAX = sizeof(((struct log_edge *)0)->tiles) + NOTE_MAX,
};

struct channel_log {
	struct channel_log_parts parts;
	const struct config_channel *channel;
	struct log_files files;
	bool is_loaded;
	struct log_record record; /* as committed */
	struct log_edge edge;     /* the same, but while a round appends to it */
	struct buffer note;       /* as committed */
	int64_t signed_us;        /* CLOCK_MONOTONIC; 0: not yet by this process */
	bool is_shown;            /* the file `checkpoint` is that note */
	bool is_told;             /* feed.json tells record.minimum_index */
};

int channel_log_new(const struct channel_log_parts *parts, struct channel_log **out)
{
	struct channel_log *log = calloc(1, sizeof *log);
	*out = log;
	if (!log)
		return RESULT_NOMEM;
	log->parts = *parts;
	log->channel = &parts->config->channels[parts->channel];
	log_files_init(&log->files, log->channel);
	buffer_init(&log->note, NOTE_MAX);
	return RESULT_OK;
}

void channel_log_free(struct channel_log **log)
{
	if (!*log)
		return;
	buffer_free(&(*log)->note);
	free(*log);
	*log = NULL;
}

const struct buffer *channel_log_note(const struct channel_log *log)
{
	return &log->note;
}

uint64_t channel_log_size(const struct channel_log *log)
{
	return log->record.size;
}

/* Ends a step that went wrong: what was appended is not committed, so the next round begins from the store. */
static int fail(struct channel_log *log, struct log_round *round, const char *where, int result)
{
	log->is_loaded = false;
	log_files_forget(&log->files);
	round->where = where;
	round->error = result == RESULT_STORE ? errno : 0;
	return result;
}

/* Takes the log as it stands in the store; a channel that has none begins one. */
static int load_record(struct channel_log *log, struct feed_txn *txn)
{
	const void *bytes;
	size_t size, edge_size;
	int result = feed_txn_log(txn, log->channel->name, &log->record, &bytes, &size);
	if (result == RESULT_INVALID) {
		log->record = (struct log_record){.size = 0};
		snprintf(log->record.origin, sizeof log->record.origin, "%s", log->parts.origin);
		log->edge.size = 0;
		return RESULT_OK;
	}
	if (result != RESULT_OK)
		return result;
	edge_size = log_edge_bytes(log->record.size);
	if (size < edge_size)
		return RESULT_STORE;
	log_edge_read(&log->edge, log->record.size, bytes);
	buffer_reset(&log->note);
	buffer_append(&log->note, (const char *)bytes + edge_size, size - edge_size);
	return log->note.failed ? RESULT_NOMEM : RESULT_OK;
}

static int load(struct channel_log *log)
{
	struct feed_txn txn;
	int result = feed_txn_begin(log->parts.store, true, &txn);
	if (result == RESULT_OK)
		result = load_record(log, &txn);
	feed_txn_abort(&txn);
	log->is_loaded = result == RESULT_OK;
	return result;
}

/* How far the store's places go, and from where on they are there. */
static int look(struct channel_log *log, struct channel_record *places, uint64_t *first)
{
	struct feed_txn txn;
	int result = feed_txn_begin(log->parts.store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_channel(&txn, log->channel->name, false, places);
	if (result == RESULT_OK)
		result = feed_txn_first_place(&txn, places, first);
	feed_txn_abort(&txn);
	if (result != RESULT_INVALID)
		return result;
	*places = (struct channel_record){.next_index = 0}; /* nothing was committed yet */
	*first = 0;
	return RESULT_OK;
}

static int put_tile(struct channel_log *log, unsigned level, uint64_t tile, unsigned width)
{
	char name[TILES_PATH_SIZE];
	tiles_tile_path(level, tile, width, name);
	return log_files_put(&log->files, name, log->edge.tiles[level],
			     width * sizeof(struct merkle_hash));
}

/* Partial files may go once the full one is there. Not before the checkpoint that needs it is shown, for readers who
 * know no better. What a crash left undone is done with the next one, from the recorded tidy_size on. */
static void tidy(struct channel_log *log)
{
	char name[TILES_PATH_SIZE];
	struct log_record *record = &log->record;
	for (unsigned level = 0; level < TILES_LEVELS; level++) {
		uint64_t tile = tiles_count(record->tidy_size, level);
		/* The one that was the last, if it was partial then and is full now. */
		if (tile == 0 || tiles_width(record->tidy_size, level, tile - 1) == TILES_WIDTH ||
		    tiles_width(record->size, level, tile - 1) < TILES_WIDTH)
			continue;
		tiles_tile_path(level, tile - 1, 1, name);
		log_files_drop_partials(&log->files, name);
		tiles_bundle_path(tile - 1, 1, name);
		if (level == 0)
			log_files_drop_partials(&log->files, name);
	}
	record->tidy_size = record->size;
}

/* The tiles of these levels, from 0 on, were filled by the entry before the edge. */
static int put_filled(struct channel_log *log, unsigned levels)
{
	int result = RESULT_OK;
	for (unsigned level = 0; level < levels && result == RESULT_OK; level++)
		result = put_tile(log, level, log_edge_tile(&log->edge, level) - 1, TILES_WIDTH);
	return result;
}

/* Takes an entry into the bundle, and into the tree if it is new. */
static int take_entry(struct channel_log *log, struct feed_txn *txn,
		      const struct channel_record *places, uint64_t index, struct buffer *bundle,
		      unsigned *filled)
{
	struct feed_event event;
	struct merkle_hash leaf;
	uint64_t number;
	int result = feed_txn_placed(txn, places, index, &number);
	if (result == RESULT_OK)
		result = feed_txn_event(txn, number, &event);
	if (result == RESULT_INVALID)
		return RESULT_STORE; /* the store lets go of nothing before it is in a full bundle */
	if (result == RESULT_OK)
		result = tiles_bundle_append(bundle, event.jws, event.jws_size);
	if (result != RESULT_OK || index < log->edge.size)
		return result;
	result = merkle_leaf(event.jws, event.jws_size, &leaf);
	return result == RESULT_OK ? log_edge_append(&log->edge, &leaf, filled) : result;
}

/* Reads the entries of one bundle up to `target`. A transaction for each, so that none keeps the store from using its
 * pages again for long. */
static int take_bundle(struct channel_log *log, const struct channel_record *places, uint64_t begin,
		       uint64_t end, struct buffer *bundle, unsigned *filled)
{
	struct feed_txn txn;
	int result = feed_txn_begin(log->parts.store, true, &txn);
	*filled = 0;
	errno = 0;
	for (uint64_t index = begin; index < end && result == RESULT_OK; index++)
		result = take_entry(log, &txn, places, index, bundle, filled);
	feed_txn_abort(&txn);
	return result;
}

/* Appends one bundle's entries, as far as `target`, and writes what they fill. */
static int append_bundle(struct channel_log *log, const struct channel_record *places,
			 uint64_t target, struct log_round *round)
{
	char name[TILES_PATH_SIZE];
	struct buffer bundle;
	unsigned filled;
	uint64_t tile = log_edge_tile(&log->edge, 0), begin = tile * TILES_WIDTH;
	unsigned width = tiles_width(target, 0, tile);
	buffer_init(&bundle, TILES_BUNDLE_MAX);
	const char *where = "the feed store can't be read";
	int result = take_bundle(log, places, begin, begin + width, &bundle, &filled);
	if (result == RESULT_OK) {
		where = "its files can't be written";
		tiles_bundle_path(tile, width, name);
		result = log_files_put(&log->files, name, bundle.data, bundle.size);
	}
	buffer_free(&bundle);
	if (result == RESULT_OK)
		result = put_filled(log, filled);
	return result == RESULT_OK ? result : fail(log, round, where, result);
}

/* The partial tiles that differ from those of the committed size. */
static int put_partials(struct channel_log *log, struct log_round *round)
{
	int result = RESULT_OK;
	for (unsigned level = 0; level < TILES_LEVELS && result == RESULT_OK; level++) {
		unsigned width = log_edge_width(&log->edge, level);
		uint64_t tile = log_edge_tile(&log->edge, level);
		if (width > 0 && tiles_width(log->record.size, level, tile) != width)
			result = put_tile(log, level, tile, width);
	}
	return result == RESULT_OK ? result
				   : fail(log, round, "its files can't be written", result);
}

static int append(struct channel_log *log, const struct channel_record *places, uint64_t target,
		  struct log_round *round)
{
	int result = RESULT_OK;
	while (log->edge.size < target && result == RESULT_OK)
		result = append_bundle(log, places, target, round);
	if (result == RESULT_OK)
		result = put_partials(log, round);
	if (result != RESULT_OK)
		return result;
	result = log_files_sync(&log->files);
	return result == RESULT_OK ? result
				   : fail(log, round, "its files can't be written", result);
}

static int sign(struct channel_log *log, const struct clock_reading *now, struct log_round *round)
{
	struct merkle_range range;
	struct checkpoint checkpoint = {.size = log->edge.size};
	snprintf(checkpoint.origin, sizeof checkpoint.origin, "%s", log->record.origin);
	int result = log_edge_range(&log->edge, &range);
	if (result == RESULT_OK)
		result = merkle_range_root(&range, &checkpoint.root);
	if (result == RESULT_OK)
		result = log_keys_sign(log->parts.keys, &checkpoint, now->wall_us / 1000000,
				       &log->note);
	return result == RESULT_OK ? result : fail(log, round, "it can't be signed", result);
}

static int write_record(struct channel_log *log, const struct log_record *record,
			const struct buffer *extra)
{
	struct feed_txn txn;
	int result = feed_txn_begin(log->parts.store, false, &txn);
	if (result == RESULT_OK)
		result = feed_txn_set_log(&txn, log->channel->name, record, extra->data,
					  extra->size);
	if (result == RESULT_OK)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	return result;
}

/* A store at its limit lets go of nothing before it is in the log: so the log may use the reserve. */
static int write_record_somehow(struct channel_log *log, const struct log_record *record,
				const struct buffer *extra)
{
	int result = write_record(log, record, extra);
	if (result != RESULT_FULL || feed_store_open_reserve(log->parts.store, true) != RESULT_OK)
		return result;
	result = write_record(log, record, extra);
	int closed = feed_store_open_reserve(log->parts.store, false);
	return result == RESULT_OK ? closed : result;
}

/* From here on it is signed, whether anybody sees it or not. */
static int commit(struct channel_log *log, const struct clock_reading *now, uint64_t minimum_index,
		  struct log_round *round)
{
	struct buffer extra;
	struct log_record record = log->record;
	record.size = log->edge.size;
	record.time_s = now->wall_us / 1000000;
	record.minimum_index = minimum_index;
	buffer_init(&extra, EXTRA_MAX);
	log_edge_write(&log->edge, &extra);
	buffer_append(&extra, log->note.data, log->note.size);
	errno = 0;
	int result = extra.failed ? RESULT_NOMEM : write_record_somehow(log, &record, &extra);
	buffer_free(&extra);
	if (result != RESULT_OK)
		return fail(log, round, feed_store_trouble(result), result);
	log->is_told &= record.minimum_index == log->record.minimum_index;
	log->is_shown = false;
	log->record = record;
	log->signed_us = now->monotonic_us;
	return RESULT_OK;
}

/* The file that readers ask for first. What said how far a channel without a log was published is of no more use. */
static int show(struct channel_log *log, struct log_round *round)
{
	int result =
		log_files_replace(&log->files, TILES_CHECKPOINT, log->note.data, log->note.size);
	if (result != RESULT_OK)
		return fail(log, round, "its checkpoint can't be written", result);
	log->is_shown = true;
	round->is_signed = true;
	log_files_remove(&log->files, IDENTITY_POSITION);
	return RESULT_OK;
}

/* Readers are told before bundles go. How far that went is recorded with the next checkpoint; deleting again what is
 * gone costs nothing. */
static int prune(struct channel_log *log, struct log_round *round)
{
	char why[512];
	struct log_record *record = &log->record;
	if (!log->is_told) {
		int result =
			feed_json_publish(log->parts.config, log->parts.channel, log->parts.keys,
					  record->origin, record->minimum_index, why, sizeof why);
		if (result != RESULT_OK) {
			round->where = "its feed.json can't be written";
			round->error = result == RESULT_STORE ? errno : 0;
			return result;
		}
		log->is_told = true;
	}
	for (int i = 0; i < LOG_PRUNE_MAX && record->pruned_index < record->minimum_index; i++) {
		log_files_drop_bundle(&log->files, record->pruned_index / TILES_WIDTH);
		record->pruned_index += TILES_WIDTH;
	}
	return RESULT_OK;
}

/* Is a checkpoint to be signed now? The first one of a process shows what the store has: it may not have been shown. */
static bool is_due(const struct channel_log *log, const struct clock_reading *now, bool has_news,
		   bool hurry)
{
	int64_t since_ms = (now->monotonic_us - log->signed_us) / 1000;
	if (!log->is_shown || log->signed_us == 0)
		return true;
	return has_news ? hurry || since_ms >= log->parts.config->checkpoint_ms
			: since_ms >= LOG_RENEW_MS;
}

static uint64_t whole_bundles(uint64_t size)
{
	return size - size % TILES_WIDTH;
}

/* Where this round ends: at a full tile, if not all can be done. */
static uint64_t target_of(const struct channel_log *log, uint64_t next_index)
{
	uint64_t most = whole_bundles(log->record.size) + LOG_ROUND_MAX;
	return next_index < most ? next_index : most;
}

static uint64_t minimum_of(const struct channel_log *log, uint64_t first)
{
	uint64_t past = whole_bundles(first < log->edge.size ? first : log->edge.size);
	return past > log->record.minimum_index ? past : log->record.minimum_index;
}

int channel_log_round(struct channel_log *log, const struct clock_reading *now, bool hurry,
		      struct log_round *round)
{
	struct channel_record places;
	uint64_t first;
	*round = (struct log_round){.error = 0};
	errno = 0;
	int result = log->is_loaded ? RESULT_OK : load(log);
	if (result == RESULT_OK)
		result = look(log, &places, &first);
	if (result != RESULT_OK)
		return fail(log, round, "the feed store can't be read", result);
	if (!is_due(log, now, places.next_index > log->record.size, hurry))
		return RESULT_OK;
	uint64_t target = target_of(log, places.next_index);
	result = append(log, &places, target, round);
	if (result == RESULT_OK)
		result = sign(log, now, round);
	if (result == RESULT_OK)
		result = commit(log, now, minimum_of(log, first), round);
	if (result == RESULT_OK)
		result = show(log, round);
	if (result != RESULT_OK)
		return result;
	tidy(log);
	result = prune(log, round);
	round->has_more = result == RESULT_OK && log->record.size < places.next_index;
	return result;
}
