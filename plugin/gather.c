#include "plugin/gather.h"

#include "eppparse/eppparse.h"
#include "eppparse/scan.h"
#include "plugin/logins.h"
#include "plugin/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gather {
	const struct config *config;
	struct gather_parts parts;
	struct eppparse *parse;
	struct change change; /* that is being read */
	struct buffer record;
	struct sessions sessions;
	uint64_t waiting; /* changes in the spool's batch */
	uint64_t kept;    /* bytes of what is known of commands whose responses are awaited */
};

int gather_new(const struct gather_parts *parts, struct gather **out)
{
	struct gather *gather = calloc(1, sizeof *gather);
	*out = NULL;
	if (!gather)
		return RESULT_NOMEM;
	gather->parts = *parts;
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

void gather_rest(struct gather *gather)
{
	eppparse_rest(gather->parse);
}

void gather_use(struct gather *gather, const struct config *config)
{
	gather->config = config;
	eppparse_use(gather->parse, &config->namespaces, &config->verbs);
}

static struct clock_reading stamp_of(const struct queue_entry *entry)
{
	return (struct clock_reading){.wall_us = entry->wall_us,
				      .monotonic_us = entry->monotonic_us};
}

/* False: there was no room for it. */
static bool put_record(struct gather *gather, enum spool_kind kind, uint64_t ticket,
		       const struct clock_reading *stamp, const void *payload, size_t size)
{
	const struct spool_note note = {.kind = kind,
					.ticket = ticket,
					.monotonic_us = stamp->monotonic_us,
					.wall_us = stamp->wall_us};
	return spool_writer_append(gather->parts.spool, &note, payload, size) == RESULT_OK;
}

static bool put_gap(struct gather *gather, const struct clock_reading *stamp,
		    const struct registrar_losses *losses, const char *reason,
		    const struct change_registrar *registrar, const struct change_token *txn)
{
	struct spool_gap gap = {
		.count = losses->count, .from_us = losses->from_us, .to_us = losses->to_us};
	snprintf(gap.reason, sizeof gap.reason, "%s", reason);
	snprintf(gap.registrar, sizeof gap.registrar, "%s", registrar->text);
	snprintf(gap.txn, sizeof gap.txn, "%s", txn->text);
	return put_record(gather, SPOOL_GAP, 0, stamp, &gap, sizeof gap);
}

/* Tells that what gather->change would have been was lost at at_us. Without room even for that, it is told later, among
 * other losses of the registrar `owner`. */
static void tell_lost_at(struct gather *gather, const struct clock_reading *stamp, int64_t at_us,
			 unsigned owner, const char *reason)
{
	const struct registrar_losses one = {.count = 1, .from_us = at_us, .to_us = at_us};
	if (!put_gap(gather, stamp, &one, reason, &gather->change.registrar,
		     &gather->change.svtrid))
		registrars_lose(gather->parts.registrars, owner, LOSS_RECORD_LIMIT, at_us);
}

static void tell_lost(struct gather *gather, const struct clock_reading *stamp, unsigned owner,
		      const char *reason)
{
	tell_lost_at(gather, stamp, stamp->wall_us, owner, reason);
}

/* Gathers gather->change. False: there was no room for it. */
static bool put_change(struct gather *gather, enum spool_kind kind, uint64_t ticket,
		       const struct clock_reading *stamp)
{
	buffer_reset(&gather->record);
	change_encode(&gather->change, &gather->record);
	return !gather->record.failed &&
	       put_record(gather, kind, ticket, stamp, gather->record.data, gather->record.size);
}

/* The same for one that is complete. */
static bool put_whole_change(struct gather *gather, uint64_t ticket,
			     const struct clock_reading *stamp)
{
	const struct change *change = &gather->change;
	counters_add(&gather->parts.counters->statuses_unknown,
		     (uint64_t)change->add.status_others + change->remove.status_others);
	bool put = put_change(gather, SPOOL_CHANGE, ticket, stamp);
	gather->waiting += put;
	if (!put)
		counters_add(&gather->parts.counters->lost[LOSS_RECORD_LIMIT], 1);
	return put;
}

static void count_left_out(struct gather *gather, unsigned left_out)
{
	counters_add(&gather->parts.counters->registrars_left_out, left_out);
}

/* Whose an entry is. */
static const char *login_of(const struct gather *gather, const struct queue_entry *entry)
{
	const char *login = sessions_login(&gather->sessions, entry->session);
	return login ? login : entry->registrar;
}

/* Names the registrar of gather->change. Who polled a message is not whose doing it tells of, if that is a transfer, which
 * says itself who is in it, or the registry's. */
static void name_registrar(struct gather *gather, const char *login)
{
	struct change *change = &gather->change;
	if (change->is_message &&
	    (change->verb == CHANGE_TRANSFER || change->initiator == CHANGE_BY_REGISTRY))
		login = "";
	count_left_out(gather, !login_publish(gather->config, login, &change->registrar));
}

/* The same for both sides of a transfer, which eppparse has as logins. */
static void name_sides(struct gather *gather)
{
	count_left_out(gather, login_publish_transfer(gather->config, &gather->change.transfer));
}

static void note_namespaces(struct gather *gather)
{
	const struct eppparse_met *met;
	for (size_t i = 0; (met = eppparse_met(gather->parse, i)); i++)
		namespaces_note(&gather->parts.counters->namespaces, met);
}

/* Gathers what a whole reading came to: gather->change, or a gap for what could not be read. */
static void gather_found(struct gather *gather, const struct queue_entry *entry,
			 enum eppparse_result found)
{
	const struct clock_reading stamp = stamp_of(entry);
	counters_add(&gather->parts.counters->read[found], 1);
	if (found == EPPPARSE_NOTHING)
		return;
	note_namespaces(gather);
	if (found == EPPPARSE_CHANGE)
		name_sides(gather);
	else
		gather->change.is_message = false; /* the rest of it is of no use */
	name_registrar(gather, login_of(gather, entry));
	if (found != EPPPARSE_CHANGE)
		tell_lost(gather, &stamp, entry->owner, eppparse_reason(found));
	else if (!put_whole_change(gather, 0, &stamp))
		tell_lost(gather, &stamp, entry->owner, loss_word(LOSS_RECORD_LIMIT));
}

static void gather_pair(struct gather *gather, const struct queue_entry *entry)
{
	gather_found(gather, entry,
		     eppparse_pair(gather->parse, entry->command, entry->command_size,
				   entry->response, entry->response_size, &gather->change));
}

static void gather_message(struct gather *gather, const struct queue_entry *entry)
{
	gather_found(gather, entry,
		     eppparse_message(gather->parse, entry->response, entry->response_size,
				      &gather->change));
}

static void gather_server(struct gather *gather, const struct queue_entry *entry)
{
	gather_found(gather, entry,
		     eppparse_server_change(gather->parse, entry->response, entry->response_size,
					    &gather->change));
}

/* Keeps what put_change() gathered until its response is there, if it fits. */
static void keep(struct gather *gather, struct intent *intent)
{
	size_t size = gather->record.size;
	if (gather->kept + size > gather->config->capture.queue)
		return;
	intent->change = malloc(size);
	if (!intent->change)
		return;
	memcpy(intent->change, gather->record.data, size);
	intent->size = size;
	gather->kept += size;
}

/* Keeps the namespaces met in a command: only when it has succeeded they count. */
static void keep_namespaces(struct gather *gather, struct intent *intent)
{
	size_t count = 0;
	while (eppparse_met(gather->parse, count))
		count++;
	size_t size = count * sizeof *intent->met;
	if (count == 0 || gather->kept + size > gather->config->capture.queue)
		return;
	intent->met = malloc(size);
	if (!intent->met)
		return;
	for (size_t i = 0; i < count; i++)
		intent->met[i] = *eppparse_met(gather->parse, i);
	intent->met_count = count;
	gather->kept += size;
}

static void close_intent(struct gather *gather, uint64_t ticket)
{
	const struct intent *intent = tickets_intent(gather->parts.tickets, ticket);
	unsigned owner = intent->owner;
	gather->kept -= intent->size + intent->met_count * sizeof *intent->met;
	tickets_close(gather->parts.tickets, ticket);
	registrars_release(gather->parts.registrars, owner, SHARED_TICKETS, 1);
}

/* The command failed, or was not carried out. */
static void say_given_up(struct gather *gather, uint64_t ticket, const struct clock_reading *stamp)
{
	if (tickets_intent(gather->parts.tickets, ticket)->noted &&
	    put_record(gather, SPOOL_GIVEN_UP, ticket, stamp, "", 0))
		counters_add(&gather->parts.counters->given_up, 1);
}

/* The command may have been carried out; what is lost with it was lost at at_us. */
static void say_unknown(struct gather *gather, uint64_t ticket, const struct clock_reading *stamp,
			int64_t at_us)
{
	const struct intent *intent = tickets_intent(gather->parts.tickets, ticket);
	if (intent->noted && put_record(gather, SPOOL_UNKNOWN, ticket, stamp, "", 0))
		counters_add(&gather->parts.counters->unknown, 1);
	if (intent->found < EPPPARSE_MALFORMED)
		return;
	change_clear(&gather->change);
	gather->change.registrar = intent->registrar;
	tell_lost_at(gather, stamp, at_us, intent->owner, eppparse_reason(intent->found));
}

/* Says what became of an intent whose response was not in the queue, and forgets it. */
static void finish_by_fate(struct gather *gather, uint64_t ticket,
			   const struct clock_reading *stamp)
{
	_Atomic uint64_t *read = gather->parts.counters->read;
	const struct intent *intent = tickets_intent(gather->parts.tickets, ticket);
	int64_t at_us = stamp->wall_us;
	if (tickets_fate(gather->parts.tickets, ticket, &at_us) == FATE_GIVEN_UP) {
		counters_add(&read[EPPPARSE_NOTHING], 1);
		say_given_up(gather, ticket, stamp);
	} else {
		if (!intent->noted)
			counters_add(&read[intent->found], 1);
		say_unknown(gather, ticket, stamp, at_us);
	}
	close_intent(gather, ticket);
}

/* Notes gather->change before it is carried out. */
static void note(struct gather *gather, const struct queue_entry *entry, struct intent *intent)
{
	const struct clock_reading stamp = stamp_of(entry);
	if (put_change(gather, SPOOL_INTENT, entry->ticket, &stamp)) {
		intent->noted = true;
		keep(gather, intent);
		counters_add(&gather->parts.counters->noted, 1);
		return;
	}
	counters_add(&gather->parts.counters->lost[LOSS_RECORD_LIMIT], 1);
	tell_lost(gather, &stamp, entry->owner, loss_word(LOSS_RECORD_LIMIT));
	intent->found = EPPPARSE_NOTHING; /* it is told: whatever comes adds nothing */
}

static void gather_begin(struct gather *gather, const struct queue_entry *entry)
{
	const struct clock_reading stamp = stamp_of(entry);
	struct intent *intent = tickets_intent(gather->parts.tickets, entry->ticket);
	int64_t then_us;
	enum fate fate = tickets_fate(gather->parts.tickets, entry->ticket, &then_us);
	intent->taken = true;
	intent->owner = entry->owner;
	intent->found = eppparse_command(gather->parse, entry->command, entry->command_size,
					 &gather->change);
	keep_namespaces(gather, intent);
	if (intent->found != EPPPARSE_NOTHING) {
		name_registrar(gather, login_of(gather, entry));
		name_sides(gather);
	}
	intent->registrar = gather->change.registrar;
	/* If it came to nothing before we looked at it, nobody needs to know. */
	if (intent->found == EPPPARSE_CHANGE && fate != FATE_GIVEN_UP)
		note(gather, entry, intent);
	if (fate != FATE_OPEN)
		finish_by_fate(gather, entry->ticket, &stamp);
}

/* Brings command and response together. As with a pair, the response decides first. */
static enum eppparse_result read_end(struct gather *gather, const struct queue_entry *entry,
				     const struct intent *intent)
{
	struct change *change = &gather->change;
	if (intent->found == EPPPARSE_NOTHING)
		return EPPPARSE_NOTHING;
	change_clear(change);
	/* What we wrote ourselves can be read, but for want of memory: then it counts as not kept. */
	if (intent->change && change_decode(change, intent->change, intent->size) != RESULT_OK)
		change_clear(change);
	change->registrar = intent->registrar;
	/* What the command said of it is named already, what the response says is not. */
	const struct change_registrar gaining = change->transfer.gaining;
	change->transfer.gaining.text[0] = '\0';
	enum eppparse_result result =
		eppparse_response(gather->parse, entry->response, entry->response_size, change);
	if (result != EPPPARSE_NOTHING)
		note_namespaces(gather);
	if (result != EPPPARSE_CHANGE)
		return result;
	for (size_t i = 0; i < intent->met_count; i++)
		namespaces_note(&gather->parts.counters->namespaces, &intent->met[i]);
	name_sides(gather);
	if (!change->transfer.gaining.text[0])
		change->transfer.gaining = gaining;
	return intent->found;
}

/* The end of a command that only the parser could tell to be no transform: it may have been a poll. What can't be read is
 * one only if it can be nothing else. */
static bool is_message(struct gather *gather, const struct queue_entry *entry,
		       enum eppparse_result *found)
{
	const char *response = entry->response;
	size_t size = entry->response_size;
	if (!scan_may_tell(response, size))
		return false;
	*found = eppparse_message(gather->parse, response, size, &gather->change);
	return *found == EPPPARSE_CHANGE ||
	       (*found >= EPPPARSE_MALFORMED && !scan_may_succeed(response, size));
}

static void gather_end_of_poll(struct gather *gather, const struct queue_entry *entry,
			       enum eppparse_result found)
{
	struct queue_entry message = *entry;
	message.registrar = registrars_login(gather->parts.registrars, entry->owner);
	gather_found(gather, &message, found);
	close_intent(gather, entry->ticket);
}

static void gather_end(struct gather *gather, const struct queue_entry *entry)
{
	const struct clock_reading stamp = stamp_of(entry);
	struct intent *intent = tickets_intent(gather->parts.tickets, entry->ticket);
	enum eppparse_result result;
	if (!intent->noted && is_message(gather, entry, &result)) {
		gather_end_of_poll(gather, entry, result);
		return;
	}
	result = read_end(gather, entry, intent);
	bool whole = change_has_subject(&gather->change);
	counters_add(&gather->parts.counters->read[result], 1);
	if (result == EPPPARSE_CHANGE && whole && put_whole_change(gather, entry->ticket, &stamp))
		counters_add(&gather->parts.counters->ended, 1);
	else if (result == EPPPARSE_CHANGE)
		say_unknown(gather, entry->ticket, &stamp, stamp.wall_us);
	else
		say_given_up(gather, entry->ticket, &stamp);
	if (result >= EPPPARSE_MALFORMED)
		tell_lost(gather, &stamp, entry->owner, eppparse_reason(result));
	close_intent(gather, entry->ticket);
}

static void gather_login(struct gather *gather, const struct queue_entry *entry)
{
	struct change_registrar login;
	if (eppparse_login(gather->parse, entry->command, entry->command_size, entry->response,
			   entry->response_size, &login) == EPPPARSE_CHANGE)
		sessions_note(&gather->sessions, entry->session, login.text);
}

void gather_handed(struct gather *gather, const struct clock_reading *stamp)
{
	uint64_t ticket;
	while (tickets_next_handed(gather->parts.tickets, &ticket))
		/* One whose command is still in the queue ends when that is taken. */
		if (tickets_intent(gather->parts.tickets, ticket)->taken)
			finish_by_fate(gather, ticket, stamp);
}

void gather_entry(struct gather *gather, const struct queue_entry *entry)
{
	const struct clock_reading stamp = stamp_of(entry);
	gather_handed(gather, &stamp);
	switch (entry->kind) {
	case QUEUE_PAIR:
		gather_pair(gather, entry);
		break;
	case QUEUE_BEGIN:
		gather_begin(gather, entry);
		break;
	case QUEUE_END:
		gather_end(gather, entry);
		break;
	case QUEUE_MESSAGE:
		gather_message(gather, entry);
		break;
	case QUEUE_SERVER:
		gather_server(gather, entry);
		break;
	case QUEUE_LOGIN:
		gather_login(gather, entry);
		break;
	}
}

void gather_left_open(struct gather *gather, const struct clock_reading *stamp)
{
	size_t place = 0;
	uint64_t ticket;
	while (tickets_next_taken(gather->parts.tickets, &place, &ticket))
		finish_by_fate(gather, ticket, stamp);
}

bool gather_losses(struct gather *gather, const struct clock_reading *stamp, int64_t now_us)
{
	static const struct change_token several = {""};
	struct registrars *registrars = gather->parts.registrars;
	struct registrar_losses losses;
	size_t place = 0;
	while (registrars_next_losses(registrars, &place, now_us, &losses)) {
		struct change_registrar registrar;
		login_publish(gather->config, losses.login, &registrar);
		if (!put_gap(gather, stamp, &losses, loss_word(losses.reason), &registrar,
			     &several))
			return false;
		registrars_told(registrars, &losses, now_us);
	}
	return true;
}

bool gather_closed(struct gather *gather, const struct clock_reading *stamp, uint64_t lost,
		   int64_t from_us, int64_t to_us)
{
	static const struct change_registrar several = {""};
	static const struct change_token none = {""};
	const struct registrar_losses losses = {.count = lost, .from_us = from_us, .to_us = to_us};
	return put_gap(gather, stamp, &losses, loss_word(LOSS_CLOSED), &several, &none);
}

uint64_t gather_waiting(const struct gather *gather)
{
	return gather->waiting;
}

void gather_durable(struct gather *gather)
{
	counters_add(&gather->parts.counters->spooled, gather->waiting);
	gather->waiting = 0;
}
