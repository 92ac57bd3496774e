#include "subscriber/ledger.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 16 };

enum entry_state { WAITS_FOR_OWN, WAITS_FOR_FEED, SETTLED, ENTRY_STATES };

/* An entry stands in its bucket, and in the list of its state, oldest first. */
struct entry {
	struct entry *next_in_bucket;
	struct entry *before, *after;
	enum entry_state state;
	bool has_own, has_feed;
	bool was_told; /* that the other side is missing */
	int64_t since_ms;
	uint64_t number;         /* of what we sent, in the order of our words */
	struct ledger_word word; /* whose side came first */
};

struct list {
	struct entry *first, *last;
};

struct ledger {
	struct ledger_settings settings;
	struct entry *buckets[BUCKETS];
	struct list lists[ENTRY_STATES];
	size_t count;
	uint64_t agreed;
	uint64_t own_count;     /* words of ours so far */
	uint64_t first_matched; /* number of the first of them that was; UINT64_MAX: none */
};

static size_t bucket_of(const char *txn)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (; *txn; txn++)
		hash = (hash ^ (unsigned char)*txn) * UINT64_C(1099511628211);
	return (size_t)(hash ^ hash >> 32) % BUCKETS;
}

int ledger_new(const struct ledger_settings *settings, struct ledger **ledger)
{
	*ledger = calloc(1, sizeof **ledger);
	if (!*ledger)
		return RESULT_NOMEM;
	(*ledger)->settings = *settings;
	(*ledger)->first_matched = UINT64_MAX;
	return RESULT_OK;
}

static void list_remove(struct list *list, struct entry *entry)
{
	if (entry->before)
		entry->before->after = entry->after;
	else
		list->first = entry->after;
	if (entry->after)
		entry->after->before = entry->before;
	else
		list->last = entry->before;
}

static void list_append(struct list *list, struct entry *entry)
{
	entry->before = list->last;
	entry->after = NULL;
	if (list->last)
		list->last->after = entry;
	else
		list->first = entry;
	list->last = entry;
}

static void settle(struct ledger *ledger, struct entry *entry)
{
	list_remove(&ledger->lists[entry->state], entry);
	entry->state = SETTLED;
	list_append(&ledger->lists[SETTLED], entry);
}

static void forget(struct ledger *ledger, struct entry *entry)
{
	struct entry **at = &ledger->buckets[bucket_of(entry->word.txn)];
	while (*at != entry)
		at = &(*at)->next_in_bucket;
	*at = entry->next_in_bucket;
	list_remove(&ledger->lists[entry->state], entry);
	free(entry);
	ledger->count--;
}

static struct entry *find(struct ledger *ledger, const char *txn)
{
	struct entry *entry = ledger->buckets[bucket_of(txn)];
	while (entry && strcmp(entry->word.txn, txn) != 0)
		entry = entry->next_in_bucket;
	return entry;
}

/* Without a txn, by what it is: the oldest that waits, of the same name and kind. */
static struct entry *find_alike(struct ledger *ledger, const struct ledger_word *feed)
{
	struct entry *entry = ledger->lists[WAITS_FOR_FEED].first;
	while (entry && (strcmp(entry->word.name, feed->name) != 0 ||
			 !action_fits(entry->word.actions, feed->actions)))
		entry = entry->after;
	return entry;
}

static struct entry *add(struct ledger *ledger, const struct ledger_word *word,
			 enum entry_state state, int64_t now_ms)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->word = *word;
	entry->state = state;
	entry->since_ms = now_ms;
	size_t bucket = bucket_of(word->txn);
	entry->next_in_bucket = ledger->buckets[bucket];
	ledger->buckets[bucket] = entry;
	list_append(&ledger->lists[state], entry);
	ledger->count++;
	return entry;
}

static int tell(struct ledger *ledger, enum ledger_difference what, const struct ledger_word *own,
		const struct ledger_word *feed, unsigned parts)
{
	return ledger->settings.tell(ledger->settings.context, what, own, feed, parts);
}

static bool is_wanted(const struct ledger *ledger, unsigned actions)
{
	return ledger->settings.all || (actions & ACTION_LOCKS);
}

/* Which parts of two events differ, as bits. */
static unsigned differing(const struct ledger_word *own, const struct ledger_word *feed)
{
	unsigned parts = 0;
	for (unsigned i = 0; i < LEDGER_MARKS; i++)
		parts |= (unsigned)(own->marks[i] != feed->marks[i]) << i;
	return parts;
}

static int match(struct ledger *ledger, const struct ledger_word *own,
		 const struct ledger_word *feed)
{
	unsigned parts = own->has_marks && feed->has_marks ? differing(own, feed) : 0;
	bool fits = strcmp(own->name, feed->name) == 0 &&
		    (own->has_marks ? parts == 0 : action_fits(own->actions, feed->actions));
	ledger->agreed += fits;
	if (fits || !is_wanted(ledger, own->actions | feed->actions))
		return RESULT_OK;
	return tell(ledger, LEDGER_CHANGED, own, feed, parts);
}

static void note_match(struct ledger *ledger, uint64_t number)
{
	if (number < ledger->first_matched)
		ledger->first_matched = number;
}

/* Room for one more. */
static int make_room(struct ledger *ledger)
{
	if (ledger->count < LEDGER_MAX)
		return RESULT_OK;
	for (int state = SETTLED; state >= 0; state--) {
		struct entry *oldest = ledger->lists[state].first;
		if (!oldest)
			continue;
		int result = RESULT_OK;
		if (state == WAITS_FOR_OWN && is_wanted(ledger, oldest->word.actions))
			result = tell(ledger, LEDGER_NOT_OURS, NULL, &oldest->word, 0);
		forget(ledger, oldest);
		return result;
	}
	return RESULT_OK;
}

/* The other side of an entry came, maybe after it was told to be missing. */
static int complete(struct ledger *ledger, struct entry *entry, const struct ledger_word *own,
		    const struct ledger_word *feed, enum ledger_difference late)
{
	int result = RESULT_OK;
	entry->has_own = entry->has_feed = true;
	note_match(ledger, entry->number);
	settle(ledger, entry);
	if (entry->was_told)
		result = tell(ledger, late, own, feed, 0);
	return result == RESULT_OK ? match(ledger, own, feed) : result;
}

static int begin(struct ledger *ledger, const struct ledger_word *word, enum entry_state state,
		 int64_t now_ms)
{
	int result = make_room(ledger);
	struct entry *entry = result == RESULT_OK ? add(ledger, word, state, now_ms) : NULL;
	if (!entry)
		return result == RESULT_OK ? RESULT_NOMEM : result;
	entry->has_own = state == WAITS_FOR_FEED;
	entry->has_feed = state == WAITS_FOR_OWN;
	entry->number = ledger->own_count;
	return RESULT_OK;
}

int ledger_own(struct ledger *ledger, const struct ledger_word *word, int64_t now_ms)
{
	struct entry *entry = find(ledger, word->txn);
	ledger->own_count++;
	if (!entry)
		return begin(ledger, word, WAITS_FOR_FEED, now_ms);
	if (entry->has_own)
		return RESULT_OK;
	entry->number = ledger->own_count;
	const struct ledger_word feed = entry->word;
	return complete(ledger, entry, word, &feed, LEDGER_OURS_AFTER_ALL);
}

int ledger_feed(struct ledger *ledger, const struct ledger_word *word, int64_t now_ms)
{
	struct entry *entry = *word->txn ? find(ledger, word->txn) : find_alike(ledger, word);
	/* The end of something whose beginning was told before. */
	if (!entry && word->completes)
		return RESULT_OK;
	if (!entry)
		return begin(ledger, word, WAITS_FOR_OWN, now_ms);
	if (entry->has_feed)
		return RESULT_OK;
	const struct ledger_word own = entry->word;
	return complete(ledger, entry, &own, word, LEDGER_CAME_AFTER_ALL);
}

bool ledger_lost(struct ledger *ledger, const char *txn)
{
	struct entry *entry = find(ledger, txn);
	if (!entry || entry->state != WAITS_FOR_FEED)
		return false;
	settle(ledger, entry);
	return true;
}

static int judge_feed(struct ledger *ledger, int64_t until_ms)
{
	struct list *list = &ledger->lists[WAITS_FOR_OWN];
	int result = RESULT_OK;
	while (list->first && list->first->since_ms <= until_ms && result == RESULT_OK) {
		struct entry *entry = list->first;
		settle(ledger, entry);
		if (!is_wanted(ledger, entry->word.actions))
			continue;
		entry->was_told = true;
		result = tell(ledger, LEDGER_NOT_OURS, NULL, &entry->word, 0);
	}
	return result;
}

/* Was it sent when the feed that was read had not begun, or had ended already? */
static bool is_outside(const struct ledger *ledger, const struct entry *entry,
		       const struct ledger_state *state, bool is_end)
{
	if (ledger->settings.begins_within && ledger->first_matched != UINT64_MAX &&
	    entry->number < ledger->first_matched)
		return true;
	return is_end && entry->word.time_ms > 0 && state->feed_until_ms > 0 &&
	       entry->word.time_ms > state->feed_until_ms - ledger->settings.wait_ms;
}

static int judge_own(struct ledger *ledger, const struct ledger_state *state, int64_t until_ms,
		     bool is_end)
{
	struct list *list = &ledger->lists[WAITS_FOR_FEED];
	int result = RESULT_OK;
	while (list->first && list->first->since_ms <= until_ms && result == RESULT_OK) {
		struct entry *entry = list->first;
		settle(ledger, entry);
		if (!is_wanted(ledger, entry->word.actions) ||
		    is_outside(ledger, entry, state, is_end))
			continue;
		entry->was_told = true;
		result = tell(ledger, LEDGER_MISSING, &entry->word, NULL, 0);
	}
	return result;
}

int ledger_judge(struct ledger *ledger, const struct ledger_state *state)
{
	int64_t grace_ms = state->own_is_live ? LEDGER_GRACE_MS : LEDGER_BLIND_MS;
	int result = judge_feed(ledger, state->now_ms - grace_ms);
	if (result == RESULT_OK && state->feed_is_live)
		result = judge_own(ledger, state, state->now_ms - ledger->settings.wait_ms, false);
	return result;
}

int ledger_end(struct ledger *ledger, const struct ledger_state *state)
{
	int result = judge_feed(ledger, INT64_MAX);
	return result == RESULT_OK ? judge_own(ledger, state, INT64_MAX, true) : result;
}

uint64_t ledger_agreed(const struct ledger *ledger)
{
	return ledger->agreed;
}

void ledger_free(struct ledger **ledger)
{
	if (!*ledger)
		return;
	for (int state = 0; state < ENTRY_STATES; state++) {
		struct entry *after;
		for (struct entry *entry = (*ledger)->lists[state].first; entry; entry = after) {
			after = entry->after;
			free(entry);
		}
	}
	free(*ledger);
	*ledger = NULL;
}
