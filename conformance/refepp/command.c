#include "conformance/refepp/command.h"

#include <string.h>

static const char *const verb_names[VERB_COUNT] = {
	"check",    "info", "create", "update", "delete", "renew",
	"transfer", "poll", "login",  "logout", "hello",
};

static const struct {
	const char *name, *namespace, *key;
} kinds[KIND_COUNT] = {
	[KIND_DOMAIN] = {"domain", NS_DOMAIN, "name"},
	[KIND_HOST] = {"host", NS_HOST, "name"},
	[KIND_CONTACT] = {"contact", NS_CONTACT, "id"},
};

const char *command_verb_name(enum verb verb)
{
	return verb_names[verb];
}

const char *command_kind_name(enum kind kind)
{
	return kinds[kind].name;
}

const char *command_key_name(enum kind kind)
{
	return kinds[kind].key;
}

/* Finds the verb's element; the others are clTRID and extension. */
static int read_verb(const xmlNode *outer, struct command *command, const char **why)
{
	size_t verb;

	command->element = xml_first(outer);
	if (command->element == NULL) {
		*why = "command is empty";
		return 2001;
	}
	for (verb = 0; verb < VERB_HELLO; verb++) {
		if (xml_is(command->element, NS_EPP, verb_names[verb])) {
			command->verb = (enum verb)verb;
			return 0;
		}
	}
	*why = "no command of EPP 1.0";
	return 2000;
}

static int read_object(struct command *command, const char **why)
{
	size_t kind;

	command->object = xml_first(command->element);
	if (command->object == NULL || xml_next(command->object) != NULL) {
		*why = "the command needs one object element";
		return command->object == NULL ? 2003 : 2001;
	}
	for (kind = 0; kind < KIND_COUNT; kind++) {
		if (xml_is(command->object, kinds[kind].namespace, verb_names[command->verb])) {
			command->kind = (enum kind)kind;
			return 0;
		}
		if (command->object->ns != NULL &&
		    strcmp((const char *)command->object->ns->href, kinds[kind].namespace) == 0) {
			*why = "the object's element does not fit the command";
			return 2001;
		}
	}
	*why = "objects are domain-1.0, host-1.0 and contact-1.0";
	return 2307;
}

/* Puts a known extension in its place; false if there is none for it, or it stands twice. */
static bool take_extension(struct command *command, xmlNode *node)
{
	xmlNode **place = NULL;

	if (command->verb >= VERB_OBJECT_COUNT || command->kind != KIND_DOMAIN)
		return false;
	if (command->verb == VERB_CREATE && xml_is(node, NS_SECDNS, "create"))
		place = &command->secdns;
	else if (command->verb == VERB_UPDATE && xml_is(node, NS_SECDNS, "update"))
		place = &command->secdns;
	else if (command->verb == VERB_UPDATE && xml_is(node, NS_RGP, "update"))
		place = &command->rgp;
	if (place == NULL || *place != NULL)
		return false;
	*place = node;
	return true;
}

static int read_extensions(const xmlNode *outer, struct command *command, const char **why)
{
	xmlNode *node;

	for (node = xml_first(xml_child(outer, "extension")); node != NULL; node = xml_next(node)) {
		if (!take_extension(command, node)) {
			*why = "extensions are secDNS-1.1 and, on update, rgp-1.0, of a domain";
			return 2103;
		}
	}
	return 0;
}

static int read_cl_trid(const xmlNode *outer, struct command *command, const char **why)
{
	const char *cl_trid = xml_text(xml_child(outer, "clTRID"));

	if (cl_trid == NULL)
		return 0;
	if (strlen(cl_trid) < 3 || strlen(cl_trid) > 64) {
		*why = "a clTRID has 3 to 64 characters";
		return 2001;
	}
	command->cl_trid = cl_trid;
	return 0;
}

static int read_outer(const xmlNode *outer, struct command *command, const char **why)
{
	int code = read_cl_trid(outer, command, why);

	if (code == 0)
		code = read_verb(outer, command, why);
	if (code == 0 && (xml_next(command->element) != NULL &&
			  !xml_is(xml_next(command->element), NS_EPP, "extension") &&
			  !xml_is(xml_next(command->element), NS_EPP, "clTRID"))) {
		*why = "a command is followed by extension and clTRID";
		code = 2001;
	}
	if (code == 0 && command->verb < VERB_OBJECT_COUNT)
		code = read_object(command, why);
	return code != 0 ? code : read_extensions(outer, command, why);
}

int command_read(const struct text *frame, struct command *command, const char **why)
{
	const xmlNode *root, *outer;

	*why = NULL;
	command->document = xml_read(frame->data, frame->size);
	if (command->document == NULL) {
		*why = "no well-formed XML without a DOCTYPE";
		return 2001;
	}
	root = xmlDocGetRootElement(command->document);
	outer = xml_first(root);
	if (!xml_is(root, NS_EPP, "epp") || outer == NULL) {
		*why = "no frame of epp-1.0";
		return 2001;
	}
	if (xml_is(outer, NS_EPP, "hello")) {
		command->verb = VERB_HELLO;
		return 0;
	}
	if (!xml_is(outer, NS_EPP, "command")) {
		*why = "only hello and command are understood";
		return 2000;
	}
	return read_outer(outer, command, why);
}

void command_free(struct command *command)
{
	xml_free(&command->document);
	*command = (struct command){0};
}
