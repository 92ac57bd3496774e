/* spool_reader.h - reads the records of one writer, in the order in which it wrote them
 *
 * The reader reads only; plugin/spool.h has the format and says what a torn tail and a damaged record are. Of several
 * writers there are as many readers: see spool_merge.h. A reader keeps no descriptor between its steps.
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
	SPOOL_STEP_WAIT,   /* nothing new yet; of a dead writer: there is nothing more */
	SPOOL_STEP_SEGMENT, /* a segment was begun: go on behind what is consumed with spool_reader_skip() */
	SPOOL_STEP_DONE, /* the segment is read to its end, and nothing will follow in it */
};

struct spool_record {
	uint32_t kind; /* enum spool_kind */
	uint64_t ticket;
	int64_t monotonic_us, wall_us;
	int64_t previous_wall_us; /* of the record before it; of the first: when the segment was made */
	const void *payload;      /* good until the reader's next step */
	size_t size;
	uint64_t end;       /* the offset behind it: what is consumed when it is */
	bool behind_damage; /* what stood before it was passed over */
};

/* How far a segment is consumed, as it stands in the feed store. */
struct spool_mark {
	uint64_t bytes;
	int64_t last_wall_us; /* of the last record that was consumed */
	uint8_t closed;       /* and that was a SPOOL_CLOSED */
	uint8_t finished;     /* to its end: its file can go */
	uint8_t unused[6];
};

/* The segment that was begun last. */
struct spool_segment {
	uint8_t id[SPOOL_ID_SIZE];
	struct spool_name name;
	char boot_id[SPOOL_BOOT_ID_SIZE];
	int64_t created_us;   /* wall clock; 0: its header can't be read */
	int64_t last_wall_us; /* of the record that was read last; created_us before the first */
	bool unreadable; /* no segment of this version, or not made to its end: no record is read from it */
	bool damaged; /* something in it was passed over */
	bool tail_damaged; /* when it is done: something behind its last record was, that is no torn write */
	bool taken_away; /* its file went while it was read */
	bool last;       /* when it is done: no other follows */
	bool closed;     /* its writer said that nothing is missing */
};

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int spool_reader_new(const char *state_dir, uint64_t writer, struct spool_reader **reader);
void spool_reader_free(struct spool_reader **reader);

/* Does the current segment's file have more than was read of it, or was the next one begun? Costs two system calls, where
 * a step that finds nothing costs a dozen. True, too, between segments, and if it can't be told. */
bool spool_reader_has_more(const struct spool_reader *reader);

/* Goes one step on. `alive`: does the writer live, as it was before this call? */
enum spool_step spool_reader_next(struct spool_reader *reader, bool alive,
				  struct spool_record *record);

/* Good until the next SPOOL_STEP_SEGMENT. */
const struct spool_segment *spool_reader_segment(const struct spool_reader *reader);

/* Leaves the segment that was just begun; the next step begins the one after it, or it again. */
void spool_reader_leave(struct spool_reader *reader, bool again);

/* Goes on behind what is consumed of the segment. */
void spool_reader_skip(struct spool_reader *reader, const struct spool_mark *mark);

#endif
