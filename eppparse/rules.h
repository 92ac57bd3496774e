/* rules.h - finds the rule of the allow-list for an element, as the registry's config has it
 *
 * A registry's own namespaces and verbs are read as those that the config says they stand for; domain-ext only if the
 * config names it. Owner: the struct eppparse
 * that made it; not thread-safe.
 */
#ifndef EPPPARSE_RULES_H
#define EPPPARSE_RULES_H

#include "base/config.h"
#include "eppparse/allow_list.h"
#include "eppparse/frame.h"

enum { RULES_URIS = 8 }; /* of a frame that are looked up once */

struct rules {
	const struct config_pairs *namespaces, *verbs; /* lent; or NULL */
	const struct allow_rule **sorted;              /* by place, else in the order of the list */
	uint16_t first[IN_PLACES + 1];                 /* of a place, in sorted[] */
	/* libxml2 keeps one text of each URI for a frame: they are told by where they lie. */
	struct {
		const char *uri;
		enum epp_namespace ns;
	} uris[RULES_URIS];
	unsigned next;
};

MUST_USE int rules_init(struct rules *rules);
void rules_free(struct rules *rules);

/* A frame ended: nothing that was found out about its namespaces holds for the next. */
void rules_forget(struct rules *rules);

/* Has any namespace an element of this name within `place`? */
bool rules_have_name(const struct rules *rules, uint8_t place, const char *local);

/* The rule for an element within `place`; NULL: it has none, and *known says whether its namespace is one of ours. */
const struct allow_rule *rules_find(struct rules *rules, uint8_t place,
				    const struct frame_element *element, bool *known);

#endif
