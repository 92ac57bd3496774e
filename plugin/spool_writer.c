#include "plugin/spool_writer.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GATHER_MAX = 2 * (SPOOL_RECORD_MAX + 64), MUCH = 1 << 20 };

struct spool_writer {
	char folder[PATH_MAX];
	uint64_t limit;
	uint32_t salt;            /* of all segments of this process */
	uint64_t first, sequence; /* of this process's first, and of the current segment */
	int fd;                   /* -1: the segment has yet to be begun */
	uint64_t written;         /* good bytes of the current segment */
	uint64_t all_segments; /* bytes of the spool when it was last measured, and written since */
	bool unsynced;         /* what is gathered may stand behind them already, in part */
	struct buffer gathered;
};

struct spool_survey {
	uint64_t bytes, last;
};

static int survey(const char *folder, struct spool_survey *found)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return RESULT_STORE;
	*found = (struct spool_survey){0};
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat file;
		uint64_t sequence = spool_sequence_of(entry->d_name);
		if (sequence == 0)
			continue;
		if (sequence > found->last)
			found->last = sequence;
		if (fstatat(dirfd(dir), entry->d_name, &file, 0) == 0)
			found->bytes += (uint64_t)file.st_size;
	}
	closedir(dir);
	return RESULT_OK;
}

static int write_header(int fd, uint32_t salt)
{
	struct spool_segment_header header = {
		.version = SPOOL_VERSION, .pid = (uint32_t)getpid(), .salt = salt};
	struct clock_reading now;
	clock_read(&now);
	memcpy(header.magic, SPOOL_SEGMENT_MAGIC, sizeof header.magic);
	header.created_us = now.wall_us;
	if (getrandom(header.id, sizeof header.id, 0) != (ssize_t)sizeof header.id)
		return RESULT_STORE;
	header.crc = spool_segment_crc(&header);
	return file_write_all(fd, &header, sizeof header);
}

static int begin_segment(struct spool_writer *writer)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/" SPOOL_SEGMENT_NAME, writer->folder, writer->sequence);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return RESULT_STORE;
	if (write_header(fd, writer->salt) != RESULT_OK || fdatasync(fd) != 0 ||
	    file_sync_folder(writer->folder) != RESULT_OK) {
		int saved = errno;
		close(fd);
		unlink(path);
		errno = saved;
		return RESULT_STORE;
	}
	writer->fd = fd;
	writer->written = sizeof(struct spool_segment_header);
	writer->all_segments += writer->written;
	return RESULT_OK;
}

int spool_writer_open(const char *state_dir, uint64_t limit, struct spool_writer **out)
{
	struct spool_survey found;
	struct spool_writer *writer = calloc(1, sizeof *writer);
	*out = NULL;
	if (!writer)
		return RESULT_NOMEM;
	writer->fd = -1;
	writer->limit = limit;
	buffer_init(&writer->gathered, GATHER_MAX);
	int size = snprintf(writer->folder, sizeof writer->folder, "%s/" SPOOL_FOLDER, state_dir);
	int result = size < (int)sizeof writer->folder ? RESULT_OK : RESULT_STORE;
	errno = ENAMETOOLONG;
	if (result == RESULT_OK)
		result = file_make_folder(writer->folder, 0700);
	if (result == RESULT_OK &&
	    getrandom(&writer->salt, sizeof writer->salt, 0) != (ssize_t)sizeof writer->salt)
		result = RESULT_STORE;
	if (result == RESULT_OK)
		result = survey(writer->folder, &found);
	if (result == RESULT_OK) {
		writer->first = writer->sequence = found.last + 1;
		writer->all_segments = found.bytes;
		result = begin_segment(writer);
	}
	if (result != RESULT_OK) {
		int saved = errno;
		spool_writer_close(&writer);
		errno = saved;
	}
	*out = writer;
	return result;
}

uint64_t spool_writer_first(const struct spool_writer *writer)
{
	return writer->first;
}

int spool_writer_append(struct spool_writer *writer, enum spool_kind kind, const void *payload,
			size_t size)
{
	size_t before = writer->gathered.size;
	if (size > SPOOL_RECORD_MAX)
		return RESULT_FULL;
	struct spool_record_header header = spool_record(writer->salt, kind, payload, size);
	buffer_append(&writer->gathered, &header, sizeof header);
	buffer_append(&writer->gathered, payload, size);
	if (!writer->gathered.failed)
		return RESULT_OK;
	writer->gathered.failed = false;
	writer->gathered.size = before;
	return RESULT_NOMEM;
}

bool spool_writer_has_some(const struct spool_writer *writer)
{
	return writer->gathered.size > 0;
}

bool spool_writer_has_much(const struct spool_writer *writer)
{
	return writer->gathered.size >= MUCH;
}

/* Does the batch fit below the limit, with what it takes to close a segment and begin one? Into a spool with nothing
 * in it everything fits: else a batch over the limit would wait for ever. */
static bool fits(const struct spool_writer *writer)
{
	static const uint64_t header = sizeof(struct spool_segment_header);
	static const uint64_t spare = header + sizeof(struct spool_record_header);
	return writer->all_segments <= header ||
	       writer->all_segments + writer->gathered.size + spare <= writer->limit;
}

/* Is there room? The publisher removes segments without telling, so measure before saying no. */
static bool has_room(struct spool_writer *writer)
{
	struct spool_survey found;
	if (fits(writer))
		return true;
	if (survey(writer->folder, &found) != RESULT_OK)
		return false;
	writer->all_segments = found.bytes;
	return fits(writer);
}

/* Writes the batch behind what is good and syncs it. If that fails, part of it may stand there, and the reader may
 * have taken it: so the next try writes the same bytes at the same place, and nothing else goes there. */
static int write_batch(struct spool_writer *writer)
{
	const struct buffer *batch = &writer->gathered;
	if (writer->unsynced && lseek(writer->fd, (off_t)writer->written, SEEK_SET) < 0)
		return RESULT_STORE;
	writer->unsynced = true;
	if (file_write_all(writer->fd, batch->data, batch->size) != RESULT_OK ||
	    fdatasync(writer->fd) != 0)
		return RESULT_STORE;
	writer->unsynced = false;
	writer->written += batch->size;
	writer->all_segments += batch->size;
	return RESULT_OK;
}

/* Leaves the current segment. Its SPOOL_END is a courtesy: that a later segment is there says the same. */
static void end_segment(struct spool_writer *writer)
{
	struct spool_record_header end = spool_record(writer->salt, SPOOL_END, "", 0);
	if (!writer->unsynced && file_write_all(writer->fd, &end, sizeof end) == RESULT_OK &&
	    fdatasync(writer->fd) == 0)
		writer->all_segments += sizeof end;
	close(writer->fd);
	writer->fd = -1;
	writer->sequence++;
}

/* Makes sure that a segment is open, in which there is room. */
static int choose_segment(struct spool_writer *writer)
{
	bool room = has_room(writer);
	bool closes = room ? writer->written >= SPOOL_SEGMENT_SIZE
			   : writer->written > sizeof(struct spool_segment_header);
	/* Without room, too: of the current segment nothing is removed, however much of it is consumed. */
	if (writer->fd >= 0 && closes)
		end_segment(writer);
	int result = writer->fd < 0 ? begin_segment(writer) : RESULT_OK;
	return result == RESULT_OK && !room ? RESULT_FULL : result;
}

int spool_writer_sync(struct spool_writer *writer)
{
	int result = RESULT_OK;
	if (writer->gathered.size == 0)
		return RESULT_OK;
	if (!writer->unsynced)
		result = choose_segment(writer);
	if (result == RESULT_OK)
		result = write_batch(writer);
	if (result == RESULT_OK)
		buffer_reset(&writer->gathered);
	return result;
}

void spool_writer_close(struct spool_writer **writer)
{
	if (!*writer)
		return;
	if ((*writer)->fd >= 0)
		end_segment(*writer);
	buffer_free(&(*writer)->gathered);
	free(*writer);
	*writer = NULL;
}
