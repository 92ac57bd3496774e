#include "conformance/refepp/contacts.h"

#include "conformance/refepp/need.h"
#include "conformance/refepp/status.h"

#include <string.h>

/* The children of <postalInfo> that are not <addr>, then those of <addr>. Three streets are found
 * by their place. */
static const char *const postal_names[POSTAL_COUNT] = {
	[POSTAL_NAME] = "name",      [POSTAL_ORG] = "org",        [POSTAL_STREET1] = "street",
	[POSTAL_STREET2] = "street", [POSTAL_STREET3] = "street", [POSTAL_CITY] = "city",
	[POSTAL_SP] = "sp",          [POSTAL_PC] = "pc",          [POSTAL_CC] = "cc",
};

static const char *const form_names[FORM_COUNT] = {[FORM_INT] = "int", [FORM_LOC] = "loc"};

static int read_address(struct request *request, const xmlNode *addr, char **postal)
{
	const xmlNode *street = xml_child(addr, "street");
	size_t i;

	if (!xml_only(addr, "street* city sp pc cc"))
		return request_refuse(request, 2001, "addr holds what RFC 5733 has not");
	if (xml_child(addr, "city") == NULL || xml_child(addr, "cc") == NULL)
		return request_refuse(request, 2003, "addr needs city and cc");
	for (i = POSTAL_STREET1; i <= POSTAL_STREET3; i++) {
		need_replace(&postal[i], xml_text(street));
		street = street == NULL ? NULL : xml_again(street);
	}
	if (street != NULL)
		return request_refuse(request, 2001, "addr holds more than three streets");
	for (i = POSTAL_CITY; i < POSTAL_COUNT; i++)
		need_replace(&postal[i], xml_text(xml_child(addr, postal_names[i])));
	if (strlen(postal[POSTAL_CC]) != 2)
		return request_refuse(request, 2005, "cc is a country's two letters");
	return 0;
}

static int read_postal(struct request *request, const xmlNode *node)
{
	const char *type = xml_attribute(node, "type");
	const xmlNode *addr = xml_child(node, "addr");
	bool local = type != NULL && strcmp(type, "loc") == 0;
	char **postal = request->change.next->postal[local ? FORM_LOC : FORM_INT];
	size_t i;

	if (!local && (type == NULL || strcmp(type, "int") != 0))
		return request_refuse(request, 2005, "a postalInfo's type is int or loc");
	if (!xml_only(node, "name org addr"))
		return request_refuse(request, 2001, "postalInfo holds what RFC 5733 has not");
	for (i = POSTAL_NAME; i <= POSTAL_ORG; i++) {
		const xmlNode *child = xml_child(node, postal_names[i]);

		if (child != NULL)
			need_replace(&postal[i], xml_text(child));
	}
	if (postal[POSTAL_NAME] == NULL || (addr == NULL && postal[POSTAL_CC] == NULL))
		return request_refuse(request, 2003, "a new postalInfo needs name and addr");
	return addr == NULL ? 0 : read_address(request, addr, postal);
}

static void read_number(const xmlNode *node, char **number, char **ext)
{
	const char *text = xml_text(node);

	if (node == NULL)
		return;
	need_replace(number, text[0] == '\0' ? NULL : text);
	need_replace(ext, xml_attribute(node, "x"));
}

static void read_disclose(struct object *contact, const xmlNode *disclose)
{
	const xmlNode *node;

	if (disclose == NULL)
		return;
	need_replace(&contact->disclose_flag, xml_attribute(disclose, "flag"));
	set_free(&contact->disclose);
	for (node = xml_first(disclose); node != NULL; node = xml_next(node)) {
		const char *type = xml_attribute(node, "type");
		struct text item = {0};

		text_put(&item, (const char *)node->name);
		if (type != NULL)
			text_printf(&item, " %s", type);
		set_add(&contact->disclose, item.data);
		text_free(&item);
	}
}

/* What create and the chg of an update have in common: each element that is there replaces what
 * was. */
static int read_values(struct request *request, const xmlNode *parent)
{
	struct object *contact = request->change.next;
	const xmlNode *postal = xml_child(parent, "postalInfo"),
		      *email = xml_child(parent, "email");
	const xmlNode *auth_info = xml_child(parent, "authInfo");
	const char *auth;
	int code = 0;

	for (; postal != NULL && code == 0; postal = xml_again(postal))
		code = read_postal(request, postal);
	if (code == 0 && auth_info != NULL) {
		code = request_read_auth(request, auth_info, &auth);
		if (code == 0)
			need_replace(&contact->auth, auth);
	}
	read_number(xml_child(parent, "voice"), &contact->voice, &contact->voice_ext);
	read_number(xml_child(parent, "fax"), &contact->fax, &contact->fax_ext);
	if (email != NULL)
		need_replace(&contact->email, xml_text(email));
	read_disclose(contact, xml_child(parent, "disclose"));
	return code;
}

int contact_create(struct request *request)
{
	const xmlNode *create = request->command->object;
	int code = request_begin_create(request);

	if (code != 0)
		return code;
	if (!xml_only(create, "id postalInfo* voice fax email authInfo disclose"))
		return request_refuse(request, 2001, "the create holds what RFC 5733 has not");
	if (xml_child(create, "postalInfo") == NULL || xml_child(create, "email") == NULL ||
	    xml_child(create, "authInfo") == NULL)
		return request_refuse(request, 2003, "postalInfo, email or authInfo is missing");
	code = read_values(request, create);
	return code != 0 ? code : request_end_create(request);
}

int contact_update(struct request *request)
{
	const xmlNode *add, *rem, *chg;
	int code = request_begin_update(request);

	if (code != 0)
		return code;
	add = request_part(request, "add");
	rem = request_part(request, "rem");
	chg = request_part(request, "chg");
	if (!xml_only(add, "status*") || !xml_only(rem, "status*") ||
	    !xml_only(chg, "postalInfo* voice fax email authInfo disclose"))
		return request_refuse(request, 2001, "the update holds what RFC 5733 has not");
	code = status_update(request, rem, add);
	if (code == 0)
		code = read_values(request, chg);
	return code != 0 ? code : 1000;
}

int contact_delete(struct request *request)
{
	int code = request_begin_change(request, "Delete");

	if (code != 0)
		return code;
	if (request->change.old->links > 0)
		return request_refuse(request, 2305, "domains refer to the contact");
	return 1000;
}

static void show_postal(struct request *request, const struct object *contact, size_t form)
{
	char *const *postal = contact->postal[form];
	size_t i;

	if (postal[POSTAL_NAME] == NULL)
		return;
	text_printf(&request->data, "<contact:postalInfo type=\"%s\">", form_names[form]);
	for (i = 0; i < POSTAL_COUNT; i++) {
		if (i == POSTAL_STREET1)
			text_put(&request->data, "<contact:addr>");
		request_show(request, contact, postal_names[i], postal[i]);
	}
	text_put(&request->data, "</contact:addr></contact:postalInfo>");
}

static void show_number(struct request *request, const char *name, const char *number,
			const char *ext)
{
	if (number == NULL)
		return;
	text_printf(&request->data, "<contact:%s", name);
	if (ext != NULL) {
		text_put(&request->data, " x=\"");
		text_xml(&request->data, ext);
		text_put(&request->data, "\"");
	}
	text_put(&request->data, ">");
	text_xml(&request->data, number);
	text_printf(&request->data, "</contact:%s>", name);
}

static void show_disclose(struct request *request, const struct object *contact)
{
	size_t i;

	if (contact->disclose_flag == NULL)
		return;
	text_put(&request->data, "<contact:disclose flag=\"");
	text_xml(&request->data, contact->disclose_flag);
	text_put(&request->data, "\">");
	for (i = 0; i < contact->disclose.count; i++) {
		const char *item = contact->disclose.items[i], *type = strchr(item, ' ');

		if (type == NULL) {
			text_printf(&request->data, "<contact:%s/>", item);
			continue;
		}
		text_printf(&request->data, "<contact:%.*s type=\"", (int)(type - item), item);
		text_xml(&request->data, type + 1);
		text_put(&request->data, "\"/>");
	}
	text_put(&request->data, "</contact:disclose>");
}

int contact_info(struct request *request)
{
	const struct object *contact;
	bool all;
	size_t i;
	int code = request_find(request, &contact);

	if (code == 0)
		code = request_may_see(request, contact, &all);
	if (code == 0 && !all)
		code = request_refuse(request, 2201, "the contact is another registrar's");
	if (code != 0)
		return code;
	text_put(&request->data, "<contact:infData xmlns:contact=\"" NS_CONTACT "\">");
	request_show_head(request, contact);
	for (i = 0; i < FORM_COUNT; i++)
		show_postal(request, contact, i);
	show_number(request, "voice", contact->voice, contact->voice_ext);
	show_number(request, "fax", contact->fax, contact->fax_ext);
	request_show(request, contact, "email", contact->email);
	request_show_dates(request, contact);
	if (contact->auth != NULL) {
		text_put(&request->data, "<contact:authInfo>");
		request_show(request, contact, "pw", contact->auth);
		text_put(&request->data, "</contact:authInfo>");
	}
	show_disclose(request, contact);
	text_put(&request->data, "</contact:infData>");
	return 1000;
}
