#include "plugin/counters.h"

#include <inttypes.h>

const char *loss_word(enum loss loss)
{
	static const char *const words[LOSSES] = {
		[LOSS_QUEUE_FULL] = "queue_full",       [LOSS_REGISTRAR_QUOTA] = "registrar_quota",
		[LOSS_SPOOL_LIMIT] = "spool_limit",     [LOSS_DISK_FULL] = "disk_full",
		[LOSS_FRAME_LIMIT] = "frame_limit",     [LOSS_NO_TICKET] = "no_ticket",
		[LOSS_RECORD_LIMIT] = "record_limit",   [LOSS_CLOSED] = "closed",
		[LOSS_STREAMS_LIMIT] = "streams_limit", [LOSS_PIPELINE_LIMIT] = "pipeline_limit",
		[LOSS_OUT_OF_STEP] = "out_of_step",
	};
	return (unsigned)loss < LOSSES ? words[loss] : "unknown";
}

struct row {
	const char *name;
	_Atomic uint64_t *counter;
};

/* The rows as members, with commas between them. */
static void put_rows(struct buffer *json, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_printf(json, "%s\"%s\":%" PRIu64, i ? "," : "", rows[i].name,
			      atomic_load_explicit(rows[i].counter, memory_order_relaxed));
}

#define PUT_ROWS(json, rows) put_rows(json, rows, sizeof(rows) / sizeof *(rows))

void counters_write(struct counters *counters, struct buffer *json)
{
	const struct row fates[] = {
		{"skipped", &counters->skipped},
		{"accepted", &counters->accepted},
		{"nothing", &counters->read[EPPPARSE_NOTHING]},
		{"changes", &counters->read[EPPPARSE_CHANGE]},
		{"spooled", &counters->spooled},
	};
	const struct row intents[] = {
		{"noted", &counters->noted},
		{"ended", &counters->ended},
		{"given_up", &counters->given_up},
		{"unknown", &counters->unknown},
	};
	const struct row remarks[] = {
		{"statuses_unknown", &counters->statuses_unknown},
		{"registrars_left_out", &counters->registrars_left_out},
		{"sync_failures", &counters->sync_failures},
		{"streams_resynchronised", &counters->streams_resynchronised},
		{"stream_frames_skipped", &counters->stream_frames_skipped},
	};
	const struct row streams[] = {
		{"open", &counters->streams_open},
		{"used_bytes", &counters->stream_bytes},
	};
	struct row losses[LOSSES];
	for (int i = 0; i < LOSSES; i++)
		losses[i] = (struct row){loss_word(i), &counters->lost[i]};
	struct row unreadable[EPPPARSE_RESULTS - EPPPARSE_MALFORMED];
	for (int i = EPPPARSE_MALFORMED; i < EPPPARSE_RESULTS; i++)
		unreadable[i - EPPPARSE_MALFORMED] =
			(struct row){eppparse_reason(i), &counters->read[i]};

	PUT_ROWS(json, fates);
	buffer_append_text(json, ",\"lost\":{");
	PUT_ROWS(json, losses);
	buffer_append_text(json, "},\"unreadable\":{");
	PUT_ROWS(json, unreadable);
	buffer_append_text(json, "},\"intents\":{");
	PUT_ROWS(json, intents);
	buffer_append_text(json, "},");
	PUT_ROWS(json, remarks);
	buffer_append_text(json, ",\"streams\":{");
	PUT_ROWS(json, streams);
	buffer_append_text(json, "},\"namespaces\":");
	namespaces_write(&counters->namespaces, json);
}
