/* field_close.c - what an element says by its text, now that all of it is there */
#include "eppparse/reading.h"

#include "base/blank.h"
#include "eppparse/values.h"

#include <string.h>

bool field_has_text(uint8_t field)
{
	return allow_field_info(field).text != TYPE_NOTHING;
}

struct change_delta *field_delta(struct eppparse *parse)
{
	switch (step_now(parse)->side) {
	case SIDE_ADD:
	case SIDE_SET:
		return &parse->change->add;
	case SIDE_REMOVE:
		return &parse->change->remove;
	case SIDE_STATE:
		return &parse->change->state;
	default:
		return NULL;
	}
}

enum eppparse_result field_result(int result)
{
	switch (result) {
	case RESULT_OK:
		return EPPPARSE_CHANGE;
	case RESULT_NOMEM:
		return EPPPARSE_NOMEM;
	case RESULT_FULL:
		return EPPPARSE_LARGE;
	default:
		return EPPPARSE_VALUE;
	}
}

static bool is_empty(const struct eppparse *parse)
{
	const char *text = parse->value;
	size_t size = parse->value_size;
	trim(&text, &size);
	return size == 0;
}

static bool value_is(const struct eppparse *parse, const char *word)
{
	const char *text = parse->value;
	size_t size = parse->value_size;
	trim(&text, &size);
	return size == strlen(word) && memcmp(text, word, size) == 0;
}

/* A subject is named once; what a server tells may name it in each of its parts, and then the same. */
static int close_subject(struct eppparse *parse, struct change_name *name)
{
	struct change_name again;
	if (!name->text[0])
		return change_name_read(name, parse->value, parse->value_size);
	int result = change_name_read(&again, parse->value, parse->value_size);
	if (result == RESULT_OK && (!parse->seen.response || strcmp(again.text, name->text) != 0))
		result = RESULT_INVALID;
	return result;
}

static int close_handle(struct eppparse *parse)
{
	struct change_token *handle = &parse->change->handle;
	if (handle->text[0])
		return RESULT_INVALID;
	return change_token_read(handle, parse->value, parse->value_size);
}

static int close_host_name(struct eppparse *parse, struct change_delta *delta)
{
	struct change_name *name;
	int result = change_add_host(delta, &name);
	return result == RESULT_OK ? change_name_read(name, parse->value, parse->value_size)
				   : result;
}

/* It has hosts within it, or is one itself. */
static int close_nameservers(struct eppparse *parse, struct change_delta *delta, bool parent)
{
	return parent || is_empty(parse) ? RESULT_OK : close_host_name(parse, delta);
}

static int close_address(struct eppparse *parse, struct change_delta *delta)
{
	struct change_address *address;
	int result = change_add_address(delta, &address);
	if (result != RESULT_OK)
		return result;
	address->host = CHANGE_NO_HOST;
	if (parse->change->object != CHANGE_HOST) {
		if (delta->hosts.count == 0)
			return RESULT_INVALID;
		address->host = (uint16_t)(delta->hosts.count - 1);
	}
	return value_address(parse->value, parse->value_size, address);
}

/* A reference in a chg takes the place of the one there was; an empty one takes that away. */
static int close_reference(struct eppparse *parse, enum change_object object)
{
	struct change_reference *reference;
	struct change_delta *delta = field_delta(parse);
	bool replaces = step_now(parse)->side == SIDE_SET, ends = replaces && is_empty(parse);
	if (!delta)
		return RESULT_INVALID;
	int result = change_add_reference(ends ? &parse->change->remove : delta, &reference);
	if (result != RESULT_OK)
		return result;
	reference->object = (uint8_t)object;
	reference->replaces = replaces && !ends;
	return ends ? RESULT_OK
		    : change_token_read(&reference->id, parse->value, parse->value_size);
}

static int close_number(const struct eppparse *parse, uint32_t max, uint32_t *number)
{
	return value_number(parse->value, parse->value_size, max, number);
}

/* All of DS and keys, or all of a key tag: that can only be removed. */
static int close_all(struct eppparse *parse, struct change_delta *delta)
{
	if (step_now(parse)->side != SIDE_REMOVE)
		return RESULT_INVALID;
	return value_boolean(parse->value, parse->value_size, &delta->all_secdns);
}

static int close_u16(const struct eppparse *parse, uint16_t *into)
{
	uint32_t number = 0;
	int result = close_number(parse, UINT16_MAX, &number);
	*into = (uint16_t)number;
	return result;
}

static int close_u8(const struct eppparse *parse, uint8_t *into)
{
	uint32_t number = 0;
	int result = close_number(parse, UINT8_MAX, &number);
	*into = (uint8_t)number;
	return result;
}

static int close_ds_by_tag(struct eppparse *parse, struct change_delta *delta)
{
	struct change_ds *ds;
	if (step_now(parse)->side != SIDE_REMOVE)
		return RESULT_INVALID;
	int result = change_add_ds(delta, &ds);
	return result == RESULT_OK ? close_u16(parse, &ds->key_tag) : result;
}

static int close_digest(const struct eppparse *parse, struct change_ds *ds)
{
	size_t size = 0;
	int result =
		value_hex(parse->value, parse->value_size, ds->digest, sizeof ds->digest, &size);
	ds->digest_size = (uint8_t)size;
	return result;
}

static int close_key_bytes(const struct eppparse *parse, struct change_key *key)
{
	size_t size = 0;
	int result =
		value_base64(parse->value, parse->value_size, key->bytes, sizeof key->bytes, &size);
	key->size = (uint16_t)size;
	return result;
}

/* A part of the last DS record, or its end: what is not whole, or not as long as its algorithm makes it, is none. */
static int close_in_ds(const struct eppparse *parse, struct change_delta *delta, uint8_t field)
{
	if (delta->ds.count == 0)
		return RESULT_INVALID;
	struct change_ds *ds = &delta->ds.items[delta->ds.count - 1];
	switch (field) {
	case FIELD_DS:
		return value_ds_is_whole(ds) ? RESULT_OK : RESULT_INVALID;
	case FIELD_DS_KEY_TAG:
		return close_u16(parse, &ds->key_tag);
	case FIELD_DS_ALGORITHM:
		return close_u8(parse, &ds->algorithm);
	case FIELD_DS_DIGEST_TYPE:
		return close_u8(parse, &ds->digest_type);
	case FIELD_DS_DIGEST:
		return close_digest(parse, ds);
	default:
		return RESULT_INVALID;
	}
}

/* The same of the last key. */
static int close_in_key(const struct eppparse *parse, struct change_delta *delta, uint8_t field)
{
	if (delta->keys.count == 0)
		return RESULT_INVALID;
	struct change_key *key = &delta->keys.items[delta->keys.count - 1];
	switch (field) {
	case FIELD_KEY:
		return value_key_is_whole(key) ? RESULT_OK : RESULT_INVALID;
	case FIELD_KEY_FLAGS:
		return close_u16(parse, &key->flags);
	case FIELD_KEY_PROTOCOL:
		return close_u8(parse, &key->protocol);
	case FIELD_KEY_ALGORITHM:
		return close_u8(parse, &key->algorithm);
	case FIELD_KEY_BYTES:
		return close_key_bytes(parse, key);
	default:
		return RESULT_INVALID;
	}
}

/* What is no date or no id is left out: the change matters more. */
static void close_date(const struct eppparse *parse, bool *has, int64_t *seconds)
{
	*has = value_date(parse->value, parse->value_size, seconds) == RESULT_OK;
}

static void close_token(const struct eppparse *parse, struct change_token *token)
{
	if (change_token_read(token, parse->value, parse->value_size) != RESULT_OK)
		token->text[0] = '\0';
}

static void close_registrar(const struct eppparse *parse, struct change_registrar *registrar)
{
	if (change_registrar_read(registrar, parse->value, parse->value_size) != RESULT_OK)
		registrar->text[0] = '\0';
}

/* A status that is none of RFC 5730's is left out. */
static void close_transfer_status(struct eppparse *parse)
{
	enum change_transfer_status status = TRANSFER_PENDING;
	while (status < TRANSFER_STATUSES && !value_is(parse, change_transfer_status_name(status)))
		status++;
	parse->change->transfer.status = status < TRANSFER_STATUSES ? status : TRANSFER_NO_STATUS;
}

/* RFC 8590, section 2.1. Any other is an update of some kind. */
static void close_operation(struct eppparse *parse)
{
	static const struct {
		const char *word;
		enum change_verb verb;
	} operations[] = {
		{"create", CHANGE_CREATE},     {"delete", CHANGE_DELETE},
		{"autoDelete", CHANGE_DELETE}, {"autoPurge", CHANGE_DELETE},
		{"renew", CHANGE_RENEW},       {"autoRenew", CHANGE_RENEW},
		{"transfer", CHANGE_TRANSFER},
	};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (value_is(parse, operations[i].word))
			parse->change->verb = operations[i].verb;
	if (value_is(parse, "restore"))
		parse->change->restore = CHANGE_RESTORE_REQUEST;
}

/* How it is, as a server says, is no news: a change sets it. */
static int close_max_sig_life(struct eppparse *parse)
{
	uint32_t seconds = 0;
	int result = close_number(parse, INT32_MAX, &seconds);
	if (result != RESULT_OK || step_now(parse)->side == SIDE_STATE)
		return result;
	parse->change->has_max_sig_life = true;
	parse->change->max_sig_life = seconds;
	return RESULT_OK;
}

/* Fields of one side of a change. */
static int close_in_delta(struct eppparse *parse, const struct step *step)
{
	struct change_delta *delta = field_delta(parse);
	if (!delta)
		return RESULT_INVALID;
	switch (step->field) {
	case FIELD_NAMESERVERS:
		return close_nameservers(parse, delta, step->parent);
	case FIELD_HOST_NAME:
		return close_host_name(parse, delta);
	case FIELD_ADDRESS:
		return close_address(parse, delta);
	case FIELD_SECDNS_ALL:
		return close_all(parse, delta);
	case FIELD_DS_BY_TAG:
		return close_ds_by_tag(parse, delta);
	case FIELD_DS:
	case FIELD_DS_KEY_TAG:
	case FIELD_DS_ALGORITHM:
	case FIELD_DS_DIGEST_TYPE:
	case FIELD_DS_DIGEST:
		return close_in_ds(parse, delta, step->field);
	default:
		return close_in_key(parse, delta, step->field);
	}
}

static int close_text(struct eppparse *parse, const struct step *step)
{
	struct change *change = parse->change;
	switch (step->field) {
	case FIELD_NAME:
	case FIELD_DOMAIN_NAME:
	case FIELD_PENDING_NAME:
		return close_subject(parse, &change->name);
	case FIELD_HANDLE:
	case FIELD_NSSET_HANDLE:
	case FIELD_KEYSET_HANDLE:
		return close_handle(parse);
	case FIELD_NEW_NAME:
		return close_subject(parse, &change->new_name);
	case FIELD_NSSET_REFERENCE:
		return close_reference(parse, CHANGE_NSSET);
	case FIELD_KEYSET_REFERENCE:
		return close_reference(parse, CHANGE_KEYSET);
	case FIELD_NSGROUP_REFERENCE:
		return close_reference(parse, CHANGE_NSGROUP);
	case FIELD_KEYGROUP_REFERENCE:
		return close_reference(parse, CHANGE_KEYGROUP);
	case FIELD_MAX_SIG_LIFE:
		return close_max_sig_life(parse);
	default:
		return close_in_delta(parse, step);
	}
}

/* Dates, ids and words of the server's; none of them makes a change unreadable. True: it was one. */
static bool close_told(struct eppparse *parse, uint8_t field)
{
	struct change *change = parse->change;
	struct change_transfer *transfer = &change->transfer;
	switch (field) {
	case FIELD_EXPIRES:
		close_date(parse, &change->has_expires, &change->expires);
		return true;
	case FIELD_QUEUED:
		close_date(parse, &parse->seen.has_queued, &parse->seen.queued);
		return true;
	case FIELD_DONE:
		close_date(parse, &change->has_done, &change->done);
		return true;
	case FIELD_REQUESTED:
		close_date(parse, &transfer->has_requested, &transfer->requested);
		return true;
	case FIELD_ACTED:
		close_date(parse, &transfer->has_acted, &transfer->acted);
		return true;
	case FIELD_SVTRID:
		close_token(parse, &change->svtrid);
		return true;
	case FIELD_ENDED_TXN:
		close_token(parse, &change->ends);
		return true;
	case FIELD_CHANGE_TXN:
		close_token(parse, &parse->seen.news_txn);
		return true;
	case FIELD_LOGIN_ID:
		close_registrar(parse, &parse->seen.login);
		parse->seen.logins++;
		return true;
	case FIELD_GAINING:
		close_registrar(parse, &transfer->gaining);
		return true;
	case FIELD_LOSING:
		close_registrar(parse, &transfer->losing);
		return true;
	case FIELD_TRANSFER_STATUS:
		close_transfer_status(parse);
		return true;
	case FIELD_OPERATION:
		close_operation(parse);
		return true;
	default:
		return false;
	}
}

static enum eppparse_result close_old_data(struct eppparse *parse)
{
	parse->after->object = parse->before.object;
	parse->change = parse->after;
	parse->after = NULL;
	return EPPPARSE_CHANGE;
}

enum eppparse_result field_close(struct eppparse *parse, const struct step *step)
{
	if (step->field == FIELD_OLD_DATA)
		return close_old_data(parse);
	bool record = step->field == FIELD_DS || step->field == FIELD_KEY;
	if ((!field_has_text(step->field) && !record) || close_told(parse, step->field))
		return EPPPARSE_CHANGE;
	return field_result(close_text(parse, step));
}
