/* config_epp.c - what frames are read by: a registry's own namespaces and verbs, and what they stand for */
#include "base/config_read.h"
#include "base/epp_names.h"

#include <string.h>

enum { URI_MAX = 255, VERB_MAX = 64 };

/* For people: the tails of epp_names.h's URIs behind what they have in common. A test holds the two together. */
static const char read_namespaces[] =
	"urn:ietf:params:xml:ns: with epp-1.0, domain-1.0, host-1.0, contact-1.0, secDNS-1.1, "
	"secDNS-1.0, rgp-1.0, changePoll-1.0, regLock-1.0 or epp:registryLock-1.0 behind it, or "
	"http://www.nic.cz/xml/epp/ with nsset-1.2 or keyset-1.3, or http://www.eurid.eu/xml/epp/ "
	"with nsgroup-1.1, keygroup-1.1 or domain-ext-2.4";

static const char *const epp_verbs[] = {"check",  "create", "delete", "hello",    "info",  "login",
					"logout", "poll",   "renew",  "transfer", "update"};

static const char *const read_verbs[] = {"create",   "update",  "delete", "renew",
					 "transfer", "restore", "query"};

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static int read_own_uri(struct config_reader *reader, const struct config_row *row,
			const yaml_node_t *node, char **slot)
{
	const yaml_char_t *text = node->data.scalar.value;
	size_t size = node->data.scalar.length;
	bool good = size > 0 && size <= URI_MAX;
	for (size_t i = 0; i < size && good; i++)
		good = text[i] > ' ' && text[i] <= '~';
	if (!good)
		return config_fail(reader, node,
				   "%s: \"%s\" is no URI of a namespace; write 1 to %d printable "
				   "characters of ASCII, without blanks, as the frames have it",
				   row->path, config_excerpt(node).text, URI_MAX);
	return config_keep(slot, text, size);
}

static int read_known_uri(struct config_reader *reader, const struct config_row *row,
			  const yaml_node_t *node, char **slot)
{
	const char *text = (const char *)node->data.scalar.value;
	if (epp_namespace_find(text) == NS_COUNT)
		return config_fail(reader, node,
				   "%s: \"%s\" is no namespace that epptap reads; write %s",
				   row->path, config_excerpt(node).text, read_namespaces);
	return config_keep(slot, text, strlen(text));
}

int config_read_namespaces(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_t *node, void *slot)
{
	return config_read_pairs(reader, row, node, read_own_uri, read_known_uri, slot);
}

/* The name of an XML element, without a prefix. */
static bool is_element_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char others[] = "0123456789.-";
	size_t size = strlen(text);
	if (size == 0 || size > VERB_MAX || !strchr(letters, text[0]))
		return false;
	for (size_t i = 1; i < size; i++)
		if (!strchr(letters, text[i]) && !strchr(others, text[i]))
			return false;
	return true;
}

static int read_own_verb(struct config_reader *reader, const struct config_row *row,
			 const yaml_node_t *node, char **slot)
{
	const char *text = (const char *)node->data.scalar.value;
	if (is_one_of(text, epp_verbs, sizeof epp_verbs / sizeof *epp_verbs))
		return config_fail(reader, node,
				   "%s: \"%s\" is a verb of EPP itself, which is read as it is; "
				   "take it out",
				   row->path, text);
	if (!is_element_name(text))
		return config_fail(reader, node,
				   "%s: \"%s\" is no name of an element; write 1 to %d letters, "
				   "digits, dots, hyphens and underscores, without a prefix",
				   row->path, config_excerpt(node).text, VERB_MAX);
	return config_keep(slot, text, strlen(text));
}

static int read_known_verb(struct config_reader *reader, const struct config_row *row,
			   const yaml_node_t *node, char **slot)
{
	const char *text = (const char *)node->data.scalar.value;
	if (!is_one_of(text, read_verbs, sizeof read_verbs / sizeof *read_verbs))
		return config_fail(reader, node,
				   "%s: \"%s\" is not known; write create, update, delete, renew, "
				   "transfer, restore, or query for one that changes nothing",
				   row->path, config_excerpt(node).text);
	return config_keep(slot, text, strlen(text));
}

int config_read_verbs(struct config_reader *reader, const struct config_row *row,
		      const yaml_node_t *node, void *slot)
{
	return config_read_pairs(reader, row, node, read_own_verb, read_known_verb, slot);
}
