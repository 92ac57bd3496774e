/* batch_notes.c - what a change has to do with earlier ones
 *
 * What is found depends on the order of changes alone, never on which batch they are in: notes of the batches that are
 * not committed yet are in the ring, all others in the store.
 */
#include "publisher/batch_maker.h"

#include "publisher/crypto_gate.h"
#include "publisher/idn.h"

#include <string.h>

enum { BEFORE_MOST = 65536 }; /* bytes of a state that is noted */

/* What NOTE_PENDING and NOTE_TRANSFER say. */
struct note_pending {
	int64_t requested;
	uint8_t id[EVENT_ID_SIZE];
	uint8_t verb, restore, has_requested;
	char svtrid[CHANGE_TOKEN_SIZE];
	char registrar[CHANGE_TOKEN_SIZE]; /* who sent the command */
	uint8_t unused[3];
};

_Static_assert(sizeof(struct note_pending) == 160, "no padding in what is stored");

/* Keys: hashes of members, one behind the other, texts with their NULs. */

static void add_text(struct buffer *into, const char *text)
{
	buffer_append(into, text, strlen(text) + 1);
}

static void add_number(struct buffer *into, int64_t number)
{
	buffer_append(into, &number, sizeof number);
}

static void begin_key(struct batch_maker *maker)
{
	buffer_reset(&maker->scratch);
	buffer_append_byte(&maker->scratch, (uint8_t)maker->change.object);
	add_text(&maker->scratch, maker->change.name.text);
	add_text(&maker->scratch, maker->change.handle.text);
}

static int end_key(struct batch_maker *maker, enum note_kind kind, struct note_key *key)
{
	const struct buffer *text = &maker->scratch;
	key->kind = (uint8_t)kind;
	return text->failed ? RESULT_NOMEM : crypto_hash(text->data, text->size, key->hash);
}

/* By an svTRID, and what it is about: servers may give one twice. */
static int key_of_svtrid(struct batch_maker *maker, enum note_kind kind, const char *svtrid,
			 struct note_key *key)
{
	begin_key(maker);
	add_text(&maker->scratch, svtrid);
	return end_key(maker, kind, key);
}

static int key_of_transfer(struct batch_maker *maker, struct note_key *key)
{
	begin_key(maker);
	return end_key(maker, NOTE_TRANSFER, key);
}

static bool is_dated_transfer(const struct change *change)
{
	return change->verb == CHANGE_TRANSFER && change->transfer.has_requested &&
	       change->transfer.status != TRANSFER_NO_STATUS;
}

/* Both sides of a transfer hear of it, and one of them by the answer to its command: what they have in common says that
 * it is the same news. Any other message is the same if all of it is, but for who got it. */
static int key_of_news(struct batch_maker *maker, struct note_key *key)
{
	struct change *change = &maker->change;
	const struct change_transfer *transfer = &change->transfer;
	begin_key(maker);
	if (is_dated_transfer(change)) {
		add_number(&maker->scratch, transfer->status);
		add_number(&maker->scratch, transfer->requested);
		add_number(&maker->scratch, transfer->has_acted);
		add_number(&maker->scratch, transfer->acted);
	} else {
		struct change_registrar registrar = change->registrar;
		change->registrar.text[0] = '\0';
		change_encode(change, &maker->scratch);
		change->registrar = registrar;
	}
	return end_key(maker, NOTE_TOLD, key);
}

/* Finding. RESULT_INVALID: nothing is noted under the key. The value is good until the store's view ends. */
static int find(struct batch_maker *maker, const struct note_key *key, const void **value,
		size_t *size)
{
	int64_t feed_ms;
	if (note_ring_find(maker->ring, key, value, size))
		return *value ? RESULT_OK : RESULT_INVALID;
	return feed_txn_note(maker->reading, key, &feed_ms, value, size);
}

static struct batch_note *add_note(struct batch_item *item, const struct note_key *key, bool drops)
{
	struct batch_note *note = &item->notes[item->note_count++];
	*note = (struct batch_note){.key = *key, .drops = drops};
	return note;
}

/* The note that news was told is the item's first, for feed_books.c to find it. */
static int find_told(struct batch_maker *maker, struct batch_item *item)
{
	struct note_key key;
	const void *value;
	size_t size;
	item->once = maker->change.is_message;
	if (!item->once && !is_dated_transfer(&maker->change))
		return RESULT_OK;
	int result = key_of_news(maker, &key);
	if (result != RESULT_OK)
		return result;
	add_note(item, &key, false);
	result = item->once ? find(maker, &key, &value, &size) : RESULT_INVALID;
	item->told = result == RESULT_OK;
	return result == RESULT_INVALID ? RESULT_OK : result;
}

/* RESULT_INVALID: nothing is noted, or nothing that makes sense. */
static int find_pending(struct batch_maker *maker, const struct note_key *key,
			struct note_pending *pending)
{
	const void *value;
	size_t size;
	int result = find(maker, key, &value, &size);
	if (result != RESULT_OK)
		return result;
	if (size != sizeof *pending)
		return RESULT_INVALID;
	memcpy(pending, value, size);
	pending->svtrid[sizeof pending->svtrid - 1] = '\0';
	pending->registrar[sizeof pending->registrar - 1] = '\0';
	return pending->verb < CHANGE_VERBS && pending->restore < CHANGE_RESTORES ? RESULT_OK
										  : RESULT_INVALID;
}

static void complete(struct batch_item *item, struct batch_links *links, const struct note_key *key,
		     const struct note_pending *pending)
{
	links->completes = true;
	memcpy(links->completed, pending->id, sizeof links->completed);
	add_note(item, key, true);
}

/* The end of a pending command, which its message tells by its svTRID, and often without saying what it was. */
static int find_command(struct batch_maker *maker, struct batch_item *item,
			struct batch_links *links)
{
	struct change *change = &maker->change;
	struct note_pending pending;
	struct note_key key;
	if (!change->ends.text[0])
		return RESULT_INVALID;
	int result = key_of_svtrid(maker, NOTE_PENDING, change->ends.text, &key);
	if (result == RESULT_OK)
		result = find_pending(maker, &key, &pending);
	if (result != RESULT_OK)
		return result;
	complete(item, links, &key, &pending);
	change->verb = (enum change_verb)pending.verb;
	/* Whoever got the message: the command's sender is whose doing it is. */
	if (change_registrar_read(&change->registrar, pending.registrar,
				  strlen(pending.registrar)) != RESULT_OK)
		change->registrar.text[0] = '\0'; /* it is not to be told */
	if (change->restore == CHANGE_NO_RESTORE)
		change->restore = (enum change_restore)pending.restore;
	if (change->verb != CHANGE_TRANSFER)
		return RESULT_OK;
	result = key_of_transfer(maker, &key);
	if (result == RESULT_OK)
		add_note(item, &key, true);
	return result;
}

static bool begins_transfer(const struct change *change)
{
	const struct change_transfer *transfer = &change->transfer;
	bool pending =
		transfer->status == TRANSFER_PENDING ||
		(transfer->status == TRANSFER_NO_STATUS && change->outcome == CHANGE_PENDING);
	return change->verb == CHANGE_TRANSFER && transfer->op <= TRANSFER_REQUEST && pending;
}

/* Some registries answer without saying how the transfer stands; then the command's own outcome is all there is. */
static bool ends_transfer(const struct change *change)
{
	const struct change_transfer *transfer = &change->transfer;
	if (change->verb != CHANGE_TRANSFER)
		return false;
	if (transfer->status == TRANSFER_NO_STATUS)
		return transfer->op > TRANSFER_REQUEST && change->outcome == CHANGE_COMPLETED;
	return transfer->status != TRANSFER_PENDING;
}

/* The end of a pending transfer, whoever tells it. */
static int find_transfer(struct batch_maker *maker, struct batch_item *item,
			 struct batch_links *links)
{
	const struct change_transfer *transfer = &maker->change.transfer;
	struct note_pending pending;
	struct note_key key;
	if (!ends_transfer(&maker->change))
		return RESULT_INVALID;
	int result = key_of_transfer(maker, &key);
	if (result == RESULT_OK)
		result = find_pending(maker, &key, &pending);
	if (result != RESULT_OK)
		return result;
	if (transfer->has_requested && pending.has_requested &&
	    transfer->requested != pending.requested)
		return RESULT_INVALID;
	complete(item, links, &key, &pending);
	if (!pending.svtrid[0])
		return RESULT_OK;
	result = key_of_svtrid(maker, NOTE_PENDING, pending.svtrid, &key);
	if (result == RESULT_OK)
		add_note(item, &key, true);
	return result;
}

static int find_end(struct batch_maker *maker, struct batch_item *item, struct batch_links *links)
{
	item->is_end = maker->change.outcome == CHANGE_REJECTED;
	if (maker->change.outcome == CHANGE_PENDING || begins_transfer(&maker->change))
		return RESULT_OK; /* it is a beginning */
	int result = find_command(maker, item, links);
	if (result == RESULT_INVALID)
		result = find_transfer(maker, item, links);
	item->is_end |= links->completes;
	return result == RESULT_INVALID ? RESULT_OK : result;
}

/* Adds what differs between `bytes`, a noted state, and the state after the change. */
static int compare(struct batch_maker *maker, const void *bytes, size_t size)
{
	int result = change_decode(&maker->earlier, bytes, size);
	if (result == RESULT_OK)
		result = idn_change_to_ascii(&maker->earlier);
	if (result == RESULT_OK)
		result = change_add_difference(&maker->earlier, &maker->change);
	/* What can't be compared is told without. */
	return result == RESULT_NOMEM ? RESULT_NOMEM : RESULT_OK;
}

/* The registry tells of one change twice, by what the object was like and by what it is like. */
static int find_before(struct batch_maker *maker, struct batch_item *item)
{
	const struct change *change = &maker->change;
	struct note_key key;
	const void *value;
	size_t size;
	if (change->state_at != STATE_AFTER || !change->svtrid.text[0])
		return RESULT_OK;
	int result = key_of_svtrid(maker, NOTE_BEFORE, change->svtrid.text, &key);
	if (result == RESULT_OK)
		result = find(maker, &key, &value, &size);
	if (result == RESULT_INVALID)
		return RESULT_OK;
	if (result == RESULT_OK)
		result = compare(maker, value, size);
	if (result == RESULT_OK)
		add_note(item, &key, true);
	return result;
}

/* Noting. */

static int note_by_svtrid(struct batch_maker *maker, enum note_kind kind, struct batch_item *item)
{
	struct note_key key;
	if (!maker->change.svtrid.text[0])
		return RESULT_OK;
	int result = key_of_svtrid(maker, kind, maker->change.svtrid.text, &key);
	if (result == RESULT_OK)
		add_note(item, &key, false);
	return result;
}

static int note_transfer(struct batch_maker *maker, struct batch_item *item)
{
	struct note_key key;
	int result = key_of_transfer(maker, &key);
	if (result == RESULT_OK)
		add_note(item, &key, false);
	return result;
}

static int note(struct batch_maker *maker, const struct batch_source *source,
		struct batch_item *item)
{
	const struct change *change = &maker->change;
	int result = RESULT_OK;
	if (change->outcome == CHANGE_PENDING)
		result = note_by_svtrid(maker, NOTE_PENDING, item);
	if (result == RESULT_OK && begins_transfer(change))
		result = note_transfer(maker, item);
	if (result == RESULT_OK && change->state_at == STATE_BEFORE && source->size <= BEFORE_MOST)
		result = note_by_svtrid(maker, NOTE_BEFORE, item);
	return result;
}

static bool concerns(const struct change *change)
{
	return change->is_message || change->verb == CHANGE_TRANSFER || change->ends.text[0] ||
	       change->outcome == CHANGE_PENDING || change->outcome == CHANGE_REJECTED ||
	       change->state_at != STATE_NONE;
}

static int look_up(struct batch_maker *maker, const struct batch_source *source,
		   struct batch_item *item, struct batch_links *links)
{
	int result = find_told(maker, item);
	if (result != RESULT_OK || item->told)
		return result;
	result = find_end(maker, item, links);
	if (result == RESULT_OK)
		result = find_before(maker, item);
	if (result == RESULT_OK)
		result = note(maker, source, item);
	return result;
}

int batch_notes_look_up(struct batch_maker *maker, const struct batch_source *source,
			struct batch_item *item, struct batch_links *links)
{
	struct feed_txn own;
	*links = (struct batch_links){0};
	if (!concerns(&maker->change))
		return RESULT_OK;
	if (maker->reading) /* a thread can have one view of the store */
		return look_up(maker, source, item, links);
	int result = batch_begin_reading(maker, &own);
	if (result == RESULT_OK)
		result = look_up(maker, source, item, links);
	batch_end_reading(maker);
	return result;
}

static int fill_in(const struct change *change, const uint8_t id[EVENT_ID_SIZE],
		   struct batch *batch, const struct batch_item *item, struct batch_note *noted)
{
	struct note_pending pending = {
		.requested = change->transfer.requested,
		.verb = (uint8_t)change->verb,
		.restore = (uint8_t)change->restore,
		.has_requested = change->transfer.has_requested,
	};
	if (noted->key.kind == NOTE_BEFORE)
		noted->value = item->payload;
	if (noted->drops || (noted->key.kind != NOTE_PENDING && noted->key.kind != NOTE_TRANSFER))
		return RESULT_OK;
	memcpy(pending.id, id, sizeof pending.id);
	if (change->outcome == CHANGE_PENDING)
		memcpy(pending.svtrid, change->svtrid.text, sizeof pending.svtrid);
	memcpy(pending.registrar, change->registrar.text, sizeof pending.registrar);
	return batch_keep(batch, &noted->value, &pending, sizeof pending);
}

/* What is noted first: to remember that something is not, needs no memory. */
int batch_notes_settle(struct batch_maker *maker, const uint8_t id[EVENT_ID_SIZE],
		       struct batch *batch, struct batch_item *item)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < item->note_count && result == RESULT_OK; i++) {
		struct batch_note *noted = &item->notes[i];
		result = fill_in(&maker->change, id, batch, item, noted);
		if (result == RESULT_OK && !noted->drops)
			result =
				note_ring_put(maker->ring, &noted->key,
					      batch_bytes(batch, &noted->value), noted->value.size);
	}
	if (result != RESULT_OK)
		batch_notes_take_back(maker, item);
	for (size_t i = 0; i < item->note_count; i++)
		if (item->notes[i].drops)
			note_ring_drop(maker->ring, &item->notes[i].key);
	return result;
}

void batch_notes_take_back(struct batch_maker *maker, struct batch_item *item)
{
	for (size_t i = 0; i < item->note_count; i++)
		if (!item->notes[i].drops)
			note_ring_drop(maker->ring, &item->notes[i].key);
	item->note_count = 0;
}
