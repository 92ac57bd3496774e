/* ctl_feed_dump.c - epptapctl feed-dump: each channel's order as the feed store has it, read only */
#include "publisher/ctl.h"

#include "publisher/feed_store.h"
#include "publisher/hold.h"
#include "publisher/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20 };

struct dump {
	struct feed_txn txn;
	const char *channel;
	int64_t now_ms; /* on the feed's time line */
	struct buffer line;
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

static int show_event(struct dump *dump, uint64_t number)
{
	struct feed_event event;
	struct json json = {.into = &dump->line, .comma = true};
	int result = feed_txn_event(&dump->txn, number, &event);
	if (result == RESULT_OK)
		result = append_claims(&event, &dump->line);
	if (result != RESULT_OK)
		return result;
	json_put_bytes(&json, "jws", event.jws, event.jws_size);
	json_close_object(&json);
	buffer_append_byte(&dump->line, '\n');
	if (dump->line.failed)
		return RESULT_FULL;
	fwrite(dump->line.data, 1, dump->line.size, stdout);
	return RESULT_OK;
}

static struct json begin_line(struct dump *dump)
{
	struct json json = {.into = &dump->line};
	buffer_reset(&dump->line);
	json_open_object(&json, NULL);
	json_put_text(&json, "channel", dump->channel);
	return json;
}

static int show_held(void *context, uint64_t number, enum hold_kind kind, int64_t due_ms)
{
	struct dump *dump = context;
	struct json json = begin_line(dump);
	buffer_append_text(&dump->line, ",\"index\":null");
	json_put_text(&json, "held", kind == HOLD_DELETE ? "delete" : "create");
	json_put_number(&json, "release_in_ms", due_ms > dump->now_ms ? due_ms - dump->now_ms : 0);
	return show_event(dump, number);
}

static int show_channel(struct dump *dump, const struct config_channel *channel)
{
	struct channel_record record;
	int result = feed_txn_channel(&dump->txn, channel->name, false, &record);
	dump->channel = channel->name;
	if (result != RESULT_OK)
		return result == RESULT_INVALID ? RESULT_OK : result;
	for (uint64_t index = 0; index < record.next_index && result == RESULT_OK; index++) {
		uint64_t number;
		result = feed_txn_placed(&dump->txn, &record, index, &number);
		if (result == RESULT_INVALID) {
			result = RESULT_OK; /* past the retention */
			continue;
		}
		struct json json = begin_line(dump);
		json_put_number(&json, "index", (int64_t)index);
		if (result == RESULT_OK)
			result = show_event(dump, number);
	}
	if (result == RESULT_OK)
		result = hold_each(&dump->txn, &record, show_held, dump);
	return result;
}

static int show_all(struct dump *dump, const struct config *config, const char *only)
{
	struct feed_clock clock;
	struct clock_reading now;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	bool any = false;
	int result = feed_txn_clock(&dump->txn, &clock);
	clock_read(&now);
	clock_boot_id(boot_id);
	dump->now_ms = feed_clock_advance(&clock, &now, boot_id);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++) {
		if (only && strcmp(only, config->channels[i].name) != 0)
			continue;
		any = true;
		result = show_channel(dump, &config->channels[i]);
	}
	if (result != RESULT_OK)
		return ctl_fail("the feed store can't be read further: it is damaged");
	return any ? CTL_OK : ctl_fail("%s: there is no channel of that name", config->path);
}

int ctl_feed_dump(int argc, char **argv)
{
	char why[1024];
	struct dump dump = {0};
	struct feed_store *store = NULL;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	buffer_init(&dump.line, LINE_MAX_BYTES);
	int status;
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		status = ctl_fail("%s", why);
	else if (feed_txn_begin(store, true, &dump.txn) != RESULT_OK)
		status = ctl_fail("the feed store can't be read now");
	else
		status = show_all(&dump, config, argc > 1 ? argv[1] : NULL);
	feed_txn_abort(&dump.txn);
	feed_store_close(&store);
	buffer_free(&dump.line);
	config_free(&config);
	return status;
}
