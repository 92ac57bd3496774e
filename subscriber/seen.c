#include "subscriber/seen.h"

#include <stdlib.h>

struct place {
	uint64_t index;
	uint64_t jti_hash;
	bool taken;
};

struct seen {
	struct place places[SEEN_WINDOW];
	bool any;
	uint64_t highest;
};

/* FNV-1a. A jti is 128 random bits under the registry's signature: nobody else can choose one. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

int seen_new(struct seen **seen)
{
	*seen = calloc(1, sizeof **seen);
	return *seen ? RESULT_OK : RESULT_NOMEM;
}

struct seen_answer seen_add(struct seen *seen, uint64_t index, const char *jti)
{
	struct seen_answer answer = {0};
	struct place *place = &seen->places[index % SEEN_WINDOW];
	uint64_t hash = hash_of(jti);
	bool same_index = place->taken && place->index == index;
	if (same_index && place->jti_hash == hash) {
		answer.repeat = true;
		return answer;
	}
	if (seen->any && index > seen->highest && index - seen->highest > 1) {
		answer.missed_from = seen->highest + 1;
		answer.missed_to = index - 1;
	}
	if (!seen->any || index > seen->highest || same_index)
		seen->highest = index;
	seen->any = true;
	*place = (struct place){.index = index, .jti_hash = hash, .taken = true};
	return answer;
}

void seen_free(struct seen **seen)
{
	free(*seen);
	*seen = NULL;
}
