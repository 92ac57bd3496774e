/* domains.h - the commands on domains (RFC 5731, with RFC 5910 and the restore of RFC 3915)
 *
 * Handlers as request.h describes them.
 */
#ifndef REFEPP_DOMAINS_H
#define REFEPP_DOMAINS_H

#include "conformance/refepp/request.h"

int domain_info(struct request *request);
int domain_create(struct request *request);
int domain_update(struct request *request);

/* Without `grace` the domain is gone at once (1000); with it, it stays with pendingDelete (1001)
 * until restored. */
int domain_delete(struct request *request);

int domain_renew(struct request *request);

#endif
