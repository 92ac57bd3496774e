#include "eppparse/rules.h"

#include <stdlib.h>
#include <string.h>

int rules_init(struct rules *rules)
{
	size_t at = 0;
	*rules = (struct rules){.sorted = calloc(allow_list_size, sizeof *rules->sorted)};
	if (!rules->sorted)
		return RESULT_NOMEM;
	for (unsigned place = 0; place < IN_PLACES; place++) {
		rules->first[place] = (uint16_t)at;
		for (size_t i = 0; i < allow_list_size; i++)
			if (allow_list[i].place == place)
				rules->sorted[at++] = &allow_list[i];
	}
	rules->first[IN_PLACES] = (uint16_t)at;
	return RESULT_OK;
}

void rules_free(struct rules *rules)
{
	free(rules->sorted);
	rules->sorted = NULL;
}

void rules_forget(struct rules *rules)
{
	memset(rules->uris, 0, sizeof rules->uris);
	rules->next = 0;
}

bool rules_have_name(const struct rules *rules, uint8_t place, const char *local)
{
	for (size_t i = rules->first[place]; i < rules->first[place + 1]; i++) {
		const char *element = rules->sorted[i]->element;
		if (element && strcmp(element, local) == 0)
			return true;
	}
	return false;
}

/* What `text` stands for; itself, if the config says nothing of it. */
static const char *mapped(const struct config_pairs *pairs, const char *text)
{
	for (size_t i = 0; pairs && i < pairs->count; i++)
		if (strcmp(pairs->items[i].from, text) == 0)
			return pairs->items[i].to;
	return text;
}

static enum epp_namespace find_namespace(struct rules *rules, const char *uri)
{
	if (!uri)
		return NS_COUNT;
	for (unsigned i = 0; i < RULES_URIS; i++)
		if (rules->uris[i].uri == uri)
			return rules->uris[i].ns;
	unsigned place = rules->next++ % RULES_URIS;
	const char *meant = mapped(rules->namespaces, uri);
	rules->uris[place].uri = uri;
	rules->uris[place].ns = epp_namespace_find(meant);
	/* What can take a deletion back is believed only where the registry is known to read it: another might let a
	 * strange extension pass, and a registrar hide a deletion by it. */
	if (rules->uris[place].ns == NS_DOMAIN_EXT && meant == uri)
		rules->uris[place].ns = NS_COUNT;
	return rules->uris[place].ns;
}

/* What an older or a neighbouring namespace has not of its own is as in this one. */
static enum epp_namespace next_of_kin(enum epp_namespace ns)
{
	return ns == NS_SECDNS_1_0 || ns == NS_KEYSET || ns == NS_KEYGROUP ? NS_SECDNS : NS_COUNT;
}

static const struct allow_rule *look_up(const struct rules *rules, uint8_t place,
					enum epp_namespace ns, const char *local)
{
	for (size_t i = rules->first[place]; i < rules->first[place + 1]; i++) {
		const struct allow_rule *rule = rules->sorted[i];
		if (rule->ns == ns && (!rule->element || strcmp(rule->element, local) == 0))
			return rule;
	}
	return NULL;
}

/* Where a registry's own verb may stand: as the command, as the element around the object's name, and right in the frame's
 * extension. */
static bool may_be_verb(uint8_t place)
{
	return place == IN_COMMAND || place == IN_PROTOCOL_EXTENSION ||
	       (place >= IN_CREATE && place <= IN_RESTORE);
}

const struct allow_rule *rules_find(struct rules *rules, uint8_t place,
				    const struct frame_element *element, bool *known)
{
	const char *local = element->local;
	enum epp_namespace ns = find_namespace(rules, element->uri);
	*known = ns != NS_COUNT;
	if (may_be_verb(place))
		local = mapped(rules->verbs, local);
	const struct allow_rule *rule = NULL;
	for (; ns != NS_COUNT && !rule; ns = next_of_kin(ns))
		rule = look_up(rules, place, ns, local);
	return rule;
}
