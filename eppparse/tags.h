/* tags.h - the tags of a frame, found without parsing it
 *
 * For what must be known of a frame on the front end's own threads, where no parser may run. It says so when it can't be
 * sure: in a document that is not plain, nothing is taken for what it looks like. Allocates nothing; looks at each byte
 * a fixed number of times, whatever the frame is made of: a registrar writes it, and the front end waits. Pure;
 * thread-safe.
 */
#ifndef EPPPARSE_TAGS_H
#define EPPPARSE_TAGS_H

#include "base/blank.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes of a frame, not closed by a NUL. */
struct tags_text {
	const char *at;
	size_t size;
};

/* Can the tags of `frame` be told from its bytes? It must begin and end with a tag, in an encoding that keeps
 * ASCII as it is, without a NUL. *body is what follows the declaration. */
bool tags_readable(struct tags_text frame, struct tags_text *body);

/* What lies between a tag's name, where `rest` begins, and the '>' that ends it, which a quoted value may hold too.
 * False: there is no end, or the tag is none. */
bool tags_attributes(struct tags_text rest, struct tags_text *attributes);

static inline bool tags_is(struct tags_text name, const char *text)
{
	return name.size == strlen(text) && memcmp(name.at, text, name.size) == 0;
}

static inline bool tags_is_one_of(struct tags_text name, const char *const *texts)
{
	for (; *texts; texts++)
		if (tags_is(name, *texts))
			return true;
	return false;
}

static inline bool tags_contain(struct tags_text text, const char *what)
{
	return memmem(text.at, text.size, what, strlen(what)) != NULL;
}

/* What tags_next() came to. UNSURE: a comment, CDATA, a processing instruction or a document type, which may hide
 * anything; or a '<' within a tag, which is no XML. */
enum tags_step { TAGS_START, TAGS_END, TAGS_UNSURE };

/* Goes to the next start tag. `*rest` is moved behind its name; *name is its name without the prefix. */
static inline enum tags_step tags_next(struct tags_text *rest, struct tags_text *name)
{
	size_t start = 0, end = 0;
	do {
		const char *open = memchr(rest->at, '<', rest->size);
		if (!open)
			return TAGS_END;
		rest->size -= (size_t)(open + 1 - rest->at);
		rest->at = open + 1;
	} while (rest->size > 0 && *rest->at == '/');
	for (; end < rest->size; end++) {
		char c = rest->at[end];
		if (c == ':')
			start = end + 1;
		else if (c == '<' || (end == 0 && (c == '!' || c == '?')))
			return TAGS_UNSURE;
		else if (is_blank(c) || c == '>' || c == '/')
			break;
	}
	*name = (struct tags_text){rest->at + start, end - start};
	rest->at += end;
	rest->size -= end;
	return TAGS_START;
}

#endif
