#include "subscriber/reconcile.h"

#include "base/clock.h"
#include "publisher/feed_format.h"
#include "subscriber/cursor.h"
#include "subscriber/difference.h"
#include "subscriber/event_word.h"
#include "subscriber/follower.h"
#include "subscriber/own_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MS_US INT64_C(1000)

enum {
	WAIT_MS = 50, /* so that an alarm comes within a second */
	WAIT_DEFAULT_S = 60,
	CURSOR_MS = 1000,
	NAMES_KNOWN = 1 << 16,
};

/* One of the two feeds, or our lines. */
struct run {
	const struct options *options;
	struct options own_options; /* of our own channel: no key of the registry's is good there */
	struct show show;
	struct follower *registry, *own;
	struct own_lines *lines;
	struct ledger *ledger;
	volatile const sig_atomic_t *stop;
	uint64_t differences, wrong;
	bool was_told_delays;
	bool ends; /* nothing is awaited any more: what has no partner gets none */
	uint64_t kept;
	int64_t kept_ms;
	uint64_t names[NAMES_KNOWN]; /* hashes of names that we changed, by their low bits */
};

static int64_t now_ms(void)
{
	return clock_monotonic_us() / MS_US;
}

static int64_t wall_ms(void)
{
	struct clock_reading now;
	clock_read(&now);
	return now.wall_us / MS_US;
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

static void note_name(struct run *run, const char *name)
{
	uint64_t hash = hash_of(name);
	run->names[hash % NAMES_KNOWN] = hash;
}

static bool knows_name(const struct run *run, const char *name)
{
	uint64_t hash = hash_of(name);
	return run->names[hash % NAMES_KNOWN] == hash;
}

static bool is_wanted(const struct run *run, unsigned actions)
{
	return run->options->all || (actions & ACTION_LOCKS);
}

/* Does it lie in the span that was asked for? What has no time does. */
static bool is_within(const struct run *run, int64_t time_ms)
{
	const struct option_place *from = &run->options->from, *to = &run->options->to;
	if (time_ms == 0)
		return true;
	return (from->kind != PLACE_TIME || time_ms >= from->time_ms) &&
	       (to->kind != PLACE_TIME || time_ms <= to->time_ms);
}

static int show_difference(struct run *run, enum difference_kind kind,
			   const struct ledger_word *own, const struct ledger_word *feed,
			   unsigned parts, const char *registrar)
{
	const struct difference difference = {
		.kind = kind, .own = own, .feed = feed, .parts = parts, .registrar = registrar};
	run->differences += difference_counts(kind);
	return difference_show(run->show.out, run->show.json, run->show.color, &difference);
}

/* On a channel with delays creates and deletes come when they come; on one that tells a part, some never. */
static bool may_be_missing(struct run *run, const struct ledger_word *own, int *result)
{
	const struct channel *channel = &follower_source(run->registry)->channel;
	bool is_late = channel->delays && (own->actions & (ACTION_CREATE | ACTION_DELETE));
	*result = RESULT_OK;
	if (!is_late && !channel->is_limited)
		return true;
	if (!run->was_told_delays)
		*result = show_note(&run->show,
				    "the channel %s: what we miss there need not be missing, and "
				    "is not told",
				    is_late ? "delays creates and deletes" : "tells only a part");
	run->was_told_delays = true;
	return false;
}

static int on_difference(void *context, enum ledger_difference what, const struct ledger_word *own,
			 const struct ledger_word *feed, unsigned parts)
{
	static const enum difference_kind kinds[LEDGER_COUNT_OF_DIFFERENCES] = {
		[LEDGER_NOT_OURS] = DIFFERENCE_NOT_OURS,
		[LEDGER_MISSING] = DIFFERENCE_MISSING,
		[LEDGER_CHANGED] = DIFFERENCE_CHANGED,
		[LEDGER_OURS_AFTER_ALL] = DIFFERENCE_OURS_AFTER_ALL,
		[LEDGER_CAME_AFTER_ALL] = DIFFERENCE_CAME_AFTER_ALL,
	};
	struct run *run = context;
	int result;
	if (what == LEDGER_MISSING && !may_be_missing(run, own, &result))
		return result;
	return show_difference(run, kinds[what], own, feed, parts,
			       run->options->registrars.items[0]);
}

static bool is_ours(const struct run *run, const char *registrar)
{
	const struct option_list *ours = &run->options->registrars;
	for (size_t i = 0; registrar && i < ours->count; i++) {
		if (strcmp(ours->items[i], registrar) == 0)
			return true;
	}
	return false;
}

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The tap's own: a gap may be about a change of ours. */
static int take_gap(struct run *run, const struct event *event)
{
	const char *registrar = text_member(event->what, "registrar");
	const char *reason = text_member(event->what, "reason");
	if (strcmp(event->kind, FEED_GAP_EVENT) != 0 || (registrar && !is_ours(run, registrar)))
		return RESULT_OK;
	if (event->txn && ledger_lost(run->ledger, event->txn)) {
		struct ledger_word word = {.index = event->index, .time_ms = event->toe_ms};
		snprintf(word.txn, sizeof word.txn, "%s", event->txn);
		snprintf(word.name, sizeof word.name, "the name");
		return show_difference(run, DIFFERENCE_LOST, NULL, &word, 0,
				       run->options->registrars.items[0]);
	}
	return show_note(&run->show,
			 "index %" PRIu64 ": the feed tells of a gap (%.32s): changes of ours may "
			 "be among what was lost",
			 event->index, reason ? reason : "no reason");
}

/* Another registrar's command that is about a name of ours. */
static int take_others(struct run *run, const struct event *event, const struct ledger_word *word)
{
	const json_t *transfer = json_object_get(event->what, "transfer");
	const char *other = text_member(event->what, "registrar");
	if (!run->options->all || !is_ours(run, text_member(transfer, "losing")))
		return RESULT_OK;
	return show_difference(run, DIFFERENCE_BY_ANOTHER, NULL, word, 0,
			       other ? other : "Somebody");
}

static int on_registry_event(void *context, const struct event *event)
{
	struct run *run = context;
	struct ledger_word word;
	const char *initiator = text_member(event->what, "initiator");
	const char *registrar = text_member(event->what, "registrar");
	if (event->own)
		return take_gap(run, event);
	if (!is_within(run, event->toe_ms) || (event->class && run->lines))
		return RESULT_OK; /* lines know no sets */
	int result = event_word_make(event, &word);
	if (result != RESULT_OK)
		return result;
	bool by_registry = initiator && strcmp(initiator, "registry") == 0;
	if (by_registry && (is_ours(run, registrar) || (!registrar && knows_name(run, word.name))))
		return is_wanted(run, word.actions) ? show_difference(run, DIFFERENCE_BY_REGISTRY,
								      NULL, &word, 0, registrar)
						    : RESULT_OK;
	if (by_registry || !is_ours(run, registrar))
		return take_others(run, event, &word);
	note_name(run, word.name);
	return ledger_feed(run->ledger, &word, now_ms());
}

static int take_own(struct run *run, const struct ledger_word *word)
{
	if (!is_within(run, word->time_ms))
		return RESULT_OK;
	note_name(run, word->name);
	return ledger_own(run->ledger, word, now_ms());
}

static int on_own_word(void *context, const struct ledger_word *word)
{
	return take_own(context, word);
}

static int on_own_event(void *context, const struct event *event)
{
	struct ledger_word word;
	if (event->own)
		return RESULT_OK;
	int result = event_word_make(event, &word);
	/* What has no txn can't be told from what else is like it. */
	return result == RESULT_OK && *word.txn ? take_own(context, &word) : result;
}

static int on_wrong(void *context, uint64_t index, const char *what)
{
	struct run *run = context;
	run->wrong++;
	return show_wrong(&run->show, index == FOLLOWER_NO_INDEX ? NULL : &index, what);
}

static int on_own_wrong(void *context, const char *what)
{
	return on_wrong(context, FOLLOWER_NO_INDEX, what);
}

static int on_note(void *context, const char *what)
{
	struct run *run = context;
	return show_note(&run->show, "%s", what);
}

static bool is_live_only(const struct options *options)
{
	return options->from.kind == PLACE_NONE || options->from.kind == PLACE_END;
}

static bool is_channel(const char *own)
{
	struct stat found;
	return strstr(own, "://") || (stat(own, &found) == 0 && S_ISDIR(found.st_mode));
}

static int open_own(struct run *run, char *why, size_t why_size)
{
	bool from_end = is_live_only(run->options) && run->options->to.kind == PLACE_NONE &&
			!run->options->cursor;
	if (!is_channel(run->options->own))
		return own_lines_open(run->options->own, from_end, &run->lines, why, why_size);
	run->own_options = *run->options;
	run->own_options.keys = (struct option_list){0};
	run->own_options.connect = run->own_options.jwks = NULL;
	const struct follower_settings settings = {
		.address = run->options->own,
		.options = &run->own_options,
		.from.kind = from_end ? PLACE_END : PLACE_START,
		.stop = run->stop,
		.listener = {.event = on_own_event,
			     .wrong = on_wrong,
			     .note = on_note,
			     .context = run},
	};
	return follower_open(&settings, &run->own, why, why_size);
}

/* A time that is to come is waited for; one that is past ends with what there is now. */
static struct option_place to_of(const struct options *options)
{
	struct option_place to = options->to;
	if (to.kind == PLACE_TIME)
		to.kind = to.time_ms > wall_ms() ? PLACE_NONE : PLACE_END;
	return to;
}

static int open_registry(struct run *run, char *why, size_t why_size)
{
	bool is_there = false;
	struct follower_settings settings = {
		.address = run->options->address,
		.options = run->options,
		.from = run->options->from,
		.to = to_of(run->options),
		.stop = run->stop,
		.listener = {.event = on_registry_event,
			     .wrong = on_wrong,
			     .note = on_note,
			     .context = run},
	};
	int result = RESULT_OK;
	if (run->options->cursor)
		result = cursor_read(run->options->cursor, &is_there, &settings.from.index, why,
				     why_size);
	if (is_there)
		settings.from.kind = PLACE_INDEX;
	return result == RESULT_OK ? follower_open(&settings, &run->registry, why, why_size)
				   : result;
}

static int open_all(struct run *run, char *why, size_t why_size)
{
	const struct options *options = run->options;
	uint64_t wait_s = options->wait_s ? options->wait_s : WAIT_DEFAULT_S;
	const struct ledger_settings settings = {
		.all = options->all,
		.wait_ms = (int64_t)wait_s * 1000,
		.begins_within = options->from.kind == PLACE_INDEX ||
				 options->from.kind == PLACE_LAST || options->cursor,
		.tell = on_difference,
		.context = run};
	int result = ledger_new(&settings, &run->ledger);
	if (result == RESULT_OK)
		result = open_own(run, why, why_size);
	return result == RESULT_OK ? open_registry(run, why, why_size) : result;
}

static int read_own(struct run *run)
{
	const struct own_listener listener = {
		.word = on_own_word, .wrong = on_own_wrong, .context = run};
	if (run->own)
		return follower_step(run->own);
	return run->ends ? own_lines_end(run->lines, &listener)
			 : own_lines_read(run->lines, &listener);
}

static struct ledger_state state_of(const struct run *run)
{
	return (struct ledger_state){
		.now_ms = now_ms(),
		.own_is_live = !run->own || follower_is_prompt(run->own),
		.feed_is_live = follower_is_live(run->registry),
		.feed_until_ms = follower_signed_s(run->registry) * 1000,
	};
}

/* The span is over, on both sides. */
static bool is_over(const struct run *run)
{
	const struct option_place *to = &run->options->to;
	bool is_past = to->kind == PLACE_TIME && wall_ms() > to->time_ms + WAIT_DEFAULT_S * 1000;
	if (!follower_is_done(run->registry) && !is_past)
		return false;
	return !run->own || follower_is_live(run->own);
}

static int keep_cursor(struct run *run, bool now)
{
	char why[SOURCE_WHY_SIZE];
	uint64_t sure = follower_sure(run->registry);
	if (!run->options->cursor || sure == FOLLOWER_NO_INDEX || sure == run->kept ||
	    (!now && now_ms() - run->kept_ms < CURSOR_MS))
		return RESULT_OK;
	run->kept = sure;
	run->kept_ms = now_ms();
	if (cursor_write(run->options->cursor, sure, why, sizeof why) == RESULT_OK)
		return RESULT_OK;
	return show_note(&run->show, "%s", why);
}

static int step(struct run *run)
{
	int result = read_own(run);
	if (result == RESULT_OK)
		result = follower_step(run->registry);
	/* Again, so that what we wrote down while the registry's was read is known. */
	if (result == RESULT_OK)
		result = read_own(run);
	const struct ledger_state state = state_of(run);
	if (result == RESULT_OK)
		result = ledger_judge(run->ledger, &state);
	return result == RESULT_OK ? keep_cursor(run, false) : result;
}

/* RESULT_BUSY: the span is over; RESULT_TIMEOUT: the time is; RESULT_OK: stopped; or why it can't go on. */
static int loop(struct run *run)
{
	int64_t end_ms = now_ms() + (int64_t)run->options->timeout_s * 1000;
	while (!*run->stop) {
		int result = step(run);
		if (result != RESULT_OK)
			return *run->stop ? RESULT_OK : result;
		if (is_over(run))
			return RESULT_BUSY;
		if (run->options->timeout_s > 0 && now_ms() >= end_ms)
			return RESULT_TIMEOUT;
		follower_wait(run->registry, WAIT_MS);
	}
	return RESULT_OK;
}

static int end_span(struct run *run)
{
	run->ends = true;
	int result = read_own(run);
	const struct ledger_state state = state_of(run);
	return result == RESULT_OK ? ledger_end(run->ledger, &state) : result;
}

static int end_well(struct run *run, int result)
{
	int ended = result == RESULT_BUSY ? end_span(run) : RESULT_OK;
	if (ended == RESULT_OK)
		ended = follower_settle(run->registry);
	if (ended == RESULT_OK && run->own)
		ended = follower_settle(run->own);
	if (ended == RESULT_OK)
		ended = keep_cursor(run, true);
	if (ended == RESULT_OK)
		ended = show_note(&run->show,
				  "%" PRIu64 " changes agree, %" PRIu64 " differences, %" PRIu64
				  " things not verified%s",
				  ledger_agreed(run->ledger), run->differences, run->wrong,
				  follower_is_still(run->registry) ? "; the feed stands still"
								   : "");
	return ended == RESULT_OK ? result : ended;
}

static enum watch_exit exit_of(const struct run *run, int result)
{
	if (result == RESULT_STORE || result == RESULT_NOMEM) {
		(void)!show_note(&run->show, "%s",
				 result == RESULT_STORE ? strerror(errno) : result_text(result));
		return WATCH_WRONG;
	}
	if (run->differences + run->wrong > 0 || result == RESULT_INVALID)
		return WATCH_WRONG;
	if (follower_is_still(run->registry))
		return WATCH_STILL;
	return result == RESULT_TIMEOUT && !follower_was_connected(run->registry) ? WATCH_TIMEOUT
										  : WATCH_DONE;
}

enum watch_exit reconcile_run(const struct options *options, struct show show,
			      volatile const sig_atomic_t *stop)
{
	char why[SOURCE_WHY_SIZE] = "out of memory";
	enum watch_exit end = WATCH_WRONG;
	struct run *run = calloc(1, sizeof *run);
	show.channel = "-";
	if (!run) {
		(void)!show_note(&show, "%s", why);
		return end;
	}
	run->options = options;
	run->show = show;
	run->stop = stop;
	run->kept = FOLLOWER_NO_INDEX;
	int result = open_all(run, why, sizeof why);
	if (result != RESULT_OK) {
		(void)!show_note(&show, "%s", why);
		end = result == RESULT_CONFIG ? WATCH_USAGE : WATCH_WRONG;
	} else {
		result = loop(run);
		if (result == RESULT_BUSY || result == RESULT_OK || result == RESULT_TIMEOUT)
			result = end_well(run, result);
		end = exit_of(run, result);
	}
	follower_close(&run->registry);
	follower_close(&run->own);
	own_lines_close(&run->lines);
	ledger_free(&run->ledger);
	free(run);
	return end;
}
