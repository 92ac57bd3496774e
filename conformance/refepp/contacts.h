/* contacts.h - the commands on contacts (RFC 5733). Handlers as request.h describes them. */
#ifndef REFEPP_CONTACTS_H
#define REFEPP_CONTACTS_H

#include "conformance/refepp/request.h"

int contact_info(struct request *request);
int contact_create(struct request *request);
int contact_update(struct request *request);
int contact_delete(struct request *request);

#endif
