/* ctl_spool_dump.c - epptapctl spool-dump: what stands in the spool, read only */
#include "publisher/ctl.h"

#include "base/clock.h"
#include "eppparse/change.h"
#include "publisher/event.h"
#include "publisher/feed_store.h"
#include "publisher/idn.h"
#include "publisher/json.h"
#include "publisher/spool_merge.h"

#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 16 << 20 };

struct dump {
	const struct config *config;
	struct feed_store *store; /* NULL: nothing was published yet */
	struct change change;
	struct buffer line;
	unsigned damaged;
};

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[SPOOL_CHANGE] = "change",     [SPOOL_END] = "end",
		[SPOOL_CLOSED] = "closed",     [SPOOL_INTENT] = "intent",
		[SPOOL_GIVEN_UP] = "given_up", [SPOOL_UNKNOWN] = "unknown",
		[SPOOL_GAP] = "gap",           [SPOOL_REVOKE] = "revoke",
		[SPOOL_RETRY] = "retry",       [SPOOL_TEST] = "test",
	};
	return kind < sizeof names / sizeof *names && names[kind] ? names[kind] : "?";
}

static int look_up_mark(struct dump *dump, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	*mark = (struct spool_mark){0};
	return dump->store ? feed_store_mark(dump->store, id, mark) : RESULT_OK;
}

/* A dump shows what is published, too. */
static int show_all_of_it(void *context, const uint8_t id[SPOOL_ID_SIZE], struct spool_mark *mark)
{
	(void)context;
	(void)id;
	*mark = (struct spool_mark){0};
	return RESULT_OK;
}

/* A change or a gap as the claims that it would become, but for those that signing adds. */
static void show_claims(struct dump *dump, const struct spool_record *record, struct json *json)
{
	const struct event_facts facts = {.config = dump->config};
	struct spool_gap gap;
	if (record->kind == SPOOL_GAP && record->size == sizeof gap) {
		memcpy(&gap, record->payload, sizeof gap);
		gap.reason[sizeof gap.reason - 1] = gap.registrar[sizeof gap.registrar - 1] =
			gap.txn[sizeof gap.txn - 1] = '\0';
		buffer_append_text(&dump->line, ",\"gap\":");
		event_write_gap(&gap, &facts, &dump->line);
		return;
	}
	if (record->kind != SPOOL_CHANGE && record->kind != SPOOL_INTENT)
		return;
	if (change_decode(&dump->change, record->payload, record->size) != RESULT_OK) {
		json_put_text(json, "error", "no change of this version");
		return;
	}
	if (idn_change_to_ascii(&dump->change) != RESULT_OK) {
		json_put_text(json, "error", "a name that is none");
		return;
	}
	dump->change.wall_us = record->wall_us;
	buffer_append_text(&dump->line, ",\"change\":");
	event_write(&dump->change, &facts, false, &dump->line);
}

static void show_record(struct dump *dump, const struct spool_merged *merged)
{
	const struct spool_record *record = &merged->record;
	struct json json = {.into = &dump->line};
	struct spool_mark mark;
	char segment[48];
	snprintf(segment, sizeof segment, SPOOL_SEGMENT_NAME, merged->segment.name.writer,
		 merged->segment.name.sequence);
	buffer_reset(&dump->line);
	json_open_object(&json, NULL);
	json_put_text(&json, "segment", segment);
	json_put_number(&json, "end", (int64_t)record->end);
	json_put_text(&json, "kind", kind_name(record->kind));
	if (record->ticket)
		json_put_number(&json, "ticket", (int64_t)record->ticket);
	if (look_up_mark(dump, merged->segment.id, &mark) == RESULT_OK &&
	    (mark.finished || record->end <= mark.bytes))
		json_put_true(&json, "published");
	show_claims(dump, record, &json);
	json_close_object(&json);
	buffer_append_byte(&dump->line, '\n');
	if (dump->line.failed)
		ctl_fail("a record is too large to show");
	else
		fwrite(dump->line.data, 1, dump->line.size, stdout);
}

/* The stamps of earlier boots can't be held against this one's; a writer may have clocks of its own. */
static bool is_later(const struct spool_merged *merged, const struct clock_reading *began)
{
	return merged->of_this_boot && merged->record.monotonic_us > began->monotonic_us &&
	       merged->record.wall_us > began->wall_us;
}

/* Writers may be quicker than whoever reads this: what they add meanwhile is not shown, else there would be no end. */
static void show_all(struct dump *dump, struct spool_merge *merge)
{
	struct clock_reading began;
	struct spool_merged merged;
	enum spool_merge_step step;
	clock_read(&began);
	while ((step = spool_merge_next(merge, INT64_MAX / 2, &merged)) != SPOOL_MERGE_WAIT) {
		if (step == SPOOL_MERGE_SEGMENT) {
			dump->damaged += merged.segment.unreadable || merged.segment.tail_damaged;
			continue;
		}
		if (is_later(&merged, &began))
			return;
		dump->damaged += merged.record.behind_damage;
		if (merged.record.kind != SPOOL_END && merged.record.kind != SPOOL_CLOSED)
			show_record(dump, &merged);
	}
}

int ctl_spool_dump(int argc, char **argv)
{
	(void)argc;
	char why[1024];
	struct spool_merge *merge = NULL;
	struct config *config = ctl_load(argv[0]);
	struct dump dump = {.config = config};
	if (!config)
		return CTL_FAILED;
	change_init(&dump.change);
	buffer_init(&dump.line, LINE_MAX_BYTES);
	int status = CTL_OK;
	if (feed_store_open(config->state_dir, config->store_limit, true, &dump.store, why,
			    sizeof why) != RESULT_OK)
		dump.store = NULL;
	if (spool_merge_new(NULL, config->state_dir, 0, show_all_of_it, NULL, &merge) != RESULT_OK)
		status = ctl_fail("out of memory");
	else
		show_all(&dump, merge);
	if (status == CTL_OK && dump.damaged > 0)
		status = ctl_fail("%u damaged places were passed over", dump.damaged);
	spool_merge_free(&merge);
	feed_store_close(&dump.store);
	buffer_free(&dump.line);
	change_free(&dump.change);
	config_free(&config);
	return status;
}
