#include "subscriber/follower_inside.h"

#include "base/clock.h"
#include "subscriber/complaint.h"
#include "subscriber/curve_key.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_US INT64_C(1000)
#define S_US  INT64_C(1000000)

enum { KEEP_S = 10, SETTLE_WAIT_MS = 200 };

int follower_wrong(struct follower *follower, uint64_t index, const char *what)
{
	const struct follower_listener *listener = &follower->settings.listener;
	return listener->wrong(listener->context, index, what);
}

int follower_tell_fork(struct follower *follower, const char *why)
{
	int result = follower_wrong(follower, FOLLOWER_NO_INDEX, why);
	return result == RESULT_OK ? RESULT_INVALID : result;
}

int follower_note(struct follower *follower, const char *format, ...)
{
	const struct follower_listener *listener = &follower->settings.listener;
	char text[SOURCE_WHY_SIZE];
	va_list args;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	return *text ? listener->note(listener->context, text) : RESULT_OK;
}

int follower_trouble(struct follower *follower, bool is_wrong, const char *what)
{
	if (strcmp(follower->said, what) == 0)
		return RESULT_OK;
	snprintf(follower->said, sizeof follower->said, "%s", what);
	return is_wrong ? follower_wrong(follower, FOLLOWER_NO_INDEX, what)
			: follower_note(follower, "%s; trying again", what);
}

void follower_went_well(struct follower *follower)
{
	follower->said[0] = '\0';
	follower->wait_ms = FOLLOWER_RETRY_MS;
}

void follower_back_off(struct follower *follower, int64_t now_us)
{
	follower->try_us = now_us + follower->wait_ms * MS_US;
	follower->wait_ms *= 2;
	if (follower->wait_ms > FOLLOWER_RETRY_MAX_MS)
		follower->wait_ms = FOLLOWER_RETRY_MAX_MS;
}

/* Is it for somebody to change before it can go well? */
static bool is_final(int result)
{
	return result == RESULT_CONFIG || result == RESULT_INVALID || result == RESULT_NOMEM ||
	       result == RESULT_TIMEOUT;
}

static int curve_of(const struct follower *follower, struct feed_socket_settings *settings,
		    char secret[CURVE_KEY_SIZE], char public[CURVE_KEY_SIZE], char *why,
		    size_t why_size)
{
	const char *path = follower->settings.options->curve_key;
	settings->curve_server = follower->source.channel.curve_server_key;
	if (!settings->curve_server)
		return RESULT_OK;
	settings->curve_secret = secret;
	settings->curve_public = public;
	int result = path ? curve_key_read_secret(path, secret, public, why, why_size)
			  : curve_key_make(secret, public);
	if (result != RESULT_OK && !path)
		snprintf(why, why_size, "libzmq lacks CURVE, and the channel wants it");
	return result;
}

static int open_socket(struct follower *follower, char *why, size_t why_size)
{
	const struct options *options = follower->settings.options;
	const struct channel *channel = &follower->source.channel;
	char secret[CURVE_KEY_SIZE], public[CURVE_KEY_SIZE];
	struct feed_socket_settings settings = {.endpoint = options->connect ? options->connect
									     : channel->connect,
						.names = follower->settings.names,
						.name_count = follower->settings.name_count};
	if (!settings.endpoint || follower->socket)
		return RESULT_OK;
	int result = curve_of(follower, &settings, secret, public, why, why_size);
	if (result == RESULT_OK)
		result = feed_socket_open(&settings, &follower->socket, why, why_size);
	OPENSSL_cleanse(secret, sizeof secret);
	return result == RESULT_INVALID ? RESULT_CONFIG : result;
}

/* All that is read once: feed.json, the keys. Then the socket, so that what it says from now on waits. */
static int open_source(struct follower *follower, char *why, size_t why_size)
{
	const struct options *options = follower->settings.options;
	if (follower->is_open)
		return RESULT_OK;
	int result = source_open(&follower->source, follower->settings.address, options,
				 follower->settings.stop, why, why_size);
	if (result != RESULT_OK)
		return result;
	result = source_open_keys(&follower->source, options, why, why_size);
	if (result == RESULT_OK)
		result = open_socket(follower, why, why_size);
	if (result == RESULT_OK)
		result = follower_note(follower, "%s", follower->source.note);
	if (result == RESULT_OK)
		follower->is_open = true;
	else
		source_close(&follower->source);
	return result;
}

static int place_from(struct follower *follower, char *why, size_t why_size)
{
	const struct option_place *from = &follower->settings.from;
	const struct trust *trust = &follower->source.trust;
	uint64_t size = follower->head.checkpoint.size;
	switch (from->kind) {
	case PLACE_INDEX:
		follower->next = from->index;
		break;
	case PLACE_START:
	case PLACE_TIME:
		follower->next = follower->source.channel.minimum_index;
		break;
	case PLACE_LAST:
		follower->next = trust->has_next ? trust->next : size;
		break;
	case PLACE_NONE:
	case PLACE_END:
		follower->next = size;
		break;
	}
	if (follower->next <= size)
		return RESULT_OK;
	snprintf(why, why_size,
		 "index %" PRIu64 " is asked for: the log has %" PRIu64 " entries, so %" PRIu64
		 " is the last that there can be",
		 follower->next, size, size);
	return RESULT_CONFIG;
}

static int place(struct follower *follower, char *why, size_t why_size)
{
	struct merkle_range range;
	bool is_fork;
	int result = source_turn_to(&follower->source, &follower->head, &is_fork, why, why_size);
	if (result == RESULT_OK)
		result = place_from(follower, why, why_size);
	if (result != RESULT_OK)
		return result;
	if (follower->settings.to.kind == PLACE_END)
		follower->to = follower->head.checkpoint.size;
	result = log_reader_range(&follower->source.reader, follower->next, &range);
	if (result != RESULT_OK) {
		snprintf(why, why_size, "%s", follower->source.reader.why);
		return result;
	}
	tail_begin(&follower->tail, &range);
	follower->sure = follower->next;
	follower->is_placed = true;
	follower->was_connected |= follower->socket == NULL;
	return RESULT_OK;
}

static int64_t wall_s(void)
{
	struct clock_reading now;
	clock_read(&now);
	return now.wall_us / S_US;
}

/* Until it went well once. */
static int start(struct follower *follower, int64_t now_us, char *why, size_t why_size)
{
	int result = open_source(follower, why, why_size);
	if (result == RESULT_OK)
		result = source_head(&follower->source, &follower->head, why, why_size);
	if (result == RESULT_OK)
		result = follower_note(follower, "%s", follower->source.note);
	if (result == RESULT_OK)
		result = place(follower, why, why_size);
	if (result != RESULT_OK)
		return result;
	follower_went_well(follower);
	follower->renew_us = follower->kept_us = follower->asked_us = now_us;
	follower->asked_s = wall_s();
	follower->is_fresh = true;
	return RESULT_OK;
}

int follower_open(const struct follower_settings *settings, struct follower **follower, char *why,
		  size_t why_size)
{
	struct follower *made = calloc(1, sizeof *made);
	*follower = made;
	snprintf(why, why_size, "out of memory");
	if (!made)
		return RESULT_NOMEM;
	why[0] = '\0';
	made->settings = *settings;
	made->wait_ms = FOLLOWER_RETRY_MS;
	made->to = settings->to.kind == PLACE_INDEX ? settings->to.index : FOLLOWER_NO_INDEX;
	int result = backlog_new(&made->backlog);
	made->proofs = calloc(FOLLOWER_PROOFS_MAX, sizeof *made->proofs);
	if (result == RESULT_OK && !made->proofs)
		result = RESULT_NOMEM;
	if (result == RESULT_OK && settings->name_count > 0) {
		result = watched_new(settings->names, settings->name_count, &made->watched);
		if (result == RESULT_OK)
			result = seen_new(&made->seen);
	}
	int64_t now_us = clock_monotonic_us();
	if (result == RESULT_OK) {
		result = start(made, now_us, why, why_size);
		if (result != RESULT_OK && !is_final(result)) {
			result = follower_trouble(made, false, why);
			follower_back_off(made, now_us);
		}
	}
	if (result != RESULT_OK)
		follower_close(follower);
	return result;
}

/* Says what became of the connection, once for each turn. */
static int tell_news(struct follower *follower, int64_t now_us)
{
	static const char *const words[] = {
		[FEED_SOCKET_CONNECTED] = "connected",
		[FEED_SOCKET_RETRYING] = "no connection to the socket: trying again",
		[FEED_SOCKET_KEY_REFUSED] =
			"the socket refuses our key: --curve-key must be one whose public half the "
			"registry has; following by the log alone",
		[FEED_SOCKET_NO_HANDSHAKE] =
			"no agreement with the socket: feed.json may name another's key; following "
			"by the log alone",
	};
	enum feed_socket_news news;
	while ((news = feed_socket_next_news(follower->socket, now_us)) != FEED_SOCKET_NO_NEWS) {
		bool less = news == FEED_SOCKET_RETRYING &&
			    (follower->told_news == FEED_SOCKET_KEY_REFUSED ||
			     follower->told_news == FEED_SOCKET_NO_HANDSHAKE);
		follower->was_connected |= news == FEED_SOCKET_CONNECTED;
		/* What was said before is in the log; who hears all sees by the indices whether there is any. */
		follower->lacks |= news == FEED_SOCKET_CONNECTED && follower->watched;
		if (news == follower->told_news || less)
			continue;
		follower->told_news = news;
		int result = follower_note(follower, "%s", words[news]);
		if (result != RESULT_OK)
			return result;
	}
	return RESULT_OK;
}

/* feed.json may say something new: keys, or an address. */
static int renew(struct follower *follower, int64_t now_us)
{
	char why[SOURCE_WHY_SIZE];
	follower->renew_us = now_us;
	int result = source_renew(&follower->source, why, sizeof why);
	if (result == RESULT_OK)
		return follower_note(follower, "%s", follower->source.note);
	if (result == RESULT_NOMEM || result == RESULT_TIMEOUT)
		return result;
	return follower_trouble(follower, result == RESULT_INVALID, why);
}

/* Asks the folder for the checkpoint. */
static int ask(struct follower *follower, int64_t now_us)
{
	char why[SOURCE_WHY_SIZE];
	struct log_head head;
	follower->asked_us = now_us;
	follower->asked_s = wall_s();
	follower->is_doubtful = false;
	int result = source_head(&follower->source, &head, why, sizeof why);
	if (result == RESULT_OK) {
		follower_went_well(follower);
		follower->was_connected |= follower->socket == NULL;
		result = follower_note(follower, "%s", follower->source.note);
		return result == RESULT_OK ? follower_take_head(follower, &head, now_us) : result;
	}
	if (result == RESULT_NOMEM || result == RESULT_TIMEOUT)
		return result;
	bool is_wrong = result == RESULT_INVALID;
	result = follower_trouble(follower, is_wrong, why);
	if (result == RESULT_OK && is_wrong)
		result = renew(follower, now_us);
	follower_back_off(follower, now_us);
	return result;
}

static bool is_too_old(const struct follower *follower, int64_t at_s)
{
	uint64_t max_s = follower->settings.options->max_age_s;
	return follower->signed_s != 0 &&
	       at_s - follower->signed_s > (int64_t)(max_s ? max_s : SOURCE_MAX_AGE_S);
}

static bool is_due(const struct follower *follower, int64_t now_us)
{
	if (now_us < follower->try_us)
		return false;
	if (is_too_old(follower, wall_s()) && !is_too_old(follower, follower->asked_s))
		return true;
	if (follower->is_doubtful || follower->lacks)
		return now_us - follower->asked_us >= FOLLOWER_POLL_MS * MS_US;
	if (!follower->socket || follower->told_news != FEED_SOCKET_CONNECTED)
		return now_us - follower->asked_us >= FOLLOWER_ALONE_MS * MS_US;
	int64_t last_us =
		follower->head_us > follower->asked_us ? follower->head_us : follower->asked_us;
	return now_us - last_us >= FOLLOWER_SILENT_S * S_US;
}

/* By the time that the cosigner signed: a checkpoint that is repeated to us does not make the feed go on. And by when we
 * last asked for it: while we were stopped, or busy with the log, it is not the feed that stood still. */
static int judge_age(struct follower *follower)
{
	int64_t age_s = follower->asked_s - follower->signed_s;
	bool is_still = is_too_old(follower, follower->asked_s);
	if (is_still == follower->is_still)
		return RESULT_OK;
	follower->is_still = is_still;
	if (!is_still)
		return follower_note(follower, "the feed goes on");
	return follower_note(follower,
			     "the feed stands still: its checkpoint was signed %" PRId64
			     " s ago, and is renewed every 10 s where all is well",
			     age_s);
}

static int keep(struct follower *follower)
{
	char why[SOURCE_WHY_SIZE];
	follower->source.trust.has_next = true;
	follower->source.trust.next = follower->sure;
	int result = trust_keep(&follower->source.trust, why, sizeof why);
	return result == RESULT_STORE ? follower_trouble(follower, false, why) : result;
}

static int do_what_is_due(struct follower *follower, int64_t now_us)
{
	int result = RESULT_OK;
	follower->is_doubtful |= now_us - follower->renew_us >= FOLLOWER_RENEW_S * S_US;
	bool is_asked = is_due(follower, now_us);
	if (is_asked && follower->is_doubtful)
		result = renew(follower, now_us);
	/* New keys are learned from a checkpoint that bears them. */
	if (is_asked && result == RESULT_OK)
		result = ask(follower, now_us);
	if (result == RESULT_OK)
		result = judge_age(follower);
	if (result == RESULT_OK && now_us - follower->kept_us >= KEEP_S * S_US) {
		follower->kept_us = now_us;
		result = keep(follower);
	}
	return result;
}

static int start_again(struct follower *follower, int64_t now_us)
{
	char why[SOURCE_WHY_SIZE];
	if (now_us < follower->try_us)
		return RESULT_OK;
	int result = start(follower, now_us, why, sizeof why);
	if (result == RESULT_OK || result == RESULT_NOMEM || result == RESULT_TIMEOUT)
		return result;
	follower_back_off(follower, now_us);
	if (result == RESULT_CONFIG || result == RESULT_INVALID)
		return follower_trouble(follower, true, why);
	return result == RESULT_STORE || result == FETCH_ABSENT || result == RESULT_FULL ||
			       result == RESULT_BUSY
		       ? follower_trouble(follower, false, why)
		       : result;
}

int follower_step(struct follower *follower)
{
	int64_t now_us = clock_monotonic_us();
	if (follower->settings.stop && *follower->settings.stop)
		return RESULT_TIMEOUT;
	if (follower_is_done(follower))
		return RESULT_OK;
	if (!follower->is_placed)
		return start_again(follower, now_us);
	int result = RESULT_OK;
	if (follower->is_fresh) {
		const struct log_head first = follower->head;
		follower->is_fresh = false;
		result = follower_take_head(follower, &first, now_us);
	}
	if (result == RESULT_OK && follower->socket)
		result = follower_take_messages(follower, now_us);
	if (result == RESULT_OK && follower->socket)
		result = tell_news(follower, now_us);
	if (result == RESULT_OK && !follower_is_done(follower))
		result = do_what_is_due(follower, now_us);
	return result;
}

void follower_wait(struct follower *follower, long timeout_ms)
{
	if (follower->socket)
		feed_socket_wait(follower->socket, timeout_ms);
	else
		clock_sleep_us(timeout_ms * MS_US);
}

bool follower_is_done(const struct follower *follower)
{
	return follower->is_placed && follower->next >= follower->to;
}

bool follower_is_still(const struct follower *follower)
{
	return follower->is_still;
}

bool follower_was_connected(const struct follower *follower)
{
	return follower->was_connected;
}

bool follower_is_live(const struct follower *follower)
{
	return follower->is_placed && !follower->lacks;
}

bool follower_is_prompt(const struct follower *follower)
{
	return follower_is_live(follower) && follower->told_news == FEED_SOCKET_CONNECTED;
}

uint64_t follower_sure(const struct follower *follower)
{
	return follower->is_placed ? follower->sure : FOLLOWER_NO_INDEX;
}

int64_t follower_signed_s(const struct follower *follower)
{
	return follower->signed_s;
}

const struct source *follower_source(const struct follower *follower)
{
	return &follower->source;
}

/* The root of all that was read. */
static int own_root(const struct tail *tail, struct merkle_hash *root)
{
	struct merkle_range range = tail->range;
	int result = RESULT_OK;
	for (size_t i = 0; i < tail->count && result == RESULT_OK; i++)
		result = merkle_range_append(&range, &tail->since[i]);
	return result == RESULT_OK ? merkle_range_root(&range, root) : result;
}

/* Holds all that was read against a checkpoint, which may speak of more, without reading that. */
static int make_sure(struct follower *follower, const struct log_head *head)
{
	char why[SOURCE_WHY_SIZE];
	struct merkle_range range;
	struct merkle_hash root, own;
	bool is_fork;
	if (head->checkpoint.size < follower->next)
		return RESULT_OK;
	int result = source_turn_to(&follower->source, head, &is_fork, why, sizeof why);
	if (is_fork)
		return follower_wrong(follower, FOLLOWER_NO_INDEX, why);
	if (result == RESULT_OK)
		result = log_reader_range(&follower->source.reader, follower->next, &range);
	if (result != RESULT_OK)
		return RESULT_OK;
	result = merkle_range_root(&range, &root);
	if (result == RESULT_OK)
		result = own_root(&follower->tail, &own);
	if (result != RESULT_OK)
		return result;
	if (!merkle_equal(&root, &own))
		return follower_wrong(follower, FOLLOWER_NO_INDEX,
				      "what came by the socket is not what the log has");
	follower->sure = follower->next;
	return RESULT_OK;
}

static int settle_once(struct follower *follower)
{
	char why[SOURCE_WHY_SIZE];
	struct log_head head;
	int result = source_head(&follower->source, &head, why, sizeof why);
	if (result != RESULT_OK)
		return RESULT_OK;
	return follower->watched ? follower_take_head(follower, &head, clock_monotonic_us())
				 : make_sure(follower, &head);
}

int follower_settle(struct follower *follower)
{
	int64_t end_us = clock_monotonic_us() + FOLLOWER_SETTLE_MS * MS_US;
	volatile const sig_atomic_t *stop = follower->settings.stop;
	int result = RESULT_OK;
	if (!follower->is_placed)
		return RESULT_OK;
	while (result == RESULT_OK && clock_monotonic_us() < end_us && !(stop && *stop) &&
	       (follower->sure < follower->next || follower->proof_count > 0)) {
		result = settle_once(follower);
		if (follower->sure < follower->next || follower->proof_count > 0)
			clock_sleep_us(SETTLE_WAIT_MS * MS_US);
	}
	return result == RESULT_OK ? keep(follower) : result;
}

void follower_close(struct follower **follower)
{
	struct follower *gone = *follower;
	*follower = NULL;
	if (!gone)
		return;
	feed_socket_close(&gone->socket);
	if (gone->is_open)
		source_close(&gone->source);
	backlog_free(&gone->backlog);
	tail_free(&gone->tail);
	watched_free(&gone->watched);
	seen_free(&gone->seen);
	free(gone->proofs);
	free(gone);
}
