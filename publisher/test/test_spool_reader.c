/* The spool's reader of one writer against torn, damaged and foreign files. */
#include "publisher/spool_reader.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

enum {
	WRITER = 0x1234,
	HEADER = sizeof(struct spool_segment_header),
	RECORD = sizeof(struct spool_record_header),
};
enum { DEAD = false, ALIVE = true };

static struct scratch scratch;
static struct spool_reader *reader;
static struct spool_record record;
static struct fixture_segment segment;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	fixture_segment_begin(&segment, WRITER, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spool_reader_free(&reader);
	fixture_segment_free(&segment);
	scratch_remove(scratch.path);
	return 0;
}

static void begin_reading(void)
{
	spool_reader_free(&reader);
	assert_int_equal(spool_reader_new(scratch.path, WRITER, &reader), RESULT_OK);
}

static void step_is(bool alive, enum spool_step expected)
{
	assert_int_equal(spool_reader_next(reader, alive, &record), expected);
}

/* Appends a record whose payload says `number` and has `size` bytes. */
static void append_number(uint32_t number, size_t size)
{
	char *payload = malloc(size);
	memset(payload, (int)number, size);
	memcpy(payload, &number, sizeof number);
	fixture_record(&segment, SPOOL_CHANGE, 0, number, payload, size);
	free(payload);
}

static void begin_segment(uint32_t sequence)
{
	fixture_segment_free(&segment);
	fixture_segment_begin(&segment, WRITER, sequence);
}

static void put(void)
{
	fixture_segment_put(&segment, scratch.path);
}

static void cut(size_t size)
{
	fixture_segment_cut(&segment, scratch.path, size);
}

static void next_is_number(bool alive, uint32_t expected)
{
	uint32_t number;
	step_is(alive, SPOOL_STEP_RECORD);
	assert_int_equal(record.kind, SPOOL_CHANGE);
	assert_true(record.size >= sizeof number);
	memcpy(&number, record.payload, sizeof number);
	assert_int_equal(number, expected);
	assert_int_equal(record.monotonic_us, expected);
	assert_int_equal(record.wall_us, FIXTURE_WALL_US + expected);
}

static uint32_t sequence_read(void)
{
	return spool_reader_segment(reader)->name.sequence;
}

static bool damaged(void)
{
	return spool_reader_segment(reader)->damaged;
}

static void without_a_spool_there_is_nothing_to_read(void **state)
{
	(void)state;
	begin_reading();
	step_is(ALIVE, SPOOL_STEP_WAIT);
	step_is(DEAD, SPOOL_STEP_WAIT);
}

static void segments_come_in_their_order_each_to_its_end(void **state)
{
	(void)state;
	static const uint32_t sequences[] = {2, 1, 0x10, 0xa};
	static const uint32_t sorted[] = {1, 2, 0xa, 0x10};
	for (int i = 0; i < 4; i++) {
		begin_segment(sequences[i]);
		append_number(sequences[i], 100);
		append_number(sequences[i] + 100, 5);
		fixture_record(&segment, i ? SPOOL_END : SPOOL_CLOSED, 0, 0, "", 0);
		put();
	}
	begin_reading();
	for (int i = 0; i < 4; i++) {
		step_is(DEAD, SPOOL_STEP_SEGMENT);
		assert_int_equal(sequence_read(), sorted[i]);
		assert_memory_equal(spool_reader_segment(reader)->id + 8, &sorted[i], 4);
		next_is_number(DEAD, sorted[i]);
		assert_int_equal(record.end, HEADER + RECORD + 100);
		assert_int_equal(record.previous_wall_us, FIXTURE_WALL_US);
		next_is_number(DEAD, sorted[i] + 100);
		assert_int_equal(record.previous_wall_us, FIXTURE_WALL_US + sorted[i]);
		step_is(DEAD, SPOOL_STEP_RECORD);
		assert_int_equal(record.end, segment.bytes.size);
		assert_int_equal(spool_reader_segment(reader)->closed, sorted[i] == 2);
		step_is(DEAD, SPOOL_STEP_DONE);
		assert_int_equal(sequence_read(), sorted[i]);
		assert_false(damaged());
		assert_int_equal(spool_reader_segment(reader)->last, i == 3);
	}
	step_is(DEAD, SPOOL_STEP_WAIT);
}

static void reading_goes_on_behind_what_was_consumed(void **state)
{
	(void)state;
	append_number(0, 40);
	const struct spool_mark mark = {
		.bytes = segment.bytes.size, .last_wall_us = 77, .closed = true};
	append_number(1, 40);
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	spool_reader_skip(reader, &mark);
	assert_int_equal(spool_reader_segment(reader)->last_wall_us, 77);
	assert_true(spool_reader_segment(reader)->closed);
	next_is_number(DEAD, 1);
	assert_int_equal(record.previous_wall_us, 77);
	assert_false(spool_reader_segment(reader)->closed);
	step_is(DEAD, SPOOL_STEP_DONE);
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	spool_reader_leave(reader, true);
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	spool_reader_skip(reader, &(struct spool_mark){0});
	next_is_number(DEAD, 0);
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	/* A power cut took what was consumed already. */
	spool_reader_skip(reader, &(struct spool_mark){.bytes = 1u << 30});
	step_is(DEAD, SPOOL_STEP_DONE);
	assert_false(damaged());
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	spool_reader_leave(reader, false);
	step_is(DEAD, SPOOL_STEP_WAIT);
}

/* The live segment: what is not there yet is waited for, at whatever byte it stops. */
static void a_live_segment_is_waited_for_at_every_byte(void **state)
{
	(void)state;
	append_number(0, 30);
	size_t first_end = segment.bytes.size;
	append_number(1, 20);
	for (size_t size = 0; size < segment.bytes.size; size++) {
		cut(size);
		begin_reading();
		if (size < HEADER) {
			step_is(ALIVE, SPOOL_STEP_WAIT);
		} else {
			step_is(ALIVE, SPOOL_STEP_SEGMENT);
			if (size >= first_end)
				next_is_number(ALIVE, 0);
			step_is(ALIVE, SPOOL_STEP_WAIT);
		}
		put();
		if (size < HEADER)
			step_is(ALIVE, SPOOL_STEP_SEGMENT);
		if (size < first_end)
			next_is_number(ALIVE, 0);
		next_is_number(ALIVE, 1);
		step_is(ALIVE, SPOOL_STEP_WAIT);
		assert_false(damaged());
	}
}

static void damage_in_a_live_segment_is_passed_over_in_the_end(void **state)
{
	(void)state;
	append_number(0, 30);
	append_number(1, 20);
	segment.bytes.data[HEADER + RECORD] ^= 1;
	put();
	begin_reading();
	step_is(ALIVE, SPOOL_STEP_SEGMENT);
	int steps = 0;
	while (spool_reader_next(reader, ALIVE, &record) == SPOOL_STEP_WAIT && steps < 100000)
		steps++;
	assert_in_range(steps, 100, 99999);
	assert_int_equal(record.end, segment.bytes.size);
	assert_true(record.behind_damage);
	assert_true(damaged());
	step_is(ALIVE, SPOOL_STEP_WAIT);
}

static void a_live_segment_is_done_when_the_next_is_begun(void **state)
{
	(void)state;
	append_number(0, 30);
	put();
	begin_reading();
	step_is(ALIVE, SPOOL_STEP_SEGMENT);
	next_is_number(ALIVE, 0);
	step_is(ALIVE, SPOOL_STEP_WAIT);
	fixture_record(&segment, SPOOL_END, 0, 0, "", 0);
	put();
	step_is(ALIVE, SPOOL_STEP_RECORD);
	step_is(ALIVE, SPOOL_STEP_WAIT);
	begin_segment(2);
	put();
	step_is(ALIVE, SPOOL_STEP_DONE);
	step_is(ALIVE, SPOOL_STEP_SEGMENT);
	step_is(ALIVE, SPOOL_STEP_WAIT);
}

/* A write that failed is taken back, and other bytes may come in its place: those of before must not be believed. */
static void what_the_writer_took_back_and_wrote_anew_is_looked_at_again(void **state)
{
	(void)state;
	append_number(0, 30);
	segment.bytes.data[segment.bytes.size - 1] ^= 1;
	put();
	begin_reading();
	step_is(ALIVE, SPOOL_STEP_SEGMENT);
	step_is(ALIVE, SPOOL_STEP_WAIT);
	begin_segment(1);
	append_number(7, 30);
	put();
	next_is_number(ALIVE, 7);
	assert_false(damaged());
}

/* A dead process's file, cut at every byte: the whole records come, the torn tail does not, and is no damage. */
static void a_torn_tail_is_ignored_at_every_byte(void **state)
{
	(void)state;
	size_t ends[4];
	for (uint32_t i = 0; i < 4; i++) {
		append_number(i, 10 + 7 * i);
		ends[i] = segment.bytes.size;
	}
	for (size_t size = HEADER; size <= segment.bytes.size; size++) {
		cut(size);
		begin_reading();
		step_is(DEAD, SPOOL_STEP_SEGMENT);
		for (uint32_t i = 0; i < 4 && ends[i] <= size; i++)
			next_is_number(DEAD, i);
		step_is(DEAD, SPOOL_STEP_DONE);
		assert_false(damaged() || spool_reader_segment(reader)->tail_damaged);
		step_is(DEAD, SPOOL_STEP_WAIT);
	}
}

/* In a segment with another behind it, the same is damage: the writer was done with it. */
static void a_torn_tail_before_another_segment_is_damage(void **state)
{
	(void)state;
	static const bool lives[] = {DEAD, ALIVE};
	append_number(0, 10);
	size_t end = segment.bytes.size;
	append_number(1, 20);
	for (size_t i = 0; i < 2; i++) {
		for (size_t size = end; size < segment.bytes.size; size++) {
			begin_segment(2);
			put();
			begin_segment(1);
			append_number(0, 10);
			append_number(1, 20);
			cut(size);
			begin_reading();
			step_is(lives[i], SPOOL_STEP_SEGMENT);
			next_is_number(lives[i], 0);
			step_is(lives[i], SPOOL_STEP_DONE);
			assert_int_equal(damaged(), size > end);
			assert_int_equal(spool_reader_segment(reader)->tail_damaged, size > end);
			step_is(lives[i], SPOOL_STEP_SEGMENT);
			assert_int_equal(sequence_read(), 2);
			assert_false(damaged());
		}
	}
}

static void no_segment_of_this_version(size_t offset)
{
	begin_segment(1);
	append_number(0, 10);
	segment.bytes.data[offset] ^= 1;
	put();
	begin_segment(2);
	append_number(5, 10);
	put();
	begin_reading();
}

static void what_is_no_segment_is_passed_over_and_the_next_is_read(void **state)
{
	(void)state;
	for (size_t offset = 0; offset < HEADER; offset++) {
		/* Also of a living writer: what has a successor will not be written any more. */
		bool alive = offset % 2;
		no_segment_of_this_version(offset);
		step_is(alive, SPOOL_STEP_SEGMENT);
		assert_true(spool_reader_segment(reader)->unreadable && damaged());
		assert_int_equal(spool_reader_segment(reader)->created_us, 0);
		step_is(alive, SPOOL_STEP_DONE);
		step_is(alive, SPOOL_STEP_SEGMENT);
		assert_false(spool_reader_segment(reader)->unreadable || damaged());
		next_is_number(alive, 5);
	}
}

/* What is consumed is remembered by the id: one that can't be read must get the same each time, and none of others. */
static void an_unreadable_segment_has_an_id_all_the_same(void **state)
{
	(void)state;
	uint8_t first[SPOOL_ID_SIZE];
	no_segment_of_this_version(3);
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	memcpy(first, spool_reader_segment(reader)->id, sizeof first);
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	assert_memory_equal(spool_reader_segment(reader)->id, first, sizeof first);
	segment.header.sequence = 3;
	segment.bytes.data[0] ^= 1;
	put();
	step_is(DEAD, SPOOL_STEP_DONE);
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	step_is(DEAD, SPOOL_STEP_RECORD);
	step_is(DEAD, SPOOL_STEP_DONE);
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	assert_true(spool_reader_segment(reader)->unreadable);
	assert_memory_not_equal(spool_reader_segment(reader)->id, first, sizeof first);
}

static void a_header_with_the_name_of_another_file_is_not_believed(void **state)
{
	(void)state;
	char path[PATH_MAX], other[PATH_MAX];
	append_number(0, 10);
	put();
	fixture_segment_path(path, scratch.path, WRITER, 1, "");
	fixture_segment_path(other, scratch.path, WRITER, 2, "");
	assert_int_equal(rename(path, other), 0);
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	assert_true(spool_reader_segment(reader)->unreadable);
	step_is(DEAD, SPOOL_STEP_DONE);
}

static void other_files_are_none_of_its_business(void **state)
{
	(void)state;
	static const char *const names[] = {
		"1.seg",
		"0000000000001234-00000001.segx",
		"0000000000001234-00000001.seg.bad",
		"0000000000001234-0000000g.seg",
		"0000000000001234-1.seg",
		"0000000000001234-000000001.seg",
		"0000000000001234-0000000A.seg",
		"0000000000001235-00000001.seg",
		"0000000000001234.seg",
		" 000000000001234-00000001.seg",
	};
	char path[PATH_MAX];
	begin_segment(2);
	put();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/%s", scratch.path, names[i]);
		fclose(fopen(path, "we"));
	}
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	assert_int_equal(sequence_read(), 2);
	step_is(DEAD, SPOOL_STEP_DONE);
	step_is(DEAD, SPOOL_STEP_WAIT);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/%s", scratch.path, names[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
}

static void behind_damage_reading_goes_on_at_the_next_good_record(void **state)
{
	(void)state;
	append_number(0, 50);
	size_t second = segment.bytes.size;
	append_number(1, 50);
	append_number(2, 50);
	append_number(3, 50);
	segment.bytes.data[second + 20] ^= 0x40;
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 0);
	assert_false(record.behind_damage);
	next_is_number(DEAD, 2);
	assert_true(record.behind_damage);
	assert_int_equal(record.previous_wall_us, FIXTURE_WALL_US);
	next_is_number(DEAD, 3);
	assert_false(record.behind_damage);
	step_is(DEAD, SPOOL_STEP_DONE);
	assert_true(damaged());
	assert_false(spool_reader_segment(reader)->tail_damaged);
}

/* A registrar may send bytes that look like a record, in a DNSSEC key; he does not know the salt. */
static void a_record_within_a_payload_is_not_taken_for_one(void **state)
{
	(void)state;
	struct fixture_segment inner;
	fixture_segment_begin(&inner, WRITER, 1);
	inner.header.salt++;
	fixture_record(&inner, SPOOL_CHANGE, 0, 0, "inner record", 12);
	size_t outer = segment.bytes.size;
	fixture_record(&segment, SPOOL_CHANGE, 0, 0, inner.bytes.data, inner.bytes.size);
	append_number(3, 10);
	fixture_segment_free(&inner);
	segment.bytes.data[outer] ^= 1;
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 3);
	assert_true(record.behind_damage);
}

/* Records larger than the reader's window, damage that is, and a magic that lies over a window's end. */
static void records_and_damage_larger_than_a_window_are_passed(void **state)
{
	(void)state;
	enum { LARGE = SPOOL_RECORD_MAX };
	append_number(0, LARGE);
	size_t second = segment.bytes.size;
	append_number(1, LARGE);
	append_number(2, 10);
	memset(segment.bytes.data + second, 0x45, 16); /* with first bytes of magics */
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 0);
	next_is_number(DEAD, 2);
	assert_true(record.behind_damage);
	step_is(DEAD, SPOOL_STEP_DONE);
	for (size_t shift = 0; shift < 8; shift++) {
		begin_segment(1);
		append_number(0, 10);
		second = segment.bytes.size;
		/* The third record begins around 256 KiB behind where the search does. */
		append_number(1, 256 * 1024 - RECORD - 4 + shift);
		append_number(2, 10);
		segment.bytes.data[second] ^= 1;
		put();
		begin_reading();
		step_is(DEAD, SPOOL_STEP_SEGMENT);
		next_is_number(DEAD, 0);
		next_is_number(DEAD, 2);
		step_is(DEAD, SPOOL_STEP_DONE);
	}
}

static void a_record_that_claims_too_much_is_damage(void **state)
{
	(void)state;
	struct spool_record_header header = {.magic = SPOOL_RECORD_MAGIC, .size = UINT32_MAX};
	header.head_crc = spool_head_crc(segment.header.salt, &header);
	buffer_append(&segment.bytes, &header, sizeof header);
	append_number(7, 10);
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 7);
	assert_true(record.behind_damage);
}

/* One bit flips somewhere behind the header: the record it is in is lost, and no other. */
static void a_flipped_bit_costs_the_one_record_that_it_is_in(void **state)
{
	(void)state;
	enum { RECORDS = 20 };
	size_t starts[RECORDS + 1];
	for (uint32_t i = 0; i < RECORDS; i++) {
		starts[i] = segment.bytes.size;
		append_number(i, 8 + fixture_random() % 300);
	}
	starts[RECORDS] = segment.bytes.size;
	for (int round = 0; round < 2000; round++) {
		size_t where = HEADER + fixture_random() % (segment.bytes.size - HEADER);
		char bit = (char)(1 << fixture_random() % 8);
		uint32_t hit = 0;
		while (starts[hit + 1] <= where)
			hit++;
		segment.bytes.data[where] ^= bit;
		put();
		segment.bytes.data[where] ^= bit;
		begin_reading();
		step_is(DEAD, SPOOL_STEP_SEGMENT);
		for (uint32_t i = 0; i < RECORDS; i++) {
			if (i == hit)
				continue;
			next_is_number(DEAD, i);
			assert_int_equal(record.behind_damage, i == hit + 1);
		}
		step_is(DEAD, SPOOL_STEP_DONE);
		/* Nothing good follows the last, so it counts as a torn tail. */
		assert_int_equal(damaged(), hit < RECORDS - 1);
	}
}

/* Out of descriptors is no end of a spool: nothing may be taken for the writer's last word. */
static void without_descriptors_it_waits(void **state)
{
	(void)state;
	struct rlimit before, none;
	append_number(0, 10);
	append_number(1, 10);
	segment.bytes.data[segment.bytes.size - 1] ^= 1; /* damage, since a segment follows */
	put();
	begin_segment(2);
	append_number(2, 10);
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	enum spool_step step = spool_reader_next(reader, DEAD, &record);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(step, SPOOL_STEP_WAIT);
	step_is(DEAD, SPOOL_STEP_DONE);
	assert_true(spool_reader_segment(reader)->tail_damaged);
	assert_false(spool_reader_segment(reader)->last);
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 2);
	step_is(DEAD, SPOOL_STEP_DONE);
	assert_true(spool_reader_segment(reader)->last);
}

/* What it had shows as missing; a FIFO of a segment's name makes nobody wait. */
static void a_segment_that_is_taken_away_is_told(void **state)
{
	(void)state;
	char path[256];
	append_number(0, 200 * 1024);
	append_number(1, 200 * 1024);
	put();
	begin_reading();
	step_is(DEAD, SPOOL_STEP_SEGMENT);
	next_is_number(DEAD, 0);
	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/" SPOOL_SEGMENT_NAME, scratch.path,
		 (uint64_t)WRITER, 1u);
	assert_int_equal(unlink(path), 0);
	step_is(DEAD, SPOOL_STEP_DONE);
	assert_true(spool_reader_segment(reader)->taken_away);
	assert_int_equal(mkfifo(path, 0600), 0);
	begin_reading();
	step_is(DEAD, SPOOL_STEP_WAIT);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(without_a_spool_there_is_nothing_to_read),
		IN_SCRATCH(segments_come_in_their_order_each_to_its_end),
		IN_SCRATCH(a_segment_that_is_taken_away_is_told),
		IN_SCRATCH(reading_goes_on_behind_what_was_consumed),
		IN_SCRATCH(a_live_segment_is_waited_for_at_every_byte),
		IN_SCRATCH(damage_in_a_live_segment_is_passed_over_in_the_end),
		IN_SCRATCH(a_live_segment_is_done_when_the_next_is_begun),
		IN_SCRATCH(what_the_writer_took_back_and_wrote_anew_is_looked_at_again),
		IN_SCRATCH(a_torn_tail_is_ignored_at_every_byte),
		IN_SCRATCH(a_torn_tail_before_another_segment_is_damage),
		IN_SCRATCH(what_is_no_segment_is_passed_over_and_the_next_is_read),
		IN_SCRATCH(an_unreadable_segment_has_an_id_all_the_same),
		IN_SCRATCH(a_header_with_the_name_of_another_file_is_not_believed),
		IN_SCRATCH(other_files_are_none_of_its_business),
		IN_SCRATCH(behind_damage_reading_goes_on_at_the_next_good_record),
		IN_SCRATCH(a_record_within_a_payload_is_not_taken_for_one),
		IN_SCRATCH(records_and_damage_larger_than_a_window_are_passed),
		IN_SCRATCH(a_record_that_claims_too_much_is_damage),
		IN_SCRATCH(a_flipped_bit_costs_the_one_record_that_it_is_in),
		IN_SCRATCH(without_descriptors_it_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
