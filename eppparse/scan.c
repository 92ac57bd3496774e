#include "eppparse/scan.h"

#include "eppparse/tags.h"

static bool is_own_verb(struct tags_text name, const struct config_pairs *verbs)
{
	for (size_t i = 0; verbs && i < verbs->count; i++)
		if (tags_is(name, verbs->items[i].from))
			return true;
	return false;
}

/* A frame is no transform only if it is surely something else: the first tag within <command> is a query's, or the
 * frame is a <hello>, and no tag anywhere is a transform's. Of a registry's own verbs, those that the config doesn't
 * name are none of either. */
enum scan_command scan_command(const char *command, size_t size, const struct config_pairs *verbs)
{
	static const char *const transforms[] = {"create", "update",   "delete",
						 "renew",  "transfer", NULL};
	static const char *const queries[] = {"check", "info", "poll", "login", "logout", NULL};
	enum { BEFORE_ROOT, IN_ROOT, IN_COMMAND, IS_QUERY } place = BEFORE_ROOT;
	bool poll = false;
	struct tags_text rest, name;
	enum tags_step step;
	if (!tags_readable((struct tags_text){command, size}, &rest))
		return SCAN_MAYBE;
	while ((step = tags_next(&rest, &name)) == TAGS_START) {
		if (tags_is_one_of(name, transforms) || is_own_verb(name, verbs))
			return SCAN_MAYBE;
		if (place == BEFORE_ROOT && tags_is(name, "epp")) {
			place = IN_ROOT;
		} else if (place == IN_ROOT && tags_is(name, "command")) {
			place = IN_COMMAND;
		} else if ((place == IN_ROOT && tags_is(name, "hello")) ||
			   (place == IN_COMMAND && tags_is_one_of(name, queries))) {
			place = IS_QUERY;
			poll = tags_is(name, "poll");
		} else if (place != IS_QUERY) {
			return SCAN_MAYBE;
		}
	}
	if (step == TAGS_UNSURE || place != IS_QUERY)
		return SCAN_MAYBE;
	return poll ? SCAN_POLL : SCAN_NOTHING;
}

/* Behind the name of a <result>: may its code be one of these? */
static bool may_have_code(struct tags_text rest, const char *const *codes)
{
	struct tags_text tag;
	/* A character reference may spell the code. */
	if (!tags_attributes(rest, &tag) || tags_contain(tag, "&") || !tags_contain(tag, "code"))
		return true;
	for (; *codes; codes++)
		if (tags_contain(tag, *codes))
			return true;
	return false;
}

bool scan_may_succeed(const char *response, size_t size)
{
	static const char *const codes[] = {"1000", "1001", NULL};
	struct tags_text rest, name;
	bool seen = false;
	enum tags_step step;
	if (!tags_readable((struct tags_text){response, size}, &rest))
		return true;
	while ((step = tags_next(&rest, &name)) == TAGS_START) {
		if (!tags_is(name, "result"))
			continue;
		if (may_have_code(rest, codes))
			return true;
		seen = true;
	}
	return step == TAGS_UNSURE || !seen;
}

/* By the code of a message, and by the elements by which eppparse knows that one tells of a change. */
bool scan_may_tell(const char *response, size_t size)
{
	static const char *const codes[] = {"1301", NULL};
	static const char *const news[] = {"panData",    "trnData",     "changeData",
					   "infData",    "pollInfo",    "delData",
					   "updateData", "idleDelData", NULL};
	struct tags_text rest, name;
	bool result = false, message = false, tells = false;
	enum tags_step step;
	if (!tags_readable((struct tags_text){response, size}, &rest))
		return true;
	while ((step = tags_next(&rest, &name)) == TAGS_START) {
		tells |= tags_is_one_of(name, news);
		if (!tags_is(name, "result"))
			continue;
		result = true;
		message |= may_have_code(rest, codes);
	}
	return step == TAGS_UNSURE || (tells && (message || !result));
}

bool scan_may_matter(enum scan_command kind, const char *response, size_t size)
{
	switch (kind) {
	case SCAN_NOTHING:
		return false;
	case SCAN_POLL:
		return scan_may_tell(response, size);
	default: /* it may be a poll after all */
		return scan_may_succeed(response, size) || scan_may_tell(response, size);
	}
}
