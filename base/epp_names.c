#include "base/epp_names.h"

#include <string.h>

static const char *const uris[NS_COUNT] = {
	[NS_EPP] = "urn:ietf:params:xml:ns:epp-1.0",
	[NS_DOMAIN] = "urn:ietf:params:xml:ns:domain-1.0",
	[NS_HOST] = "urn:ietf:params:xml:ns:host-1.0",
	[NS_CONTACT] = "urn:ietf:params:xml:ns:contact-1.0",
	[NS_SECDNS] = "urn:ietf:params:xml:ns:secDNS-1.1",
	[NS_SECDNS_1_0] = "urn:ietf:params:xml:ns:secDNS-1.0",
	[NS_RGP] = "urn:ietf:params:xml:ns:rgp-1.0",
	[NS_CHANGE_POLL] = "urn:ietf:params:xml:ns:changePoll-1.0",
	[NS_REG_LOCK] = "urn:ietf:params:xml:ns:regLock-1.0",
	[NS_REGISTRY_LOCK] = "urn:ietf:params:xml:ns:epp:registryLock-1.0",
	[NS_NSSET] = "http://www.nic.cz/xml/epp/nsset-1.2",
	[NS_KEYSET] = "http://www.nic.cz/xml/epp/keyset-1.3",
	[NS_NSGROUP] = "http://www.eurid.eu/xml/epp/nsgroup-1.1",
	[NS_KEYGROUP] = "http://www.eurid.eu/xml/epp/keygroup-1.1",
	[NS_DOMAIN_EXT] = "http://www.eurid.eu/xml/epp/domain-ext-2.4",
};

const char *epp_namespace_uri(enum epp_namespace ns)
{
	return (unsigned)ns < NS_COUNT ? uris[ns] : "";
}

enum epp_namespace epp_namespace_find(const char *uri)
{
	for (int i = 0; i < NS_COUNT; i++)
		if (strcmp(uris[i], uri) == 0)
			return i;
	return NS_COUNT;
}
