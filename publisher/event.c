#include "publisher/event.h"

#include "publisher/feed_format.h"
#include "publisher/json.h"
#include "publisher/jwks.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What all the writers below share. */
struct writer {
	struct json json;
	const struct change *change;
	bool counts;
};

_Static_assert((int)IMPACT_COUNT == (int)FEED_IMPACTS, "each impact has its word in the feed");

static const char *event_name(const struct change *change)
{
	static const char *const names[CHANGE_OBJECTS][CHANGE_VERBS] = {
		[CHANGE_DOMAIN] = {"urn:ietf:params:xml:ns:domain-1.0#create",
				   "urn:ietf:params:xml:ns:domain-1.0#update",
				   "urn:ietf:params:xml:ns:domain-1.0#delete",
				   "urn:ietf:params:xml:ns:domain-1.0#renew"},
		[CHANGE_HOST] = {"urn:ietf:params:xml:ns:host-1.0#create",
				 "urn:ietf:params:xml:ns:host-1.0#update",
				 "urn:ietf:params:xml:ns:host-1.0#delete",
				 "urn:ietf:params:xml:ns:host-1.0#renew"},
	};
	return names[change->object][change->verb];
}

/* With counts, a list is its number; answers whether that was all. */
static bool told_as_count(struct writer *writer, const char *name, size_t count)
{
	if (writer->counts && count > 0)
		json_put_number(&writer->json, name, (int64_t)count);
	return writer->counts;
}

static void write_family(struct writer *writer, const struct change_delta *delta, uint16_t host,
			 int family)
{
	struct json *json = &writer->json;
	struct json_mark mark = json_open_list_if_any(json, family == 4 ? "v4" : "v6");
	for (size_t i = 0; i < delta->addresses.count; i++) {
		const struct change_address *address = &delta->addresses.items[i];
		char text[INET6_ADDRSTRLEN];
		if (address->host != host || address->family != family)
			continue;
		/* inet_ntop() writes what RFC 5952 recommends. */
		if (inet_ntop(family == 4 ? AF_INET : AF_INET6, address->bytes, text, sizeof text))
			json_put_text(json, NULL, text);
	}
	json_close_list_if_any(json, mark);
}

static void write_addresses(struct writer *writer, const struct change_delta *delta, uint16_t host)
{
	struct json_mark mark = json_open_object_if_any(&writer->json, "ipAddresses");
	write_family(writer, delta, host, 4);
	write_family(writer, delta, host, 6);
	json_close_object_if_any(&writer->json, mark);
}

static void write_nameservers(struct writer *writer, const struct change_delta *delta)
{
	struct json *json = &writer->json;
	if (told_as_count(writer, "nameservers", delta->hosts.count))
		return;
	struct json_mark mark = json_open_list_if_any(json, "nameservers");
	for (size_t i = 0; i < delta->hosts.count; i++) {
		json_open_object(json, NULL);
		json_put_text(json, "ldhName", delta->hosts.items[i].text);
		write_addresses(writer, delta, (uint16_t)i);
		json_close_object(json);
	}
	json_close_list_if_any(json, mark);
}

static void write_hex(struct json *json, const char *name, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[2 * CHANGE_DIGEST_SIZE];
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	json_put_bytes(json, name, text, 2 * size);
}

static void write_base64(struct json *json, const char *name, const uint8_t *bytes, size_t size)
{
	unsigned char text[(CHANGE_KEY_SIZE + 2) / 3 * 4 + 1];
	int length = EVP_EncodeBlock(text, bytes, (int)size);
	json_put_bytes(json, name, (const char *)text, (size_t)length);
}

static void write_ds_list(struct writer *writer, const struct change_delta *delta)
{
	struct json *json = &writer->json;
	if (told_as_count(writer, "dsData", delta->ds.count))
		return;
	struct json_mark mark = json_open_list_if_any(json, "dsData");
	for (size_t i = 0; i < delta->ds.count; i++) {
		const struct change_ds *ds = &delta->ds.items[i];
		json_open_object(json, NULL);
		json_put_number(json, "keyTag", ds->key_tag);
		json_put_number(json, "algorithm", ds->algorithm);
		json_put_number(json, "digestType", ds->digest_type);
		write_hex(json, "digest", ds->digest, ds->digest_size);
		json_close_object(json);
	}
	json_close_list_if_any(json, mark);
}

static void write_key_list(struct writer *writer, const struct change_delta *delta)
{
	struct json *json = &writer->json;
	if (told_as_count(writer, "keyData", delta->keys.count))
		return;
	struct json_mark mark = json_open_list_if_any(json, "keyData");
	for (size_t i = 0; i < delta->keys.count; i++) {
		const struct change_key *key = &delta->keys.items[i];
		json_open_object(json, NULL);
		json_put_number(json, "flags", key->flags);
		json_put_number(json, "protocol", key->protocol);
		json_put_number(json, "algorithm", key->algorithm);
		write_base64(json, "publicKey", key->bytes, key->size);
		json_close_object(json);
	}
	json_close_list_if_any(json, mark);
}

static void write_secdns(struct writer *writer, const struct change_delta *delta)
{
	struct json_mark mark = json_open_object_if_any(&writer->json, "secureDNS");
	if (delta->all_secdns)
		json_put_true(&writer->json, "all");
	write_ds_list(writer, delta);
	write_key_list(writer, delta);
	json_close_object_if_any(&writer->json, mark);
}

static void write_status(struct writer *writer, const struct change_delta *delta)
{
	struct json *json = &writer->json;
	struct json_mark mark = json_open_list_if_any(json, "status");
	for (int i = 0; i < STATUS_COUNT; i++)
		if (delta->status & 1u << i)
			json_put_text(json, NULL, change_status_info(i)->rdap);
	for (int i = 0; i < delta->status_others && !writer->counts; i++)
		json_put_text(json, NULL, "other");
	json_close_list_if_any(json, mark);
}

static void write_delta(struct writer *writer, const char *name, const struct change_delta *delta)
{
	struct json_mark mark = json_open_object_if_any(&writer->json, name);
	write_nameservers(writer, delta);
	if (writer->change->object == CHANGE_HOST &&
	    !told_as_count(writer, "ipAddresses", delta->addresses.count))
		write_addresses(writer, delta, CHANGE_NO_HOST);
	write_secdns(writer, delta);
	write_status(writer, delta);
	json_close_object_if_any(&writer->json, mark);
}

static void write_set(struct writer *writer)
{
	const struct change *change = writer->change;
	struct json *json = &writer->json;
	struct json_mark mark = json_open_object_if_any(json, "set");
	if (change->has_max_sig_life)
		json_put_number(json, "maxSigLife", change->max_sig_life);
	if (change->has_expires) {
		char text[32];
		struct tm utc;
		time_t when = change->expires;
		if (gmtime_r(&when, &utc) &&
		    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
			json_put_text(json, "expires", text);
	}
	if (change->new_name.text[0])
		json_put_text(json, "ldhName", change->new_name.text);
	json_close_object_if_any(json, mark);
}

static void write_changed(struct writer *writer)
{
	unsigned changed = writer->change->changed;
	struct json_mark mark = json_open_list_if_any(&writer->json, "changed");
	if (changed & CHANGE_REGISTRANT)
		json_put_text(&writer->json, NULL, "registrant");
	if (changed & CHANGE_CONTACTS)
		json_put_text(&writer->json, NULL, "contacts");
	if (changed & CHANGE_AUTH_INFO)
		json_put_text(&writer->json, NULL, "authInfo");
	json_close_list_if_any(&writer->json, mark);
}

/* The prohibitions of one level among `status`, as one entry of `lock`. */
static void write_lock(struct json *json, const char *action, uint32_t status,
		       enum change_level level)
{
	bool any = false;
	for (int i = 0; i < STATUS_COUNT; i++) {
		const struct change_status_info *info = change_status_info(i);
		if (!(status & 1u << i) || info->lock != level)
			continue;
		if (!any) {
			json_open_object(json, NULL);
			json_put_text(json, "action", action);
			json_put_text(json, "level",
				      level == LEVEL_REGISTRAR ? "registrar" : "registry");
			json_open_list(json, "prohibits");
		}
		any = true;
		json_put_text(json, NULL, info->prohibits);
	}
	if (any) {
		json_close_list(json);
		json_close_object(json);
	}
}

static void write_locks(struct writer *writer)
{
	const struct change *change = writer->change;
	struct json_mark mark = json_open_list_if_any(&writer->json, "lock");
	write_lock(&writer->json, "lock", change->add.status, LEVEL_REGISTRAR);
	write_lock(&writer->json, "lock", change->add.status, LEVEL_REGISTRY);
	write_lock(&writer->json, "unlock", change->remove.status, LEVEL_REGISTRAR);
	write_lock(&writer->json, "unlock", change->remove.status, LEVEL_REGISTRY);
	json_close_list_if_any(&writer->json, mark);
}

static void write_impact(struct writer *writer)
{
	uint32_t impact = change_impact(writer->change);
	struct json_mark mark = json_open_list_if_any(&writer->json, "impact");
	for (int i = 0; i < IMPACT_COUNT; i++)
		if (impact & 1u << i)
			json_put_text(&writer->json, NULL, feed_impact_name((size_t)i));
	json_close_list_if_any(&writer->json, mark);
}

static const char *outcome_name(enum change_outcome outcome)
{
	switch (outcome) {
	case CHANGE_PENDING:
		return "pending";
	case CHANGE_UNKNOWN:
		return "unknown";
	default:
		return "completed";
	}
}

static void write_value(struct writer *writer)
{
	const struct change *change = writer->change;
	struct json *json = &writer->json;

	json_put_text(json, "objectClassName",
		      change->object == CHANGE_HOST ? "nameserver" : "domain");
	json_put_text(json, "ldhName", change->name.text);
	if (change->registrar.text[0])
		json_put_text(json, "registrar", change->registrar.text);
	json_put_text(json, "initiator", "registrar");
	json_put_text(json, "outcome", outcome_name(change->outcome));
	write_impact(writer);
	write_delta(writer, "add", &change->add);
	write_delta(writer, "remove", &change->remove);
	write_set(writer);
	write_changed(writer);
	write_locks(writer);
	if (change->restore != CHANGE_NO_RESTORE)
		json_put_text(json, "restore",
			      change->restore == CHANGE_RESTORE_REQUEST ? "request" : "report");
	if (writer->counts)
		json_put_true(json, "truncated");
}

static void write_id(struct json *json, const uint8_t id[EVENT_ID_SIZE])
{
	char text[32];
	struct buffer encoded;
	buffer_init(&encoded, sizeof text);
	feed_base64url_encode(id, EVENT_ID_SIZE, &encoded);
	json_put_bytes(json, "jti", encoded.data ? encoded.data : "", encoded.size);
	json->into->failed |= encoded.failed;
	buffer_free(&encoded);
}

static void write_subject(struct json *json, const char *uri)
{
	json_open_object(json, "sub_id");
	json_put_text(json, "format", "uri");
	json_put_text(json, "uri", uri);
	json_close_object(json);
}

/* The claims that all events have, up to the opened `events`. */
static void open_claims(struct json *json, const struct event_facts *facts, int64_t seen_us,
			const char *txn, const char *subject)
{
	int64_t seen_ms = seen_us / 1000;
	json_open_object(json, NULL);
	json_put_text(json, "iss", facts->config->registry);
	write_id(json, facts->id);
	json_put_number(json, "iat", facts->signed_s);
	json_put_number(json, "toe", seen_ms / 1000);
	/* Three decimals, always. */
	const char fraction[] = {'.', (char)('0' + seen_ms / 100 % 10),
				 (char)('0' + seen_ms / 10 % 10), (char)('0' + seen_ms % 10)};
	buffer_append(json->into, fraction, sizeof fraction);
	if (*txn)
		json_put_text(json, "txn", txn);
	write_subject(json, subject);
	json_open_object(json, "events");
}

static void close_claims(struct json *json)
{
	json_close_object(json);
	json_close_object(json);
}

void event_write(const struct change *change, const struct event_facts *facts, bool counts,
		 struct buffer *claims)
{
	struct writer writer = {.json = {.into = claims}, .change = change, .counts = counts};
	char uri[sizeof "dns:" + CHANGE_NAME_SIZE];
	snprintf(uri, sizeof uri, "dns:%s", change->name.text);
	open_claims(&writer.json, facts, change->wall_us, change->svtrid.text, uri);
	json_open_object(&writer.json, event_name(change));
	write_value(&writer);
	json_close_object(&writer.json);
	close_claims(&writer.json);
}

/* RFC 3339, with milliseconds. */
static void write_time(struct json *json, const char *name, int64_t wall_us)
{
	char text[32], whole[40];
	struct tm utc;
	time_t when = wall_us / 1000000;
	if (wall_us <= 0 || !gmtime_r(&when, &utc) ||
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
		return;
	snprintf(whole, sizeof whole, "%s.%03dZ", text, (int)(wall_us / 1000 % 1000));
	json_put_text(json, name, whole);
}

void event_write_gap(const struct spool_gap *gap, const struct event_facts *facts,
		     struct buffer *claims)
{
	struct json json = {.into = claims};
	open_claims(&json, facts, gap->to_us, gap->txn, facts->config->registry);
	json_open_object(&json, FEED_GAP_EVENT);
	json_put_text(&json, "reason", gap->reason);
	if (gap->count)
		json_put_number(&json, "count", (int64_t)gap->count);
	write_time(&json, "from", gap->from_us);
	write_time(&json, "to", gap->to_us);
	if (*gap->registrar)
		json_put_text(&json, "registrar", gap->registrar);
	if (*gap->txn)
		json_put_text(&json, "txn", gap->txn);
	json_close_object(&json);
	close_claims(&json);
}

void event_write_key(const struct event_key *key, const struct event_facts *facts,
		     struct buffer *claims)
{
	static const char *const actions[] = {
		[KEY_TRUSTED] = "added", [KEY_RETIRED] = "retired", [KEY_REVOKED] = "revoked"};
	struct json json = {.into = claims};
	open_claims(&json, facts, facts->signed_s * 1000000, "", facts->config->registry);
	json_open_object(&json, FEED_KEY_EVENT);
	json_put_text(&json, "action", actions[key->record.state]);
	json_put_text(&json, "kid", key->id);
	if (key->record.state == KEY_TRUSTED)
		jwk_write(&json, "jwk", key->id, strlen(key->id), key->record.key);
	json_close_object(&json);
	close_claims(&json);
}
