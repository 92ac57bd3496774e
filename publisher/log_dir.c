#include "publisher/log_dir.h"

#include "base/file.h"
#include "publisher/log_edge.h"
#include "publisher/note.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEW_LOG "`epptapctl new-log CONFIG` begins a new log"

enum { PRIVATE_MODE = 0750, PUBLIC_MODE = 0755 };

static int path_of(const struct config_channel *channel, const char *name, char path[PATH_MAX])
{
	int size = snprintf(path, PATH_MAX, "%s/%s", channel->log_dir, name);
	errno = ENAMETOOLONG;
	return size > 0 && size < PATH_MAX ? RESULT_OK : RESULT_STORE;
}

/* The checkpoint in log_dir; *there is false if there is none. RESULT_STORE: it can't be read (errno), or (errno 0)
 * understood. Whose signatures it has is no question: it is our own folder. */
static int read_checkpoint(const struct config_channel *channel, struct checkpoint *checkpoint,
			   bool *there)
{
	char path[PATH_MAX];
	struct buffer bytes;
	struct signed_note note;
	*there = false;
	buffer_init(&bytes, SIGNED_NOTE_MAX);
	int result = path_of(channel, TILES_CHECKPOINT, path);
	if (result == RESULT_OK)
		result = file_read(path, &bytes);
	if (result == RESULT_STORE && (errno == ENOENT || errno == ENOTDIR)) {
		buffer_free(&bytes);
		return RESULT_OK;
	}
	if (result != RESULT_STORE)
		errno = 0;
	*there = result == RESULT_OK &&
		 signed_note_parse(bytes.data, bytes.size, &note) == RESULT_OK &&
		 checkpoint_parse(note.text, note.text_size, checkpoint) == RESULT_OK;
	buffer_free(&bytes);
	return *there ? RESULT_OK : RESULT_STORE;
}

/* Reads a tile, or the full one that has taken its place. */
static int read_tile(void *context, unsigned level, uint64_t tile, unsigned width,
		     struct merkle_hash *hashes)
{
	char name[TILES_PATH_SIZE], path[PATH_MAX];
	struct buffer bytes;
	buffer_init(&bytes, TILES_BYTES);
	tiles_tile_path(level, tile, width, name);
	int result = path_of(context, name, path);
	if (result == RESULT_OK)
		result = file_read(path, &bytes);
	if (result != RESULT_OK && errno == ENOENT && width < TILES_WIDTH) {
		buffer_reset(&bytes);
		tiles_tile_path(level, tile, TILES_WIDTH, name);
		result = path_of(context, name, path);
		if (result == RESULT_OK)
			result = file_read(path, &bytes);
	}
	size_t size = width * sizeof *hashes;
	if (result == RESULT_OK && (bytes.size == size || bytes.size == TILES_BYTES))
		memcpy(hashes, bytes.data, size);
	else if (result == RESULT_OK)
		result = RESULT_STORE;
	buffer_free(&bytes);
	return result;
}

/* What the store knows. */
struct known {
	struct log_record record;
	struct log_edge edge;
	uint64_t first, next; /* places that are there */
};

static int look_up(struct feed_txn *txn, const char *name, struct known *known)
{
	struct channel_record places;
	const void *bytes;
	size_t size;
	int result = feed_txn_log(txn, name, &known->record, &bytes, &size);
	if (result == RESULT_OK && size < log_edge_bytes(known->record.size))
		return RESULT_STORE;
	if (result == RESULT_OK)
		log_edge_read(&known->edge, known->record.size, bytes);
	if (result == RESULT_OK || result == RESULT_INVALID)
		result = feed_txn_channel(txn, name, false, &places);
	if (result != RESULT_OK)
		return result == RESULT_INVALID ? RESULT_OK : result;
	known->next = places.next_index;
	return feed_txn_first_place(txn, &places, &known->first);
}

static int read_known(struct feed_store *store, const char *name, struct known *known)
{
	struct feed_txn txn;
	if (!store)
		return RESULT_OK;
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = look_up(&txn, name, known);
	feed_txn_abort(&txn);
	return result;
}

/* Does log_dir hold the tiles at the edge of what the store signed? They were written before that. */
static bool has_edge(const struct config_channel *channel, const struct log_edge *edge)
{
	struct merkle_hash hashes[TILES_WIDTH];
	for (unsigned level = 0; level < TILES_LEVELS; level++) {
		unsigned width = log_edge_width(edge, level);
		if (width > 0 &&
		    (read_tile((void *)(uintptr_t)channel, level, log_edge_tile(edge, level), width,
			       hashes) != RESULT_OK ||
		     memcmp(hashes, edge->tiles[level], width * sizeof *hashes) != 0))
			return false;
	}
	return true;
}

/* Is the checkpoint's tree the beginning of the store's? */
static bool precedes(const struct config_channel *channel, const struct checkpoint *checkpoint,
		     const struct log_edge *edge)
{
	const struct merkle_reader reader = {.context = (void *)(uintptr_t)channel,
					     .read_tile = read_tile};
	struct merkle_range range;
	struct merkle_hash root;
	int result = checkpoint->size == edge->size
			     ? log_edge_range(edge, &range)
			     : merkle_read_range(&reader, checkpoint->size, edge->size, &range);
	return result == RESULT_OK && merkle_range_root(&range, &root) == RESULT_OK &&
	       merkle_equal(&root, &checkpoint->root);
}

static int judge_checkpoint(const struct config_channel *channel, const struct known *known,
			    const struct checkpoint *checkpoint, char *why, size_t why_size)
{
	uint64_t size = known->record.size;
	if (!*known->record.origin || strcmp(checkpoint->origin, known->record.origin) != 0) {
		snprintf(why, why_size,
			 "channel %s: log_dir %s holds a log of %" PRIu64
			 " events, %s, that the feed store does not know: state_dir was lost, or "
			 "this log_dir is another feed's. Restore the newest state_dir, correct "
			 "log_dir, or " NEW_LOG,
			 channel->name, channel->log_dir, checkpoint->size, checkpoint->origin);
		return RESULT_BUSY;
	}
	if (checkpoint->size > size) {
		snprintf(
			why, why_size,
			"channel %s: the log in %s has %" PRIu64
			" events, and the feed store signed %" PRIu64
			": state_dir is older than that. Restore the newest state_dir, or " NEW_LOG,
			channel->name, channel->log_dir, checkpoint->size, size);
		return RESULT_BUSY;
	}
	if (precedes(channel, checkpoint, &known->edge))
		return RESULT_OK;
	snprintf(why, why_size,
		 "channel %s: the log in %s tells another history of its %" PRIu64
		 " events than the feed store, or its tiles are damaged. Restore the newest "
		 "state_dir and log_dir, or " NEW_LOG,
		 channel->name, channel->log_dir, checkpoint->size);
	return RESULT_BUSY;
}

static int judge(const struct config_channel *channel, const struct known *known,
		 const char *origin, char *why, size_t why_size)
{
	const struct log_record *record = &known->record;
	uint64_t needed = record->size - record->size % TILES_WIDTH;
	if (*record->origin && strcmp(record->origin, origin) != 0) {
		snprintf(why, why_size,
			 "channel %s: origin: the log was begun as %s, and can't become %s; write "
			 "the old one, or " NEW_LOG,
			 channel->name, record->origin, origin);
		return RESULT_BUSY;
	}
	if (known->first > needed) {
		snprintf(why, why_size,
			 "channel %s: its log ends before event %" PRIu64
			 ", and the feed store has the events from %" PRIu64
			 " on only: those between are past their retention. " NEW_LOG
			 "; or take keys.log and keys.cosigner away, for no logs",
			 channel->name, record->size, known->first);
		return RESULT_BUSY;
	}
	if (record->size == 0 || has_edge(channel, &known->edge))
		return RESULT_OK;
	snprintf(
		why, why_size,
		"channel %s: log_dir %s does not hold the log of %" PRIu64
		" events that was signed, %s: it was moved, lost or restored. Bring the newest one "
		"back, or " NEW_LOG,
		channel->name, channel->log_dir, record->size, record->origin);
	return RESULT_BUSY;
}

/* The folder is looked at before the store: somebody may publish meanwhile. */
int log_dir_check(const struct config_channel *channel, struct feed_store *store,
		  const char *origin, char *why, size_t why_size)
{
	struct checkpoint checkpoint;
	bool there;
	if (read_checkpoint(channel, &checkpoint, &there) != RESULT_OK) {
		snprintf(why, why_size,
			 "channel %s: %s/" TILES_CHECKPOINT " can't be read: %s; it says what was "
			 "published; restore it, or " NEW_LOG,
			 channel->name, channel->log_dir,
			 errno ? strerror(errno) : "no checkpoint of ours");
		return RESULT_BUSY;
	}
	snprintf(why, why_size, "out of memory");
	struct known *known = calloc(1, sizeof *known);
	if (!known)
		return RESULT_NOMEM;
	int result = read_known(store, channel->name, known);
	if (result != RESULT_OK)
		snprintf(why, why_size, "the feed store can't be read: %s",
			 feed_store_trouble(result));
	if (result == RESULT_OK)
		result = judge(channel, known, origin, why, why_size);
	if (result == RESULT_OK && there)
		result = judge_checkpoint(channel, known, &checkpoint, why, why_size);
	free(known);
	return result;
}

static int move(const struct config_channel *channel, const char *name, const char *folder)
{
	char from[PATH_MAX], to[PATH_MAX];
	int result = path_of(channel, name, from);
	if (result != RESULT_OK || access(from, F_OK) != 0)
		return result;
	if (snprintf(to, sizeof to, "%s/%s", folder, name) >= (int)sizeof to) {
		errno = ENAMETOOLONG;
		return RESULT_STORE;
	}
	if (file_make_folder(folder, channel->curve_secret ? PRIVATE_MODE : PUBLIC_MODE) !=
		    RESULT_OK ||
	    rename(from, to) != 0)
		return RESULT_STORE;
	return file_sync_folder(folder) == RESULT_OK ? file_sync_folder(channel->log_dir)
						     : RESULT_STORE;
}

/* The checkpoint goes last: as long as it is there, the folder is not taken for one without a log. */
int log_dir_set_aside(const struct config_channel *channel, const char *tag)
{
	static const char *const names[] = {"feed.json", TILES_FOLDER, TILES_CHECKPOINT};
	char name[64], folder[PATH_MAX];
	int result = RESULT_OK;
	snprintf(name, sizeof name, "before-%s", tag);
	result = path_of(channel, name, folder);
	for (size_t i = 0; i < sizeof names / sizeof *names && result == RESULT_OK; i++)
		result = move(channel, names[i], folder);
	return result;
}
