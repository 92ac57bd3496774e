/* ctl_feed_dump.c - epptapctl feed-dump: each channel's order as the feed store has it, read only */
#include "publisher/ctl.h"

#include "publisher/ctl_lines.h"
#include "publisher/feed_store.h"
#include "publisher/hold.h"
#include "publisher/json.h"

#include <string.h>

/* One channel's, and how far it was read. */
struct dump {
	const char *channel;
	uint64_t index;           /* of the next place */
	struct hold_waiting held; /* the last one */
};

/* The claims, as they were signed: the JWS's second part. */
static int append_claims(const struct feed_event *event, struct buffer *line)
{
	const char *first = memchr(event->jws, '.', event->jws_size);
	const char *claims = first ? first + 1 : event->jws;
	const char *end = memchr(claims, '.', event->jws_size - (size_t)(claims - event->jws));
	if (!first || !end)
		return RESULT_STORE;
	buffer_append_text(line, ",\"event\":");
	return feed_base64url_decode(claims, (size_t)(end - claims), line);
}

static int append_event(struct feed_txn *txn, uint64_t number, struct buffer *lines)
{
	struct feed_event event;
	struct json json = {.into = lines, .comma = true};
	int result = feed_txn_event(txn, number, &event);
	if (result == RESULT_OK)
		result = append_claims(&event, lines);
	if (result != RESULT_OK)
		return RESULT_STORE;
	json_put_bytes(&json, "jws", event.jws, event.jws_size);
	json_close_object(&json);
	buffer_append_byte(lines, '\n');
	return lines->failed ? RESULT_FULL : RESULT_OK;
}

static struct json begin_line(const struct dump *dump, struct buffer *lines)
{
	struct json json = {.into = lines};
	json_open_object(&json, NULL);
	json_put_text(&json, "channel", dump->channel);
	return json;
}

static int append_placed(struct dump *dump, struct feed_txn *txn,
			 const struct channel_record *record, struct buffer *lines)
{
	uint64_t number;
	int result = feed_txn_placed(txn, record, dump->index, &number);
	if (result == RESULT_OK) {
		struct json json = begin_line(dump, lines);
		json_put_number(&json, "index", (int64_t)dump->index);
		result = append_event(txn, number, lines);
	}
	dump->index++;
	return result == RESULT_INVALID ? RESULT_OK : result; /* past the retention */
}

static int append_held(struct dump *dump, struct feed_txn *txn, int64_t now_ms,
		       struct buffer *lines)
{
	const struct hold_waiting *held = &dump->held;
	struct json json = begin_line(dump, lines);
	buffer_append_text(lines, ",\"index\":null");
	json_put_text(&json, "held", held->kind == HOLD_DELETE ? "delete" : "create");
	json_put_number(&json, "release_in_ms", held->due_ms > now_ms ? held->due_ms - now_ms : 0);
	return append_event(txn, held->number, lines);
}

/* Now, on the feed's time line. */
static int feed_now(struct feed_txn *txn, int64_t *now_ms)
{
	struct feed_clock clock;
	struct clock_reading now;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	int result = feed_txn_clock(txn, &clock);
	clock_read(&now);
	clock_boot_id(boot_id);
	*now_ms = feed_clock_advance(&clock, &now, boot_id);
	return result;
}

/* Places first, also those that were taken since the last piece: so an event that was held then is not missed. */
static int gather(void *context, struct feed_txn *txn, struct buffer *lines)
{
	struct dump *dump = context;
	struct channel_record record;
	int64_t now_ms = 0;
	int result = feed_txn_channel(txn, dump->channel, false, &record);
	if (result == RESULT_OK)
		result = feed_now(txn, &now_ms);
	while (result == RESULT_OK && dump->index < record.next_index && !ctl_lines_full(lines))
		result = append_placed(dump, txn, &record, lines);
	while (result == RESULT_OK && !ctl_lines_full(lines)) {
		result = hold_next(txn, &record, &dump->held);
		if (result == RESULT_OK)
			result = append_held(dump, txn, now_ms, lines);
	}
	return result;
}

static int show_all(struct feed_store *store, const struct config *config, const char *only)
{
	int status = CTL_OK;
	bool any = false;
	for (size_t i = 0; i < config->channel_count && status == CTL_OK; i++) {
		struct dump dump = {.channel = config->channels[i].name};
		if (only && strcmp(only, dump.channel) != 0)
			continue;
		any = true;
		status = ctl_lines_print(store, gather, &dump);
	}
	return any ? status : ctl_fail("%s: there is no channel of that name", config->path);
}

int ctl_feed_dump(int argc, char **argv)
{
	char why[1024];
	struct feed_store *store = NULL;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	int status;
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		status = ctl_fail("%s", why);
	else
		status = show_all(store, config, argc > 1 ? argv[1] : NULL);
	feed_store_close(&store);
	config_free(&config);
	return status;
}
