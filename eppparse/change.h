/* change.h - one change at the registry, and nothing else
 *
 * What eppparse reads out of a command with its response, what a spool record holds, what the publisher makes an
 * event of. The redaction is here by construction: each member is a name, an address, a number, a digest or key, a
 * date, a bit of a known set, or a bounded id. No member can hold free text; so no contact data fits in.
 *
 * Owner: whoever called change_init(); a change is reused (change_clear() keeps its memory). Not thread-safe.
 */
#ifndef EPPPARSE_CHANGE_H
#define EPPPARSE_CHANGE_H

#include "base/buffer.h"
#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CHANGE_NAME_SIZE = 254,  /* RFC 1035: 253 bytes, and a NUL */
	CHANGE_TOKEN_SIZE = 65,  /* 64 bytes of printable ASCII, and a NUL */
	CHANGE_DIGEST_SIZE = 64, /* SHA-512's; DS digests are 20 to 48 bytes */
	CHANGE_KEY_SIZE = 4096,  /* DNSKEY: an RSA key of 4096 bits has 515 bytes */
	CHANGE_LIST_MAX = 4096,  /* members of one list */
	CHANGE_NO_HOST = 0xffff, /* change_address.host of a host object's own address */
};

enum change_object { CHANGE_DOMAIN, CHANGE_HOST, CHANGE_OBJECTS };

enum change_verb { CHANGE_CREATE, CHANGE_UPDATE, CHANGE_DELETE, CHANGE_RENEW, CHANGE_VERBS };

/* CHANGE_UNKNOWN: it was about to be carried out, and what came of it was not seen. */
enum change_outcome { CHANGE_COMPLETED, CHANGE_PENDING, CHANGE_UNKNOWN, CHANGE_OUTCOMES };

enum change_restore {
	CHANGE_NO_RESTORE,
	CHANGE_RESTORE_REQUEST,
	CHANGE_RESTORE_REPORT,
	CHANGE_RESTORES
};

/* struct change.changed: that something was given or changed, never what. */
enum change_changed {
	CHANGE_REGISTRANT = 1 << 0,
	CHANGE_CONTACTS = 1 << 1,
	CHANGE_AUTH_INFO = 1 << 2,
};

/* Statuses of RFC 5731 and 5732, as bits 1 << STATUS_x of change_delta.status. */
enum change_status {
	STATUS_CLIENT_DELETE_PROHIBITED,
	STATUS_CLIENT_HOLD,
	STATUS_CLIENT_RENEW_PROHIBITED,
	STATUS_CLIENT_TRANSFER_PROHIBITED,
	STATUS_CLIENT_UPDATE_PROHIBITED,
	STATUS_SERVER_DELETE_PROHIBITED,
	STATUS_SERVER_HOLD,
	STATUS_SERVER_RENEW_PROHIBITED,
	STATUS_SERVER_TRANSFER_PROHIBITED,
	STATUS_SERVER_UPDATE_PROHIBITED,
	STATUS_INACTIVE,
	STATUS_LINKED,
	STATUS_OK,
	STATUS_PENDING_CREATE,
	STATUS_PENDING_DELETE,
	STATUS_PENDING_RENEW,
	STATUS_PENDING_TRANSFER,
	STATUS_PENDING_UPDATE,
	STATUS_COUNT,
};

/* Who sets a status that is a lock. */
enum change_level { LEVEL_NONE, LEVEL_REGISTRAR, LEVEL_REGISTRY };

struct change_status_info {
	const char *epp;        /* as in RFC 5731 */
	const char *rdap;       /* as in RFC 8056 */
	enum change_level lock; /* LEVEL_NONE: prohibits nothing */
	const char *prohibits;  /* the command that a lock prohibits, or NULL */
	bool hold;              /* takes the name out of the zone */
};

/* What the impact of a change can be, in the order in which an event lists it (publisher/feed_format.h has the words).
 * Bits 1 << IMPACT_x. */
enum change_impact {
	IMPACT_CREATE,
	IMPACT_DELETE,
	IMPACT_RESTORE,
	IMPACT_RENEW,
	IMPACT_TRANSFER,
	IMPACT_REGISTRAR,
	IMPACT_DELEGATION,
	IMPACT_GLUE,
	IMPACT_DNSSEC_ADDED,
	IMPACT_DNSSEC_CHANGED,
	IMPACT_DNSSEC_REMOVED,
	IMPACT_LOCK,
	IMPACT_UNLOCK,
	IMPACT_HOLD,
	IMPACT_UNHOLD,
	IMPACT_CONTACTS,
	IMPACT_NONE,
	IMPACT_COUNT,
};

/* A domain or host name: A-labels, lower case, no trailing dot. */
struct change_name {
	char text[CHANGE_NAME_SIZE];
};

/* An id, such as an svTRID: printable ASCII without spaces and without an @. */
struct change_token {
	char text[CHANGE_TOKEN_SIZE];
};

/* A registrar as it is published: its id, or what the operator's config calls it; printable ASCII, single spaces
 * within. */
struct change_registrar {
	char text[CHANGE_TOKEN_SIZE];
};

struct change_address {
	uint16_t host;  /* which of the list's hosts it belongs to, or CHANGE_NO_HOST */
	uint8_t family; /* 4 or 6 */
	uint8_t bytes[16];
};

/* RFC 5910, section 4.1 */
struct change_ds {
	uint16_t key_tag;
	uint8_t algorithm, digest_type, digest_size;
	uint8_t digest[CHANGE_DIGEST_SIZE];
};

/* RFC 5910, section 4.2 */
struct change_key {
	uint16_t flags;
	uint8_t protocol, algorithm;
	uint16_t size;
	uint8_t bytes[CHANGE_KEY_SIZE];
};

#define CHANGE_LIST(type)                                                                          \
	{                                                                                          \
		type *items;                                                                       \
		size_t count, capacity;                                                            \
	}

/* What is added, or what is removed. */
struct change_delta {
	struct CHANGE_LIST(struct change_name) hosts;
	struct CHANGE_LIST(struct change_address) addresses;
	struct CHANGE_LIST(struct change_ds) ds;
	struct CHANGE_LIST(struct change_key) keys;
	uint32_t status;        /* bits of enum change_status */
	uint16_t status_others; /* how many statuses there were that we don't know */
	bool all_secdns;        /* secDNS:rem with all */
};

struct change {
	int64_t wall_us; /* when the tap saw the response; not part of its encoding */
	struct change_registrar registrar; /* empty: not known, or left out */
	struct change_token svtrid;        /* empty: the response had none, or it was no token */
	enum change_object object;
	enum change_verb verb;
	enum change_outcome outcome;
	enum change_restore restore; /* RFC 3915 */
	struct change_name name;
	struct change_delta add, remove;
	unsigned changed;            /* bits of enum change_changed */
	struct change_name new_name; /* a host's; empty: it keeps its name */
	bool has_max_sig_life, has_expires;
	uint32_t max_sig_life; /* seconds */
	int64_t expires;       /* seconds since 1970, UTC */
};

void change_init(struct change *change);

/* Makes it an empty change again and keeps the lists' memory. */
void change_clear(struct change *change);

void change_free(struct change *change);

/* Each appends one item to its list. RESULT_FULL: CHANGE_LIST_MAX are there; RESULT_NOMEM. *item is the new one,
 * zeroed, good until the next call on the list. */
MUST_USE int change_add_host(struct change_delta *delta, struct change_name **item);
MUST_USE int change_add_address(struct change_delta *delta, struct change_address **item);
MUST_USE int change_add_ds(struct change_delta *delta, struct change_ds **item);
MUST_USE int change_add_key(struct change_delta *delta, struct change_key **item);

/* Reads a name of `size` bytes: blanks around it and one trailing dot are dropped, letters lowered.
 * RESULT_INVALID: not letters, digits, hyphens, underscores and dots, or lengths that RFC 1035 forbids. */
MUST_USE int change_name_read(struct change_name *name, const char *text, size_t size);

/* Reads an id: blanks around it are dropped. RESULT_INVALID, and an empty token: too long, not printable ASCII without
 * spaces, or with an @ in it: it may be a person's address. */
MUST_USE int change_token_read(struct change_token *token, const char *text, size_t size);

/* The same for what a registrar is called. Whether a login may be told is the capture side's to judge. */
MUST_USE int change_registrar_read(struct change_registrar *registrar, const char *text,
				   size_t size);

/* The status named `text`, or STATUS_COUNT. */
enum change_status change_status_find(const char *text, size_t size);
const struct change_status_info *change_status_info(enum change_status status);

/* What the change does, from the command alone: bits of enum change_impact. */
uint32_t change_impact(const struct change *change);

/* A change as bytes of a spool record, in a format of version CHANGE_ENCODING, and back. The decoder trusts
 * nothing: RESULT_INVALID for bytes that no change_encode() wrote, RESULT_NOMEM. */
enum { CHANGE_ENCODING = 1 };
void change_encode(const struct change *change, struct buffer *into);
MUST_USE int change_decode(struct change *change, const void *bytes, size_t size);

#endif
