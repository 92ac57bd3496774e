#include "conformance/refepp/hosts.h"

#include "conformance/refepp/delegation.h"
#include "conformance/refepp/need.h"
#include "conformance/refepp/status.h"

#include <string.h>

static int change_address(struct request *request, const xmlNode *node, bool adds)
{
	struct set *addresses = &request->change.next->addresses;
	struct text address = {0};
	int code = delegation_read_address(request, node, &address);

	if (code == 0 && adds && !set_add(addresses, address.data))
		code = request_refuse(request, 2306, "the address to be added is there");
	if (code == 0 && !adds && !set_remove(addresses, address.data))
		code = request_refuse(request, 2306, "the address to be removed is not there");
	text_free(&address);
	return code;
}

static int change_addresses(struct request *request, const xmlNode *part, bool adds)
{
	const xmlNode *node = xml_child(part, "addr");
	int code = 0;

	for (; node != NULL && code == 0; node = xml_again(node))
		code = change_address(request, node, adds);
	return code;
}

/* Is `name` below a domain, and if so, one of the registrar's own? */
static int check_superordinate(struct request *request, const char *name)
{
	const struct object *domain = registry_superordinate(request->registry, name);

	if (domain != NULL && strcmp(domain->sponsor, request->registrar) != 0)
		return request_refuse(request, 2201, "the host lies below another's domain");
	return 0;
}

int host_create(struct request *request)
{
	int code = request_begin_create(request);

	if (code == 0 && !xml_only(request->command->object, "name addr*"))
		code = request_refuse(request, 2001, "a host's create holds name and addr");
	if (code == 0)
		code = check_superordinate(request, request->change.next->name);
	if (code == 0)
		code = change_addresses(request, request->command->object, true);
	return code != 0 ? code : request_end_create(request);
}

static int rename_host(struct request *request, const xmlNode *node)
{
	const char *name;
	int code;

	if (node == NULL)
		return 0;
	code = request_read_name(request, KIND_HOST, node, &name);
	if (code != 0)
		return code;
	if (registry_find(request->registry, KIND_HOST, name) != NULL)
		return request_refuse(request, 2302, "the new name is taken");
	code = check_superordinate(request, name);
	if (code == 0)
		need_replace(&request->change.next->name, name);
	return code;
}

int host_update(struct request *request)
{
	const xmlNode *add, *rem, *chg;
	int code = request_begin_update(request);

	if (code != 0)
		return code;
	add = request_part(request, "add");
	rem = request_part(request, "rem");
	chg = request_part(request, "chg");
	if (!xml_only(add, "addr* status*") || !xml_only(rem, "addr* status*") ||
	    !xml_only(chg, "name"))
		return request_refuse(request, 2001, "the update holds what RFC 5732 has not");
	code = change_addresses(request, rem, false);
	if (code == 0)
		code = change_addresses(request, add, true);
	if (code == 0)
		code = status_update(request, rem, add);
	if (code == 0)
		code = rename_host(request, xml_child(chg, "name"));
	return code != 0 ? code : 1000;
}

int host_delete(struct request *request)
{
	int code = request_begin_change(request, "Delete");

	if (code != 0)
		return code;
	if (request->change.old->links > 0)
		return request_refuse(request, 2305, "domains refer to the host");
	return 1000;
}

int host_info(struct request *request)
{
	const struct object *host;
	size_t i;
	int code = request_find(request, &host);

	if (code != 0)
		return code;
	text_put(&request->data, "<host:infData xmlns:host=\"" NS_HOST "\">");
	request_show_head(request, host);
	for (i = 0; i < host->addresses.count; i++)
		text_printf(&request->data, "<host:addr ip=\"%.2s\">%s</host:addr>",
			    host->addresses.items[i], host->addresses.items[i] + 3);
	request_show_dates(request, host);
	text_put(&request->data, "</host:infData>");
	return 1000;
}
