#include "publisher/batch_maker.h"

#include "base/log.h"

#include <string.h>

enum { STEP_ITEMS = 3 }; /* that one step adds at most */

/* Records. Each function adds at most one item, or none. */

/* Only changes and intents have a ticket to begin or to end; that of any other record is for the one who reads it. */
static struct batch_source source_of(const struct spool_merged *merged)
{
	const struct spool_record *record = &merged->record;
	bool has_ticket = record->kind == SPOOL_CHANGE || record->kind == SPOOL_INTENT ||
			  record->kind == SPOOL_GIVEN_UP;
	return (struct batch_source){.header = {.wall_us = record->wall_us, .kind = record->kind},
				     .payload = record->payload,
				     .size = record->size,
				     .writer = merged->segment.name.writer,
				     .ticket = has_ticket ? record->ticket : 0};
}

/* What no event can be made of goes into quarantine, and is told. */
static int set_record_aside(struct batch_maker *maker, const struct batch_source *source,
			    const struct clock_reading *now, struct batch *batch)
{
	int64_t seen_us = source->header.wall_us;
	const struct spool_gap gap = batch_gap_of("undecodable", 1, seen_us, seen_us);
	struct batch_item *item = &batch->items[batch->count];
	int result = batch_add_gap_for(maker, &gap, source, now, batch);
	if (result != RESULT_OK)
		return result;
	result = batch_keep(batch, &item->payload, source->payload, source->size);
	if (result != RESULT_OK) {
		batch->count--;
		return result;
	}
	item->sets_aside = true;
	memcpy(item->header.reason, gap.reason, sizeof gap.reason);
	tally(&maker->tallies->undecodable, 1);
	return RESULT_OK;
}

static int take_change(struct batch_maker *maker, const struct batch_source *source,
		       const struct clock_reading *now, struct batch *batch)
{
	int result = change_decode(&maker->change, source->payload, source->size);
	if (result == RESULT_INVALID)
		return set_record_aside(maker, source, now, batch);
	if (result != RESULT_OK)
		return result;
	maker->change.wall_us = source->header.wall_us;
	return batch_add_change(maker, source, now, batch);
}

static int take_intent(struct batch_maker *maker, const struct batch_source *source,
		       const struct clock_reading *now, struct batch *batch)
{
	if (source->ticket == 0) /* nothing could ever end it */
		return set_record_aside(maker, source, now, batch);
	struct batch_item *item = batch_begin_item(batch, BATCH_INTENT, source);
	int result = batch_keep(batch, &item->payload, source->payload, source->size);
	batch->count += result == RESULT_OK;
	return result;
}

static int take_given_up(const struct batch_source *source, struct batch *batch)
{
	batch_begin_item(batch, BATCH_NOTHING, source);
	batch->count++;
	return RESULT_OK;
}

static bool is_text(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return length < size;
}

/* Does it hold what plugin/spool.h says? */
static bool is_gap(const struct spool_gap *gap)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	return is_text(gap->reason, sizeof gap->reason) && *gap->reason &&
	       strspn(gap->reason, letters) == strlen(gap->reason) &&
	       is_text(gap->registrar, sizeof gap->registrar) &&
	       is_text(gap->txn, sizeof gap->txn) && gap->count <= INT64_MAX && gap->from_us >= 0 &&
	       gap->to_us >= 0;
}

static int take_gap(struct batch_maker *maker, const struct batch_source *source,
		    const struct clock_reading *now, struct batch *batch)
{
	struct spool_gap gap;
	if (source->size != sizeof gap)
		return set_record_aside(maker, source, now, batch);
	memcpy(&gap, source->payload, sizeof gap);
	if (!is_gap(&gap))
		return set_record_aside(maker, source, now, batch);
	return batch_add_gap(maker, &gap, now, batch);
}

static int take_test(struct batch_maker *maker, const struct batch_source *source,
		     const struct clock_reading *now, struct batch *batch)
{
	char state[SPOOL_TEST_MAX + 1] = {0};
	if (source->size == 0 || source->size > SPOOL_TEST_MAX)
		return set_record_aside(maker, source, now, batch);
	memcpy(state, source->payload, source->size);
	if (strlen(state) != source->size || !is_text(state, sizeof state))
		return set_record_aside(maker, source, now, batch);
	return batch_add_test(maker, state, source->header.wall_us, now, batch);
}

/* The operator revokes a key, which must be known, and not be the one that signs this. */
static int take_revocation(struct batch_maker *maker, const struct batch_source *source,
			   const struct clock_reading *now, struct batch *batch)
{
	struct event_key key = {0};
	if (source->size != FEED_KEY_ID_SIZE - 1)
		return set_record_aside(maker, source, now, batch);
	memcpy(key.id, source->payload, source->size);
	if (strlen(key.id) != source->size || !is_text(key.id, sizeof key.id))
		return set_record_aside(maker, source, now, batch);
	int result = feed_store_key(maker->store, key.id, &key.record);
	if (result == RESULT_INVALID || strcmp(key.id, maker->tokens.key_id) == 0) {
		log_error("a key was not revoked: it is %s", result == RESULT_INVALID
								     ? "none that ever signed here"
								     : "the one that signs now");
		return RESULT_OK;
	}
	key.record.state = KEY_REVOKED;
	return result == RESULT_OK ? batch_add_key(maker, &key, now, batch) : result;
}

/* Things in the store. */

/* The intent of this ticket, or the first one behind it, as an event whose outcome nobody knows. RESULT_INVALID: there
 * is none. */
static int add_unknown(struct batch_maker *maker, uint64_t writer, uint64_t *ticket, bool just_this,
		       const struct clock_reading *now, struct batch *batch)
{
	struct batch_source source = {.header = {.kind = SPOOL_INTENT}, .writer = writer};
	struct feed_txn txn;
	uint64_t found = *ticket;
	int result = batch_begin_reading(maker, &txn);
	if (result == RESULT_OK)
		result = feed_txn_next_intent(&txn, writer, &found, &source.header.wall_us,
					      &source.payload, &source.size);
	if (result == RESULT_OK && just_this && found != *ticket)
		result = RESULT_INVALID;
	if (result == RESULT_OK) {
		*ticket = source.ticket = found;
		result = change_decode(&maker->change, source.payload, source.size);
		maker->change.wall_us = source.header.wall_us;
		maker->change.outcome = CHANGE_UNKNOWN;
		if (result == RESULT_OK)
			result = batch_add_change(maker, &source, now, batch);
		else if (result == RESULT_INVALID)
			result = set_record_aside(maker, &source, now, batch);
	}
	batch_end_reading(maker);
	return result;
}

/* What is in quarantine and can be read by now, as events. RESULT_INVALID: nothing is left. */
static int add_from_quarantine(struct batch_maker *maker, uint64_t *number,
			       const struct clock_reading *now, struct batch *batch)
{
	struct batch_source source = {.takes_back = true};
	struct feed_txn txn;
	int result = batch_begin_reading(maker, &txn);
	if (result == RESULT_OK)
		result = feed_txn_next_aside(&txn, number, &source.header, &source.payload,
					     &source.size);
	bool is_change = source.header.kind == SPOOL_CHANGE || source.header.kind == SPOOL_INTENT;
	if (result == RESULT_OK && is_change &&
	    change_decode(&maker->change, source.payload, source.size) == RESULT_OK) {
		source.aside = *number;
		maker->change.wall_us = source.header.wall_us;
		if (source.header.kind == SPOOL_INTENT)
			maker->change.outcome = CHANGE_UNKNOWN;
		result = batch_add_change(maker, &source, now, batch);
		if (result == RESULT_INVALID) /* it stays */
			result = RESULT_OK;
	}
	batch_end_reading(maker);
	return result;
}

/* Goes on with an errand. True: it is done; false: the batch is full, or it is to be tried again. */
static bool run_errand(struct batch_maker *maker, enum errand errand, uint64_t writer,
		       const struct clock_reading *now, struct batch *batch)
{
	int result = RESULT_OK;
	if (maker->errand != errand || maker->errand_writer != writer) {
		maker->errand = errand;
		maker->errand_writer = writer;
		maker->next = 0;
	}
	while (result == RESULT_OK && batch->count + STEP_ITEMS <= BATCH_MAX) {
		result = errand == ERRAND_INTENTS
				 ? add_unknown(maker, writer, &maker->next, false, now, batch)
				 : add_from_quarantine(maker, &maker->next, now, batch);
		maker->next += result == RESULT_OK;
	}
	if (result == RESULT_INVALID)
		maker->errand = ERRAND_NONE;
	return result == RESULT_INVALID;
}

/* Steps of the merge. */

static bool needs_the_store(const struct spool_merged *merged, enum spool_merge_step step)
{
	if (step == SPOOL_MERGE_SEGMENT)
		return merged->writer_gone;
	return merged->record.kind == SPOOL_UNKNOWN || merged->record.kind == SPOOL_RETRY ||
	       merged->record.kind == SPOOL_REVOKE;
}

static int take_known(struct batch_maker *maker, const struct spool_merged *merged,
		      const struct clock_reading *now, struct batch *batch)
{
	const struct batch_source source = source_of(merged);
	uint64_t ticket = merged->record.ticket;
	int result;
	switch (merged->record.kind) {
	case SPOOL_CHANGE:
		return take_change(maker, &source, now, batch);
	case SPOOL_INTENT:
		return take_intent(maker, &source, now, batch);
	case SPOOL_GIVEN_UP:
		return take_given_up(&source, batch);
	case SPOOL_UNKNOWN:
		result = add_unknown(maker, source.writer, &ticket, true, now, batch);
		return result == RESULT_INVALID ? RESULT_OK : result;
	case SPOOL_GAP:
		return take_gap(maker, &source, now, batch);
	case SPOOL_TEST:
		return take_test(maker, &source, now, batch);
	case SPOOL_REVOKE:
		return take_revocation(maker, &source, now, batch);
	case SPOOL_RETRY:
		return run_errand(maker, ERRAND_QUARANTINE, 0, now, batch) ? RESULT_OK
									   : RESULT_FULL;
	case SPOOL_END:
	case SPOOL_CLOSED:
		return RESULT_OK;
	default:
		return set_record_aside(maker, &source, now, batch);
	}
}

/* A gap of nobody knows how many changes between two times. */
static int add_missing(struct batch_maker *maker, const char *reason, int64_t from_us,
		       int64_t to_us, const struct clock_reading *now, struct batch *batch)
{
	const struct spool_gap gap = batch_gap_of(reason, 0, from_us, to_us);
	return batch_add_gap(maker, &gap, now, batch);
}

/* RESULT_OK: the record is in the batch; else it is to be tried again. */
static int take_record(struct batch_maker *maker, const struct spool_merged *merged,
		       const struct clock_reading *now, struct batch *batch)
{
	const struct spool_record *record = &merged->record;
	size_t before = batch->count;
	int result = RESULT_OK;
	if (record->behind_damage)
		result = add_missing(maker, "damaged", record->previous_wall_us, record->wall_us,
				     now, batch);
	if (result == RESULT_OK)
		result = take_known(maker, merged, now, batch);
	if (result == RESULT_OK) {
		tally(&maker->tallies->damaged, record->behind_damage);
		tally(&maker->tallies->late, merged->late);
	} else if (record->kind != SPOOL_RETRY) {
		batch->count = before;
	}
	return result;
}

/* The end of a segment: what was damaged in it, and if its writer died, what that left open. */
static int take_end(struct batch_maker *maker, const struct spool_merged *merged,
		    const struct clock_reading *now, struct batch *batch)
{
	const struct spool_segment *segment = &merged->segment;
	bool foreign = segment->unreadable && segment->damaged;
	bool damaged = foreign || segment->tail_damaged || segment->taken_away;
	bool crashed = merged->writer_gone && !segment->closed && !foreign;
	int result = RESULT_OK;
	if (merged->writer_gone &&
	    !run_errand(maker, ERRAND_INTENTS, segment->name.writer, now, batch))
		return RESULT_FULL;
	size_t before = batch->count;
	if (damaged)
		result = add_missing(maker, "damaged", segment->last_wall_us, now->wall_us, now,
				     batch);
	if (result == RESULT_OK && crashed)
		result = add_missing(maker, "crash", segment->last_wall_us, now->wall_us, now,
				     batch);
	if (result != RESULT_OK)
		batch->count = before;
	else
		tally(&maker->tallies->damaged, damaged);
	return result;
}

/* The segment's mark in this batch; NULL: there is no room for one. */
static struct batch_mark *mark_of(struct batch *batch, const struct spool_segment *segment)
{
	for (size_t i = 0; i < batch->mark_count; i++)
		if (memcmp(batch->marks[i].segment.id, segment->id, SPOOL_ID_SIZE) == 0)
			return &batch->marks[i];
	if (batch->mark_count == BATCH_MARKS)
		return NULL;
	return &batch->marks[batch->mark_count];
}

static void set_mark(struct batch *batch, struct batch_mark *mark, enum spool_merge_step step,
		     const struct spool_merged *merged)
{
	const struct spool_record *record = &merged->record;
	if (mark == &batch->marks[batch->mark_count]) {
		mark->mark = (struct spool_mark){0};
		batch->mark_count++;
	}
	mark->segment = merged->segment;
	if (step == SPOOL_MERGE_SEGMENT) {
		mark->mark.finished = true;
		return;
	}
	mark->mark.bytes = record->end;
	mark->mark.last_wall_us = record->wall_us;
	mark->mark.closed = record->kind == SPOOL_CLOSED;
}

bool batch_fill(struct batch_maker *maker, struct spool_merge *merge,
		const struct clock_reading *now, bool is_alone, struct batch *batch)
{
	struct spool_merged merged;
	bool had_all = false;
	batch_clear(batch, spool_merge_order(merge));
	if (is_alone) {
		note_ring_clear(maker->ring);
		note_ring_clear(maker->chains);
	}
	while (batch->count + STEP_ITEMS <= BATCH_MAX && batch->delayed < BATCH_DELAYED_MAX) {
		enum spool_merge_step step = spool_merge_next(merge, now->monotonic_us, &merged);
		had_all = step == SPOOL_MERGE_WAIT;
		if (had_all)
			break;
		struct batch_mark *mark = mark_of(batch, &merged.segment);
		bool waits = needs_the_store(&merged, step) && !(is_alone && batch_is_empty(batch));
		int result = !mark || waits               ? RESULT_FULL
			     : step == SPOOL_MERGE_RECORD ? take_record(maker, &merged, now, batch)
							  : take_end(maker, &merged, now, batch);
		if (result != RESULT_OK) {
			spool_merge_unread(merge);
			break;
		}
		set_mark(batch, mark, step, &merged);
	}
	batch->order = *spool_merge_order(merge);
	return had_all;
}
