#include "eppparse/eppparse.h"

#include "eppparse/allow_list.h"
#include "eppparse/frame.h"
#include "eppparse/values.h"

#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 8192, CODE_COMPLETED = 1000, CODE_PENDING = 1001 };

/* An element that is being read: where its children are looked up, and which side they are of. */
struct step {
	uint8_t children; /* enum allow_place */
	uint8_t field;    /* enum allow_field */
	uint8_t side;     /* enum allow_side; never SIDE_AS_BEFORE but at the start */
};

struct eppparse {
	struct frame_reader *reader;
	struct change *change; /* that is being filled */
	struct change answer; /* what the response said: a command must not say it for the server */
	struct step steps[EPPPARSE_DEPTH_MAX + 1];
	int depth;   /* of steps[] */
	int skipped; /* elements that are open within one without a rule */
	bool seen_command, seen_response, seen_verb, seen_object, no_interest;
	bool in_query; /* the transfer that is open only asks */
	uint32_t code; /* the response's; the worst of several */
	size_t value_size;
	size_t value_used; /* bytes of value[] that hold something of this frame */
	char value[VALUE_MAX];
};

int eppparse_new(struct eppparse **parse)
{
	*parse = calloc(1, sizeof **parse);
	if (!*parse)
		return RESULT_NOMEM;
	change_init(&(*parse)->answer);
	int result = frame_reader_new(&(*parse)->reader);
	if (result != RESULT_OK)
		eppparse_free(parse);
	return result;
}

void eppparse_free(struct eppparse **parse)
{
	if (!*parse)
		return;
	frame_reader_free(&(*parse)->reader);
	change_free(&(*parse)->answer);
	free(*parse);
	*parse = NULL;
}

static void say_nothing(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

static void say_nothing_structured(void *context, xmlErrorPtr error)
{
	(void)context;
	(void)error;
}

void eppparse_silence_thread(void)
{
	xmlSetGenericErrorFunc(NULL, say_nothing);
	xmlSetStructuredErrorFunc(NULL, say_nothing_structured);
}

static struct step *step_now(struct eppparse *parse)
{
	return &parse->steps[parse->depth];
}

/* The side that is being described; NULL outside of both. */
static struct change_delta *delta_now(struct eppparse *parse)
{
	switch (step_now(parse)->side) {
	case SIDE_ADD:
		return &parse->change->add;
	case SIDE_REMOVE:
		return &parse->change->remove;
	default:
		return NULL;
	}
}

static const struct allow_rule *rule_for(uint8_t place, const struct frame_element *element)
{
	enum allow_namespace ns = element->uri ? allow_namespace_find(element->uri) : NS_COUNT;
	if (ns == NS_COUNT)
		return NULL;
	for (size_t i = 0; i < allow_list_size; i++) {
		const struct allow_rule *rule = &allow_list[i];
		if (rule->place == place && rule->ns == ns &&
		    strcmp(rule->element, element->local) == 0)
			return rule;
	}
	return NULL;
}

/* Elements without a rule are skipped, but for those that decide what a frame is. */
static enum eppparse_result judge_unknown(uint8_t place)
{
	switch (place) {
	case IN_DOCUMENT:
	case IN_CREATE:
	case IN_UPDATE:
	case IN_DELETE:
	case IN_RENEW:
	case IN_TRANSFER:
		return EPPPARSE_NAMESPACE;
	case IN_EPP:
	case IN_COMMAND:
		return EPPPARSE_VERB;
	default:
		return EPPPARSE_CHANGE;
	}
}

static enum eppparse_result from_result(int result)
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

static enum eppparse_result set_verb(struct eppparse *parse, enum change_verb verb)
{
	if (parse->seen_verb)
		return EPPPARSE_VERB;
	parse->seen_verb = true;
	parse->change->verb = verb;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result set_object(struct eppparse *parse, enum change_object object)
{
	if (parse->seen_object)
		return EPPPARSE_VALUE;
	parse->seen_object = true;
	parse->change->object = object;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result read_status(struct change_delta *delta,
					const struct frame_element *element)
{
	size_t size = 0;
	const char *text = frame_attribute(element, "s", &size);
	if (!delta || !text)
		return EPPPARSE_VALUE;
	enum change_status status = change_status_find(text, size);
	if (status != STATUS_COUNT)
		delta->status |= 1u << status;
	else if (delta->status_others < UINT16_MAX)
		delta->status_others++;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result read_restore(struct change *change, const struct frame_element *element)
{
	size_t size = 0;
	const char *op = frame_attribute(element, "op", &size);
	if (op && size == 7 && memcmp(op, "request", size) == 0)
		change->restore = CHANGE_RESTORE_REQUEST;
	else if (op && size == 6 && memcmp(op, "report", size) == 0)
		change->restore = CHANGE_RESTORE_REPORT;
	else
		return EPPPARSE_VALUE;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result read_code(struct eppparse *parse, const struct frame_element *element)
{
	size_t size = 0;
	uint32_t code = 0;
	const char *text = frame_attribute(element, "code", &size);
	if (!text || value_number(text, size, 9999, &code) != RESULT_OK)
		return EPPPARSE_NO_RESPONSE;
	if (code > parse->code)
		parse->code = code;
	return EPPPARSE_CHANGE;
}

/* A transfer that only asks how it stands (RFC 5730, section 2.9.2.4) changes nothing. */
static bool is_query(const struct frame_element *element)
{
	size_t size = 0;
	const char *op = frame_attribute(element, "op", &size);
	return op && size == 5 && memcmp(op, "query", size) == 0;
}

static enum eppparse_result begin_record(struct change_delta *delta, uint8_t field)
{
	struct change_ds *ds;
	struct change_key *key;
	if (!delta)
		return EPPPARSE_VALUE;
	return from_result(field == FIELD_DS ? change_add_ds(delta, &ds)
					     : change_add_key(delta, &key));
}

/* What an element says by being there, and by its attributes. */
static enum eppparse_result open_field(struct eppparse *parse, uint8_t field,
				       const struct frame_element *element)
{
	switch (field) {
	case FIELD_COMMAND:
		parse->seen_command = true;
		return EPPPARSE_CHANGE;
	case FIELD_RESPONSE:
		parse->seen_response = true;
		return EPPPARSE_CHANGE;
	case FIELD_CREATE:
		return set_verb(parse, CHANGE_CREATE);
	case FIELD_UPDATE:
		return set_verb(parse, CHANGE_UPDATE);
	case FIELD_DELETE:
		return set_verb(parse, CHANGE_DELETE);
	case FIELD_RENEW:
		return set_verb(parse, CHANGE_RENEW);
	case FIELD_TRANSFER:
		parse->in_query = is_query(element);
		parse->no_interest |= parse->in_query;
		return EPPPARSE_CHANGE;
	case FIELD_LATER:
		return parse->in_query ? EPPPARSE_CHANGE : EPPPARSE_VERB;
	case FIELD_QUERY:
	case FIELD_NO_INTEREST:
		parse->no_interest = true;
		return EPPPARSE_CHANGE;
	case FIELD_DOMAIN:
		return set_object(parse, CHANGE_DOMAIN);
	case FIELD_HOST:
		return set_object(parse, CHANGE_HOST);
	case FIELD_REGISTRANT:
		parse->change->changed |= CHANGE_REGISTRANT;
		return EPPPARSE_CHANGE;
	case FIELD_CONTACT:
		parse->change->changed |= CHANGE_CONTACTS;
		return EPPPARSE_CHANGE;
	case FIELD_AUTH_INFO:
		parse->change->changed |= CHANGE_AUTH_INFO;
		return EPPPARSE_CHANGE;
	case FIELD_STATUS:
		return read_status(delta_now(parse), element);
	case FIELD_RESTORE:
		return read_restore(parse->change, element);
	case FIELD_RESULT:
		return read_code(parse, element);
	case FIELD_DS:
	case FIELD_KEY:
		return begin_record(delta_now(parse), field);
	default:
		return EPPPARSE_CHANGE;
	}
}

/* Is the text of this field read? */
static bool has_text(uint8_t field)
{
	switch (field) {
	case FIELD_NAME:
	case FIELD_HOST_NAME:
	case FIELD_NEW_NAME:
	case FIELD_ADDRESS:
	case FIELD_SECDNS_ALL:
	case FIELD_MAX_SIG_LIFE:
	case FIELD_DS_KEY_TAG:
	case FIELD_DS_ALGORITHM:
	case FIELD_DS_DIGEST_TYPE:
	case FIELD_DS_DIGEST:
	case FIELD_KEY_FLAGS:
	case FIELD_KEY_PROTOCOL:
	case FIELD_KEY_ALGORITHM:
	case FIELD_KEY_BYTES:
	case FIELD_EXPIRES:
	case FIELD_SVTRID:
		return true;
	default:
		return false;
	}
}

static enum eppparse_result on_start(void *context, const struct frame_element *element)
{
	struct eppparse *parse = context;
	if (parse->skipped > 0) {
		parse->skipped++;
		return EPPPARSE_CHANGE;
	}
	const struct step *outer = step_now(parse);
	if (has_text(outer->field))
		return EPPPARSE_VALUE; /* an element within a value */
	const struct allow_rule *rule = rule_for(outer->children, element);
	if (!rule) {
		parse->skipped = 1;
		return judge_unknown(outer->children);
	}
	uint8_t side = rule->side == SIDE_AS_BEFORE ? outer->side : rule->side;
	parse->depth++;
	*step_now(parse) = (struct step){rule->children, rule->field, side};
	parse->value_size = 0;
	return open_field(parse, rule->field, element);
}

static enum eppparse_result on_text(void *context, const char *bytes, size_t size)
{
	struct eppparse *parse = context;
	if (parse->skipped > 0 || !has_text(step_now(parse)->field))
		return EPPPARSE_CHANGE;
	if (size > sizeof parse->value - parse->value_size)
		return EPPPARSE_VALUE;
	memcpy(parse->value + parse->value_size, bytes, size);
	parse->value_size += size;
	if (parse->value_used < parse->value_size)
		parse->value_used = parse->value_size;
	return EPPPARSE_CHANGE;
}

static int close_name(struct eppparse *parse, struct change_name *name)
{
	if (name->text[0])
		return RESULT_INVALID;
	return change_name_read(name, parse->value, parse->value_size);
}

static int close_host_name(struct eppparse *parse, struct change_delta *delta)
{
	struct change_name *name;
	int result = change_add_host(delta, &name);
	return result == RESULT_OK ? close_name(parse, name) : result;
}

static int close_address(struct eppparse *parse, struct change_delta *delta)
{
	struct change_address *address;
	int result = change_add_address(delta, &address);
	if (result != RESULT_OK)
		return result;
	address->host = CHANGE_NO_HOST;
	if (parse->change->object == CHANGE_DOMAIN) {
		if (delta->hosts.count == 0)
			return RESULT_INVALID;
		address->host = (uint16_t)(delta->hosts.count - 1);
	}
	return value_address(parse->value, parse->value_size, address);
}

static int close_number(const struct eppparse *parse, uint32_t max, uint32_t *number)
{
	return value_number(parse->value, parse->value_size, max, number);
}

static int close_ds(struct eppparse *parse, struct change_delta *delta, uint8_t field)
{
	struct change_ds *ds = &delta->ds.items[delta->ds.count - 1];
	uint32_t number = 0;
	size_t size = 0;
	if (field == FIELD_DS_DIGEST) {
		int result = value_hex(parse->value, parse->value_size, ds->digest,
				       sizeof ds->digest, &size);
		ds->digest_size = (uint8_t)size;
		return result;
	}
	int result = close_number(parse, field == FIELD_DS_KEY_TAG ? 65535 : 255, &number);
	if (field == FIELD_DS_KEY_TAG)
		ds->key_tag = (uint16_t)number;
	else if (field == FIELD_DS_ALGORITHM)
		ds->algorithm = (uint8_t)number;
	else
		ds->digest_type = (uint8_t)number;
	return result;
}

static int close_key(struct eppparse *parse, struct change_delta *delta, uint8_t field)
{
	struct change_key *key = &delta->keys.items[delta->keys.count - 1];
	uint32_t number = 0;
	size_t size = 0;
	if (field == FIELD_KEY_BYTES) {
		int result = value_base64(parse->value, parse->value_size, key->bytes,
					  sizeof key->bytes, &size);
		key->size = (uint16_t)size;
		return result;
	}
	int result = close_number(parse, field == FIELD_KEY_FLAGS ? 65535 : 255, &number);
	if (field == FIELD_KEY_FLAGS)
		key->flags = (uint16_t)number;
	else if (field == FIELD_KEY_PROTOCOL)
		key->protocol = (uint8_t)number;
	else
		key->algorithm = (uint8_t)number;
	return result;
}

/* What the element's text says, now that all of it is there. */
static int close_field(struct eppparse *parse, uint8_t field)
{
	struct change *change = parse->change;
	struct change_delta *delta = delta_now(parse);
	switch (field) {
	case FIELD_NAME:
		return close_name(parse, &change->name);
	case FIELD_NEW_NAME:
		return close_name(parse, &change->new_name);
	case FIELD_MAX_SIG_LIFE:
		change->has_max_sig_life = true;
		return close_number(parse, INT32_MAX, &change->max_sig_life);
	case FIELD_EXPIRES:
		/* What is no date or no id is left out: the change matters more. */
		change->has_expires =
			value_date(parse->value, parse->value_size, &change->expires) == RESULT_OK;
		return RESULT_OK;
	case FIELD_SVTRID:
		if (change_token_read(&change->svtrid, parse->value, parse->value_size) !=
		    RESULT_OK)
			change->svtrid.text[0] = '\0';
		return RESULT_OK;
	default:
		break;
	}
	if (!delta)
		return RESULT_INVALID;
	switch (field) {
	case FIELD_HOST_NAME:
		return close_host_name(parse, delta);
	case FIELD_ADDRESS:
		return close_address(parse, delta);
	case FIELD_SECDNS_ALL:
		return value_boolean(parse->value, parse->value_size, &delta->all_secdns);
	case FIELD_DS_KEY_TAG:
	case FIELD_DS_ALGORITHM:
	case FIELD_DS_DIGEST_TYPE:
	case FIELD_DS_DIGEST:
		return close_ds(parse, delta, field);
	default:
		return close_key(parse, delta, field);
	}
}

/* A DS record without a digest, or a key without bytes, is none. */
static int close_record(const struct change_delta *delta, uint8_t field)
{
	bool whole = field == FIELD_DS ? delta->ds.items[delta->ds.count - 1].digest_size > 0
				       : delta->keys.items[delta->keys.count - 1].size > 0;
	return whole ? RESULT_OK : RESULT_INVALID;
}

static enum eppparse_result on_end(void *context)
{
	struct eppparse *parse = context;
	if (parse->skipped > 0) {
		parse->skipped--;
		return EPPPARSE_CHANGE;
	}
	uint8_t field = step_now(parse)->field;
	int result = RESULT_OK;
	if (has_text(field))
		result = close_field(parse, field);
	else if (field == FIELD_DS || field == FIELD_KEY)
		result = close_record(delta_now(parse), field);
	parse->depth--;
	return from_result(result);
}

static enum eppparse_result read_frame(struct eppparse *parse, const void *bytes, size_t size,
				       struct change *change)
{
	const struct frame_handler handler = {on_start, on_end, on_text, parse};
	parse->change = change;
	parse->steps[0] = (struct step){IN_DOCUMENT, FIELD_NONE, SIDE_AS_BEFORE};
	parse->depth = 0;
	parse->skipped = 0;
	parse->seen_command = parse->seen_response = false;
	parse->seen_verb = parse->seen_object = parse->no_interest = parse->in_query = false;
	parse->code = 0;
	enum eppparse_result result = frame_read(parse->reader, bytes, size, &handler);
	parse->change = NULL;
	/* A value could be a secret that stands where a name should: nothing of any of them stays. */
	memset(parse->value, 0, parse->value_used);
	parse->value_size = parse->value_used = 0;
	return result;
}

/* Reads a response into parse->answer. */
static enum eppparse_result read_response(struct eppparse *parse, const void *bytes, size_t size)
{
	change_clear(&parse->answer);
	enum eppparse_result result = read_frame(parse, bytes, size, &parse->answer);
	if (result != EPPPARSE_CHANGE)
		return result;
	if (!parse->seen_response || parse->seen_command || parse->code == 0)
		return EPPPARSE_NO_RESPONSE;
	if (parse->code != CODE_COMPLETED && parse->code != CODE_PENDING)
		return EPPPARSE_NOTHING;
	parse->answer.outcome = parse->code == CODE_PENDING ? CHANGE_PENDING : CHANGE_COMPLETED;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result read_command(struct eppparse *parse, const void *bytes, size_t size,
					 struct change *change)
{
	enum eppparse_result result = read_frame(parse, bytes, size, change);
	if (result != EPPPARSE_CHANGE)
		return result;
	/* A query or a contact beside what may be a change: which of the two was carried out, who knows? */
	if (parse->no_interest)
		return parse->seen_object ? EPPPARSE_VERB : EPPPARSE_NOTHING;
	/* A response within a command would speak for the server. */
	if (!parse->seen_command || parse->seen_response || !parse->seen_verb ||
	    !parse->seen_object)
		return EPPPARSE_VERB;
	return change->name.text[0] ? EPPPARSE_CHANGE : EPPPARSE_VALUE;
}

/* Sets what only the server may say of a change: by its answer, or, with an empty one, that nothing is known. */
static void set_answer(struct change *change, const struct change *answer)
{
	change->svtrid = answer->svtrid;
	change->outcome = answer->outcome;
	change->has_expires = answer->has_expires;
	change->expires = answer->expires;
}

enum eppparse_result eppparse_command(struct eppparse *parse, const void *bytes, size_t size,
				      struct change *change)
{
	change_clear(change);
	change_clear(&parse->answer);
	parse->answer.outcome = CHANGE_UNKNOWN;
	enum eppparse_result result = read_command(parse, bytes, size, change);
	set_answer(change, &parse->answer);
	return result;
}

enum eppparse_result eppparse_response(struct eppparse *parse, const void *bytes, size_t size,
				       struct change *change)
{
	enum eppparse_result result = read_response(parse, bytes, size);
	set_answer(change, &parse->answer);
	return result;
}

enum eppparse_result eppparse_pair(struct eppparse *parse, const void *command, size_t command_size,
				   const void *response, size_t response_size,
				   struct change *change)
{
	change_clear(change);
	enum eppparse_result result = read_response(parse, response, response_size);
	if (result == EPPPARSE_CHANGE)
		result = read_command(parse, command, command_size, change);
	set_answer(change, &parse->answer);
	return result;
}

const char *eppparse_reason(enum eppparse_result result)
{
	static const char *const reasons[EPPPARSE_RESULTS] = {
		[EPPPARSE_CHANGE] = "change",
		[EPPPARSE_NOTHING] = "nothing",
		[EPPPARSE_MALFORMED] = "malformed",
		[EPPPARSE_DOCTYPE] = "doctype",
		[EPPPARSE_DEEP] = "deep",
		[EPPPARSE_LARGE] = "large",
		[EPPPARSE_ENCODING] = "encoding",
		[EPPPARSE_NAMESPACE] = "namespace",
		[EPPPARSE_VERB] = "verb",
		[EPPPARSE_VALUE] = "value",
		[EPPPARSE_NO_RESPONSE] = "no_response",
		[EPPPARSE_NOMEM] = "no_memory",
	};
	if ((unsigned)result >= EPPPARSE_RESULTS)
		return "unknown";
	return reasons[result];
}
