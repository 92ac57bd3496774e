/* batch_change.c - the event of a change, with all that is committed beside it */
#include "publisher/batch_maker.h"

#include "publisher/chain.h"
#include "publisher/idn.h"

#include <stdio.h>
#include <string.h>

/* Objects that have no name lie in no zone: they are published wherever the domains are that refer to them. A host that gets
 * a new name is news of both. */
static bool is_outside(const struct config *config, const struct change *change)
{
	return config->zones.count && change_object_has_name(change->object) &&
	       !config_zone_of(&config->zones, change->name.text) &&
	       !config_zone_of(&config->zones, change->new_name.text);
}

static void describe(const struct change *change, struct batch_item *item)
{
	if (change_object_has_name(change->object))
		item->name = change->name;
	else
		snprintf(item->name.text, sizeof item->name.text, "%s", change->handle.text);
	item->new_name = change->new_name;
	item->object = (uint8_t)change->object;
	item->verb = (uint8_t)change->verb;
	item->restore = change->restore != CHANGE_NO_RESTORE;
}

/* A name that is none: the record is consumed, and told of as what eppparse could not read is. */
static int add_bad_name(struct batch_maker *maker, const struct batch_source *source,
			const struct clock_reading *now, struct batch *batch)
{
	const struct change *change = &maker->change;
	int64_t seen_us = source->header.wall_us;
	struct spool_gap gap = batch_gap_of("value", 1, seen_us, seen_us);
	snprintf(gap.registrar, sizeof gap.registrar, "%s", change->registrar.text);
	snprintf(gap.txn, sizeof gap.txn, "%s", change->svtrid.text);
	int result = batch_add_gap_for(maker, &gap, source, now, batch);
	tally(&maker->tallies->invalid_names, result == RESULT_OK);
	return result;
}

static int add_outside(struct batch_maker *maker, const struct batch_source *source,
		       struct batch *batch)
{
	batch_begin_item(batch, BATCH_NOTHING, source);
	batch->count++;
	tally(&maker->tallies->outside_zones, 1);
	return RESULT_OK;
}

/* Is the object gone with it? */
static bool purges(const struct change *change)
{
	return change->verb == CHANGE_DELETE && change->outcome == CHANGE_COMPLETED;
}

/* Makes the item's event, and keeps what it needs. */
static int make_event(struct batch_maker *maker, const struct batch_source *source,
		      const struct batch_links *links, const struct clock_reading *now,
		      struct batch *batch, struct batch_item *item)
{
	struct event_made made;
	int result = chain_look_up(maker->chains, maker->store, maker->reading, item);
	if (result != RESULT_OK)
		return result;
	result = event_token_of_change(&maker->tokens, &maker->change,
				       links->completes ? links->completed : NULL,
				       item->chain.has_prev ? item->chain.prev : NULL, now, &made,
				       &batch->jobs[batch->count].jws);
	if (result == RESULT_OK)
		result = batch_keep(batch, &item->payload, source->payload, source->size);
	if (result == RESULT_OK)
		result = chain_add(maker->chains, item, made.id, purges(&maker->change));
	if (result == RESULT_OK) {
		result = batch_notes_settle(maker, made.id, batch, item);
		if (result != RESULT_OK)
			chain_take_back(maker->chains, item);
	}
	if (result == RESULT_OK)
		tally(&maker->tallies->truncated, made.truncated);
	return result;
}

static bool may_be_delayed(const struct batch_maker *maker, const struct batch_item *item)
{
	return maker->delays && item->object == CHANGE_DOMAIN && !item->is_end &&
	       (item->verb == CHANGE_CREATE || item->verb == CHANGE_DELETE);
}

static int add_event(struct batch_maker *maker, const struct batch_source *source,
		     const struct clock_reading *now, struct batch *batch)
{
	struct batch_item *item = batch_begin_item(batch, BATCH_CHANGE, source);
	struct batch_links links;
	int result = batch_notes_look_up(maker, source, item, &links);
	if (result != RESULT_OK)
		return result;
	describe(&maker->change, item);
	if (item->told) {
		item->kind = BATCH_NOTHING;
		batch->jobs[batch->count].is_signed = true;
	} else {
		result = make_event(maker, source, &links, now, batch, item);
	}
	if (result != RESULT_OK)
		return result;
	batch->delayed += !item->told && may_be_delayed(maker, item);
	batch->count++;
	return RESULT_OK;
}

int batch_add_change(struct batch_maker *maker, const struct batch_source *source,
		     const struct clock_reading *now, struct batch *batch)
{
	struct change *change = &maker->change;
	/* What it is about first: by its A-labels it is known to lie outside of our zones, and then the other
	 * names may be what they like. */
	int result = idn_to_ascii(&change->name);
	if (result == RESULT_OK)
		result = idn_to_ascii(&change->new_name);
	if (result == RESULT_OK && is_outside(maker->config, change))
		return add_outside(maker, source, batch);
	if (result == RESULT_OK)
		result = idn_change_to_ascii(change);
	if (result == RESULT_INVALID && !source->takes_back)
		return add_bad_name(maker, source, now, batch);
	return result == RESULT_OK ? add_event(maker, source, now, batch) : result;
}
