#include "publisher/spool_reader.h"

#include "base/crc32.h"
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

enum { WINDOW_SIZE = 256 * 1024, PATH_SIZE = PATH_MAX + 64 };

struct spool_reader {
	char folder[PATH_MAX];
	uint64_t first_live;
	bool only_looking;
	uint64_t sequence; /* of the current segment, or of the last one; 0: none yet */
	int fd;            /* -1: between segments */
	uint8_t id[SPOOL_ID_SIZE];
	uint64_t offset; /* where the next record begins */
	char *window;    /* bytes of the file from window_start on */
	size_t window_size, window_capacity;
	uint64_t window_start;
	uint64_t damaged;
};

int spool_reader_new(const char *state_dir, uint64_t first_live, bool only_looking,
		     struct spool_reader **out)
{
	struct spool_reader *reader = calloc(1, sizeof *reader);
	*out = NULL;
	if (!reader)
		return RESULT_NOMEM;
	reader->fd = -1;
	reader->first_live = first_live;
	reader->only_looking = only_looking;
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

static void segment_path(const struct spool_reader *reader, uint64_t sequence, const char *suffix,
			 char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%016" PRIx64 ".%s", reader->folder, sequence, suffix);
}

/* The segment after the current one; 0: there is none. */
static uint64_t next_sequence(const struct spool_reader *reader)
{
	uint64_t next = 0;
	DIR *dir = opendir(reader->folder);
	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char *end;
		uint64_t sequence = strtoull(entry->d_name, &end, 16);
		if (end - entry->d_name != SPOOL_SEQUENCE_DIGITS || strcmp(end, ".seg") != 0)
			continue;
		if (sequence > reader->sequence && (next == 0 || sequence < next))
			next = sequence;
	}
	closedir(dir);
	return next;
}

static bool read_header(int fd, struct spool_segment_header *header)
{
	return pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
	       memcmp(header->magic, SPOOL_SEGMENT_MAGIC, sizeof header->magic) == 0 &&
	       header->version == SPOOL_VERSION &&
	       header->crc == crc32_update(0, header, offsetof(struct spool_segment_header, crc));
}

/* A file that is no segment must not stand in the way: it is kept under another name. */
static void set_aside(struct spool_reader *reader, uint64_t sequence)
{
	char path[PATH_SIZE], bad[PATH_SIZE];
	segment_path(reader, sequence, "seg", path);
	segment_path(reader, sequence, "bad", bad);
	reader->damaged++;
	reader->sequence = sequence;
	if (!reader->only_looking && rename(path, bad) == 0)
		log_error("%s was no spool segment of this version; it is now %s", path, bad);
}

/* Opens the next segment; those that are none are passed over. */
static enum spool_step begin_segment(struct spool_reader *reader)
{
	struct spool_segment_header header;
	char path[PATH_SIZE];
	uint64_t sequence = next_sequence(reader);
	if (sequence == 0)
		return SPOOL_STEP_WAIT;
	segment_path(reader, sequence, "seg", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SPOOL_STEP_WAIT;
	if (!read_header(fd, &header)) {
		close(fd);
		/* The live one may be about to be written. */
		if (sequence >= reader->first_live)
			return SPOOL_STEP_WAIT;
		set_aside(reader, sequence);
		return begin_segment(reader);
	}
	reader->fd = fd;
	reader->sequence = sequence;
	memcpy(reader->id, header.id, sizeof reader->id);
	reader->offset = sizeof header;
	reader->window_size = 0;
	return SPOOL_STEP_SEGMENT;
}

/* Will nothing be appended to the current segment any more? */
static bool is_finished(const struct spool_reader *reader)
{
	char path[PATH_SIZE];
	if (reader->sequence < reader->first_live)
		return true;
	/* A process begins a segment only when it is done with the one before. */
	segment_path(reader, reader->sequence + 1, "seg", path);
	return access(path, F_OK) == 0;
}

/* Makes `size` bytes from `offset` on visible. NULL: the file doesn't have them, or can't be read. */
static const char *look(struct spool_reader *reader, uint64_t offset, size_t size)
{
	if (offset >= reader->window_start &&
	    offset + size <= reader->window_start + reader->window_size)
		return reader->window + (offset - reader->window_start);
	size_t wanted = size > WINDOW_SIZE ? size : WINDOW_SIZE;
	if (wanted > reader->window_capacity) {
		char *window = realloc(reader->window, wanted);
		if (!window)
			return NULL;
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
		if (got <= 0)
			break;
		reader->window_size += (size_t)got;
	}
	return reader->window_size >= size ? reader->window : NULL;
}

static bool read_record(struct spool_reader *reader, uint64_t offset, struct spool_record *record)
{
	struct spool_record_header header;
	const char *bytes = look(reader, offset, sizeof header);
	if (!bytes)
		return false;
	memcpy(&header, bytes, sizeof header);
	if (header.magic != SPOOL_RECORD_MAGIC || header.size > SPOOL_RECORD_MAX)
		return false;
	bytes = look(reader, offset, sizeof header + header.size);
	if (!bytes)
		return false;
	uint32_t crc = crc32_update(0, &header.size, sizeof header.size);
	crc = crc32_update(crc, &header.kind, sizeof header.kind);
	crc = crc32_update(crc, bytes + sizeof header, header.size);
	if (crc != header.crc)
		return false;
	*record = (struct spool_record){.kind = header.kind,
					.payload = bytes + sizeof header,
					.size = header.size,
					.end = offset + sizeof header + header.size};
	return true;
}

/* Looks for the next good record behind damage. */
static bool resynchronise(struct spool_reader *reader, struct spool_record *record)
{
	static const uint32_t magic = SPOOL_RECORD_MAGIC;
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

static enum spool_step end_segment(struct spool_reader *reader)
{
	close(reader->fd);
	reader->fd = -1;
	return SPOOL_STEP_DONE;
}

enum spool_step spool_reader_next(struct spool_reader *reader, struct spool_record *record)
{
	if (reader->fd < 0)
		return begin_segment(reader);
	/* Asked before reading: what is finished now can't get more while we read. */
	bool finished = is_finished(reader);
	bool good = read_record(reader, reader->offset, record);
	if (!good) {
		/* What is in the window may be older than what was appended since. */
		reader->window_size = 0;
		good = read_record(reader, reader->offset, record);
	}
	if (!good && !finished)
		return SPOOL_STEP_WAIT;
	if (!good) {
		if (!resynchronise(reader, record))
			return end_segment(reader);
		reader->damaged++;
	}
	reader->offset = record->end;
	return SPOOL_STEP_RECORD;
}

const uint8_t *spool_reader_segment(const struct spool_reader *reader)
{
	return reader->id;
}

uint64_t spool_reader_sequence(const struct spool_reader *reader)
{
	return reader->sequence;
}

void spool_reader_restart(struct spool_reader *reader)
{
	close(reader->fd);
	reader->fd = -1;
	reader->sequence--;
}

void spool_reader_skip(struct spool_reader *reader, uint64_t bytes)
{
	if (bytes > reader->offset)
		reader->offset = bytes;
}

bool spool_reader_remove(const struct spool_reader *reader, uint64_t sequence)
{
	char path[PATH_SIZE];
	segment_path(reader, sequence, "seg", path);
	return unlink(path) == 0 || errno == ENOENT;
}

uint64_t spool_reader_damaged(const struct spool_reader *reader)
{
	return reader->damaged;
}
