#include "plugin/gather.h"

#include "eppparse/eppparse.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gather {
	const struct config *config;
	struct registrars *registrars;
	struct spool_writer *spool;
	struct counters *counters;
	struct eppparse *parse;
	struct change change;
	struct buffer record;
	uint64_t waiting; /* changes in the spool's batch */
};

int gather_new(struct registrars *registrars, struct spool_writer *spool, struct counters *counters,
	       struct gather **out)
{
	struct gather *gather = calloc(1, sizeof *gather);
	*out = NULL;
	if (!gather)
		return RESULT_NOMEM;
	gather->registrars = registrars;
	gather->spool = spool;
	gather->counters = counters;
	change_init(&gather->change);
	buffer_init(&gather->record, SPOOL_RECORD_MAX);
	int result = eppparse_new(&gather->parse);
	if (result != RESULT_OK)
		gather_free(&gather);
	*out = gather;
	return result;
}

void gather_free(struct gather **gather)
{
	if (!*gather)
		return;
	eppparse_free(&(*gather)->parse);
	change_free(&(*gather)->change);
	buffer_free(&(*gather)->record);
	free(*gather);
	*gather = NULL;
}

void gather_use(struct gather *gather, const struct config *config)
{
	gather->config = config;
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* What the config says a login is published as; NULL if it doesn't name it. */
static const char *configured_name(const struct config *config, const char *login)
{
	for (size_t i = 0; i < config->registrars.count; i++)
		if (strcmp(config->registrars.items[i].from, login) == 0)
			return config->registrars.items[i].to;
	return NULL;
}

/* What a login is published as; empty if it is not. False: it is left out because it is no token, or may be a person's
 * address, which change_token_read() refuses. */
static bool publish_login(const struct config *config, const char *login,
			  struct change_registrar *registrar)
{
	struct change_token token;
	registrar->text[0] = '\0';
	if (!*login)
		return true;
	const char *name = configured_name(config, login);
	if (name && strcmp(name, "hide") == 0)
		return true;
	if (!name && change_token_read(&token, login, strlen(login)) != RESULT_OK)
		return false;
	if (!name)
		name = login;
	return change_registrar_read(registrar, name, strlen(name)) == RESULT_OK;
}

/* What a gap says. */
struct loss_story {
	const char *reason;
	const struct change_registrar *registrar;
	const char *txn;
	uint64_t count;
	int64_t from_us, to_us;
};

/* False: there was no room for it. */
static bool put_gap(struct gather *gather, int64_t monotonic_us, int64_t wall_us,
		    const struct loss_story *story)
{
	const struct spool_note note = {
		.kind = SPOOL_GAP, .monotonic_us = monotonic_us, .wall_us = wall_us};
	struct spool_gap gap = {
		.count = story->count, .from_us = story->from_us, .to_us = story->to_us};
	snprintf(gap.reason, sizeof gap.reason, "%s", story->reason);
	snprintf(gap.registrar, sizeof gap.registrar, "%s", story->registrar->text);
	snprintf(gap.txn, sizeof gap.txn, "%s", story->txn);
	return spool_writer_append(gather->spool, &note, &gap, sizeof gap) == RESULT_OK;
}

/* Tells that what gather->change would have been is lost. */
static void tell_lost(struct gather *gather, const struct queue_entry *entry, const char *reason)
{
	const struct loss_story story = {.reason = reason,
					 .registrar = &gather->change.registrar,
					 .txn = gather->change.svtrid.text,
					 .count = 1,
					 .from_us = entry->wall_us,
					 .to_us = entry->wall_us};
	/* Without room even for that, it is told later, among others. */
	if (!put_gap(gather, entry->monotonic_us, entry->wall_us, &story))
		registrars_lose(gather->registrars, entry->owner, LOSS_RECORD_LIMIT,
				entry->wall_us);
}

static void put_change(struct gather *gather, const struct queue_entry *entry)
{
	struct change *change = &gather->change;
	const struct spool_note note = {.kind = SPOOL_CHANGE,
					.monotonic_us = entry->monotonic_us,
					.wall_us = entry->wall_us};
	atomic_fetch_add_explicit(&gather->counters->statuses_unknown,
				  change->add.status_others + change->remove.status_others,
				  memory_order_relaxed);
	buffer_reset(&gather->record);
	change_encode(change, &gather->record);
	if (!gather->record.failed && spool_writer_append(gather->spool, &note, gather->record.data,
							  gather->record.size) == RESULT_OK) {
		gather->waiting++;
		return;
	}
	count(&gather->counters->lost[LOSS_RECORD_LIMIT]);
	tell_lost(gather, entry, loss_word(LOSS_RECORD_LIMIT));
}

void gather_entry(struct gather *gather, const struct queue_entry *entry)
{
	enum eppparse_result found =
		eppparse_pair(gather->parse, entry->command, entry->command_size, entry->response,
			      entry->response_size, &gather->change);
	count(&gather->counters->read[found]);
	if (found == EPPPARSE_NOTHING)
		return;
	if (!publish_login(gather->config, entry->registrar, &gather->change.registrar))
		count(&gather->counters->registrars_left_out);
	if (found == EPPPARSE_CHANGE)
		put_change(gather, entry);
	else
		tell_lost(gather, entry, eppparse_reason(found));
}

bool gather_losses(struct gather *gather, const struct clock_reading *stamp, int64_t now_us)
{
	struct registrar_losses losses;
	size_t place = 0;
	while (registrars_next_losses(gather->registrars, &place, now_us, &losses)) {
		struct change_registrar registrar;
		publish_login(gather->config, losses.login, &registrar);
		const struct loss_story story = {.reason = loss_word(losses.reason),
						 .registrar = &registrar,
						 .txn = "",
						 .count = losses.count,
						 .from_us = losses.from_us,
						 .to_us = losses.to_us};
		if (!put_gap(gather, stamp->monotonic_us, stamp->wall_us, &story))
			return false;
		registrars_told(gather->registrars, &losses, now_us);
	}
	return true;
}

bool gather_closed(struct gather *gather, const struct clock_reading *stamp, uint64_t lost,
		   int64_t from_us, int64_t to_us)
{
	static const struct change_registrar several = {""};
	const struct loss_story story = {.reason = loss_word(LOSS_CLOSED),
					 .registrar = &several,
					 .txn = "",
					 .count = lost,
					 .from_us = from_us,
					 .to_us = to_us};
	return put_gap(gather, stamp->monotonic_us, stamp->wall_us, &story);
}

uint64_t gather_waiting(const struct gather *gather)
{
	return gather->waiting;
}

void gather_durable(struct gather *gather)
{
	atomic_fetch_add_explicit(&gather->counters->spooled, gather->waiting,
				  memory_order_relaxed);
	gather->waiting = 0;
}
