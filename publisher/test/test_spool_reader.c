/* The spool's reader against torn, damaged and foreign files. */
#include "publisher/spool_reader.h"

#include "publisher/test/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NONE_LIVE = INT32_MAX, HEADER = sizeof(struct spool_segment_header) };

static struct scratch scratch;
static struct spool_reader *reader;
static struct spool_record record;
static struct buffer bytes;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	buffer_init(&bytes, 64 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spool_reader_free(&reader);
	buffer_free(&bytes);
	scratch_remove(scratch.path);
	return 0;
}

static void begin_reading(uint64_t first_live, bool only_looking)
{
	spool_reader_free(&reader);
	assert_int_equal(spool_reader_new(scratch.path, first_live, only_looking, &reader),
			 RESULT_OK);
}

static void step_is(enum spool_step expected)
{
	assert_int_equal(spool_reader_next(reader, &record), expected);
}

/* Appends a record whose payload says `number` and has `size` bytes. */
static void append_number(uint32_t number, size_t size)
{
	char *payload = malloc(size);
	memset(payload, (int)number, size);
	memcpy(payload, &number, sizeof number);
	fixture_record(&bytes, SPOOL_CHANGE, payload, size);
	free(payload);
}

static void begin_bytes(uint8_t id)
{
	buffer_free(&bytes);
	fixture_segment_begin(&bytes, id);
}

static void put_file(uint64_t sequence, size_t size)
{
	fixture_segment_file(scratch.path, sequence, bytes.data, size);
}

static void next_is_number(uint32_t expected)
{
	uint32_t number;
	step_is(SPOOL_STEP_RECORD);
	assert_int_equal(record.kind, SPOOL_CHANGE);
	assert_true(record.size >= sizeof number);
	memcpy(&number, record.payload, sizeof number);
	assert_int_equal(number, expected);
}

static bool file_is_there(uint64_t sequence, const char *suffix)
{
	char path[PATH_MAX];
	fixture_segment_path(path, scratch.path, sequence, suffix);
	return access(path, F_OK) == 0;
}

static void without_a_spool_there_is_nothing_to_read(void **state)
{
	(void)state;
	begin_reading(1, false);
	step_is(SPOOL_STEP_WAIT);
	step_is(SPOOL_STEP_WAIT);
}

static void segments_come_in_their_order_each_to_its_end(void **state)
{
	(void)state;
	static const uint64_t sequences[] = {2, 1, 0x10, 0xa};
	static const uint64_t sorted[] = {1, 2, 0xa, 0x10};
	for (int i = 0; i < 4; i++) {
		begin_bytes((uint8_t)sequences[i]);
		append_number((uint32_t)sequences[i], 100);
		append_number((uint32_t)sequences[i] + 100, 5);
		fixture_record(&bytes, SPOOL_END, "", 0);
		put_file(sequences[i], bytes.size);
	}
	begin_reading(NONE_LIVE, false);
	for (int i = 0; i < 4; i++) {
		step_is(SPOOL_STEP_SEGMENT);
		assert_int_equal(spool_reader_sequence(reader), sorted[i]);
		assert_int_equal(spool_reader_segment(reader)[0], sorted[i]);
		next_is_number((uint32_t)sorted[i]);
		assert_int_equal(record.end, HEADER + 16 + 100);
		next_is_number((uint32_t)sorted[i] + 100);
		step_is(SPOOL_STEP_RECORD);
		assert_int_equal(record.kind, SPOOL_END);
		assert_int_equal(record.end, bytes.size);
		step_is(SPOOL_STEP_DONE);
		assert_int_equal(spool_reader_sequence(reader), sorted[i]);
		assert_true(spool_reader_remove(reader, sorted[i]));
		assert_false(file_is_there(sorted[i], "seg"));
		assert_true(spool_reader_remove(reader, sorted[i]));
	}
	step_is(SPOOL_STEP_WAIT);
	assert_int_equal(spool_reader_damaged(reader), 0);
}

static void reading_goes_on_behind_what_was_consumed(void **state)
{
	(void)state;
	begin_bytes(1);
	append_number(0, 40);
	uint64_t consumed = bytes.size;
	append_number(1, 40);
	put_file(1, bytes.size);
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	spool_reader_skip(reader, consumed);
	next_is_number(1);
	step_is(SPOOL_STEP_DONE);
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	spool_reader_restart(reader);
	step_is(SPOOL_STEP_SEGMENT);
	spool_reader_skip(reader, 0);
	next_is_number(0);
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	spool_reader_skip(reader, 1u << 30); /* a power cut took what was consumed already */
	step_is(SPOOL_STEP_DONE);
	assert_int_equal(spool_reader_damaged(reader), 0);
}

/* The live segment: what is not there yet is waited for, at whatever byte it stops. */
static void a_live_segment_is_waited_for_at_every_byte(void **state)
{
	(void)state;
	begin_bytes(1);
	append_number(0, 30);
	size_t first_end = bytes.size;
	append_number(1, 20);
	for (size_t size = 0; size < bytes.size; size++) {
		put_file(1, size);
		begin_reading(1, false);
		if (size < HEADER) {
			step_is(SPOOL_STEP_WAIT);
		} else {
			step_is(SPOOL_STEP_SEGMENT);
			if (size >= first_end)
				next_is_number(0);
			step_is(SPOOL_STEP_WAIT);
		}
		put_file(1, bytes.size);
		if (size < HEADER)
			step_is(SPOOL_STEP_SEGMENT);
		if (size < first_end)
			next_is_number(0);
		next_is_number(1);
		step_is(SPOOL_STEP_WAIT);
		assert_int_equal(spool_reader_damaged(reader), 0);
		assert_false(file_is_there(1, "seg.bad"));
	}
}

static void damage_in_a_live_segment_is_passed_over_in_the_end(void **state)
{
	(void)state;
	begin_bytes(1);
	size_t damaged = bytes.size + sizeof(struct spool_record_header);
	append_number(0, 30);
	append_number(1, 20);
	bytes.data[damaged] ^= 1;
	put_file(1, bytes.size);
	begin_reading(1, false);
	step_is(SPOOL_STEP_SEGMENT);
	int steps = 0;
	while (spool_reader_next(reader, &record) == SPOOL_STEP_WAIT && steps < 100000)
		steps++;
	assert_in_range(steps, 100, 99999);
	assert_int_equal(record.end, bytes.size);
	assert_int_equal(spool_reader_damaged(reader), 1);
	step_is(SPOOL_STEP_WAIT);
}

static void a_live_segment_is_done_when_the_next_is_begun(void **state)
{
	(void)state;
	begin_bytes(1);
	append_number(0, 30);
	put_file(1, bytes.size);
	begin_reading(1, false);
	step_is(SPOOL_STEP_SEGMENT);
	next_is_number(0);
	step_is(SPOOL_STEP_WAIT);
	fixture_record(&bytes, SPOOL_END, "", 0);
	put_file(1, bytes.size);
	step_is(SPOOL_STEP_RECORD);
	step_is(SPOOL_STEP_WAIT);
	begin_bytes(2);
	put_file(2, bytes.size);
	step_is(SPOOL_STEP_DONE);
	step_is(SPOOL_STEP_SEGMENT);
	step_is(SPOOL_STEP_WAIT);
}

/* A write that failed is taken back, and other bytes may come in its place: those of before must not be believed. */
static void what_the_writer_took_back_and_wrote_anew_is_looked_at_again(void **state)
{
	(void)state;
	begin_bytes(1);
	append_number(0, 30);
	bytes.data[bytes.size - 1] ^= 1;
	put_file(1, bytes.size);
	begin_reading(1, false);
	step_is(SPOOL_STEP_SEGMENT);
	step_is(SPOOL_STEP_WAIT);
	begin_bytes(1);
	append_number(7, 30);
	put_file(1, bytes.size);
	next_is_number(7);
	assert_int_equal(spool_reader_damaged(reader), 0);
}

/* A dead process's file, cut at every byte: the whole records come, the torn tail does not, and is no damage. */
static void a_torn_tail_is_ignored_at_every_byte(void **state)
{
	(void)state;
	size_t ends[4];
	begin_bytes(1);
	for (uint32_t i = 0; i < 4; i++) {
		append_number(i, 10 + 7 * i);
		ends[i] = bytes.size;
	}
	for (size_t size = HEADER; size <= bytes.size; size++) {
		put_file(1, size);
		begin_reading(2, false);
		step_is(SPOOL_STEP_SEGMENT);
		for (uint32_t i = 0; i < 4 && ends[i] <= size; i++)
			next_is_number(i);
		step_is(SPOOL_STEP_DONE);
		step_is(SPOOL_STEP_WAIT);
		assert_int_equal(spool_reader_damaged(reader), 0);
	}
}

static void what_is_no_segment_is_set_aside_and_the_next_is_read(void **state)
{
	(void)state;
	static const size_t offsets[] = {0, 8, 12, 20, 40};
	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		begin_bytes(9);
		bytes.data[offsets[i]] ^= 1;
		put_file(i + 1, bytes.size);
	}
	begin_bytes(9);
	put_file(6, 0);
	put_file(7, HEADER - 1);
	append_number(5, 10);
	put_file(8, bytes.size);
	begin_reading(NONE_LIVE, true);
	step_is(SPOOL_STEP_SEGMENT);
	assert_int_equal(spool_reader_sequence(reader), 8);
	for (uint64_t i = 1; i <= 8; i++)
		assert_true(file_is_there(i, "seg") && !file_is_there(i, "seg.bad"));
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	next_is_number(5);
	assert_int_equal(spool_reader_damaged(reader), 7);
	for (uint64_t i = 1; i <= 7; i++)
		assert_true(!file_is_there(i, "seg") && file_is_there(i, "seg.bad"));
	step_is(SPOOL_STEP_DONE);
	assert_true(file_is_there(8, "seg"));
}

static void other_files_are_none_of_its_business(void **state)
{
	(void)state;
	static const char *const names[] = {"1.seg", "000000000000000g.seg",
					    "0000000000000001.segx", "0000000000000001.tmp",
					    "00000000000000011.seg"};
	char path[PATH_MAX];
	begin_bytes(1);
	put_file(2, bytes.size);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/%s", scratch.path, names[i]);
		fclose(fopen(path, "we"));
	}
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	assert_int_equal(spool_reader_sequence(reader), 2);
	step_is(SPOOL_STEP_DONE);
	step_is(SPOOL_STEP_WAIT);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/" SPOOL_FOLDER "/%s", scratch.path, names[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
}

static void behind_damage_reading_goes_on_at_the_next_good_record(void **state)
{
	(void)state;
	begin_bytes(1);
	append_number(0, 50);
	size_t second = bytes.size;
	append_number(1, 50);
	append_number(2, 50);
	bytes.data[second + 20] ^= 0x40;
	put_file(1, bytes.size);
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	next_is_number(0);
	next_is_number(2);
	assert_int_equal(spool_reader_damaged(reader), 1);
	step_is(SPOOL_STEP_DONE);
}

/* Records larger than the reader's window, damage that is, and a magic that lies over a window's end. */
static void records_and_damage_larger_than_a_window_are_passed(void **state)
{
	(void)state;
	enum { LARGE = SPOOL_RECORD_MAX };
	begin_bytes(1);
	append_number(0, LARGE);
	size_t damaged = bytes.size;
	append_number(1, LARGE);
	append_number(2, 10);
	memset(bytes.data + damaged, 0x45, 16); /* its header, with first bytes of magics */
	put_file(1, bytes.size);
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	next_is_number(0);
	next_is_number(2);
	assert_int_equal(spool_reader_damaged(reader), 1);
	step_is(SPOOL_STEP_DONE);
	for (size_t shift = 0; shift < 8; shift++) {
		begin_bytes(1);
		append_number(0, 10);
		damaged = bytes.size;
		/* The third record begins around 256 KiB behind where the search does. */
		append_number(1, 256 * 1024 - 16 - 4 + shift);
		append_number(2, 10);
		bytes.data[damaged] ^= 1;
		put_file(1, bytes.size);
		begin_reading(NONE_LIVE, false);
		step_is(SPOOL_STEP_SEGMENT);
		next_is_number(0);
		next_is_number(2);
		step_is(SPOOL_STEP_DONE);
	}
}

static void a_record_that_claims_too_much_is_damage(void **state)
{
	(void)state;
	struct spool_record_header header = {.magic = SPOOL_RECORD_MAGIC, .size = UINT32_MAX};
	begin_bytes(1);
	buffer_append(&bytes, &header, sizeof header);
	append_number(7, 10);
	put_file(1, bytes.size);
	begin_reading(NONE_LIVE, false);
	step_is(SPOOL_STEP_SEGMENT);
	next_is_number(7);
	assert_int_equal(spool_reader_damaged(reader), 1);
}

static unsigned pseudo_random(void)
{
	static uint64_t state = 20261123;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33);
}

/* One bit flips somewhere behind the header: the record it is in is lost, and no other. */
static void a_flipped_bit_costs_the_one_record_that_it_is_in(void **state)
{
	(void)state;
	enum { RECORDS = 20 };
	size_t starts[RECORDS + 1];
	begin_bytes(1);
	for (uint32_t i = 0; i < RECORDS; i++) {
		starts[i] = bytes.size;
		append_number(i, 8 + pseudo_random() % 300);
	}
	starts[RECORDS] = bytes.size;
	for (int round = 0; round < 2000; round++) {
		size_t where = HEADER + pseudo_random() % (bytes.size - HEADER);
		char bit = (char)(1 << pseudo_random() % 8);
		uint32_t hit = 0;
		while (starts[hit + 1] <= where)
			hit++;
		bytes.data[where] ^= bit;
		put_file(1, bytes.size);
		bytes.data[where] ^= bit;
		begin_reading(NONE_LIVE, false);
		step_is(SPOOL_STEP_SEGMENT);
		for (uint32_t i = 0; i < RECORDS; i++)
			if (i != hit)
				next_is_number(i);
		step_is(SPOOL_STEP_DONE);
		/* Nothing good follows the last, so it counts as a torn tail. */
		assert_int_equal(spool_reader_damaged(reader), hit < RECORDS - 1);
	}
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(without_a_spool_there_is_nothing_to_read),
		IN_SCRATCH(segments_come_in_their_order_each_to_its_end),
		IN_SCRATCH(reading_goes_on_behind_what_was_consumed),
		IN_SCRATCH(a_live_segment_is_waited_for_at_every_byte),
		IN_SCRATCH(damage_in_a_live_segment_is_passed_over_in_the_end),
		IN_SCRATCH(a_live_segment_is_done_when_the_next_is_begun),
		IN_SCRATCH(what_the_writer_took_back_and_wrote_anew_is_looked_at_again),
		IN_SCRATCH(a_torn_tail_is_ignored_at_every_byte),
		IN_SCRATCH(what_is_no_segment_is_set_aside_and_the_next_is_read),
		IN_SCRATCH(other_files_are_none_of_its_business),
		IN_SCRATCH(behind_damage_reading_goes_on_at_the_next_good_record),
		IN_SCRATCH(records_and_damage_larger_than_a_window_are_passed),
		IN_SCRATCH(a_record_that_claims_too_much_is_damage),
		IN_SCRATCH(a_flipped_bit_costs_the_one_record_that_it_is_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
