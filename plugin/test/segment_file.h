/* segment_file.h - reads a spool segment by the words of plugin/spool.h alone, with no code of the reader or the writer
 */
#ifndef PLUGIN_TEST_SEGMENT_FILE_H
#define PLUGIN_TEST_SEGMENT_FILE_H

#include "base/buffer.h"
#include "base/crc32.h"
#include "base/file.h"
#include "plugin/spool.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct segment_file {
	struct buffer bytes;
	struct spool_segment_header header;
	size_t at;
};

static inline void segment_path(char path[PATH_MAX], const char *state_dir, uint64_t writer,
				uint32_t sequence)
{
	snprintf(path, PATH_MAX, "%s/spool/%016" PRIx64 "-%08" PRIx32 ".seg", state_dir, writer,
		 sequence);
}

/* False: there is no such file, or its header is not as spool.h says. */
static inline bool segment_open(struct segment_file *file, const char *state_dir, uint64_t writer,
				uint32_t sequence)
{
	char path[PATH_MAX];
	buffer_init(&file->bytes, 64 << 20);
	segment_path(path, state_dir, writer, sequence);
	if (file_read(path, &file->bytes) != RESULT_OK || file->bytes.size < sizeof file->header) {
		buffer_free(&file->bytes);
		return false;
	}
	memcpy(&file->header, file->bytes.data, sizeof file->header);
	file->at = sizeof file->header;
	return memcmp(file->header.magic, SPOOL_SEGMENT_MAGIC, sizeof file->header.magic) == 0 &&
	       file->header.version == SPOOL_VERSION && file->header.writer == writer &&
	       file->header.sequence == sequence &&
	       file->header.crc ==
		       crc32_update(0, &file->header, offsetof(struct spool_segment_header, crc));
}

/* The next record. False: the file ends here, or with a part of a record. A bad record ends the test program. */
static inline bool segment_next(struct segment_file *file, struct spool_record_header *header,
				const char **payload)
{
	size_t left = file->bytes.size - file->at;
	if (left < sizeof *header)
		return false;
	memcpy(header, file->bytes.data + file->at, sizeof *header);
	*payload = file->bytes.data + file->at + sizeof *header;
	if (left < sizeof *header + header->size)
		return false;
	uint32_t salt = file->header.salt;
	if (header->magic != SPOOL_RECORD_MAGIC ||
	    header->head_crc != crc32_update(salt, &header->size, 40) ||
	    header->crc != crc32_update(salt, *payload, header->size)) {
		fprintf(stderr, "a bad record at %zu of %zu\n", file->at, file->bytes.size);
		abort();
	}
	file->at += sizeof *header + header->size;
	return true;
}

static inline void segment_close(struct segment_file *file)
{
	buffer_free(&file->bytes);
}

#endif
