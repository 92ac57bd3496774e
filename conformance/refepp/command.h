/* command.h - what a frame asks for
 *
 * Reads the frame's outside: which command, on which kind of object, with which extensions and
 * client transaction id.
 * What is inside the object's element is read by who carries the command out.
 * Owner: the connection's thread. The nodes and strings belong to the document and go with
 * command_free().
 */
#ifndef REFEPP_COMMAND_H
#define REFEPP_COMMAND_H

#include "conformance/refepp/object.h"
#include "conformance/refepp/text.h"
#include "conformance/refepp/xml.h"

enum verb {
	VERB_CHECK,
	VERB_INFO,
	VERB_CREATE,
	VERB_UPDATE,
	VERB_DELETE,
	VERB_RENEW,
	VERB_OBJECT_COUNT, /* those above have an object */
	VERB_TRANSFER = VERB_OBJECT_COUNT,
	VERB_POLL,
	VERB_LOGIN,
	VERB_LOGOUT,
	VERB_HELLO,
	VERB_COUNT
};

struct command {
	xmlDoc *document;
	enum verb verb;
	xmlNode *element; /* <create>, <login> ... of EPP itself */
	enum kind kind;   /* the verbs with an object */
	xmlNode *object;  /* <domain:create> ... */
	xmlNode *secdns;  /* <secDNS:create> of a create, <secDNS:update> of an update; or NULL */
	xmlNode *rgp;     /* <rgp:update> of an update; or NULL */
	const char *cl_trid; /* or NULL */
};

/* Reads `frame` into `command`, which was {0}. 0, or the result code to answer with, and then
 * `*why` may say more; `cl_trid` is set if it could be read all the same. To be freed in both
 * cases. */
int command_read(const struct text *frame, struct command *command, const char **why);

void command_free(struct command *command);

/* "create", "domain" */
const char *command_verb_name(enum verb verb);
const char *command_kind_name(enum kind kind);

/* The child of the object's element that names the object: "name", of a contact "id". */
const char *command_key_name(enum kind kind);

#endif
