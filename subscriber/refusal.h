/* refusal.h - why a message is not verified: a reason for programs, a sentence for people
 *
 * The sentence says what is wrong and what would be right. It may quote the message, but only through refuse(),
 * which lets nothing but printable ASCII pass. Owner: the caller; no memory of its own.
 */
#ifndef SUBSCRIBER_REFUSAL_H
#define SUBSCRIBER_REFUSAL_H

#include "base/result.h"
#include "publisher/feed_format.h"

enum refusal_reason {
	REFUSAL_NONE = 0,
	REFUSAL_FRAMES,             /* not three frames */
	REFUSAL_TOPIC_SIZE,         /* longer than any topic */
	REFUSAL_INDEX,              /* not a decimal number */
	REFUSAL_JWS_SIZE,           /* over FEED_JWS_MAX */
	REFUSAL_JWS_PARTS,          /* not three parts with dots between */
	REFUSAL_HEADER_ENCODING,    /* not base64url */
	REFUSAL_HEADER_JSON,        /* not a JSON object, or a member twice */
	REFUSAL_HEADER_FORBIDDEN,   /* jwk, jku, x5u, x5c or crit */
	REFUSAL_ALG,                /* neither EdDSA nor Ed25519 */
	REFUSAL_TYP,                /* not secevent+jwt */
	REFUSAL_KID,                /* missing or not a text */
	REFUSAL_KEY_UNKNOWN,        /* no such key in the JWKS */
	REFUSAL_SIGNATURE_ENCODING, /* not base64url of 64 bytes */
	REFUSAL_SIGNATURE,          /* does not match */
	REFUSAL_PAYLOAD_ENCODING,   /* not base64url */
	REFUSAL_PAYLOAD_JSON,       /* not a JSON object, or a member twice */
	REFUSAL_ISS,                /* another registry */
	REFUSAL_JTI,
	REFUSAL_IAT,
	REFUSAL_TOE,
	REFUSAL_SUB_ID,
	REFUSAL_EVENTS, /* not exactly one */
	REFUSAL_TOPIC,  /* the topic is not that of the event */
};

enum { REFUSAL_TEXT_SIZE = 512 };

struct refusal {
	enum refusal_reason reason;
	char text[REFUSAL_TEXT_SIZE]; /* printable ASCII, one line */
	char kid[FEED_KEY_ID_SIZE];   /* of REFUSAL_KEY_UNKNOWN: which; printable, cut */
};

/* Fills `why`, with all that is not printable made so, and cut to its size. Always RESULT_INVALID, for `return`. */
MUST_USE int refuse(struct refusal *why, enum refusal_reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
