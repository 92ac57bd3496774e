#include "publisher/event_delta.h"

#include "publisher/idn.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

enum { UNICODE_MOST = 64 };

/* Whose lists are written. */
enum role { ADDED, REMOVED, THERE };

void event_write_name(struct json *json, const char *name)
{
	char unicode[IDN_UNICODE_SIZE];
	json_put_text(json, "ldhName", name);
	if (idn_to_unicode(name, unicode))
		json_put_text(json, "unicodeName", unicode);
}

/* With counts, a list is its number; answers whether that was all. */
static bool told_as_count(struct event_writer *writer, const char *name, size_t count)
{
	if (writer->counts && count > 0)
		json_put_number(&writer->json, name, (int64_t)count);
	return writer->counts;
}

/* A list of which nothing is left. */
static void write_all(struct json *json, const char *name)
{
	json_open_object(json, name);
	json_put_true(json, "all");
	json_close_object(json);
}

static void write_family(struct event_writer *writer, const struct change_delta *delta,
			 uint16_t host, int family)
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

static void write_addresses(struct event_writer *writer, const struct change_delta *delta,
			    uint16_t host)
{
	struct json_mark mark = json_open_object_if_any(&writer->json, "ipAddresses");
	write_family(writer, delta, host, 4);
	write_family(writer, delta, host, 6);
	json_close_object_if_any(&writer->json, mark);
}

/* A host's own. */
static void write_own_addresses(struct event_writer *writer, const struct change_delta *delta)
{
	if (writer->change->object == CHANGE_HOST &&
	    !told_as_count(writer, "ipAddresses", delta->addresses.count))
		write_addresses(writer, delta, CHANGE_NO_HOST);
}

static void write_nameservers(struct event_writer *writer, const struct change_delta *delta,
			      enum role role)
{
	struct json *json = &writer->json;
	if (role == REMOVED && delta->all_hosts) {
		write_all(json, "nameservers");
		return;
	}
	if (told_as_count(writer, "nameservers", delta->hosts.count))
		return;
	/* Turning a name into U-labels takes a while: of more than any delegation has, it is left to the reader. */
	bool few = delta->hosts.count <= UNICODE_MOST;
	struct json_mark mark = json_open_list_if_any(json, "nameservers");
	for (size_t i = 0; i < delta->hosts.count; i++) {
		json_open_object(json, NULL);
		if (few)
			event_write_name(json, delta->hosts.items[i].text);
		else
			json_put_text(json, "ldhName", delta->hosts.items[i].text);
		write_addresses(writer, delta, (uint16_t)i);
		json_close_object(json);
	}
	json_close_list_if_any(json, mark);
}

static bool is_of(const struct change_reference *reference, enum role role,
		  enum change_object object)
{
	return reference->object == object && !(role == ADDED && reference->replaces);
}

/* How many references to objects of a class there are. *all: whatever there was is removed. */
static size_t count_class(const struct change_delta *delta, enum role role,
			  enum change_object object, bool *all)
{
	size_t count = 0;
	*all = false;
	for (size_t i = 0; i < delta->references.count; i++) {
		const struct change_reference *reference = &delta->references.items[i];
		bool has_id = reference->id.text[0] != '\0';
		count += is_of(reference, role, object) && has_id;
		*all |= is_of(reference, role, object) && !has_id && role == REMOVED;
	}
	return count;
}

static void write_class(struct event_writer *writer, const struct change_delta *delta,
			enum role role, enum change_object object)
{
	struct json *json = &writer->json;
	const char *name = change_object_name(object);
	bool all;
	size_t count = count_class(delta, role, object, &all);
	if (all)
		write_all(json, name);
	if (all || told_as_count(writer, name, count))
		return;
	struct json_mark mark = json_open_list_if_any(json, name);
	for (size_t i = 0; i < delta->references.count; i++) {
		const struct change_reference *reference = &delta->references.items[i];
		if (is_of(reference, role, object) && reference->id.text[0])
			json_put_text(json, NULL, reference->id.text);
	}
	json_close_list_if_any(json, mark);
}

static void write_references(struct event_writer *writer, const struct change_delta *delta,
			     enum role role)
{
	for (int object = CHANGE_NSSET; object < CHANGE_OBJECTS; object++)
		write_class(writer, delta, role, (enum change_object)object);
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

/* Without a digest, all of that key tag are meant. */
static void write_ds(struct json *json, const struct change_ds *ds)
{
	json_open_object(json, NULL);
	json_put_number(json, "keyTag", ds->key_tag);
	if (ds->digest_size > 0) {
		json_put_number(json, "algorithm", ds->algorithm);
		json_put_number(json, "digestType", ds->digest_type);
		write_hex(json, "digest", ds->digest, ds->digest_size);
	}
	json_close_object(json);
}

static void write_ds_list(struct event_writer *writer, const struct change_delta *delta)
{
	struct json *json = &writer->json;
	if (told_as_count(writer, "dsData", delta->ds.count))
		return;
	struct json_mark mark = json_open_list_if_any(json, "dsData");
	for (size_t i = 0; i < delta->ds.count; i++)
		write_ds(json, &delta->ds.items[i]);
	json_close_list_if_any(json, mark);
}

static void write_key_list(struct event_writer *writer, const struct change_delta *delta)
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

static void write_secdns(struct event_writer *writer, const struct change_delta *delta,
			 enum role role)
{
	struct json *json = &writer->json;
	struct json_mark mark = json_open_object_if_any(json, "secureDNS");
	if (role == REMOVED && delta->all_secdns)
		json_put_true(json, "all");
	if (role == THERE && writer->change->state_known & KNOWN_SECDNS)
		json_put_bool(json, "delegationSigned",
			      delta->ds.count > 0 || delta->keys.count > 0);
	write_ds_list(writer, delta);
	write_key_list(writer, delta);
	json_close_object_if_any(json, mark);
}

static void write_status(struct event_writer *writer, const struct change_delta *delta)
{
	struct json *json = &writer->json;
	struct json_mark mark = json_open_list_if_any(json, "status");
	for (int i = 0; i < STATUS_COUNT; i++)
		if (delta->status & 1u << i)
			json_put_text(json, NULL, change_status_info((enum change_status)i)->rdap);
	for (int i = 0; i < delta->status_others && !writer->counts; i++)
		json_put_text(json, NULL, "other");
	json_close_list_if_any(json, mark);
}

static void write_lists(struct event_writer *writer, const struct change_delta *delta,
			enum role role)
{
	write_nameservers(writer, delta, role);
	write_own_addresses(writer, delta);
	write_references(writer, delta, role);
	write_secdns(writer, delta, role);
	write_status(writer, delta);
}

void event_write_added(struct event_writer *writer)
{
	struct json_mark mark = json_open_object_if_any(&writer->json, "add");
	write_lists(writer, &writer->change->add, ADDED);
	json_close_object_if_any(&writer->json, mark);
}

void event_write_removed(struct event_writer *writer)
{
	struct json_mark mark = json_open_object_if_any(&writer->json, "remove");
	write_lists(writer, &writer->change->remove, REMOVED);
	json_close_object_if_any(&writer->json, mark);
}

/* What is known, though there may be none of it. */
static void write_known(struct json *json, unsigned known)
{
	static const struct {
		unsigned bit;
		const char *name;
	} parts[] = {{KNOWN_HOSTS, "nameservers"},
		     {KNOWN_ADDRESSES, "ipAddresses"},
		     {KNOWN_SECDNS, "secureDNS"},
		     {KNOWN_STATUS, "status"}};
	struct json_mark mark = json_open_list_if_any(json, "known");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (known & parts[i].bit)
			json_put_text(json, NULL, parts[i].name);
	json_close_list_if_any(json, mark);
}

void event_write_state(struct event_writer *writer)
{
	const struct change *change = writer->change;
	if (change->state_at == STATE_NONE)
		return;
	struct json_mark mark = json_open_object_if_any(
		&writer->json, change->state_at == STATE_BEFORE ? "before" : "state");
	write_known(&writer->json, change->state_known);
	write_lists(writer, &change->state, THERE);
	json_close_object_if_any(&writer->json, mark);
}
