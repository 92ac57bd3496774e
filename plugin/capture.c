#include "plugin/capture.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "eppparse/eppparse.h"
#include "plugin/gather.h"
#include "plugin/permits.h"
#include "plugin/status_file.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUSY_PAUSE_US = 500,   /* after a look at the queue that found something */
	IDLE_PAUSE_US = 10000, /* each that finds nothing makes it four times as long, up to this */
	RETRY_PAUSE_US = 100000, /* after a sync that failed */
	COMPLAINT_US = 10000000, /* between log lines about that */
	STATS_MAX = 65536,
};

struct capture {
	struct capture_parts parts;
	_Atomic(const struct config *) config; /* to go by from the next round on */
	const struct config *used;             /* gone by now; the thread's */
	_Atomic int why_full;                  /* enum loss */
	struct gather *gather;
	struct status_file *status;
	struct buffer stats; /* for the status file */
	pthread_t thread;
	int64_t pause_us; /* after the last look */
	int64_t last_complaint_us;
	_Atomic bool stopping;

	pthread_mutex_t lock;  /* of what follows */
	pthread_cond_t call;   /* to the thread: somebody waits */
	pthread_cond_t answer; /* from the thread: more is durable */
	uint64_t durable;      /* position of the queue up to which all is durable */
	uint64_t handled;      /* of tickets that were handed over, how many are done with */
	unsigned waiting;
};

static void tell_durable(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	capture->durable = queue_start(capture->parts.queue);
	capture->handled = tickets_shown(capture->parts.tickets);
	pthread_cond_broadcast(&capture->answer);
	pthread_mutex_unlock(&capture->lock);
}

static void complain(struct capture *capture, int result, int error)
{
	int64_t now_us = clock_monotonic_us();
	counters_add(&capture->parts.counters->sync_failures, 1);
	if (capture->last_complaint_us && now_us - capture->last_complaint_us < COMPLAINT_US)
		return;
	capture->last_complaint_us = now_us;
	if (result == RESULT_FULL)
		log_error(
			"the spool is at spool.limit: changes wait in the queue. Is the publisher "
			"running? Else raise the limit");
	else
		log_error(
			"the spool can't be written: %s; changes wait in the queue, and it goes on "
			"by itself when it can: %s",
			strerror(error), permits_advice(error));
}

/* Makes the batch durable. False: not now; it is kept. */
static bool sync_batch(struct capture *capture)
{
	if (!spool_writer_has_some(capture->parts.spool)) {
		tell_durable(capture);
		return true;
	}
	int result = spool_writer_sync(capture->parts.spool);
	if (result != RESULT_OK) {
		complain(capture, result, errno);
		atomic_store(&capture->why_full,
			     result == RESULT_FULL ? LOSS_SPOOL_LIMIT : LOSS_DISK_FULL);
		return false;
	}
	atomic_store(&capture->why_full, LOSS_QUEUE_FULL);
	gather_durable(capture->gather);
	capture->last_complaint_us = 0;
	tell_durable(capture);
	return true;
}

/* Sleeps; beyond the busy pause, and but for a retry, only until somebody calls, who is then served at the busy pace. */
static void pause_for(struct capture *capture, int64_t microseconds)
{
	if (microseconds <= BUSY_PAUSE_US) {
		clock_sleep_us(microseconds);
		return;
	}
	int64_t deadline_us = clock_monotonic_us() + microseconds;
	bool interruptible = microseconds <= IDLE_PAUSE_US, called = false;
	pthread_mutex_lock(&capture->lock);
	while (!atomic_load(&capture->stopping) &&
	       !(called = interruptible && capture->waiting > 0) &&
	       thread_wait(&capture->call, &capture->lock, deadline_us))
		;
	pthread_mutex_unlock(&capture->lock);
	if (called)
		clock_sleep_us(BUSY_PAUSE_US);
}

/* Gives back the oldest entry's room. */
static void drop(struct capture *capture, const struct queue_entry *entry)
{
	registrars_release(capture->parts.registrars, entry->owner, SHARED_QUEUE,
			   queue_room_of(entry));
	queue_pop(capture->parts.queue);
}

/* What the capture thread tells on its own account is as old as what is taken next. */
static void stamp_own(struct capture *capture, struct clock_reading *stamp)
{
	struct queue_entry next;
	clock_read(stamp);
	if (queue_peek(capture->parts.queue, &next)) {
		stamp->monotonic_us = next.monotonic_us;
		stamp->wall_us = next.wall_us;
	}
}

/* Tells of what did not come through the queue; while the spool can't be written, as long as there is room, and of no
 * losses. */
static void tell_others(struct capture *capture)
{
	struct clock_reading stamp;
	bool stuck = atomic_load(&capture->why_full) != LOSS_QUEUE_FULL;
	if (stuck && spool_writer_has_much(capture->parts.spool))
		return;
	stamp_own(capture, &stamp);
	gather_handed(capture->gather, &stamp);
	if (!stuck)
		gather_losses(capture->gather, &stamp, clock_monotonic_us());
}

static void follow_config(struct capture *capture)
{
	const struct config *config = atomic_load(&capture->config);
	if (config == capture->used)
		return;
	capture->used = config;
	gather_use(capture->gather, config);
	spool_writer_set_limit(capture->parts.spool, config->spool_limit);
}

static void write_status(struct capture *capture, int64_t now_us)
{
	buffer_reset(&capture->stats);
	capture_write_stats(capture, &capture->stats);
	status_file_write(capture->status, &capture->stats, now_us);
}

/* One round: what waits in the queue, up to a batch. Returns how long to sleep before the next. */
static int64_t round_of(struct capture *capture)
{
	struct queue_entry entry;
	bool any = false;
	follow_config(capture);
	while (!spool_writer_has_much(capture->parts.spool) &&
	       queue_peek(capture->parts.queue, &entry)) {
		gather_entry(capture->gather, &entry);
		drop(capture, &entry);
		any = true;
	}
	tell_others(capture);
	/* Only this thread writes `handled`: it may read it without the lock. */
	any |= tickets_shown(capture->parts.tickets) != capture->handled;
	if ((any || spool_writer_has_some(capture->parts.spool)) && !sync_batch(capture))
		return RETRY_PAUSE_US;
	capture->pause_us = any ? BUSY_PAUSE_US : 4 * capture->pause_us;
	if (capture->pause_us > IDLE_PAUSE_US)
		capture->pause_us = IDLE_PAUSE_US;
	return capture->pause_us;
}

static void *run(void *context)
{
	struct capture *capture = context;
	/* Without memory for a thread that parses, changes wait in the queue as without a disk. */
	while (eppparse_silence_thread() != RESULT_OK && !atomic_load(&capture->stopping))
		pause_for(capture, RETRY_PAUSE_US);
	while (!atomic_load(&capture->stopping)) {
		int64_t pause_us = round_of(capture);
		int64_t now_us = clock_monotonic_us();
		if (status_file_due(capture->status, now_us))
			write_status(capture, now_us);
		pause_for(capture, pause_us);
	}
	gather_rest(capture->gather);
	return NULL;
}

static void capture_free(struct capture **capture)
{
	if (!*capture)
		return;
	gather_free(&(*capture)->gather);
	status_file_close(&(*capture)->status);
	buffer_free(&(*capture)->stats);
	pthread_cond_destroy(&(*capture)->call);
	pthread_cond_destroy(&(*capture)->answer);
	pthread_mutex_destroy(&(*capture)->lock);
	free(*capture);
	*capture = NULL;
}

int capture_start(const struct capture_parts *parts, struct capture **out)
{
	struct capture *capture = calloc(1, sizeof *capture);
	*out = NULL;
	if (!capture)
		return RESULT_NOMEM;
	capture->parts = *parts;
	capture->pause_us = BUSY_PAUSE_US;
	buffer_init(&capture->stats, STATS_MAX);
	capture_use(capture, parts->config);
	atomic_init(&capture->why_full, LOSS_QUEUE_FULL);
	pthread_mutex_init(&capture->lock, NULL);
	thread_condition_init(&capture->call);
	thread_condition_init(&capture->answer);
	const struct gather_parts for_gather = {.registrars = parts->registrars,
						.tickets = parts->tickets,
						.spool = parts->spool,
						.counters = parts->counters};
	int result = gather_new(&for_gather, &capture->gather);
	if (result == RESULT_OK)
		result = status_file_new(parts->state_dir, spool_writer_number(parts->spool),
					 &capture->status);
	if (result == RESULT_OK)
		follow_config(capture);
	if (result == RESULT_OK)
		result = thread_start(&capture->thread, "epptap-capture", run, capture);
	if (result != RESULT_OK)
		capture_free(&capture);
	*out = capture;
	return result;
}

void capture_use(struct capture *capture, const struct config *config)
{
	atomic_store(&capture->config, config);
}

void capture_write_stats(struct capture *capture, struct buffer *json)
{
	counters_write(capture->parts.counters, json);
	buffer_printf(json, ",\"queue\":{\"used_bytes\":%" PRIu64 ",\"size_bytes\":%" PRIu64 "}",
		      queue_used(capture->parts.queue), queue_capacity(capture->parts.queue));
}

enum loss capture_why_full(struct capture *capture)
{
	return (enum loss)atomic_load(&capture->why_full);
}

/* Waits until all before `position` is durable, and `handed` tickets are done with. */
static int wait_for(struct capture *capture, uint64_t position, uint64_t handed, int64_t timeout_ms)
{
	int64_t deadline_us = clock_monotonic_us() + timeout_ms * 1000;
	bool in_time = true, done;
	pthread_mutex_lock(&capture->lock);
	capture->waiting++;
	pthread_cond_signal(&capture->call);
	while (!(done = capture->durable >= position && capture->handled >= handed) && in_time)
		in_time = thread_wait(&capture->answer, &capture->lock, deadline_us);
	capture->waiting--;
	pthread_mutex_unlock(&capture->lock);
	return done ? RESULT_OK : RESULT_TIMEOUT;
}

int capture_wait(struct capture *capture, uint64_t position, int64_t timeout_ms)
{
	return wait_for(capture, position, 0, timeout_ms);
}

int capture_flush(struct capture *capture, unsigned timeout_ms)
{
	return wait_for(capture, queue_end(capture->parts.queue),
			tickets_handed(capture->parts.tickets), timeout_ms);
}

/* Empties the queue; tells what that lost. False: there was no room to tell it. */
static bool lose_rest(struct capture *capture)
{
	struct queue_entry entry;
	struct clock_reading now;
	int64_t from_us = 0, to_us = 0;
	uint64_t lost = 0;
	for (; queue_peek(capture->parts.queue, &entry); drop(capture, &entry)) {
		/* The end of an intent is not lost but unknown; a login is no change. */
		if (entry.kind == QUEUE_END || entry.kind == QUEUE_LOGIN)
			continue;
		from_us = lost++ ? from_us : entry.wall_us;
		to_us = entry.wall_us;
	}
	counters_add(&capture->parts.counters->lost[LOSS_CLOSED], lost);
	clock_read(&now);
	gather_handed(capture->gather, &now);
	gather_left_open(capture->gather, &now);
	return gather_losses(capture->gather, &now, INT64_MAX) &&
	       (lost == 0 || gather_closed(capture->gather, &now, lost, from_us, to_us));
}

/* The last that goes into the spool. False: something is missing there that nothing tells of. */
static bool finish(struct capture *capture)
{
	_Atomic uint64_t *closed = &capture->parts.counters->lost[LOSS_CLOSED];
	bool told = lose_rest(capture);
	bool durable = sync_batch(capture);
	if (!durable)
		counters_add(closed, gather_waiting(capture->gather));
	if (atomic_load(closed) > 0)
		log_error("closed with %llu commands that could not be made durable in time",
			  (unsigned long long)atomic_load(closed));
	return told && durable;
}

bool capture_stop(struct capture **capture, unsigned drain_ms)
{
	if (!*capture)
		return true;
	int drained = capture_flush(*capture, drain_ms);
	(void)drained; /* finish() tells */
	pthread_mutex_lock(&(*capture)->lock);
	atomic_store(&(*capture)->stopping, true);
	pthread_cond_signal(&(*capture)->call);
	pthread_mutex_unlock(&(*capture)->lock);
	pthread_join((*capture)->thread, NULL);
	bool nothing_missing = finish(*capture);
	write_status(*capture, clock_monotonic_us());
	capture_free(capture);
	return nothing_missing;
}
