/* metrics.h - the metrics file, in Prometheus' text format, for node exporter's textfile collector
 *
 * A table in metrics.c tells which number of status_files_gather() is which metric; a number that is not there is left
 * out, with all of its metric. Ages and lags are seconds. No label holds anything that came in a frame: reasons,
 * states and versions are our own words, channels the config's.
 */
#ifndef PUBLISHER_METRICS_H
#define PUBLISHER_METRICS_H

#include "base/buffer.h"
#include "base/clock.h"

#include <jansson.h>

/* Appends all metrics that `gathered` has numbers for. */
void metrics_print(const json_t *gathered, struct buffer *text);

/* A file that is written again and again. Zeroed at first; owner: one thread. */
struct metrics_file {
	const char *path; /* lent; NULL: there is none, and metrics_write() does nothing */
	int64_t complained_us;
};

/* Puts them in place of what the file held, mode 0644. A folder that is missing, or can't be written, harms nothing:
 * that is said in the log, and again every ten minutes. Waits for the disk. */
void metrics_write(struct metrics_file *file, const json_t *gathered,
		   const struct clock_reading *now);

#endif
