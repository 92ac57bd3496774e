#include "subscriber/follow.h"

#include "base/clock.h"
#include "publisher/feed_format.h"
#include "subscriber/curve_key.h"
#include "subscriber/feed_socket.h"
#include "subscriber/filter.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

enum {
	WAIT_MS = 500,    /* for a signal that came just before the wait */
	ROUND_MAX = 1000, /* messages until time and news are looked at again */
	WHY_SIZE = 512,
};

int follow_open(struct follow *follow, const struct options *options, struct show show, char *why,
		size_t why_size)
{
	*follow = (struct follow){.options = options, .show = show};
	int result = keys_load(options->jwks, &follow->keys, why, why_size);
	if (result == RESULT_OK && seen_new(&follow->seen) != RESULT_OK) {
		snprintf(why, why_size, "out of memory");
		result = RESULT_NOMEM;
	}
	if (result != RESULT_OK)
		follow_close(follow);
	return result;
}

void follow_close(struct follow *follow)
{
	keys_free(&follow->keys);
	seen_free(&follow->seen);
	*follow = (struct follow){0};
}

bool follow_is_complete(const struct follow *follow)
{
	return follow->options->count > 0 && follow->shown >= follow->options->count;
}

/* A key that is not known may be new: the file is read again, and the message tried again. */
static int verify(struct follow *follow, const struct message *message, int64_t now_us,
		  struct event *event, struct refusal *refusal)
{
	const char *registry = follow->options->registry;
	int result = verify_message(message, registry, follow->keys, event, refusal);
	if (result != RESULT_INVALID || refusal->reason != REFUSAL_KEY_UNKNOWN)
		return result;
	char why[WHY_SIZE];
	int reread = keys_reread(follow->keys, now_us, why, sizeof why);
	if (reread == RESULT_OK)
		return verify_message(message, registry, follow->keys, event, refusal);
	if (reread != RESULT_BUSY &&
	    show_note(&follow->show, "%s; the keys read before stay in use", why) != RESULT_OK)
		return RESULT_STORE;
	return result;
}

/* The feed says what becomes of the keys that sign it. */
static int learn(struct follow *follow, const struct event *event)
{
	char why[WHY_SIZE];
	if (!event->own || strcmp(event->kind, FEED_KEY_EVENT) != 0)
		return RESULT_OK;
	int result = keys_learn(follow->keys, event->what, why, sizeof why);
	if (result != RESULT_CONFIG)
		return result;
	return show_note(&follow->show, "%s", why);
}

static int take_event(struct follow *follow, const struct event *event)
{
	struct seen_answer answer = seen_add(follow->seen, event->index, event->jti);
	if (answer.repeat)
		return RESULT_OK;
	follow->verified++;
	int result = learn(follow, event);
	if (result != RESULT_OK)
		return result;
	if (answer.missed_to > 0 && follow->options->names.count == 0)
		result = show_missed(&follow->show, answer.missed_from, answer.missed_to);
	if (result != RESULT_OK || !filter_passes(follow->options, event))
		return result;
	result = show_event(&follow->show, event);
	if (result == RESULT_OK)
		follow->shown++;
	return result;
}

static bool is_checkpoint(const struct message *message)
{
	return message->topic.size == strlen(FEED_CHECKPOINT_TOPIC) &&
	       memcmp(message->topic.bytes, FEED_CHECKPOINT_TOPIC, message->topic.size) == 0;
}

int follow_message(struct follow *follow, const struct message *message, int64_t now_us)
{
	if (is_checkpoint(message))
		return RESULT_OK;
	struct event event;
	struct refusal refusal;
	int result = verify(follow, message, now_us, &event, &refusal);
	if (result == RESULT_OK) {
		result = take_event(follow, &event);
		event_free(&event);
	} else if (result == RESULT_INVALID) {
		follow->unverified++;
		result = show_unverified(&follow->show, message, &refusal);
	}
	return result;
}

static int open_socket(const struct options *options, struct feed_socket **socket, char *why,
		       size_t why_size)
{
	char server[CURVE_KEY_SIZE], secret[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
	struct feed_socket_settings settings = {.endpoint = options->connect,
						.names = options->names.items,
						.name_count = options->names.count};
	int result = RESULT_OK;
	*socket = NULL;
	if (options->curve_server) {
		result = curve_key_read_public(options->curve_server, server, why, why_size);
		if (result == RESULT_OK)
			result = curve_key_read_secret(options->curve_key, secret, public, why,
						       why_size);
		settings.curve_server = server;
		settings.curve_secret = secret;
		settings.curve_public = public;
	}
	if (result == RESULT_OK)
		result = feed_socket_open(&settings, socket, why, why_size);
	OPENSSL_cleanse(secret, sizeof secret);
	return result;
}

/* Says what became of the connection, once for each turn. */
static int tell_news(struct follow *follow, struct feed_socket *socket, enum feed_socket_news *told)
{
	static const char *const words[] = {
		[FEED_SOCKET_CONNECTED] = "connected",
		[FEED_SOCKET_RETRYING] = "no connection: trying again until there is one",
		[FEED_SOCKET_KEY_REFUSED] =
			"the server refuses this key: its public half must be among the channel's "
			"clients",
		[FEED_SOCKET_NO_HANDSHAKE] =
			"no agreement with the server: is the channel a CURVE one, and "
			"--curve-server its key?",
	};
	enum feed_socket_news news;
	while ((news = feed_socket_next_news(socket, clock_monotonic_us())) !=
	       FEED_SOCKET_NO_NEWS) {
		/* A refusal is followed by hanging up, which says less. */
		follow->connected |= news == FEED_SOCKET_CONNECTED;
		bool less = news == FEED_SOCKET_RETRYING &&
			    (*told == FEED_SOCKET_KEY_REFUSED || *told == FEED_SOCKET_NO_HANDSHAKE);
		if (news == *told || less)
			continue;
		*told = news;
		if (follow->show.json && news == FEED_SOCKET_CONNECTED)
			continue;
		int result =
			show_note(&follow->show, "%s: %s", follow->options->connect, words[news]);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

static int take_round(struct follow *follow, struct feed_socket *socket,
		      volatile const sig_atomic_t *stop)
{
	for (int i = 0; i < ROUND_MAX && !*stop && !follow_is_complete(follow); i++) {
		struct message message;
		struct clock_reading now;
		if (feed_socket_receive(socket, &message) != RESULT_OK)
			break;
		clock_read(&now);
		follow->show.now_ms = now.wall_us / 1000;
		int result = follow_message(follow, &message, now.monotonic_us);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

/* RESULT_OK: complete or stopped; RESULT_TIMEOUT: the time is over; or why it can't go on. */
static int loop(struct follow *follow, struct feed_socket *socket,
		volatile const sig_atomic_t *stop)
{
	const int64_t end_us =
		clock_monotonic_us() + (int64_t)follow->options->timeout_s * INT64_C(1000000);
	enum feed_socket_news told = FEED_SOCKET_NO_NEWS;
	while (!*stop && !follow_is_complete(follow)) {
		long wait_ms = WAIT_MS;
		if (follow->options->timeout_s > 0) {
			int64_t left_us = end_us - clock_monotonic_us();
			if (left_us <= 0)
				return RESULT_TIMEOUT;
			if (left_us < WAIT_MS * INT64_C(1000))
				wait_ms = (long)(left_us / 1000) + 1;
		}
		feed_socket_wait(socket, wait_ms);
		int result = tell_news(follow, socket, &told);
		if (result == RESULT_OK)
			result = take_round(follow, socket, stop);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

/* So that nobody takes silence for a filter that fits; returns `result`, or why it can't be told. */
static int tell_sum(struct follow *follow, int result)
{
	if (follow->show.json)
		return result;
	int told = show_note(&follow->show,
			     "%" PRIu64 " events verified, %" PRIu64 " shown, %" PRIu64
			     " not verified%s",
			     follow->verified, follow->shown, follow->unverified,
			     follow->connected ? "" : "; there was no connection");
	return told == RESULT_OK ? result : told;
}

static enum watch_exit exit_of(const struct follow *follow, int result, bool stopped)
{
	/* A signal may have broken off a write. */
	if (result != RESULT_OK && result != RESULT_TIMEOUT && !stopped) {
		(void)!show_note(&follow->show, "%s",
				 result == RESULT_STORE ? strerror(errno) : result_text(result));
		return WATCH_WRONG;
	}
	if (follow->unverified > 0)
		return WATCH_WRONG;
	if (result == RESULT_TIMEOUT && (follow->options->count > 0 || !follow->connected))
		return WATCH_TIMEOUT;
	return WATCH_DONE;
}

enum watch_exit follow_run(const struct options *options, struct show show,
			   volatile const sig_atomic_t *stop)
{
	char why[WHY_SIZE];
	struct follow follow = {.show = show, .options = options};
	struct feed_socket *socket = NULL;
	enum watch_exit end = WATCH_USAGE;
	if (follow_open(&follow, options, show, why, sizeof why) != RESULT_OK ||
	    open_socket(options, &socket, why, sizeof why) != RESULT_OK) {
		(void)!show_note(&show, "%s", why);
		goto out;
	}
	int result = RESULT_OK;
	if (!show.json)
		result = show_note(&show, "following %s at %s (registry %s)", options->channel,
				   options->connect, options->registry);
	if (result == RESULT_OK)
		result = loop(&follow, socket, stop);
	if (result == RESULT_OK || result == RESULT_TIMEOUT)
		result = tell_sum(&follow, result);
	end = exit_of(&follow, result, *stop != 0);
out:
	feed_socket_close(&socket);
	follow_close(&follow);
	return end;
}
