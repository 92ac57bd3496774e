/* field_open.c - what an element says by being there, and by its attributes */
#include "eppparse/reading.h"

#include "base/blank.h"
#include "eppparse/values.h"

#include <string.h>

enum {
	LOCK_MOST = PROHIBITS_DELETE | PROHIBITS_UPDATE,
	LOCK_ALL = PROHIBITS_DELETE | PROHIBITS_TRANSFER | PROHIBITS_UPDATE,
};

/* An element that is being opened, and what its field's row in openers[] has beside the function. */
struct opening {
	const struct frame_element *element;
	uint8_t what;
};

typedef enum eppparse_result open_fn(struct eppparse *parse, const struct opening *opening);

/* Is the attribute `name` there, and `value`? */
static bool attribute_is(const struct frame_element *element, const char *name, const char *value)
{
	size_t size = 0;
	const char *text = frame_attribute(element, name, &size);
	if (!text)
		return false;
	trim(&text, &size);
	return size == strlen(value) && memcmp(text, value, size) == 0;
}

static bool has_attribute(const struct frame_element *element, const char *name)
{
	size_t size;
	return frame_attribute(element, name, &size) != NULL;
}

/* A boolean attribute. False: it is none, or not there; what that means is the caller's to say. */
static bool read_boolean(const struct frame_element *element, const char *name, bool *yes)
{
	size_t size = 0;
	const char *text = frame_attribute(element, name, &size);
	return text && value_boolean(text, size, yes) == RESULT_OK;
}

static enum eppparse_result open_command(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	parse->seen.command = true;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_response(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	parse->seen.response = true;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_no_interest(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	parse->seen.no_interest = true;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result set_verb(struct eppparse *parse, enum change_verb verb)
{
	if (parse->seen.verb)
		return EPPPARSE_VERB;
	parse->seen.verb = true;
	parse->change->verb = verb;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_verb(struct eppparse *parse, const struct opening *opening)
{
	return set_verb(parse, opening->what);
}

static enum eppparse_result open_transfer(struct eppparse *parse, const struct opening *opening)
{
	const struct frame_element *element = opening->element;
	enum change_transfer_op op = TRANSFER_REQUEST;
	if (attribute_is(element, "op", "query")) {
		parse->seen.query = true;
		step_now(parse)->children = IN_NOTHING;
		return EPPPARSE_CHANGE;
	}
	while (op < TRANSFER_OPS && !attribute_is(element, "op", change_transfer_op_name(op)))
		op++;
	/* Without one, or with one of a registry's own, such as nic.at's execute, it is a transfer all the same. */
	if (op == TRANSFER_OPS)
		op = TRANSFER_NO_OP;
	parse->change->transfer.op = op;
	return set_verb(parse, CHANGE_TRANSFER);
}

static enum eppparse_result open_restore_verb(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	parse->change->restore = CHANGE_RESTORE_REQUEST;
	return set_verb(parse, CHANGE_UPDATE);
}

/* A command names its object once; what a server tells may name it in each of its parts. */
static enum eppparse_result set_object(struct eppparse *parse, enum change_object object)
{
	bool same = parse->seen.response && parse->change->object == object;
	if (parse->seen.object && !same)
		return EPPPARSE_VALUE;
	parse->seen.object = true;
	parse->change->object = object;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_object(struct eppparse *parse, const struct opening *opening)
{
	return set_object(parse, opening->what);
}

static enum eppparse_result open_domain_keeping_ds(struct eppparse *parse,
						   const struct opening *opening)
{
	bool keeps;
	parse->change->remove.all_secdns =
		read_boolean(opening->element, "keepDS", &keeps) && !keeps;
	return set_object(parse, CHANGE_DOMAIN);
}

/* A domain that the verb is not that of the command for. */
static enum eppparse_result open_domain_as(struct eppparse *parse, const struct opening *opening)
{
	parse->change->verb = opening->what;
	return set_object(parse, CHANGE_DOMAIN);
}

/* An update of a group gives all that is to be in it. */
static enum eppparse_result open_group(struct eppparse *parse, const struct opening *opening)
{
	bool replaces = parse->change->verb == CHANGE_UPDATE;
	if (opening->what == CHANGE_NSGROUP)
		parse->change->remove.all_hosts = replaces;
	else
		parse->change->remove.all_secdns = replaces;
	return set_object(parse, opening->what);
}

/* That it was given or changed; what a server says how an object is has it always. */
static enum eppparse_result open_changed(struct eppparse *parse, const struct opening *opening)
{
	if (step_now(parse)->side != SIDE_STATE)
		parse->change->changed |= opening->what;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_status(struct eppparse *parse, const struct opening *opening)
{
	struct change_delta *delta = field_delta(parse);
	size_t size = 0;
	const char *text = frame_attribute(opening->element, "s", &size);
	if (!delta || !text)
		return EPPPARSE_VALUE;
	enum change_status status = change_status_find(text, size);
	if (status != STATUS_COUNT)
		delta->status |= 1u << status;
	else if (delta->status_others < UINT16_MAX)
		delta->status_others++;
	return EPPPARSE_CHANGE;
}

/* Of two, one might undo what the other says, and who knows which of them the server reads? */
static enum eppparse_result open_secdns(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	if (parse->seen.secdns)
		return EPPPARSE_VALUE;
	parse->seen.secdns = true;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_secdns_replaced(struct eppparse *parse,
						 const struct opening *opening)
{
	(void)opening;
	parse->change->remove.all_secdns = true;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_ds(struct eppparse *parse, const struct opening *opening)
{
	struct change_delta *delta = field_delta(parse);
	struct change_ds *ds;
	(void)opening;
	return delta ? field_result(change_add_ds(delta, &ds)) : EPPPARSE_VALUE;
}

static enum eppparse_result open_key(struct eppparse *parse, const struct opening *opening)
{
	struct change_delta *delta = field_delta(parse);
	struct change_key *key;
	(void)opening;
	return delta ? field_result(change_add_key(delta, &key)) : EPPPARSE_VALUE;
}

static enum eppparse_result open_restore(struct eppparse *parse, const struct opening *opening)
{
	if (attribute_is(opening->element, "op", "request"))
		parse->change->restore = CHANGE_RESTORE_REQUEST;
	else if (attribute_is(opening->element, "op", "report"))
		parse->change->restore = CHANGE_RESTORE_REPORT;
	else
		return EPPPARSE_VALUE;
	return EPPPARSE_CHANGE;
}

/* A deletion that is taken back restores the domain. */
static enum eppparse_result open_delete_not(struct eppparse *parse, const struct opening *opening)
{
	struct change *change = parse->change;
	(void)opening;
	if (change->verb != CHANGE_DELETE)
		return EPPPARSE_VALUE;
	change->verb = CHANGE_UPDATE;
	change->restore = CHANGE_RESTORE_REQUEST;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_lock(struct eppparse *parse, const struct opening *opening)
{
	parse->change->locks.lock |= opening->what;
	return EPPPARSE_CHANGE;
}

/* Traficom's registrylock: activate, deactivate, or requestkey, which changes nothing. */
static enum eppparse_result open_lock_by_type(struct eppparse *parse, const struct opening *opening)
{
	const struct frame_element *element = opening->element;
	if (attribute_is(element, "type", "activate"))
		parse->change->locks.lock |= opening->what;
	else if (attribute_is(element, "type", "deactivate"))
		parse->change->locks.unlock |= opening->what;
	else if (!attribute_is(element, "type", "requestkey"))
		return EPPPARSE_VALUE;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_result(struct eppparse *parse, const struct opening *opening)
{
	size_t size = 0;
	uint32_t code = 0;
	const char *text = frame_attribute(opening->element, "code", &size);
	if (!text || value_number(text, size, 9999, &code) != RESULT_OK)
		return EPPPARSE_NO_RESPONSE;
	if (code > parse->seen.code)
		parse->seen.code = code;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_extension_value(struct eppparse *parse,
						 const struct opening *opening)
{
	(void)opening;
	if (!reading_tells(parse))
		step_now(parse)->children = IN_NOTHING;
	return EPPPARSE_CHANGE;
}

/* A message about a change: what it is, and whose. */
static enum eppparse_result set_news(struct eppparse *parse, enum change_verb verb,
				     enum change_initiator initiator)
{
	parse->seen.news = true;
	parse->change->verb = verb;
	parse->change->initiator = initiator;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_registrars_news(struct eppparse *parse,
						 const struct opening *opening)
{
	return set_news(parse, opening->what, CHANGE_BY_REGISTRAR);
}

static enum eppparse_result open_registrys_news(struct eppparse *parse,
						const struct opening *opening)
{
	return set_news(parse, opening->what, CHANGE_BY_REGISTRY);
}

static enum eppparse_result open_pending_action(struct eppparse *parse,
						const struct opening *opening)
{
	set_news(parse, CHANGE_UPDATE, CHANGE_BY_REGISTRAR);
	return set_object(parse, opening->what);
}

static enum eppparse_result set_ended(struct eppparse *parse, const struct opening *opening,
				      const char *attribute)
{
	bool done;
	if (!read_boolean(opening->element, attribute, &done))
		return EPPPARSE_VALUE;
	parse->change->outcome = done ? CHANGE_COMPLETED : CHANGE_REJECTED;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result open_pending_name(struct eppparse *parse, const struct opening *opening)
{
	return set_ended(parse, opening, "paResult");
}

static enum eppparse_result open_lock_operation(struct eppparse *parse,
						const struct opening *opening)
{
	return set_ended(parse, opening, "success");
}

static enum eppparse_result open_change_data(struct eppparse *parse, const struct opening *opening)
{
	const struct frame_element *element = opening->element;
	bool before = attribute_is(element, "state", "before");
	if (!before && has_attribute(element, "state") && !attribute_is(element, "state", "after"))
		return EPPPARSE_VALUE;
	parse->change->state_at = before ? STATE_BEFORE : STATE_AFTER;
	return set_news(parse, CHANGE_UPDATE, CHANGE_BY_REGISTRY);
}

static enum eppparse_result open_update_data(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	parse->change->state_at = STATE_AFTER;
	return set_news(parse, CHANGE_UPDATE, CHANGE_BY_REGISTRY);
}

/* Until it ends, all goes into parse->before: it is the same object, of another time. */
static enum eppparse_result open_old_data(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	if (parse->after)
		return EPPPARSE_VALUE; /* old data within old data */
	parse->after = parse->change;
	parse->change = &parse->before;
	parse->before.object = parse->after->object;
	return EPPPARSE_CHANGE;
}

/* How an object is: what an infData of its kind always tells. */
static enum eppparse_result open_info(struct eppparse *parse, const struct opening *opening)
{
	static const uint8_t known[CHANGE_OBJECTS] = {
		[CHANGE_DOMAIN] = KNOWN_HOSTS | KNOWN_STATUS,
		[CHANGE_HOST] = KNOWN_STATUS | KNOWN_ADDRESSES,
		[CHANGE_NSSET] = KNOWN_HOSTS | KNOWN_STATUS,
		[CHANGE_KEYSET] = KNOWN_SECDNS | KNOWN_STATUS,
	};
	parse->change->state_known |= known[opening->what];
	return set_object(parse, opening->what);
}

static enum eppparse_result open_secdns_info(struct eppparse *parse, const struct opening *opening)
{
	(void)opening;
	parse->change->state_known |= KNOWN_SECDNS;
	return EPPPARSE_CHANGE;
}

/* Fields that are not here say nothing by being there. */
static const struct {
	open_fn *open;
	uint8_t what; /* verb, object, bits of what changed or of what is prohibited: as the function has it */
} openers[FIELD_COUNT] = {
	[FIELD_COMMAND] = {open_command},
	[FIELD_RESPONSE] = {open_response},

	[FIELD_CREATE] = {open_verb, CHANGE_CREATE},
	[FIELD_UPDATE] = {open_verb, CHANGE_UPDATE},
	[FIELD_DELETE] = {open_verb, CHANGE_DELETE},
	[FIELD_RENEW] = {open_verb, CHANGE_RENEW},
	[FIELD_TRANSFER] = {open_transfer},
	[FIELD_RESTORE_VERB] = {open_restore_verb},
	[FIELD_QUERY] = {open_no_interest},
	[FIELD_LOGIN] = {open_no_interest},

	[FIELD_DOMAIN] = {open_object, CHANGE_DOMAIN},
	[FIELD_DOMAIN_KEEPING_DS] = {open_domain_keeping_ds},
	[FIELD_DOMAIN_UPDATED] = {open_domain_as, CHANGE_UPDATE},
	[FIELD_DOMAIN_RELEASED] = {open_domain_as, CHANGE_TRANSFER},
	[FIELD_HOST] = {open_object, CHANGE_HOST},
	[FIELD_NSSET] = {open_object, CHANGE_NSSET},
	[FIELD_KEYSET] = {open_object, CHANGE_KEYSET},
	[FIELD_NSGROUP] = {open_group, CHANGE_NSGROUP},
	[FIELD_KEYGROUP] = {open_group, CHANGE_KEYGROUP},
	[FIELD_NO_INTEREST] = {open_no_interest},
	[FIELD_DOMAIN_NAME] = {open_object, CHANGE_DOMAIN},
	[FIELD_NSSET_HANDLE] = {open_object, CHANGE_NSSET},
	[FIELD_KEYSET_HANDLE] = {open_object, CHANGE_KEYSET},

	[FIELD_STATUS] = {open_status},
	[FIELD_REGISTRANT] = {open_changed, CHANGED_REGISTRANT},
	[FIELD_CONTACT] = {open_changed, CHANGED_CONTACTS},
	[FIELD_AUTH_INFO] = {open_changed, CHANGED_AUTH_INFO},
	[FIELD_LOCK_POLICY] = {open_changed, CHANGED_LOCK_POLICY},
	[FIELD_SECDNS] = {open_secdns},
	[FIELD_SECDNS_REPLACED] = {open_secdns_replaced},
	[FIELD_DS] = {open_ds},
	[FIELD_KEY] = {open_key},
	[FIELD_RESTORE] = {open_restore},
	[FIELD_DELETE_NOT] = {open_delete_not},
	[FIELD_LOCK] = {open_lock, LOCK_MOST},
	[FIELD_LOCK_ALL] = {open_lock, LOCK_ALL},
	[FIELD_LOCK_BY_TYPE] = {open_lock_by_type, LOCK_ALL},

	[FIELD_RESULT] = {open_result},
	[FIELD_EXTENSION_VALUE] = {open_extension_value},
	[FIELD_PENDING_ACTION] = {open_pending_action, CHANGE_DOMAIN},
	[FIELD_PENDING_HOST_ACTION] = {open_pending_action, CHANGE_HOST},
	[FIELD_PENDING_NAME] = {open_pending_name},
	[FIELD_TRANSFER_DATA] = {open_registrars_news, CHANGE_TRANSFER},
	[FIELD_DOMAIN_INFO] = {open_info, CHANGE_DOMAIN},
	[FIELD_HOST_INFO] = {open_info, CHANGE_HOST},
	[FIELD_NSSET_INFO] = {open_info, CHANGE_NSSET},
	[FIELD_KEYSET_INFO] = {open_info, CHANGE_KEYSET},
	[FIELD_SECDNS_INFO] = {open_secdns_info},
	[FIELD_CHANGE_DATA] = {open_change_data},
	[FIELD_UPDATE_DATA] = {open_update_data},
	[FIELD_OLD_DATA] = {open_old_data},
	[FIELD_DELETED_DATA] = {open_registrys_news, CHANGE_DELETE},
	[FIELD_LOCK_INFO] = {open_registrars_news, CHANGE_UPDATE},
	[FIELD_LOCK_OPERATION] = {open_lock_operation},
};

enum eppparse_result field_open(struct eppparse *parse, uint8_t field,
				const struct frame_element *element)
{
	const struct opening opening = {element, openers[field].what};
	return openers[field].open ? openers[field].open(parse, &opening) : EPPPARSE_CHANGE;
}
