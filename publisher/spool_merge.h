/* spool_merge.h - all writers' records as one stream, in the order of the callers' stamps
 *
 * With one writer alive a record goes on at once. With several it goes on when every living writer has a later one to
 * show, or `reorder` after its stamp; one that arrives later than that (of a stopped process, or a slow disk) goes on
 * when it arrives, and is told as late. So, but for those, calls that did not overlap in time keep their order,
 * whichever process they came from. Stamps are CLOCK_MONOTONIC's; segments of earlier boots come first, by wall clock.
 *
 * A writer is dead when nobody has its lock. Its last segment is told as such: what it leaves open can be settled with
 * it. Owner: one thread. Reads files and so may wait for the disk.
 */
#ifndef PUBLISHER_SPOOL_MERGE_H
#define PUBLISHER_SPOOL_MERGE_H

#include "base/state_dir.h"
#include "publisher/spool_reader.h"

struct spool_merge;

enum spool_merge_step {
	SPOOL_MERGE_RECORD,  /* here is one */
	SPOOL_MERGE_SEGMENT, /* a segment is read to its end, and nothing will follow in it */
	SPOOL_MERGE_WAIT,    /* nothing may go on yet */
};

/* What a step gives: a record, or just the segment. Good until the next step. */
struct spool_merged {
	struct spool_record record;
	struct spool_segment segment;
	bool of_this_boot; /* the record: its stamp is by our CLOCK_MONOTONIC */
	bool late;         /* behind one of another writer with a later stamp */
	bool writer_gone;  /* SPOOL_MERGE_SEGMENT: it was the last one of a dead writer */
};

/* The latest stamps that have gone on, of two writers: by them one is judged to be late. Kept in the feed store, since
 * it must be known over a restart. */
struct spool_order {
	char boot_id[SPOOL_BOOT_ID_SIZE];
	int64_t newest_us, second_us;
	uint64_t newest_writer, second_writer;
};

/* Tells how far a segment is consumed; zeros for one that was never read. RESULT_OK, or an error: the segment is
 * tried again later. */
typedef int spool_look_up_fn(void *context, const uint8_t id[SPOOL_ID_SIZE],
			     struct spool_mark *mark);

/* Who just looks gives no `dir` but a path: then all writers count as dead. RESULT_OK or RESULT_NOMEM. */
MUST_USE int spool_merge_new(struct state_dir *dir, const char *path, int64_t reorder_us,
			     spool_look_up_fn *look_up, void *context, struct spool_merge **merge);
void spool_merge_free(struct spool_merge **merge);

/* The order so far; and, at the start, what it was before. One of another boot is forgotten. */
const struct spool_order *spool_merge_order(const struct spool_merge *merge);
void spool_merge_set_order(struct spool_merge *merge, const struct spool_order *order);

/* The next look asks each writer all that it may be asked, also whether it lives. */
void spool_merge_look_closely(struct spool_merge *merge);

/* When the earliest record that is known may go on, whatever the writers show until then: `reorder` after its stamp; one
 * that is stamped after now_us is looked at again at its stamp. CLOCK_MONOTONIC; INT64_MAX: none is known. */
int64_t spool_merge_due_us(const struct spool_merge *merge, int64_t now_us);

/* Goes one step on. `now_us` is CLOCK_MONOTONIC's. */
enum spool_merge_step spool_merge_next(struct spool_merge *merge, int64_t now_us,
				       struct spool_merged *merged);

/* Goes back to before the step that was made last. */
void spool_merge_unread(struct spool_merge *merge);

/* Takes away the file of a segment that is consumed: unlinks it, or, if something in it was damaged, keeps it under a
 * name that ends in ".bad", for a person to look at; only the first SPOOL_BAD_MOST of them. False: it is still there,
 * and will be read again. */
enum { SPOOL_BAD_MOST = 16 };
bool spool_merge_remove(const struct spool_merge *merge, const struct spool_segment *segment);

/* Is something of this writer still there, as far as is known? */
bool spool_merge_has(const struct spool_merge *merge, uint64_t writer);

#endif
