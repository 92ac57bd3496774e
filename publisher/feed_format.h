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

/* Topics of what is no domain name begin with this; no name can. */
#define FEED_OWN_TOPIC_MARK   '~'
#define FEED_EVENT_TOPIC      "~event"
#define FEED_CHECKPOINT_TOPIC "~checkpoint"

/* What the sub_id of an object without a name begins with; its class and handle follow. */
#define FEED_HANDLE_SCHEME    "urn:epptap:"

/* The tap's own events. */
#define FEED_GAP_EVENT        "urn:epptap:gap"
#define FEED_KEY_EVENT        "urn:epptap:key"
#define FEED_TEST_EVENT       "urn:epptap:verification"

enum {
	FEED_VERSION = 1,
	FEED_KEY_SIZE = 32,       /* an Ed25519 public key, raw */
	FEED_SIGNATURE_SIZE = 64, /* an Ed25519 signature */
	FEED_KEY_ID_SIZE = 44,    /* a key id as text with its NUL: 43 characters base64url */
	FEED_EVENT_MAX = 60000,   /* bytes of a compact JWS; larger events carry counts */
	FEED_JWS_MAX = 65535,     /* bytes a reader must accept: a log entry's length has 16 bits */
	FEED_TOPIC_SIZE = 256,    /* bytes of a topic with its NUL, never more */
	FEED_IMPACTS = 17,        /* words of an event's `impact` */
	FEED_CLASSES = 4,         /* classes of objects that have a handle, and no name */
	FEED_HANDLE_MAX = 64,     /* bytes of a handle */
	FEED_URI_SIZE = 280,      /* bytes of a sub_id's URI with its NUL, never more */
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

/* Class number `i`, below FEED_CLASSES, of the objects that registries keep delegation or keys in, and domains refer
 * to: `nsset` and the like. They have a handle in the place of a name. NULL past the last. */
const char *feed_class(size_t i);

/* The topic of such an object: "~nsset.", the handle in lower case, and a dot. RESULT_INVALID: an empty handle, or one
 * over FEED_HANDLE_MAX bytes. */
MUST_USE int feed_handle_topic(const char *kind, const char *handle, char topic[FEED_TOPIC_SIZE]);

/* The sub_id's URI of such an object: "urn:epptap:nsset:" and the handle, percent-encoded (RFC 3986) but for letters,
 * digits and "-._~:". The same results. */
MUST_USE int feed_handle_uri(const char *kind, const char *handle, char uri[FEED_URI_SIZE]);

#endif
