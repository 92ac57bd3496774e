/* epp_names.h - the XML namespaces that epptap reads
 *
 * They stand here once: the allow-list (eppparse/allow_list.c) has its rules by them, and a config may name only these
 * as what a registry's own namespace stands for. Pure; thread-safe.
 */
#ifndef BASE_EPP_NAMES_H
#define BASE_EPP_NAMES_H

enum epp_namespace {
	NS_EPP,           /* RFC 5730 */
	NS_DOMAIN,        /* RFC 5731 */
	NS_HOST,          /* RFC 5732 */
	NS_CONTACT,       /* RFC 5733 */
	NS_SECDNS,        /* RFC 5910 */
	NS_SECDNS_1_0,    /* RFC 4310 */
	NS_RGP,           /* RFC 3915 */
	NS_CHANGE_POLL,   /* RFC 8590 */
	NS_REG_LOCK,      /* draft-skoglund-epp-registry-lock */
	NS_REGISTRY_LOCK, /* draft-wisser-registrylock */
	NS_NSSET,         /* FRED's sets of nameservers, and of keys */
	NS_KEYSET,
	NS_NSGROUP, /* EURid's groups of nameservers, and of keys, and a domain's reference to them */
	NS_KEYGROUP,
	NS_DOMAIN_EXT,
	NS_COUNT
};

/* The URI of a namespace; "" for any other number. Static. */
const char *epp_namespace_uri(enum epp_namespace ns);

/* The namespace whose URI this is; NS_COUNT: none of ours. */
enum epp_namespace epp_namespace_find(const char *uri);

#endif
