#include "eppparse/frame.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>

enum {
	DETECTION_SIZE = 4, /* bytes by which libxml2 tells an encoding */
	CHUNK_SIZE = 4096,
	WORDS_PER_ATTRIBUTE = 5, /* libxml2: name, prefix, URI, value, end of value */
};

struct frame_reader {
	xmlParserCtxtPtr ctxt; /* NULL: made anew for the next frame */
	xmlSAXHandler sax;
	const struct frame_handler *handler;
	enum eppparse_result result;
	bool namespace_error;
	int depth;
	int namespaces;  /* declared in the frame so far: libxml2 looks through all that are open */
	size_t pushed;   /* bytes given to libxml2 so far */
	size_t progress; /* what `pushed` was at its last call back */
};

static void stop(struct frame_reader *reader, enum eppparse_result result)
{
	if (reader->result == EPPPARSE_CHANGE)
		reader->result = result;
	xmlStopParser(reader->ctxt);
}

static void judge(struct frame_reader *reader, enum eppparse_result result)
{
	reader->progress = reader->pushed;
	if (result != EPPPARSE_CHANGE)
		stop(reader, result);
}

static void on_start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
		     int namespace_count, const xmlChar **namespaces, int attribute_count,
		     int defaulted_count, const xmlChar **attributes)
{
	struct frame_reader *reader = context;
	struct frame_element element = {.uri = (const char *)uri,
					.local = (const char *)local,
					.attribute_count = attribute_count,
					.attributes = attributes};
	(void)prefix;
	(void)namespaces;
	(void)defaulted_count;
	reader->namespaces += namespace_count;
	if (attribute_count > EPPPARSE_ATTRIBUTES_MAX ||
	    namespace_count > EPPPARSE_ATTRIBUTES_MAX ||
	    reader->namespaces > EPPPARSE_NAMESPACES_MAX)
		stop(reader, EPPPARSE_LARGE);
	else if (reader->namespace_error)
		stop(reader, EPPPARSE_MALFORMED); /* who knows what element it is? */
	else if (++reader->depth > EPPPARSE_DEPTH_MAX)
		stop(reader, EPPPARSE_DEEP);
	else
		judge(reader, reader->handler->start(reader->handler->context, &element));
}

static void on_end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct frame_reader *reader = context;
	(void)local;
	(void)prefix;
	(void)uri;
	reader->depth--;
	judge(reader, reader->handler->end(reader->handler->context));
}

static void on_text(void *context, const xmlChar *bytes, int size)
{
	struct frame_reader *reader = context;
	judge(reader,
	      reader->handler->text(reader->handler->context, (const char *)bytes, (size_t)size));
}

static void on_comment(void *context, const xmlChar *text)
{
	(void)text;
	judge(context, EPPPARSE_CHANGE);
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *text)
{
	(void)target;
	(void)text;
	judge(context, EPPPARSE_CHANGE);
}

/* Comes when `<!DOCTYPE name` was read: before its internal subset, if any. */
static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	(void)name;
	(void)external;
	(void)system;
	stop(context, EPPPARSE_DOCTYPE);
}

/* The five entities that XML itself has; there is no document type that could declare more. */
static xmlEntityPtr on_entity(void *context, const xmlChar *name)
{
	(void)context;
	return xmlGetPredefinedEntity(name);
}

/* What an error says holds bytes of the frame: it goes nowhere. A namespace whose URI is none is a name like any other;
 * libxml2 calls it so, too, when it has no memory to look into it. */
static void on_error(void *context, xmlErrorPtr error)
{
	struct frame_reader *reader = context;
	if (error->domain == XML_FROM_NAMESPACE && error->level >= XML_ERR_ERROR &&
	    error->code != XML_WAR_NS_URI)
		reader->namespace_error = true;
}

int frame_reader_new(struct frame_reader **reader)
{
	*reader = calloc(1, sizeof **reader);
	if (!*reader)
		return RESULT_NOMEM;
	(*reader)->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.comment = on_comment,
		.processingInstruction = on_instruction,
		.internalSubset = on_doctype,
		.externalSubset = on_doctype,
		.getEntity = on_entity,
		.serror = on_error,
	};
	return RESULT_OK;
}

void frame_reader_rest(struct frame_reader *reader)
{
	if (reader->ctxt)
		xmlFreeParserCtxt(reader->ctxt);
	reader->ctxt = NULL;
}

void frame_reader_free(struct frame_reader **reader)
{
	if (!*reader)
		return;
	frame_reader_rest(*reader);
	free(*reader);
	*reader = NULL;
}

const char *frame_attribute(const struct frame_element *element, const char *name, size_t *size)
{
	const xmlChar *const *at = element->attributes;
	for (int i = 0; i < element->attribute_count; i++, at += WORDS_PER_ATTRIBUTE) {
		if (at[1] != NULL || strcmp((const char *)at[0], name) != 0)
			continue;
		*size = (size_t)(at[4] - at[3]);
		return (const char *)at[3];
	}
	return NULL;
}

/* Gives the first bytes to a context: the old one, or a new one after a frame that was not read to its end (what
 * it left behind, such as open namespaces, must not reach into the next). */
static bool begin(struct frame_reader *reader, const char *bytes, size_t size)
{
	if (reader->ctxt)
		return xmlCtxtResetPush(reader->ctxt, bytes, (int)size, NULL, NULL) == 0;
	reader->ctxt = xmlCreatePushParserCtxt(&reader->sax, reader, bytes, (int)size, NULL);
	if (!reader->ctxt)
		return false;
	/* No XML_PARSE_HUGE: libxml2's own bounds hold too. */
	xmlCtxtUseOptions(reader->ctxt, XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
	return true;
}

static enum eppparse_result complaint(const struct frame_reader *reader)
{
	const xmlParserCtxt *ctxt = reader->ctxt;
	switch (ctxt->errNo) {
	case XML_ERR_NO_MEMORY:
		return EPPPARSE_NOMEM;
	case XML_ERR_UNKNOWN_ENCODING:
	case XML_ERR_UNSUPPORTED_ENCODING:
	case XML_ERR_INVALID_ENCODING:
		return EPPPARSE_ENCODING;
	default:
		return ctxt->wellFormed && !reader->namespace_error ? EPPPARSE_CHANGE
								    : EPPPARSE_MALFORMED;
	}
}

static enum eppparse_result push(struct frame_reader *reader, const char *bytes, size_t size)
{
	size_t at = size < DETECTION_SIZE ? size : DETECTION_SIZE;
	if (!begin(reader, bytes, at))
		return EPPPARSE_NOMEM;
	do {
		size_t part = size - at < CHUNK_SIZE ? size - at : CHUNK_SIZE;
		reader->pushed = at + part;
		xmlParseChunk(reader->ctxt, bytes + at, (int)part, at + part == size);
		at += part;
		if (reader->result != EPPPARSE_CHANGE)
			return reader->result;
		enum eppparse_result found = complaint(reader);
		if (found != EPPPARSE_CHANGE)
			return found;
		/* libxml2 waits for the end of a tag; its checks of attributes are quadratic in them. */
		if (reader->pushed - reader->progress > EPPPARSE_TOKEN_MAX)
			return EPPPARSE_LARGE;
	} while (at < size);
	return EPPPARSE_CHANGE;
}

enum eppparse_result frame_read(struct frame_reader *reader, const void *bytes, size_t size,
				const struct frame_handler *handler)
{
	reader->handler = handler;
	reader->result = EPPPARSE_CHANGE;
	reader->namespace_error = false;
	reader->depth = reader->namespaces = 0;
	reader->pushed = reader->progress = 0;
	enum eppparse_result result = push(reader, bytes, size);
	if (result != EPPPARSE_CHANGE ||
	    xmlDictGetUsage(reader->ctxt->dict) > EPPPARSE_DICTIONARY_MAX)
		frame_reader_rest(reader);
	reader->handler = NULL;
	return result;
}
