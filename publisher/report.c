#include "publisher/report.h"

#include "base/log.h"
#include "publisher/metrics.h"
#include "publisher/status_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_US = 1000000, COMPLAINT_US = 600000000, TEXT_MAX = 65536 };

struct report {
	const struct config *config;
	struct state_dir *dir;
	struct tallies *tallies;
	struct status_files *files;
	struct metrics_file metrics;
	int64_t written_us, complained_us;
	pthread_mutex_t lock; /* of `seen` */
	struct buffer seen;   /* members, each with a comma before it */
};

int report_new(const struct config *config, struct state_dir *dir, struct tallies *tallies,
	       struct report **out, char *why, size_t why_size)
{
	struct report *report = calloc(1, sizeof *report);
	*out = NULL;
	snprintf(why, why_size, "out of memory");
	if (!report)
		return RESULT_NOMEM;
	report->dir = dir;
	report->tallies = tallies;
	pthread_mutex_init(&report->lock, NULL);
	buffer_init(&report->seen, TEXT_MAX);
	report_use(report, config);
	int result = status_files_new(config->state_dir, &report->files);
	if (result == RESULT_STORE)
		snprintf(why, why_size,
			 "%s/" STATUS_FOLDER ": %s; this user must be able to write it",
			 config->state_dir, strerror(errno));
	if (result != RESULT_OK)
		report_free(&report);
	*out = report;
	return result;
}

void report_free(struct report **report)
{
	if (!*report)
		return;
	status_files_free(&(*report)->files);
	buffer_free(&(*report)->seen);
	pthread_mutex_destroy(&(*report)->lock);
	free(*report);
	*report = NULL;
}

void report_use(struct report *report, const struct config *config)
{
	report->config = config;
	report->metrics.path = config->metrics;
}

/* Lag and what the pipeline sees of itself. */
static void look(struct report *report, struct pipeline *pipeline, const struct clock_reading *now)
{
	struct buffer text, before;
	int64_t committed_us = atomic_load(&report->tallies->last_commit_us);
	buffer_init(&text, TEXT_MAX);
	if (committed_us)
		buffer_printf(&text, ",\"last_commit_ms_ago\":%lld",
			      (long long)((now->monotonic_us - committed_us) / 1000));
	if (pipeline)
		pipeline_write_stats(pipeline, now, &text);
	pthread_mutex_lock(&report->lock);
	before = report->seen;
	report->seen = text;
	pthread_mutex_unlock(&report->lock);
	buffer_free(&before);
}

/* Front-end processes that have ended, and whose spool is consumed, leave their counters to us. */
static void retire_dead(struct report *report, struct pipeline *pipeline)
{
	uint64_t writers[STATUS_TAPS_MAX];
	size_t count = status_files_writers(report->files, writers, STATUS_TAPS_MAX);
	for (size_t i = 0; i < count; i++)
		if (state_dir_holder(report->dir, writers[i]) == 0 &&
		    !pipeline_has_writer(pipeline, writers[i]))
			status_files_retire(report->files, writers[i]);
}

static void write_files(struct report *report, const struct clock_reading *now)
{
	struct buffer members;
	buffer_init(&members, TEXT_MAX);
	report_stats(report, &members);
	if (status_files_write(report->files, &members) != RESULT_OK &&
	    (!report->complained_us || now->monotonic_us - report->complained_us > COMPLAINT_US)) {
		report->complained_us = now->monotonic_us;
		log_error("the status in %s can't be written: %s", report->config->state_dir,
			  strerror(errno));
	}
	buffer_free(&members);
	if (report->metrics.path) {
		json_t *all = status_files_gather_own(report->files, now->wall_us);
		metrics_write(&report->metrics, all, now);
		json_decref(all);
	}
}

void report_write(struct report *report, struct pipeline *pipeline, const struct clock_reading *now,
		  bool last)
{
	if (!last && report->written_us && now->monotonic_us - report->written_us < EVERY_US)
		return;
	report->written_us = now->monotonic_us;
	look(report, pipeline, now);
	/* While another process publishes, the files are its. */
	if (atomic_load(&report->tallies->state) == PUBLISHER_STANDS_BY)
		return;
	if (pipeline)
		retire_dead(report, pipeline);
	write_files(report, now);
}

void report_stats(struct report *report, struct buffer *json)
{
	struct tallies *tallies = report->tallies;
	const struct {
		const char *name;
		_Atomic uint64_t *tally;
	} rows[] = {
		{"published", &tallies->published},
		{"placed", &tallies->placed},
		{"held", &tallies->held},
		{"truncated", &tallies->truncated},
		{"outside_zones", &tallies->outside_zones},
		{"unwanted", &tallies->unwanted},
		{"repeats", &tallies->repeats},
		{"invalid_names", &tallies->invalid_names},
		{"late", &tallies->late},
		{"gaps", &tallies->gaps},
		{"damaged_records", &tallies->damaged},
		{"undecodable_records", &tallies->undecodable},
		{"signing_failures", &tallies->signing_failures},
		{"store_failures", &tallies->store_failures},
	};
	buffer_printf(json, "\"publisher\":{\"state\":\"%s\"",
		      publisher_state_names[atomic_load(&tallies->state)]);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		buffer_printf(json, ",\"%s\":%" PRIu64, rows[i].name, atomic_load(rows[i].tally));
	pthread_mutex_lock(&report->lock);
	if (!report->seen.failed)
		buffer_append(json, report->seen.data, report->seen.size);
	pthread_mutex_unlock(&report->lock);
	buffer_append_byte(json, '}');
}
