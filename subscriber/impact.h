/* impact.h - how much a registrar cares for each word of an event's `impact` */
#ifndef SUBSCRIBER_IMPACT_H
#define SUBSCRIBER_IMPACT_H

#include <stdbool.h>

enum impact_weight {
	IMPACT_PLAIN,
	IMPACT_GOOD,   /* safer than before */
	IMPACT_NOTICE, /* worth a look */
	IMPACT_ALARM,  /* what a thief would do */
};

/* Is it one of feed_impact_name()? */
bool impact_is_known(const char *name);

/* A word that is not known weighs nothing. */
enum impact_weight impact_weight(const char *name);

#endif
