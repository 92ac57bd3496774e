#include "publisher/log_keeper.h"

#include "base/log.h"
#include "base/thread.h"
#include "publisher/channel_log.h"
#include "publisher/identity.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MOST_MS = 1000, COMPLAINT_US = 60000000 };

/* A channel's log, and what was signed of it and is not taken yet. */
struct kept {
	char origin[VERIFIER_NAME_SIZE];
	struct channel_log *log;
	int64_t complained_us; /* 0: it is well */
	_Atomic uint64_t failures;
	struct buffer note; /* this and below: with the lock */
	uint64_t size;
	bool is_news;
};

struct log_keeper {
	const struct config *config;
	struct log_keys *keys;
	struct kept *logs; /* by channel */
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool stops;
	bool is_running;
	pthread_t thread;
};

static void complain(const struct log_keeper *keeper, size_t i, const struct log_round *round)
{
	const struct config_channel *channel = &keeper->config->channels[i];
	struct kept *kept = &keeper->logs[i];
	int64_t now_us = clock_monotonic_us();
	atomic_fetch_add(&kept->failures, 1);
	if (kept->complained_us && now_us - kept->complained_us < COMPLAINT_US)
		return;
	kept->complained_us = now_us;
	log_error("channel %s: its log in %s: %s%s%s; the feed goes on, and the log is tried again",
		  channel->name, channel->log_dir, round->where, round->error ? ": " : "",
		  round->error ? strerror(round->error) : "");
}

static void hand_over(struct log_keeper *keeper, struct kept *kept)
{
	const struct buffer *note = channel_log_note(kept->log);
	pthread_mutex_lock(&keeper->lock);
	buffer_reset(&kept->note);
	buffer_append(&kept->note, note->data, note->size);
	kept->size = channel_log_size(kept->log);
	kept->is_news = !kept->note.failed;
	pthread_mutex_unlock(&keeper->lock);
}

/* One round of each; is there more to do at once? */
static bool look_after_all(struct log_keeper *keeper, bool hurry)
{
	bool has_more = false;
	for (size_t i = 0; i < keeper->config->channel_count; i++) {
		struct kept *kept = &keeper->logs[i];
		struct clock_reading now;
		struct log_round round;
		clock_read(&now);
		if (channel_log_round(kept->log, &now, hurry, &round) != RESULT_OK)
			complain(keeper, i, &round);
		else
			kept->complained_us = 0;
		if (round.is_signed)
			hand_over(keeper, kept);
		has_more |= round.has_more;
	}
	return has_more;
}

/* Waits a while. False: it is to end. */
static bool pause_for(struct log_keeper *keeper, int64_t milliseconds)
{
	int64_t until_us = clock_monotonic_us() + milliseconds * 1000;
	pthread_mutex_lock(&keeper->lock);
	while (!keeper->stops && thread_wait(&keeper->woken, &keeper->lock, until_us))
		;
	bool goes_on = !keeper->stops;
	pthread_mutex_unlock(&keeper->lock);
	return goes_on;
}

static void *run(void *context)
{
	struct log_keeper *keeper = context;
	int64_t every_ms = keeper->config->checkpoint_ms;
	bool has_more = false;
	if (every_ms > LOOK_MOST_MS)
		every_ms = LOOK_MOST_MS;
	do
		has_more = look_after_all(keeper, has_more);
	while (pause_for(keeper, has_more ? 0 : every_ms));
	look_after_all(keeper, true);
	return NULL;
}

static int open_logs(struct log_keeper *keeper, struct feed_store *store,
		     const struct feed_identity *identity, struct log_keys *keys)
{
	const struct config *config = keeper->config;
	int result = RESULT_OK;
	keeper->logs = calloc(config->channel_count, sizeof *keeper->logs);
	if (!keeper->logs)
		return RESULT_NOMEM;
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		struct kept *kept = &keeper->logs[i];
		identity_origin(&config->channels[i], identity, kept->origin);
		buffer_init(&kept->note, SIGNED_NOTE_MAX);
		result = channel_log_new(
			&(struct channel_log_parts){config, i, store, keys, kept->origin},
			&kept->log);
	}
	return result;
}

int log_keeper_new(const struct config *config, struct feed_store *store,
		   const struct feed_identity *identity, struct log_keys *keys,
		   struct log_keeper **out)
{
	struct log_keeper *keeper = calloc(1, sizeof *keeper);
	*out = NULL;
	if (!keeper)
		return RESULT_NOMEM;
	keeper->config = config;
	pthread_mutex_init(&keeper->lock, NULL);
	thread_condition_init(&keeper->woken);
	int result = open_logs(keeper, store, identity, keys);
	if (result == RESULT_OK)
		result = thread_start(&keeper->thread, "epptap-log", run, keeper);
	keeper->is_running = result == RESULT_OK;
	if (result == RESULT_OK)
		keeper->keys = keys;
	else
		log_keeper_free(&keeper);
	*out = keeper;
	return result;
}

void log_keeper_take(struct log_keeper *keeper,
		     void (*send)(void *context, size_t channel, uint64_t size, const void *note,
				  size_t note_size),
		     void *context)
{
	if (!keeper || pthread_mutex_trylock(&keeper->lock) != 0)
		return;
	for (size_t i = 0; i < keeper->config->channel_count; i++) {
		struct kept *kept = &keeper->logs[i];
		if (kept->is_news)
			send(context, i, kept->size, kept->note.data, kept->note.size);
		kept->is_news = false;
	}
	pthread_mutex_unlock(&keeper->lock);
}

void log_keeper_stop(struct log_keeper *keeper)
{
	if (!keeper || !keeper->is_running)
		return;
	pthread_mutex_lock(&keeper->lock);
	keeper->stops = true;
	pthread_cond_broadcast(&keeper->woken);
	pthread_mutex_unlock(&keeper->lock);
	pthread_join(keeper->thread, NULL);
	keeper->is_running = false;
}

void log_keeper_free(struct log_keeper **keeper)
{
	struct log_keeper *gone = *keeper;
	if (!gone)
		return;
	*keeper = NULL;
	log_keeper_stop(gone);
	for (size_t i = 0; gone->logs && i < gone->config->channel_count; i++) {
		channel_log_free(&gone->logs[i].log);
		buffer_free(&gone->logs[i].note);
	}
	free(gone->logs);
	log_keys_free(&gone->keys);
	pthread_cond_destroy(&gone->woken);
	pthread_mutex_destroy(&gone->lock);
	free(gone);
}

void log_keeper_write_stats(const struct log_keeper *keeper, struct buffer *json)
{
	if (!keeper)
		return;
	buffer_append_text(json, ",\"log_failures\":{");
	for (size_t i = 0; i < keeper->config->channel_count; i++)
		buffer_printf(json, "%s\"%s\":%" PRIu64, i ? "," : "",
			      keeper->config->channels[i].name,
			      atomic_load(&keeper->logs[i].failures));
	buffer_append_byte(json, '}');
}
