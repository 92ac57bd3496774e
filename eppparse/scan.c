#include "eppparse/scan.h"

#include "base/blank.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* How far into the frame an XML declaration is looked for. */
enum { DECLARATION_MAX = 200 };

struct text {
	const char *at;
	size_t size;
};

static bool starts(struct text text, const char *with)
{
	size_t size = strlen(with);
	return text.size >= size && memcmp(text.at, with, size) == 0;
}

static bool contains(struct text text, const char *what)
{
	return memmem(text.at, text.size, what, strlen(what)) != NULL;
}

static bool is(struct text name, const char *text)
{
	return name.size == strlen(text) && memcmp(name.at, text, name.size) == 0;
}

static bool is_one_of(struct text name, const char *const *texts)
{
	for (; *texts; texts++)
		if (is(name, *texts))
			return true;
	return false;
}

/* The quoted value of `name` in an XML declaration; with NULL in `at` if it has none, or no sane one. */
static struct text declared(struct text declaration, const char *name)
{
	static const struct text none;
	const char *end = declaration.at + declaration.size;
	const char *at = memmem(declaration.at, declaration.size, name, strlen(name));
	if (!at)
		return none;
	for (at += strlen(name); at < end && (is_blank(*at) || *at == '='); at++)
		;
	const char *close = at < end && (*at == '"' || *at == '\'')
				    ? memchr(at + 1, *at, (size_t)(end - at - 1))
				    : NULL;
	return close ? (struct text){at + 1, (size_t)(close - at - 1)} : none;
}

/* XML 1.0 (1.1 has other blanks), in an encoding in which a tag's ASCII letters are the bytes that they look like. */
static bool is_plain(struct text declaration)
{
	struct text version = declared(declaration, "version");
	struct text encoding = declared(declaration, "encoding");
	if (!version.at || !is(version, "1.0"))
		return false;
	if (!encoding.at)
		return !contains(declaration, "encoding");
	return (encoding.size == 5 && strncasecmp(encoding.at, "UTF-8", 5) == 0) ||
	       (encoding.size == 8 && strncasecmp(encoding.at, "US-ASCII", 8) == 0) ||
	       (encoding.size > 9 && strncasecmp(encoding.at, "ISO-8859-", 9) == 0);
}

/* Can the tags of `frame` be told from its bytes? It must begin and end with a tag, in an encoding that keeps
 * ASCII as it is, without a NUL. *body is what follows the declaration. */
static bool readable(struct text frame, struct text *body)
{
	if (starts(frame, "\xef\xbb\xbf")) {
		frame.at += 3;
		frame.size -= 3;
	}
	trim(&frame.at, &frame.size);
	if (frame.size == 0 || frame.at[0] != '<' || frame.at[frame.size - 1] != '>')
		return false;
	if (memchr(frame.at, '\0', frame.size))
		return false;
	if (starts(frame, "<?xml")) {
		size_t most = frame.size < DECLARATION_MAX ? frame.size : DECLARATION_MAX;
		const char *close = memchr(frame.at, '>', most);
		if (!close || !is_plain((struct text){frame.at, (size_t)(close - frame.at)}))
			return false;
		frame.size -= (size_t)(close + 1 - frame.at);
		frame.at = close + 1;
	}
	*body = frame;
	return true;
}

/* What next_tag() came to. UNSURE: a comment, CDATA, a processing instruction or a document type, which may hide
 * anything; or a '<' within a tag, which is no XML. */
enum step { STEP_TAG, STEP_END, STEP_UNSURE };

/* Goes to the next start tag. `*rest` is moved behind its '<'; *name is its name without the prefix. Looks at no byte
 * twice, whatever the frame is made of: a registrar writes it, and the front end waits. */
static enum step next_tag(struct text *rest, struct text *name)
{
	size_t start = 0, end = 0;
	do {
		const char *open = memchr(rest->at, '<', rest->size);
		if (!open)
			return STEP_END;
		rest->size -= (size_t)(open + 1 - rest->at);
		rest->at = open + 1;
	} while (rest->size > 0 && *rest->at == '/');
	for (; end < rest->size; end++) {
		char c = rest->at[end];
		if (c == ':')
			start = end + 1;
		else if (c == '<' || (end == 0 && (c == '!' || c == '?')))
			return STEP_UNSURE;
		else if (is_blank(c) || c == '>' || c == '/')
			break;
	}
	*name = (struct text){rest->at + start, end - start};
	rest->at += end;
	rest->size -= end;
	return STEP_TAG;
}

/* A frame is no transform only if it is surely something else: the first tag within <command> is a query's, or the
 * frame is a <hello>, and no tag anywhere is a transform's. A registry's own verbs are none of either. */
bool scan_may_transform(const char *command, size_t size)
{
	static const char *const transforms[] = {"create", "update",   "delete",
						 "renew",  "transfer", NULL};
	static const char *const queries[] = {"check", "info", "poll", "login", "logout", NULL};
	enum { BEFORE_ROOT, IN_ROOT, IN_COMMAND, IS_QUERY } place = BEFORE_ROOT;
	struct text rest, name;
	enum step step;
	if (!readable((struct text){command, size}, &rest))
		return true;
	while ((step = next_tag(&rest, &name)) == STEP_TAG) {
		if (is_one_of(name, transforms))
			return true;
		if (place == BEFORE_ROOT && is(name, "epp"))
			place = IN_ROOT;
		else if (place == IN_ROOT && is(name, "command"))
			place = IN_COMMAND;
		else if ((place == IN_ROOT && is(name, "hello")) ||
			 (place == IN_COMMAND && is_one_of(name, queries)))
			place = IS_QUERY;
		else if (place != IS_QUERY)
			return true;
	}
	return step == STEP_UNSURE || place != IS_QUERY;
}

/* The '>' that ends a tag, which a quoted value may hold too; NULL: there is none, or the tag is none. */
static const char *tag_end(struct text rest)
{
	char quote = '\0';
	for (size_t i = 0; i < rest.size; i++) {
		char c = rest.at[i];
		if (c == '<')
			return NULL;
		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return rest.at + i;
	}
	return NULL;
}

bool scan_may_succeed(const char *response, size_t size)
{
	struct text rest, name;
	bool seen = false;
	enum step step;
	if (!readable((struct text){response, size}, &rest))
		return true;
	while ((step = next_tag(&rest, &name)) == STEP_TAG) {
		if (!is(name, "result"))
			continue;
		const char *close = tag_end(rest);
		if (!close)
			return true;
		struct text tag = {rest.at, (size_t)(close - rest.at)};
		/* A character reference may spell the code. */
		if (contains(tag, "1000") || contains(tag, "1001") || contains(tag, "&") ||
		    !contains(tag, "code"))
			return true;
		seen = true;
	}
	return step == STEP_UNSURE || !seen;
}
