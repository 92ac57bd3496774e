#include "base/buffer.h"
#include "base/config_read.h"
#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int fail_at(struct config_reader *reader, size_t line, size_t column, const char *format,
		   va_list args)
{
	int size = 0;
	if (reader->why_size == 0)
		return RESULT_CONFIG;
	if (line > 0)
		size = snprintf(reader->why, reader->why_size, "%s:%zu:%zu: ", reader->path, line,
				column);
	else
		size = snprintf(reader->why, reader->why_size, "%s: ", reader->path);
	if (size > 0 && (size_t)size < reader->why_size)
		vsnprintf(reader->why + size, reader->why_size - (size_t)size, format, args);
	return RESULT_CONFIG;
}

int config_fail(struct config_reader *reader, const yaml_node_t *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int result = fail_at(reader, at ? at->start_mark.line + 1 : 1,
			     at ? at->start_mark.column + 1 : 1, format, args);
	va_end(args);
	return result;
}

/* For what is wrong with the file as a whole. */
__attribute__((format(printf, 2, 3))) static int fail_file(struct config_reader *reader,
							   const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int result = fail_at(reader, 0, 0, format, args);
	va_end(args);
	return result;
}

/* For libyaml's marks, before there are nodes. */
__attribute__((format(printf, 3, 4))) static int fail_mark(struct config_reader *reader,
							   yaml_mark_t mark, const char *format,
							   ...)
{
	va_list args;
	va_start(args, format);
	int result = fail_at(reader, mark.line + 1, mark.column + 1, format, args);
	va_end(args);
	return result;
}

/* libyaml tells of a byte that is no UTF-8 by its offset alone. */
static yaml_mark_t mark_of(const struct buffer *text, size_t offset)
{
	yaml_mark_t mark = {.index = offset};
	for (size_t i = 0; i < offset && i < text->size; i++) {
		mark.column++;
		if (text->data[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

/* What libyaml has to say; its words are constant. */
static int fail_parser(struct config_reader *reader, const struct buffer *text,
		       const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "it can't be read";
	switch (parser->error) {
	case YAML_MEMORY_ERROR:
	case YAML_NO_ERROR: /* what some of its failed allocations leave behind */
		return RESULT_NOMEM;
	case YAML_READER_ERROR:
		return fail_mark(reader, mark_of(text, parser->problem_offset),
				 "not YAML: %s; write plain UTF-8 text", problem);
	default:
		return fail_mark(reader, parser->problem_mark,
				 "not YAML: %s; look at the indentation, colons and quotes here",
				 problem);
	}
}

static int parser_open(yaml_parser_t *parser, const struct buffer *text)
{
	if (!yaml_parser_initialize(parser))
		return RESULT_NOMEM;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	/* It asserts that there is a text, be it empty. */
	const char *data = text->data ? text->data : "";
	yaml_parser_set_input_string(parser, (const unsigned char *)data, text->size);
	return RESULT_OK;
}

/* An anchor or a tag that the event bears. */
static int check_ornaments(struct config_reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return fail_mark(reader, event->start_mark,
				 "YAML aliases (*name) are not read here; write the value out");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return fail_mark(reader, event->start_mark,
				 "YAML anchors (&name) are not read here; write the value out "
				 "wherever it is needed");
	if (tag)
		return fail_mark(reader, event->start_mark,
				 "YAML tags (!name) are not read here; write the value alone");
	return RESULT_OK;
}

struct scan {
	int depth;
	int documents;
};

static int scan_event(struct config_reader *reader, const yaml_event_t *event, struct scan *scan)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++scan->documents > 1)
			return fail_mark(reader, event->start_mark,
					 "a second YAML document starts here; keep one document");
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++scan->depth > CONFIG_MAX_DEPTH)
			return fail_mark(reader, event->start_mark,
					 "nested more than %d levels deep; look at the brackets "
					 "and the indentation here",
					 CONFIG_MAX_DEPTH);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		scan->depth--;
		break;
	default:
		break;
	}
	return check_ornaments(reader, event);
}

/* Goes over the events before a document is made of them: the document no longer shows anchors, and costs memory. */
static int scan_text(struct config_reader *reader, const struct buffer *text)
{
	yaml_parser_t parser;
	struct scan scan = {0};
	int result = parser_open(&parser, text);
	if (result != RESULT_OK)
		return result;
	for (bool end = false; result == RESULT_OK && !end;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			result = fail_parser(reader, text, &parser);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		result = scan_event(reader, &event, &scan);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return result;
}

static int load_text(struct config_reader *reader, const struct buffer *text)
{
	yaml_parser_t parser;
	int result = parser_open(&parser, text);
	if (result != RESULT_OK)
		return result;
	if (!yaml_parser_load(&parser, &reader->document))
		result = fail_parser(reader, text, &parser);
	yaml_parser_delete(&parser);
	return result;
}

/* Some editors put a mark before UTF-8 text; libyaml would take it for part of it. */
static void drop_byte_order_mark(struct buffer *text)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};
	if (text->size < sizeof mark || memcmp(text->data, mark, sizeof mark) != 0)
		return;
	text->size -= sizeof mark;
	memmove(text->data, text->data + sizeof mark, text->size);
}

int config_yaml_load(struct config_reader *reader)
{
	struct buffer text;
	buffer_init(&text, CONFIG_MAX_FILE);
	int result = file_read(reader->path, &text);
	if (result == RESULT_STORE)
		result = fail_file(reader, "can't be read: %s; name a file that this user may read",
				   strerror(errno));
	else if (result == RESULT_FULL)
		result = fail_file(reader, "larger than 1MiB; is this the configuration?");
	drop_byte_order_mark(&text);
	if (result == RESULT_OK)
		result = scan_text(reader, &text);
	if (result == RESULT_OK)
		result = load_text(reader, &text);
	buffer_free(&text);
	return result;
}
