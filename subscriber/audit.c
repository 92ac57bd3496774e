#include "subscriber/audit.h"

#include "base/clock.h"
#include "subscriber/audit_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROGRESS_US = 1000000 };

struct run {
	struct audit audit;
	volatile const sig_atomic_t *stop;
	bool shows_progress;
	int64_t shown_us;
};

static void on_file_fault(void *context, const char *file, const char *what)
{
	struct run *run = context;
	audit_report_fault(&run->audit, *file ? file : NULL, UINT64_MAX, what);
}

static void on_event_fault(void *context, uint64_t index, const char *what)
{
	struct run *run = context;
	audit_report_fault(&run->audit, NULL, index, what);
}

static void show_progress(struct run *run, uint64_t done)
{
	int64_t now_us = clock_monotonic_us();
	if (!run->shows_progress || now_us - run->shown_us < PROGRESS_US)
		return;
	run->shown_us = now_us;
	fprintf(run->audit.err, "\r%3" PRIu64 " %%  %" PRIu64 " entries \r",
		done * 100 / run->audit.head.checkpoint.size, done);
	fflush(run->audit.err);
}

static int on_entries(void *context, uint64_t first, const struct log_bundle *bundle)
{
	struct run *run = context;
	show_progress(run, first + bundle->count);
	return *run->stop ? RESULT_TIMEOUT : audit_events_take(&run->audit.events, first, bundle);
}

static void say(const struct run *run, const char *words)
{
	fprintf(run->audit.err, "eppwatch audit: %s\n", words);
}

static void judge_age(struct audit *audit)
{
	struct clock_reading now;
	uint64_t max_age = audit->options->max_age_s ? audit->options->max_age_s : SOURCE_MAX_AGE_S;
	clock_read(&now);
	if (audit->head.time_s == 0)
		return;
	audit->age_s = now.wall_us / 1000000 - audit->head.time_s;
	if (audit->age_s < 0)
		audit->age_s = 0;
	audit->is_still = (uint64_t)audit->age_s > max_age;
}

/* The checkpoint, and what was seen last. A checkpoint that is not good is a fault, and nothing can be held against it. */
static int look_at_head(struct run *run, char *why, size_t why_size)
{
	struct audit *audit = &run->audit;
	bool is_fork;
	int result = source_head(&audit->source, &audit->head, why, why_size);
	if (result != RESULT_OK)
		return result;
	if (*audit->source.note)
		say(run, audit->source.note);
	judge_age(audit);
	audit->has_before = audit->source.trust.has_head;
	audit->before = audit->source.trust.head.checkpoint.size;
	result = source_turn_to(&audit->source, &audit->head, &is_fork, why, why_size);
	if (is_fork)
		audit_report_fault(audit, TILES_CHECKPOINT, UINT64_MAX, why);
	/* Which file it is that is wrong, the walk finds out. */
	bool is_wrong = result == RESULT_INVALID || result == FETCH_ABSENT || result == RESULT_FULL;
	return is_wrong ? RESULT_OK : result;
}

static int open_events(struct run *run)
{
	struct audit *audit = &run->audit;
	const struct channel *channel = &audit->source.channel;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	audit->events = (struct audit_events){.registry = channel->registry,
					      .keys = audit->source.keys,
					      .fault = on_event_fault,
					      .context = run};
	int result = RESULT_OK;
	if (!channel->is_limited)
		result = chains_new(CHAINS_PLACES, channel->minimum_index == 0,
				    &audit->events.chains);
	if (result == RESULT_OK)
		result =
			parallel_open(cores > 1 ? (unsigned)cores - 1 : 0, &audit->events.parallel);
	return result == RESULT_OK ? audit_events_open(&audit->events) : result;
}

static int walk(struct run *run, char *why, size_t why_size)
{
	struct audit *audit = &run->audit;
	audit->tree = (struct audit_tree){.reader = &audit->source.reader,
					  .checkpoint = &audit->head.checkpoint,
					  .minimum_index = audit->source.channel.minimum_index,
					  .fault = on_file_fault,
					  .entries = on_entries,
					  .context = run};
	int result = audit_tree_walk(&audit->tree);
	if (result == RESULT_OK)
		audit_events_end(&audit->events);
	else
		snprintf(why, why_size, "%s",
			 result == RESULT_NOMEM ? "out of memory" : audit->source.reader.why);
	return result;
}

static int run_all(struct run *run, char *why, size_t why_size)
{
	struct audit *audit = &run->audit;
	const struct options *options = audit->options;
	int result =
		source_open(&audit->source, options->address, options, run->stop, why, why_size);
	if (result == RESULT_OK && *audit->source.note)
		say(run, audit->source.note);
	if (result == RESULT_OK)
		result = source_open_keys(&audit->source, options, why, why_size);
	if (result == RESULT_OK)
		result = look_at_head(run, why, why_size);
	if (result == RESULT_OK && open_events(run) != RESULT_OK) {
		snprintf(why, why_size, "out of memory");
		result = RESULT_NOMEM;
	}
	return result == RESULT_OK ? walk(run, why, why_size) : result;
}

/* What was seen is kept only if all of it is right. */
static int end_well(struct run *run, char *why, size_t why_size)
{
	struct audit *audit = &run->audit;
	if (audit_report_end(audit) != RESULT_OK) {
		snprintf(why, why_size, "the report can't be written: %s", strerror(errno));
		return RESULT_STORE;
	}
	return audit->faults == 0 ? trust_keep(&audit->source.trust, why, why_size) : RESULT_OK;
}

static enum watch_exit exit_of(const struct run *run, int result)
{
	if (result == RESULT_CONFIG && run->audit.source.fetch == NULL)
		return WATCH_USAGE;
	if (result != RESULT_OK || run->audit.faults > 0)
		return WATCH_WRONG;
	return run->audit.is_still ? WATCH_STILL : WATCH_DONE;
}

enum watch_exit audit_run(const struct options *options, FILE *out, FILE *err,
			  volatile const sig_atomic_t *stop)
{
	char why[SOURCE_WHY_SIZE] = "";
	struct run *run = calloc(1, sizeof *run);
	if (!run) {
		fputs("eppwatch audit: out of memory\n", err);
		return WATCH_WRONG;
	}
	run->audit.options = options;
	run->audit.out = out;
	run->audit.err = err;
	run->stop = stop;
	run->shows_progress = isatty(fileno(err));
	int64_t begun_us = clock_monotonic_us();
	int result = run_all(run, why, sizeof why);
	run->audit.took_us = clock_monotonic_us() - begun_us;
	if (result == RESULT_OK)
		result = end_well(run, why, sizeof why);
	if (result != RESULT_OK)
		audit_report_failure(&run->audit, why);
	enum watch_exit end = exit_of(run, result);
	chains_free(&run->audit.events.chains);
	parallel_close(&run->audit.events.parallel);
	audit_events_close(&run->audit.events);
	source_close(&run->audit.source);
	json_decref(run->audit.told);
	free(run);
	return end;
}
