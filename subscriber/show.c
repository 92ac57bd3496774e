#include "subscriber/show.h"

#include "publisher/feed_format.h"
#include "subscriber/impact.h"
#include "subscriber/printable.h"
#include "subscriber/summary.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = FEED_JWS_MAX * 2, NAME_SHOWN = 253, IMPACT_SHOWN = 32, IMPACTS_MAX = 20 };

static const char *color_of(enum impact_weight weight)
{
	switch (weight) {
	case IMPACT_GOOD:
		return "\033[32m";
	case IMPACT_NOTICE:
		return "\033[33m";
	case IMPACT_ALARM:
		return "\033[1;31m";
	case IMPACT_PLAIN:
		break;
	}
	return "";
}

static void append_colored(struct buffer *line, const struct show *show, enum impact_weight weight,
			   const char *text, size_t limit)
{
	const char *color = show->color ? color_of(weight) : "";
	buffer_append_text(line, color);
	printable_append_text(line, text, limit);
	if (*color)
		buffer_append_text(line, "\033[0m");
}

static int put(FILE *out, const char *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, out) != size || fflush(out) != 0)
		return RESULT_STORE;
	return RESULT_OK;
}

static int put_line(FILE *out, struct buffer *line)
{
	buffer_append_text(line, "\n");
	int result = line->failed ? RESULT_NOMEM : put(out, line->data, line->size);
	buffer_free(line);
	return result;
}

static void append_time(struct buffer *line, int64_t toe_ms)
{
	time_t seconds = (time_t)(toe_ms / 1000);
	struct tm utc;
	if (gmtime_r(&seconds, &utc))
		buffer_printf(line, "%02d:%02d:%02d.%03d", utc.tm_hour, utc.tm_min, utc.tm_sec,
			      (int)(toe_ms % 1000));
}

/* What follows the colon of an own event's name: urn:epptap:gap is a gap. */
static const char *own_word(const char *kind)
{
	const char *colon = strrchr(kind, ':');
	return colon ? colon + 1 : kind;
}

static void append_impacts(struct buffer *line, const struct show *show, const struct event *event)
{
	const json_t *list = json_object_get(event->what, "impact");
	for (size_t i = 0; i < json_array_size(list) && i < IMPACTS_MAX; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (i > 0)
			buffer_append_text(line, ",");
		append_colored(line, show, name ? impact_weight(name) : IMPACT_PLAIN,
			       name ? name : "?", IMPACT_SHOWN);
	}
}

/* How long a test of the whole way took, from the operator's order to here. False: it is none, or nobody knows. */
static bool has_taken(const struct show *show, const struct event *event, int64_t *took_ms)
{
	*took_ms = show->now_ms - event->toe_ms;
	return event->own && show->now_ms > 0 && strcmp(event->kind, FEED_TEST_EVENT) == 0;
}

static int show_for_people(const struct show *show, const struct event *event)
{
	struct buffer line;
	int64_t took_ms;
	buffer_init(&line, LINE_MAX_BYTES);
	append_time(&line, event->toe_ms);
	buffer_printf(&line, "  %s  %6" PRIu64 "  ", show->channel, event->index);
	if (event->own) {
		buffer_append_text(&line, "~");
		append_colored(&line, show, IMPACT_NOTICE, own_word(event->kind), NAME_SHOWN);
	} else {
		printable_append_text(&line, event->name, NAME_SHOWN);
		buffer_append_text(&line, "  ");
		append_impacts(&line, show, event);
	}
	buffer_append_text(&line, "  ");
	summary_append(&line, event);
	if (has_taken(show, event, &took_ms))
		buffer_printf(&line, "; took %" PRId64 " ms", took_ms);
	return put_line(show->out, &line);
}

static int show_as_json(const struct show *show, const struct event *event)
{
	struct buffer line;
	int64_t took_ms;
	buffer_init(&line, LINE_MAX_BYTES);
	buffer_printf(&line, "{\"channel\":\"%s\",\"index\":%" PRIu64 ",", show->channel,
		      event->index);
	if (has_taken(show, event, &took_ms))
		buffer_printf(&line, "\"took_ms\":%" PRId64 ",", took_ms);
	buffer_append_text(&line, "\"event\":");
	size_t start = line.size;
	buffer_append(&line, event->payload.data, event->payload.size);
	for (size_t i = start; i < line.size; i++) {
		if (line.data[i] == '\n' || line.data[i] == '\r')
			line.data[i] = ' ';
	}
	buffer_append_text(&line, "}");
	return put_line(show->out, &line);
}

int show_event(const struct show *show, const struct event *event)
{
	return show->json ? show_as_json(show, event) : show_for_people(show, event);
}

static int wrong_as_json(const struct show *show, const uint64_t *index, const char *what)
{
	json_t *line =
		json_pack("{s:s, s:o, s:s}", "channel", show->channel, "index",
			  index ? json_integer((json_int_t)*index) : json_null(), "error", what);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	int result = RESULT_NOMEM;
	if (text) {
		struct buffer copy;
		buffer_init(&copy, LINE_MAX_BYTES);
		buffer_append_text(&copy, text);
		result = put_line(show->out, &copy);
	}
	free(text);
	json_decref(line);
	return result;
}

int show_wrong(const struct show *show, const uint64_t *index, const char *what)
{
	struct buffer line;
	if (show->json)
		return wrong_as_json(show, index, what);
	buffer_init(&line, LINE_MAX_BYTES);
	append_colored(&line, show, IMPACT_ALARM, "NOT VERIFIED", NAME_SHOWN);
	if (index)
		buffer_printf(&line, "  index %" PRIu64 ": ", *index);
	else
		buffer_append_text(&line, "  no index: ");
	printable_append_text(&line, what, LINE_MAX_BYTES);
	return put_line(show->out, &line);
}

int show_unverified(const struct show *show, const struct message *message,
		    const struct refusal *why)
{
	uint64_t index;
	return show_wrong(show, verify_index(message, &index) ? &index : NULL, why->text);
}

int show_missed(const struct show *show, uint64_t from, uint64_t to)
{
	struct buffer line;
	buffer_init(&line, LINE_MAX_BYTES);
	uint64_t count = to - from + 1;
	if (show->json)
		buffer_printf(&line,
			      "{\"channel\":\"%s\",\"missed\":{\"from\":%" PRIu64 ",\"to\":%" PRIu64
			      "}}",
			      show->channel, from, to);
	else
		buffer_printf(
			&line,
			"%s: %" PRIu64 " event%s missed between index %" PRIu64 " and %" PRIu64,
			show->channel, count, count == 1 ? " was" : "s were", from - 1, to + 1);
	return put_line(show->err, &line);
}

int show_note(const struct show *show, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	if (vsnprintf(text, sizeof text, format, args) < 0)
		text[0] = '\0';
	va_end(args);
	printable_in_place(text);
	struct buffer line;
	buffer_init(&line, LINE_MAX_BYTES);
	buffer_printf(&line, "eppwatch: %s", text);
	return put_line(show->err, &line);
}
