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
	uint64_t first_live;
	bool only_looking;
	uint64_t sequence; /* of the current segment, or of the last one; 0: none yet */
	int fd;            /* -1: between segments */
	uint8_t id[SPOOL_ID_SIZE];
	uint32_t salt;
	uint64_t offset; /* where the next record begins */
	char *window;    /* bytes of the file from window_start on */
	size_t window_size, window_capacity;
	uint64_t window_start;
	uint64_t damaged;
	int error;       /* of the last look(): an errno */
	bool in_trouble; /* and told so */
	unsigned waits;  /* steps that found no record at `offset` */
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
	snprintf(path, PATH_SIZE, "%s/" SPOOL_SEGMENT_NAME "%s", reader->folder, sequence, suffix);
}

/* Something could not be read; that is no end of a segment, and no damage: it is tried again. Told once. */
static enum spool_step try_again(struct spool_reader *reader, int error)
{
	if (!reader->in_trouble && !reader->only_looking)
		log_error("the spool in %s can't be read: %s; trying again", reader->folder,
			  strerror(error));
	reader->in_trouble = true;
	return SPOOL_STEP_WAIT;
}

/* The segment after the current one; 0: there is none, or (errno is not 0) the folder can't be read. */
static uint64_t next_sequence(const struct spool_reader *reader)
{
	uint64_t next = 0;
	DIR *dir = opendir(reader->folder);
	if (!dir)
		return 0;
	errno = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		uint64_t sequence = spool_sequence_of(entry->d_name);
		if (sequence > reader->sequence && (next == 0 || sequence < next))
			next = sequence;
	}
	closedir(dir);
	return next;
}

/* RESULT_OK; RESULT_INVALID: the file is no segment of this version; RESULT_STORE: errno says why. */
static int read_header(int fd, struct spool_segment_header *header)
{
	ssize_t got = pread(fd, header, sizeof *header, 0);
	if (got < 0)
		return RESULT_STORE;
	bool good = got == (ssize_t)sizeof *header &&
		    memcmp(header->magic, SPOOL_SEGMENT_MAGIC, sizeof header->magic) == 0 &&
		    header->version == SPOOL_VERSION && header->crc == spool_segment_crc(header);
	return good ? RESULT_OK : RESULT_INVALID;
}

/* A file that is no segment must not stand in the way: it is kept under another name. */
static void set_aside(struct spool_reader *reader, uint64_t sequence)
{
	char path[PATH_SIZE], bad[PATH_SIZE];
	segment_path(reader, sequence, "", path);
	segment_path(reader, sequence, ".bad", bad);
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
		return errno && errno != ENOENT ? try_again(reader, errno) : SPOOL_STEP_WAIT;
	segment_path(reader, sequence, "", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return try_again(reader, errno);
	int result = read_header(fd, &header);
	if (result != RESULT_OK) {
		int error = errno;
		close(fd);
		if (result == RESULT_STORE)
			return try_again(reader, error);
		/* The live one may be about to be written. */
		if (sequence >= reader->first_live)
			return SPOOL_STEP_WAIT;
		set_aside(reader, sequence);
		return begin_segment(reader);
	}
	reader->fd = fd;
	reader->sequence = sequence;
	memcpy(reader->id, header.id, sizeof reader->id);
	reader->salt = header.salt;
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
	segment_path(reader, reader->sequence + 1, "", path);
	return access(path, F_OK) == 0;
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
	const char *bytes = look(reader, offset, sizeof header);
	if (!bytes)
		return false;
	memcpy(&header, bytes, sizeof header);
	if (header.magic != SPOOL_RECORD_MAGIC || header.size > SPOOL_RECORD_MAX)
		return false;
	bytes = look(reader, offset, sizeof header + header.size);
	if (!bytes)
		return false;
	if (spool_record(reader->salt, header.kind, bytes + sizeof header, header.size).crc !=
	    header.crc)
		return false;
	*record = (struct spool_record){.begin = offset,
					.kind = header.kind,
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
	bool finished = false;
	if (reader->fd < 0)
		return begin_segment(reader);
	reader->error = 0;
	bool good = read_record(reader, reader->offset, record);
	if (!good) {
		/* Asked before reading again: what is finished now can't get more while we read. What is in the
		 * window may be older than what was appended since. */
		finished = is_finished(reader);
		reader->window_size = 0;
		good = read_record(reader, reader->offset, record);
	}
	if (!good && !reader->error) {
		/* In a live segment what is no record yet may be about to become one; but not for ever. */
		bool patient = !finished && ++reader->waits % LIVE_PATIENCE != 0;
		good = !patient && resynchronise(reader, record);
		reader->damaged += good;
		if (!good && !reader->error)
			return finished ? end_segment(reader) : SPOOL_STEP_WAIT;
	}
	if (!good)
		return try_again(reader, reader->error);
	reader->in_trouble = false;
	reader->waits = 0;
	reader->offset = record->end;
	return SPOOL_STEP_RECORD;
}

void spool_reader_unread(struct spool_reader *reader, const struct spool_record *record)
{
	reader->offset = record->begin;
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
	segment_path(reader, sequence, "", path);
	return unlink(path) == 0 || errno == ENOENT;
}

uint64_t spool_reader_damaged(const struct spool_reader *reader)
{
	return reader->damaged;
}
