#include "publisher/gauges.h"

#include "publisher/hold.h"
#include "publisher/json.h"
#include "publisher/tiles.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* How much of a segment waits: what stands behind the mark, but for a lone SPOOL_END. */
static uint64_t waiting_in(int folder, const char *name, uint64_t size, struct feed_txn *txn)
{
	struct spool_segment_header header;
	struct spool_mark mark = {0};
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* consumed and gone, just now */
	bool good = pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header &&
		    (!txn || feed_txn_mark(txn, header.id, &mark) == RESULT_OK);
	close(fd);
	uint64_t consumed = good && mark.bytes > sizeof header ? mark.bytes : sizeof header;
	return size > consumed + sizeof(struct spool_record_header) ? size - consumed : 0;
}

void gauge_spool(const char *state_dir, struct feed_txn *txn, struct spool_gauge *gauge)
{
	char path[PATH_MAX];
	struct stat file;
	struct statvfs disk = {0};
	if (statvfs(state_dir, &disk) != 0)
		disk.f_bavail = 0;
	*gauge = (struct spool_gauge){.disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize};
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, state_dir);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || fstatat(dirfd(dir), entry->d_name, &file, 0) != 0)
			continue;
		gauge->bad += strcmp(dot, ".bad") == 0;
		if (strcmp(dot, ".seg") != 0)
			continue;
		gauge->segments++;
		gauge->bytes += (uint64_t)file.st_size;
		gauge->waiting_bytes +=
			waiting_in(dirfd(dir), entry->d_name, (uint64_t)file.st_size, txn);
	}
	if (dir)
		closedir(dir);
}

/* How old readers find the checkpoint: the file's time, not when it was signed, as only who reads it sees it. */
static int64_t shown_ms_ago(const struct config_channel *channel, int64_t wall_us)
{
	char path[PATH_MAX];
	struct stat file;
	int size = snprintf(path, sizeof path, "%s/" TILES_CHECKPOINT, channel->log_dir);
	if (size < 0 || size >= (int)sizeof path || stat(path, &file) != 0)
		return NEVER_SHOWN;
	return wall_us / 1000 - (int64_t)file.st_mtim.tv_sec * 1000 -
	       file.st_mtim.tv_nsec / 1000000;
}

int gauge_channel(struct feed_txn *txn, const struct config_channel *channel, int64_t now_ms,
		  int64_t wall_us, struct channel_gauge *gauge)
{
	struct channel_record record;
	struct log_record log;
	int64_t due_ms = INT64_MAX;
	*gauge = (struct channel_gauge){.shown_ms_ago = NEVER_SHOWN};
	int result = feed_txn_channel(txn, channel->name, false, &record);
	if (result == RESULT_OK)
		result = hold_next_due(txn, &record, &due_ms);
	if (result != RESULT_OK)
		return result;
	gauge->events = record.next_index;
	gauge->held = record.held;
	gauge->next_due_ms = due_ms == INT64_MAX ? NOTHING_DUE : due_ms - now_ms;
	result = feed_txn_log(txn, channel->name, &log, NULL, NULL);
	gauge->has_log = result == RESULT_OK;
	if (!gauge->has_log)
		return result == RESULT_INVALID ? RESULT_OK : result;
	gauge->log_size = log.size;
	gauge->shown_ms_ago = shown_ms_ago(channel, wall_us);
	return RESULT_OK;
}

static void write_channel(struct json *json, const struct channel_gauge *gauge, bool has_log)
{
	json_put_number(json, "events", (int64_t)gauge->events);
	json_put_number(json, "held", (int64_t)gauge->held);
	if (gauge->next_due_ms != NOTHING_DUE)
		json_put_number(json, "next_due_ms", gauge->next_due_ms);
	if (!has_log)
		return;
	json_put_number(json, "log_size", (int64_t)gauge->log_size);
	json_put_number(json, "log_backlog", (int64_t)(gauge->events - gauge->log_size));
	if (gauge->shown_ms_ago != NEVER_SHOWN)
		json_put_number(json, "checkpoint_age_ms", gauge->shown_ms_ago);
}

static void write_channels(struct json *json, struct feed_txn *txn, const struct config *config,
			   int64_t now_ms, int64_t wall_us)
{
	struct channel_gauge gauge;
	json_open_object(json, "channels");
	for (size_t i = 0; i < config->channel_count; i++) {
		const struct config_channel *channel = &config->channels[i];
		if (gauge_channel(txn, channel, now_ms, wall_us, &gauge) != RESULT_OK)
			continue;
		json_open_object(json, channel->name);
		write_channel(json, &gauge, config->key_log && gauge.has_log);
		json_close_object(json);
	}
	json_close_object(json);
}

static void write_spool(struct json *json, struct feed_txn *txn, const struct config *config)
{
	struct spool_gauge gauge;
	gauge_spool(config->state_dir, txn, &gauge);
	json_open_object(json, "spool");
	json_put_number(json, "bytes", (int64_t)gauge.bytes);
	if (txn)
		json_put_number(json, "waiting_bytes", (int64_t)gauge.waiting_bytes);
	json_put_number(json, "limit_bytes", (int64_t)config->spool_limit);
	json_put_number(json, "segments", gauge.segments);
	json_put_number(json, "bad_files", gauge.bad);
	json_put_number(json, "disk_free_bytes", (int64_t)gauge.disk_free_bytes);
	json_close_object(json);
}

static void write_store(struct json *json, struct feed_txn *txn, const struct config *config)
{
	uint64_t used_bytes;
	if (feed_txn_used_bytes(txn, &used_bytes) != RESULT_OK)
		return;
	json_open_object(json, "store");
	json_put_number(json, "used_bytes", (int64_t)used_bytes);
	json_put_number(json, "limit_bytes", (int64_t)config->store_limit);
	json_close_object(json);
}

static void write_count(struct json *json, struct feed_txn *txn, const char *name,
			enum feed_table table)
{
	uint64_t count;
	if (feed_txn_count(txn, table, &count) == RESULT_OK)
		json_put_number(json, name, (int64_t)count);
}

void gauges_write(const struct config *config, struct feed_store *store,
		  const struct clock_reading *now, const char boot_id[CLOCK_BOOT_ID_SIZE],
		  struct buffer *text)
{
	struct json json = {.into = text, .comma = true};
	struct feed_txn txn;
	struct feed_clock clock;
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_clock(&txn, &clock);
	write_spool(&json, result == RESULT_OK ? &txn : NULL, config);
	if (result == RESULT_OK) {
		write_store(&json, &txn, config);
		write_count(&json, &txn, "quarantined", TABLE_ASIDE);
		write_count(&json, &txn, "open_intents", TABLE_INTENTS);
		write_channels(&json, &txn, config, feed_clock_advance(&clock, now, boot_id),
			       now->wall_us);
	}
	feed_txn_abort(&txn);
}
