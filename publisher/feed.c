#include "publisher/feed.h"

#include "base/name.h"
#include "eppparse/change.h"
#include "publisher/feed_books.h"
#include "publisher/hold.h"
#include "publisher/tiles.h"

#include <stdlib.h>
#include <string.h>

enum {
	PRUNE_MOST = 1024,    /* places that one commit lets go of: more than it adds */
	PRUNE_FULL_MOST = 32, /* and while the store is full: what its reserve is enough for */
};

/* What one commit releases in a channel: of names as many as a batch may add, and of events more than a batch has, so
 * that neither gets the better of it. */
static const struct hold_pace release_pace = {.names = BATCH_DELAYED_MAX, .events = 2 * BATCH_MAX};

/* A place that was given and is to be sent. */
struct sending {
	size_t channel;
	uint64_t index, number;
	size_t item; /* of the batch; NO_ITEM: an older event, in the store */
};

enum { NO_ITEM = SIZE_MAX };

_Static_assert(CONFIG_MAX_CHANNELS <= 64, "a bit for each channel");

struct feed {
	const struct config *config;
	struct feed_store *store;
	struct outlet **outlets;
	struct tallies *tallies;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	struct feed_clock clock; /* as last committed */
	int64_t next_due_ms;     /* on the feed's time line, as last committed */
	struct channel_record *records;
	uint64_t *committed_events; /* by channel */
	struct hold_released released;
	struct sending *sendings;
	size_t sending_count, sending_capacity;
	uint64_t added, unwanted, repeats;               /* of this batch */
	uint8_t forgettable[BATCH_MARKS][SPOOL_ID_SIZE]; /* segments whose files are gone */
	size_t forgettable_count;
};

static int load_channels(struct feed *feed, struct feed_txn *txn)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < feed->config->channel_count && result == RESULT_OK; i++)
		result = feed_txn_channel(txn, feed->config->channels[i].name, true,
					  &feed->records[i]);
	return result;
}

static int save_channels(struct feed *feed, struct feed_txn *txn)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < feed->config->channel_count && result == RESULT_OK; i++)
		result = feed_txn_set_channel(txn, feed->config->channels[i].name,
					      &feed->records[i]);
	return result;
}

/* The earliest time at which some channel has something to release, and how much waits in all. */
static int find_next_due(struct feed *feed, struct feed_txn *txn, int64_t *next_ms, uint64_t *held)
{
	int result = RESULT_OK;
	*next_ms = INT64_MAX;
	*held = 0;
	for (size_t i = 0; i < feed->config->channel_count && result == RESULT_OK; i++) {
		int64_t due_ms;
		result = hold_next_due(txn, &feed->records[i], &due_ms);
		if (result == RESULT_OK && due_ms < *next_ms)
			*next_ms = due_ms;
		*held += feed->records[i].held;
	}
	return result;
}

static void note_events(struct feed *feed)
{
	for (size_t i = 0; i < feed->config->channel_count; i++)
		feed->committed_events[i] = feed->records[i].next_index;
}

static int look_up_state(struct feed *feed)
{
	struct feed_txn txn;
	uint64_t held = 0;
	int result = feed_txn_begin(feed->store, false, &txn);
	if (result != RESULT_OK)
		return result;
	result = feed_txn_clock(&txn, &feed->clock);
	if (result == RESULT_OK)
		result = load_channels(feed, &txn);
	if (result == RESULT_OK)
		result = find_next_due(feed, &txn, &feed->next_due_ms, &held);
	if (result == RESULT_OK)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	if (result == RESULT_OK)
		note_events(feed);
	atomic_store(&feed->tallies->held, held);
	return result;
}

int feed_new(const struct config *config, struct feed_store *store, struct outlet **outlets,
	     struct tallies *tallies, struct feed **out)
{
	struct feed *feed = calloc(1, sizeof *feed);
	*out = NULL;
	if (!feed)
		return RESULT_NOMEM;
	feed->config = config;
	feed->store = store;
	feed->outlets = outlets;
	feed->tallies = tallies;
	clock_boot_id(feed->boot_id);
	feed->records = calloc(config->channel_count, sizeof *feed->records);
	feed->committed_events = calloc(config->channel_count, sizeof *feed->committed_events);
	int result = feed->records && feed->committed_events ? look_up_state(feed) : RESULT_NOMEM;
	if (result != RESULT_OK)
		feed_free(&feed);
	*out = feed;
	return result;
}

void feed_free(struct feed **feed)
{
	if (!*feed)
		return;
	hold_released_free(&(*feed)->released);
	free((*feed)->sendings);
	free((*feed)->records);
	free((*feed)->committed_events);
	free(*feed);
	*feed = NULL;
}

/* Gives the event the channel's next place, and remembers to send it. */
static int place(struct feed *feed, struct feed_txn *txn, size_t channel, uint64_t number,
		 size_t item)
{
	if (feed->sending_count == feed->sending_capacity) {
		size_t capacity = feed->sending_capacity ? feed->sending_capacity * 2 : BATCH_MAX;
		struct sending *moved = realloc(feed->sendings, capacity * sizeof *moved);
		if (!moved)
			return RESULT_NOMEM;
		feed->sendings = moved;
		feed->sending_capacity = capacity;
	}
	feed->sendings[feed->sending_count++] =
		(struct sending){channel, feed->records[channel].next_index, number, item};
	return feed_txn_place(txn, &feed->records[channel], number);
}

/* Places what hold.c released, and empties its list. */
static int place_released(struct feed *feed, struct feed_txn *txn, size_t channel)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < feed->released.count && result == RESULT_OK; i++)
		result = place(feed, txn, channel, feed->released.numbers[i], NO_ITEM);
	feed->released.count = 0;
	return result;
}

static int release_due(struct feed *feed, struct feed_txn *txn, int64_t now_ms)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < feed->config->channel_count && result == RESULT_OK; i++) {
		result = hold_release_due(txn, &feed->records[i], now_ms, &release_pace,
					  &feed->released);
		if (result == RESULT_OK)
			result = place_released(feed, txn, i);
	}
	return result;
}

/* The kinds that let it in: a restore is an update, too. */
static unsigned kinds_of(const struct batch_item *item)
{
	switch (item->verb) {
	case CHANGE_CREATE:
		return CONFIG_KIND_CREATE;
	case CHANGE_DELETE:
		return CONFIG_KIND_DELETE;
	case CHANGE_RENEW:
		return CONFIG_KIND_RENEW;
	case CHANGE_TRANSFER:
		return CONFIG_KIND_TRANSFER;
	default:
		return CONFIG_KIND_UPDATE | (item->restore ? CONFIG_KIND_RESTORE : 0);
	}
}

/* Is the channel about this event's zone and kind? What has no name lies in all zones, a host that gets a new name in
 * those of both. */
static bool wants(const struct config_channel *channel, const struct batch_item *item)
{
	if (!(channel->kinds & kinds_of(item)))
		return false;
	return channel->zones.count == 0 || item->object > CHANGE_HOST ||
	       config_zone_of(&channel->zones, item->name.text) ||
	       config_zone_of(&channel->zones, item->new_name.text);
}

/* The delays for a name: those of the longest zone that has its own, else the channel's. */
static struct hold_delays delays_for(const struct config_channel *channel, const char *name)
{
	const struct config_delay *found = &channel->delay;
	size_t longest = 0;
	for (size_t i = 0; i < channel->zone_delay_count; i++) {
		const char *zone = channel->zone_delays[i].zone;
		if (strlen(zone) > longest && name_is_in(name, zone)) {
			found = &channel->zone_delays[i];
			longest = strlen(zone);
		}
	}
	return (struct hold_delays){found->create_ms, found->delete_ms};
}

static int place_in_channel(struct feed *feed, struct feed_txn *txn, size_t channel,
			    const struct feed_event *event, uint64_t number, size_t item,
			    int64_t now_ms)
{
	struct hold_delays delays = delays_for(&feed->config->channels[channel], event->name);
	bool waits = false;
	int result = hold_judge(txn, &feed->records[channel], &delays, event, number, now_ms,
				&feed->released, &waits);
	if (result == RESULT_OK)
		result = place_released(feed, txn, channel);
	if (result == RESULT_OK && !waits)
		result = place(feed, txn, channel, number, item);
	return result;
}

/* The channels that the event is for, a bit each. What is of the tap's own is for all. */
static uint64_t channels_of(const struct feed *feed, const struct batch_item *item)
{
	uint64_t wanted = 0;
	for (size_t c = 0; c < feed->config->channel_count; c++)
		if (item->kind == BATCH_OWN || wants(&feed->config->channels[c], item))
			wanted |= UINT64_C(1) << c;
	return wanted;
}

static int add_event(struct feed *feed, struct feed_txn *txn, const struct batch *batch, size_t i,
		     int64_t now_ms)
{
	const struct batch_item *item = &batch->items[i];
	const struct sign_job *job = &batch->jobs[i];
	bool own = item->kind == BATCH_OWN;
	const struct feed_event event = {.object = own ? FEED_OWN_EVENT : item->object,
					 .verb = item->verb,
					 .feed_ms = now_ms,
					 .name = item->name.text,
					 .new_name = item->new_name.text,
					 .jws = job->jws.data,
					 .jws_size = job->jws.size,
					 .is_end = item->is_end};
	uint64_t number, wanted = channels_of(feed, item);
	if (wanted == 0) {
		feed->unwanted++;
		return RESULT_OK;
	}
	int result =
		feed_txn_add_event(txn, &event, (uint32_t)__builtin_popcountll(wanted), &number);
	feed->added++;
	for (size_t c = 0; c < feed->config->channel_count && result == RESULT_OK; c++) {
		if (!(wanted >> c & 1))
			continue;
		result = own ? place(feed, txn, c, number, i)
			     : place_in_channel(feed, txn, c, &event, number, i, now_ms);
	}
	return result;
}

static int add_item(struct feed *feed, struct feed_txn *txn, const struct batch *batch, size_t i,
		    int64_t now_ms)
{
	const struct batch_item *item = &batch->items[i];
	bool told;
	int result = feed_books_keep(txn, batch, item, now_ms, feed->config->retention_ms, &told);
	feed->repeats += told;
	bool is_event = (item->kind == BATCH_CHANGE || item->kind == BATCH_OWN) && !told;
	return result == RESULT_OK && is_event ? add_event(feed, txn, batch, i, now_ms) : result;
}

static int record_consumption(struct feed *feed, struct feed_txn *txn, const struct batch *batch)
{
	int result = RESULT_OK;
	for (size_t i = 0; i < feed->forgettable_count && result == RESULT_OK; i++)
		result = feed_txn_forget_segment(txn, feed->forgettable[i]);
	for (size_t i = 0; batch && i < batch->mark_count && result == RESULT_OK; i++)
		result = feed_txn_set_mark(txn, batch->marks[i].segment.id, &batch->marks[i].mark);
	if (batch && batch->mark_count && result == RESULT_OK)
		result = feed_txn_set_order(txn, &batch->order);
	return result;
}

/* Where the channel's places end that may go: its log reads again what stands in its last bundle, and what it lacks. */
static int find_needed(struct feed *feed, struct feed_txn *txn, size_t channel, uint64_t *end)
{
	struct log_record log;
	*end = UINT64_MAX;
	if (!feed->config->key_log)
		return RESULT_OK;
	int result = feed_txn_log(txn, feed->config->channels[channel].name, &log, NULL, NULL);
	*end = result == RESULT_OK ? log.size - log.size % TILES_WIDTH : 0;
	return result == RESULT_INVALID ? RESULT_OK : result;
}

static int prune_channel(struct feed *feed, struct feed_txn *txn, size_t channel, int64_t before_ms,
			 unsigned most)
{
	uint64_t end;
	int result = find_needed(feed, txn, channel, &end);
	return result == RESULT_OK
		       ? feed_txn_prune(txn, &feed->records[channel], before_ms, end, most)
		       : result;
}

/* Age is counted on the feed's time line: a wall clock that steps must not empty the store. */
static int prune(struct feed *feed, struct feed_txn *txn, int64_t now_ms, unsigned most)
{
	int64_t before_ms = now_ms - feed->config->retention_ms;
	int result = RESULT_OK;
	for (size_t i = 0; i < feed->config->channel_count && result == RESULT_OK; i++)
		result = prune_channel(feed, txn, i, before_ms, most);
	/* An event may have made several. */
	if (result == RESULT_OK)
		result = feed_txn_prune_notes(txn, before_ms, 2 * most);
	return result;
}

/* All that one commit changes. */
static int fill_txn(struct feed *feed, struct feed_txn *txn, const struct batch *batch,
		    const struct clock_reading *now, struct feed_clock *clock, int64_t *next_ms,
		    uint64_t *held)
{
	int64_t now_ms = feed_clock_advance(clock, now, feed->boot_id);
	int result = load_channels(feed, txn);
	if (result == RESULT_OK)
		result = release_due(feed, txn, now_ms);
	for (size_t i = 0; batch && i < batch->count && result == RESULT_OK; i++)
		result = add_item(feed, txn, batch, i, now_ms);
	if (result == RESULT_OK)
		result = record_consumption(feed, txn, batch);
	if (result == RESULT_OK)
		result = prune(feed, txn, now_ms, PRUNE_MOST);
	if (result == RESULT_OK)
		result = save_channels(feed, txn);
	if (result == RESULT_OK)
		result = feed_txn_set_clock(txn, clock);
	if (result == RESULT_OK)
		result = find_next_due(feed, txn, next_ms, held);
	return result;
}

/* A full store takes no batch, and so no prune with it: lets go of what is old by itself. */
static void make_room(struct feed *feed, const struct clock_reading *now)
{
	struct feed_clock clock = feed->clock;
	struct feed_txn txn;
	int64_t now_ms = feed_clock_advance(&clock, now, feed->boot_id);
	int result = feed_store_open_reserve(feed->store, true);
	if (result != RESULT_OK)
		return;
	result = feed_txn_begin(feed->store, false, &txn);
	if (result == RESULT_OK)
		result = load_channels(feed, &txn);
	if (result == RESULT_OK)
		result = prune(feed, &txn, now_ms, PRUNE_FULL_MOST);
	if (result == RESULT_OK)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	if (feed_store_open_reserve(feed->store, false) != RESULT_OK || result != RESULT_OK)
		tally(&feed->tallies->store_failures, 1);
}

/* What it goes out under. */
static int topic_of(const struct feed_event *event, char topic[FEED_TOPIC_SIZE])
{
	if (change_object_has_name((enum change_object)event->object))
		return feed_topic(event->name, topic);
	return feed_handle_topic(change_object_name((enum change_object)event->object), event->name,
				 topic);
}

static void send_event(struct feed *feed, const struct sending *sending,
		       const struct feed_event *event)
{
	struct outlet *outlet = feed->outlets[sending->channel];
	char topic[FEED_TOPIC_SIZE];
	if (!*event->name)
		outlet_send(outlet, FEED_EVENT_TOPIC, sending->index, event->jws, event->jws_size);
	else if (topic_of(event, topic) == RESULT_OK)
		outlet_send(outlet, topic, sending->index, event->jws, event->jws_size);
	/* A host that gets a new name goes out under both. */
	if (*event->new_name && feed_topic(event->new_name, topic) == RESULT_OK)
		outlet_send(outlet, topic, sending->index, event->jws, event->jws_size);
}

/* Sends what was placed. Events from before this batch are read from the store, as committed. */
static void send_all(struct feed *feed, const struct batch *batch)
{
	struct feed_txn txn = {0};
	for (size_t i = 0; i < feed->sending_count; i++) {
		const struct sending *sending = &feed->sendings[i];
		struct feed_event event;
		if (sending->item != NO_ITEM) {
			const struct batch_item *item = &batch->items[sending->item];
			event = (struct feed_event){.object = item->object,
						    .name = item->name.text,
						    .new_name = item->new_name.text,
						    .jws = batch->jobs[sending->item].jws.data,
						    .jws_size =
							    batch->jobs[sending->item].jws.size};
		} else {
			if (!txn.mdb && feed_txn_begin(feed->store, true, &txn) != RESULT_OK)
				break; /* they are in the store; the live socket misses them */
			if (feed_txn_event(&txn, sending->number, &event) != RESULT_OK)
				continue;
		}
		send_event(feed, sending, &event);
	}
	feed_txn_abort(&txn);
}

int feed_commit(struct feed *feed, const struct batch *batch, const struct clock_reading *now)
{
	struct feed_clock clock = feed->clock;
	struct feed_txn txn;
	int64_t next_ms = INT64_MAX;
	uint64_t held = 0;
	feed->sending_count = feed->released.count = 0;
	feed->added = feed->unwanted = feed->repeats = 0;
	int result = feed_txn_begin(feed->store, false, &txn);
	if (result == RESULT_OK)
		result = fill_txn(feed, &txn, batch, now, &clock, &next_ms, &held);
	if (result == RESULT_OK)
		result = feed_txn_commit(&txn);
	feed_txn_abort(&txn);
	if (result == RESULT_FULL)
		make_room(feed, now);
	if (result != RESULT_OK)
		return result == RESULT_INVALID ? RESULT_STORE : result;
	feed->clock = clock;
	feed->next_due_ms = next_ms;
	feed->forgettable_count = 0;
	note_events(feed);
	send_all(feed, batch);
	tally(&feed->tallies->published, feed->added);
	tally(&feed->tallies->unwanted, feed->unwanted);
	tally(&feed->tallies->repeats, feed->repeats);
	tally(&feed->tallies->placed, feed->sending_count);
	atomic_store(&feed->tallies->held, held);
	return RESULT_OK;
}

void feed_forget_segment(struct feed *feed, const uint8_t id[SPOOL_ID_SIZE])
{
	if (feed->forgettable_count == BATCH_MARKS)
		return;
	memcpy(feed->forgettable[feed->forgettable_count++], id, SPOOL_ID_SIZE);
}

uint64_t feed_channel_events(const struct feed *feed, size_t channel)
{
	return feed->committed_events[channel];
}

bool feed_is_due(const struct feed *feed, const struct clock_reading *now)
{
	struct feed_clock clock = feed->clock;
	if (feed->next_due_ms == INT64_MAX)
		return false;
	if (feed_clock_has_stepped(&clock, now, feed->boot_id))
		return true;
	return feed_clock_advance(&clock, now, feed->boot_id) >= feed->next_due_ms;
}
