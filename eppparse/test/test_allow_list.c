/* The allow-list, walked rule by rule: what it lets through is a typed value, and nothing else comes through. */
#include "eppparse/reading.h"
#include "eppparse/scan.h"

#include "eppparse/test/frames.h"

/* A rule's element is put into a frame: this is how deep such a frame gets. */
enum { PATH_MAX_DEPTH = 12 };

struct path {
	const struct allow_rule *rules[PATH_MAX_DEPTH];
	size_t count;
};

static bool may_be_text(enum allow_type type)
{
	switch (type) {
	case TYPE_NOTHING:
	case TYPE_NAME:
	case TYPE_ADDRESS:
	case TYPE_NUMBER:
	case TYPE_BOOLEAN:
	case TYPE_HEX:
	case TYPE_BASE64:
	case TYPE_DATE:
	case TYPE_TOKEN:
	case TYPE_ID:
		return true;
	}
	return false;
}

/* Of an attribute no names, ids or keys are read. */
static bool may_be_attribute(enum allow_type type)
{
	return type == TYPE_NOTHING || type == TYPE_NUMBER || type == TYPE_BOOLEAN ||
	       type == TYPE_TOKEN;
}

static void each_field_of_each_rule_has_a_type_that_is_allowed(void **state)
{
	bool used[FIELD_COUNT] = {false};
	(void)state;
	for (size_t i = 0; i < allow_list_size; i++) {
		const struct allow_rule *rule = &allow_list[i];
		assert_true(rule->place < IN_PLACES);
		assert_true(rule->place != IN_NOTHING);
		assert_true(rule->children < IN_PLACES);
		assert_true(rule->ns < NS_COUNT);
		assert_true(rule->field < FIELD_COUNT);
		assert_true(rule->side <= SIDE_STATE);
		struct allow_field_info info = allow_field_info(rule->field);
		assert_true(may_be_text(info.text));
		assert_true(may_be_attribute(info.attribute));
		/* whatever an element may be called, nothing of it is read */
		if (!rule->element)
			assert_true(info.text == TYPE_NOTHING && info.attribute == TYPE_NOTHING &&
				    rule->children == IN_NOTHING);
		used[rule->field] = true;
	}
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (!used[i])
			fail_msg("field %u has no rule", i);
	/* what is no field has none either */
	assert_int_equal(allow_field_info(FIELD_COUNT).text, TYPE_NOTHING);
	assert_int_equal(allow_field_info(UINT32_MAX).attribute, TYPE_NOTHING);
}

static void the_text_is_read_of_those_fields_alone_that_have_a_type(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		assert_int_equal(field_has_text((uint8_t)i),
				 allow_field_info(i).text != TYPE_NOTHING);
}

static void no_rule_stands_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < allow_list_size; i++)
		for (size_t k = 0; k < i; k++) {
			const struct allow_rule *a = &allow_list[i], *b = &allow_list[k];
			if (a->place != b->place || a->ns != b->ns)
				continue;
			assert_true(a->element && b->element);
			if (strcmp(a->element, b->element) == 0)
				fail_msg("%s stands twice in place %u", a->element, a->place);
		}
}

/* The shortest way from the document to where `rule` stands, and the rule itself. */
static struct path find_path(const struct allow_rule *rule)
{
	const struct allow_rule *to[IN_PLACES] = {NULL}; /* by which rule a place was reached */
	bool reached[IN_PLACES] = {[IN_DOCUMENT] = true};
	struct path path = {.count = 0};
	for (bool more = true; more && !reached[rule->place];) {
		bool before[IN_PLACES];
		memcpy(before, reached, sizeof before);
		more = false;
		for (size_t i = 0; i < allow_list_size; i++) {
			const struct allow_rule *step = &allow_list[i];
			if (!before[step->place] || reached[step->children])
				continue;
			reached[step->children] = more = true;
			to[step->children] = step;
		}
	}
	if (!reached[rule->place])
		fail_msg("nothing leads to place %u", rule->place);
	for (const struct allow_rule *at = rule; at; at = to[at->place])
		path.rules[path.count++] = at;
	for (size_t i = 0; i < path.count / 2; i++) {
		const struct allow_rule *other = path.rules[i];
		path.rules[i] = path.rules[path.count - 1 - i];
		path.rules[path.count - 1 - i] = other;
	}
	return path;
}

/* What an element on the way needs for being read on. */
static const char *attributes_of(uint8_t field)
{
	return field == FIELD_TRANSFER ? " op='request'"
	       : field == FIELD_RESULT ? " code='1301'"
				       : "";
}

/* A frame with the last of the path's elements as deep as the path is, with those attributes, and with that in it. */
static void build(struct buffer *frame, const struct path *path, const char *attributes,
		  const char *inner)
{
	buffer_reset(frame);
	for (size_t i = 0; i < path->count; i++) {
		const struct allow_rule *rule = path->rules[i];
		const char *element = rule->element ? rule->element : "anything";
		buffer_printf(frame, "<n%u:%s", rule->ns, element);
		for (int ns = 0; i == 0 && ns < NS_COUNT; ns++)
			buffer_printf(frame, " xmlns:n%d='%s'", ns, epp_namespace_uri(ns));
		bool last = i == path->count - 1;
		buffer_printf(frame, "%s>", last ? attributes : attributes_of(rule->field));
	}
	buffer_append_text(frame, inner);
	for (size_t i = path->count; i > 0; i--) {
		const struct allow_rule *rule = path->rules[i - 1];
		buffer_printf(frame, "</n%u:%s>", rule->ns,
			      rule->element ? rule->element : "anything");
	}
	assert_false(frame->failed);
}

/* Does `text` stand in what was read, or in what may yet be made of it? */
static bool holds(const struct change *read, const char *text)
{
	struct buffer bytes;
	buffer_init(&bytes, 1 << 20);
	change_encode(read, &bytes);
	assert_false(bytes.failed);
	bool found = memmem(bytes.data, bytes.size, text, strlen(text)) != NULL;
	buffer_free(&bytes);
	return found;
}

/* Reads it in all ways that there are. Does `text` come through in any? */
static bool comes_through(const struct buffer *frame, const char *text)
{
	bool found = false;
	struct change_registrar login;
	for (int way = 0; way < 6; way++) {
		enum eppparse_result result;
		switch (way) {
		case 0:
			result = eppparse_command(parse, frame->data, frame->size, &change);
			break;
		case 1:
			result = read_bytes(frame->data, frame->size, done);
			break;
		case 2:
			result = eppparse_pair(parse, moved, sizeof moved - 1, frame->data,
					       frame->size, &change);
			break;
		case 3:
			result = eppparse_message(parse, frame->data, frame->size, &change);
			break;
		case 4:
			result = eppparse_server_change(parse, frame->data, frame->size, &change);
			break;
		default:
			result = eppparse_login(parse, frame->data, frame->size, done,
						sizeof done - 1, &login);
			found |= strstr(login.text, text) != NULL;
		}
		assert_true(result < EPPPARSE_RESULTS);
		found |= holds(&change, text) || holds(&parse->answer, text) ||
			 strstr(parse->seen.news_txn.text, text) != NULL;
		/* nor does the parser keep it for itself */
		assert_null(memmem(parse->value, sizeof parse->value, text, strlen(text)));
	}
	return found;
}

#define CANARIES                                                                                   \
	" s='CANARY' op='CANARY' ip='CANARY' code='CANARY' state='CANARY' paResult='CANARY'"       \
	" success='CANARY' keepDS='CANARY' type='CANARY' lang='CANARY' n0:s='CANARY' "             \
	"n1:op='CANARY'"

static void nothing_comes_through_an_element_whose_text_has_no_type(void **state)
{
	/* Where there is a type, what doesn't fit: neither a name, nor an id, nor what a registrar is called. */
	static const char no_value[] = "CANARY  two\xc3\xb6\n@ words";
	static const char *const insides[] = {
		"CANARY",
		"canary.example<!-- CANARY --><?x CANARY?><![CDATA[CANARY]]>",
		"<x>CANARY</x>CANARY<n0:canary>CANARY</n0:canary>",
		"<n1:canary s='CANARY'>CANARY<n1:name>CANARY</n1:name></n1:canary>",
		"<n3:create>CANARY<n1:name>canary.example</n1:name></n3:create>",
	};
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 1 << 16);
	for (size_t i = 0; i < allow_list_size; i++) {
		const struct allow_rule *rule = &allow_list[i];
		const struct path path = find_path(rule);
		if (field_has_text(rule->field)) {
			build(&frame, &path, attributes_of(rule->field), no_value);
			assert_false(comes_through(&frame, "CANARY"));
			build(&frame, &path, CANARIES, no_value);
			assert_false(comes_through(&frame, "CANARY"));
			continue;
		}
		for (size_t k = 0; k < COUNT(insides); k++) {
			build(&frame, &path, attributes_of(rule->field), insides[k]);
			if (comes_through(&frame, "CANARY") || comes_through(&frame, "canary"))
				fail_msg("from %s: %s", rule->element, frame.data);
			build(&frame, &path, CANARIES, insides[k]);
			if (comes_through(&frame, "CANARY") || comes_through(&frame, "canary"))
				fail_msg("from %s: %s", rule->element, frame.data);
		}
	}
	buffer_free(&frame);
	assert_still_well();
}

/* So that the walk above is known to get where it means to. */
static void names_and_ids_come_through_each_rule_that_reads_them(void **state)
{
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 1 << 16);
	for (size_t i = 0; i < allow_list_size; i++) {
		const struct allow_rule *rule = &allow_list[i];
		const struct path path = find_path(rule);
		enum allow_type text = allow_field_info(rule->field).text;
		if (text != TYPE_NAME && text != TYPE_ID)
			continue;
		build(&frame, &path, " paResult='1'", "marker.example");
		if (!comes_through(&frame, "marker.example"))
			fail_msg("not from %s: %s", rule->element, frame.data);
	}
	buffer_free(&frame);
}

/* The front end's threads pass over polls by scan_may_tell(): it must know all of which a message may be made. */
static void the_scan_knows_each_element_that_news_are_told_by(void **state)
{
	struct buffer frame;
	(void)state;
	buffer_init(&frame, 1 << 16);
	for (size_t i = 0; i < allow_list_size; i++) {
		const struct allow_rule *rule = &allow_list[i];
		const struct path path = find_path(rule);
		if (rule->place != IN_DATA)
			continue;
		build(&frame, &path, "", "");
		bool tells = rule->field != FIELD_NONE && rule->field != FIELD_NO_INTEREST;
		if (scan_may_tell((const char *)frame.data, frame.size) != tells)
			fail_msg("%s: %s", rule->element, frame.data);
	}
	buffer_free(&frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_of_each_rule_has_a_type_that_is_allowed),
		cmocka_unit_test(the_text_is_read_of_those_fields_alone_that_have_a_type),
		cmocka_unit_test(no_rule_stands_twice),
		cmocka_unit_test(nothing_comes_through_an_element_whose_text_has_no_type),
		cmocka_unit_test(names_and_ids_come_through_each_rule_that_reads_them),
		cmocka_unit_test(the_scan_knows_each_element_that_news_are_told_by),
	};
	return cmocka_run_group_tests(tests, frames_begin, frames_end);
}
