#include "plugin/stream_pairs.h"

#include <string.h>

void stream_pairs_init(struct stream_pairs *pairs)
{
	*pairs = (struct stream_pairs){.capacity = STREAM_PAIRS_NEAR};
}

static struct stream_pending *items(struct stream_pairs *pairs)
{
	return pairs->far.bytes ? (struct stream_pending *)pairs->far.bytes : pairs->near;
}

/* Number `i` of those that wait. */
static struct stream_pending *at(struct stream_pairs *pairs, unsigned i)
{
	return &items(pairs)[(pairs->first + i) % pairs->capacity];
}

/* Moves all that wait to twice the room. */
static bool grow(struct stream_pairs *pairs, struct streams *streams, unsigned owner,
		 enum loss *reason)
{
	struct streams_held far = {0};
	unsigned capacity = 2 * pairs->capacity;
	if (!streams_reserve(streams, &far, owner, capacity * sizeof(struct stream_pending),
			     reason))
		return false;
	struct stream_pending *to = (struct stream_pending *)far.bytes;
	for (unsigned i = 0; i < pairs->count; i++)
		to[i] = *at(pairs, i);
	far.size = capacity * (uint32_t)sizeof *to;
	streams_give(streams, &pairs->far);
	pairs->far = far;
	pairs->first = 0;
	pairs->capacity = capacity;
	return true;
}

bool stream_pairs_have_room(struct stream_pairs *pairs, struct streams *streams, unsigned owner,
			    enum loss *reason)
{
	*reason = LOSS_PIPELINE_LIMIT;
	/* Behind one of which nothing is known, all others are such. */
	if (pairs->beyond > 0 || pairs->count == STREAM_PAIRS_MOST)
		return false;
	return pairs->count < pairs->capacity || grow(pairs, streams, owner, reason);
}

void stream_pairs_add(struct stream_pairs *pairs, const struct stream_pending *pending)
{
	*at(pairs, pairs->count) = *pending;
	pairs->count++;
}

void stream_pairs_add_beyond(struct stream_pairs *pairs, uint64_t id)
{
	pairs->beyond++;
	pairs->beyond_id = id;
}

bool stream_pairs_take(struct stream_pairs *pairs, struct streams *streams,
		       struct stream_pending *pending)
{
	if (pairs->count == 0)
		return false;
	*pending = *at(pairs, 0);
	pairs->first = (pairs->first + 1) % pairs->capacity;
	if (--pairs->count > 0)
		return true;
	streams_give(streams, &pairs->far);
	pairs->capacity = STREAM_PAIRS_NEAR;
	pairs->first = 0;
	pairs->doubtful = false;
	return true;
}

static bool is_no_command(const struct stream_pending *pending)
{
	return pending->empty || pending->sent == SESSION_HELLO;
}

/* A greeting is the answer to a hello, but for the first thing that a server sends. */
static enum stream_found greeted(struct stream_pairs *pairs, struct streams *streams, bool first,
				 struct stream_pending *pending)
{
	unsigned i = 0;
	if (first)
		return STREAM_NO_MATTER;
	while (i < pairs->count && at(pairs, i)->empty)
		i++;
	enum session_command sent = i < pairs->count ? at(pairs, i)->sent : SESSION_COMMAND;
	if (sent != SESSION_HELLO && sent != SESSION_UNSURE)
		return STREAM_NO_MATTER;
	for (; i > 0; i--)
		stream_pairs_take(pairs, streams, pending);
	stream_pairs_take(pairs, streams, pending);
	/* One that could not be told to be a hello was one. */
	pending->sent = SESSION_HELLO;
	return STREAM_FOUND;
}

/* Passes over what is no command, and may have no answer. True: this is the answer to it. */
static bool answers_no_command(struct stream_pairs *pairs, struct streams *streams,
			       const struct stream_answer *answer)
{
	struct stream_pending gone;
	while (pairs->count > 0 && is_no_command(at(pairs, 0))) {
		stream_pairs_take(pairs, streams, &gone);
		if (answer->kind == SESSION_UNCLEAR && !gone.empty)
			return true;
		if (answer->id || answer->succeeds)
			continue;
		/* Or it answers the next one, if that has no clTRID either. */
		if (pairs->count > 0 && !at(pairs, 0)->id)
			pairs->doubtful = true;
		return true;
	}
	return false;
}

/* How many wait before the one with this clTRID; all: none has it. */
static unsigned place_of(struct stream_pairs *pairs, uint64_t id)
{
	unsigned i = 0;
	while (i < pairs->count && at(pairs, i)->id != id)
		i++;
	return i;
}

/* Do clTRIDs say that it is not the oldest's? In doubt, that another one has the same is enough. */
static bool differs(struct stream_pairs *pairs, uint64_t id)
{
	uint64_t oldest = at(pairs, 0)->id;
	if (!id || id == oldest)
		return false;
	return oldest || (pairs->doubtful && place_of(pairs, id) < pairs->count);
}

/* Brings commands and answers in step again, whose clTRIDs differ. False: the answer is none of those that wait. */
static bool resynchronise(struct stream_pairs *pairs, struct streams *streams, uint64_t id,
			  void (*drop)(void *context, struct stream_pending *gone), void *context)
{
	struct stream_pending gone;
	unsigned before = place_of(pairs, id);
	bool found = before < pairs->count;
	for (before = found ? before : 1; before > 0 && stream_pairs_take(pairs, streams, &gone);
	     before--) {
		pairs->given_up_id = gone.id;
		drop(context, &gone);
	}
	return found;
}

/* It came for nobody who waits: late, for one that was given up, or for one that was never seen. */
static enum stream_found came_for_nobody(struct stream_pairs *pairs, uint64_t id)
{
	if (!id || id != pairs->given_up_id)
		return STREAM_NOBODYS;
	pairs->given_up_id = 0;
	return STREAM_NO_MATTER;
}

/* The same where none waits of which anything is known. */
static enum stream_found answer_beyond(struct stream_pairs *pairs, uint64_t id)
{
	if (pairs->beyond == 0)
		return came_for_nobody(pairs, id);
	pairs->beyond = id && id == pairs->beyond_id ? 0 : pairs->beyond - 1;
	return STREAM_BEYOND;
}

enum stream_found stream_pairs_answer(struct stream_pairs *pairs, struct streams *streams,
				      const struct stream_answer *answer,
				      struct stream_pending *pending, bool *dropped,
				      void (*drop)(void *context, struct stream_pending *gone),
				      void *context)
{
	bool first = !pairs->begun;
	pairs->begun = true;
	*dropped = false;
	if (answer->kind == SESSION_GREETING)
		return greeted(pairs, streams, first, pending);
	if (answers_no_command(pairs, streams, answer))
		return STREAM_NO_MATTER;
	if (pairs->count == 0)
		return answer_beyond(pairs, answer->id);
	if (differs(pairs, answer->id)) {
		if (place_of(pairs, answer->id) == pairs->count &&
		    came_for_nobody(pairs, answer->id) == STREAM_NO_MATTER)
			return STREAM_NO_MATTER;
		*dropped = true;
		if (!resynchronise(pairs, streams, answer->id, drop, context))
			return STREAM_NOBODYS;
	}
	bool doubtful = pairs->doubtful;
	stream_pairs_take(pairs, streams, pending);
	if (doubtful && (!pending->id || pending->id != answer->id))
		return STREAM_NOT_CERTAIN;
	pairs->doubtful = false;
	return STREAM_FOUND;
}
