#include "subscriber/impact.h"

#include "publisher/feed_format.h"

#include <string.h>

/* In the order of feed_impact_name(). */
static const enum impact_weight weights[FEED_IMPACTS] = {
	IMPACT_PLAIN,  /* create */
	IMPACT_ALARM,  /* delete */
	IMPACT_GOOD,   /* restore */
	IMPACT_PLAIN,  /* renew */
	IMPACT_ALARM,  /* transfer */
	IMPACT_ALARM,  /* registrar */
	IMPACT_ALARM,  /* delegation */
	IMPACT_ALARM,  /* glue */
	IMPACT_GOOD,   /* dnssec-added */
	IMPACT_NOTICE, /* dnssec-changed */
	IMPACT_ALARM,  /* dnssec-removed */
	IMPACT_GOOD,   /* lock */
	IMPACT_ALARM,  /* unlock */
	IMPACT_NOTICE, /* hold */
	IMPACT_NOTICE, /* unhold */
	IMPACT_NOTICE, /* contacts */
	IMPACT_PLAIN,  /* none */
};

/* FEED_IMPACTS if the feed has no such word. */
static size_t index_of(const char *name)
{
	size_t i = 0;
	while (i < FEED_IMPACTS && strcmp(feed_impact_name(i), name) != 0)
		i++;
	return i;
}

bool impact_is_known(const char *name)
{
	return index_of(name) < FEED_IMPACTS;
}

enum impact_weight impact_weight(const char *name)
{
	size_t i = index_of(name);
	return i < FEED_IMPACTS ? weights[i] : IMPACT_PLAIN;
}
