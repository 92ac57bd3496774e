/* calls.c - the calls that show frames to the tap, on the front end's own threads
 *
 * Nothing here waits, but where `durability: wait` asks for it: a scan, a copy into the queue, and a counter for what
 * is turned away.
 */
#include "plugin/calls.h"

#include "base/clock.h"
#include "eppparse/scan.h"

/* A change of this registrar's is lost, and told as a gap when there is room. */
static void lose(struct epptap *tap, unsigned who, enum loss reason, int64_t wall_us)
{
	counters_add(&tap->counters.lost[reason], 1);
	registrars_lose(tap->registrars, who, reason, wall_us);
}

static size_t frame_limit(struct epptap *tap)
{
	return tap_config(tap)->capture.frame_limit;
}

/* What registrars leave free of the queue, where the registry tells its own changes: or one that floods, and has no others
 * beside it, would leave no room for those. */
static uint64_t spare_of(struct epptap *tap)
{
	return tap_config(tap)->server_changes ? queue_capacity(tap->queue) / 16 : 0;
}

/* Puts an entry into the queue, if its owner may have the room; *position is behind it. RESULT_FULL: *reason says why
 * not. */
static int put(struct epptap *tap, struct queue_entry *entry, uint64_t *position, enum loss *reason)
{
	uint64_t room = queue_room_of(entry);
	entry->spare = entry->owner == REGISTRARS_REGISTRY ? 0 : spare_of(tap);
	bool may = registrars_hold(tap->registrars, entry->owner, SHARED_QUEUE, room,
				   queue_used(tap->queue), queue_capacity(tap->queue));
	if (may && queue_put(tap->queue, entry, position) == RESULT_OK)
		return RESULT_OK;
	/* A spool that can't be written is the cause of all that follows from it. */
	*reason = capture_why_full(tap->capture);
	if (may)
		registrars_release(tap->registrars, entry->owner, SHARED_QUEUE, room);
	else if (*reason == LOSS_QUEUE_FULL)
		*reason = LOSS_REGISTRAR_QUOTA;
	return RESULT_FULL;
}

void calls_lose(struct epptap *tap, unsigned who, enum loss reason)
{
	struct clock_reading now;
	clock_read(&now);
	lose(tap, who, reason, now.wall_us);
}

/* The same for the first entry of a command, which is lost if it can't be put; so it is for a message, and a change of the
 * registry's own. */
static int put_first(struct epptap *tap, struct queue_entry *entry, uint64_t *position)
{
	enum loss reason;
	int result = put(tap, entry, position, &reason);
	if (result != RESULT_OK)
		lose(tap, entry->owner, reason, entry->wall_us);
	else
		counters_add(&tap->counters.accepted, 1);
	return result;
}

/* With `durability: wait`, returns when all before `position` is durable. RESULT_TIMEOUT: not yet, but it stays
 * queued. */
static int await(struct epptap *tap, uint64_t position)
{
	const struct config *config = tap_config(tap);
	if (position == 0 || config->capture.durability != CONFIG_DURABILITY_WAIT)
		return RESULT_OK;
	return capture_wait(tap->capture, position, config->capture.wait_limit_ms);
}

/* A frame over the limit is not even looked at: that, too, must be bounded. */
static enum scan_command kind_of(struct epptap *tap, const void *command, size_t size)
{
	const struct config *config = tap_config(tap);
	return size > config->capture.frame_limit ? SCAN_MAYBE
						  : scan_command(command, size, &config->verbs);
}

/* Can a command of that kind, with this response, have brought about a change, or news of one? */
static bool may_matter(enum scan_command kind, const void *response, size_t size, size_t limit)
{
	return kind != SCAN_NOTHING && (size > limit || scan_may_matter(kind, response, size));
}

bool calls_may_matter(struct epptap *tap, const void *response, size_t size)
{
	return may_matter(SCAN_MAYBE, response, size, frame_limit(tap));
}

/* A command that is no change. Its registrar is known from now on: with more than one, none may fill the queue. */
static void pass_over(struct epptap *tap, const struct caller *caller)
{
	if (caller->login)
		registrars_find(tap->registrars, caller->login);
	counters_add(&tap->counters.skipped, 1);
}

/* A command that is shown now, with no response. */
static struct queue_entry command_entry(struct epptap *tap, enum queue_kind kind,
					const struct caller *caller, const void *command,
					size_t size)
{
	struct clock_reading now;
	clock_read(&now);
	return (struct queue_entry){
		.kind = kind,
		.wall_us = now.wall_us,
		.monotonic_us = now.monotonic_us,
		.owner = registrars_find(tap->registrars, caller->login),
		.registrar = caller->login ? caller->login : "",
		.session = caller->session,
		.command = command,
		.command_size = size,
		.response = "",
	};
}

int calls_transaction(struct epptap *tap, const struct caller *caller, const void *command,
		      size_t command_size, const void *response, size_t response_size,
		      uint64_t *position)
{
	size_t limit = frame_limit(tap);
	enum scan_command kind = kind_of(tap, command, command_size);
	*position = 0;
	if (!may_matter(kind, response, response_size, limit)) {
		pass_over(tap, caller);
		return RESULT_OK;
	}
	/* Of a poll, its answer says all. */
	struct queue_entry entry =
		kind == SCAN_POLL ? command_entry(tap, QUEUE_MESSAGE, caller, "", 0)
				  : command_entry(tap, QUEUE_PAIR, caller, command, command_size);
	entry.response = response;
	entry.response_size = response_size;
	if (command_size > limit || response_size > limit) {
		lose(tap, entry.owner, LOSS_FRAME_LIMIT, entry.wall_us);
		return RESULT_OK;
	}
	return put_first(tap, &entry, position);
}

int epptap_transaction(struct epptap *tap, const char *registrar, const void *command,
		       size_t command_size, const void *response, size_t response_size)
{
	const struct caller caller = {.login = registrar};
	uint64_t position;
	if (!tap || !command || !command_size || !response || !response_size)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	int result = calls_transaction(tap, &caller, command, command_size, response, response_size,
				       &position);
	return result == RESULT_OK ? await(tap, position) : result;
}

int epptap_server_change(struct epptap *tap, const void *frame, size_t size)
{
	struct clock_reading now;
	uint64_t position;
	if (!tap || !frame || !size)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	clock_read(&now);
	struct queue_entry entry = {
		.kind = QUEUE_SERVER,
		.wall_us = now.wall_us,
		.monotonic_us = now.monotonic_us,
		.owner = REGISTRARS_REGISTRY,
		.registrar = "",
		.command = "",
		.response = frame,
		.response_size = size,
	};
	if (size > frame_limit(tap)) {
		lose(tap, entry.owner, LOSS_FRAME_LIMIT, entry.wall_us);
		return EPPTAP_OK;
	}
	int result = put_first(tap, &entry, &position);
	return result == RESULT_OK ? await(tap, position) : result;
}

/* Takes a ticket for the entry, if its owner may have one more; gather.c gives it back when all is said about it. */
static int take_ticket(struct epptap *tap, struct queue_entry *entry)
{
	enum loss reason = LOSS_REGISTRAR_QUOTA;
	if (registrars_hold(tap->registrars, entry->owner, SHARED_TICKETS, 1,
			    tickets_used(tap->tickets), TICKETS)) {
		if (tickets_take(tap->tickets, entry->owner, &entry->ticket) == RESULT_OK)
			return RESULT_OK;
		registrars_release(tap->registrars, entry->owner, SHARED_TICKETS, 1);
		reason = LOSS_NO_TICKET;
	}
	lose(tap, entry->owner, reason, entry->wall_us);
	return RESULT_FULL;
}

/* Puts the command of an intent into the queue, with a ticket of its own. */
static int put_begin(struct epptap *tap, struct queue_entry *entry, uint64_t *position)
{
	int result = take_ticket(tap, entry);
	if (result != RESULT_OK)
		return result;
	result = put_first(tap, entry, position);
	if (result != RESULT_OK) {
		tickets_give_back(tap->tickets, entry->ticket);
		registrars_release(tap->registrars, entry->owner, SHARED_TICKETS, 1);
	}
	return result;
}

int calls_begin(struct epptap *tap, const struct caller *caller, const void *command,
		size_t command_size, uint64_t *ticket, uint64_t *position)
{
	*ticket = *position = 0;
	switch (kind_of(tap, command, command_size)) {
	case SCAN_NOTHING:
		pass_over(tap, caller);
		return RESULT_OK;
	case SCAN_POLL:
		*ticket = tickets_of_poll(tap->tickets,
					  registrars_find(tap->registrars, caller->login));
		return RESULT_OK;
	case SCAN_MAYBE:
		break;
	}
	struct queue_entry entry = command_entry(tap, QUEUE_BEGIN, caller, command, command_size);
	if (command_size > frame_limit(tap)) {
		lose(tap, entry.owner, LOSS_FRAME_LIMIT, entry.wall_us);
		return RESULT_OK;
	}
	int result = put_begin(tap, &entry, position);
	if (result == RESULT_OK)
		*ticket = entry.ticket;
	return result;
}

int epptap_begin(struct epptap *tap, const char *registrar, const void *command,
		 size_t command_size, uint64_t *ticket)
{
	const struct caller caller = {.login = registrar};
	uint64_t position;
	if (ticket)
		*ticket = 0;
	if (!tap || !command || !command_size || !ticket)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	int result = calls_begin(tap, &caller, command, command_size, ticket, &position);
	return result == RESULT_OK ? await(tap, position) : result;
}

/* Puts the response of an intent into the queue; if it can't be, the outcome is unknown. */
static int put_end(struct epptap *tap, struct queue_entry *entry)
{
	enum loss reason = LOSS_FRAME_LIMIT;
	uint64_t position;
	int result = RESULT_OK;
	bool fits = entry->response_size <= frame_limit(tap);
	if (fits)
		result = put(tap, entry, &position, &reason);
	if (fits && result == RESULT_OK)
		return RESULT_OK;
	counters_add(&tap->counters.lost[reason], 1);
	tickets_hand_over(tap->tickets, entry->ticket, FATE_UNKNOWN, entry->wall_us);
	return result;
}

/* Puts the response to a poll into the queue, if it may have news. */
static int put_message(struct epptap *tap, struct queue_entry *entry)
{
	size_t size = entry->response_size, limit = frame_limit(tap);
	uint64_t position;
	if (!size || !may_matter(SCAN_POLL, entry->response, size, limit)) {
		counters_add(&tap->counters.skipped, 1);
		return EPPTAP_OK;
	}
	entry->kind = QUEUE_MESSAGE;
	if (size > limit) {
		lose(tap, entry->owner, LOSS_FRAME_LIMIT, entry->wall_us);
		return EPPTAP_OK;
	}
	return put_first(tap, entry, &position);
}

int calls_message(struct epptap *tap, const struct caller *caller, const void *response,
		  size_t response_size)
{
	struct queue_entry entry = command_entry(tap, QUEUE_MESSAGE, caller, "", 0);
	entry.response = response;
	entry.response_size = response_size;
	return put_message(tap, &entry);
}

int calls_login(struct epptap *tap, const struct caller *caller, const void *command,
		size_t command_size, const void *response, size_t response_size)
{
	struct queue_entry entry = command_entry(tap, QUEUE_LOGIN, caller, command, command_size);
	enum loss reason;
	uint64_t position;
	entry.response = response;
	entry.response_size = response_size;
	return put(tap, &entry, &position, &reason);
}

void calls_end_unknown(struct epptap *tap, uint64_t ticket)
{
	struct clock_reading now;
	unsigned owner;
	if (tickets_is_poll(tap->tickets, ticket, &owner) ||
	    tickets_end(tap->tickets, ticket, &owner) != RESULT_OK)
		return;
	clock_read(&now);
	tickets_hand_over(tap->tickets, ticket, FATE_UNKNOWN, now.wall_us);
}

int calls_end(struct epptap *tap, uint64_t ticket, const void *response, size_t response_size)
{
	struct clock_reading now;
	unsigned owner;
	if (ticket == 0)
		return EPPTAP_OK;
	bool poll = tickets_is_poll(tap->tickets, ticket, &owner);
	if (!poll && tickets_end(tap->tickets, ticket, &owner) != RESULT_OK)
		return EPPTAP_EINVAL;
	clock_read(&now);
	if (!poll && (!response_size || !calls_may_matter(tap, response, response_size))) {
		tickets_hand_over(tap->tickets, ticket, FATE_GIVEN_UP, now.wall_us);
		return EPPTAP_OK;
	}
	struct queue_entry entry = {
		.kind = QUEUE_END,
		.ticket = ticket,
		.wall_us = now.wall_us,
		.monotonic_us = now.monotonic_us,
		.owner = owner,
		.registrar = "",
		.command = "",
		.response = response_size ? response : "",
		.response_size = response_size,
	};
	if (!poll)
		return put_end(tap, &entry);
	entry.ticket = 0;
	entry.registrar = registrars_login(tap->registrars, owner);
	return put_message(tap, &entry);
}

int epptap_end(struct epptap *tap, uint64_t ticket, const void *response, size_t response_size)
{
	if (!tap || (!response && response_size))
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	return calls_end(tap, ticket, response, response_size);
}
