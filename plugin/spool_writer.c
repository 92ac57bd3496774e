#include "plugin/spool_writer.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

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

enum {
	GATHER_MAX = 2 * (SPOOL_RECORD_MAX + 64),
	MUCH = 1 << 20,
	UNMEASURED_MOST = 4 << 20, /* bytes written, at most, before the spool is measured again */
};

struct spool_writer {
	struct state_dir *dir;
	char folder[PATH_MAX];
	char boot_id[CLOCK_BOOT_ID_SIZE];
	uint64_t limit;
	uint64_t number;
	uint32_t salt;     /* of all its segments */
	uint32_t sequence; /* of the current segment */
	int fd;            /* -1: the segment has yet to be begun */
	int64_t begun_us;  /* when it was: wall clock */
	uint64_t written;  /* good bytes of the current segment */
	uint64_t measured; /* bytes of the spool when it was last measured */
	uint64_t since;    /* bytes written since */
	bool unsynced;     /* what is gathered may stand behind `written` already, in part */
	bool taken_away;   /* a segment was, while it was written, and that is not told yet */
	int64_t taken_from_us;
	struct buffer gathered;
};

/* Measures the spool: all writers' segments. */
static int measure(struct spool_writer *writer)
{
	DIR *dir = opendir(writer->folder);
	uint64_t bytes = 0;
	if (!dir)
		return RESULT_STORE;
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat file;
		struct spool_name name;
		if (spool_name_read(entry->d_name, &name) &&
		    fstatat(dirfd(dir), entry->d_name, &file, 0) == 0)
			bytes += (uint64_t)file.st_size;
	}
	closedir(dir);
	writer->measured = bytes;
	writer->since = 0;
	return RESULT_OK;
}

static bool fill_random(void *bytes, size_t size)
{
	return getrandom(bytes, size, 0) == (ssize_t)size;
}

static int write_header(struct spool_writer *writer, int fd)
{
	struct spool_segment_header header = {.version = SPOOL_VERSION,
					      .pid = (uint32_t)getpid(),
					      .writer = writer->number,
					      .sequence = writer->sequence,
					      .salt = writer->salt};
	struct clock_reading now;
	clock_read(&now);
	memcpy(header.magic, SPOOL_SEGMENT_MAGIC, sizeof header.magic);
	memcpy(header.boot_id, writer->boot_id, sizeof writer->boot_id);
	header.created_us = writer->begun_us = now.wall_us;
	if (!fill_random(header.id, sizeof header.id))
		return RESULT_STORE;
	header.crc = spool_segment_crc(&header);
	return file_write_all(fd, &header, sizeof header);
}

static int begin_segment(struct spool_writer *writer)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/" SPOOL_SEGMENT_NAME, writer->folder, writer->number,
		 writer->sequence);
	if (file_make_folder(writer->folder, 0700) != RESULT_OK)
		return RESULT_STORE;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return RESULT_STORE;
	if (write_header(writer, fd) != RESULT_OK || fdatasync(fd) != 0 ||
	    file_sync_folder(writer->folder) != RESULT_OK) {
		int saved = errno;
		close(fd);
		unlink(path);
		errno = saved;
		return RESULT_STORE;
	}
	writer->fd = fd;
	writer->written = sizeof(struct spool_segment_header);
	writer->since += writer->written;
	return RESULT_OK;
}

/* A number that nobody has: random, so that it is never given twice. Its lock says that we live; it is taken before
 * there is a segment of it. */
static int take_number(struct spool_writer *writer)
{
	int result = RESULT_BUSY;
	while (result == RESULT_BUSY) {
		if (!fill_random(&writer->number, sizeof writer->number))
			return RESULT_STORE;
		writer->number = STATE_DIR_WRITERS +
				 writer->number % (STATE_DIR_LAST - STATE_DIR_WRITERS + 1);
		result = state_dir_lock(writer->dir, writer->number);
	}
	return result;
}

static int open_parts(struct spool_writer *writer)
{
	int size = snprintf(writer->folder, sizeof writer->folder, "%s/" SPOOL_FOLDER,
			    state_dir_path(writer->dir));
	errno = ENAMETOOLONG;
	if (size >= (int)sizeof writer->folder)
		return RESULT_STORE;
	int result = file_make_folder(writer->folder, 0700);
	if (result == RESULT_OK && !fill_random(&writer->salt, sizeof writer->salt))
		result = RESULT_STORE;
	if (result == RESULT_OK)
		result = measure(writer);
	if (result == RESULT_OK)
		result = take_number(writer);
	return result == RESULT_OK ? begin_segment(writer) : result;
}

int spool_writer_open(struct state_dir *dir, uint64_t limit, struct spool_writer **out)
{
	struct spool_writer *writer = calloc(1, sizeof *writer);
	*out = NULL;
	if (!writer)
		return RESULT_NOMEM;
	writer->dir = dir;
	writer->fd = -1;
	writer->sequence = 1;
	writer->limit = limit;
	clock_boot_id(writer->boot_id);
	buffer_init(&writer->gathered, GATHER_MAX);
	int result = open_parts(writer);
	if (result != RESULT_OK) {
		int saved = errno;
		spool_writer_close(&writer, false);
		errno = saved;
	}
	*out = writer;
	return result;
}

void spool_writer_set_limit(struct spool_writer *writer, uint64_t limit)
{
	writer->limit = limit;
}

uint64_t spool_writer_number(const struct spool_writer *writer)
{
	return writer->number;
}

static struct spool_record_header record_of(const struct spool_writer *writer,
					    const struct spool_note *note, const void *payload,
					    size_t size)
{
	struct spool_record_header header = {.size = (uint32_t)size,
					     .kind = note->kind,
					     .ticket = note->ticket,
					     .monotonic_us = note->monotonic_us,
					     .wall_us = note->wall_us};
	spool_record_seal(writer->salt, &header, payload);
	return header;
}

int spool_writer_append(struct spool_writer *writer, const struct spool_note *note,
			const void *payload, size_t size)
{
	size_t before = writer->gathered.size;
	if (size > SPOOL_RECORD_MAX)
		return RESULT_FULL;
	struct spool_record_header header = record_of(writer, note, payload, size);
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

/* Does the batch fit below the limit, with what it takes to close a segment and begin one? Into a spool with next to
 * nothing in it everything fits: else a batch over the limit would wait for ever. */
static bool fits(const struct spool_writer *writer)
{
	static const uint64_t spare =
		sizeof(struct spool_segment_header) + 2 * sizeof(struct spool_record_header);
	uint64_t bytes = writer->measured + writer->since;
	return bytes <= writer->limit / 16 ||
	       bytes + writer->gathered.size + spare <= writer->limit;
}

/* How much may be written before the spool is measured again: others write, too. */
static uint64_t unmeasured_most(const struct spool_writer *writer)
{
	return writer->limit / 64 < UNMEASURED_MOST ? writer->limit / 64 : UNMEASURED_MOST;
}

/* Is there room? Others write, and the publisher removes, without telling: so measure now and then, and before saying
 * no. */
static bool has_room(struct spool_writer *writer)
{
	if (fits(writer) && writer->since < unmeasured_most(writer))
		return true;
	return measure(writer) == RESULT_OK && fits(writer);
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
	writer->since += batch->size;
	return RESULT_OK;
}

/* Leaves the current segment with a last record. If the disk does not let it: that a later segment is there says the
 * same as a SPOOL_END. */
static void end_segment(struct spool_writer *writer, enum spool_kind kind)
{
	struct clock_reading now;
	clock_read(&now);
	const struct spool_note note = {
		.kind = kind, .monotonic_us = now.monotonic_us, .wall_us = now.wall_us};
	struct spool_record_header end = record_of(writer, &note, "", 0);
	if (!writer->unsynced && file_write_all(writer->fd, &end, sizeof end) == RESULT_OK &&
	    fdatasync(writer->fd) == 0)
		writer->since += sizeof end;
	close(writer->fd);
	writer->fd = -1;
	writer->sequence++;
}

/* Nobody but a publisher that takes us for dead, or a person, takes away a segment that is being written: what is written
 * into it from then on, nobody reads. */
static void look_for_segment(struct spool_writer *writer)
{
	struct stat file;
	if (writer->fd < 0 || fstat(writer->fd, &file) != 0 || file.st_nlink > 0)
		return;
	log_error(
		"a spool segment in %s was taken away while it was written: changes may be "
		"missing, which the feed tells. Was state_dir emptied? Then restart the front end",
		writer->folder);
	close(writer->fd);
	writer->fd = -1;
	writer->sequence++;
	writer->unsynced = false;
	if (!writer->taken_away)
		writer->taken_from_us = writer->begun_us;
	writer->taken_away = true;
}

/* Gathers the gap for that. */
static void tell_taken_away(struct spool_writer *writer)
{
	struct clock_reading now;
	clock_read(&now);
	const struct spool_gap gap = {
		.from_us = writer->taken_from_us, .to_us = now.wall_us, .reason = "spool_removed"};
	const struct spool_note note = {
		.kind = SPOOL_GAP, .monotonic_us = now.monotonic_us, .wall_us = now.wall_us};
	if (writer->taken_away && spool_writer_append(writer, &note, &gap, sizeof gap) == RESULT_OK)
		writer->taken_away = false; /* what is gathered is kept until it stands */
}

/* Makes sure that a segment is open, in which there is room. */
static int choose_segment(struct spool_writer *writer)
{
	bool room = has_room(writer);
	bool closes = room ? writer->written >= SPOOL_SEGMENT_SIZE
			   : writer->written > sizeof(struct spool_segment_header);
	/* Without room, too: of the current segment nothing is removed, however much of it is consumed. */
	if (writer->fd >= 0 && closes)
		end_segment(writer, SPOOL_END);
	int result = writer->fd < 0 ? begin_segment(writer) : RESULT_OK;
	return result == RESULT_OK && !room ? RESULT_FULL : result;
}

int spool_writer_sync(struct spool_writer *writer)
{
	int result = RESULT_OK;
	look_for_segment(writer);
	tell_taken_away(writer);
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

void spool_writer_close(struct spool_writer **writer, bool nothing_missing)
{
	if (!*writer)
		return;
	look_for_segment(*writer);
	if ((*writer)->taken_away && spool_writer_sync(*writer) != RESULT_OK)
		nothing_missing = false;
	if (nothing_missing && ((*writer)->fd >= 0 || begin_segment(*writer) == RESULT_OK))
		end_segment(*writer, SPOOL_CLOSED);
	if ((*writer)->fd >= 0)
		close((*writer)->fd);
	state_dir_unlock((*writer)->dir, (*writer)->number);
	buffer_free(&(*writer)->gathered);
	free(*writer);
	*writer = NULL;
}
