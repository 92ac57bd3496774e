#include "eppparse/session.h"

#include "eppparse/tags.h"

#include <stdbool.h>
#include <string.h>

static const struct session_text none;

enum session_command session_command_of(const char *frame, size_t size)
{
	struct tags_text rest, name;
	if (!tags_readable((struct tags_text){frame, size}, &rest) ||
	    tags_next(&rest, &name) != TAGS_START || !tags_is(name, "epp") ||
	    tags_next(&rest, &name) != TAGS_START)
		return SESSION_UNSURE;
	if (tags_is(name, "hello"))
		return SESSION_HELLO;
	if (tags_is(name, "extension"))
		return SESSION_COMMAND;
	if (!tags_is(name, "command") || tags_next(&rest, &name) != TAGS_START)
		return SESSION_UNSURE;
	if (tags_is(name, "login"))
		return SESSION_LOGIN;
	return tags_is(name, "logout") ? SESSION_LOGOUT : SESSION_COMMAND;
}

/* Do these letters stand in the frame, each beside a zero byte, as in UTF-16, or not? */
static bool mentions(const char *frame, size_t size, const char *word)
{
	char wide[64];
	size_t length = strlen(word);
	for (size_t i = 0; i < length; i++) {
		wide[2 * i] = word[i];
		wide[2 * i + 1] = '\0';
	}
	return memmem(frame, size, word, length) || memmem(frame, size, wide, 2 * length - 1);
}

enum session_answer session_answer_of(const char *frame, size_t size)
{
	struct tags_text rest, name;
	if (tags_readable((struct tags_text){frame, size}, &rest) &&
	    tags_next(&rest, &name) == TAGS_START && tags_is(name, "epp") &&
	    tags_next(&rest, &name) == TAGS_START) {
		if (tags_is(name, "greeting"))
			return SESSION_GREETING;
		if (tags_is(name, "response"))
			return SESSION_RESPONSE;
	}
	/* A server whose frames are not plain greets all the same. */
	return mentions(frame, size, "greeting") && !mentions(frame, size, "response")
		       ? SESSION_GREETING
		       : SESSION_UNCLEAR;
}

/* The text without the blanks around it, if it can be compared byte by byte: no references, nothing beyond ASCII, and no
 * blanks within, which a server may write otherwise. */
static struct session_text plain(const char *at, size_t size)
{
	trim(&at, &size);
	for (size_t i = 0; i < size; i++)
		if (at[i] <= ' ' || at[i] >= 0x7f || at[i] == '&' || at[i] == '<' || at[i] == '>')
			return none;
	return (struct session_text){at, size};
}

/* The text of an element whose name ends where `rest` begins, if there is nothing but text in it. */
static struct session_text text_of(struct tags_text rest)
{
	struct tags_text attributes;
	if (!tags_attributes(rest, &attributes) ||
	    (attributes.size && attributes.at[attributes.size - 1] == '/'))
		return none;
	const char *at = attributes.at + attributes.size + 1;
	size_t left = rest.size - attributes.size - 1;
	const char *end = memchr(at, '<', left);
	if (!end || left - (size_t)(end - at) < 2 || end[1] != '/')
		return none;
	return plain(at, (size_t)(end - at));
}

/* One clID in the whole frame, or who knows which of them the server takes? */
struct session_text session_login(const char *frame, size_t size)
{
	struct tags_text rest, name;
	struct session_text found = none;
	enum tags_step step;
	int count = 0;
	if (session_command_of(frame, size) != SESSION_LOGIN ||
	    !tags_readable((struct tags_text){frame, size}, &rest))
		return none;
	while ((step = tags_next(&rest, &name)) == TAGS_START) {
		if (!tags_is(name, "clID"))
			continue;
		found = text_of(rest);
		count++;
	}
	return step == TAGS_END && count == 1 ? found : none;
}

/* The number in `code="1000"`, where that is all that the tag has. */
static unsigned code_in(struct tags_text attributes)
{
	const char *at = attributes.at;
	size_t size = attributes.size;
	unsigned code = 0;
	trim(&at, &size);
	/* code, =, quote, four digits, quote; maybe the slash of an empty element */
	if (size < 11 || memcmp(at, "code=", 5) != 0 || (at[5] != '"' && at[5] != '\'') ||
	    at[10] != at[5] || (size > 11 && !(size == 12 && at[11] == '/')))
		return 0;
	for (int i = 6; i < 10; i++) {
		if (at[i] < '0' || at[i] > '9')
			return 0;
		code = code * 10 + (unsigned)(at[i] - '0');
	}
	return code;
}

unsigned session_code(const char *frame, size_t size)
{
	struct tags_text rest, name, attributes;
	unsigned code = 0;
	if (session_answer_of(frame, size) != SESSION_RESPONSE ||
	    !tags_readable((struct tags_text){frame, size}, &rest))
		return 0;
	for (int i = 0; i < 3; i++)
		if (tags_next(&rest, &name) != TAGS_START)
			return 0;
	if (tags_is(name, "result") && tags_attributes(rest, &attributes))
		code = code_in(attributes);
	while (tags_next(&rest, &name) == TAGS_START)
		if (tags_is(name, "result"))
			return 0;
	return code;
}

/* Takes the end tag of `name` off the end of the frame, and the blanks around it; *tag is the name with its prefix. */
static bool take_end_tag(struct tags_text *frame, const char *name, struct tags_text *tag)
{
	trim(&frame->at, &frame->size);
	const char *open = memrchr(frame->at, '<', frame->size);
	if (!open || frame->at[frame->size - 1] != '>')
		return false;
	const char *at = open + 1;
	size_t size = frame->size - (size_t)(at - frame->at) - 1;
	if (size == 0 || *at != '/')
		return false;
	at++;
	size--;
	trim(&at, &size);
	*tag = (struct tags_text){at, size};
	const char *colon = memchr(at, ':', size);
	struct tags_text local = *tag;
	if (colon)
		local = (struct tags_text){colon + 1, size - (size_t)(colon + 1 - at)};
	frame->size = (size_t)(open - frame->at);
	return tags_is(local, name);
}

/* Takes a whole element that has nothing but text off the end of the frame. A '>' in what looks like its text would be
 * the end of something else. */
static bool take_element(struct tags_text *frame, const char *name, struct session_text *text)
{
	struct tags_text tag;
	if (!take_end_tag(frame, name, &tag))
		return false;
	const char *close = memrchr(frame->at, '>', frame->size);
	const char *open = memrchr(frame->at, '<', frame->size);
	if (!close || !open || open > close || (size_t)(close - open) <= tag.size ||
	    memcmp(open + 1, tag.at, tag.size) != 0 ||
	    (!is_blank(open[1 + tag.size]) && open + 1 + tag.size != close) || close[-1] == '/')
		return false;
	*text = plain(close + 1, (size_t)(frame->at + frame->size - (close + 1)));
	frame->size = (size_t)(open - frame->at);
	return true;
}

struct session_text session_command_id(const char *frame, size_t size)
{
	struct tags_text rest = {frame, size}, body, tag;
	struct session_text id;
	if (!take_end_tag(&rest, "epp", &tag) || !take_end_tag(&rest, "command", &tag) ||
	    !take_element(&rest, "clTRID", &id))
		return none;
	return tags_readable((struct tags_text){frame, size}, &body) ? id : none;
}

struct session_text session_answer_id(const char *frame, size_t size)
{
	struct tags_text rest = {frame, size}, body, tag;
	struct session_text id, server;
	if (!take_end_tag(&rest, "epp", &tag) || !take_end_tag(&rest, "response", &tag) ||
	    !take_end_tag(&rest, "trID", &tag) || !take_element(&rest, "svTRID", &server) ||
	    !take_element(&rest, "clTRID", &id))
		return none;
	return tags_readable((struct tags_text){frame, size}, &body) ? id : none;
}
