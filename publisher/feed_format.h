/* feed_format.h - what publisher and subscriber must agree on, byte for byte
 *
 * Pure: no state, no threads, no store. Needs libcrypto for base64 and SHA-256. What the feed means is told in
 * publisher/FEED.md; the standards are RFC 7515 (JWS), RFC 7638 (key ids), RFC 8417 (security event tokens).
 */
#ifndef PUBLISHER_FEED_FORMAT_H
#define PUBLISHER_FEED_FORMAT_H

#include "base/buffer.h"
#include "base/result.h"

#include <stddef.h>
#include <stdint.h>

#define FEED_JOSE_TYP         "secevent+jwt"

/* Topics of the tap's own messages begin with this; no domain name can. */
#define FEED_OWN_TOPIC_MARK   '~'
#define FEED_EVENT_TOPIC      "~event"
#define FEED_CHECKPOINT_TOPIC "~checkpoint"

/* The tap's own events. */
#define FEED_GAP_EVENT        "urn:epptap:gap"
#define FEED_KEY_EVENT        "urn:epptap:key"

enum {
	FEED_VERSION = 1,
	FEED_KEY_SIZE = 32,       /* an Ed25519 public key, raw */
	FEED_SIGNATURE_SIZE = 64, /* an Ed25519 signature */
	FEED_KEY_ID_SIZE = 44,    /* a key id as text with its NUL: 43 characters base64url */
	FEED_EVENT_MAX = 60000,   /* bytes of a compact JWS; larger events carry counts */
	FEED_JWS_MAX = 65535,     /* bytes a reader must accept: a log entry's length has 16 bits */
	FEED_TOPIC_SIZE = 256,    /* bytes of a topic with its NUL, never more */
	FEED_IMPACTS = 17,        /* words of an event's `impact` */
};

/* Word number `i` of an event's `impact`, below FEED_IMPACTS, in the order in which an event lists them; NULL past the
 * last. */
const char *feed_impact_name(size_t i);

/* Appends base64url without padding (RFC 7515, section 2). */
void feed_base64url_encode(const void *bytes, size_t size, struct buffer *into);

/* Appends what `text` stands for. RESULT_INVALID: a character that is not of the alphabet, padding, or a length
 * that can't be; RESULT_FULL: the buffer's maximum, or no memory. */
MUST_USE int feed_base64url_decode(const char *text, size_t size, struct buffer *into);

/* A key's RFC 7638 thumbprint as its `kid`. */
MUST_USE int feed_key_id(const uint8_t key[FEED_KEY_SIZE], char id[FEED_KEY_ID_SIZE]);

/* The topic of a name: its labels reversed, each closed by a dot: "ns1.example.org" gives "org.example.ns1.".
 * `name` is lower case without a trailing dot. RESULT_INVALID: empty, an empty label, or over 253 bytes. */
MUST_USE int feed_topic(const char *name, char topic[FEED_TOPIC_SIZE]);

#endif
