/* All writers' records as one stream: who goes first, who waits for whom, and what is late. A living writer is one
 * whose lock this process holds; the time is the test's own. */
#include "publisher/spool_merge.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

enum {
	WRITERS = 8,
	REORDER_US = 50000,
	STILL_US = 100000, /* as in spool_merge.c */
	SECOND_US = 1000000,
	MARKS = 64,
};

/* When it all begins: far from 0, so that a time before it is no special one. */
#define START_US (INT64_C(1000) * SECOND_US)

static struct scratch scratch;
static struct state_dir *dir;
static struct spool_merge *merge;
static struct spool_merged merged;
static struct fixture_segment segments[WRITERS]; /* the newest of each writer */
static int64_t now_us;
static struct {
	uint8_t id[SPOOL_ID_SIZE];
	struct spool_mark mark;
} marks[MARKS];
static int mark_count;
static int look_up_result;

static uint64_t number_of(int writer)
{
	return STATE_DIR_WRITERS + (uint64_t)writer;
}

static int writer_of(uint64_t number)
{
	return (int)(number - STATE_DIR_WRITERS);
}

static int look_up(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	assert_ptr_equal(context, marks);
	for (int i = 0; i < mark_count; i++)
		if (memcmp(marks[i].id, id, SPOOL_ID_SIZE) == 0)
			*mark = marks[i].mark;
	return look_up_result;
}

static void reopen(void)
{
	spool_merge_free(&merge);
	assert_int_equal(spool_merge_new(dir, NULL, REORDER_US, look_up, marks, &merge), RESULT_OK);
}

static int set_up(void **state)
{
	(void)state;
	char why[512];
	scratch = scratch_make();
	now_us = START_US;
	mark_count = 0;
	look_up_result = RESULT_OK;
	if (state_dir_open(scratch.path, &dir, why, sizeof why) != RESULT_OK)
		fail_msg("%s", why);
	reopen();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spool_merge_free(&merge);
	state_dir_close(&dir);
	for (int i = 0; i < WRITERS; i++) {
		fixture_segment_free(&segments[i]);
		segments[i] = (struct fixture_segment){0};
	}
	scratch_remove(scratch.path);
	return 0;
}

static void put(int writer)
{
	fixture_segment_put(&segments[writer], scratch.path);
}

static void begin_segment(int writer, uint32_t sequence)
{
	fixture_segment_free(&segments[writer]);
	fixture_segment_begin(&segments[writer], number_of(writer), sequence);
	put(writer);
}

static void live(int writer)
{
	assert_int_equal(state_dir_lock(dir, number_of(writer)), RESULT_OK);
	begin_segment(writer, 1);
}

static void die(int writer)
{
	state_dir_unlock(dir, number_of(writer));
}

/* A change that was called at START_US + offset. */
static void record(int writer, int64_t offset_us)
{
	fixture_record(&segments[writer], SPOOL_CHANGE, 0, START_US + offset_us, "c", 1);
	put(writer);
}

static void leave_behind(int writer, const int64_t *offsets_us, size_t count)
{
	begin_segment(writer, 1);
	for (size_t i = 0; i < count; i++)
		record(writer, offsets_us[i]);
}

static enum spool_merge_step step_at(int64_t offset_us)
{
	now_us = START_US + offset_us;
	return spool_merge_next(merge, now_us, &merged);
}

static void next_is(int64_t at_us, int writer, int64_t offset_us)
{
	assert_int_equal(step_at(at_us), SPOOL_MERGE_RECORD);
	assert_int_equal(writer_of(merged.segment.name.writer), writer);
	assert_int_equal(merged.record.monotonic_us - START_US, offset_us);
}

static void waits(int64_t at_us)
{
	assert_int_equal(step_at(at_us), SPOOL_MERGE_WAIT);
}

static void end_is(int64_t at_us, int writer, uint32_t sequence, bool gone)
{
	assert_int_equal(step_at(at_us), SPOOL_MERGE_SEGMENT);
	assert_int_equal(writer_of(merged.segment.name.writer), writer);
	assert_int_equal(merged.segment.name.sequence, sequence);
	assert_int_equal(merged.writer_gone, gone);
}

static void remember(const struct spool_segment *segment, const struct spool_mark *mark)
{
	assert_true(mark_count < MARKS);
	memcpy(marks[mark_count].id, segment->id, SPOOL_ID_SIZE);
	marks[mark_count++].mark = *mark;
}

static bool is_there(int writer, uint32_t sequence, const char *suffix)
{
	return fixture_segment_is_there(scratch.path, number_of(writer), sequence, suffix);
}

static void without_a_spool_it_waits(void **state)
{
	(void)state;
	waits(0);
	waits(SECOND_US);
}

static void one_living_writer_goes_on_at_once(void **state)
{
	(void)state;
	live(0);
	record(0, 10);
	record(0, 20);
	next_is(20, 0, 10);
	next_is(20, 0, 20);
	waits(20);
	record(0, 30);
	next_is(30, 0, 30);
	assert_false(merged.late);
}

static void several_go_on_by_their_stamps(void **state)
{
	(void)state;
	live(0);
	live(1);
	live(2);
	record(0, 10);
	record(0, 50);
	record(1, 20);
	record(1, 40);
	record(2, 30);
	record(2, 60);
	for (int i = 0; i < 4; i++)
		next_is(60, (int[]){0, 1, 2, 1}[i], 10 * (i + 1));
	/* Writer 1 has nothing more to show: it may be about to show something earlier than 50. */
	waits(61);
	record(1, 70);
	next_is(70, 0, 50);
	waits(71);
}

static void an_idle_writer_holds_others_for_no_longer_than_reorder(void **state)
{
	(void)state;
	live(0);
	live(1);
	record(0, 1000);
	waits(1000);
	waits(1000 + REORDER_US - 1);
	next_is(1000 + REORDER_US, 0, 1000);
	assert_false(merged.late);
	/* Nobody waits for one that is dead. */
	record(0, 2 * SECOND_US);
	waits(2 * SECOND_US);
	die(1);
	end_is(2 * SECOND_US + STILL_US, 1, 1, true);
	next_is(2 * SECOND_US + STILL_US, 0, 2 * SECOND_US);
}

/* What it writes is seen at each look, in another segment, too; whether it lives, now and then. */
static void a_writer_that_stands_still_costs_little(void **state)
{
	(void)state;
	live(0);
	record(0, 1);
	next_is(10, 0, 1);
	waits(20);
	record(0, 30);
	next_is(30, 0, 30);
	waits(40);
	begin_segment(0, 2);
	record(0, 50);
	end_is(50, 0, 1, false);
	next_is(50, 0, 50);
	waits(60);
	die(0);
	waits(19 + STILL_US);
	end_is(20 + STILL_US, 0, 2, true);
}

static void it_knows_when_the_next_may_go(void **state)
{
	(void)state;
	live(0);
	live(1);
	waits(10);
	assert_int_equal(spool_merge_due_us(merge, START_US + 10), INT64_MAX);
	record(0, 1000);
	waits(1000);
	assert_int_equal(spool_merge_due_us(merge, START_US + 1000), START_US + 1000 + REORDER_US);
	/* What was stamped after the clock was read is looked at again at its stamp. */
	assert_int_equal(spool_merge_due_us(merge, START_US + 999), START_US + 1000);
}

static void who_looks_closely_sees_a_death_at_once(void **state)
{
	(void)state;
	live(0);
	record(0, 1);
	next_is(10, 0, 1);
	waits(20);
	die(0);
	waits(30);
	spool_merge_look_closely(merge);
	end_is(40, 0, 1, true);
}

static void what_comes_too_late_goes_on_and_is_told(void **state)
{
	(void)state;
	live(0);
	live(1);
	record(0, 1000);
	next_is(1000 + REORDER_US, 0, 1000);
	record(1, 500);
	record(1, 900);
	record(1, 2000);
	next_is(1001 + REORDER_US, 1, 500);
	assert_true(merged.late);
	next_is(1001 + REORDER_US, 1, 900);
	assert_true(merged.late);
	/* Behind its own earlier ones nothing is late. */
	next_is(2000 + REORDER_US, 1, 2000);
	assert_false(merged.late);
	record(0, 1500);
	next_is(2001 + REORDER_US, 0, 1500);
	assert_true(merged.late);
}

/* The folder was looked at a moment ago; who is new since then may have an earlier one. */
static void a_writer_that_is_new_is_seen_before_a_later_stamp_goes_on(void **state)
{
	(void)state;
	live(0);
	waits(1000);
	live(1);
	record(1, 1200);
	record(0, 1300);
	next_is(1300, 1, 1200);
	waits(1301);
	next_is(1300 + REORDER_US, 0, 1300);
	assert_false(merged.late);
	/* Also when an idle one has been waited for. */
	waits(SECOND_US);
	live(2);
	record(2, SECOND_US + 10000);
	record(0, SECOND_US + 20000);
	next_is(SECOND_US + 20000 + REORDER_US, 2, SECOND_US + 10000);
	next_is(SECOND_US + 20000 + REORDER_US, 0, SECOND_US + 20000);
	assert_false(merged.late);
}

static void what_the_dead_left_merges_by_stamps(void **state)
{
	(void)state;
	leave_behind(0, (int64_t[]){1, 4, 9}, 3);
	leave_behind(1, (int64_t[]){2, 3, 10}, 3);
	leave_behind(2, (int64_t[]){5, 6}, 2);
	leave_behind(3, NULL, 0);
	static const int writers[] = {0, 1, 1, 0, 2, 2, 0, 1};
	static const int64_t stamps[] = {1, 2, 3, 4, 5, 6, 9, 10};
	unsigned gone = 0;
	for (size_t i = 0; i < 8;) {
		if (step_at(100) == SPOOL_MERGE_SEGMENT) {
			assert_true(merged.writer_gone);
			gone |= 1u << writer_of(merged.segment.name.writer);
			continue;
		}
		assert_int_equal(writer_of(merged.segment.name.writer), writers[i]);
		assert_int_equal(merged.record.monotonic_us - START_US, stamps[i++]);
		assert_false(merged.late);
	}
	while (step_at(100) == SPOOL_MERGE_SEGMENT)
		gone |= 1u << writer_of(merged.segment.name.writer);
	assert_int_equal(gone, 15);
}

static void set_boot(int writer, const char *boot)
{
	memset(segments[writer].header.boot_id, 0, SPOOL_BOOT_ID_SIZE);
	snprintf(segments[writer].header.boot_id, SPOOL_BOOT_ID_SIZE, "%s", boot);
	fixture_segment_seal(&segments[writer]);
}

static void earlier_boots_come_first_by_the_wall_clock(void **state)
{
	(void)state;
	struct fixture_segment *one = &segments[0], *other = &segments[1];
	live(2);
	record(2, 1);
	begin_segment(0, 1);
	begin_segment(1, 1);
	set_boot(0, "boot-a");
	set_boot(1, "boot-b");
	/* Their machines ran for long before they went down: their stamps are no time of this boot. */
	fixture_record_at(one, SPOOL_CHANGE, 0, START_US + 9000, 100, "c", 1);
	fixture_record_at(other, SPOOL_CHANGE, 0, START_US + 8000, 200, "c", 1);
	fixture_record_at(one, SPOOL_CHANGE, 0, 3 * START_US, 300, "c", 1);
	put(0);
	put(1);
	next_is(10, 0, 9000);
	next_is(10, 1, 8000);
	assert_false(merged.late);
	end_is(10, 1, 1, true);
	next_is(10, 0, 2 * START_US);
	end_is(10, 0, 1, true);
	next_is(10, 2, 1);
	assert_false(merged.late);
}

static void what_went_on_before_a_restart_still_makes_others_late(void **state)
{
	(void)state;
	struct spool_order order;
	live(0);
	live(1);
	record(0, 1000);
	record(1, 2000);
	next_is(2000 + REORDER_US, 0, 1000);
	next_is(2000 + REORDER_US, 1, 2000);
	order = *spool_merge_order(merge);
	remember(&merged.segment, &(struct spool_mark){.bytes = merged.record.end});
	for (int i = 0; i < 3; i++) {
		reopen();
		if (i == 1)
			order.boot_id[0] ^= 1;
		if (i < 2)
			spool_merge_set_order(merge, &order);
		next_is(3000 + REORDER_US, 0, 1000);
		assert_int_equal(merged.late, i == 0);
		assert_int_equal(step_at(3000 + REORDER_US), SPOOL_MERGE_WAIT);
	}
}

static void a_stamp_in_the_future_waits_unless_no_clock_of_ours_gave_it(void **state)
{
	(void)state;
	live(0);
	record(0, SECOND_US);
	record(0, 9 * SECOND_US);
	record(0, SECOND_US + 1);
	waits(0);
	waits(SECOND_US - 1);
	next_is(SECOND_US, 0, SECOND_US);
	next_is(SECOND_US, 0, 9 * SECOND_US);
	waits(SECOND_US);
	next_is(SECOND_US + 1, 0, SECOND_US + 1);
}

static void a_writer_is_gone_once_and_with_its_last_segment(void **state)
{
	(void)state;
	live(0);
	record(0, 1);
	begin_segment(0, 2);
	record(0, 2);
	begin_segment(0, 3);
	record(0, 3);
	next_is(10, 0, 1);
	end_is(10, 0, 1, false);
	next_is(10, 0, 2);
	end_is(10, 0, 2, false);
	next_is(10, 0, 3);
	waits(10);
	die(0);
	end_is(10 + STILL_US, 0, 3, true);
	spool_merge_unread(merge);
	end_is(10 + STILL_US, 0, 3, true);
	/* Its file is still there: it waits for the commit. */
	for (int i = 0; i < 5; i++)
		waits(i * SECOND_US);
	assert_true(spool_merge_remove(merge, &merged.segment));
	assert_true(spool_merge_remove(merge, &merged.segment));
	assert_false(is_there(0, 3, "") || is_there(0, 3, ".bad"));
	for (int i = 5; i < 9; i++)
		waits(i * SECOND_US);
}

static void what_is_no_segment_of_ours_is_told_and_the_rest_goes_on(void **state)
{
	(void)state;
	live(1);
	record(1, 5);
	begin_segment(0, 1);
	record(0, 1);
	segments[0].header.version = 9;
	fixture_segment_seal(&segments[0]);
	put(0);
	begin_segment(0, 2);
	segments[0].bytes.data[20] ^= 1;
	put(0);
	begin_segment(0, 3);
	record(0, 3);
	for (uint32_t sequence = 1; sequence <= 2; sequence++) {
		end_is(10, 0, sequence, false);
		assert_true(merged.segment.unreadable && merged.segment.damaged);
		assert_true(spool_merge_remove(merge, &merged.segment));
		assert_false(is_there(0, sequence, ""));
		assert_true(is_there(0, sequence, ".bad"));
	}
	next_is(10, 0, 3);
	end_is(10, 0, 3, true);
	next_is(10, 1, 5);
}

static void only_so_many_damaged_files_are_kept(void **state)
{
	(void)state;
	int kept = 0;
	for (uint32_t i = 1; i <= SPOOL_BAD_MOST + 4; i++) {
		begin_segment(0, i);
		segments[0].bytes.data[0] ^= 1;
		put(0);
	}
	for (uint32_t i = 1; i <= SPOOL_BAD_MOST + 4; i++) {
		end_is(1, 0, i, i == SPOOL_BAD_MOST + 4);
		assert_true(spool_merge_remove(merge, &merged.segment));
		assert_false(is_there(0, i, ""));
		kept += is_there(0, i, ".bad");
	}
	assert_int_equal(kept, SPOOL_BAD_MOST);
}

/* Whoever published died between commit and unlink: nothing of it is read twice, and what follows is not held up. */
static void finished_segments_whose_files_are_still_there_are_removed_unread(void **state)
{
	(void)state;
	live(1);
	for (uint32_t i = 1; i <= 4; i++) {
		begin_segment(0, i);
		record(0, i);
		if (i < 4)
			remember(&(struct spool_segment){0},
				 &(struct spool_mark){.finished = true});
		if (i < 4)
			memcpy(marks[mark_count - 1].id, segments[0].header.id, SPOOL_ID_SIZE);
	}
	record(1, 10);
	next_is(10, 0, 4);
	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(is_there(0, i, ""), i == 4);
	end_is(10, 0, 4, true);
	next_is(10, 1, 10);
}

static void reading_goes_on_behind_the_mark(void **state)
{
	(void)state;
	live(0);
	record(0, 1);
	record(0, 2);
	record(0, 3);
	next_is(5, 0, 1);
	next_is(5, 0, 2);
	remember(&merged.segment, &(struct spool_mark){.bytes = merged.record.end});
	reopen();
	next_is(5, 0, 3);
	waits(5);
}

/* The feed store can't be read: without its mark a segment must not be. */
static void without_its_mark_a_segment_is_tried_again_later(void **state)
{
	(void)state;
	live(0);
	record(0, 1);
	look_up_result = RESULT_STORE;
	waits(10);
	waits(11);
	die(0);
	waits(12);
	look_up_result = RESULT_OK;
	next_is(13, 0, 1);
	end_is(13, 0, 1, true);
}

static void a_step_can_be_taken_back(void **state)
{
	(void)state;
	leave_behind(0, (int64_t[]){1, 3}, 2);
	leave_behind(1, (int64_t[]){2, 9}, 2);
	spool_merge_unread(merge);
	for (int i = 0; i < 3; i++) {
		struct spool_order before = *spool_merge_order(merge);
		next_is(10, i % 2, i + 1);
		spool_merge_unread(merge);
		assert_memory_equal(spool_merge_order(merge), &before, sizeof before);
		spool_merge_unread(merge);
		next_is(10, i % 2, i + 1);
		assert_memory_equal(merged.record.payload, "c", 1);
		assert_false(merged.late);
	}
	end_is(10, 0, 1, true);
	spool_merge_unread(merge);
	end_is(10, 0, 1, true);
	next_is(10, 1, 9);
}

static void who_just_looks_sees_all_and_takes_nobody_for_alive(void **state)
{
	(void)state;
	live(0);
	record(0, 1);
	spool_merge_free(&merge);
	assert_int_equal(spool_merge_new(NULL, scratch.path, REORDER_US, look_up, marks, &merge),
			 RESULT_OK);
	next_is(1, 0, 1);
	end_is(1, 0, 1, true);
}

static void it_knows_whom_it_has_until_all_of_him_is_gone(void **state)
{
	(void)state;
	live(0);
	leave_behind(2, (int64_t[]){1}, 1);
	assert_false(spool_merge_has(merge, number_of(2)));
	next_is(1 + REORDER_US, 2, 1);
	assert_true(spool_merge_has(merge, number_of(0)));
	assert_true(spool_merge_has(merge, number_of(2)));
	assert_false(spool_merge_has(merge, number_of(3)));
}

/* A model of many writers. Calls come one after the other, as a token is handed round; each is durable a while
 * after. */
enum { CALLS = 400, SEEDS = 25 };

struct call {
	int writer;
	int64_t stamp_us, durable_us;
	bool written, seen;
};

struct model {
	struct call calls[CALLS];
	int64_t newest_us[WRITERS]; /* what was seen of each */
	int seen;
	bool alive[WRITERS];
	uint32_t sequence[WRITERS];
	int last_seen[WRITERS]; /* the call */
	int late, rotations;
};

static void write_what_is_durable(struct model *model, int64_t until_us)
{
	for (int i = 0; i < CALLS; i++) {
		struct call *call = &model->calls[i];
		if (call->written || call->durable_us > until_us)
			continue;
		uint32_t number = (uint32_t)i;
		fixture_record(&segments[call->writer], SPOOL_CHANGE, 0, call->stamp_us, &number,
			       sizeof number);
		put(call->writer);
		call->written = true;
	}
}

static void check_seen(struct model *model)
{
	uint32_t number;
	int64_t others_us = INT64_MIN;
	int writer = writer_of(merged.segment.name.writer);
	memcpy(&number, merged.record.payload, sizeof number);
	struct call *call = &model->calls[number];
	assert_false(call->seen);
	assert_true(call->written);
	assert_int_equal(call->writer, writer);
	assert_true((int)number > model->last_seen[writer]);
	for (int i = 0; i < WRITERS; i++)
		if (i != writer && model->newest_us[i] > others_us)
			others_us = model->newest_us[i];
	assert_int_equal(merged.late, call->stamp_us < others_us);
	model->late += merged.late;
	call->seen = true;
	model->last_seen[writer] = (int)number;
	if (call->stamp_us > model->newest_us[writer])
		model->newest_us[writer] = call->stamp_us;
	model->seen++;
}

static void read_all(struct model *model, int64_t at_us)
{
	enum spool_merge_step step;
	while ((step = spool_merge_next(merge, at_us, &merged)) != SPOOL_MERGE_WAIT) {
		if (fixture_random() % 4 == 0) {
			spool_merge_unread(merge);
			assert_int_equal(spool_merge_next(merge, at_us, &merged), step);
		}
		if (step == SPOOL_MERGE_SEGMENT)
			assert_true(spool_merge_remove(merge, &merged.segment));
		else if (merged.record.kind == SPOOL_CHANGE)
			check_seen(model);
	}
}

/* Who takes the token next: perhaps somebody new, whose segment is there before its first call. */
static int next_writer(struct model *model)
{
	int writer = (int)(fixture_random() % WRITERS);
	if (!model->alive[writer]) {
		assert_int_equal(state_dir_lock(dir, number_of(writer)), RESULT_OK);
		begin_segment(writer, ++model->sequence[writer]);
		model->alive[writer] = true;
	}
	return writer;
}

/* Sometimes a writer begins another segment, when all that it has is written. */
static void rotate(struct model *model, int writer, int count)
{
	for (int i = 0; i < count; i++)
		if (model->calls[i].writer == writer && !model->calls[i].written)
			return;
	fixture_record(&segments[writer], SPOOL_END, 0, START_US, "", 0);
	put(writer);
	begin_segment(writer, ++model->sequence[writer]);
	model->rotations++;
}

static void run_model(struct model *model, int64_t delay_most_us)
{
	int64_t at_us = now_us;
	for (int i = 0; i < WRITERS; i++)
		model->newest_us[i] = INT64_MIN, model->last_seen[i] = -1;
	for (int i = 0; i < CALLS; i++)
		model->calls[i].durable_us = INT64_MAX;
	for (int i = 0; i < CALLS; i++) {
		struct call *call = &model->calls[i];
		at_us += 1 + fixture_random() % 20000;
		write_what_is_durable(model, at_us);
		if (fixture_random() % 3 == 0)
			read_all(model, at_us);
		int writer = next_writer(model);
		if (fixture_random() % 20 == 0)
			rotate(model, writer, i);
		int64_t before_us = at_us;
		/* What one writer gives becomes durable in its order. */
		for (int j = 0; j < i; j++)
			if (model->calls[j].writer == writer &&
			    model->calls[j].durable_us > before_us)
				before_us = model->calls[j].durable_us;
		int64_t durable_us = at_us + fixture_random() % delay_most_us;
		*call = (struct call){.writer = writer,
				      .stamp_us = at_us,
				      .durable_us =
					      durable_us > before_us ? durable_us : before_us};
	}
	write_what_is_durable(model, INT64_MAX - 1);
	for (int i = 0; i < WRITERS; i++)
		if (fixture_random() % 2)
			die(i);
	read_all(model, at_us + SECOND_US);
	assert_int_equal(model->seen, CALLS);
}

static void run_models(int64_t delay_most_us, bool must_be_late)
{
	int late = 0, rotations = 0;
	for (int seed = 0; seed < SEEDS; seed++) {
		struct model model = {0};
		void *none = NULL;
		tear_down(&none);
		set_up(&none);
		run_model(&model, delay_most_us);
		late += model.late;
		rotations += model.rotations;
	}
	assert_true(rotations > SEEDS);
	assert_int_equal(late > 0, must_be_late);
}

static void calls_that_do_not_overlap_keep_their_order(void **state)
{
	(void)state;
	run_models(REORDER_US, false);
}

/* In a front end they are not ours to use up; and of dead writers there may be more than it may have. */
static void many_dead_writers_take_no_descriptors(void **state)
{
	(void)state;
	enum { DEAD_WRITERS = 200, FEW = 4 };
	struct fixture_segment left = {0};
	struct rlimit before, few;
	int records = 0, ends = 0;
	for (int i = 0; i < DEAD_WRITERS; i++) {
		fixture_segment_free(&left);
		fixture_segment_begin(&left, number_of(i), 1);
		fixture_record(&left, SPOOL_CHANGE, 0, START_US + i, "c", 1);
		fixture_segment_put(&left, scratch.path);
	}
	fixture_segment_free(&left);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)scratch_count("/proc/self/fd") + FEW;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (enum spool_merge_step step; (step = step_at(SECOND_US)) != SPOOL_MERGE_WAIT;) {
		records += step == SPOOL_MERGE_RECORD;
		ends += step == SPOOL_MERGE_SEGMENT && merged.writer_gone;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(records, DEAD_WRITERS);
	assert_int_equal(ends, DEAD_WRITERS);
}

/* With disks slower than reorder the order may break; then it is counted, and nothing else goes wrong. */
static void what_breaks_the_order_is_late_and_nothing_else_is(void **state)
{
	(void)state;
	run_models(6 * REORDER_US, true);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(without_a_spool_it_waits),
		IN_SCRATCH(many_dead_writers_take_no_descriptors),
		IN_SCRATCH(one_living_writer_goes_on_at_once),
		IN_SCRATCH(several_go_on_by_their_stamps),
		IN_SCRATCH(an_idle_writer_holds_others_for_no_longer_than_reorder),
		IN_SCRATCH(a_writer_that_stands_still_costs_little),
		IN_SCRATCH(it_knows_when_the_next_may_go),
		IN_SCRATCH(who_looks_closely_sees_a_death_at_once),
		IN_SCRATCH(what_comes_too_late_goes_on_and_is_told),
		IN_SCRATCH(a_writer_that_is_new_is_seen_before_a_later_stamp_goes_on),
		IN_SCRATCH(what_the_dead_left_merges_by_stamps),
		IN_SCRATCH(earlier_boots_come_first_by_the_wall_clock),
		IN_SCRATCH(what_went_on_before_a_restart_still_makes_others_late),
		IN_SCRATCH(a_stamp_in_the_future_waits_unless_no_clock_of_ours_gave_it),
		IN_SCRATCH(a_writer_is_gone_once_and_with_its_last_segment),
		IN_SCRATCH(what_is_no_segment_of_ours_is_told_and_the_rest_goes_on),
		IN_SCRATCH(only_so_many_damaged_files_are_kept),
		IN_SCRATCH(finished_segments_whose_files_are_still_there_are_removed_unread),
		IN_SCRATCH(reading_goes_on_behind_the_mark),
		IN_SCRATCH(without_its_mark_a_segment_is_tried_again_later),
		IN_SCRATCH(a_step_can_be_taken_back),
		IN_SCRATCH(who_just_looks_sees_all_and_takes_nobody_for_alive),
		IN_SCRATCH(it_knows_whom_it_has_until_all_of_him_is_gone),
		IN_SCRATCH(calls_that_do_not_overlap_keep_their_order),
		IN_SCRATCH(what_breaks_the_order_is_late_and_nothing_else_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
