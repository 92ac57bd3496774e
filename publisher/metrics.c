#include "publisher/metrics.h"

#include "base/file.h"
#include "base/log.h"
#include "publisher/tallies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	TEXT_MAX = 1 << 20,
	SAMPLES_MAX = 128, /* of one metric */
	WORD_MAX = 32,     /* characters of a label's value */
	COMPLAINT_US = 600 * 1000000,
};

/* A row's number stands at `path`, whose parts are members of objects; "*" is each member, whose name is the value of
 * the row's label. */
struct row {
	const char *path, *name;
	enum { COUNTER, GAUGE, WORD, STATE } type; /* WORD: a text, told as a label of 1 */
	int per; /* how many of it make one of the metric's unit */
	const char *label;
	const char *help;
};

enum { ONE = 1, MILLI = 1000 };

/* clang-format off */
static const struct row rows[] = {
	{"now_ms", "epptap_last_write_timestamp_seconds", GAUGE, MILLI, NULL,
	 "When this file was written, by the wall clock: if it is long ago, no publisher lives."},
	{"publisher.version", "epptap_build_info", WORD, ONE, "version",
	 "The publisher's version."},
	{"publisher.state", "epptap_publisher_state", STATE, ONE, "state",
	 "1 for what the publisher does now; anything but publishing lets changes wait in the spool."},

	/* front ends: all processes, and those that have ended */
	{"taps", "epptap_taps", GAUGE, ONE, NULL,
	 "Front-end processes that have the tap open, or had it and left changes."},
	{"taps_unread", "epptap_taps_unread", GAUGE, ONE, NULL,
	 "Of these, the ones whose counters could not be read, and are missing here."},
	{"sum.skipped", "epptap_calls_skipped_total", COUNTER, ONE, NULL,
	 "Commands that the scan saw to be no change."},
	{"sum.accepted", "epptap_calls_accepted_total", COUNTER, ONE, NULL,
	 "Commands that may be a change, copied into the queue."},
	{"sum.nothing", "epptap_calls_no_change_total", COUNTER, ONE, NULL,
	 "Commands that were read and are no change."},
	{"sum.changes", "epptap_changes_read_total", COUNTER, ONE, NULL,
	 "Changes read from commands."},
	{"sum.spooled", "epptap_changes_spooled_total", COUNTER, ONE, NULL,
	 "Changes made durable."},
	{"sum.lost.*", "epptap_lost_total", COUNTER, ONE, "reason",
	 "Commands that were lost, each maybe a change that the feed does not tell."},
	{"sum.unreadable.*", "epptap_unreadable_total", COUNTER, ONE, "reason",
	 "Commands or responses that could not be read."},
	{"sum.intents.*", "epptap_intents_total", COUNTER, ONE, "fate",
	 "Commands told of before they were carried out, and how they ended."},
	{"sum.statuses_unknown", "epptap_statuses_unknown_total", COUNTER, ONE, NULL,
	 "Statuses in changes that have no name in RDAP, told as other."},
	{"sum.registrars_left_out", "epptap_registrars_left_out_total", COUNTER, ONE, NULL,
	 "Changes without their registrar, whose id may be a person's address or is no token."},
	{"sum.sync_failures", "epptap_spool_write_failures_total", COUNTER, ONE, NULL,
	 "Times that the spool could not be written; it is tried again."},
	{"sum.streams_resynchronised", "epptap_streams_resynchronised_total", COUNTER, ONE, NULL,
	 "Times that a raw stream's commands and answers bore different clTRIDs."},
	{"sum.stream_frames_skipped", "epptap_stream_frames_skipped_total", COUNTER, ONE, NULL,
	 "Frames of raw streams that were over the limit, or found no room."},
	{"sum.streams.open", "epptap_streams_open", GAUGE, ONE, NULL,
	 "Raw streams, one for each tapped connection."},
	{"sum.streams.used_bytes", "epptap_streams_used_bytes", GAUGE, ONE, NULL,
	 "Bytes that raw streams hold."},
	{"sum.queue.used_bytes", "epptap_queue_used_bytes", GAUGE, ONE, NULL,
	 "Bytes of commands in all front ends' queues."},
	{"sum.queue.size_bytes", "epptap_queue_size_bytes", GAUGE, ONE, NULL,
	 "Size of all front ends' queues."},
	{"fullest_queue_permille", "epptap_queue_fullest_ratio", GAUGE, MILLI, NULL,
	 "How full the fullest front end's queue is; 1 is full, and what comes then is lost."},

	/* the spool */
	{"publisher.spool.bytes", "epptap_spool_bytes", GAUGE, ONE, NULL,
	 "Bytes of the spool's files."},
	{"publisher.spool.waiting_bytes", "epptap_spool_waiting_bytes", GAUGE, ONE, NULL,
	 "Bytes of the spool that are not published yet."},
	{"publisher.spool.limit_bytes", "epptap_spool_limit_bytes", GAUGE, ONE, NULL,
	 "The config's spool.limit."},
	{"publisher.spool.segments", "epptap_spool_segments", GAUGE, ONE, NULL,
	 "Files of the spool."},
	{"publisher.spool.bad_files", "epptap_spool_bad_files", GAUGE, ONE, NULL,
	 "Files in the spool's folder that were set aside as damaged."},
	{"publisher.spool.disk_free_bytes", "epptap_disk_free_bytes", GAUGE, ONE, NULL,
	 "Bytes that are free on the disk of state_dir; without any, counters stand still."},
	{"publisher.lag_ms", "epptap_lag_seconds", GAUGE, MILLI, NULL,
	 "Age of the oldest change that is not published yet; 0 if there is none."},

	/* the feed */
	{"publisher.last_commit_ms_ago", "epptap_last_commit_age_seconds", GAUGE, MILLI, NULL,
	 "Time since the last commit to the feed store; without changes there is none."},
	{"publisher.published", "epptap_events_published_total", COUNTER, ONE, NULL,
	 "Events committed to the feed store."},
	{"publisher.placed", "epptap_events_placed_total", COUNTER, ONE, NULL,
	 "Places that events were given, over all channels."},
	{"publisher.truncated", "epptap_events_truncated_total", COUNTER, ONE, NULL,
	 "Events too large for their lists, told with counts."},
	{"publisher.late", "epptap_events_late_total", COUNTER, ONE, NULL,
	 "Events that came too late for their place among those of other processes."},
	{"publisher.gaps", "epptap_gaps_published_total", COUNTER, ONE, NULL,
	 "Gap events: what was lost, told in the feed."},
	{"publisher.outside_zones", "epptap_changes_outside_zones_total", COUNTER, ONE, NULL,
	 "Changes of names that lie in none of the config's zones."},
	{"publisher.unwanted", "epptap_changes_unwanted_total", COUNTER, ONE, NULL,
	 "Changes that no channel takes."},
	{"publisher.repeats", "epptap_messages_repeated_total", COUNTER, ONE, NULL,
	 "Messages to registrars whose news was told already, by the same or by another one."},
	{"publisher.invalid_names", "epptap_changes_invalid_names_total", COUNTER, ONE, NULL,
	 "Changes with a name that makes no A-labels; told as gaps."},
	{"publisher.damaged_records", "epptap_spool_records_damaged_total", COUNTER, ONE, NULL,
	 "Damaged places of the spool that were passed over."},
	{"publisher.undecodable_records", "epptap_spool_records_undecodable_total", COUNTER, ONE, NULL,
	 "Records of the spool that hold no change of this version."},
	{"publisher.signing_failures", "epptap_signing_failures_total", COUNTER, ONE, NULL,
	 "Times that events could not be signed; it is tried again."},
	{"publisher.store_failures", "epptap_store_failures_total", COUNTER, ONE, NULL,
	 "Commits to the feed store that failed; they are tried again."},
	{"publisher.quarantined", "epptap_quarantined_events", GAUGE, ONE, NULL,
	 "Changes set aside since no event could be made of them."},
	{"publisher.open_intents", "epptap_open_intents", GAUGE, ONE, NULL,
	 "Commands that were begun and have no end yet."},
	{"publisher.store.used_bytes", "epptap_store_used_bytes", GAUGE, ONE, NULL,
	 "Bytes of the feed store in use."},
	{"publisher.store.limit_bytes", "epptap_store_limit_bytes", GAUGE, ONE, NULL,
	 "The config's store.limit."},

	/* channels */
	{"publisher.channels.*.events", "epptap_channel_events_total", COUNTER, ONE, "channel",
	 "Places taken in the channel, since its beginning."},
	{"publisher.channels.*.held", "epptap_channel_held_events", GAUGE, ONE, "channel",
	 "Events that wait for their delay."},
	{"publisher.channels.*.next_due_ms", "epptap_channel_next_due_seconds", GAUGE, MILLI, "channel",
	 "Time until the next held event is due; below 0 it should be out."},
	{"publisher.dropped.*", "epptap_channel_dropped_total", COUNTER, ONE, "channel",
	 "Live messages that were not sent, since the sender was behind; the log has them."},
	{"publisher.channels.*.checkpoint_age_ms", "epptap_channel_checkpoint_age_seconds", GAUGE,
	 MILLI, "channel", "Time since the last checkpoint of the channel's log was written."},
	{"publisher.channels.*.log_size", "epptap_channel_log_size", GAUGE, ONE, "channel",
	 "Entries of the channel's log, as last signed."},
	{"publisher.channels.*.log_backlog", "epptap_channel_log_backlog_events", GAUGE, ONE, "channel",
	 "Places taken in the channel that its log has not signed yet."},
	{"publisher.log_failures.*", "epptap_channel_log_failures_total", COUNTER, ONE, "channel",
	 "Times that the channel's log could not be written or signed; it is tried again."},
	{"publisher.senders.*.restarts", "epptap_sender_restarts_total", COUNTER, ONE, "channel",
	 "Times that epptapd had to start the channel's sender again."},
	{"publisher.restarts", "epptap_publisher_restarts_total", COUNTER, ONE, NULL,
	 "Times that epptapd had to start the publisher again."},
	{"publisher.door.connected", "epptap_door_connections", GAUGE, ONE, NULL,
	 "Connections that are open now, on all channels."},
	{"publisher.door.cut_off", "epptap_door_cut_off_total", COUNTER, ONE, NULL,
	 "Times that a channel had all connections that it may have, and cut all of them off."},
	{"publisher.door.admitted", "epptap_door_admitted_total", COUNTER, ONE, NULL,
	 "Clients let in by their CURVE key."},
	{"publisher.door.refused.*", "epptap_door_refused_total", COUNTER, ONE, "reason",
	 "Clients turned away from a channel, and connections that became none."},
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof *rows };

/* A text that may be a label's value. The files are our own; yet what is printed must be sound, whatever they hold. */
static bool is_word(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";
	size_t size = strspn(text, allowed);
	return size > 0 && size <= WORD_MAX && text[size] == '\0';
}

/* The member that a path leads to, from its first `size` bytes. NULL: there is none. */
static const json_t *member_at(const json_t *from, const char *path, size_t size)
{
	while (from && size > 0) {
		const char *dot = memchr(path, '.', size);
		size_t part = dot ? (size_t)(dot - path) : size;
		from = json_object_getn(from, path, part);
		path += dot ? part + 1 : part;
		size -= dot ? part + 1 : part;
	}
	return from;
}

/* No printf of floating point: the front end's locale may have a comma. */
static void put_number(struct buffer *text, json_int_t number, int per)
{
	if (per == ONE) {
		buffer_printf(text, " %" JSON_INTEGER_FORMAT "\n", number);
		return;
	}
	json_int_t whole = number / MILLI, rest = number % MILLI;
	buffer_printf(text, " %s%" JSON_INTEGER_FORMAT ".%03d\n", number < 0 ? "-" : "",
		      whole < 0 ? -whole : whole, (int)(rest < 0 ? -rest : rest));
}

static void put_sample(struct buffer *text, const struct row *row, const char *label_value,
		       json_int_t number)
{
	buffer_append_text(text, row->name);
	if (label_value)
		buffer_printf(text, "{%s=\"%s\"}", row->label, label_value);
	put_number(text, number, row->per);
}

/* One sample for each member that "*" stands for. */
static void put_members(struct buffer *text, const struct row *row, const json_t *gathered)
{
	const char *star = strchr(row->path, '*'), *name;
	const char *rest = star[1] ? star + 2 : "";
	const json_t *group = member_at(gathered, row->path, (size_t)(star - row->path) - 1);
	json_t *member;
	int count = 0;
	json_object_foreach((json_t *)(uintptr_t)group, name, member)
	{
		const json_t *value = member_at(member, rest, strlen(rest));
		if (json_is_integer(value) && is_word(name) && count++ < SAMPLES_MAX)
			put_sample(text, row, name, json_integer_value(value));
	}
}

/* All states, so that an alert on one finds a series. */
static void put_states(struct buffer *text, const struct row *row, const char *now)
{
	bool told = false;
	for (int i = 0; i < PUBLISHER_STATES; i++) {
		bool is = strcmp(publisher_state_names[i], now) == 0;
		told |= is;
		put_sample(text, row, publisher_state_names[i], is);
	}
	if (!told && is_word(now))
		put_sample(text, row, now, 1);
}

static void put_samples(struct buffer *text, const struct row *row, const json_t *gathered)
{
	if (strchr(row->path, '*')) {
		put_members(text, row, gathered);
		return;
	}
	const json_t *value = member_at(gathered, row->path, strlen(row->path));
	const char *word = json_string_value(value);
	bool is_text = row->type == STATE || row->type == WORD;
	if (!is_text && json_is_integer(value))
		put_sample(text, row, NULL, json_integer_value(value));
	else if (row->type == STATE && word)
		put_states(text, row, word);
	else if (row->type == WORD && word && is_word(word))
		put_sample(text, row, word, 1);
}

void metrics_print(const json_t *gathered, struct buffer *text)
{
	for (int i = 0; i < ROWS; i++) {
		size_t before = text->size;
		buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help,
			      rows[i].name, rows[i].type == COUNTER ? "counter" : "gauge");
		size_t head = text->size;
		put_samples(text, &rows[i], gathered);
		if (text->size == head)
			text->size = before; /* a metric without samples is not told of */
	}
}

static void complain(struct metrics_file *file, int error, const struct clock_reading *now)
{
	if (file->complained_us && now->monotonic_us - file->complained_us < COMPLAINT_US)
		return;
	file->complained_us = now->monotonic_us;
	log_warning("metrics %s: %s; its folder must be there, and one that this user can write. "
		    "The feed goes on",
		    file->path, strerror(error));
}

void metrics_write(struct metrics_file *file, const json_t *gathered,
		   const struct clock_reading *now)
{
	struct buffer text;
	if (!file->path || !gathered)
		return;
	buffer_init(&text, TEXT_MAX);
	metrics_print(gathered, &text);
	if (!text.failed &&
	    file_replace(file->path, text.data, text.size, 0644, false) != RESULT_OK)
		complain(file, errno, now);
	buffer_free(&text);
}
