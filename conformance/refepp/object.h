/* object.h - what the registry holds: a domain, a host, a contact
 *
 * Owner: the registry, once registry_apply() took it. An object in the registry is never changed:
 * a transform makes a clone, changes that, and the registry puts it in the old one's place, so a
 * command that is refused half-way leaves nothing behind. (But for `links` and a renamed host in
 * `ns`, which registry_apply() keeps true.) Read under the registry's mutex.
 */
#ifndef REFEPP_OBJECT_H
#define REFEPP_OBJECT_H

#include "conformance/refepp/set.h"

#include <stdint.h>

enum kind { KIND_DOMAIN, KIND_HOST, KIND_CONTACT, KIND_COUNT };

/* A contact's postal address comes in two forms: `int` (ASCII) and `loc`. */
enum { FORM_INT, FORM_LOC, FORM_COUNT };

enum {
	POSTAL_NAME,
	POSTAL_ORG,
	POSTAL_STREET1,
	POSTAL_STREET2,
	POSTAL_STREET3,
	POSTAL_CITY,
	POSTAL_SP,
	POSTAL_PC,
	POSTAL_CC,
	POSTAL_COUNT
};

struct object {
	enum kind kind;
	char *name; /* domain and host: lower case; contact: its id */
	char *roid;
	char *sponsor, *creator, *updater; /* logins; updater may be NULL */
	int64_t created_ms, updated_ms;    /* updated_ms 0: never */
	size_t links;                      /* how often domains refer to it */
	struct set status; /* those set; `ok`, `linked` and `inactive` are computed */
	char *auth;        /* domain, contact: the password of authInfo */

	/* domain */
	int64_t expires_ms;
	char *registrant;
	struct set contacts; /* "admin ID" */
	struct set ns;       /* "obj NAME" or "attr NAME[ v4 ADDRESS| v6 ADDRESS]..." */
	struct set ds;       /* "TAG ALG TYPE DIGEST[ FLAGS PROTOCOL ALG KEY]" */
	struct set keys;     /* "FLAGS PROTOCOL ALG KEY" */
	char *max_sig_life;

	/* host */
	struct set addresses; /* "v4 ADDRESS", "v6 ADDRESS" */

	/* contact */
	char *postal[FORM_COUNT][POSTAL_COUNT]; /* a form is there if it has a name */
	char *voice, *voice_ext, *fax, *fax_ext, *email;
	char *disclose_flag;
	struct set disclose; /* "ELEMENT[ FORM]" */
};

struct object *object_new(enum kind kind, const char *name);
struct object *object_clone(const struct object *object);

/* Frees it and sets NULL; accepts NULL. */
void object_free(struct object **object);

#endif
