/* delegation.h - a domain's nameservers: <ns> with host objects or host attributes (RFC 5731, 1.1)
 * */
#ifndef REFEPP_DELEGATION_H
#define REFEPP_DELEGATION_H

#include "conformance/refepp/request.h"

/* Carry out one <ns> (NULL: nothing to do) on change.next. A host object must exist: 2303. */
int delegation_add(struct request *request, const xmlNode *ns);
int delegation_remove(struct request *request, const xmlNode *ns);

/* The <ns> and the subordinate <host>s of an infData; `hosts` is all, del, sub or none. */
void delegation_show(struct request *request, const struct object *domain, const char *hosts);

/* Reads one <addr> element, of a host or of a hostAttr, into "v4 ADDRESS" or "v6 ADDRESS". */
int delegation_read_address(struct request *request, const xmlNode *node, struct text *address);

#endif
