/* impact.h - the words an event's `impact` is made of, and how much a registrar cares */
#ifndef SUBSCRIBER_IMPACT_H
#define SUBSCRIBER_IMPACT_H

#include <stddef.h>

enum impact_weight {
	IMPACT_PLAIN,
	IMPACT_GOOD,   /* safer than before */
	IMPACT_NOTICE, /* worth a look */
	IMPACT_ALARM,  /* what a thief would do */
};

struct impact {
	const char *name;
	enum impact_weight weight;
};

/* The impact of this name, or NULL: none is known. */
const struct impact *impact_find(const char *name);

/* Number `i` in the feed's order, or NULL past the last. */
const struct impact *impact_at(size_t i);

#endif
