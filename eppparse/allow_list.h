/* allow_list.h - which elements of a frame are read at all
 *
 * A rule says: within this place, the element of this namespace and name is that field, and its children are looked
 * up in that place. An element without a rule is skipped with all that is in it. What can become of a field's text or
 * attribute, its type says: there is none for free text.
 */
#ifndef EPPPARSE_ALLOW_LIST_H
#define EPPPARSE_ALLOW_LIST_H

#include "base/epp_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the reader stands: which rules apply to the children of an element. */
enum allow_place {
	IN_DOCUMENT,
	IN_EPP,
	IN_PROTOCOL_EXTENSION,
	IN_COMMAND,
	IN_CREATE, /* the first of the places in which a command names its object */
	IN_UPDATE,
	IN_DELETE,
	IN_RENEW,
	IN_TRANSFER,
	IN_RESTORE, /* the last of them */
	IN_LOGIN,
	IN_COMMAND_EXTENSION,
	IN_DOMAIN_CREATE,
	IN_DOMAIN_UPDATE,
	IN_DOMAIN_UPDATE_PART,
	IN_DOMAIN_CHANGE,
	IN_DOMAIN_TRANSFER,
	IN_DOMAIN_NAMED,
	IN_NS,
	IN_HOST_ATTR,
	IN_HOST_CREATE,
	IN_HOST_UPDATE,
	IN_HOST_UPDATE_PART,
	IN_HOST_CHANGE,
	IN_HOST_NAMED,
	IN_SET_UPDATE,
	IN_SET_PART,
	IN_SET_CHANGE,
	IN_GROUP,
	IN_EXT_UPDATE,
	IN_EXT_PART,
	IN_EXT_TRANSFER,
	IN_EXT_DELETE,
	IN_EXT_SCHEDULE,
	IN_SECDNS_UPDATE,
	IN_SECDNS_CHANGE,
	IN_SECDNS,
	IN_DS,
	IN_KEY,
	IN_RGP_UPDATE,
	IN_RESPONSE,
	IN_RESULT,
	IN_EXTENSION_VALUE,
	IN_MESSAGE_QUEUE,
	IN_DATA, /* what a server tells: in resData, extension, a message, or a value (RFC 9038) */
	IN_DOMAIN_RESULT,
	IN_PENDING_ACTION,
	IN_PENDING_IDS,
	IN_TRANSFER_DATA,
	IN_DOMAIN_INFO,
	IN_HOST_INFO,
	IN_CHANGE_DATA,
	IN_UPDATE_DATA,
	IN_DELETED_DATA,
	IN_LOCK_INFO,
	IN_TRANSACTION_IDS,
	IN_NOTHING, /* no child is read */
	IN_PLACES,
};

/* What an element means. */
enum allow_field {
	FIELD_NONE,     /* only leads on */
	FIELD_COMMAND,  /* it is a command */
	FIELD_RESPONSE, /* it is a response */

	/* verbs */
	FIELD_CREATE,
	FIELD_UPDATE,
	FIELD_DELETE,
	FIELD_RENEW,
	FIELD_TRANSFER,     /* its attribute op says which; a query changes nothing */
	FIELD_RESTORE_VERB, /* of registries that have a verb for it */
	FIELD_QUERY,        /* a command that changes nothing */
	FIELD_LOGIN,        /* such a one, with who it is */
	FIELD_LOGIN_ID,

	/* objects */
	FIELD_DOMAIN,
	FIELD_DOMAIN_KEEPING_DS, /* or not, says its attribute keepDS */
	FIELD_DOMAIN_UPDATED,    /* whatever the verb: it is an update */
	FIELD_DOMAIN_RELEASED,   /* the same: it is a transfer */
	FIELD_HOST,
	FIELD_NSSET,
	FIELD_KEYSET,
	FIELD_NSGROUP,     /* an update replaces all of it */
	FIELD_KEYGROUP,    /* likewise */
	FIELD_NO_INTEREST, /* object whose changes are nobody's business */

	/* what a change is about, and what it brings */
	FIELD_NAME,
	FIELD_DOMAIN_NAME, /* of a domain that no object element stands around */
	FIELD_HANDLE,
	FIELD_NSSET_HANDLE, /* likewise of a set */
	FIELD_KEYSET_HANDLE,
	FIELD_NAMESERVERS, /* leads on to names, or is one itself */
	FIELD_HOST_NAME,   /* of a nameserver, added or removed */
	FIELD_NEW_NAME,    /* what a host is called from now on */
	FIELD_ADDRESS,     /* attribute ip is not read */
	FIELD_STATUS,      /* in attribute s; its text is not read */
	FIELD_NSSET_REFERENCE,
	FIELD_KEYSET_REFERENCE,
	FIELD_NSGROUP_REFERENCE,
	FIELD_KEYGROUP_REFERENCE,

	/* that it was given or changed, never what */
	FIELD_REGISTRANT,
	FIELD_CONTACT,
	FIELD_AUTH_INFO,
	FIELD_LOCK_POLICY,

	/* secDNS */
	FIELD_SECDNS, /* a command has one, of either version */
	FIELD_SECDNS_ALL,
	FIELD_SECDNS_REPLACED, /* what follows is in place of all there was */
	FIELD_MAX_SIG_LIFE,
	FIELD_DS, /* begins a DS record */
	FIELD_DS_KEY_TAG,
	FIELD_DS_ALGORITHM,
	FIELD_DS_DIGEST_TYPE,
	FIELD_DS_DIGEST,
	FIELD_DS_BY_TAG, /* all DS records of a key tag */
	FIELD_KEY,       /* begins a key */
	FIELD_KEY_FLAGS,
	FIELD_KEY_PROTOCOL,
	FIELD_KEY_ALGORITHM,
	FIELD_KEY_BYTES,

	/* restores, deletions, locks */
	FIELD_RESTORE,      /* in attribute op */
	FIELD_DELETE_NOT,   /* a deletion that was for later is taken back */
	FIELD_LOCK,         /* no delete and no update without consent */
	FIELD_LOCK_ALL,     /* no delete, transfer or update */
	FIELD_LOCK_BY_TYPE, /* the same, or off with it, says its attribute type */

	/* what the server says */
	FIELD_RESULT,          /* its code is in attribute code */
	FIELD_EXTENSION_VALUE, /* of a message alone: else it may be what the client sent */
	FIELD_QUEUED,
	FIELD_EXPIRES,
	FIELD_SVTRID,

	/* what its messages tell of */
	FIELD_PENDING_ACTION, /* the end of a pending command on a domain */
	FIELD_PENDING_HOST_ACTION,
	FIELD_PENDING_NAME, /* name, and in attribute paResult how it ended */
	FIELD_ENDED_TXN,    /* which command that was */
	FIELD_DONE,
	FIELD_TRANSFER_DATA, /* a transfer */
	FIELD_TRANSFER_STATUS,
	FIELD_GAINING,
	FIELD_LOSING,
	FIELD_REQUESTED,
	FIELD_ACTED,
	FIELD_DOMAIN_INFO, /* how a domain is, or was */
	FIELD_HOST_INFO,
	FIELD_NSSET_INFO,
	FIELD_KEYSET_INFO,
	FIELD_SECDNS_INFO,
	FIELD_CHANGE_DATA, /* what the registry did; attribute state says whether the infData is of before */
	FIELD_OPERATION,
	FIELD_CHANGE_TXN,
	FIELD_UPDATE_DATA,    /* FRED's way to say it */
	FIELD_OLD_DATA,       /* what is within is how the object was */
	FIELD_DELETED_DATA,   /* the registry deleted a domain */
	FIELD_LOCK_INFO,      /* the end of a command on a locked object */
	FIELD_LOCK_OPERATION, /* in attribute success */
	FIELD_COUNT,
};

/* What can become of an element's text, or of an attribute. */
enum allow_type {
	TYPE_NOTHING, /* neither is looked at */
	TYPE_NAME,    /* a domain or host name */
	TYPE_ADDRESS, /* an IP address */
	TYPE_NUMBER,  /* with a maximum */
	TYPE_BOOLEAN,
	TYPE_HEX,
	TYPE_BASE64, /* of a key */
	TYPE_DATE,
	TYPE_TOKEN, /* of a known set */
	TYPE_ID,    /* bounded: printable ASCII without spaces */
};

struct allow_field_info {
	enum allow_type text, attribute;
};

/* Which side of a change the children of an element describe. SIDE_SET: what is to be there alone from now on. */
enum allow_side { SIDE_AS_BEFORE, SIDE_ADD, SIDE_REMOVE, SIDE_SET, SIDE_STATE };

struct allow_rule {
	uint8_t place;       /* enum allow_place */
	uint8_t ns;          /* enum epp_namespace */
	const char *element; /* local name; NULL: any */
	uint8_t field;       /* enum allow_field */
	uint8_t children;    /* enum allow_place */
	uint8_t side;        /* enum allow_side */
};

extern const struct allow_rule allow_list[];
extern const size_t allow_list_size;

/* Total: of a number that is no field it says TYPE_NOTHING. */
struct allow_field_info allow_field_info(unsigned field);

#endif
