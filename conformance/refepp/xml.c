#include "conformance/refepp/xml.h"

#include "conformance/refepp/need.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Strings given out, hung on the document. */
struct kept {
	struct kept *next;
	xmlChar *string;
};

static void ignore_generic(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

static void ignore_structured(void *context, xmlErrorPtr error)
{
	(void)context;
	(void)error;
}

void xml_quiet_thread(void)
{
	xmlSetGenericErrorFunc(NULL, ignore_generic);
	xmlSetStructuredErrorFunc(NULL, ignore_structured);
}

/* A DOCTYPE ends the reading before any of its declarations is read. */
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *external,
			   const xmlChar *system)
{
	xmlParserCtxt *parser = context;

	(void)name;
	(void)external;
	(void)system;
	parser->wellFormed = 0;
	xmlStopParser(parser);
}

xmlDoc *xml_read(const void *bytes, size_t size)
{
	const int options =
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
	xmlParserCtxt *parser;
	xmlDoc *document;

	if (size == 0 || size > INT_MAX)
		return NULL;
	parser = xmlNewParserCtxt();
	if (parser == NULL)
		return NULL;
	parser->sax->internalSubset = refuse_doctype;
	document = xmlCtxtReadMemory(parser, bytes, (int)size, NULL, NULL, options);
	xmlFreeParserCtxt(parser);
	return document;
}

void xml_free(xmlDoc **document)
{
	struct kept *kept;

	if (*document == NULL)
		return;
	kept = (*document)->_private;
	while (kept != NULL) {
		struct kept *next = kept->next;

		xmlFree(kept->string);
		free(kept);
		kept = next;
	}
	xmlFreeDoc(*document);
	*document = NULL;
}

static const char *keep(const xmlNode *node, xmlChar *string)
{
	struct kept *kept;

	if (string == NULL)
		return NULL;
	kept = need_zeroed(sizeof(*kept));
	kept->string = string;
	kept->next = node->doc->_private;
	node->doc->_private = kept;
	return (const char *)string;
}

static xmlNode *element_from(xmlNode *node)
{
	while (node != NULL && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *xml_first(const xmlNode *parent)
{
	return parent == NULL ? NULL : element_from(parent->children);
}

xmlNode *xml_next(const xmlNode *node)
{
	return node == NULL ? NULL : element_from(node->next);
}

static const char *namespace_of(const xmlNode *node)
{
	return node->ns == NULL || node->ns->href == NULL ? "" : (const char *)node->ns->href;
}

bool xml_is(const xmlNode *node, const char *namespace, const char *name)
{
	return node != NULL && strcmp((const char *)node->name, name) == 0 &&
	       strcmp(namespace_of(node), namespace) == 0;
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
	xmlNode *child = xml_first(parent);

	while (child != NULL && !xml_is(child, namespace_of(parent), name))
		child = xml_next(child);
	return child;
}

xmlNode *xml_again(const xmlNode *node)
{
	xmlNode *next = xml_next(node);

	while (next != NULL && !xml_is(next, namespace_of(node), (const char *)node->name))
		next = xml_next(next);
	return next;
}

static bool is_allowed(const xmlNode *child, const char *names)
{
	const char *name = (const char *)child->name;
	size_t length = strlen(name);
	const char *at = names;

	while (*at != '\0') {
		size_t word = strcspn(at, " ");

		if (word == length + 1 && at[length] == '*' && strncmp(at, name, length) == 0)
			return true;
		if (word == length && strncmp(at, name, length) == 0)
			return xml_again(child) == NULL;
		at += word;
		at += strspn(at, " ");
	}
	return false;
}

bool xml_only(const xmlNode *parent, const char *names)
{
	const xmlNode *child;

	for (child = xml_first(parent); child != NULL; child = xml_next(child)) {
		if (strcmp(namespace_of(child), namespace_of(parent)) != 0 ||
		    !is_allowed(child, names))
			return false;
	}
	return true;
}

static bool is_blank(xmlChar byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void make_token(xmlChar *string)
{
	xmlChar *to = string;
	const xmlChar *from;

	for (from = string; *from != '\0'; from++) {
		if (!is_blank(*from))
			*to++ = *from;
		else if (to != string && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to != string && to[-1] == ' ')
		to--;
	*to = '\0';
}

const char *xml_text(const xmlNode *node)
{
	xmlChar *string;

	if (node == NULL)
		return NULL;
	string = xmlNodeGetContent(node);
	if (string != NULL)
		make_token(string);
	return keep(node, string);
}

const char *xml_attribute(const xmlNode *node, const char *name)
{
	if (node == NULL)
		return NULL;
	return keep(node, xmlGetNoNsProp(node, (const xmlChar *)name));
}
