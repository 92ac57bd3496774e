/* xml.h - reading XML by libxml2's tree, with its doors shut
 *
 * No network, no DOCTYPE, no entities but XML's own five, depth and size as libxml2 limits them.
 * Independent of epptap's parser on purpose: two readers of one frame that agree are worth more
 * than one that agrees with itself.
 * Owner: xml_read()'s caller owns the document. Strings given out by xml_text() and
 * xml_attribute() belong to the document and live as long as it does. One thread per document.
 */
#ifndef REFEPP_XML_H
#define REFEPP_XML_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#define NS_EPP     "urn:ietf:params:xml:ns:epp-1.0"
#define NS_DOMAIN  "urn:ietf:params:xml:ns:domain-1.0"
#define NS_HOST    "urn:ietf:params:xml:ns:host-1.0"
#define NS_CONTACT "urn:ietf:params:xml:ns:contact-1.0"
#define NS_SECDNS  "urn:ietf:params:xml:ns:secDNS-1.1"
#define NS_RGP     "urn:ietf:params:xml:ns:rgp-1.0"

/* Once per thread that reads: libxml2 then keeps its complaints, which quote input, off stderr. */
void xml_quiet_thread(void);

/* NULL if the bytes are no well-formed XML, or have a DOCTYPE. */
xmlDoc *xml_read(const void *bytes, size_t size);

/* Frees the document with its strings, and sets NULL. */
void xml_free(xmlDoc **document);

/* First child element, next sibling element; NULL if there is none, or of NULL. */
xmlNode *xml_first(const xmlNode *parent);
xmlNode *xml_next(const xmlNode *node);

bool xml_is(const xmlNode *node, const char *namespace, const char *name);

/* The first child element of this name in the parent's own namespace, or NULL (also of a NULL
 * parent). */
xmlNode *xml_child(const xmlNode *parent, const char *name);

/* The next sibling of the same name and namespace, or NULL. */
xmlNode *xml_again(const xmlNode *node);

/* True if each child element is in the parent's namespace and in `names`, which are parted by
 * blanks; a name stands at most once unless it ends in '*'. True of NULL. */
bool xml_only(const xmlNode *parent, const char *names);

/* The element's text as an XML token: outer blanks cut, inner runs made one. NULL of NULL. */
const char *xml_text(const xmlNode *node);

/* The attribute without a namespace, or NULL. */
const char *xml_attribute(const xmlNode *node, const char *name);

#endif
