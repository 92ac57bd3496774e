/* allow_list.h - which elements of a frame are read at all
 *
 * A rule says: within this place, the element of this namespace and name is that field, and its children are looked
 * up in that place. An element without a rule is skipped with all that is in it.
 */
#ifndef EPPPARSE_ALLOW_LIST_H
#define EPPPARSE_ALLOW_LIST_H

#include <stddef.h>
#include <stdint.h>

enum allow_namespace {
	NS_EPP,
	NS_DOMAIN,
	NS_HOST,
	NS_CONTACT,
	NS_SECDNS,
	NS_SECDNS_1_0,
	NS_RGP,
	NS_COUNT
};

/* Where the reader stands: which rules apply to the children of an element. */
enum allow_place {
	IN_DOCUMENT,
	IN_EPP,
	IN_COMMAND,
	IN_CREATE,
	IN_UPDATE,
	IN_DELETE,
	IN_RENEW,
	IN_TRANSFER,
	IN_COMMAND_EXTENSION,
	IN_DOMAIN_CREATE,
	IN_DOMAIN_UPDATE,
	IN_DOMAIN_UPDATE_PART,
	IN_DOMAIN_CHANGE,
	IN_DOMAIN_NAMED,
	IN_NS,
	IN_HOST_ATTR,
	IN_HOST_CREATE,
	IN_HOST_UPDATE,
	IN_HOST_UPDATE_PART,
	IN_HOST_CHANGE,
	IN_HOST_NAMED,
	IN_SECDNS_UPDATE,
	IN_SECDNS_CHANGE,
	IN_SECDNS,
	IN_DS,
	IN_KEY,
	IN_RGP_UPDATE,
	IN_RESPONSE,
	IN_RESULT_DATA,
	IN_DOMAIN_RESULT,
	IN_TRANSACTION_IDS,
	IN_NOTHING, /* no child is read */
};

/* What an element means. The comment says what becomes of its text or attribute: nothing else can. */
enum allow_field {
	FIELD_NONE,           /* only leads on */
	FIELD_COMMAND,        /* it is a command */
	FIELD_RESPONSE,       /* it is a response */
	FIELD_CREATE,         /* verb */
	FIELD_UPDATE,         /* verb */
	FIELD_DELETE,         /* verb */
	FIELD_RENEW,          /* verb */
	FIELD_QUERY,          /* a command that changes nothing */
	FIELD_TRANSFER,       /* a query if its attribute op says so */
	FIELD_LATER,          /* a transform that is not read yet */
	FIELD_DOMAIN,         /* object */
	FIELD_HOST,           /* object */
	FIELD_NO_INTEREST,    /* object whose changes are nobody's business */
	FIELD_NAME,           /* name: of the object */
	FIELD_HOST_NAME,      /* name: of a nameserver, added or removed */
	FIELD_NEW_NAME,       /* name: what a host is called from now on */
	FIELD_ADDRESS,        /* address; attribute ip is not read */
	FIELD_STATUS,         /* token of a known set, in attribute s; its text is not read */
	FIELD_REGISTRANT,     /* nothing: that it was given or changed */
	FIELD_CONTACT,        /* nothing: that it was given or changed */
	FIELD_AUTH_INFO,      /* nothing: that it was given or changed */
	FIELD_SECDNS_ALL,     /* boolean */
	FIELD_MAX_SIG_LIFE,   /* number */
	FIELD_DS,             /* begins a DS record */
	FIELD_DS_KEY_TAG,     /* number */
	FIELD_DS_ALGORITHM,   /* number */
	FIELD_DS_DIGEST_TYPE, /* number */
	FIELD_DS_DIGEST,      /* hex */
	FIELD_KEY,            /* begins a key */
	FIELD_KEY_FLAGS,      /* number */
	FIELD_KEY_PROTOCOL,   /* number */
	FIELD_KEY_ALGORITHM,  /* number */
	FIELD_KEY_BYTES,      /* base64 */
	FIELD_RESTORE,        /* token of a known set, in attribute op */
	FIELD_RESULT,         /* number, in attribute code */
	FIELD_EXPIRES,        /* date */
	FIELD_SVTRID,         /* bounded id */
};

/* Which side of a change the children of an element describe. */
enum allow_side { SIDE_AS_BEFORE, SIDE_ADD, SIDE_REMOVE };

struct allow_rule {
	uint8_t place;       /* enum allow_place */
	uint8_t ns;          /* enum allow_namespace */
	const char *element; /* local name */
	uint8_t field;       /* enum allow_field */
	uint8_t children;    /* enum allow_place */
	uint8_t side;        /* enum allow_side */
};

extern const struct allow_rule allow_list[];
extern const size_t allow_list_size;

/* The namespace whose URI this is; NS_COUNT if none of ours. */
enum allow_namespace allow_namespace_find(const char *uri);

#endif
