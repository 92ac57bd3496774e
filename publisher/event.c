#include "publisher/event.h"

#include "base/epp_names.h"
#include "publisher/event_delta.h"
#include "publisher/feed_format.h"
#include "publisher/json.h"
#include "publisher/jwks.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

_Static_assert((int)IMPACT_COUNT == (int)FEED_IMPACTS, "each impact has its word in the feed");

enum { EVENT_NAME_SIZE = 64 };

static void event_name(const struct change *change, char name[EVENT_NAME_SIZE])
{
	static const enum epp_namespace namespaces[CHANGE_OBJECTS] = {
		[CHANGE_DOMAIN] = NS_DOMAIN,   [CHANGE_HOST] = NS_HOST,
		[CHANGE_NSSET] = NS_NSSET,     [CHANGE_KEYSET] = NS_KEYSET,
		[CHANGE_NSGROUP] = NS_NSGROUP, [CHANGE_KEYGROUP] = NS_KEYGROUP,
	};
	static const char *const verbs[CHANGE_VERBS] = {
		[CHANGE_CREATE] = "create",     [CHANGE_UPDATE] = "update",
		[CHANGE_DELETE] = "delete",     [CHANGE_RENEW] = "renew",
		[CHANGE_TRANSFER] = "transfer",
	};
	snprintf(name, EVENT_NAME_SIZE, "%s#%s", epp_namespace_uri(namespaces[change->object]),
		 verbs[change->verb]);
}

/* A date: RFC 3339, in seconds. */
static void write_date(struct json *json, const char *name, int64_t seconds)
{
	char text[32];
	struct tm utc;
	time_t when = seconds;
	if (gmtime_r(&when, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		json_put_text(json, name, text);
}

/* References that take another's place; of one class the last one counts. */
static void write_replaced(struct json *json, const struct change_delta *add)
{
	for (int object = CHANGE_NSSET; object < CHANGE_OBJECTS; object++) {
		const struct change_reference *last = NULL;
		for (size_t i = 0; i < add->references.count; i++)
			if (add->references.items[i].object == object &&
			    add->references.items[i].replaces)
				last = &add->references.items[i];
		if (last && last->id.text[0])
			json_put_text(json, change_object_name((enum change_object)object),
				      last->id.text);
	}
}

static void write_set(struct event_writer *writer)
{
	const struct change *change = writer->change;
	struct json *json = &writer->json;
	struct json_mark mark = json_open_object_if_any(json, "set");
	if (change->has_max_sig_life)
		json_put_number(json, "maxSigLife", change->max_sig_life);
	if (change->has_expires)
		write_date(json, "expires", change->expires);
	if (change->new_name.text[0])
		event_write_name(json, change->new_name.text);
	write_replaced(json, &change->add);
	if (change->has_done)
		write_date(json, "done", change->done);
	json_close_object_if_any(json, mark);
}

/* Words for bits, the lowest first. */
static void write_bits(struct json *json, const char *name, unsigned bits, const char *const *words,
		       size_t count)
{
	struct json_mark mark = json_open_list_if_any(json, name);
	for (size_t i = 0; i < count; i++)
		if (bits & 1u << i)
			json_put_text(json, NULL, words[i]);
	json_close_list_if_any(json, mark);
}

static void write_changed(struct event_writer *writer)
{
	static const char *const words[] = {"registrant", "contacts", "authInfo", "lockPolicy"};
	_Static_assert(CHANGED_ALL == (1 << sizeof words / sizeof *words) - 1, "all bits");
	write_bits(&writer->json, "changed", writer->change->changed, words,
		   sizeof words / sizeof *words);
}

static void write_lock(struct json *json, const char *action, const char *level, unsigned prohibits)
{
	static const char *const words[] = {"delete", "renew", "transfer", "update"};
	_Static_assert(PROHIBITS_ALL == (1 << sizeof words / sizeof *words) - 1, "all bits");
	if (!prohibits)
		return;
	json_open_object(json, NULL);
	json_put_text(json, "action", action);
	json_put_text(json, "level", level);
	write_bits(json, "prohibits", prohibits, words, sizeof words / sizeof *words);
	json_close_object(json);
}

static void write_locks(struct event_writer *writer)
{
	struct json *json = &writer->json;
	struct change_locks own = change_locks_of(writer->change, LEVEL_REGISTRAR);
	struct change_locks registrys = change_locks_of(writer->change, LEVEL_REGISTRY);
	struct json_mark mark = json_open_list_if_any(json, "lock");
	write_lock(json, "lock", "registrar", own.lock);
	write_lock(json, "lock", "registry", registrys.lock);
	write_lock(json, "unlock", "registrar", own.unlock);
	write_lock(json, "unlock", "registry", registrys.unlock);
	json_close_list_if_any(json, mark);
}

static void put_if_any(struct json *json, const char *name, const char *text)
{
	if (text && *text)
		json_put_text(json, name, text);
}

static void write_transfer(struct event_writer *writer)
{
	const struct change_transfer *transfer = &writer->change->transfer;
	struct json *json = &writer->json;
	struct json_mark mark = json_open_object_if_any(json, "transfer");
	put_if_any(json, "op", change_transfer_op_name(transfer->op));
	put_if_any(json, "status", change_transfer_status_name(transfer->status));
	put_if_any(json, "gaining", transfer->gaining.text);
	put_if_any(json, "losing", transfer->losing.text);
	if (transfer->has_requested)
		write_date(json, "requested", transfer->requested);
	if (transfer->has_acted)
		write_date(json, "acted", transfer->acted);
	json_close_object_if_any(json, mark);
}

static void write_impact(struct event_writer *writer)
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
	static const char *const names[CHANGE_OUTCOMES] = {
		[CHANGE_COMPLETED] = "completed",
		[CHANGE_PENDING] = "pending",
		[CHANGE_UNKNOWN] = "unknown",
		[CHANGE_REJECTED] = "rejected",
	};
	return names[outcome];
}

static void write_id(struct json *json, const char *name, const uint8_t id[EVENT_ID_SIZE])
{
	char text[32];
	struct buffer encoded;
	buffer_init(&encoded, sizeof text);
	feed_base64url_encode(id, EVENT_ID_SIZE, &encoded);
	json_put_bytes(json, name, encoded.data ? encoded.data : "", encoded.size);
	json->into->failed |= encoded.failed;
	buffer_free(&encoded);
}

/* What it is about, and whose doing it is. */
static void write_head(struct event_writer *writer)
{
	const struct change *change = writer->change;
	struct json *json = &writer->json;
	bool by_registry = change->initiator == CHANGE_BY_REGISTRY;
	json_put_text(json, "objectClassName",
		      change->object == CHANGE_HOST ? "nameserver"
						    : change_object_name(change->object));
	if (change_object_has_name(change->object))
		event_write_name(json, change->name.text);
	else
		json_put_text(json, "handle", change->handle.text);
	put_if_any(json, "registrar", change->registrar.text);
	json_put_text(json, "initiator", by_registry ? "registry" : "registrar");
	json_put_text(json, "outcome", outcome_name(change->outcome));
}

static void write_value(struct event_writer *writer, const struct event_facts *facts)
{
	const struct change *change = writer->change;
	struct json *json = &writer->json;

	write_head(writer);
	write_impact(writer);
	event_write_added(writer);
	event_write_removed(writer);
	write_set(writer);
	write_changed(writer);
	write_locks(writer);
	write_transfer(writer);
	if (change->restore != CHANGE_NO_RESTORE)
		json_put_text(json, "restore",
			      change->restore == CHANGE_RESTORE_REQUEST ? "request" : "report");
	if (facts->completes)
		write_id(json, "completes", facts->completes);
	event_write_state(writer);
	if (facts->prev)
		write_id(json, "prev", facts->prev);
	if (writer->counts)
		json_put_true(json, "truncated");
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
	write_id(json, "jti", facts->id);
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

static void subject_of(const struct change *change, char uri[FEED_URI_SIZE])
{
	if (change_object_has_name(change->object) ||
	    feed_handle_uri(change_object_name(change->object), change->handle.text, uri) !=
		    RESULT_OK)
		snprintf(uri, FEED_URI_SIZE, "dns:%s", change->name.text);
}

void event_write(const struct change *change, const struct event_facts *facts, bool counts,
		 struct buffer *claims)
{
	struct event_writer writer = {.json = {.into = claims}, .change = change, .counts = counts};
	char uri[FEED_URI_SIZE], name[EVENT_NAME_SIZE];
	subject_of(change, uri);
	event_name(change, name);
	open_claims(&writer.json, facts, change->wall_us, change->svtrid.text, uri);
	json_open_object(&writer.json, name);
	write_value(&writer, facts);
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

void event_write_test(const char *state, int64_t seen_us, const struct event_facts *facts,
		      struct buffer *claims)
{
	struct json json = {.into = claims};
	open_claims(&json, facts, seen_us, "", facts->config->registry);
	json_open_object(&json, FEED_TEST_EVENT);
	json_put_text(&json, "state", state);
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
