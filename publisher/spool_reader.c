#include "publisher/spool_reader.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* LIVE_PATIENCE: steps, some milliseconds apart, between looks behind what is no record in a live segment. */
enum { WINDOW_SIZE = 256 * 1024, PATH_SIZE = PATH_MAX + 64, LIVE_PATIENCE = 1000 };

struct spool_reader {
	char folder[PATH_MAX];
	struct spool_segment segment; /* the current one, or the last one; sequence 0: none yet */
	int fd;                       /* -1: between segments, or an unreadable one */
	bool open;                    /* within a segment */
	uint32_t salt;
	uint64_t offset; /* where the next record begins */
	char *window;    /* bytes of the file from window_start on */
	size_t window_size, window_capacity;
	uint64_t window_start;
	int error;       /* of the last look(): an errno */
	bool in_trouble; /* and told so */
	unsigned waits;  /* steps that found no record at `offset` */
};

int spool_reader_new(const char *state_dir, uint64_t writer, struct spool_reader **out)
{
	struct spool_reader *reader = calloc(1, sizeof *reader);
	*out = NULL;
	if (!reader)
		return RESULT_NOMEM;
	reader->fd = -1;
	reader->segment.name.writer = writer;
	snprintf(reader->folder, sizeof reader->folder, "%s/" SPOOL_FOLDER, state_dir);
	*out = reader;
	return RESULT_OK;
}

void spool_reader_free(struct spool_reader **reader)
{
	if (!*reader)
		return;
	if ((*reader)->fd >= 0)
		close((*reader)->fd);
	free((*reader)->window);
	free(*reader);
	*reader = NULL;
}

/* Something could not be read; that is no end of a segment, and no damage: it is tried again. Told once. */
static enum spool_step try_again(struct spool_reader *reader, int error)
{
	if (!reader->in_trouble)
		log_error("the spool in %s can't be read: %s; trying again", reader->folder,
			  strerror(error));
	reader->in_trouble = true;
	return SPOOL_STEP_WAIT;
}

/* The first sequence behind `before`; 0: there is none, or (errno is not 0) the folder can't be read. */
static uint32_t next_sequence(const struct spool_reader *reader, uint32_t before)
{
	struct spool_name name;
	uint32_t next = 0;
	DIR *dir = opendir(reader->folder);
	if (!dir) {
		errno = errno == ENOENT ? 0 : errno;
		return 0;
	}
	errno = 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (spool_name_read(entry->d_name, &name) &&
		    name.writer == reader->segment.name.writer && name.sequence > before &&
		    (next == 0 || name.sequence < next))
			next = name.sequence;
	int error = errno;
	closedir(dir);
	errno = error;
	return next;
}

/* Will nothing be written into the segment of this sequence any more? A writer begins one only when it is done with the
 * one before. */
static bool is_finished(const struct spool_reader *reader, uint32_t sequence, bool alive)
{
	return !alive || next_sequence(reader, sequence) != 0;
}

/* RESULT_OK; RESULT_INVALID: the file is no segment of this version; RESULT_STORE: errno says why. */
static int read_header(int fd, const struct spool_name *name, struct spool_segment_header *header)
{
	ssize_t got = pread(fd, header, sizeof *header, 0);
	if (got < 0)
		return RESULT_STORE;
	bool good = got == (ssize_t)sizeof *header &&
		    memcmp(header->magic, SPOOL_SEGMENT_MAGIC, sizeof header->magic) == 0 &&
		    header->version == SPOOL_VERSION && header->crc == spool_segment_crc(header) &&
		    header->writer == name->writer && header->sequence == name->sequence &&
		    header->boot_id[SPOOL_BOOT_ID_SIZE - 1] == '\0';
	return good ? RESULT_OK : RESULT_INVALID;
}

/* What is no segment of this version has no id of its own: its name must do. */
static void begin_unreadable(struct spool_segment *segment)
{
	const struct spool_name *name = &segment->name;
	segment->unreadable = segment->damaged = true;
	memcpy(segment->id, &name->writer, sizeof name->writer);
	memcpy(segment->id + sizeof name->writer, &name->sequence, sizeof name->sequence);
}

static void begin_readable(struct spool_segment *segment, const struct spool_segment_header *header)
{
	memcpy(segment->id, header->id, sizeof segment->id);
	memcpy(segment->boot_id, header->boot_id, sizeof segment->boot_id);
	segment->created_us = segment->last_wall_us = header->created_us;
}

static enum spool_step begin_segment(struct spool_reader *reader, bool alive)
{
	struct spool_segment_header header;
	struct spool_name name = reader->segment.name;
	char path[PATH_SIZE];
	name.sequence = next_sequence(reader, name.sequence);
	if (name.sequence == 0)
		return errno ? try_again(reader, errno) : SPOOL_STEP_WAIT;
	/* Asked before the header is read: what is finished now can't get one while we read. */
	bool finished = is_finished(reader, name.sequence, alive);
	snprintf(path, sizeof path, "%s/" SPOOL_SEGMENT_NAME, reader->folder, name.writer,
		 name.sequence);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? SPOOL_STEP_WAIT : try_again(reader, errno);
	int result = read_header(fd, &name, &header);
	int error = errno;
	if (result != RESULT_OK && (result == RESULT_STORE || !finished)) {
		close(fd);
		return result == RESULT_STORE ? try_again(reader, error) : SPOOL_STEP_WAIT;
	}
	reader->fd = fd;
	reader->open = true;
	reader->segment = (struct spool_segment){.name = name};
	if (result == RESULT_OK)
		begin_readable(&reader->segment, &header);
	else
		begin_unreadable(&reader->segment);
	reader->salt = header.salt;
	reader->offset = sizeof header;
	reader->window_size = 0;
	reader->waits = 0;
	return SPOOL_STEP_SEGMENT;
}

/* Makes `size` bytes from `offset` on visible. NULL: the file doesn't have them, or (reader->error) can't be read. */
static const char *look(struct spool_reader *reader, uint64_t offset, size_t size)
{
	if (offset >= reader->window_start &&
	    offset + size <= reader->window_start + reader->window_size)
		return reader->window + (offset - reader->window_start);
	size_t wanted = size > WINDOW_SIZE ? size : WINDOW_SIZE;
	if (wanted > reader->window_capacity) {
		char *window = realloc(reader->window, wanted);
		if (!window) {
			reader->error = ENOMEM;
			return NULL;
		}
		reader->window = window;
		reader->window_capacity = wanted;
	}
	reader->window_start = offset;
	reader->window_size = 0;
	while (reader->window_size < wanted) {
		ssize_t got =
			pread(reader->fd, reader->window + reader->window_size,
			      wanted - reader->window_size, (off_t)(offset + reader->window_size));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			reader->error = errno;
		if (got <= 0)
			break;
		reader->window_size += (size_t)got;
	}
	return reader->window_size >= size ? reader->window : NULL;
}

static bool read_record(struct spool_reader *reader, uint64_t offset, struct spool_record *record)
{
	struct spool_record_header header;
	if (reader->segment.unreadable)
		return false;
	const char *bytes = look(reader, offset, sizeof header);
	if (!bytes)
		return false;
	memcpy(&header, bytes, sizeof header);
	if (header.magic != SPOOL_RECORD_MAGIC || header.size > SPOOL_RECORD_MAX)
		return false;
	bytes = look(reader, offset, sizeof header + header.size);
	if (!bytes || spool_record_crc(reader->salt, &header, bytes + sizeof header) != header.crc)
		return false;
	*record = (struct spool_record){.kind = header.kind,
					.ticket = header.ticket,
					.monotonic_us = header.monotonic_us,
					.wall_us = header.wall_us,
					.payload = bytes + sizeof header,
					.size = header.size,
					.begin = offset,
					.end = offset + sizeof header + header.size};
	return true;
}

/* Looks for the next good record behind damage. */
static bool resynchronise(struct spool_reader *reader, struct spool_record *record)
{
	static const uint32_t magic = SPOOL_RECORD_MAGIC;
	if (reader->segment.unreadable)
		return false;
	for (uint64_t at = reader->offset + 1;; at++) {
		if (!look(reader, at, sizeof(struct spool_record_header)))
			return false;
		const char *from = reader->window + (at - reader->window_start);
		size_t left = reader->window_size - (size_t)(at - reader->window_start);
		const char *found = memmem(from, left, &magic, sizeof magic);
		if (!found) {
			at += left - sizeof magic;
			continue;
		}
		at += (uint64_t)(found - from);
		if (read_record(reader, at, record))
			return true;
	}
}

/* Only behind the last record of a dead writer's last segment may something stand that is none: a torn write. */
static enum spool_step end_segment(struct spool_reader *reader)
{
	struct spool_segment *segment = &reader->segment;
	bool has_tail = !segment->unreadable && look(reader, reader->offset, 1);
	if (reader->error)
		return try_again(reader, reader->error);
	segment->last = next_sequence(reader, segment->name.sequence) == 0;
	if (segment->last && errno)
		return try_again(reader, errno);
	if (has_tail && !segment->last)
		segment->damaged = segment->tail_damaged = true;
	close(reader->fd);
	reader->fd = -1;
	reader->open = false;
	return SPOOL_STEP_DONE;
}

enum spool_step spool_reader_next(struct spool_reader *reader, bool alive,
				  struct spool_record *record)
{
	bool finished = false, damage = false;
	if (!reader->open)
		return begin_segment(reader, alive);
	reader->error = 0;
	bool good = read_record(reader, reader->offset, record);
	if (!good) {
		/* Asked before reading again: what is finished now can't get more while we read. What is in the
		 * window may be older than what was appended since. */
		finished = is_finished(reader, reader->segment.name.sequence, alive);
		reader->window_size = 0;
		good = read_record(reader, reader->offset, record);
	}
	if (!good && !reader->error) {
		/* In a live segment what is no record yet may be about to become one; but not for ever. */
		bool patient = !finished && ++reader->waits % LIVE_PATIENCE != 0;
		good = damage = !patient && resynchronise(reader, record);
		if (!good && !reader->error)
			return finished ? end_segment(reader) : SPOOL_STEP_WAIT;
	}
	if (!good)
		return try_again(reader, reader->error);
	reader->in_trouble = false;
	reader->waits = 0;
	reader->offset = record->end;
	record->behind_damage = damage;
	record->previous_wall_us = reader->segment.last_wall_us;
	reader->segment.damaged |= damage;
	reader->segment.closed = record->kind == SPOOL_CLOSED;
	reader->segment.last_wall_us = record->wall_us;
	return SPOOL_STEP_RECORD;
}

const struct spool_segment *spool_reader_segment(const struct spool_reader *reader)
{
	return &reader->segment;
}

void spool_reader_leave(struct spool_reader *reader, bool again)
{
	close(reader->fd);
	reader->fd = -1;
	reader->open = false;
	reader->segment.name.sequence -= again;
}

void spool_reader_skip(struct spool_reader *reader, const struct spool_mark *mark)
{
	if (mark->bytes <= reader->offset)
		return;
	reader->offset = mark->bytes;
	reader->segment.last_wall_us = mark->last_wall_us;
	reader->segment.closed = mark->closed;
}
