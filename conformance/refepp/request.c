#include "conformance/refepp/request.h"

#include "conformance/refepp/dates.h"
#include "conformance/refepp/need.h"
#include "conformance/refepp/status.h"

#include <ctype.h>
#include <string.h>

int request_refuse(struct request *request, int code, const char *why)
{
	request->why = why;
	return code;
}

/* Letters, digits and inner hyphens, at least two labels; lower case in place. */
static bool make_host_name(char *name)
{
	size_t labels = 0, length;

	if (strlen(name) > 253)
		return false;
	for (;; name += length + 1) {
		length = strcspn(name, ".");
		if (length == 0 || length > 63 || name[0] == '-' || name[length - 1] == '-')
			return false;
		for (size_t i = 0; i < length; i++) {
			if (!isascii(name[i]) || (!isalnum(name[i]) && name[i] != '-'))
				return false;
			name[i] = (char)tolower(name[i]);
		}
		labels++;
		if (name[length] == '\0')
			return labels >= 2;
	}
}

int request_read_name(struct request *request, enum kind kind, const xmlNode *node,
		      const char **name)
{
	const char *text = xml_text(node);

	if (text == NULL || text[0] == '\0')
		return request_refuse(request, 2003, "the object's name is missing");
	*name = text;
	if (kind == KIND_CONTACT) {
		if (strlen(text) < 3 || strlen(text) > 16 || strchr(text, ' ') != NULL)
			return request_refuse(request, 2005, "a contact id has 3 to 16 characters");
		return 0;
	}
	/* xml_text() gave us a string of our own. */
	if (!make_host_name((char *)text))
		return request_refuse(request, 2005, "not a name of two or more A-labels");
	return 0;
}

static xmlNode *key_node(const struct request *request)
{
	return xml_child(request->command->object, command_key_name(request->command->kind));
}

static void show_check(struct request *request, enum kind kind, const char *name)
{
	const char *prefix = command_kind_name(kind), *key = command_key_name(kind);
	bool taken = registry_find(request->registry, kind, name) != NULL;

	text_printf(&request->data, "<%s:cd><%s:%s avail=\"%d\">", prefix, prefix, key, !taken);
	text_xml(&request->data, name);
	text_printf(&request->data, "</%s:%s>", prefix, key);
	if (taken)
		text_printf(&request->data, "<%s:reason>In use</%s:reason>", prefix, prefix);
	text_printf(&request->data, "</%s:cd>", prefix);
}

int request_check(struct request *request)
{
	enum kind kind = request->command->kind;
	const char *prefix = command_kind_name(kind);
	const xmlNode *node = key_node(request);

	if (!xml_only(request->command->object, kind == KIND_CONTACT ? "id*" : "name*"))
		return request_refuse(request, 2001, "a check holds names only");
	text_printf(&request->data, "<%s:chkData xmlns:%s=\"urn:ietf:params:xml:ns:%s-1.0\">",
		    prefix, prefix, prefix);
	do {
		const char *name;
		int code = request_read_name(request, kind, node, &name);

		if (code != 0)
			return code;
		show_check(request, kind, name);
		node = xml_again(node);
	} while (node != NULL);
	text_printf(&request->data, "</%s:chkData>", prefix);
	return 1000;
}

int request_begin_create(struct request *request)
{
	enum kind kind = request->command->kind;
	struct object *object;
	const char *name;
	char roid[40];
	int code = request_read_name(request, kind, key_node(request), &name);

	if (code != 0)
		return code;
	if (registry_find(request->registry, kind, name) != NULL)
		return request_refuse(request, 2302, NULL);
	object = request->change.next = object_new(kind, name);
	registry_next_roid(request->registry, kind, roid, sizeof(roid));
	object->roid = need_copy(roid);
	object->sponsor = need_copy(request->registrar);
	object->creator = need_copy(request->registrar);
	object->created_ms = request->now_ms;
	return 0;
}

int request_end_create(struct request *request)
{
	const struct object *object = request->change.next;
	const char *prefix = command_kind_name(object->kind);
	char date[DATES_SIZE];

	text_printf(&request->data, "<%s:creData xmlns:%s=\"urn:ietf:params:xml:ns:%s-1.0\">",
		    prefix, prefix, prefix);
	request_show(request, object, command_key_name(object->kind), object->name);
	dates_format(object->created_ms, date);
	request_show(request, object, "crDate", date);
	if (object->expires_ms != 0) {
		dates_format(object->expires_ms, date);
		request_show(request, object, "exDate", date);
	}
	text_printf(&request->data, "</%s:creData>", prefix);
	return 1000;
}

int request_find(struct request *request, const struct object **object)
{
	enum kind kind = request->command->kind;
	const char *name;
	int code = request_read_name(request, kind, key_node(request), &name);

	if (code != 0)
		return code;
	*object = registry_find(request->registry, kind, name);
	return *object == NULL ? request_refuse(request, 2303, NULL) : 0;
}

/* Finds an object of the registrar's own to be changed. */
static int find_own(struct request *request)
{
	const struct object *object;
	int code = request_find(request, &object);

	if (code != 0)
		return code;
	if (strcmp(object->sponsor, request->registrar) != 0)
		return request_refuse(request, 2201, "the object is another registrar's");
	request->change.old =
		registry_find(request->registry, request->command->kind, object->name);
	return 0;
}

static void begin_clone(struct request *request)
{
	struct object *next = request->change.next = object_clone(request->change.old);

	next->updated_ms = request->now_ms;
	need_replace(&next->updater, request->registrar);
}

int request_begin_change(struct request *request, const char *right)
{
	int code = find_own(request);

	if (code != 0)
		return code;
	request->why = status_prohibits(request->change.old, right);
	if (request->why != NULL)
		return 2304;
	if (request->command->verb != VERB_DELETE)
		begin_clone(request);
	return 0;
}

xmlNode *request_part(const struct request *request, const char *name)
{
	return xml_child(request->command->object, name);
}

static bool has_extension(const struct request *request)
{
	return request->command->secdns != NULL || request->command->rgp != NULL;
}

/* Is taking clientUpdateProhibited off all that the update does? */
static bool only_unlocks(const struct request *request)
{
	const xmlNode *removed = xml_first(request_part(request, "rem"));
	const char *status = removed == NULL ? NULL : xml_attribute(removed, "s");

	return status != NULL && strcmp((const char *)removed->name, "status") == 0 &&
	       strcmp(status, "clientUpdateProhibited") == 0 && xml_next(removed) == NULL &&
	       xml_first(request_part(request, "add")) == NULL &&
	       xml_first(request_part(request, "chg")) == NULL && !has_extension(request);
}

int request_begin_update(struct request *request)
{
	bool empty = request_part(request, "add") == NULL && request_part(request, "rem") == NULL &&
		     request_part(request, "chg") == NULL;
	int code;

	if (!xml_only(request->command->object, "name id add rem chg"))
		return request_refuse(request, 2001, "an update holds name, add, rem and chg");
	if (empty && !has_extension(request))
		return request_refuse(request, 2003, "add, rem or chg is missing");
	code = find_own(request);
	if (code != 0)
		return code;
	request->why = status_prohibits(request->change.old, only_unlocks(request) ? "" : "Update");
	/* A restore is for what nothing else may touch; who carries it out looks at the status. */
	if (request->why != NULL && request->command->rgp == NULL)
		return 2304;
	request->why = NULL;
	begin_clone(request);
	return 0;
}

int request_read_auth(struct request *request, const xmlNode *auth_info, const char **auth)
{
	const xmlNode *password = xml_child(auth_info, "pw");

	if (auth_info == NULL)
		return request_refuse(request, 2003, "authInfo is missing");
	if (password == NULL || !xml_only(auth_info, "pw"))
		return request_refuse(request, 2102, "authInfo by pw alone");
	*auth = xml_text(password);
	return 0;
}

void request_show(struct request *request, const struct object *object, const char *name,
		  const char *value)
{
	const char *prefix = command_kind_name(object->kind);

	if (value == NULL)
		return;
	text_printf(&request->data, "<%s:%s>", prefix, name);
	text_xml(&request->data, value);
	text_printf(&request->data, "</%s:%s>", prefix, name);
}

void request_show_head(struct request *request, const struct object *object)
{
	request_show(request, object, command_key_name(object->kind), object->name);
	request_show(request, object, "roid", object->roid);
	status_show(&request->data, object);
}

void request_show_dates(struct request *request, const struct object *object)
{
	char date[DATES_SIZE];

	request_show(request, object, "clID", object->sponsor);
	request_show(request, object, "crID", object->creator);
	dates_format(object->created_ms, date);
	request_show(request, object, "crDate", date);
	if (object->updated_ms != 0) {
		request_show(request, object, "upID", object->updater);
		dates_format(object->updated_ms, date);
		request_show(request, object, "upDate", date);
	}
	if (object->expires_ms != 0) {
		dates_format(object->expires_ms, date);
		request_show(request, object, "exDate", date);
	}
}

int request_may_see(struct request *request, const struct object *object, bool *all)
{
	const xmlNode *password = xml_child(request_part(request, "authInfo"), "pw");

	*all = strcmp(object->sponsor, request->registrar) == 0;
	if (*all || password == NULL)
		return 0;
	if (object->auth == NULL || strcmp(object->auth, xml_text(password)) != 0)
		return request_refuse(request, 2202, NULL);
	*all = true;
	return 0;
}
