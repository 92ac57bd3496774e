/* calls.c - the calls that show frames to the tap, on the front end's own threads
 *
 * Nothing here waits, but where `durability: wait` asks for it: a scan, a copy into the queue, and a counter for what
 * is turned away.
 */
#include "plugin/tap.h"

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

/* Puts an entry into the queue, if its owner may have the room; *position is behind it. RESULT_FULL: *reason says why
 * not. */
static int put(struct epptap *tap, const struct queue_entry *entry, uint64_t *position,
	       enum loss *reason)
{
	uint64_t room = queue_room_of(entry);
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

/* The same for the first entry of a command, which is lost if it can't be put. */
static int put_command(struct epptap *tap, const struct queue_entry *entry, uint64_t *position)
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
	if (config->capture.durability != CONFIG_DURABILITY_WAIT)
		return RESULT_OK;
	return capture_wait(tap->capture, position, config->capture.wait_limit_ms);
}

/* A frame over the limit is not even looked at: that, too, must be bounded. */
static bool may_transform(const void *command, size_t size, size_t limit)
{
	return size > limit || scan_may_transform(command, size);
}

static bool may_succeed(const void *response, size_t size, size_t limit)
{
	return size > limit || scan_may_succeed(response, size);
}

/* A command that is no change. Its registrar is known from now on: with more than one, none may fill the queue. */
static void pass_over(struct epptap *tap, const char *registrar)
{
	if (registrar)
		registrars_find(tap->registrars, registrar);
	counters_add(&tap->counters.skipped, 1);
}

/* A command that is shown now, with no response. */
static struct queue_entry command_entry(struct epptap *tap, enum queue_kind kind,
					const char *registrar, const void *command, size_t size)
{
	struct clock_reading now;
	clock_read(&now);
	return (struct queue_entry){
		.kind = kind,
		.wall_us = now.wall_us,
		.monotonic_us = now.monotonic_us,
		.owner = registrars_find(tap->registrars, registrar),
		.registrar = registrar ? registrar : "",
		.command = command,
		.command_size = size,
		.response = "",
	};
}

int epptap_transaction(struct epptap *tap, const char *registrar, const void *command,
		       size_t command_size, const void *response, size_t response_size)
{
	if (!tap || !command || !command_size || !response || !response_size)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	size_t limit = frame_limit(tap);
	if (!may_transform(command, command_size, limit) ||
	    !may_succeed(response, response_size, limit)) {
		pass_over(tap, registrar);
		return EPPTAP_OK;
	}
	struct queue_entry entry = command_entry(tap, QUEUE_PAIR, registrar, command, command_size);
	entry.response = response;
	entry.response_size = response_size;
	if (command_size > limit || response_size > limit) {
		lose(tap, entry.owner, LOSS_FRAME_LIMIT, entry.wall_us);
		return EPPTAP_OK;
	}
	uint64_t position;
	int result = put_command(tap, &entry, &position);
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
	result = put_command(tap, entry, position);
	if (result != RESULT_OK) {
		tickets_give_back(tap->tickets, entry->ticket);
		registrars_release(tap->registrars, entry->owner, SHARED_TICKETS, 1);
	}
	return result;
}

int epptap_begin(struct epptap *tap, const char *registrar, const void *command,
		 size_t command_size, uint64_t *ticket)
{
	if (ticket)
		*ticket = 0;
	if (!tap || !command || !command_size || !ticket)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	if (!may_transform(command, command_size, frame_limit(tap))) {
		pass_over(tap, registrar);
		return EPPTAP_OK;
	}
	struct queue_entry entry =
		command_entry(tap, QUEUE_BEGIN, registrar, command, command_size);
	if (command_size > frame_limit(tap)) {
		lose(tap, entry.owner, LOSS_FRAME_LIMIT, entry.wall_us);
		return EPPTAP_OK;
	}
	uint64_t position;
	int result = put_begin(tap, &entry, &position);
	if (result != RESULT_OK)
		return result;
	*ticket = entry.ticket;
	return await(tap, position);
}

/* Puts the response of an intent into the queue; if it can't be, the outcome is unknown. */
static int put_end(struct epptap *tap, const struct queue_entry *entry)
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

int epptap_end(struct epptap *tap, uint64_t ticket, const void *response, size_t response_size)
{
	struct clock_reading now;
	unsigned owner;
	if (!tap || (!response && response_size))
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	if (ticket == 0)
		return EPPTAP_OK;
	if (tickets_end(tap->tickets, ticket, &owner) != RESULT_OK)
		return EPPTAP_EINVAL;
	clock_read(&now);
	if (!response_size || !may_succeed(response, response_size, frame_limit(tap))) {
		tickets_hand_over(tap->tickets, ticket, FATE_GIVEN_UP, now.wall_us);
		return EPPTAP_OK;
	}
	const struct queue_entry entry = {
		.kind = QUEUE_END,
		.ticket = ticket,
		.wall_us = now.wall_us,
		.monotonic_us = now.monotonic_us,
		.owner = owner,
		.registrar = "",
		.command = "",
		.response = response,
		.response_size = response_size,
	};
	return put_end(tap, &entry);
}
