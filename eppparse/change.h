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

/* What a change is about. Some registries keep delegation or keys in objects of their own, which domains refer to:
 * FRED its nssets and keysets, EURid its nsgroups and keygroups. */
enum change_object {
	CHANGE_DOMAIN,
	CHANGE_HOST,
	CHANGE_NSSET,
	CHANGE_KEYSET,
	CHANGE_NSGROUP,
	CHANGE_KEYGROUP,
	CHANGE_OBJECTS,
};

enum change_verb {
	CHANGE_CREATE,
	CHANGE_UPDATE,
	CHANGE_DELETE,
	CHANGE_RENEW,
	CHANGE_TRANSFER,
	CHANGE_VERBS,
};

/* CHANGE_UNKNOWN: it was about to be carried out, and what came of it was not seen. CHANGE_REJECTED: it was pending, and
 * is not done after all. */
enum change_outcome {
	CHANGE_COMPLETED,
	CHANGE_PENDING,
	CHANGE_UNKNOWN,
	CHANGE_REJECTED,
	CHANGE_OUTCOMES,
};

/* Whose doing it is. */
enum change_initiator { CHANGE_BY_REGISTRAR, CHANGE_BY_REGISTRY, CHANGE_INITIATORS };

enum change_restore {
	CHANGE_NO_RESTORE,
	CHANGE_RESTORE_REQUEST,
	CHANGE_RESTORE_REPORT,
	CHANGE_RESTORES
};

/* RFC 5730, section 2.9.3.4; a query changes nothing. */
enum change_transfer_op {
	TRANSFER_NO_OP,
	TRANSFER_REQUEST,
	TRANSFER_APPROVE,
	TRANSFER_REJECT,
	TRANSFER_CANCEL,
	TRANSFER_OPS,
};

/* RFC 5730, section 4, trStatusType. */
enum change_transfer_status {
	TRANSFER_NO_STATUS,
	TRANSFER_PENDING,
	TRANSFER_CLIENT_APPROVED,
	TRANSFER_CLIENT_CANCELLED,
	TRANSFER_CLIENT_REJECTED,
	TRANSFER_SERVER_APPROVED,
	TRANSFER_SERVER_CANCELLED,
	TRANSFER_STATUSES,
};

/* What change.state describes. */
enum change_state_at { STATE_NONE, STATE_BEFORE, STATE_AFTER, STATE_COUNT };

/* What of the state is known, though there may be none of it: bits of change.state_known. */
enum change_known {
	KNOWN_HOSTS = 1 << 0,
	KNOWN_SECDNS = 1 << 1,
	KNOWN_STATUS = 1 << 2,
	KNOWN_ADDRESSES = 1 << 3, /* of a host */
	KNOWN_ALL = (1 << 4) - 1,
};

/* Commands that a lock prohibits, in alphabetical order: bits of struct change_locks. */
enum change_prohibited {
	PROHIBITS_DELETE = 1 << 0,
	PROHIBITS_RENEW = 1 << 1,
	PROHIBITS_TRANSFER = 1 << 2,
	PROHIBITS_UPDATE = 1 << 3,
	PROHIBITS_ALL = (1 << 4) - 1,
};

/* struct change.changed: that something was given or changed, never what. */
enum change_changed {
	CHANGED_REGISTRANT = 1 << 0,
	CHANGED_CONTACTS = 1 << 1,
	CHANGED_AUTH_INFO = 1 << 2,
	CHANGED_LOCK_POLICY = 1 << 3, /* who may lift a registry lock, and how */
	CHANGED_ALL = (1 << 4) - 1,
};

/* Statuses of RFC 5731, 5732 and 3915, and some of registries' own, as bits 1 << STATUS_x of change_delta.status. */
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
	STATUS_ADD_PERIOD,
	STATUS_AUTO_RENEW_PERIOD,
	STATUS_RENEW_PERIOD,
	STATUS_TRANSFER_PERIOD,
	STATUS_PENDING_RESTORE,
	STATUS_REDEMPTION_PERIOD,
	STATUS_DOMAIN_LOCKED,                /* draft-skoglund-epp-registry-lock */
	STATUS_CLIENT_AUTO_RENEW_PROHIBITED, /* nic.lv */
	STATUS_SERVER_BLOCKED,               /* FRED, as those below */
	STATUS_SERVER_REGISTRANT_CHANGE_PROHIBITED,
	STATUS_SERVER_OUTZONE_MANUAL,
	STATUS_SERVER_INZONE_MANUAL,
	STATUS_COUNT,
};

/* Who sets a status that is a lock. */
enum change_level { LEVEL_NONE, LEVEL_REGISTRAR, LEVEL_REGISTRY };

struct change_status_info {
	const char *epp;        /* as in frames */
	const char *rdap;       /* as in RFC 8056; of one that it doesn't name, as in frames */
	enum change_level lock; /* LEVEL_NONE: prohibits nothing */
	unsigned prohibits;     /* bits of enum change_prohibited */
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

/* A domain or host name: lower case, no trailing dot. Labels are A-labels, or, until the publisher has turned them into
 * such, U-labels in UTF-8 (RFC 5890). */
struct change_name {
	char text[CHANGE_NAME_SIZE];
};

/* An id, such as an svTRID or the handle of an nsset: printable ASCII without spaces and without an @. */
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

/* RFC 5910, section 4.1. Without a digest: all of that key tag (RFC 4310, section 5.2.5, knows no more). */
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

/* A domain's reference to an nsset or the like. Added: its id. Removed: its id, or with an empty one whatever it was. */
struct change_reference {
	uint8_t object; /* enum change_object */
	bool replaces;  /* added: and is the only one of its kind from now on */
	struct change_token id;
};

#define CHANGE_LIST(type)                                                                          \
	{                                                                                          \
		type *items;                                                                       \
		size_t count, capacity;                                                            \
	}

/* What is added, or what is removed, or what there is. */
struct change_delta {
	struct CHANGE_LIST(struct change_name) hosts;
	struct CHANGE_LIST(struct change_address) addresses;
	struct CHANGE_LIST(struct change_ds) ds;
	struct CHANGE_LIST(struct change_key) keys;
	struct CHANGE_LIST(struct change_reference) references;
	uint32_t status;        /* bits of enum change_status */
	uint16_t status_others; /* how many statuses there were that we don't know */
	bool all_secdns;        /* removed: all DS records and keys */
	bool all_hosts;         /* removed: all nameservers */
};

/* What a registry lock (or its like) prohibits from now on, and what it does not any more: bits of enum
 * change_prohibited. Locks by statuses stand in the deltas. */
struct change_locks {
	uint8_t lock, unlock;
};

struct change_transfer {
	enum change_transfer_op op;
	enum change_transfer_status status;
	struct change_registrar gaining, losing; /* as told: see change_registrar */
	bool has_requested, has_acted;
	int64_t requested, acted; /* seconds since 1970, UTC */
};

struct change {
	int64_t wall_us; /* when the tap saw the response; not part of its encoding */
	struct change_registrar registrar; /* empty: not known, or left out */
	struct change_token svtrid;        /* empty: the response had none, or it was no token */
	enum change_object object;
	enum change_verb verb;
	enum change_outcome outcome;
	enum change_initiator initiator;
	bool is_message;             /* from a message, which may be shown again: to be told once */
	struct change_token ends;    /* svTRID of the pending command whose end this is, or empty */
	enum change_restore restore; /* RFC 3915 */
	struct change_name name;     /* of a domain or host; else empty */
	struct change_token handle;  /* of any other object; else empty */
	struct change_delta add, remove;
	enum change_state_at state_at; /* RFC 8590: what `state` describes */
	unsigned state_known;          /* bits of enum change_known */
	struct change_delta state;
	struct change_locks locks;
	struct change_transfer transfer;
	unsigned changed;            /* bits of enum change_changed */
	struct change_name new_name; /* a host's; empty: it keeps its name */
	bool has_max_sig_life, has_expires, has_done;
	uint32_t max_sig_life; /* seconds */
	/* Seconds since 1970, UTC; done: when the registry did it, or will. */
	int64_t expires, done;
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
MUST_USE int change_add_reference(struct change_delta *delta, struct change_reference **item);

/* Reads a name of `size` bytes: blanks around it and one trailing dot are dropped, ASCII letters lowered.
 * RESULT_INVALID: not letters, digits, hyphens, underscores and dots, or lengths that RFC 1035 forbids. Letters beyond
 * ASCII, in UTF-8, are taken as they are: whether they make U-labels is judged by who makes A-labels of them. */
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

/* The locks that are put on and taken off, of a level: those by statuses, and the registry's own. */
struct change_locks change_locks_of(const struct change *change, enum change_level level);

/* The words of EPP for these; NULL for none. */
const char *change_transfer_op_name(enum change_transfer_op op);
const char *change_transfer_status_name(enum change_transfer_status status);

/* The object's own word, such as "nsset". Static; total. */
const char *change_object_name(enum change_object object);

/* Has an object of this kind a name, as domains and hosts have? All others have a handle. */
bool change_object_has_name(enum change_object object);

/* Is it one of those that hold a domain's keys (else: its nameservers)? */
bool change_object_has_keys(enum change_object object);

/* Does it say what it is about: by a name or by a handle, whichever its object has, and not by both? */
bool change_has_subject(const struct change *change);

/* Adds to the lists of `after`, whose state is that after the change, what came and went since the state of `before`: of
 * what both know, and nothing if they are not the states before and after a change, or larger than any object's. A
 * nameserver whose addresses differ went and came. RESULT_OK; RESULT_FULL, RESULT_NOMEM: some of it is added. */
MUST_USE int change_add_difference(const struct change *before, struct change *after);

/* What the change does, from the command alone: bits of enum change_impact. */
uint32_t change_impact(const struct change *change);

/* A change as bytes of a spool record, in a format of version CHANGE_ENCODING, and back. The decoder trusts
 * nothing: RESULT_INVALID for bytes that no change_encode() wrote, RESULT_NOMEM. */
enum { CHANGE_ENCODING = 2 };
void change_encode(const struct change *change, struct buffer *into);
MUST_USE int change_decode(struct change *change, const void *bytes, size_t size);

#endif
