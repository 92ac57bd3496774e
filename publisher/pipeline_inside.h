/* pipeline_inside.h - what a pipeline is made of; for pipeline*.c alone
 *
 * pipeline.c runs it; pipeline_open.c opens and closes it; pipeline_tell.c has it tell of its keys and of a new log.
 */
#ifndef PUBLISHER_PIPELINE_INSIDE_H
#define PUBLISHER_PIPELINE_INSIDE_H

#include "publisher/batch.h"
#include "publisher/door.h"
#include "publisher/feed.h"
#include "publisher/identity.h"
#include "publisher/log_keeper.h"
#include "publisher/outlet.h"
#include "publisher/pipeline.h"
#include "publisher/spool_watch.h"

enum { PIPELINE_BATCHES = 3 };

struct pipeline {
	struct pipeline_parts parts;
	const struct config *config;
	struct tallies *tallies;
	struct feed_store *store;
	struct feed_identity identity;
	void *zmq;
	struct door *door;
	struct outlet **outlets; /* by channel */
	bool bound;
	struct spool_merge *merge;
	struct spool_watch *watch;
	struct batch_maker *maker;
	struct sign_pool *pool;
	struct feed *feed;
	struct log_keys *log_keys; /* until the keeper has them */
	struct log_keeper *keeper; /* NULL: no channel has a log */
	struct batch *
		batches; /* PIPELINE_BATCHES: one is filled and one committed while one is signed */
	struct batch *filled, *signing, *signed_; /* each may be NULL */
	unsigned sign_failures;                   /* in a row, of the batch that is signed */
	bool idle;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	int64_t last_complaint_us, last_position_us;
	int64_t next_fill_us;  /* CLOCK_MONOTONIC: the spool is not looked at before */
	bool listens;          /* what is written into the spool ends the pause */
	uint64_t *told_events; /* by channel: what its position.json says */
};

/* Is it time for another log line about what goes on failing? Then one is written. */
bool pipeline_may_complain(struct pipeline *pipeline);

/* After the batch's commit: its segments that are consumed to their ends go, and revoked keys leave jwks.json. */
void pipeline_clean_up(struct pipeline *pipeline, const struct batch *batch);

/* Of channels without a log: says in each log_dir how far its channel is published, if there is news; but for `last`, not
 * each time. */
void pipeline_tell_positions(struct pipeline *pipeline, const struct clock_reading *now, bool last);

/* Sends what was signed of the channels' logs. */
void pipeline_send_checkpoints(struct pipeline *pipeline);

/* Tells what must be told before anything else: a new log, and a key that no earlier one told of. */
MUST_USE int pipeline_tell_beginnings(struct pipeline *pipeline, char *why, size_t why_size);

#endif
