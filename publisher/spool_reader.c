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
#include <sys/stat.h>
#include <unistd.h>

/* LIVE_PATIENCE: steps, up to 20 milliseconds apart, between looks behind what is no record in a live segment. */
enum { WINDOW_SIZE = 256 * 1024, PATH_SIZE = PATH_MAX + 64, LIVE_PATIENCE = 1000 };

struct spool_reader {
	char folder[PATH_MAX];
	struct spool_segment segment; /* the current one, or the last one; sequence 0: none yet */
	bool open;                    /* within a segment; its file is opened for each look at it */
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
	reader->segment.name.writer = writer;
	snprintf(reader->folder, sizeof reader->folder, "%s/" SPOOL_FOLDER, state_dir);
	*out = reader;
	return RESULT_OK;
}

void spool_reader_free(struct spool_reader **reader)
{
	if (!*reader)
		return;
	free((*reader)->window);
	free(*reader);
	*reader = NULL;
}

static void path_of(const struct spool_reader *reader, uint32_t sequence, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/" SPOOL_SEGMENT_NAME, reader->folder,
		 reader->segment.name.writer, sequence);
}

/* A reader keeps no descriptor: of dead writers there may be more than a process may have, and in a front end they are not
 * ours to use up. What is no file must not make us wait. */
static int open_file(const struct spool_reader *reader, uint32_t sequence)
{
	char path[PATH_SIZE];
	path_of(reader, sequence, path);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Between segments no memory is kept for one: of those that are done, too, there may be many. */
static void leave_file(struct spool_reader *reader)
{
	free(reader->window);
	reader->window = NULL;
	reader->window_size = reader->window_capacity = 0;
	reader->open = false;
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

/* The first sequence behind `before`; 0: there is none, or (errno is not 0) the folder can't be read. Mostly it is the very
 * next, and a look at the whole folder costs the more the more writers there are. */
static uint32_t next_sequence(const struct spool_reader *reader, uint32_t before)
{
	struct spool_name name;
	char path[PATH_SIZE];
	uint32_t next = 0;
	path_of(reader, before + 1, path);
	if (access(path, F_OK) == 0)
		return before + 1;
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
	segment->unreadable = true;
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
	name.sequence = next_sequence(reader, name.sequence);
	if (name.sequence == 0)
		return errno ? try_again(reader, errno) : SPOOL_STEP_WAIT;
	bool finished = false;
	int fd = open_file(reader, name.sequence);
	if (fd < 0)
		return errno == ENOENT ? SPOOL_STEP_WAIT : try_again(reader, errno);
	int result = read_header(fd, &name, &header);
	if (result == RESULT_INVALID) {
		/* Asked before it is read again: what is finished now can't get one while we read. */
		finished = is_finished(reader, name.sequence, alive);
		result = read_header(fd, &name, &header);
	}
	int error = errno;
	/* A writer that died while it made its last segment has written nothing into it: that is no damage. */
	bool torn = lseek(fd, 0, SEEK_END) < (off_t)sizeof header &&
		    next_sequence(reader, name.sequence) == 0;
	close(fd);
	if (result == RESULT_STORE)
		return try_again(reader, error);
	if (result != RESULT_OK && !finished)
		return SPOOL_STEP_WAIT;
	reader->open = true;
	reader->segment = (struct spool_segment){.name = name};
	if (result == RESULT_OK)
		begin_readable(&reader->segment, &header);
	else
		begin_unreadable(&reader->segment);
	reader->segment.damaged = reader->segment.unreadable && !torn;
	reader->salt = header.salt;
	reader->offset = sizeof header;
	reader->window_size = 0;
	reader->waits = 0;
	return SPOOL_STEP_SEGMENT;
}

/* Room for `wanted` bytes in the window. */
static bool make_window(struct spool_reader *reader, size_t wanted)
{
	if (wanted <= reader->window_capacity)
		return true;
	char *window = realloc(reader->window, wanted);
	if (!window) {
		reader->error = ENOMEM;
		return false;
	}
	reader->window = window;
	reader->window_capacity = wanted;
	return true;
}

/* Fills the window from `offset` on: with `size` bytes, and more if there are. */
static void fill_window(struct spool_reader *reader, int fd, uint64_t offset, size_t size)
{
	struct stat file = {0};
	uint64_t there = fstat(fd, &file) == 0 && (uint64_t)file.st_size > offset
				 ? (uint64_t)file.st_size - offset
				 : 0;
	/* No more than there is, since many segments are small. */
	size_t wanted = there < WINDOW_SIZE ? (size_t)there : WINDOW_SIZE;
	if (wanted < size)
		wanted = size;
	reader->window_start = offset;
	reader->window_size = 0;
	if (!make_window(reader, wanted))
		return;
	while (reader->window_size < wanted) {
		ssize_t got =
			pread(fd, reader->window + reader->window_size,
			      wanted - reader->window_size, (off_t)(offset + reader->window_size));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			reader->error = errno;
		if (got <= 0)
			break;
		reader->window_size += (size_t)got;
	}
}

/* Makes `size` bytes from `offset` on visible. NULL: the file doesn't have them, or (reader->error) can't be read. */
static const char *look(struct spool_reader *reader, uint64_t offset, size_t size)
{
	if (offset >= reader->window_start &&
	    offset + size <= reader->window_start + reader->window_size)
		return reader->window + (offset - reader->window_start);
	int fd = open_file(reader, reader->segment.name.sequence);
	if (fd >= 0) {
		fill_window(reader, fd, offset, size);
		close(fd);
	} else if (errno != ENOENT) {
		reader->error = errno;
		return NULL;
	} else {
		reader->window_size = 0;
		reader->segment.taken_away = true;
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
	if (!spool_head_is_good(reader->salt, &header))
		return false;
	bytes = look(reader, offset, sizeof header + header.size);
	if (!bytes || spool_payload_crc(reader->salt, &header, bytes + sizeof header) != header.crc)
		return false;
	*record = (struct spool_record){.kind = header.kind,
					.ticket = header.ticket,
					.monotonic_us = header.monotonic_us,
					.wall_us = header.wall_us,
					.payload = bytes + sizeof header,
					.size = header.size,
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
	leave_file(reader);
	return SPOOL_STEP_DONE;
}

bool spool_reader_has_more(const struct spool_reader *reader)
{
	char path[PATH_SIZE];
	struct stat file;
	path_of(reader, reader->segment.name.sequence, path);
	if (!reader->open || stat(path, &file) != 0 || (uint64_t)file.st_size > reader->offset)
		return true;
	path_of(reader, reader->segment.name.sequence + 1, path);
	return access(path, F_OK) == 0;
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
	leave_file(reader);
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
