/* Spools of several dead writers with flipped bits and cut files: no record that is whole is lost, doubled or out of
 * order, none that never was comes out, and what is lost is told. The cases are the same in each run. */
#include "publisher/spool_merge.h"

#include "publisher/test/fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
	CASES = 20000,
	RESHUFFLE = 200, /* cases with one spool */
	WRITERS = 3,
	SEGMENTS = 3, /* of a writer, at most */
	RECORDS = 7,  /* of a segment, at most */
	HITS = 3,     /* in one case, at most */
	HEADER = sizeof(struct spool_segment_header),
};

struct segment {
	struct fixture_segment whole;
	char path[PATH_MAX];
	size_t starts[RECORDS + 2]; /* of records, and where the last one ends */
	int record_count, first;    /* and the number of its first record */
	bool last;                  /* of its writer */
	/* In this case: */
	bool hit[RECORDS + 1];
	bool header_hit, is_cut, seen_tail, seen_closed, seen_unreadable, is_done;
	size_t cut_at;
	bool shown[RECORDS + 1], gap_before[RECORDS + 1];
};

static struct scratch scratch;
static struct segment segments[WRITERS][SEGMENTS];
static int segment_counts[WRITERS];
static struct spool_merge *merge;

static int look_up(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	(void)context;
	(void)id;
	(void)mark;
	return RESULT_OK;
}

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_make();
	return 0;
}

static void forget_spool(void)
{
	for (int w = 0; w < WRITERS; w++)
		for (int s = 0; s < segment_counts[w]; s++) {
			unlink(segments[w][s].path);
			fixture_segment_free(&segments[w][s].whole);
		}
	memset(segment_counts, 0, sizeof segment_counts);
}

static int tear_down(void **state)
{
	(void)state;
	spool_merge_free(&merge);
	forget_spool();
	scratch_remove(scratch.path);
	return 0;
}

/* A payload that tells which record it is, and is of any length. */
static void add_record(struct segment *segment, int number, int64_t stamp_us)
{
	uint32_t payload[64];
	size_t size = sizeof *payload * (1 + fixture_random() % 64);
	for (size_t i = 0; i < size / sizeof *payload; i++)
		payload[i] = fixture_random() % 8 ? fixture_random() : SPOOL_RECORD_MAGIC;
	payload[0] = (uint32_t)number;
	segment->starts[number - segment->first] = segment->whole.bytes.size;
	fixture_record(&segment->whole, SPOOL_CHANGE, 0, stamp_us, payload, size);
}

static void write_segment(const struct segment *segment, const char *bytes, size_t size)
{
	int fd = open(segment->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FIXTURE_MUST(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

static void make_segment(int writer, int s, int64_t *stamp_us)
{
	struct segment *segment = &segments[writer][s];
	*segment = (struct segment){.first = s * (RECORDS + 1),
				    .record_count = (int)(fixture_random() % (RECORDS + 1)),
				    .last = s == segment_counts[writer] - 1};
	fixture_segment_begin(&segment->whole, STATE_DIR_WRITERS + (uint64_t)writer,
			      (uint32_t)s + 1);
	for (int i = 0; i < segment->record_count; i++)
		add_record(segment, segment->first + i,
			   *stamp_us += 1 + fixture_random() % 1000 * WRITERS);
	segment->starts[segment->record_count] = segment->whole.bytes.size;
	fixture_record(&segment->whole, segment->last ? SPOOL_CLOSED : SPOOL_END, 0,
		       *stamp_us += 1 + fixture_random() % 1000, "", 0);
	segment->starts[segment->record_count + 1] = segment->whole.bytes.size;
	fixture_segment_path(segment->path, scratch.path, segment->whole.header.writer,
			     segment->whole.header.sequence, "");
	fixture_segment_put(&segment->whole, scratch.path);
}

static void make_spool(void)
{
	forget_spool();
	for (int w = 0; w < WRITERS; w++) {
		int64_t stamp_us = 1000 + w;
		segment_counts[w] = 1 + (int)(fixture_random() % SEGMENTS);
		for (int s = 0; s < segment_counts[w]; s++)
			make_segment(w, s, &stamp_us);
	}
}

/* The records from `number` on that have a byte in [from, to). */
static void note_hit(struct segment *segment, size_t from, size_t to)
{
	segment->header_hit |= from < HEADER;
	for (int i = 0; i <= segment->record_count; i++)
		segment->hit[i] |= from < segment->starts[i + 1] && to > segment->starts[i];
}

static struct segment *any_segment(void)
{
	int writer = (int)(fixture_random() % WRITERS);
	return &segments[writer][fixture_random() % (unsigned)segment_counts[writer]];
}

static void damage(struct segment *segment)
{
	struct buffer *bytes = &segment->whole.bytes;
	size_t size = bytes->size;
	unsigned flips = 0, hits = 1 + fixture_random() % HITS;
	size_t flipped[HITS] = {0};
	char bits[HITS] = {0};
	for (unsigned i = 0; i < hits; i++) {
		size_t at = fixture_random() % size;
		bool again = false;
		for (unsigned j = 0; j < flips; j++)
			again |= flipped[j] == at; /* which might undo it */
		if (again)
			continue;
		if (fixture_random() % 4 == 0) {
			size = at + 1;
			segment->is_cut = true;
			segment->cut_at = size;
			note_hit(segment, size, SIZE_MAX);
		} else {
			flipped[flips] = at;
			bits[flips] = (char)(1 << fixture_random() % 8);
			bytes->data[at] ^= bits[flips++];
			note_hit(segment, at, at + 1);
		}
	}
	write_segment(segment, bytes->data, size);
	while (flips-- > 0)
		bytes->data[flipped[flips]] ^= bits[flips];
}

static void clear_case(void)
{
	for (int w = 0; w < WRITERS; w++)
		for (int s = 0; s < segment_counts[w]; s++) {
			struct segment *segment = &segments[w][s];
			memset(segment->hit, 0, sizeof segment->hit);
			memset(segment->shown, 0, sizeof segment->shown);
			memset(segment->gap_before, 0, sizeof segment->gap_before);
			segment->header_hit = segment->is_cut = false;
			segment->seen_tail = segment->seen_closed = segment->seen_unreadable =
				segment->is_done = false;
		}
}

static void see_record(const struct spool_merged *merged, int64_t *last_us)
{
	int writer = (int)(merged->segment.name.writer - STATE_DIR_WRITERS);
	struct segment *segment = &segments[writer][merged->segment.name.sequence - 1];
	int i = segment->record_count;
	assert_false(segment->is_done);
	if (merged->record.kind == SPOOL_CHANGE) {
		uint32_t number;
		memcpy(&number, merged->record.payload, sizeof number);
		i = (int)number - segment->first;
		assert_in_range(i, 0, segment->record_count - 1);
	}
	assert_int_equal(merged->record.end, segment->starts[i + 1]);
	assert_memory_equal(merged->record.payload,
			    segment->whole.bytes.data + segment->starts[i] +
				    sizeof(struct spool_record_header),
			    merged->record.size);
	assert_false(segment->shown[i] || segment->hit[i]);
	assert_true(merged->record.monotonic_us >= *last_us);
	assert_false(merged->late);
	*last_us = merged->record.monotonic_us;
	segment->shown[i] = true;
	segment->gap_before[i] = merged->record.behind_damage;
}

static void see_end(const struct spool_merged *merged)
{
	int writer = (int)(merged->segment.name.writer - STATE_DIR_WRITERS);
	struct segment *segment = &segments[writer][merged->segment.name.sequence - 1];
	assert_false(segment->is_done);
	segment->is_done = true;
	segment->seen_tail = merged->segment.tail_damaged;
	segment->seen_closed = merged->segment.closed;
	segment->seen_unreadable = merged->segment.unreadable;
	assert_int_equal(merged->writer_gone, segment->last);
}

static void read_all(void)
{
	struct spool_merged merged;
	enum spool_merge_step step;
	int64_t last_us = 0;
	assert_int_equal(spool_merge_new(NULL, scratch.path, 0, look_up, NULL, &merge), RESULT_OK);
	while ((step = spool_merge_next(merge, INT64_C(1000000000), &merged)) != SPOOL_MERGE_WAIT) {
		if (step == SPOOL_MERGE_RECORD)
			see_record(&merged, &last_us);
		else
			see_end(&merged);
	}
	spool_merge_free(&merge);
}

/* Each record that is whole came out, and each that is not is told of: by the next one behind it, or by the end. */
static void check_segment(const struct segment *segment)
{
	bool is_missing = false;
	assert_true(segment->is_done);
	assert_int_equal(segment->seen_unreadable, segment->header_hit);
	if (segment->header_hit)
		return;
	for (int i = 0; i <= segment->record_count; i++) {
		assert_int_equal(segment->shown[i], !segment->hit[i]);
		if (segment->hit[i]) {
			is_missing = true;
			continue;
		}
		assert_int_equal(segment->gap_before[i], is_missing);
		is_missing = false;
	}
	if (segment->last) {
		assert_false(segment->seen_tail);
		assert_int_equal(segment->seen_closed, !is_missing);
		return;
	}
	/* A cut between two records leaves nothing that could tell of it. */
	bool clean_cut = false;
	for (int i = 0; segment->is_cut && i <= segment->record_count; i++)
		clean_cut |= segment->cut_at == segment->starts[i];
	if (!clean_cut)
		assert_int_equal(segment->seen_tail, is_missing);
}

static void damaged_spools_are_read_around_and_told(void **state)
{
	(void)state;
	for (int i = 0; i < CASES; i++) {
		struct segment *hit[2];
		size_t count = 1 + fixture_random() % 2;
		if (i % RESHUFFLE == 0)
			make_spool();
		clear_case();
		for (size_t j = 0; j < count; j++) {
			hit[j] = any_segment();
			if (j == 0 || hit[0] != hit[1])
				damage(hit[j]);
		}
		read_all();
		for (int w = 0; w < WRITERS; w++)
			for (int s = 0; s < segment_counts[w]; s++)
				check_segment(&segments[w][s]);
		for (size_t j = 0; j < count; j++)
			write_segment(hit[j], hit[j]->whole.bytes.data, hit[j]->whole.bytes.size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(damaged_spools_are_read_around_and_told, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
