#include "conformance/refepp/status.h"

#include <stdio.h>
#include <string.h>

/* What a client may set on each kind. */
static const char *const settable[KIND_COUNT][6] = {
	[KIND_DOMAIN] = {"clientDeleteProhibited", "clientHold", "clientRenewProhibited",
			 "clientTransferProhibited", "clientUpdateProhibited"},
	[KIND_HOST] = {"clientDeleteProhibited", "clientUpdateProhibited"},
	[KIND_CONTACT] = {"clientDeleteProhibited", "clientTransferProhibited",
			  "clientUpdateProhibited"},
};

static bool has(const struct object *object, const char *side, const char *right)
{
	char status[40];

	snprintf(status, sizeof(status), "%s%sProhibited", side, right);
	return set_find(&object->status, status) != NULL;
}

const char *status_prohibits(const struct object *object, const char *right)
{
	if (set_find(&object->status, "pendingDelete") != NULL)
		return "the object has pendingDelete";
	/* A lock by the registry is not passed by taking the registrar's own off. */
	if (has(object, "server", right[0] == '\0' ? "Update" : right))
		return "the registry prohibits it by a server status";
	if (right[0] != '\0' && has(object, "client", right))
		return "the registrar prohibits it by a client status";
	return NULL;
}

static void show_one(struct text *data, const struct object *object, const char *status)
{
	text_printf(data, "<%s:status s=\"%s\"/>", command_kind_name(object->kind), status);
}

void status_show(struct text *data, const struct object *object)
{
	bool inactive = object->kind == KIND_DOMAIN && object->ns.count == 0;
	size_t i;

	for (i = 0; i < object->status.count; i++)
		show_one(data, object, object->status.items[i]);
	if (inactive)
		show_one(data, object, "inactive");
	if (object->links > 0)
		show_one(data, object, "linked");
	if (object->status.count == 0 && !inactive)
		show_one(data, object, "ok");
}

static bool is_settable(enum kind kind, const char *status)
{
	const char *const *at = settable[kind];

	while (*at != NULL && strcmp(*at, status) != 0)
		at++;
	return *at != NULL;
}

static int change_one(struct request *request, const xmlNode *node, bool adds)
{
	struct object *object = request->change.next;
	const char *status = xml_attribute(node, "s");

	if (status == NULL)
		return request_refuse(request, 2003, "a status without its name");
	if (!is_settable(object->kind, status))
		return request_refuse(request, 2306, "a registrar can't change this status");
	if (adds && !set_add(&object->status, status))
		return request_refuse(request, 2306, "the status to be added is set");
	if (!adds && !set_remove(&object->status, status))
		return request_refuse(request, 2306, "the status to be removed is not set");
	return 0;
}

static int change_all(struct request *request, const xmlNode *part, bool adds)
{
	const xmlNode *node = xml_child(part, "status");
	int code = 0;

	for (; node != NULL && code == 0; node = xml_again(node))
		code = change_one(request, node, adds);
	return code;
}

int status_update(struct request *request, const xmlNode *rem, const xmlNode *add)
{
	int code = change_all(request, rem, false);

	return code != 0 ? code : change_all(request, add, true);
}
