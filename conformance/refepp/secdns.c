#include "conformance/refepp/secdns.h"

#include "conformance/refepp/need.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_NUMBER, FORM_HEX, FORM_BASE64 };

struct part {
	const char *name;
	enum form form;
	long max;
};

enum { DS_PARTS = 4, KEY_PARTS = 4 };

static const struct part ds_parts[DS_PARTS] = {
	{"keyTag", FORM_NUMBER, 65535},
	{"alg", FORM_NUMBER, 255},
	{"digestType", FORM_NUMBER, 255},
	{"digest", FORM_HEX, 0},
};

static const struct part key_parts[KEY_PARTS] = {
	{"flags", FORM_NUMBER, 65535},
	{"protocol", FORM_NUMBER, 255},
	{"alg", FORM_NUMBER, 255},
	{"pubKey", FORM_BASE64, 0},
};

/* Appends the value in its one spelling: no leading zeros, hex in capitals, base64 without blanks.
 * */
static bool append_value(struct text *item, const struct part *part, const char *value)
{
	const char *good = part->form == FORM_HEX ? "0123456789ABCDEF"
						  : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
						    "qrstuvwxyz0123456789+/=";
	size_t digits = 0;

	if (part->form == FORM_NUMBER) {
		char *end;
		long number = strtol(value, &end, 10);

		text_printf(item, "%ld", number);
		return end != value && *end == '\0' && number >= 0 && number <= part->max;
	}
	for (; *value != '\0'; value++) {
		char digit =
			(char)(part->form == FORM_HEX ? toupper((unsigned char)*value) : *value);

		if (digit == ' ')
			continue;
		if (strchr(good, digit) == NULL)
			return false;
		text_bytes(item, &digit, 1);
		digits++;
	}
	return digits > 0 && (part->form != FORM_HEX || digits % 2 == 0);
}

static int read_parts(struct request *request, const xmlNode *node, const struct part *parts,
		      size_t count, struct text *item)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const char *value = xml_text(xml_child(node, parts[i].name));

		if (value == NULL)
			return request_refuse(request, 2003, "dsData or keyData lacks an element");
		if (item->size > 0)
			text_put(item, " ");
		if (!append_value(item, &parts[i], value))
			return request_refuse(request, 2005, "dsData or keyData has a wrong value");
	}
	return 0;
}

/* A dsData may carry the key it was made of: further words of the same item. */
static int read_item(struct request *request, const xmlNode *node, bool is_ds, struct text *item)
{
	const xmlNode *key = is_ds ? xml_child(node, "keyData") : node;
	int code = 0;

	if (is_ds)
		code = read_parts(request, node, ds_parts, DS_PARTS, item);
	if (code == 0 && key != NULL)
		code = read_parts(request, key, key_parts, KEY_PARTS, item);
	return code;
}

static int change_item(struct request *request, const xmlNode *node, bool adds)
{
	bool is_ds = strcmp((const char *)node->name, "dsData") == 0;
	struct object *domain = request->change.next;
	struct set *set = is_ds ? &domain->ds : &domain->keys;
	struct text item = {0};
	int code = read_item(request, node, is_ds, &item);

	if (code == 0 && adds && !set_add(set, item.data))
		code = request_refuse(request, 2306, "the DS or key to be added is there");
	if (code == 0 && !adds && !set_remove(set, item.data))
		code = request_refuse(request, 2306, "the DS or key to be removed is not there");
	text_free(&item);
	return code;
}

static int set_max_sig_life(struct request *request, const xmlNode *node)
{
	const char *value = xml_text(node);
	char text[24], *end;
	long seconds;

	if (node == NULL)
		return 0;
	seconds = strtol(value, &end, 10);
	if (end == value || *end != '\0' || seconds < 1 || seconds > 2147483647)
		return request_refuse(request, 2005, "maxSigLife is a number of seconds");
	snprintf(text, sizeof(text), "%ld", seconds);
	need_replace(&request->change.next->max_sig_life, text);
	return 0;
}

static int change_items(struct request *request, const xmlNode *part, bool adds)
{
	const xmlNode *node = xml_first(part);
	int code = adds ? set_max_sig_life(request, xml_child(part, "maxSigLife")) : 0;

	if (!xml_only(part, adds ? "maxSigLife dsData* keyData*" : "dsData* keyData*"))
		return request_refuse(request, 2001, "not what RFC 5910 has");
	for (; node != NULL && code == 0; node = xml_next(node)) {
		if (strcmp((const char *)node->name, "maxSigLife") != 0)
			code = change_item(request, node, adds);
	}
	return code;
}

static int remove_items(struct request *request, const xmlNode *rem)
{
	const char *all = xml_text(xml_child(rem, "all"));

	if (all == NULL)
		return change_items(request, rem, false);
	if (!xml_only(rem, "all") || (strcmp(all, "true") != 0 && strcmp(all, "1") != 0))
		return request_refuse(request, 2306, "all is true, and stands alone");
	set_free(&request->change.next->ds);
	set_free(&request->change.next->keys);
	return 0;
}

int secdns_create(struct request *request)
{
	const xmlNode *create = request->command->secdns;

	if (create == NULL)
		return 0;
	if (xml_child(create, "dsData") == NULL && xml_child(create, "keyData") == NULL)
		return request_refuse(request, 2003, "dsData or keyData is missing");
	return change_items(request, create, true);
}

int secdns_update(struct request *request)
{
	const xmlNode *update = request->command->secdns, *chg = xml_child(update, "chg");
	int code;

	if (update == NULL)
		return 0;
	if (xml_first(update) == NULL || !xml_only(update, "rem add chg") ||
	    !xml_only(chg, "maxSigLife"))
		return request_refuse(request, 2001, "not what RFC 5910 has");
	code = remove_items(request, xml_child(update, "rem"));
	if (code == 0)
		code = change_items(request, xml_child(update, "add"), true);
	return code != 0 ? code : set_max_sig_life(request, xml_child(chg, "maxSigLife"));
}

/* Shows words of `item` as the elements of `parts`; where the next word begins. */
static const char *show_parts(struct text *extension, const struct part *parts, size_t count,
			      const char *item)
{
	size_t i;

	for (i = 0; i < count; i++) {
		size_t length = strcspn(item, " ");

		text_printf(extension, "<secDNS:%s>%.*s</secDNS:%s>", parts[i].name, (int)length,
			    item, parts[i].name);
		item += length + (item[length] == ' ');
	}
	return item;
}

static void show_key(struct text *extension, const char *item)
{
	text_put(extension, "<secDNS:keyData>");
	show_parts(extension, key_parts, KEY_PARTS, item);
	text_put(extension, "</secDNS:keyData>");
}

static void show_ds(struct text *extension, const char *item)
{
	text_put(extension, "<secDNS:dsData>");
	item = show_parts(extension, ds_parts, DS_PARTS, item);
	if (*item != '\0')
		show_key(extension, item);
	text_put(extension, "</secDNS:dsData>");
}

void secdns_show(struct text *extension, const struct object *domain)
{
	size_t i;

	if (domain->ds.count == 0 && domain->keys.count == 0)
		return;
	text_put(extension, "<secDNS:infData xmlns:secDNS=\"" NS_SECDNS "\">");
	text_element(extension, "secDNS:maxSigLife", domain->max_sig_life);
	for (i = 0; i < domain->ds.count; i++)
		show_ds(extension, domain->ds.items[i]);
	for (i = 0; i < domain->keys.count; i++)
		show_key(extension, domain->keys.items[i]);
	text_put(extension, "</secDNS:infData>");
}
