/* reading.h - what is known while a frame is read
 *
 * Shared by eppparse.c, which judges what came of a frame, and field_open.c and field_close.c, which say
 * what an element means; nobody else's.
 */
#ifndef EPPPARSE_READING_H
#define EPPPARSE_READING_H

#include "eppparse/eppparse.h"
#include "eppparse/frame.h"
#include "eppparse/rules.h"

enum { VALUE_MAX = 8192, CODE_COMPLETED = 1000, CODE_PENDING = 1001, CODE_MESSAGE = 1301 };

/* An element that is being read: where its children are looked up, and which side they are of. */
struct step {
	uint8_t children; /* enum allow_place */
	uint8_t field;    /* enum allow_field */
	uint8_t side;     /* enum allow_side; never SIDE_AS_BEFORE but at the start */
	bool parent;      /* it has a child that is read */
};

/* What a frame was found to be. */
struct seen {
	bool command, response, verb, object;
	bool no_interest;              /* it is about something else, or changes nothing */
	bool query;                    /* a transfer that only asks how it stands */
	bool secdns;                   /* a command's extension of that kind */
	bool odd;                      /* it has a value that is none, or too many of them */
	bool news;                     /* it tells of a change by itself, as messages do */
	bool unread_news;              /* the same, in a namespace that has no rule */
	bool unread_info;              /* how an object is, likewise */
	uint32_t code;                 /* the response's; the worst of several */
	struct change_token news_txn;  /* the svTRID of what it tells of */
	struct change_registrar login; /* whom a login names */
	int logins;                    /* how often */
	bool has_queued;
	int64_t queued; /* when its message was put in line */
};

struct eppparse {
	struct frame_reader *reader;
	struct rules rules;
	struct change *change; /* that is being filled */
	struct change *after;  /* that one, while `before` is filled instead; else NULL */
	struct change before;  /* how an object was that a message shows before and after */
	struct change answer; /* what the response said: a command must not say it for the server */
	struct step steps[EPPPARSE_DEPTH_MAX + 1];
	int depth;        /* of steps[] */
	int skipped;      /* elements that are open within one without a rule */
	bool reads_login; /* eppparse_login(): whom a login names is looked at */
	bool is_server_change; /* eppparse_server_change(): the response is a change of the registry's own */
	struct seen seen;
	struct eppparse_met met[EPPPARSE_MET_MAX];
	size_t met_count;
	size_t value_size;
	size_t value_used; /* bytes of value[] that hold something of this frame */
	char value[VALUE_MAX];
};

static inline struct step *step_now(struct eppparse *parse)
{
	return &parse->steps[parse->depth];
}

/* Is what is read a message, or a change of the registry's own, by the code that was seen so far? */
static inline bool reading_tells(const struct eppparse *parse)
{
	return parse->is_server_change || parse->seen.code == CODE_MESSAGE;
}

/* What an element says by being there, and by its attributes. */
enum eppparse_result field_open(struct eppparse *parse, uint8_t field,
				const struct frame_element *element);

/* The side of the change that is being described; NULL outside of all. */
struct change_delta *field_delta(struct eppparse *parse);

/* What a RESULT_ of a value or a list means for the frame. */
enum eppparse_result field_result(int result);

/* Is the text of this field read? */
bool field_has_text(uint8_t field);

/* What the element says at its end, when all of its text is there. */
enum eppparse_result field_close(struct eppparse *parse, const struct step *step);

#endif
