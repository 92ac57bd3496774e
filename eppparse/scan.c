#include "eppparse/scan.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* How far into the frame an XML declaration is looked for. */
enum { DECLARATION_MAX = 200 };

struct text {
	const char *at;
	size_t size;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool starts(struct text text, const char *with)
{
	size_t size = strlen(with);
	return text.size >= size && memcmp(text.at, with, size) == 0;
}

static bool contains(struct text text, const char *what)
{
	return memmem(text.at, text.size, what, strlen(what)) != NULL;
}

/* Encodings in which a tag's ASCII letters are the bytes that they look like. */
static bool plain_encoding(struct text declaration)
{
	const char *found = memmem(declaration.at, declaration.size, "encoding", 8);
	if (!found)
		return true;
	const char *end = declaration.at + declaration.size;
	const char *at = found + 8;
	while (at < end && (is_blank(*at) || *at == '='))
		at++;
	if (at == end || (*at != '"' && *at != '\''))
		return false;
	const char *value = at + 1;
	const char *quote = memchr(value, *at, (size_t)(end - value));
	if (!quote)
		return false;
	size_t size = (size_t)(quote - value);
	return (size == 5 && strncasecmp(value, "UTF-8", 5) == 0) ||
	       (size == 8 && strncasecmp(value, "US-ASCII", 8) == 0) ||
	       (size > 9 && strncasecmp(value, "ISO-8859-", 9) == 0);
}

/* Can the tags of `frame` be told from its bytes? It must begin and end with a tag, in an encoding that keeps
 * ASCII as it is, without a NUL. *body is what follows the declaration. */
static bool readable(struct text frame, struct text *body)
{
	if (starts(frame, "\xef\xbb\xbf")) {
		frame.at += 3;
		frame.size -= 3;
	}
	while (frame.size > 0 && is_blank(frame.at[0])) {
		frame.at++;
		frame.size--;
	}
	while (frame.size > 0 && is_blank(frame.at[frame.size - 1]))
		frame.size--;
	if (frame.size == 0 || frame.at[0] != '<' || frame.at[frame.size - 1] != '>')
		return false;
	if (memchr(frame.at, '\0', frame.size))
		return false;
	if (starts(frame, "<?xml")) {
		size_t most = frame.size < DECLARATION_MAX ? frame.size : DECLARATION_MAX;
		const char *close = memchr(frame.at, '>', most);
		if (!close || !plain_encoding((struct text){frame.at, (size_t)(close - frame.at)}))
			return false;
		frame.size -= (size_t)(close + 1 - frame.at);
		frame.at = close + 1;
	}
	*body = frame;
	return true;
}

/* Goes to the next start tag. `*rest` is moved behind its '<'; *name is its name without the prefix. */
static bool next_tag(struct text *rest, struct text *name)
{
	for (;;) {
		const char *open = memchr(rest->at, '<', rest->size);
		if (!open)
			return false;
		rest->size -= (size_t)(open + 1 - rest->at);
		rest->at = open + 1;
		if (rest->size > 0 && *rest->at != '/')
			break;
	}
	size_t start = 0, end = 0;
	for (; end < rest->size; end++) {
		char c = rest->at[end];
		if (c == ':')
			start = end + 1;
		else if (is_blank(c) || c == '>' || c == '/')
			break;
	}
	*name = (struct text){rest->at + start, end - start};
	return true;
}

static bool is(struct text name, const char *text)
{
	return name.size == strlen(text) && memcmp(name.at, text, name.size) == 0;
}

static bool names_transform(struct text name)
{
	static const char *const verbs[] = {"create", "update", "delete", "renew", "transfer"};
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (is(name, verbs[i]))
			return true;
	return false;
}

/* Its entities could spell anything. libxml2 wants no blank behind the word. */
static bool is_doctype(struct text behind_open)
{
	return starts(behind_open, "!DOCTYPE");
}

/* The '>' that ends a tag, which a quoted value may hold too; NULL: there is none. */
static const char *tag_end(struct text rest)
{
	char quote = '\0';
	for (size_t i = 0; i < rest.size; i++) {
		char c = rest.at[i];
		if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return rest.at + i;
	}
	return NULL;
}

bool scan_may_transform(const char *command, size_t size)
{
	struct text rest, name;
	if (!readable((struct text){command, size}, &rest))
		return true;
	while (next_tag(&rest, &name))
		if (names_transform(name) || is_doctype(rest))
			return true;
	return false;
}

bool scan_may_succeed(const char *response, size_t size)
{
	struct text rest, name;
	bool seen = false;
	if (!readable((struct text){response, size}, &rest))
		return true;
	while (next_tag(&rest, &name)) {
		if (is_doctype(rest))
			return true;
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
	return !seen;
}
