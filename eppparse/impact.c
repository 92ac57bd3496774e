/* impact.c - what a change does, judged by the command alone */
#include "eppparse/change.h"

static uint32_t bit(enum change_impact impact)
{
	return 1u << impact;
}

static bool holds(uint32_t status)
{
	for (int i = 0; i < STATUS_COUNT; i++)
		if (status & 1u << i && change_status_info(i)->hold)
			return true;
	return false;
}

/* Is there a reference to where a registry keeps delegation (`keys`: its keys)? */
static bool refers(const struct change_delta *delta, bool keys)
{
	for (size_t i = 0; i < delta->references.count; i++)
		if (change_object_has_keys(delta->references.items[i].object) == keys)
			return true;
	return false;
}

/* A reference that replaces another changes what was there. */
static bool replaces_keys(const struct change_delta *delta)
{
	for (size_t i = 0; i < delta->references.count; i++) {
		const struct change_reference *reference = &delta->references.items[i];
		if (reference->replaces && change_object_has_keys(reference->object))
			return true;
	}
	return false;
}

static bool has_secdns(const struct change_delta *delta)
{
	return delta->ds.count > 0 || delta->keys.count > 0 || delta->all_secdns ||
	       refers(delta, true);
}

static uint32_t secdns_impact(const struct change *change)
{
	bool added = has_secdns(&change->add), removed = has_secdns(&change->remove);
	if ((added && removed) || replaces_keys(&change->add))
		return bit(IMPACT_DNSSEC_CHANGED);
	if (added)
		return bit(IMPACT_DNSSEC_ADDED);
	if (removed)
		return bit(IMPACT_DNSSEC_REMOVED);
	return change->has_max_sig_life ? bit(IMPACT_DNSSEC_CHANGED) : 0;
}

static uint32_t transfer_impact(const struct change *change)
{
	enum change_transfer_status status = change->transfer.status;
	bool approved = status == TRANSFER_CLIENT_APPROVED || status == TRANSFER_SERVER_APPROVED ||
			(status == TRANSFER_NO_STATUS && change->transfer.op == TRANSFER_APPROVE);
	/* Some registries transfer at once, and some say no more than that. */
	bool at_once = status == TRANSFER_NO_STATUS && change->transfer.op <= TRANSFER_REQUEST;
	bool done = change->outcome == CHANGE_COMPLETED && (approved || at_once);
	return bit(IMPACT_TRANSFER) | (done ? bit(IMPACT_REGISTRAR) : 0);
}

static uint32_t verb_impact(const struct change *change)
{
	uint32_t impact = change->restore != CHANGE_NO_RESTORE ? bit(IMPACT_RESTORE) : 0;
	switch (change->verb) {
	case CHANGE_CREATE:
		return impact | bit(IMPACT_CREATE);
	case CHANGE_DELETE:
		return impact | bit(IMPACT_DELETE);
	case CHANGE_RENEW:
		return impact | bit(IMPACT_RENEW);
	case CHANGE_TRANSFER:
		return impact | transfer_impact(change);
	default:
		return impact;
	}
}

static bool delegates(const struct change_delta *delta)
{
	return delta->hosts.count > 0 || delta->all_hosts || refers(delta, false);
}

static uint32_t lock_impact(const struct change *change)
{
	struct change_locks own = change_locks_of(change, LEVEL_REGISTRAR);
	struct change_locks registrys = change_locks_of(change, LEVEL_REGISTRY);
	return (own.lock | registrys.lock ? bit(IMPACT_LOCK) : 0) |
	       (own.unlock | registrys.unlock ? bit(IMPACT_UNLOCK) : 0);
}

/* What was rejected does nothing. */
uint32_t change_impact(const struct change *change)
{
	const struct change_delta *add = &change->add, *remove = &change->remove;
	if (change->outcome == CHANGE_REJECTED)
		return 0;
	uint32_t impact = verb_impact(change) | secdns_impact(change) | lock_impact(change);

	if (delegates(add) || delegates(remove) || change->new_name.text[0])
		impact |= bit(IMPACT_DELEGATION);
	if (add->addresses.count > 0 || remove->addresses.count > 0)
		impact |= bit(IMPACT_GLUE);
	if (holds(add->status))
		impact |= bit(IMPACT_HOLD);
	if (holds(remove->status))
		impact |= bit(IMPACT_UNHOLD);
	/* A create brings contacts always: that they are there is no news. */
	if (change->verb == CHANGE_UPDATE &&
	    change->changed & (CHANGED_REGISTRANT | CHANGED_CONTACTS))
		impact |= bit(IMPACT_CONTACTS);
	return impact;
}
