/* eppparse.h - EPP frames -> struct change
 *
 * Reads a command and its response, a poll message, or a change that the registry itself made (RFC 5730 to 5733, 5910,
 * 4310, 3915, 8590, registry locks, and what registries have of their own) with libxml2's push SAX2 against the
 * allow-list of allow_list.c. What is not in that table is skipped without being looked at, however it is named. No threads,
 * clock, files, network or log; a DOCTYPE ends the reading before anything is expanded; depth, sizes and counts are
 * bounded below.
 *
 * Owner: whoever called eppparse_new(); not thread-safe: one per thread. The parser's memory is reused from frame to
 * frame, and given back when libxml2's dictionary of names has grown.
 */
#ifndef EPPPARSE_EPPPARSE_H
#define EPPPARSE_EPPPARSE_H

#include "base/config.h"
#include "eppparse/change.h"

enum {
	EPPPARSE_DEPTH_MAX = 64,       /* elements within each other */
	EPPPARSE_ATTRIBUTES_MAX = 64,  /* of one element */
	EPPPARSE_NAMESPACES_MAX = 256, /* declared in a frame */
	EPPPARSE_TOKEN_MAX = 16384,    /* bytes of one tag, comment or CDATA section, about */
	EPPPARSE_DICTIONARY_MAX =
		1 << 20,        /* bytes of libxml2's dictionary before it is thrown away */
	EPPPARSE_MET_MAX = 8,   /* namespaces of one reading that are remembered */
	EPPPARSE_URI_SIZE = 128 /* bytes of one, with its NUL */
};

enum eppparse_result {
	EPPPARSE_CHANGE,    /* it is a change */
	EPPPARSE_NOTHING,   /* it was read, and is none: it failed, or is of no interest */
	EPPPARSE_MALFORMED, /* not well-formed XML */
	EPPPARSE_DOCTYPE,   /* it has a document type: refused */
	EPPPARSE_DEEP,      /* over EPPPARSE_DEPTH_MAX */
	EPPPARSE_LARGE,     /* over another bound */
	EPPPARSE_ENCODING,  /* an encoding that libxml2 can't read */
	EPPPARSE_NAMESPACE, /* a root or an object that we don't know */
	EPPPARSE_VERB,      /* a command that we don't know, or that may be two things */
	EPPPARSE_VALUE,     /* a name, address, number, digest, key or date that is none */
	EPPPARSE_NO_RESPONSE, /* the response, or the registry's own change, is no EPP response of its kind */
	EPPPARSE_NOMEM,
	EPPPARSE_RESULTS,
};

struct eppparse;

/* RESULT_OK or RESULT_NOMEM. */
MUST_USE int eppparse_new(struct eppparse **parse);
void eppparse_free(struct eppparse **parse);

/* Gives back what libxml2 keeps for it; the next frame takes it anew. For a thread that has parsed, and ends: another that
 * frees it has libxml2 keep something of itself, for good if the host has not set libxml2 up. */
void eppparse_rest(struct eppparse *parse);

/* Reads a registry's own namespaces and verbs as those that the config says they stand for. Both are lent until the next
 * call; NULL, or what is not named: none. */
void eppparse_use(struct eppparse *parse, const struct config_pairs *namespaces,
		  const struct config_pairs *verbs);

/* Makes libxml2 keep all complaints of the calling thread to itself. Some of its encoding errors go past a
 * context's handlers and print bytes of the frame on stderr unless this was called on the thread that parses. It must
 * have been, and have answered RESULT_OK: RESULT_NOMEM means that libxml2 has no memory for the thread yet. */
MUST_USE int eppparse_silence_thread(void);

/* Reads a command with its response. EPPPARSE_CHANGE: `change` holds it, but for its time and registrar, which the
 * caller sets afterwards; the registrars of a transfer are logins, as the server wrote them. The response decides first:
 * if it says that the command failed, the answer is EPPPARSE_NOTHING, whatever the command looks like; if it brings a
 * poll message, that is what is read.
 * A result from EPPPARSE_MALFORMED on means that a change may have been missed; change->svtrid is then that of the
 * response, if it got that far, and the rest of `change` is of no use. */
enum eppparse_result eppparse_pair(struct eppparse *parse, const void *command, size_t command_size,
				   const void *response, size_t response_size,
				   struct change *change);

/* The same in two steps, for a command that is noted before it is carried out. eppparse_command() fills `change` with
 * all but the server's answer: its outcome is CHANGE_UNKNOWN. */
enum eppparse_result eppparse_command(struct eppparse *parse, const void *bytes, size_t size,
				      struct change *change);

/* Adds the server's answer to a change that eppparse_command() filled: outcome, svTRID, expiry. EPPPARSE_NOTHING: the
 * command failed. From EPPPARSE_MALFORMED on as with eppparse_pair(). */
enum eppparse_result eppparse_response(struct eppparse *parse, const void *bytes, size_t size,
				       struct change *change);

/* Reads the response to a poll (RFC 5730, section 2.9.2.3), whose message may tell of a change: the end of a pending
 * command, a transfer, what the registry did itself. change->is_message is set. EPPPARSE_NOTHING: it has no such news. */
enum eppparse_result eppparse_message(struct eppparse *parse, const void *response, size_t size,
				      struct change *change);

/* Reads a change that the registry itself made, as it would tell it in a poll message (RFC 8590): a response with an
 * infData and a changePoll:changeData, whatever its code. EPPPARSE_NO_RESPONSE: it is none. */
enum eppparse_result eppparse_server_change(struct eppparse *parse, const void *frame, size_t size,
					    struct change *change);

/* Reads a login with its response, for whom it names: clID, as the registrar wrote it, or empty if that is longer than
 * an id can be, or no printable ASCII. Nothing else of the login is looked at. EPPPARSE_NOTHING: it is none, or it
 * failed. */
enum eppparse_result eppparse_login(struct eppparse *parse, const void *command,
				    size_t command_size, const void *response, size_t response_size,
				    struct change_registrar *login);

/* A namespace that was met where epptap has no rule for it; printable, of the characters of a URI. */
struct eppparse_met {
	char uri[EPPPARSE_URI_SIZE]; /* empty: it can't be shown */
	bool unread; /* it made the frame unreadable; else it was an extension, and passed over */
};

/* Number `i` of those that the last reading of a successful command, message or change met; at most EPPPARSE_MET_MAX.
 * NULL: there are no more. Good until the next reading. */
const struct eppparse_met *eppparse_met(const struct eppparse *parse, size_t i);

/* The result as a word for a counter, such as "doctype". Static; total. */
const char *eppparse_reason(enum eppparse_result result);

#endif
