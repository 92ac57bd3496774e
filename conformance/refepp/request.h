/* request.h - one command on its way through the registry
 *
 * The engine makes it, with its mutex held; a handler (domains.h, hosts.h, contacts.h) reads the
 * command, looks at the registry, and leaves behind: a result code, what goes into the response,
 * and of a transform the change to be made.
 * A handler changes nothing itself. It returns 1000 or 1001, or the code of its refusal; helpers
 * that may refuse return 0 to go on.
 */
#ifndef REFEPP_REQUEST_H
#define REFEPP_REQUEST_H

#include "conformance/refepp/command.h"
#include "conformance/refepp/registry.h"

#include <stdint.h>

struct request {
	const struct registry *registry;
	const struct command *command;
	const char *registrar; /* who asks */
	int64_t now_ms;
	bool grace; /* a deleted domain is kept, to be restored */

	const char *why;       /* a constant text, for no response quotes its command; or NULL */
	struct change change;  /* dropped unless the code is 1000 or 1001 */
	struct text data;      /* inside <resData> */
	struct text extension; /* inside <extension> */
};

/* Notes why, and returns `code`. */
int request_refuse(struct request *request, int code, const char *why);

/* Answers a check of any kind of object. */
int request_check(struct request *request);

/* Begins a create: the name is sound and free. change.next is the new object, with what all kinds
 * have in common. */
int request_begin_create(struct request *request);

/* Puts creData into the response. Returns 1000. */
int request_end_create(struct request *request);

/* Finds the object the command names. */
int request_find(struct request *request, const struct object **object);

/* Begins a transform (`right`: "Update", "Delete", "Renew") of an object that is there: it is the
 * registrar's own, and no status prohibits it. Sets change.old; but for a delete, change.next is
 * its clone, updated now by the registrar. */
int request_begin_change(struct request *request, const char *right);

/* Likewise for an update, which may also have the one purpose of taking clientUpdateProhibited
 * off. Checks that it asks for something. */
int request_begin_update(struct request *request);

/* The add, rem or chg of an update; NULL if it is absent. */
xmlNode *request_part(const struct request *request, const char *name);

/* A domain's or host's name into lower case; a contact's id as it is. 2003 if `node` is NULL, 2005
 * if it is none. */
int request_read_name(struct request *request, enum kind kind, const xmlNode *node,
		      const char **name);

/* The password of an <authInfo> in domain's or contact's namespace into `*auth`; 2003 if there is
 * no <authInfo>. */
int request_read_auth(struct request *request, const xmlNode *auth_info, const char **auth);

/* The lines of an infData that all kinds have: name and roid, statuses; who and when. */
void request_show_head(struct request *request, const struct object *object);
void request_show_dates(struct request *request, const struct object *object);

/* <prefix:name>value</prefix:name>, `prefix` being the kind's; nothing if value is NULL. */
void request_show(struct request *request, const struct object *object, const char *name,
		  const char *value);

/* May the registrar see authInfo and contacts? It may if the object is its own, or it gave the
 * right authInfo (2202 if it gave a wrong one). */
int request_may_see(struct request *request, const struct object *object, bool *all);

#endif
