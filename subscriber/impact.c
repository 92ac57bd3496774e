#include "subscriber/impact.h"

#include <string.h>

static const struct impact impacts[] = {
	{"create", IMPACT_PLAIN},         {"delete", IMPACT_ALARM},
	{"restore", IMPACT_GOOD},         {"renew", IMPACT_PLAIN},
	{"transfer", IMPACT_ALARM},       {"registrar", IMPACT_ALARM},
	{"delegation", IMPACT_ALARM},     {"glue", IMPACT_ALARM},
	{"dnssec-added", IMPACT_GOOD},    {"dnssec-changed", IMPACT_NOTICE},
	{"dnssec-removed", IMPACT_ALARM}, {"lock", IMPACT_GOOD},
	{"unlock", IMPACT_ALARM},         {"hold", IMPACT_NOTICE},
	{"unhold", IMPACT_NOTICE},        {"contacts", IMPACT_NOTICE},
	{"none", IMPACT_PLAIN},
};

const struct impact *impact_at(size_t i)
{
	return i < sizeof impacts / sizeof *impacts ? &impacts[i] : NULL;
}

const struct impact *impact_find(const char *name)
{
	for (size_t i = 0; i < sizeof impacts / sizeof *impacts; i++) {
		if (strcmp(impacts[i].name, name) == 0)
			return &impacts[i];
	}
	return NULL;
}
