#include "plugin/capture.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "eppparse/eppparse.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUSY_PAUSE_US = 500,     /* between looks at the queue while there is traffic */
	IDLE_PAUSE_US = 10000,   /* and when there is none */
	IDLE_AFTER_US = 100000,  /* how long after the last change that begins */
	RETRY_PAUSE_US = 100000, /* after a sync that failed */
	COMPLAINT_US = 10000000, /* between log lines about that */
};

struct capture {
	struct capture_parts parts;
	_Atomic int why_full; /* enum loss */
	struct eppparse *parse;
	struct change change;
	struct buffer record;
	pthread_t thread;
	uint64_t gathered; /* changes in the spool's batch */
	int64_t last_traffic_us, last_complaint_us;
	_Atomic bool stopping;

	pthread_mutex_t lock;  /* of what follows */
	pthread_cond_t call;   /* to the thread: somebody waits */
	pthread_cond_t answer; /* from the thread: more is durable */
	uint64_t durable;      /* position of the queue up to which all is durable */
	unsigned waiting;
};

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* What the config says a login is published as; NULL if it doesn't name it. */
static const char *configured_name(const struct config *config, const char *login)
{
	for (size_t i = 0; i < config->registrars.count; i++)
		if (strcmp(config->registrars.items[i].from, login) == 0)
			return config->registrars.items[i].to;
	return NULL;
}

/* Judged here, before anything is stored: change_token_read() refuses what may be a person's address. */
static void set_registrar(struct capture *capture, const char *login)
{
	struct change *change = &capture->change;
	struct change_token token;
	if (!*login)
		return;
	const char *name = configured_name(capture->parts.config, login);
	if (name && strcmp(name, "hide") == 0)
		return;
	bool fits = name || change_token_read(&token, login, strlen(login)) == RESULT_OK;
	if (!name)
		name = login;
	if (!fits || change_registrar_read(&change->registrar, name, strlen(name)) != RESULT_OK)
		count(&capture->parts.counters->registrars_left_out);
}

/* Reads one pair and gathers it for the spool if it is a change. */
static void take(struct capture *capture, const struct queue_entry *entry)
{
	struct change *change = &capture->change;
	enum eppparse_result found =
		eppparse_pair(capture->parse, entry->command, entry->command_size, entry->response,
			      entry->response_size, change);
	count(&capture->parts.counters->read[found]);
	if (found != EPPPARSE_CHANGE)
		return;
	set_registrar(capture, entry->registrar);
	atomic_fetch_add_explicit(&capture->parts.counters->statuses_unknown,
				  change->add.status_others + change->remove.status_others,
				  memory_order_relaxed);
	buffer_reset(&capture->record);
	change_encode(change, &capture->record);
	const struct spool_note note = {.kind = SPOOL_CHANGE,
					.monotonic_us = entry->monotonic_us,
					.wall_us = entry->wall_us};
	if (capture->record.failed ||
	    spool_writer_append(capture->parts.spool, &note, capture->record.data,
				capture->record.size) != RESULT_OK)
		count(&capture->parts.counters->lost[LOSS_RECORD_LIMIT]);
	else
		capture->gathered++;
}

static void tell_durable(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	capture->durable = queue_start(capture->parts.queue);
	pthread_cond_broadcast(&capture->answer);
	pthread_mutex_unlock(&capture->lock);
}

static void complain(struct capture *capture, int result, int error)
{
	int64_t now_us = clock_monotonic_us();
	count(&capture->parts.counters->sync_failures);
	if (capture->last_complaint_us && now_us - capture->last_complaint_us < COMPLAINT_US)
		return;
	capture->last_complaint_us = now_us;
	if (result == RESULT_FULL)
		log_error(
			"the spool is at spool.limit: changes wait in the queue. Is the publisher "
			"running? Else raise the limit");
	else
		log_error("the spool can't be written: %s; changes wait in the queue. Make room in "
			  "state_dir, and it goes on by itself",
			  strerror(error));
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
	atomic_fetch_add_explicit(&capture->parts.counters->spooled, capture->gathered,
				  memory_order_relaxed);
	capture->gathered = 0;
	capture->last_complaint_us = 0;
	tell_durable(capture);
	return true;
}

/* Sleeps; when there is nothing to do, only until somebody calls, who is then served at the busy pace. */
static void pause_for(struct capture *capture, int64_t microseconds)
{
	if (microseconds == BUSY_PAUSE_US) {
		clock_sleep_us(microseconds);
		return;
	}
	int64_t deadline_us = clock_monotonic_us() + microseconds;
	bool idle = microseconds == IDLE_PAUSE_US;
	pthread_mutex_lock(&capture->lock);
	while (!atomic_load(&capture->stopping) && !(idle && capture->waiting > 0) &&
	       thread_wait(&capture->call, &capture->lock, deadline_us))
		;
	pthread_mutex_unlock(&capture->lock);
	if (idle)
		clock_sleep_us(BUSY_PAUSE_US);
}

/* Gives back the oldest entry's room. */
static void drop(struct capture *capture, const struct queue_entry *entry)
{
	registrars_release(capture->parts.registrars, entry->owner, queue_room_of(entry));
	queue_pop(capture->parts.queue);
}

/* One round: what waits in the queue, up to a batch. Returns how long to sleep before the next. */
static int64_t round_of(struct capture *capture)
{
	struct queue_entry entry;
	bool any = false;
	while (!spool_writer_has_much(capture->parts.spool) &&
	       queue_peek(capture->parts.queue, &entry)) {
		take(capture, &entry);
		drop(capture, &entry);
		any = true;
	}
	if ((any || spool_writer_has_some(capture->parts.spool)) && !sync_batch(capture))
		return RETRY_PAUSE_US;
	int64_t now_us = clock_monotonic_us();
	if (any)
		capture->last_traffic_us = now_us;
	return now_us - capture->last_traffic_us > IDLE_AFTER_US ? IDLE_PAUSE_US : BUSY_PAUSE_US;
}

static void *run(void *context)
{
	struct capture *capture = context;
	eppparse_silence_thread();
	while (!atomic_load(&capture->stopping))
		pause_for(capture, round_of(capture));
	return NULL;
}

static void capture_free(struct capture **capture)
{
	if (!*capture)
		return;
	eppparse_free(&(*capture)->parse);
	change_free(&(*capture)->change);
	buffer_free(&(*capture)->record);
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
	atomic_init(&capture->why_full, LOSS_QUEUE_FULL);
	change_init(&capture->change);
	buffer_init(&capture->record, SPOOL_RECORD_MAX);
	pthread_mutex_init(&capture->lock, NULL);
	thread_condition_init(&capture->call);
	thread_condition_init(&capture->answer);
	int result = eppparse_new(&capture->parse);
	if (result == RESULT_OK)
		result = thread_start(&capture->thread, "epptap-capture", run, capture);
	if (result != RESULT_OK)
		capture_free(&capture);
	*out = capture;
	return result;
}

enum loss capture_why_full(struct capture *capture)
{
	return (enum loss)atomic_load(&capture->why_full);
}

int capture_flush(struct capture *capture, unsigned timeout_ms)
{
	int64_t deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
	uint64_t target = queue_end(capture->parts.queue);
	pthread_mutex_lock(&capture->lock);
	capture->waiting++;
	pthread_cond_signal(&capture->call);
	bool in_time = true;
	while (capture->durable < target && in_time)
		in_time = thread_wait(&capture->answer, &capture->lock, deadline_us);
	int result = capture->durable >= target ? RESULT_OK : RESULT_TIMEOUT;
	capture->waiting--;
	pthread_mutex_unlock(&capture->lock);
	return result;
}

/* What stayed in the queue or in the batch was accepted, and is lost now. */
static bool count_losses(struct capture *capture)
{
	struct queue_entry entry;
	uint64_t lost = capture->gathered;
	for (; queue_peek(capture->parts.queue, &entry); drop(capture, &entry))
		lost++;
	atomic_fetch_add(&capture->parts.counters->lost[LOSS_CLOSED], lost);
	if (lost)
		log_error("closed with %llu commands that could not be made durable in time",
			  (unsigned long long)lost);
	return lost == 0;
}

bool capture_stop(struct capture **capture, unsigned drain_ms)
{
	if (!*capture)
		return true;
	int drained = capture_flush(*capture, drain_ms);
	(void)drained; /* count_losses() tells */
	pthread_mutex_lock(&(*capture)->lock);
	atomic_store(&(*capture)->stopping, true);
	pthread_cond_signal(&(*capture)->call);
	pthread_mutex_unlock(&(*capture)->lock);
	pthread_join((*capture)->thread, NULL);
	bool nothing_missing = count_losses(*capture);
	capture_free(capture);
	return nothing_missing;
}
