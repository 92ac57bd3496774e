/* hosts.h - the commands on hosts (RFC 5732). Handlers as request.h describes them. */
#ifndef REFEPP_HOSTS_H
#define REFEPP_HOSTS_H

#include "conformance/refepp/request.h"

int host_info(struct request *request);

/* A host below a domain that is there is that domain's registrar's to create (2201); any other is
 * external, and may have addresses all the same. */
int host_create(struct request *request);

int host_update(struct request *request);
int host_delete(struct request *request);

#endif
