/* spool_reader.h - reads the spool's records, oldest first
 *
 * Segments of dead processes come first, then those of the live one, each in the order of its sequence. The reader
 * reads only; plugin/spool.h has the format and says what a torn tail and a damaged record are.
 * Owner: one thread. Reads files and so may wait for the disk.
 */
#ifndef PUBLISHER_SPOOL_READER_H
#define PUBLISHER_SPOOL_READER_H

#include "base/result.h"
#include "plugin/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool_reader;

enum spool_step {
	SPOOL_STEP_RECORD, /* here is one */
	SPOOL_STEP_WAIT,   /* nothing new yet */
	SPOOL_STEP_SEGMENT, /* a segment was begun: tell its start with spool_reader_skip(), or read it all */
	SPOOL_STEP_DONE, /* the segment is read to its end, and nothing will follow in it */
};

struct spool_record {
	uint32_t kind; /* enum spool_kind */
	const void *payload;
	size_t size;
	uint64_t begin;
	uint64_t end; /* the offset behind it: what is consumed when it is */
};

/* `first_live`: the sequence from which on segments belong to a living process; UINT64_MAX: to none, or it doesn't
 * matter to who just looks. A reader that is not `only_looking` renames files that are no segments.
 * RESULT_OK or RESULT_NOMEM. */
MUST_USE int spool_reader_new(const char *state_dir, uint64_t first_live, bool only_looking,
			      struct spool_reader **reader);
void spool_reader_free(struct spool_reader **reader);

/* Goes one step on. The record's payload is good until the next step. */
enum spool_step spool_reader_next(struct spool_reader *reader, struct spool_record *record);

/* Goes back to before the record that the last step gave. */
void spool_reader_unread(struct spool_reader *reader, const struct spool_record *record);

/* The current segment: good from SPOOL_STEP_SEGMENT until the step after SPOOL_STEP_DONE. */
const uint8_t *spool_reader_segment(const struct spool_reader *reader); /* SPOOL_ID_SIZE bytes */
uint64_t spool_reader_sequence(const struct spool_reader *reader);

/* Leaves the segment that was just begun; the next step begins it again. */
void spool_reader_restart(struct spool_reader *reader);

/* Goes on behind the first `bytes` of the segment. */
void spool_reader_skip(struct spool_reader *reader, uint64_t bytes);

/* Removes the file of a segment that is consumed. False: it is still there, and will be read again. */
bool spool_reader_remove(const struct spool_reader *reader, uint64_t sequence);

/* How many times damage was passed over; files that were no segments, too: they are
 * renamed to end in ".bad". */
uint64_t spool_reader_damaged(const struct spool_reader *reader);

#endif
