#include "subscriber/follow_log.h"

#include "base/clock.h"
#include "subscriber/cursor.h"
#include "subscriber/filter.h"
#include "subscriber/follower.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { WAIT_MS = 500, CURSOR_US = 1000000 };

struct run {
	const struct options *options;
	struct options filter; /* but for names: the follower knows these */
	struct show show;
	struct follower *follower;
	char channel[64]; /* feed.json may be read again at any time, its texts go then */
	uint64_t verified, shown, wrong;
	uint64_t kept; /* what the cursor file says */
	int64_t kept_us;
};

static bool is_complete(const struct run *run)
{
	return run->options->count > 0 && run->shown >= run->options->count;
}

/* RESULT_BUSY ends the round when as many were shown as the user asked for. */
static int on_event(void *context, const struct event *event)
{
	struct run *run = context;
	struct clock_reading now;
	clock_read(&now);
	run->show.now_ms = now.wall_us / 1000;
	run->verified++;
	if (!filter_passes(&run->filter, event))
		return RESULT_OK;
	int result = show_event(&run->show, event);
	if (result == RESULT_OK)
		run->shown++;
	return result == RESULT_OK && is_complete(run) ? RESULT_BUSY : result;
}

static int on_wrong(void *context, uint64_t index, const char *what)
{
	struct run *run = context;
	run->wrong++;
	return show_wrong(&run->show, index == FOLLOWER_NO_INDEX ? NULL : &index, what);
}

static int on_note(void *context, const char *what)
{
	struct run *run = context;
	return show_note(&run->show, "%s", what);
}

/* Never ahead of what a checkpoint vouched for. */
static int keep_cursor(struct run *run, bool now)
{
	char why[SOURCE_WHY_SIZE];
	int64_t now_us = clock_monotonic_us();
	uint64_t sure = follower_sure(run->follower);
	if (!run->options->cursor || sure == FOLLOWER_NO_INDEX || sure == run->kept ||
	    (!now && now_us - run->kept_us < CURSOR_US))
		return RESULT_OK;
	run->kept = sure;
	run->kept_us = now_us;
	if (cursor_write(run->options->cursor, sure, why, sizeof why) == RESULT_OK)
		return RESULT_OK;
	return show_note(&run->show, "%s", why);
}

static int open_follower(struct run *run, volatile const sig_atomic_t *stop, char *why,
			 size_t why_size)
{
	const struct options *options = run->options;
	struct follower_settings settings = {
		.address = options->address,
		.options = options,
		.from = options->from,
		.names = options->names.items,
		.name_count = options->names.count,
		.stop = stop,
		.listener = {.event = on_event, .wrong = on_wrong, .note = on_note, .context = run},
	};
	bool is_there = false;
	int result = RESULT_OK;
	if (options->cursor)
		result = cursor_read(options->cursor, &is_there, &settings.from.index, why,
				     why_size);
	if (is_there)
		settings.from.kind = PLACE_INDEX;
	return result == RESULT_OK ? follower_open(&settings, &run->follower, why, why_size)
				   : result;
}

/* How long to wait; below 0: the time is over. */
static long wait_ms(const struct run *run, int64_t end_us)
{
	if (run->options->timeout_s == 0)
		return WAIT_MS;
	int64_t left_us = end_us - clock_monotonic_us();
	if (left_us <= 0)
		return -1;
	return left_us < WAIT_MS * INT64_C(1000) ? (long)(left_us / 1000) + 1 : WAIT_MS;
}

/* RESULT_BUSY: complete; RESULT_TIMEOUT: the time is over; RESULT_OK: stopped; or why it can't go on. */
static int loop(struct run *run, volatile const sig_atomic_t *stop)
{
	int64_t end_us = clock_monotonic_us() + (int64_t)run->options->timeout_s * INT64_C(1000000);
	while (!*stop) {
		const struct source *source = follower_source(run->follower);
		if (source->channel.name)
			snprintf(run->channel, sizeof run->channel, "%s", source->channel.name);
		int result = follower_step(run->follower);
		if (result == RESULT_OK)
			result = keep_cursor(run, false);
		if (result != RESULT_OK)
			return *stop ? RESULT_OK : result;
		long wait = wait_ms(run, end_us);
		if (wait < 0)
			return RESULT_TIMEOUT;
		follower_wait(run->follower, wait);
	}
	return RESULT_OK;
}

static int end_well(struct run *run, int result)
{
	int ended = follower_settle(run->follower);
	if (ended == RESULT_OK || ended == RESULT_BUSY)
		ended = keep_cursor(run, true);
	if (ended == RESULT_OK && !run->show.json)
		ended = show_note(
			&run->show,
			"%" PRIu64 " events verified, %" PRIu64 " shown, %" PRIu64
			" things not verified%s%s",
			run->verified, run->shown, run->wrong,
			follower_is_still(run->follower) ? "; the feed stands still" : "",
			follower_was_connected(run->follower) ? "" : "; there was no connection");
	return ended == RESULT_OK ? result : ended;
}

static enum watch_exit exit_of(struct run *run, int result)
{
	if (result == RESULT_STORE || result == RESULT_NOMEM) {
		(void)!show_note(&run->show, "%s",
				 result == RESULT_STORE ? strerror(errno) : result_text(result));
		return WATCH_WRONG;
	}
	if (run->wrong > 0 || result == RESULT_INVALID)
		return WATCH_WRONG;
	if (follower_is_still(run->follower))
		return WATCH_STILL;
	if (result == RESULT_TIMEOUT &&
	    (run->options->count > 0 || !follower_was_connected(run->follower)))
		return WATCH_TIMEOUT;
	return WATCH_DONE;
}

enum watch_exit follow_log_run(const struct options *options, struct show show,
			       volatile const sig_atomic_t *stop)
{
	char why[SOURCE_WHY_SIZE] = "";
	struct run run = {.options = options, .filter = *options, .show = show};
	run.filter.names = (struct option_list){0};
	snprintf(run.channel, sizeof run.channel, "-");
	run.show.channel = run.channel;
	run.kept = FOLLOWER_NO_INDEX;
	int result = open_follower(&run, stop, why, sizeof why);
	/* The count may be reached before it is open: the log may have that many. */
	bool is_open = run.follower != NULL;
	if (!is_open && *why)
		(void)!show_note(&run.show, "%s", why);
	if (!is_open)
		return result == RESULT_CONFIG ? WATCH_USAGE : WATCH_WRONG;
	result = loop(&run, stop);
	if (result == RESULT_BUSY || result == RESULT_OK || result == RESULT_TIMEOUT)
		result = end_well(&run, result);
	enum watch_exit end = exit_of(&run, result);
	follower_close(&run.follower);
	return end;
}
