#include "subscriber/tail.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

void tail_begin(struct tail *tail, const struct merkle_range *range)
{
	tail->range = *range;
	tail->count = 0;
}

uint64_t tail_next(const struct tail *tail)
{
	return tail->range.size + tail->count;
}

int tail_add(struct tail *tail, const struct merkle_hash *leaf)
{
	if (tail->count == TAIL_MAX)
		return RESULT_FULL;
	if (tail->count == tail->room) {
		size_t room = tail->room ? 2 * tail->room : FIRST_ROOM;
		struct merkle_hash *since = reallocarray(tail->since, room, sizeof *since);
		if (!since)
			return RESULT_NOMEM;
		tail->since = since;
		tail->room = room;
	}
	tail->since[tail->count++] = *leaf;
	return RESULT_OK;
}

const struct merkle_hash *tail_leaf(const struct tail *tail, uint64_t index)
{
	if (index < tail->range.size || index >= tail_next(tail))
		return NULL;
	return &tail->since[index - tail->range.size];
}

int tail_check(struct tail *tail, const struct checkpoint *checkpoint, enum tail_answer *answer)
{
	struct merkle_range range = tail->range;
	struct merkle_hash root;
	*answer = TAIL_OLDER;
	if (checkpoint->size < range.size)
		return RESULT_OK;
	*answer = TAIL_LACKS;
	if (checkpoint->size > tail_next(tail))
		return RESULT_OK;
	size_t folded = (size_t)(checkpoint->size - range.size);
	int result = RESULT_OK;
	for (size_t i = 0; i < folded && result == RESULT_OK; i++)
		result = merkle_range_append(&range, &tail->since[i]);
	if (result == RESULT_OK)
		result = merkle_range_root(&range, &root);
	if (result != RESULT_OK)
		return result;
	*answer = TAIL_DIFFERS;
	if (!merkle_equal(&root, &checkpoint->root))
		return RESULT_OK;
	*answer = TAIL_FITS;
	tail->range = range;
	tail->count -= folded;
	if (folded > 0)
		memmove(tail->since, tail->since + folded, tail->count * sizeof *tail->since);
	return RESULT_OK;
}

void tail_free(struct tail *tail)
{
	free(tail->since);
	*tail = (struct tail){.count = 0};
}
