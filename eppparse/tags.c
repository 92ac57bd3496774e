#include "eppparse/tags.h"

#include <strings.h>

/* How far into the frame an XML declaration is looked for. */
enum { DECLARATION_MAX = 200 };

static bool starts(struct tags_text text, const char *with)
{
	size_t size = strlen(with);
	return text.size >= size && memcmp(text.at, with, size) == 0;
}

/* The quoted value of `name` in an XML declaration; with NULL in `at` if it has none, or no sane one. */
static struct tags_text declared(struct tags_text declaration, const char *name)
{
	static const struct tags_text none;
	const char *end = declaration.at + declaration.size;
	const char *at = memmem(declaration.at, declaration.size, name, strlen(name));
	if (!at)
		return none;
	for (at += strlen(name); at < end && (is_blank(*at) || *at == '='); at++)
		;
	const char *close = at < end && (*at == '"' || *at == '\'')
				    ? memchr(at + 1, *at, (size_t)(end - at - 1))
				    : NULL;
	return close ? (struct tags_text){at + 1, (size_t)(close - at - 1)} : none;
}

/* XML 1.0 (1.1 has other blanks), in an encoding in which a tag's ASCII letters are the bytes that they look like. */
static bool is_plain(struct tags_text declaration)
{
	struct tags_text version = declared(declaration, "version");
	struct tags_text encoding = declared(declaration, "encoding");
	if (!version.at || !tags_is(version, "1.0"))
		return false;
	if (!encoding.at)
		return !tags_contain(declaration, "encoding");
	return (encoding.size == 5 && strncasecmp(encoding.at, "UTF-8", 5) == 0) ||
	       (encoding.size == 8 && strncasecmp(encoding.at, "US-ASCII", 8) == 0) ||
	       (encoding.size > 9 && strncasecmp(encoding.at, "ISO-8859-", 9) == 0);
}

bool tags_readable(struct tags_text frame, struct tags_text *body)
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
		if (!close || !is_plain((struct tags_text){frame.at, (size_t)(close - frame.at)}))
			return false;
		frame.size -= (size_t)(close + 1 - frame.at);
		frame.at = close + 1;
	}
	*body = frame;
	return true;
}

bool tags_attributes(struct tags_text rest, struct tags_text *attributes)
{
	char quote = '\0';
	for (size_t i = 0; i < rest.size; i++) {
		char c = rest.at[i];
		if (c == '<')
			return false;
		if (quote) {
			quote = c == quote ? '\0' : quote;
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '>') {
			*attributes = (struct tags_text){rest.at, i};
			return true;
		}
	}
	return false;
}
