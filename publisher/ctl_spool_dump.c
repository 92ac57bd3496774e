/* ctl_spool_dump.c - epptapctl spool-dump: what stands in the spool, read only */
#include "publisher/ctl.h"

#include "eppparse/change.h"
#include "publisher/event.h"
#include "publisher/feed_store.h"
#include "publisher/json.h"
#include "publisher/spool_reader.h"

#include <stdio.h>

enum { LINE_MAX_BYTES = 16 << 20 };

struct dump {
	const struct config *config;
	struct feed_store *store; /* NULL: nothing was published yet */
	struct change change;
	struct buffer line;
	uint64_t consumed; /* of the segment */
};

static void begin_segment(struct dump *dump, const struct spool_reader *reader)
{
	struct feed_txn txn;
	dump->consumed = 0;
	if (!dump->store || feed_txn_begin(dump->store, true, &txn) != RESULT_OK)
		return;
	if (feed_txn_consumed(&txn, spool_reader_segment(reader), &dump->consumed) != RESULT_OK)
		dump->consumed = 0;
	feed_txn_abort(&txn);
}

/* The record as the claims that it would become, but for those that signing adds. */
static void show_record(struct dump *dump, const struct spool_reader *reader,
			const struct spool_record *record)
{
	const struct event_facts facts = {.config = dump->config};
	struct json json = {.into = &dump->line};
	if (record->kind != SPOOL_CHANGE)
		return;
	bool good = change_decode(&dump->change, record->payload, record->size) == RESULT_OK;
	buffer_reset(&dump->line);
	json_open_object(&json, NULL);
	json_put_number(&json, "segment", (int64_t)spool_reader_sequence(reader));
	json_put_number(&json, "end", (int64_t)record->end);
	if (record->end <= dump->consumed)
		json_put_true(&json, "published");
	if (good) {
		buffer_append_text(&dump->line, ",\"change\":");
		event_write(&dump->change, &facts, false, &dump->line);
	} else {
		json_put_text(&json, "error", "no change of this version");
	}
	json_close_object(&json);
	buffer_append_byte(&dump->line, '\n');
	if (dump->line.failed)
		ctl_fail("a record is too large to show");
	else
		fwrite(dump->line.data, 1, dump->line.size, stdout);
}

static void show_all(struct dump *dump, struct spool_reader *reader)
{
	struct spool_record record;
	enum spool_step step;
	while ((step = spool_reader_next(reader, &record)) != SPOOL_STEP_WAIT) {
		if (step == SPOOL_STEP_SEGMENT)
			begin_segment(dump, reader);
		else if (step == SPOOL_STEP_RECORD)
			show_record(dump, reader, &record);
	}
}

int ctl_spool_dump(int argc, char **argv)
{
	(void)argc;
	char why[1024];
	struct spool_reader *reader = NULL;
	struct dump dump = {.config = ctl_load(argv[0])};
	if (!dump.config)
		return CTL_FAILED;
	change_init(&dump.change);
	buffer_init(&dump.line, LINE_MAX_BYTES);
	int status = CTL_OK;
	if (feed_store_open(dump.config->state_dir, dump.config->store_limit, true, &dump.store,
			    why, sizeof why) != RESULT_OK)
		dump.store = NULL;
	if (spool_reader_new(dump.config->state_dir, UINT64_MAX, true, &reader) != RESULT_OK)
		status = ctl_fail("out of memory");
	else
		show_all(&dump, reader);
	if (status == CTL_OK && spool_reader_damaged(reader) > 0)
		status = ctl_fail("%llu damaged places were passed over",
				  (unsigned long long)spool_reader_damaged(reader));
	spool_reader_free(&reader);
	feed_store_close(&dump.store);
	buffer_free(&dump.line);
	change_free(&dump.change);
	struct config *config = (struct config *)(uintptr_t)dump.config;
	config_free(&config);
	return status;
}
