#include "conformance/refepp/domains.h"

#include "conformance/refepp/dates.h"
#include "conformance/refepp/delegation.h"
#include "conformance/refepp/need.h"
#include "conformance/refepp/secdns.h"
#include "conformance/refepp/status.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_YEARS = 10 };

/* <period unit="y|m">; a year if there is none. */
static int read_period(struct request *request, unsigned *months)
{
	const xmlNode *node = request_part(request, "period");
	const char *number = xml_text(node), *unit = xml_attribute(node, "unit");
	char *end;
	long value;

	*months = 12;
	if (node == NULL)
		return 0;
	if (unit == NULL || (strcmp(unit, "y") != 0 && strcmp(unit, "m") != 0))
		return request_refuse(request, 2005, "a period's unit is y or m");
	value = strtol(number, &end, 10);
	if (end == number || *end != '\0')
		return request_refuse(request, 2005, "a period is a number");
	if (value < 1 || value > 99)
		return request_refuse(request, 2004, "a period is 1 to 99");
	*months = (unsigned)value * (unit[0] == 'y' ? 12 : 1);
	return 0;
}

/* Moves change.next's expiry to `months` after `from_ms`. */
static int set_expiry(struct request *request, int64_t from_ms, unsigned months)
{
	int64_t expires_ms = dates_add_months(from_ms, months);

	if (expires_ms > dates_add_months(request->now_ms, MAX_YEARS * 12))
		return request_refuse(request, 2306, "a domain expires in at most ten years");
	request->change.next->expires_ms = expires_ms;
	return 0;
}

static int read_contact_id(struct request *request, const xmlNode *node, const char **id)
{
	int code = request_read_name(request, KIND_CONTACT, node, id);

	if (code == 0 && registry_find(request->registry, KIND_CONTACT, *id) == NULL)
		return request_refuse(request, 2303, "no such contact");
	return code;
}

/* An empty <registrant/>, in an update, leaves the domain without one. */
static int set_registrant(struct request *request, const xmlNode *node)
{
	const char *id = xml_text(node);
	int code = 0;

	if (node == NULL)
		return 0;
	if (id[0] != '\0')
		code = read_contact_id(request, node, &id);
	if (code == 0)
		need_replace(&request->change.next->registrant, id[0] == '\0' ? NULL : id);
	return code;
}

static int change_contact(struct request *request, const xmlNode *node, bool adds)
{
	const char *type = xml_attribute(node, "type"), *id;
	struct set *contacts = &request->change.next->contacts;
	struct text item = {0};
	bool changed;
	int code;

	if (type == NULL || (strcmp(type, "admin") != 0 && strcmp(type, "billing") != 0 &&
			     strcmp(type, "tech") != 0))
		return request_refuse(request, 2005, "a contact's type is admin, billing or tech");
	code = read_contact_id(request, node, &id);
	if (code != 0)
		return code;
	text_printf(&item, "%s %s", type, id);
	changed = adds ? set_add(contacts, item.data) : set_remove(contacts, item.data);
	text_free(&item);
	return changed ? 0
		       : request_refuse(request, 2306,
					adds ? "the contact to be added is there"
					     : "the contact to be removed is not there");
}

static int change_contacts(struct request *request, const xmlNode *part, bool adds)
{
	const xmlNode *node = xml_child(part, "contact");
	int code = 0;

	for (; node != NULL && code == 0; node = xml_again(node))
		code = change_contact(request, node, adds);
	return code;
}

int domain_create(struct request *request)
{
	const xmlNode *create = request->command->object;
	const char *auth = NULL;
	unsigned months;
	int code = request_begin_create(request);

	if (code == 0 && !xml_only(create, "name period ns registrant contact* authInfo"))
		code = request_refuse(request, 2001, "the create holds what RFC 5731 has not");
	if (code == 0)
		code = read_period(request, &months);
	if (code == 0)
		code = set_expiry(request, request->now_ms, months);
	if (code == 0)
		code = delegation_add(request, request_part(request, "ns"));
	if (code == 0)
		code = set_registrant(request, request_part(request, "registrant"));
	if (code == 0)
		code = change_contacts(request, create, true);
	if (code == 0)
		code = request_read_auth(request, request_part(request, "authInfo"), &auth);
	if (code == 0)
		code = secdns_create(request);
	if (code != 0)
		return code;
	request->change.next->auth = need_copy(auth);
	return request_end_create(request);
}

static int change_values(struct request *request, const xmlNode *chg)
{
	const xmlNode *auth_info = xml_child(chg, "authInfo");
	const char *auth = NULL;
	int code = set_registrant(request, xml_child(chg, "registrant"));

	if (code != 0 || auth_info == NULL)
		return code;
	if (xml_child(auth_info, "null") == NULL)
		code = request_read_auth(request, auth_info, &auth);
	if (code == 0)
		need_replace(&request->change.next->auth, auth);
	return code;
}

static int restore(struct request *request)
{
	const xmlNode *order = xml_child(request->command->rgp, "restore");
	const char *op = xml_attribute(order, "op");

	if (op == NULL || strcmp(op, "request") != 0)
		return request_refuse(request, 2102, "of rgp only the restore request");
	if (xml_first(request_part(request, "add")) != NULL ||
	    xml_first(request_part(request, "rem")) != NULL ||
	    xml_first(request_part(request, "chg")) != NULL || request->command->secdns != NULL)
		return request_refuse(request, 2306, "a restore changes nothing else");
	if (!set_remove(&request->change.next->status, "pendingDelete"))
		return request_refuse(request, 2304, "the domain is not deleted");
	return 1000;
}

int domain_update(struct request *request)
{
	const xmlNode *add, *rem, *chg;
	int code = request_begin_update(request);

	if (code != 0)
		return code;
	if (request->command->rgp != NULL)
		return restore(request);
	add = request_part(request, "add");
	rem = request_part(request, "rem");
	chg = request_part(request, "chg");
	if (!xml_only(add, "ns contact* status*") || !xml_only(rem, "ns contact* status*") ||
	    !xml_only(chg, "registrant authInfo"))
		return request_refuse(request, 2001, "the update holds what RFC 5731 has not");
	/* What goes makes room for what comes. */
	code = delegation_remove(request, xml_child(rem, "ns"));
	if (code == 0)
		code = delegation_add(request, xml_child(add, "ns"));
	if (code == 0)
		code = change_contacts(request, rem, false);
	if (code == 0)
		code = change_contacts(request, add, true);
	if (code == 0)
		code = status_update(request, rem, add);
	if (code == 0)
		code = change_values(request, chg);
	if (code == 0)
		code = secdns_update(request);
	return code != 0 ? code : 1000;
}

int domain_delete(struct request *request)
{
	int code = request_begin_change(request, "Delete");

	if (code != 0)
		return code;
	if (registry_hosts_below(request->registry, request->change.old->name) != NULL)
		return request_refuse(request, 2305, "there are hosts below the domain");
	if (!request->grace)
		return 1000;
	request->change.next = object_clone(request->change.old);
	set_add(&request->change.next->status, "pendingDelete");
	return 1001;
}

int domain_renew(struct request *request)
{
	const char *given = xml_text(request_part(request, "curExpDate"));
	char current[DATES_SIZE], expires[DATES_SIZE];
	unsigned months;
	int code = request_begin_change(request, "Renew");

	if (code != 0)
		return code;
	if (!xml_only(request->command->object, "name curExpDate period"))
		return request_refuse(request, 2001, "the renew holds what RFC 5731 has not");
	if (given == NULL)
		return request_refuse(request, 2003, "curExpDate is missing");
	dates_format_day(request->change.old->expires_ms, current);
	if (strcmp(given, current) != 0)
		return request_refuse(request, 2306, "curExpDate is not the day it expires");
	code = read_period(request, &months);
	if (code == 0)
		code = set_expiry(request, request->change.old->expires_ms, months);
	if (code != 0)
		return code;
	text_put(&request->data, "<domain:renData xmlns:domain=\"" NS_DOMAIN "\">");
	request_show(request, request->change.next, "name", request->change.next->name);
	dates_format(request->change.next->expires_ms, expires);
	request_show(request, request->change.next, "exDate", expires);
	text_put(&request->data, "</domain:renData>");
	return 1000;
}

static void show_contacts(struct request *request, const struct object *domain)
{
	size_t i;

	request_show(request, domain, "registrant", domain->registrant);
	for (i = 0; i < domain->contacts.count; i++) {
		const char *type = domain->contacts.items[i], *id = strchr(type, ' ') + 1;

		text_printf(&request->data, "<domain:contact type=\"%.*s\">", (int)(id - type - 1),
			    type);
		text_xml(&request->data, id);
		text_put(&request->data, "</domain:contact>");
	}
}

static void show_extensions(struct request *request, const struct object *domain)
{
	secdns_show(&request->extension, domain);
	if (set_find(&domain->status, "pendingDelete") != NULL)
		text_put(&request->extension,
			 "<rgp:infData xmlns:rgp=\"" NS_RGP "\">"
			 "<rgp:rgpStatus s=\"redemptionPeriod\"/></rgp:infData>");
}

int domain_info(struct request *request)
{
	const char *hosts = xml_attribute(request_part(request, "name"), "hosts");
	const struct object *domain;
	bool all;
	int code = request_find(request, &domain);

	if (code == 0)
		code = request_may_see(request, domain, &all);
	if (code != 0)
		return code;
	text_put(&request->data, "<domain:infData xmlns:domain=\"" NS_DOMAIN "\">");
	request_show_head(request, domain);
	if (all)
		show_contacts(request, domain);
	delegation_show(request, domain, hosts == NULL ? "all" : hosts);
	request_show_dates(request, domain);
	if (all && domain->auth != NULL) {
		text_put(&request->data, "<domain:authInfo>");
		request_show(request, domain, "pw", domain->auth);
		text_put(&request->data, "</domain:authInfo>");
	}
	text_put(&request->data, "</domain:infData>");
	show_extensions(request, domain);
	return 1000;
}
