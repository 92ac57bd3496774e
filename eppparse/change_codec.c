/* change_codec.c - a change as the bytes of a spool record
 *
 * Numbers are little-endian; a text is its length in one byte and its bytes; a list its count in two and its items.
 */
#include "eppparse/change.h"

#include <string.h>

static void put_number(struct buffer *into, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buffer_append_byte(into, (uint8_t)(value >> 8 * i));
}

static void put_text(struct buffer *into, const char *text)
{
	size_t size = strlen(text);
	put_number(into, size, 1);
	buffer_append(into, text, size);
}

static void put_delta(struct buffer *into, const struct change_delta *delta)
{
	put_number(into, delta->status, 4);
	put_number(into, delta->status_others, 2);
	put_number(into, delta->all_secdns, 1);
	put_number(into, delta->all_hosts, 1);
	put_number(into, delta->hosts.count, 2);
	for (size_t i = 0; i < delta->hosts.count; i++)
		put_text(into, delta->hosts.items[i].text);
	put_number(into, delta->addresses.count, 2);
	for (size_t i = 0; i < delta->addresses.count; i++) {
		const struct change_address *address = &delta->addresses.items[i];
		put_number(into, address->host, 2);
		put_number(into, address->family, 1);
		buffer_append(into, address->bytes, sizeof address->bytes);
	}
	put_number(into, delta->ds.count, 2);
	for (size_t i = 0; i < delta->ds.count; i++) {
		const struct change_ds *ds = &delta->ds.items[i];
		put_number(into, ds->key_tag, 2);
		put_number(into, ds->algorithm, 1);
		put_number(into, ds->digest_type, 1);
		put_number(into, ds->digest_size, 1);
		buffer_append(into, ds->digest, ds->digest_size);
	}
	put_number(into, delta->keys.count, 2);
	for (size_t i = 0; i < delta->keys.count; i++) {
		const struct change_key *key = &delta->keys.items[i];
		put_number(into, key->flags, 2);
		put_number(into, key->protocol, 1);
		put_number(into, key->algorithm, 1);
		put_number(into, key->size, 2);
		buffer_append(into, key->bytes, key->size);
	}
	put_number(into, delta->references.count, 2);
	for (size_t i = 0; i < delta->references.count; i++) {
		const struct change_reference *reference = &delta->references.items[i];
		put_number(into, reference->object, 1);
		put_number(into, reference->replaces, 1);
		put_text(into, reference->id.text);
	}
}

/* A date that may not be known. */
static void put_date(struct buffer *into, bool has, int64_t seconds)
{
	put_number(into, has, 1);
	put_number(into, has ? (uint64_t)seconds : 0, 8);
}

static void put_transfer(struct buffer *into, const struct change_transfer *transfer)
{
	put_number(into, transfer->op, 1);
	put_number(into, transfer->status, 1);
	put_text(into, transfer->gaining.text);
	put_text(into, transfer->losing.text);
	put_date(into, transfer->has_requested, transfer->requested);
	put_date(into, transfer->has_acted, transfer->acted);
}

void change_encode(const struct change *change, struct buffer *into)
{
	put_number(into, CHANGE_ENCODING, 1);
	put_text(into, change->registrar.text);
	put_text(into, change->svtrid.text);
	put_number(into, change->object, 1);
	put_number(into, change->verb, 1);
	put_number(into, change->outcome, 1);
	put_number(into, change->initiator, 1);
	put_number(into, change->is_message, 1);
	put_text(into, change->ends.text);
	put_number(into, change->restore, 1);
	put_text(into, change->name.text);
	put_text(into, change->handle.text);
	put_delta(into, &change->add);
	put_delta(into, &change->remove);
	put_number(into, change->state_at, 1);
	put_number(into, change->state_known, 1);
	put_delta(into, &change->state);
	put_number(into, change->locks.lock, 1);
	put_number(into, change->locks.unlock, 1);
	put_transfer(into, &change->transfer);
	put_number(into, change->changed, 1);
	put_text(into, change->new_name.text);
	put_number(into, change->has_max_sig_life, 1);
	put_number(into, change->max_sig_life, 4);
	put_date(into, change->has_expires, change->expires);
	put_date(into, change->has_done, change->done);
}

/* Bytes yet to be read. The first thing that doesn't fit sets `result`; all reads after it give zeros. */
struct source {
	const uint8_t *at;
	size_t left;
	int result;
};

static void refuse(struct source *source, int result)
{
	if (source->result == RESULT_OK)
		source->result = result;
	source->left = 0;
}

static const uint8_t *take(struct source *source, size_t size)
{
	if (size > source->left) {
		refuse(source, RESULT_INVALID);
		return NULL;
	}
	const uint8_t *bytes = source->at;
	source->at += size;
	source->left -= size;
	return bytes;
}

static uint64_t get_number(struct source *source, int size)
{
	const uint8_t *bytes = take(source, (size_t)size);
	uint64_t value = 0;
	for (int i = 0; bytes && i < size; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

/* A number that must be below `end`. */
static unsigned get_member(struct source *source, unsigned end)
{
	uint64_t value = get_number(source, 1);
	if (value >= end)
		refuse(source, RESULT_INVALID);
	return value < end ? (unsigned)value : 0;
}

static void get_bytes(struct source *source, void *into, size_t size, size_t room)
{
	const uint8_t *bytes = size <= room ? take(source, size) : NULL;
	if (bytes)
		memcpy(into, bytes, size);
	else
		refuse(source, RESULT_INVALID);
}

/* How many items a list has. */
static size_t get_count(struct source *source)
{
	uint64_t count = get_number(source, 2);
	if (count > CHANGE_LIST_MAX)
		refuse(source, RESULT_INVALID);
	return count;
}

/* A text that may be empty, as `read` judges it: what stands on a disk may have been written by anyone. */
#define DEFINE_GET(function, type, read)                                                           \
	static void function(struct source *source, type *into)                                    \
	{                                                                                          \
		size_t size = get_number(source, 1);                                               \
		const uint8_t *bytes = take(source, size);                                         \
		if (bytes && size > 0 && read(into, (const char *)bytes, size) != RESULT_OK)       \
			refuse(source, RESULT_INVALID);                                            \
	}

DEFINE_GET(get_name, struct change_name, change_name_read)
DEFINE_GET(get_token, struct change_token, change_token_read)
DEFINE_GET(get_registrar, struct change_registrar, change_registrar_read)

static void get_hosts(struct source *source, struct change_delta *delta)
{
	for (size_t count = get_count(source); count > 0 && source->result == RESULT_OK; count--) {
		struct change_name *name;
		int result = change_add_host(delta, &name);
		if (result == RESULT_OK)
			get_name(source, name);
		else
			refuse(source, result);
		if (result == RESULT_OK && !name->text[0])
			refuse(source, RESULT_INVALID);
	}
}

static void get_addresses(struct source *source, struct change_delta *delta)
{
	for (size_t count = get_count(source); count > 0 && source->result == RESULT_OK; count--) {
		struct change_address *address;
		int result = change_add_address(delta, &address);
		if (result != RESULT_OK) {
			refuse(source, result);
			return;
		}
		address->host = (uint16_t)get_number(source, 2);
		address->family = (uint8_t)get_number(source, 1);
		get_bytes(source, address->bytes, sizeof address->bytes, sizeof address->bytes);
		if (address->family != 4 && address->family != 6)
			refuse(source, RESULT_INVALID);
		if (address->host >= delta->hosts.count && address->host != CHANGE_NO_HOST)
			refuse(source, RESULT_INVALID);
	}
}

static void get_ds(struct source *source, struct change_delta *delta)
{
	for (size_t count = get_count(source); count > 0 && source->result == RESULT_OK; count--) {
		struct change_ds *ds;
		int result = change_add_ds(delta, &ds);
		if (result != RESULT_OK) {
			refuse(source, result);
			return;
		}
		ds->key_tag = (uint16_t)get_number(source, 2);
		ds->algorithm = (uint8_t)get_number(source, 1);
		ds->digest_type = (uint8_t)get_number(source, 1);
		ds->digest_size = (uint8_t)get_member(source, CHANGE_DIGEST_SIZE + 1);
		get_bytes(source, ds->digest, ds->digest_size, sizeof ds->digest);
	}
}

static void get_keys(struct source *source, struct change_delta *delta)
{
	for (size_t count = get_count(source); count > 0 && source->result == RESULT_OK; count--) {
		struct change_key *key;
		int result = change_add_key(delta, &key);
		if (result != RESULT_OK) {
			refuse(source, result);
			return;
		}
		key->flags = (uint16_t)get_number(source, 2);
		key->protocol = (uint8_t)get_number(source, 1);
		key->algorithm = (uint8_t)get_number(source, 1);
		size_t size = get_number(source, 2);
		get_bytes(source, key->bytes, size, sizeof key->bytes);
		key->size = source->result == RESULT_OK ? (uint16_t)size : 0;
	}
}

static void get_references(struct source *source, struct change_delta *delta)
{
	for (size_t count = get_count(source); count > 0 && source->result == RESULT_OK; count--) {
		struct change_reference *reference;
		int result = change_add_reference(delta, &reference);
		if (result != RESULT_OK) {
			refuse(source, result);
			return;
		}
		reference->object = (uint8_t)get_member(source, CHANGE_OBJECTS);
		if (reference->object < CHANGE_NSSET)
			refuse(source, RESULT_INVALID);
		reference->replaces = get_member(source, 2);
		get_token(source, &reference->id);
	}
}

static void get_delta(struct source *source, struct change_delta *delta)
{
	delta->status = (uint32_t)get_number(source, 4);
	if (delta->status >> STATUS_COUNT)
		refuse(source, RESULT_INVALID);
	delta->status_others = (uint16_t)get_number(source, 2);
	delta->all_secdns = get_member(source, 2);
	delta->all_hosts = get_member(source, 2);
	get_hosts(source, delta);
	get_addresses(source, delta);
	get_ds(source, delta);
	get_keys(source, delta);
	get_references(source, delta);
}

static bool get_date(struct source *source, int64_t *seconds)
{
	bool has = get_member(source, 2);
	*seconds = (int64_t)get_number(source, 8);
	if (!has && *seconds != 0)
		refuse(source, RESULT_INVALID);
	return has;
}

static void get_transfer(struct source *source, struct change_transfer *transfer)
{
	transfer->op = get_member(source, TRANSFER_OPS);
	transfer->status = get_member(source, TRANSFER_STATUSES);
	get_registrar(source, &transfer->gaining);
	get_registrar(source, &transfer->losing);
	transfer->has_requested = get_date(source, &transfer->requested);
	transfer->has_acted = get_date(source, &transfer->acted);
}

int change_decode(struct change *change, const void *bytes, size_t size)
{
	struct source source = {.at = bytes, .left = size};

	change_clear(change);
	if (get_number(&source, 1) != CHANGE_ENCODING)
		return RESULT_INVALID;
	get_registrar(&source, &change->registrar);
	get_token(&source, &change->svtrid);
	change->object = get_member(&source, CHANGE_OBJECTS);
	change->verb = get_member(&source, CHANGE_VERBS);
	change->outcome = get_member(&source, CHANGE_OUTCOMES);
	change->initiator = get_member(&source, CHANGE_INITIATORS);
	change->is_message = get_member(&source, 2);
	get_token(&source, &change->ends);
	change->restore = get_member(&source, CHANGE_RESTORES);
	get_name(&source, &change->name);
	get_token(&source, &change->handle);
	if (!change_has_subject(change))
		refuse(&source, RESULT_INVALID);
	get_delta(&source, &change->add);
	get_delta(&source, &change->remove);
	change->state_at = get_member(&source, STATE_COUNT);
	change->state_known = get_member(&source, KNOWN_ALL + 1);
	get_delta(&source, &change->state);
	change->locks.lock = (uint8_t)get_member(&source, PROHIBITS_ALL + 1);
	change->locks.unlock = (uint8_t)get_member(&source, PROHIBITS_ALL + 1);
	get_transfer(&source, &change->transfer);
	change->changed = get_member(&source, CHANGED_ALL + 1);
	get_name(&source, &change->new_name);
	change->has_max_sig_life = get_member(&source, 2);
	change->max_sig_life = (uint32_t)get_number(&source, 4);
	change->has_expires = get_date(&source, &change->expires);
	change->has_done = get_date(&source, &change->done);
	if (source.result == RESULT_OK && source.left > 0)
		return RESULT_INVALID;
	return source.result;
}
