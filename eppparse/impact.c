/* impact.c - what a change does, judged by the command alone */
#include "eppparse/change.h"

static uint32_t bit(enum change_impact impact)
{
	return 1u << impact;
}

/* Do the statuses hold one that locks (or, with `hold`, one that takes the name out of the zone)? */
static bool any_status(uint32_t status, bool hold)
{
	for (int i = 0; i < STATUS_COUNT; i++) {
		const struct change_status_info *info = change_status_info(i);
		if (status & 1u << i && (hold ? info->hold : info->lock != LEVEL_NONE))
			return true;
	}
	return false;
}

static bool brings_secdns(const struct change_delta *delta)
{
	return delta->ds.count > 0 || delta->keys.count > 0;
}

static uint32_t secdns_impact(const struct change *change)
{
	bool added = brings_secdns(&change->add);
	bool removed = brings_secdns(&change->remove) || change->remove.all_secdns;
	if (added && removed)
		return bit(IMPACT_DNSSEC_CHANGED);
	if (added)
		return bit(IMPACT_DNSSEC_ADDED);
	if (removed)
		return bit(IMPACT_DNSSEC_REMOVED);
	return change->has_max_sig_life ? bit(IMPACT_DNSSEC_CHANGED) : 0;
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
	default:
		return impact;
	}
}

uint32_t change_impact(const struct change *change)
{
	const struct change_delta *add = &change->add, *remove = &change->remove;
	uint32_t impact = verb_impact(change) | secdns_impact(change);

	if (add->hosts.count > 0 || remove->hosts.count > 0 || change->new_name.text[0])
		impact |= bit(IMPACT_DELEGATION);
	if (add->addresses.count > 0 || remove->addresses.count > 0)
		impact |= bit(IMPACT_GLUE);
	if (any_status(add->status, false))
		impact |= bit(IMPACT_LOCK);
	if (any_status(remove->status, false))
		impact |= bit(IMPACT_UNLOCK);
	if (any_status(add->status, true))
		impact |= bit(IMPACT_HOLD);
	if (any_status(remove->status, true))
		impact |= bit(IMPACT_UNHOLD);
	/* A create brings contacts always: that they are there is no news. */
	if (change->verb == CHANGE_UPDATE &&
	    change->changed & (CHANGE_REGISTRANT | CHANGE_CONTACTS))
		impact |= bit(IMPACT_CONTACTS);
	return impact;
}
