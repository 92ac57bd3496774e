#include "conformance/refepp/delegation.h"

#include <arpa/inet.h>
#include <string.h>

int delegation_read_address(struct request *request, const xmlNode *node, struct text *address)
{
	const char *version = xml_attribute(node, "ip"), *given = xml_text(node);
	bool six = version != NULL && strcmp(version, "v6") == 0;
	char text[INET6_ADDRSTRLEN];
	unsigned char bytes[16];

	if (version != NULL && !six && strcmp(version, "v4") != 0)
		return request_refuse(request, 2005, "an address is v4 or v6");
	if (inet_pton(six ? AF_INET6 : AF_INET, given, bytes) != 1)
		return request_refuse(request, 2005, "not an address of its kind");
	inet_ntop(six ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
	text_printf(address, "%s %s", six ? "v6" : "v4", text);
	return 0;
}

/* Makes an item of object.ns of one hostObj or hostAttr; `key` is all of it but the addresses. */
static int read_server(struct request *request, const xmlNode *node, struct text *item,
		       struct text *key)
{
	bool is_object = strcmp((const char *)node->name, "hostObj") == 0;
	const xmlNode *name_node = is_object ? node : xml_child(node, "hostName");
	const xmlNode *address;
	const char *name;
	int code = request_read_name(request, KIND_HOST, name_node, &name);

	if (code != 0)
		return code;
	if (is_object && registry_find(request->registry, KIND_HOST, name) == NULL)
		return request_refuse(request, 2303, "no such host");
	text_printf(item, "%s %s", is_object ? "obj" : "attr", name);
	text_put(key, item->data);
	address = is_object ? NULL : xml_child(node, "hostAddr");
	for (; address != NULL && code == 0; address = xml_again(address)) {
		text_put(item, " ");
		code = delegation_read_address(request, address, item);
	}
	return code;
}

static int change_server(struct request *request, const xmlNode *node, bool adds)
{
	struct set *ns = &request->change.next->ns;
	struct text item = {0}, key = {0};
	int code = read_server(request, node, &item, &key);

	if (code != 0)
		goto out;
	if (adds && (set_find(ns, key.data) != NULL || !set_add(ns, item.data)))
		code = request_refuse(request, 2306, "the nameserver to be added is there");
	if (!adds && !set_remove(ns, key.data))
		code = request_refuse(request, 2306, "the nameserver to be removed is not there");
out:
	text_free(&item);
	text_free(&key);
	return code;
}

static int change_servers(struct request *request, const xmlNode *ns, bool adds)
{
	const xmlNode *node = xml_first(ns);
	int code = 0;

	if (ns == NULL)
		return 0;
	if (node == NULL)
		return request_refuse(request, 2003, "ns without a host");
	if (!xml_only(ns, xml_child(ns, "hostObj") != NULL ? "hostObj*" : "hostAttr*"))
		return request_refuse(request, 2001, "ns holds hostObj or hostAttr");
	for (; node != NULL && code == 0; node = xml_next(node))
		code = change_server(request, node, adds);
	return code;
}

int delegation_add(struct request *request, const xmlNode *ns)
{
	return change_servers(request, ns, true);
}

int delegation_remove(struct request *request, const xmlNode *ns)
{
	return change_servers(request, ns, false);
}

/* Shows "NAME[ v4 ADDRESS]..." */
static void show_attributes(struct text *data, const char *item)
{
	size_t length = strcspn(item, " ");

	text_printf(data, "<domain:hostAttr><domain:hostName>%.*s</domain:hostName>", (int)length,
		    item);
	while (item[length] == ' ') {
		const char *version = item + length + 1, *address = version + 3;

		text_printf(data, "<domain:hostAddr ip=\"%.2s\">%.*s</domain:hostAddr>", version,
			    (int)strcspn(address, " "), address);
		length = (size_t)(address - item) + strcspn(address, " ");
	}
	text_put(data, "</domain:hostAttr>");
}

static void show_servers(struct request *request, const struct object *domain)
{
	size_t i;

	if (domain->ns.count == 0)
		return;
	text_put(&request->data, "<domain:ns>");
	for (i = 0; i < domain->ns.count; i++) {
		const char *item = domain->ns.items[i];

		if (strncmp(item, "obj ", 4) == 0)
			request_show(request, domain, "hostObj", item + 4);
		else
			show_attributes(&request->data, item + 5);
	}
	text_put(&request->data, "</domain:ns>");
}

void delegation_show(struct request *request, const struct object *domain, const char *hosts)
{
	const struct set *below = registry_hosts_below(request->registry, domain->name);
	bool all = strcmp(hosts, "all") == 0;
	size_t i;

	if (all || strcmp(hosts, "del") == 0)
		show_servers(request, domain);
	if (below == NULL || (!all && strcmp(hosts, "sub") != 0))
		return;
	for (i = 0; i < below->count; i++)
		request_show(request, domain, "host", below->items[i]);
}
