/* secdns.h - a domain's DS records and keys (RFC 5910): the extension of create, update and info */
#ifndef REFEPP_SECDNS_H
#define REFEPP_SECDNS_H

#include "conformance/refepp/request.h"

/* Carry out the command's extension, if it has one, on change.next. */
int secdns_create(struct request *request);
int secdns_update(struct request *request);

/* The extension of an infData; nothing if the domain is not signed. */
void secdns_show(struct text *extension, const struct object *domain);

#endif
