#include "publisher/publisher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "publisher/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STAND_BY_MS = 100, /* between tries to become the one that publishes */
	REFUSED_MS = 1000, /* between looks whether a refused state_dir may be published from */
	COMPLAINT_US = 60000000, /* between log lines about that */
	LOOK_EVERY_US = 250000,  /* between looks whether another should publish in our place */
	LINGER_MOST_MS = 1000,
	WHY_SIZE = 1024,
};

/* A reload that somebody waits for. */
struct order {
	const struct config *config; /* NULL: nobody waits */
	struct signing_key *key;
	bool hands_over; /* to another process, once the key is told */
	bool done;
	int result;
	char why[WHY_SIZE];
};

struct publisher {
	struct publisher_host host;
	const struct config *config;
	int64_t config_written_ns;
	struct signing_key *key;
	struct pipeline *pipeline; /* NULL: another process publishes, or nobody may */
	bool failed;               /* the last try to publish with this config did */
	struct tallies tallies;
	struct report *report;
	_Atomic int64_t stop_at_us; /* CLOCK_MONOTONIC; 0: not yet */
	int64_t last_complaint_us, last_look_us;
	char refusal[WHY_SIZE]; /* what was complained of last */
	pthread_mutex_t lock;   /* of `order` and `ended` */
	pthread_cond_t obeyed;
	struct order order;
	bool ended;
	pthread_t thread;
	bool running;
};

static bool stops_now(const struct publisher *publisher)
{
	int64_t at_us = atomic_load(&publisher->stop_at_us);
	return at_us && clock_monotonic_us() >= at_us;
}

static bool stops(const struct publisher *publisher)
{
	return atomic_load(&publisher->stop_at_us) != 0;
}

/* When the config's file was written: of two processes the one with the newer config should publish. One that has
 * senders comes before all: they have the ports, so nobody hears another. */
static int64_t written_ns(const struct publisher *publisher)
{
	struct stat file;
	if (publisher->host.channel_fds)
		return INT64_MAX;
	if (stat(publisher->config->path, &file) != 0)
		return 0;
	return (int64_t)file.st_mtim.tv_sec * 1000000000 + file.st_mtim.tv_nsec;
}

/* Does another process, with a newer config, ask to publish? */
static bool other_asks(const struct publisher *publisher)
{
	long holder = state_dir_holder(publisher->host.dir, STATE_DIR_SUCCESSOR);
	return holder != 0 && holder != (long)getpid();
}

/* With a newer config than the one that publishes, we ask it to yield; but not for nothing, again and again. */
static void ask_if_newer(const struct publisher *publisher)
{
	struct state_dir *dir = publisher->host.dir;
	if (publisher->failed || publisher->config_written_ns <= state_dir_told_config(dir))
		state_dir_unlock(dir, STATE_DIR_SUCCESSOR);
	else if (state_dir_lock(dir, STATE_DIR_SUCCESSOR) != RESULT_OK)
		return; /* somebody else asks already */
}

/* In a prefork front end all but one process stand by: only who has senders says so. */
static void stand_aside(struct publisher *publisher)
{
	struct state_dir *dir = publisher->host.dir;
	if (publisher->host.channel_fds &&
	    atomic_load(&publisher->tallies.state) != PUBLISHER_STANDS_BY)
		log_warning(
			"process %ld publishes from state_dir %s: this one stands by, and takes "
			"over when that ends",
			state_dir_holder(dir, STATE_DIR_PUBLISHER), state_dir_path(dir));
	tally_state(&publisher->tallies, PUBLISHER_STANDS_BY);
	ask_if_newer(publisher);
}

/* Opens the pipeline if nobody else has it. RESULT_BUSY: it must not be published from. RESULT_OK, without a pipeline:
 * another process publishes. */
static int take_over(struct publisher *publisher, char *why, size_t why_size)
{
	struct state_dir *dir = publisher->host.dir;
	const struct pipeline_parts parts = {.config = publisher->config,
					     .key = publisher->key,
					     .host = &publisher->host,
					     .tallies = &publisher->tallies};
	if (other_asks(publisher) || state_dir_lock(dir, STATE_DIR_PUBLISHER) != RESULT_OK) {
		stand_aside(publisher);
		return RESULT_OK;
	}
	/* First of all: who starts with us must not ask for it because nothing, or an older one, is told yet. Nor do we
	 * look who asks before he has had the time to see it. */
	state_dir_tell_config(dir, publisher->config_written_ns);
	int result = pipeline_open(&parts, &publisher->pipeline, why, why_size);
	publisher->last_look_us = clock_monotonic_us();
	publisher->failed = result != RESULT_OK;
	if (result != RESULT_OK)
		state_dir_unlock(dir, STATE_DIR_PUBLISHER);
	state_dir_unlock(dir, STATE_DIR_SUCCESSOR);
	return result;
}

static void give_up(struct publisher *publisher, int linger_ms)
{
	if (!publisher->pipeline)
		return;
	pipeline_close(&publisher->pipeline, linger_ms);
	state_dir_unlock(publisher->host.dir, STATE_DIR_PUBLISHER);
}

static bool should_yield(struct publisher *publisher, const struct clock_reading *now)
{
	if (now->monotonic_us - publisher->last_look_us < LOOK_EVERY_US)
		return false;
	publisher->last_look_us = now->monotonic_us;
	return other_asks(publisher);
}

static void complain(struct publisher *publisher, const char *why)
{
	int64_t now_us = clock_monotonic_us();
	if (strcmp(publisher->refusal, why) == 0 &&
	    now_us - publisher->last_complaint_us < COMPLAINT_US)
		return;
	snprintf(publisher->refusal, sizeof publisher->refusal, "%s", why);
	publisher->last_complaint_us = now_us;
	log_error("nothing is published, changes wait in the spool: %s", why);
}

/* Goes on with the ordered config and key; with the old ones if that can't be. */
static int change_over(struct publisher *publisher, const struct order *order, char *why,
		       size_t why_size)
{
	struct signing_key *old_key = publisher->key;
	const struct config *old_config = publisher->config;
	char nothing[WHY_SIZE];
	bool published = publisher->pipeline;
	int64_t old_written_ns = publisher->config_written_ns;
	give_up(publisher, LINGER_MOST_MS);
	publisher->failed = false;
	publisher->config = order->config;
	publisher->key = order->key;
	publisher->config_written_ns = written_ns(publisher);
	int result = published ? take_over(publisher, why, why_size) : RESULT_OK;
	if (result != RESULT_OK) {
		publisher->config = old_config;
		publisher->key = old_key;
		publisher->config_written_ns = old_written_ns;
		old_key = order->key;
		if (take_over(publisher, nothing, sizeof nothing) != RESULT_OK)
			tally_state(&publisher->tallies,
				    PUBLISHER_REFUSED); /* tried again, and said, later */
	}
	report_use(publisher->report, publisher->config);
	signing_key_free(&old_key);
	return result;
}

/* If that can't be told, what was under way is to be read again: so the pipeline is opened anew. */
static int announce(struct publisher *publisher, struct order *order)
{
	char nothing[WHY_SIZE];
	int result = pipeline_announce_key(publisher->pipeline, order->key, order->why,
					   sizeof order->why);
	if (result == RESULT_OK)
		return RESULT_OK;
	give_up(publisher, LINGER_MOST_MS);
	if (take_over(publisher, nothing, sizeof nothing) != RESULT_OK)
		tally_state(&publisher->tallies,
			    PUBLISHER_REFUSED); /* tried again, and said, later */
	return result;
}

static void obey(struct publisher *publisher)
{
	struct order *order = &publisher->order;
	bool new_key = strcmp(signing_key_id(order->key), signing_key_id(publisher->key)) != 0;
	order->result = RESULT_OK;
	if (publisher->pipeline && new_key)
		order->result = announce(publisher, order);
	if (order->result == RESULT_OK && !order->hands_over) {
		order->result = change_over(publisher, order, order->why, sizeof order->why);
		return;
	}
	signing_key_free(&order->key);
	if (order->result == RESULT_OK) {
		give_up(publisher, LINGER_MOST_MS);
		atomic_store(&publisher->stop_at_us, clock_monotonic_us());
	}
}

static void look_for_orders(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	if (publisher->order.config && !publisher->order.done) {
		obey(publisher);
		publisher->order.done = true;
		pthread_cond_broadcast(&publisher->obeyed);
	}
	pthread_mutex_unlock(&publisher->lock);
}

/* A key that was refused may have been replaced by a good one. */
static void look_for_key(struct publisher *publisher)
{
	char why[WHY_SIZE];
	struct signing_key *key;
	if (signing_key_load(publisher->config->key_event, &key, why, sizeof why) != RESULT_OK)
		return;
	signing_key_free(&publisher->key);
	publisher->key = key;
}

/* Tries to become the one that publishes; returns how long to pause. */
static long stand_by(struct publisher *publisher)
{
	char why[WHY_SIZE];
	if (publisher->failed)
		look_for_key(publisher);
	int result = take_over(publisher, why, sizeof why);
	if (result == RESULT_OK)
		return publisher->pipeline ? 0 : STAND_BY_MS;
	tally_state(&publisher->tallies, PUBLISHER_REFUSED);
	complain(publisher, why);
	return REFUSED_MS;
}

/* One round; returns how long to pause, or -1 if it is time to end. */
static long round_of(struct publisher *publisher)
{
	struct clock_reading now;
	/* Asked before the clock is: what was written before we were told to stop is older than `now`, and is seen. */
	bool last = stops(publisher);
	clock_read(&now);
	look_for_orders(publisher);
	report_write(publisher->report, publisher->pipeline, &now, false);
	if (!publisher->pipeline)
		return stops(publisher) ? -1 : stand_by(publisher);
	long pause = pipeline_round(publisher->pipeline, &now, last);
	if (stops_now(publisher) || (last && pipeline_is_idle(publisher->pipeline)))
		return -1;
	if (should_yield(publisher, &now)) {
		tally_state(&publisher->tallies,
			    PUBLISHER_STANDS_BY); /* before another can say that it publishes */
		give_up(publisher, LINGER_MOST_MS);
		return STAND_BY_MS;
	}
	return pause;
}

/* Sleeps no longer than until somebody wants something. */
static void pause_for(struct publisher *publisher, long milliseconds)
{
	if (publisher->pipeline) {
		pipeline_pause(publisher->pipeline, milliseconds);
		return;
	}
	int64_t until_us = clock_monotonic_us() + milliseconds * 1000;
	pthread_mutex_lock(&publisher->lock);
	while (!stops(publisher) && !(publisher->order.config && !publisher->order.done) &&
	       thread_wait(&publisher->obeyed, &publisher->lock, until_us))
		;
	pthread_mutex_unlock(&publisher->lock);
}

/* Nobody may wait for a thread that has ended. */
static void refuse_orders(struct publisher *publisher)
{
	pthread_mutex_lock(&publisher->lock);
	publisher->ended = true;
	if (publisher->order.config && !publisher->order.done) {
		publisher->order.result = RESULT_INVALID;
		publisher->order.done = true;
		signing_key_free(&publisher->order.key);
		snprintf(publisher->order.why, sizeof publisher->order.why,
			 "the publisher is being closed");
	}
	pthread_cond_broadcast(&publisher->obeyed);
	pthread_mutex_unlock(&publisher->lock);
}

static void *run(void *context)
{
	struct publisher *publisher = context;
	struct clock_reading now;
	if (!publisher->host.channel_fds)
		log_warning("publisher: embedded: keys and sockets are in this process; fit for "
			    "trying out, not for production");
	for (long pause = 0; (pause = round_of(publisher)) >= 0;)
		pause_for(publisher, pause);
	clock_read(&now);
	if (atomic_load(&publisher->tallies.state) != PUBLISHER_STANDS_BY) {
		tally_state(&publisher->tallies, PUBLISHER_ENDED);
		report_write(publisher->report, publisher->pipeline, &now, true);
	}
	refuse_orders(publisher);
	return NULL;
}

/* What can be found wrong before the first event is found here, by the caller's thread. A state_dir that must not be
 * published from is no reason to fail: changes are captured all the same. */
static int open_parts(struct publisher *publisher, char *why, size_t why_size)
{
	int result = signing_key_load(publisher->config->key_event, &publisher->key, why, why_size);
	if (result == RESULT_OK)
		result = report_new(publisher->config, publisher->host.dir, &publisher->tallies,
				    &publisher->report, why, why_size);
	if (result == RESULT_OK)
		result = take_over(publisher, why, why_size);
	if (result == RESULT_BUSY) {
		tally_state(&publisher->tallies, PUBLISHER_REFUSED);
		complain(publisher, why);
		result = RESULT_OK;
	}
	if (result != RESULT_OK)
		return result;
	snprintf(why, why_size, "no thread is to be had");
	result = thread_start(&publisher->thread, "epptap-publish", run, publisher);
	publisher->running = result == RESULT_OK;
	return result;
}

int publisher_start(const struct publisher_host *host, struct publisher **out, char *why,
		    size_t why_size)
{
	sigset_t before;
	struct publisher *publisher = calloc(1, sizeof *publisher);
	*out = NULL;
	log_begin(); /* this module has a log.c of its own */
	snprintf(why, why_size, "out of memory");
	if (!publisher)
		return RESULT_NOMEM;
	publisher->host = *host;
	publisher->config = host->config;
	publisher->config_written_ns = written_ns(publisher);
	pthread_mutex_init(&publisher->lock, NULL);
	thread_condition_init(&publisher->obeyed);
	/* libzmq starts threads of its own here. */
	thread_block_signals(&before);
	int result = open_parts(publisher, why, why_size);
	if (result != RESULT_OK)
		publisher_stop(&publisher, 0);
	thread_restore_signals(&before);
	*out = publisher;
	return result;
}

/* Has the thread do something, and waits until it is done. */
static int give_order(struct publisher *publisher, const struct config *config, bool hands_over,
		      char *why, size_t why_size)
{
	struct order *order = &publisher->order;
	struct signing_key *key;
	int result = signing_key_load(config->key_event, &key, why, why_size);
	if (result != RESULT_OK)
		return result;
	pthread_mutex_lock(&publisher->lock);
	*order = (struct order){.config = config,
				.key = key,
				.hands_over = hands_over,
				.done = publisher->ended,
				.result = publisher->ended ? RESULT_INVALID : RESULT_OK};
	if (publisher->ended)
		signing_key_free(&order->key);
	pthread_cond_broadcast(&publisher->obeyed);
	while (!order->done)
		pthread_cond_wait(&publisher->obeyed, &publisher->lock);
	result = order->result;
	snprintf(why, why_size, "%s", order->why);
	order->config = NULL;
	pthread_mutex_unlock(&publisher->lock);
	return result;
}

int publisher_reload(struct publisher *publisher, const struct config *config, char *why,
		     size_t why_size)
{
	return give_order(publisher, config, false, why, why_size);
}

int publisher_hand_over(struct publisher *publisher, const struct config *next, char *why,
			size_t why_size)
{
	return give_order(publisher, next, true, why, why_size);
}

void publisher_write_stats(struct publisher *publisher, struct buffer *json)
{
	report_stats(publisher->report, json);
}

void publisher_stop(struct publisher **publisher, unsigned drain_ms)
{
	struct publisher *ended = *publisher;
	if (!ended)
		return;
	int64_t deadline_us = clock_monotonic_us() + (int64_t)drain_ms * 1000;
	atomic_store(&ended->stop_at_us, deadline_us);
	pthread_mutex_lock(&ended->lock);
	pthread_cond_broadcast(&ended->obeyed);
	pthread_mutex_unlock(&ended->lock);
	if (ended->running)
		pthread_join(ended->thread, NULL);
	int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
	give_up(ended, left_ms < 0 ? 0 : left_ms > LINGER_MOST_MS ? LINGER_MOST_MS : (int)left_ms);
	state_dir_unlock(ended->host.dir, STATE_DIR_SUCCESSOR);
	signing_key_free(&ended->key);
	report_free(&ended->report);
	pthread_cond_destroy(&ended->obeyed);
	pthread_mutex_destroy(&ended->lock);
	free(ended);
	*publisher = NULL;
}
