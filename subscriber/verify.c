#include "subscriber/verify.h"

#include "base/name.h"
#include "publisher/feed_format.h"
#include "subscriber/printable.h"

#include <stdio.h>
#include <string.h>

#define HOST_KIND  "urn:ietf:params:xml:ns:host-1.0#"
#define DNS_SCHEME "dns:"

enum { JTI_MAX = 128, INDEX_DIGITS_MAX = 19, PARTS = 3, SAID_MAX = 100 };

#define TOE_END 253402300800.0 /* the year 10000 */

/* The three parts of a compact JWS; `signed_size` bytes from the start are what was signed. */
struct jws {
	struct message_frame header, payload, signature;
	size_t signed_size;
};

bool verify_index(const struct message *message, uint64_t *index)
{
	const struct message_frame *frame = &message->index;
	if (message->frames < 2 || frame->size == 0 || frame->size > INDEX_DIGITS_MAX)
		return false;
	if (frame->bytes[0] == '0' && frame->size > 1)
		return false;
	uint64_t number = 0;
	for (size_t i = 0; i < frame->size; i++) {
		if (frame->bytes[i] < '0' || frame->bytes[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(frame->bytes[i] - '0');
	}
	*index = number;
	return number <= INT64_MAX;
}

static int check_frames(const struct message *message, struct event *event, struct refusal *why)
{
	if (message->frames != MESSAGE_FRAMES)
		return refuse(why, REFUSAL_FRAMES,
			      "the message has %zu frames: topic, index and JWS would be right",
			      message->frames);
	if (!verify_index(message, &event->index))
		return refuse(why, REFUSAL_INDEX, "the index is not a decimal number");
	if (message->topic.size >= FEED_TOPIC_SIZE)
		return refuse(why, REFUSAL_TOPIC_SIZE,
			      "the topic has %zu bytes: at most %d would be right",
			      message->topic.size, FEED_TOPIC_SIZE - 1);
	if (message->jws.size > FEED_JWS_MAX)
		return refuse(why, REFUSAL_JWS_SIZE,
			      "the JWS has %zu bytes: at most %d would be right", message->jws.size,
			      FEED_JWS_MAX);
	return RESULT_OK;
}

static int split(const struct message_frame *text, struct jws *jws, struct refusal *why)
{
	struct message_frame parts[PARTS] = {0};
	size_t count = 0, start = 0;
	for (size_t i = 0; i <= text->size; i++) {
		if (i < text->size && text->bytes[i] != '.')
			continue;
		if (count < PARTS)
			parts[count] = (struct message_frame){text->bytes + start, i - start};
		count++;
		start = i + 1;
	}
	if (count != PARTS)
		return refuse(why, REFUSAL_JWS_PARTS,
			      "the JWS has %zu parts: header.payload.signature would be right",
			      count);
	*jws = (struct jws){.header = parts[0],
			    .payload = parts[1],
			    .signature = parts[2],
			    .signed_size = parts[0].size + 1 + parts[1].size};
	return RESULT_OK;
}

/* A part's bytes. RESULT_INVALID: not base64url. The buffer's maximum is never the limit. */
static int decode(const struct message_frame *part, struct buffer *into)
{
	buffer_init(into, FEED_JWS_MAX);
	if (part->size == 0)
		return RESULT_OK;
	int result = feed_base64url_decode(part->bytes, part->size, into);
	return result == RESULT_FULL ? RESULT_NOMEM : result;
}

/* A JSON object, no member twice. RESULT_INVALID: it is none. */
static int parse_object(const struct buffer *text, json_t **object)
{
	json_error_t error;
	*object = json_loadb(text->size ? text->data : "", text->size, JSON_REJECT_DUPLICATES,
			     &error);
	if (!*object && json_error_code(&error) == json_error_out_of_memory)
		return RESULT_NOMEM;
	if (json_is_object(*object))
		return RESULT_OK;
	json_decref(*object);
	*object = NULL;
	return RESULT_INVALID;
}

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static const char *or_none(const char *text)
{
	return text ? text : "(none)";
}

static int check_header(const json_t *header, struct refusal *why)
{
	static const char *const forbidden[] = {"jwk", "jku", "x5u", "x5c", "crit"};
	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
		if (json_object_get(header, forbidden[i]))
			return refuse(why, REFUSAL_HEADER_FORBIDDEN,
				      "the header has %s: keys come from the JWKS alone, and no "
				      "extension is known",
				      forbidden[i]);
	}
	const char *alg = text_member(header, "alg");
	if (!alg || (strcmp(alg, "EdDSA") != 0 && strcmp(alg, "Ed25519") != 0))
		return refuse(why, REFUSAL_ALG,
			      "the header's alg is %.20s: EdDSA or Ed25519 would be right",
			      or_none(alg));
	const char *typ = text_member(header, "typ");
	if (!typ || strcmp(typ, FEED_JOSE_TYP) != 0)
		return refuse(why, REFUSAL_TYP,
			      "the header's typ is %.40s: " FEED_JOSE_TYP " would be right",
			      or_none(typ));
	if (!text_member(header, "kid"))
		return refuse(why, REFUSAL_KID, "the header has no kid");
	return RESULT_OK;
}

static int read_header(const struct jws *jws, json_t **header, struct refusal *why)
{
	struct buffer text;
	*header = NULL;
	int result = decode(&jws->header, &text);
	if (result == RESULT_INVALID) {
		result = refuse(why, REFUSAL_HEADER_ENCODING, "the header is not base64url");
		goto out;
	}
	if (result != RESULT_OK)
		goto out;
	result = parse_object(&text, header);
	if (result == RESULT_INVALID)
		result = refuse(why, REFUSAL_HEADER_JSON,
				"the header is not a JSON object with each member once");
	else if (result == RESULT_OK)
		result = check_header(*header, why);
out:
	buffer_free(&text);
	return result;
}

/* RESULT_OK: it matches; RESULT_INVALID: it does not; RESULT_NOMEM: could not be tried. */
static int match(EVP_PKEY *key, const struct buffer *signature, const char *text, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int result = RESULT_NOMEM;
	if (context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1)
		result = EVP_DigestVerify(context, (const unsigned char *)signature->data,
					  signature->size, (const unsigned char *)text, size) == 1
				 ? RESULT_OK
				 : RESULT_INVALID;
	EVP_MD_CTX_free(context);
	return result;
}

static int check_signature(const struct jws *jws, const struct keys *keys, const char *kid,
			   struct refusal *why)
{
	EVP_PKEY *key = keys_find(keys, kid);
	if (!key) {
		snprintf(why->kid, sizeof why->kid, "%s", kid);
		printable_in_place(why->kid);
		return refuse(why, REFUSAL_KEY_UNKNOWN,
			      "key %.64s is not in the JWKS, or was revoked", kid);
	}
	struct buffer signature;
	int result = decode(&jws->signature, &signature);
	if (result == RESULT_INVALID ||
	    (result == RESULT_OK && signature.size != FEED_SIGNATURE_SIZE))
		result = refuse(why, REFUSAL_SIGNATURE_ENCODING,
				"the signature is not %d bytes in base64url", FEED_SIGNATURE_SIZE);
	else if (result == RESULT_OK) {
		result = match(key, &signature, jws->header.bytes, jws->signed_size);
		if (result == RESULT_INVALID)
			result = refuse(why, REFUSAL_SIGNATURE,
					"signature does not match key %.64s", kid);
	}
	buffer_free(&signature);
	return result;
}

static int read_payload(const struct jws *jws, struct event *event, struct refusal *why)
{
	int result = decode(&jws->payload, &event->payload);
	if (result == RESULT_INVALID)
		return refuse(why, REFUSAL_PAYLOAD_ENCODING, "the payload is not base64url");
	if (result != RESULT_OK)
		return result;
	result = parse_object(&event->payload, &event->claims);
	if (result == RESULT_INVALID)
		return refuse(why, REFUSAL_PAYLOAD_JSON,
			      "the payload is not a JSON object with each member once");
	return result;
}

static int check_claims(struct event *event, const char *registry, struct refusal *why)
{
	const char *iss = text_member(event->claims, "iss");
	if (!iss || strcmp(iss, registry) != 0)
		return refuse(why, REFUSAL_ISS, "the event is of registry %.*s, not of %.*s",
			      SAID_MAX, or_none(iss), SAID_MAX, registry);
	event->jti = text_member(event->claims, "jti");
	if (!event->jti || !*event->jti || strlen(event->jti) > JTI_MAX)
		return refuse(why, REFUSAL_JTI, "jti is not a text of 1 to %d bytes", JTI_MAX);
	const json_t *iat = json_object_get(event->claims, "iat");
	if (!json_is_integer(iat) || json_integer_value(iat) < 0)
		return refuse(why, REFUSAL_IAT, "iat is not a time in whole seconds");
	const json_t *toe = json_object_get(event->claims, "toe");
	double seconds = json_number_value(toe);
	if (!json_is_number(toe) || !(seconds >= 0) || seconds >= TOE_END - 1)
		return refuse(why, REFUSAL_TOE, "toe is not a time in seconds");
	event->toe_ms = (int64_t)(seconds * 1000 + 0.5);
	return RESULT_OK;
}

/* A name as the feed writes it: nothing is left to read out of it. */
static bool is_name(const char *text)
{
	char name[NAME_SIZE];
	return name_read(text, strlen(text), name) == RESULT_OK && strcmp(name, text) == 0;
}

/* The class of an object that has a handle, by its URI; NULL: it is none. */
static const char *class_of(const char *uri)
{
	size_t scheme = strlen(FEED_HANDLE_SCHEME);
	if (strncmp(uri, FEED_HANDLE_SCHEME, scheme) != 0)
		return NULL;
	for (size_t i = 0; i < FEED_CLASSES; i++) {
		const char *class = feed_class(i);
		size_t size = strlen(class);
		if (strncmp(uri + scheme, class, size) == 0 && uri[scheme + size] == ':')
			return class;
	}
	return NULL;
}

static int read_sub_id(struct event *event, const char *registry, struct refusal *why)
{
	const json_t *sub_id = json_object_get(event->claims, "sub_id");
	const char *format = text_member(sub_id, "format");
	const char *uri = text_member(sub_id, "uri");
	if (!format || strcmp(format, "uri") != 0 || !uri)
		return refuse(why, REFUSAL_SUB_ID,
			      "sub_id is not {\"format\":\"uri\",\"uri\":...}");
	if (strcmp(uri, registry) == 0) {
		event->own = true;
		event->name = uri;
		return RESULT_OK;
	}
	event->class = class_of(uri);
	if (event->class) {
		event->name = uri + strlen(FEED_HANDLE_SCHEME);
		return RESULT_OK;
	}
	if (strncmp(uri, DNS_SCHEME, strlen(DNS_SCHEME)) != 0 || !is_name(uri + strlen(DNS_SCHEME)))
		return refuse(why, REFUSAL_SUB_ID,
			      "sub_id is about %.*s: dns: and a name, urn:epptap: with a class "
			      "and a handle, or the registry, would be right",
			      SAID_MAX, uri);
	event->name = uri + strlen(DNS_SCHEME);
	return RESULT_OK;
}

/* The handle stands in the sub_id, percent-encoded, and in the event: they must be one. */
static int read_handle(struct event *event, struct refusal *why)
{
	char uri[FEED_URI_SIZE];
	event->handle = text_member(event->what, "handle");
	if (event->handle && feed_handle_uri(event->class, event->handle, uri) == RESULT_OK &&
	    strcmp(uri + strlen(FEED_HANDLE_SCHEME), event->name) == 0)
		return RESULT_OK;
	return refuse(why, REFUSAL_SUB_ID, "sub_id is about %.*s, handle is %.*s", SAID_MAX,
		      event->name, SAID_MAX, or_none(event->handle));
}

static int read_events(struct event *event, struct refusal *why)
{
	json_t *events = json_object_get(event->claims, "events");
	void *only = json_object_iter(events);
	if (json_object_size(events) != 1 || !json_is_object(json_object_iter_value(only)))
		return refuse(why, REFUSAL_EVENTS, "events is not an object of exactly one event");
	event->kind = json_object_iter_key(only);
	event->what = json_object_iter_value(only);
	event->prev = text_member(event->what, "prev");
	event->txn = text_member(event->claims, "txn");
	if (event->class)
		return read_handle(event, why);
	if (strncmp(event->kind, HOST_KIND, strlen(HOST_KIND)) == 0) {
		const char *renamed = text_member(json_object_get(event->what, "set"), "ldhName");
		if (renamed && is_name(renamed))
			event->new_name = renamed;
	}
	return RESULT_OK;
}

static bool is_text(const struct message_frame *frame, const char *text)
{
	return frame->size == strlen(text) && memcmp(frame->bytes, text, frame->size) == 0;
}

static bool is_topic_of(const struct message_frame *topic, const char *name)
{
	char right[FEED_TOPIC_SIZE];
	return feed_topic(name, right) == RESULT_OK && is_text(topic, right);
}

static int check_topic(const struct message_frame *topic, const struct event *event,
		       struct refusal *why)
{
	bool right;
	char handle_topic[FEED_TOPIC_SIZE];
	if (event->own)
		right = is_text(topic, FEED_EVENT_TOPIC);
	else if (event->class)
		right = feed_handle_topic(event->class, event->handle, handle_topic) == RESULT_OK &&
			is_text(topic, handle_topic);
	else
		right = is_topic_of(topic, event->name) ||
			(event->new_name && is_topic_of(topic, event->new_name));
	if (right)
		return RESULT_OK;
	return refuse(why, REFUSAL_TOPIC, "topic says %.*s, event is about %.*s",
		      (int)(topic->size < SAID_MAX ? topic->size : SAID_MAX), topic->bytes,
		      SAID_MAX, event->name);
}

static int verify_jws(const struct message_frame *text, const char *registry,
		      const struct keys *keys, struct event *event, struct refusal *why)
{
	struct jws jws = {0};
	json_t *header = NULL;
	int result = split(text, &jws, why);
	if (result == RESULT_OK)
		result = read_header(&jws, &header, why);
	if (result == RESULT_OK)
		result = check_signature(&jws, keys, text_member(header, "kid"), why);
	if (result == RESULT_OK) {
		snprintf(event->kid, sizeof event->kid, "%s", text_member(header, "kid"));
		result = read_payload(&jws, event, why);
	}
	if (result == RESULT_OK)
		result = check_claims(event, registry, why);
	if (result == RESULT_OK)
		result = read_sub_id(event, registry, why);
	if (result == RESULT_OK)
		result = read_events(event, why);
	json_decref(header);
	return result;
}

int verify_message(const struct message *message, const char *registry, const struct keys *keys,
		   struct event *event, struct refusal *why)
{
	*event = (struct event){0};
	*why = (struct refusal){0};
	int result = check_frames(message, event, why);
	if (result == RESULT_OK)
		result = verify_jws(&message->jws, registry, keys, event, why);
	if (result == RESULT_OK)
		result = check_topic(&message->topic, event, why);
	if (result != RESULT_OK)
		event_free(event);
	return result;
}

int verify_entry(const struct message_frame *entry, uint64_t index, const char *registry,
		 const struct keys *keys, struct event *event, struct refusal *why)
{
	*event = (struct event){.index = index};
	*why = (struct refusal){0};
	int result = verify_jws(entry, registry, keys, event, why);
	if (result != RESULT_OK)
		event_free(event);
	return result;
}

void event_free(struct event *event)
{
	json_decref(event->claims);
	buffer_free(&event->payload);
	*event = (struct event){0};
}
