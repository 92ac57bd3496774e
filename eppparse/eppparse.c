#include "eppparse/reading.h"

#include "base/blank.h"

#include <libxml/xmlerror.h>
#include <stdlib.h>
#include <string.h>

/* Four times what libxml2 keeps of a thread; what is as large as that, malloc has no cache of its own for. */
enum { THREAD_ROOM = 4096 };

int eppparse_new(struct eppparse **parse)
{
	*parse = calloc(1, sizeof **parse);
	if (!*parse)
		return RESULT_NOMEM;
	change_init(&(*parse)->answer);
	change_init(&(*parse)->before);
	int result = rules_init(&(*parse)->rules);
	if (result == RESULT_OK)
		result = frame_reader_new(&(*parse)->reader);
	if (result != RESULT_OK)
		eppparse_free(parse);
	return result;
}

void eppparse_free(struct eppparse **parse)
{
	if (!*parse)
		return;
	frame_reader_free(&(*parse)->reader);
	rules_free(&(*parse)->rules);
	change_free(&(*parse)->answer);
	change_free(&(*parse)->before);
	free(*parse);
	*parse = NULL;
}

void eppparse_rest(struct eppparse *parse)
{
	frame_reader_rest(parse->reader);
}

void eppparse_use(struct eppparse *parse, const struct config_pairs *namespaces,
		  const struct config_pairs *verbs)
{
	parse->rules.namespaces = namespaces;
	parse->rules.verbs = verbs;
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

int eppparse_silence_thread(void)
{
	/* Without memory for what it keeps of a thread libxml2 would crash. What was just given back is there for it. */
	void *volatile room = malloc(THREAD_ROOM); /* or a compiler would leave it out */
	if (!room)
		return RESULT_NOMEM;
	free(room);
	xmlSetGenericErrorFunc(NULL, say_nothing);
	xmlSetStructuredErrorFunc(NULL, say_nothing_structured);
	return RESULT_OK;
}

/* Remembers a namespace that has no rule, if it is not known already. */
static void meet(struct eppparse *parse, const char *uri, bool unread)
{
	static const char printable[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789:/._#-";
	size_t size = uri ? strlen(uri) : 0;
	struct eppparse_met met = {.unread = unread};
	if (size > 0 && size < sizeof met.uri && strspn(uri, printable) == size)
		memcpy(met.uri, uri, size);
	for (size_t i = 0; i < parse->met_count; i++)
		if (strcmp(parse->met[i].uri, met.uri) == 0) {
			parse->met[i].unread |= unread;
			return;
		}
	if (parse->met_count < EPPPARSE_MET_MAX)
		parse->met[parse->met_count++] = met;
}

const struct eppparse_met *eppparse_met(const struct eppparse *parse, size_t i)
{
	return i < parse->met_count ? &parse->met[i] : NULL;
}

/* Something without a rule among what a server tells. By its name it may be news of an object that we don't know: by
 * the names that registries' objects share, or those of another version. scan_may_tell() has infData, too. */
static void judge_told(struct eppparse *parse, const struct frame_element *element)
{
	static const char *const news[] = {"panData", "trnData",     "changeData", "updateData",
					   "delData", "idleDelData", "pollInfo"};
	bool is_news = false;
	for (size_t i = 0; i < sizeof news / sizeof *news; i++)
		is_news |= strcmp(element->local, news[i]) == 0;
	bool tells = reading_tells(parse);
	bool is_info = strcmp(element->local, "infData") == 0;
	parse->seen.unread_news |= tells && is_news;
	parse->seen.unread_info |= tells && is_info;
	meet(parse, element->uri, tells && (is_news || is_info));
}

/* Within the object of a command, or its known extensions? */
static bool is_in_object(uint8_t place)
{
	return place >= IN_DOMAIN_CREATE && place < IN_RESPONSE;
}

/* Elements without a rule are skipped, but for those that decide what a frame is. */
static enum eppparse_result judge_unknown(struct eppparse *parse, uint8_t place,
					  const struct frame_element *element, bool known)
{
	switch (place) {
	case IN_DOCUMENT:
	case IN_PROTOCOL_EXTENSION:
	case IN_CREATE:
	case IN_UPDATE:
	case IN_DELETE:
	case IN_RENEW:
	case IN_TRANSFER:
	case IN_RESTORE:
		meet(parse, element->uri, true);
		return EPPPARSE_NAMESPACE;
	case IN_EPP:
	case IN_COMMAND:
		if (!known)
			meet(parse, element->uri, true);
		return EPPPARSE_VERB;
	case IN_COMMAND_EXTENSION:
		if (!known)
			meet(parse, element->uri, false);
		return EPPPARSE_CHANGE;
	case IN_DATA:
		if (!known)
			judge_told(parse, element);
		return EPPPARSE_CHANGE;
	default:
		if (known || !is_in_object(place) ||
		    !rules_have_name(&parse->rules, place, element->local))
			return EPPPARSE_CHANGE;
		/* It is called as what would be read: the registry may read it, and we would tell half. */
		meet(parse, element->uri, true);
		return EPPPARSE_NAMESPACE;
	}
}

/* What a server tells beside its answer to a command may be odd: the change matters more. */
static enum eppparse_result judge(struct eppparse *parse, enum eppparse_result result)
{
	bool odd = result == EPPPARSE_VALUE || result == EPPPARSE_LARGE;
	bool beside = parse->seen.response && !reading_tells(parse);
	parse->seen.odd |= odd;
	return odd && beside ? EPPPARSE_CHANGE : result;
}

static enum eppparse_result on_start(void *context, const struct frame_element *element)
{
	struct eppparse *parse = context;
	bool known;
	if (parse->skipped > 0) {
		parse->skipped++;
		return EPPPARSE_CHANGE;
	}
	struct step *outer = step_now(parse);
	if (field_has_text(outer->field) && outer->children == IN_NOTHING) {
		parse->skipped = 1;
		return judge(parse, EPPPARSE_VALUE); /* an element within a value */
	}
	const struct allow_rule *rule = rules_find(&parse->rules, outer->children, element, &known);
	if (!rule) {
		parse->skipped = 1;
		return judge_unknown(parse, outer->children, element, known);
	}
	outer->parent = true;
	uint8_t side = rule->side == SIDE_AS_BEFORE ? outer->side : rule->side;
	parse->depth++;
	uint8_t children =
		rule->field == FIELD_LOGIN && !parse->reads_login ? IN_NOTHING : rule->children;
	*step_now(parse) = (struct step){children, rule->field, side, false};
	parse->value_size = 0;
	return judge(parse, field_open(parse, rule->field, element));
}

static enum eppparse_result on_text(void *context, const char *bytes, size_t size)
{
	struct eppparse *parse = context;
	if (parse->skipped > 0 || !field_has_text(step_now(parse)->field))
		return EPPPARSE_CHANGE;
	/* Blanks at the beginning go, and many are as good as two: however many there are, the value is read. */
	for (size_t i = 0; i < size; i++) {
		size_t at = parse->value_size;
		bool many = at == 0 || (at > 1 && is_blank(parse->value[at - 1]) &&
					is_blank(parse->value[at - 2]));
		if (many && is_blank(bytes[i]))
			continue;
		if (parse->value_size == sizeof parse->value)
			return judge(parse, EPPPARSE_VALUE);
		parse->value[parse->value_size++] = bytes[i];
	}
	if (parse->value_used < parse->value_size)
		parse->value_used = parse->value_size;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result on_end(void *context)
{
	struct eppparse *parse = context;
	if (parse->skipped > 0) {
		parse->skipped--;
		return EPPPARSE_CHANGE;
	}
	enum eppparse_result result = judge(parse, field_close(parse, step_now(parse)));
	parse->depth--;
	return result;
}

static enum eppparse_result read_once(struct eppparse *parse, const void *bytes, size_t size,
				      struct change *change)
{
	const struct frame_handler handler = {on_start, on_end, on_text, parse};
	parse->change = change;
	parse->steps[0] = (struct step){IN_DOCUMENT, FIELD_NONE, SIDE_AS_BEFORE, false};
	parse->depth = 0;
	parse->skipped = 0;
	parse->seen = (struct seen){0};
	enum eppparse_result result = frame_read(parse->reader, bytes, size, &handler);
	parse->change = parse->after = NULL;
	rules_forget(&parse->rules);
	/* A value could be a secret that stands where a name should: nothing of any of them stays. */
	memset(parse->value, 0, parse->value_used);
	parse->value_size = parse->value_used = 0;
	return result;
}

/* In some places libxml2 takes a failed allocation for an error of the frame: such a frame is read again. If memory is
 * gone, it says so then; if it was gone for a moment, a change is not lost to it. */
static enum eppparse_result read_frame(struct eppparse *parse, const void *bytes, size_t size,
				       struct change *change)
{
	size_t met_count = parse->met_count;
	enum eppparse_result result = read_once(parse, bytes, size, change);
	if (result != EPPPARSE_MALFORMED && result != EPPPARSE_ENCODING)
		return result;
	change_clear(change);
	if (change == &parse->answer)
		change_clear(&parse->before);
	parse->met_count = met_count;
	return read_once(parse, bytes, size, change);
}

/* Reads a response of any code into parse->answer. */
static enum eppparse_result read_any_response(struct eppparse *parse, const void *bytes,
					      size_t size)
{
	change_clear(&parse->answer);
	change_clear(&parse->before);
	enum eppparse_result result = read_frame(parse, bytes, size, &parse->answer);
	if (result != EPPPARSE_CHANGE)
		return result;
	return parse->seen.response && !parse->seen.command && parse->seen.code != 0
		       ? EPPPARSE_CHANGE
		       : EPPPARSE_NO_RESPONSE;
}

/* The acDate of a transfer that is pending is when somebody must have acted, not when somebody did. */
static void forget_deadline(struct change_transfer *transfer)
{
	transfer->has_acted &= transfer->status != TRANSFER_PENDING;
}

/* A transfer's status says more than the code of the response that brings the news. */
static void judge_transfer(struct change *answer)
{
	enum change_transfer_status status = answer->transfer.status;
	answer->outcome = status == TRANSFER_PENDING ? CHANGE_PENDING : CHANGE_COMPLETED;
	forget_deadline(&answer->transfer);
	if (status == TRANSFER_SERVER_APPROVED || status == TRANSFER_SERVER_CANCELLED)
		answer->initiator = CHANGE_BY_REGISTRY;
}

/* A message that has nothing else by which it differs from another that says the same has the time at which it was put in
 * line. */
static void date_message(struct eppparse *parse)
{
	struct change *answer = &parse->answer;
	if (answer->has_done || answer->svtrid.text[0] || answer->transfer.has_requested ||
	    !parse->seen.has_queued)
		return;
	answer->has_done = true;
	answer->done = parse->seen.queued;
}

/* What came and went, if the message shows the same object before and after. */
static enum eppparse_result add_difference(struct eppparse *parse)
{
	struct change *before = &parse->before, *after = &parse->answer;
	if (!before->state_known || strcmp(before->name.text, after->name.text) != 0 ||
	    strcmp(before->handle.text, after->handle.text) != 0)
		return EPPPARSE_CHANGE;
	before->state_at = STATE_BEFORE;
	return field_result(change_add_difference(before, after));
}

/* What parse->answer says by itself, as messages do. */
static enum eppparse_result judge_message(struct eppparse *parse, struct change *change)
{
	struct change *answer = &parse->answer;
	const struct seen *seen = &parse->seen;
	if (seen->unread_news ||
	    (seen->news && !seen->object && !seen->no_interest && seen->unread_info))
		return EPPPARSE_NAMESPACE;
	if (!seen->news)
		return EPPPARSE_NOTHING;
	/* As in a command: a contact beside what may be a change. */
	if (seen->no_interest)
		return seen->object ? EPPPARSE_VERB : EPPPARSE_NOTHING;
	/* That it is a message may have been said behind what is odd in it. */
	if (seen->odd || !seen->object || !change_has_subject(answer))
		return EPPPARSE_VALUE;
	/* By whomever and however often it is polled, it is told once: by what it tells of, not by the poll. */
	answer->is_message = true;
	answer->svtrid = parse->seen.news_txn.text[0] ? parse->seen.news_txn : answer->ends;
	if (answer->state_at == STATE_BEFORE)
		answer->has_expires = false; /* it is how it was */
	if (answer->verb == CHANGE_TRANSFER && answer->state_at == STATE_NONE)
		judge_transfer(answer);
	date_message(parse);
	enum eppparse_result result = add_difference(parse);
	if (result != EPPPARSE_CHANGE)
		return result;
	struct change lent = *change;
	*change = *answer;
	*answer = lent;
	return EPPPARSE_CHANGE;
}

static enum eppparse_result read_command(struct eppparse *parse, const void *bytes, size_t size,
					 struct change *change)
{
	enum eppparse_result result = read_frame(parse, bytes, size, change);
	const struct seen *seen = &parse->seen;
	if (result != EPPPARSE_CHANGE)
		return result;
	if (seen->query)
		return seen->verb || seen->response ? EPPPARSE_VERB : EPPPARSE_NOTHING;
	/* A query or a contact beside what may be a change: which of the two was carried out, who knows? */
	if (seen->no_interest)
		return seen->object ? EPPPARSE_VERB : EPPPARSE_NOTHING;
	/* A response within a command would speak for the server. */
	if (!seen->command || seen->response || !seen->verb || !seen->object)
		return EPPPARSE_VERB;
	return change_has_subject(change) ? EPPPARSE_CHANGE : EPPPARSE_VALUE;
}

/* Sets what only the server may say of a change: by its answer, or, with an empty one, that nothing is known. */
static void set_answer(struct eppparse *parse, struct change *change, enum change_outcome outcome)
{
	const struct change *answer = &parse->answer;
	change->svtrid = answer->svtrid;
	/* That of an infData is when it expires, not what the command set. */
	change->has_expires = answer->has_expires && !answer->state_known;
	change->expires = answer->expires;
	change->outcome = outcome;
	if (change->verb != CHANGE_TRANSFER) {
		change->transfer = (struct change_transfer){0};
		return;
	}
	enum change_transfer_op op = change->transfer.op;
	struct change_registrar gaining = change->transfer.gaining;
	change->transfer = answer->transfer;
	forget_deadline(&change->transfer);
	if (change->transfer.status == TRANSFER_PENDING && outcome == CHANGE_COMPLETED)
		change->outcome = CHANGE_PENDING;
	change->transfer.op = op;
	if (!change->transfer.gaining.text[0])
		change->transfer.gaining = gaining;
}

static enum change_outcome outcome_of(uint32_t code)
{
	return code == CODE_PENDING ? CHANGE_PENDING : CHANGE_COMPLETED;
}

static bool is_success(uint32_t code)
{
	return code == CODE_COMPLETED || code == CODE_PENDING;
}

static void begin(struct eppparse *parse, struct change *change)
{
	change_clear(change);
	parse->met_count = 0;
}

/* Of what could not be read, the svTRID at least. */
static enum eppparse_result finish(struct eppparse *parse, struct change *change,
				   enum eppparse_result result)
{
	if (result != EPPPARSE_CHANGE)
		change->svtrid = parse->answer.svtrid;
	return result;
}

enum eppparse_result eppparse_command(struct eppparse *parse, const void *bytes, size_t size,
				      struct change *change)
{
	begin(parse, change);
	change_clear(&parse->answer);
	enum eppparse_result result = read_command(parse, bytes, size, change);
	set_answer(parse, change, CHANGE_UNKNOWN);
	return result;
}

enum eppparse_result eppparse_response(struct eppparse *parse, const void *bytes, size_t size,
				       struct change *change)
{
	parse->met_count = 0;
	enum eppparse_result result = read_any_response(parse, bytes, size);
	if (result == EPPPARSE_CHANGE && !is_success(parse->seen.code))
		result = EPPPARSE_NOTHING;
	set_answer(parse, change, outcome_of(parse->seen.code));
	return result;
}

enum eppparse_result eppparse_message(struct eppparse *parse, const void *response, size_t size,
				      struct change *change)
{
	begin(parse, change);
	enum eppparse_result result = read_any_response(parse, response, size);
	if (result == EPPPARSE_CHANGE)
		result = parse->seen.code == CODE_MESSAGE ? judge_message(parse, change)
							  : EPPPARSE_NOTHING;
	return finish(parse, change, result);
}

enum eppparse_result eppparse_server_change(struct eppparse *parse, const void *frame, size_t size,
					    struct change *change)
{
	begin(parse, change);
	parse->is_server_change = true;
	enum eppparse_result result = read_any_response(parse, frame, size);
	parse->is_server_change = false;
	/* No other news is the registry's own doing for sure. */
	const struct seen *seen = &parse->seen;
	if (result == EPPPARSE_CHANGE && !seen->no_interest && !seen->unread_news &&
	    parse->answer.state_at == STATE_NONE)
		result = EPPPARSE_NO_RESPONSE;
	if (result == EPPPARSE_CHANGE)
		result = judge_message(parse, change);
	return finish(parse, change, result);
}

enum eppparse_result eppparse_pair(struct eppparse *parse, const void *command, size_t command_size,
				   const void *response, size_t response_size,
				   struct change *change)
{
	begin(parse, change);
	enum eppparse_result result = read_any_response(parse, response, response_size);
	uint32_t code = parse->seen.code;
	if (result == EPPPARSE_CHANGE && code == CODE_MESSAGE)
		result = judge_message(parse, change);
	else if (result == EPPPARSE_CHANGE && is_success(code))
		result = read_command(parse, command, command_size, change);
	else if (result == EPPPARSE_CHANGE)
		result = EPPPARSE_NOTHING;
	if (result == EPPPARSE_CHANGE && !change->is_message)
		set_answer(parse, change, outcome_of(code));
	return finish(parse, change, result);
}

enum eppparse_result eppparse_login(struct eppparse *parse, const void *command,
				    size_t command_size, const void *response, size_t response_size,
				    struct change_registrar *login)
{
	login->text[0] = '\0';
	enum eppparse_result result = read_any_response(parse, response, response_size);
	if (result == EPPPARSE_CHANGE && parse->seen.code != CODE_COMPLETED)
		result = EPPPARSE_NOTHING;
	if (result != EPPPARSE_CHANGE)
		return result;
	/* Nothing else is in a login, and nothing of it is an answer. */
	change_clear(&parse->answer);
	parse->reads_login = true;
	result = read_frame(parse, command, command_size, &parse->answer);
	parse->reads_login = false;
	if (result == EPPPARSE_CHANGE && (!parse->seen.command || parse->seen.logins != 1))
		result = EPPPARSE_NOTHING;
	if (result == EPPPARSE_CHANGE)
		*login = parse->seen.login;
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
