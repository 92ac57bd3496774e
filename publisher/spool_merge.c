#include "publisher/spool_merge.h"

#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SCAN_EVERY_US = 100000, /* between looks at the folder when nothing asks for one */
	/* For so long a writer that shows nothing is not asked whether it lives. */
	STILL_US = 100000,
	FUTURE_MOST_US =
		1000000, /* a stamp beyond it is of a clock that is not ours: it does not wait */
};

/* One writer. */
struct source {
	struct spool_reader *reader;
	uint64_t writer;
	struct spool_record head; /* what it shows, if it shows one */
	bool has_head;
	bool done;        /* it shows the end of a segment */
	bool gone;        /* and that was its last: it waits for its file to go */
	bool alive;       /* as far as we know */
	bool seen;        /* in this scan */
	int64_t asked_us; /* when it last had nothing to show */
	int64_t still_us; /* until then it is only looked whether it has written more */
};

struct spool_merge {
	struct state_dir *dir; /* NULL: just looking */
	char folder[PATH_MAX], path[PATH_MAX];
	char boot_id[CLOCK_BOOT_ID_SIZE];
	int64_t reorder_us;
	spool_look_up_fn *look_up;
	void *context;
	struct source **sources;
	size_t count, capacity;
	struct source *last; /* whose step was made last */
	bool last_was_record;
	bool told_of_foreign;
	struct spool_order order_before; /* that step */
	int64_t scan_us;                 /* when the folder was last looked at */
	struct spool_order order;
};

int spool_merge_new(struct state_dir *dir, const char *path, int64_t reorder_us,
		    spool_look_up_fn *look_up, void *context, struct spool_merge **out)
{
	struct spool_merge *merge = calloc(1, sizeof *merge);
	*out = NULL;
	if (!merge)
		return RESULT_NOMEM;
	merge->dir = dir;
	merge->reorder_us = reorder_us;
	merge->look_up = look_up;
	merge->context = context;
	merge->scan_us = INT64_MIN;
	clock_boot_id(merge->boot_id);
	snprintf(merge->path, sizeof merge->path, "%s", dir ? state_dir_path(dir) : path);
	snprintf(merge->folder, sizeof merge->folder, "%s/" SPOOL_FOLDER,
		 dir ? state_dir_path(dir) : path);
	*out = merge;
	return RESULT_OK;
}

static void free_source(struct source *source)
{
	if (source)
		spool_reader_free(&source->reader);
	free(source);
}

void spool_merge_free(struct spool_merge **merge)
{
	if (!*merge)
		return;
	for (size_t i = 0; i < (*merge)->count; i++)
		free_source((*merge)->sources[i]);
	free((*merge)->sources);
	free(*merge);
	*merge = NULL;
}

const struct spool_order *spool_merge_order(const struct spool_merge *merge)
{
	return &merge->order;
}

void spool_merge_set_order(struct spool_merge *merge, const struct spool_order *order)
{
	if (strncmp(order->boot_id, merge->boot_id, SPOOL_BOOT_ID_SIZE) == 0)
		merge->order = *order;
}

static struct source *find(const struct spool_merge *merge, uint64_t writer)
{
	for (size_t i = 0; i < merge->count; i++)
		if (merge->sources[i]->writer == writer)
			return merge->sources[i];
	return NULL;
}

bool spool_merge_has(const struct spool_merge *merge, uint64_t writer)
{
	return find(merge, writer) != NULL;
}

static bool is_alive(const struct spool_merge *merge, uint64_t writer)
{
	return merge->dir && state_dir_holder(merge->dir, writer) != 0;
}

static struct source *add(struct spool_merge *merge, uint64_t writer)
{
	if (merge->count == merge->capacity) {
		size_t capacity = merge->capacity ? merge->capacity * 2 : 8;
		struct source **moved = realloc(merge->sources, capacity * sizeof *moved);
		if (!moved)
			return NULL;
		merge->sources = moved;
		merge->capacity = capacity;
	}
	struct source *source = calloc(1, sizeof *source);
	if (!source || spool_reader_new(merge->path, writer, &source->reader) != RESULT_OK) {
		free(source);
		return NULL;
	}
	source->writer = writer;
	source->asked_us = source->still_us = INT64_MIN;
	source->alive = is_alive(merge, writer);
	return merge->sources[merge->count++] = source;
}

/* Forgets the writers that are dead and of whom no file is left. */
static void forget_the_gone(struct spool_merge *merge)
{
	for (size_t i = 0; i < merge->count;) {
		struct source *source = merge->sources[i];
		if (source->seen || source->alive || source->has_head || source->done) {
			i++;
			continue;
		}
		if (merge->last == source)
			merge->last = NULL;
		free_source(source);
		merge->sources[i] = merge->sources[--merge->count];
	}
}

/* A segment whose name is not of this format was written by an older epptap: it can't be read here, and must not be
 * passed over without a word. */
static void tell_of_foreign(struct spool_merge *merge, const char *name)
{
	const char *dot = strrchr(name, '.');
	if (merge->told_of_foreign || !dot || strcmp(dot, ".seg") != 0)
		return;
	merge->told_of_foreign = true;
	log_error("%s/%s is a spool segment of another version of epptap: let that version publish "
		  "it, or move it away",
		  merge->folder, name);
}

/* Looks who writes. A writer's first segment is there before the first call that it captures: so a look at a time
 * later than a stamp has seen all who could have an earlier one. */
static void scan(struct spool_merge *merge, int64_t now_us)
{
	struct spool_name name;
	DIR *dir = opendir(merge->folder);
	if (!dir)
		return;
	for (size_t i = 0; i < merge->count; i++)
		merge->sources[i]->seen = false;
	bool whole = true;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!spool_name_read(entry->d_name, &name)) {
			tell_of_foreign(merge, entry->d_name);
			continue;
		}
		struct source *source = find(merge, name.writer);
		if (!source)
			source = add(merge, name.writer);
		if (source)
			source->seen = true;
		else
			whole = false;
	}
	closedir(dir);
	forget_the_gone(merge);
	if (whole) /* else there is no memory: nothing goes on before all are known */
		merge->scan_us = now_us;
}

/* A segment was begun: goes on behind what is consumed of it. False: that can't be told now. */
static bool resume(struct spool_merge *merge, struct source *source)
{
	struct spool_mark mark = {0};
	const struct spool_segment *segment = spool_reader_segment(source->reader);
	if (merge->look_up(merge->context, segment->id, &mark) != RESULT_OK) {
		spool_reader_leave(source->reader, true);
		return false;
	}
	if (mark.finished) {
		/* Whoever published died before it could take the file away. */
		spool_merge_remove(merge, segment);
		spool_reader_leave(source->reader, false);
	} else {
		spool_reader_skip(source->reader, &mark);
	}
	return true;
}

static enum spool_step read_on(struct spool_merge *merge, struct source *source, bool alive)
{
	enum spool_step step;
	while ((step = spool_reader_next(source->reader, alive, &source->head)) ==
	       SPOOL_STEP_SEGMENT)
		if (!resume(merge, source))
			return SPOOL_STEP_WAIT;
	return step;
}

/* Sees what the writer has to show. */
static void ask(struct spool_merge *merge, struct source *source, int64_t now_us)
{
	if (source->has_head || source->done || source->gone || source->asked_us == now_us)
		return;
	if (now_us < source->still_us && !spool_reader_has_more(source->reader)) {
		source->asked_us = now_us;
		return;
	}
	enum spool_step step = read_on(merge, source, true);
	if (step == SPOOL_STEP_WAIT) {
		source->alive = is_alive(merge, source->writer);
		if (!source->alive)
			step = read_on(merge, source, false);
	}
	source->has_head = step == SPOOL_STEP_RECORD;
	source->done = step == SPOOL_STEP_DONE;
	source->gone = source->done && spool_reader_segment(source->reader)->last;
	if (step != SPOOL_STEP_WAIT)
		return;
	source->asked_us = now_us;
	source->still_us = source->alive ? now_us + STILL_US : now_us;
}

static bool of_this_boot(const struct spool_merge *merge, const struct source *source)
{
	const struct spool_segment *segment = spool_reader_segment(source->reader);
	return strncmp(segment->boot_id, merge->boot_id, sizeof merge->boot_id) == 0;
}

/* Does `one` come before `other`? What is of an earlier boot does, in the wall clock's order. */
static bool is_before(const struct spool_merge *merge, const struct source *one,
		      const struct source *other)
{
	bool one_now = of_this_boot(merge, one), other_now = of_this_boot(merge, other);
	if (one_now != other_now)
		return other_now;
	return one_now ? one->head.monotonic_us < other->head.monotonic_us
		       : one->head.wall_us < other->head.wall_us;
}

/* Lets every writer show what it has. The end of a segment goes first; else the earliest record. NULL: there is
 * none. */
static struct source *choose(struct spool_merge *merge, int64_t now_us)
{
	struct source *first = NULL;
	for (size_t i = 0; i < merge->count; i++) {
		struct source *source = merge->sources[i];
		ask(merge, source, now_us);
		if (source->done)
			return source;
		if (source->has_head && (!first || is_before(merge, source, first)))
			first = source;
	}
	return first;
}

/* May a writer that shows nothing yet have an earlier one? */
static bool may_be_passed(const struct spool_merge *merge, const struct source *first)
{
	for (size_t i = 0; i < merge->count; i++) {
		const struct source *source = merge->sources[i];
		if (source != first && source->alive && !source->has_head && !source->gone)
			return true;
	}
	return false;
}

/* Is the earliest record's time come? *look_again: only if the folder shows no writer that is new, which may have an
 * earlier one to show. */
static bool may_go(const struct spool_merge *merge, const struct source *first, int64_t now_us,
		   bool *look_again)
{
	int64_t stamp_us = first->head.monotonic_us;
	*look_again = false;
	if (!of_this_boot(merge, first) || stamp_us > now_us + FUTURE_MOST_US)
		return true;
	if (stamp_us > now_us)
		return false;
	*look_again = merge->scan_us < stamp_us;
	return !may_be_passed(merge, first) || now_us - stamp_us >= merge->reorder_us;
}

/* Notes that a record goes on; answers whether it is late. */
static bool note(struct spool_order *order, uint64_t writer, int64_t stamp_us)
{
	bool is_newest = order->newest_writer == writer;
	bool late = stamp_us < (is_newest ? order->second_us : order->newest_us);
	if (is_newest) {
		if (stamp_us > order->newest_us)
			order->newest_us = stamp_us;
	} else if (stamp_us >= order->newest_us) {
		order->second_us = order->newest_us;
		order->second_writer = order->newest_writer;
		order->newest_us = stamp_us;
		order->newest_writer = writer;
	} else if (stamp_us > order->second_us) {
		order->second_us = stamp_us;
		order->second_writer = writer;
	}
	return late;
}

static enum spool_merge_step give(struct spool_merge *merge, struct source *source,
				  struct spool_merged *merged)
{
	*merged = (struct spool_merged){.segment = *spool_reader_segment(source->reader)};
	merge->last = source;
	merge->last_was_record = !source->done;
	merge->order_before = merge->order;
	if (source->done) {
		source->done = false;
		merged->writer_gone = source->gone;
		return SPOOL_MERGE_SEGMENT;
	}
	source->has_head = false;
	merged->record = source->head;
	merged->of_this_boot = of_this_boot(merge, source);
	if (merged->of_this_boot) {
		memcpy(merge->order.boot_id, merge->boot_id, sizeof merge->boot_id);
		merged->late = note(&merge->order, source->writer, source->head.monotonic_us);
	}
	return SPOOL_MERGE_RECORD;
}

enum spool_merge_step spool_merge_next(struct spool_merge *merge, int64_t now_us,
				       struct spool_merged *merged)
{
	bool look_again;
	if (merge->scan_us < now_us - SCAN_EVERY_US)
		scan(merge, now_us);
	for (;;) {
		struct source *first = choose(merge, now_us);
		if (!first)
			return SPOOL_MERGE_WAIT;
		if (first->done)
			return give(merge, first, merged);
		if (!may_go(merge, first, now_us, &look_again))
			return SPOOL_MERGE_WAIT;
		if (!look_again)
			return give(merge, first, merged);
		scan(merge, now_us);
		if (merge->scan_us < first->head.monotonic_us)
			return SPOOL_MERGE_WAIT; /* the folder could not be read */
	}
}

void spool_merge_look_closely(struct spool_merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		merge->sources[i]->still_us = INT64_MIN;
}

int64_t spool_merge_due_us(const struct spool_merge *merge, int64_t now_us)
{
	int64_t due_us = INT64_MAX;
	for (size_t i = 0; i < merge->count; i++) {
		const struct source *source = merge->sources[i];
		int64_t stamp_us = source->head.monotonic_us;
		int64_t own_us = stamp_us > now_us ? stamp_us : stamp_us + merge->reorder_us;
		if (source->has_head && own_us < due_us)
			due_us = own_us;
	}
	return due_us;
}

void spool_merge_unread(struct spool_merge *merge)
{
	if (!merge->last)
		return;
	if (merge->last_was_record)
		merge->last->has_head = true;
	else
		merge->last->done = true;
	merge->order = merge->order_before;
	merge->last = NULL;
}

/* How many files are kept already. */
static unsigned count_bad(const struct spool_merge *merge)
{
	unsigned count = 0;
	DIR *dir = opendir(merge->folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		count += dot && strcmp(dot, ".bad") == 0;
	}
	if (dir)
		closedir(dir);
	return count;
}

bool spool_merge_remove(const struct spool_merge *merge, const struct spool_segment *segment)
{
	char path[PATH_MAX + 64], bad[PATH_MAX + 72];
	snprintf(path, sizeof path, "%s/" SPOOL_SEGMENT_NAME, merge->folder, segment->name.writer,
		 segment->name.sequence);
	snprintf(bad, sizeof bad, "%s.bad", path);
	if (segment->damaged && count_bad(merge) < SPOOL_BAD_MOST && rename(path, bad) == 0) {
		log_error(
			"%s is damaged, or of another version of epptap; what could be read of it "
			"was published, the rest is told as a gap, and it is kept as %s",
			path, bad);
		return true;
	}
	return unlink(path) == 0 || errno == ENOENT;
}
