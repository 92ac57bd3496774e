/* batch.h - changes from the spool, made into events, ready to be signed and committed together
 *
 * Owner: the publisher's thread. A batch's memory is reused. It never reaches over a segment's end, so that how far
 * it consumes the spool is one number.
 */
#ifndef PUBLISHER_BATCH_H
#define PUBLISHER_BATCH_H

#include "base/clock.h"
#include "base/config.h"
#include "eppparse/change.h"
#include "publisher/sign_pool.h"
#include "publisher/spool_reader.h"
#include "publisher/tallies.h"

enum { BATCH_MAX = 512 };

/* What of a change the channels are judged by; its event is the job of the same number. */
struct batch_item {
	struct change_name name, new_name;
	uint8_t object, verb;
	bool restore;
};

struct batch {
	struct batch_item items[BATCH_MAX];
	struct sign_job jobs[BATCH_MAX];
	size_t count;
	bool consumes; /* the segment below is consumed up to `consumed` */
	bool finishes; /* and nothing will follow in it */
	uint8_t segment[SPOOL_ID_SIZE];
	uint64_t sequence, consumed;
};

struct batch_maker;

/* `config`, `key` and `tallies` are lent. RESULT_OK or RESULT_NOMEM. */
MUST_USE int batch_maker_new(const struct config *config, const struct signing_key *key,
			     struct tallies *tallies, struct batch_maker **maker);
void batch_maker_free(struct batch_maker **maker);

void batch_init(struct batch *batch);
void batch_free(struct batch *batch);

/* Empties `batch` and fills it with what the spool has. SPOOL_STEP_RECORD: it holds something, which may be just the
 * end of a segment; SPOOL_STEP_WAIT: nothing is there; SPOOL_STEP_SEGMENT: a segment was begun, of which the caller
 * knows how much is consumed. */
enum spool_step batch_fill(struct batch_maker *maker, struct spool_reader *reader,
			   const struct clock_reading *now, struct batch *batch);

#endif
