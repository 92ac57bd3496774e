/* frames.h - a frame of each kind, and the namespaces of a registry's own, for the tests of failing allocations */
#ifndef CONFORMANCE_OOM_FRAMES_H
#define CONFORMANCE_OOM_FRAMES_H

#include "base/config.h"

#define IETF "urn:ietf:params:xml:ns:"
#define OWN  "https://epp.tld.example/schema/"
#define EPP  "<epp xmlns=\"" IETF "epp-1.0\">"
#define D    " xmlns:d=\"" IETF "domain-1.0\""
#define TXN  "<trID><clTRID>CL-1</clTRID><svTRID>SV-1</svTRID></trID></response></epp>"
#define DONE EPP "<response><result code=\"1000\"><msg>Done</msg></result>" TXN
#define QUEUE                                                                                      \
	EPP "<response><result code=\"1301\"><msg>Ack</msg></result><msgQ count=\"1\" id=\"1\"/>"

#define DIGEST "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
#define KEY    "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="

#define CREATE                                                                                     \
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n" EPP "<command><create><d:create" D     \
	"><d:name>a.example</d:name><d:ns><d:hostAttr><d:hostName>ns1.a.example</d:hostName>"      \
	"<d:hostAddr>192.0.2.1</d:hostAddr><d:hostAddr ip=\"v6\">2001:db8::1</d:hostAddr>"         \
	"</d:hostAttr><d:hostAttr><d:hostName>ns2.a.example</d:hostName></d:hostAttr>"             \
	"</d:ns><d:registrant>C-1</d:registrant><d:contact type=\"admin\">C-2</d:contact>"         \
	"<d:authInfo><d:pw>secret</d:pw></d:authInfo></d:create></create><extension>"              \
	"<s:create xmlns:s=\"" IETF                                                                \
	"secDNS-1.1\"><s:dsData><s:keyTag>1</s:keyTag><s:alg>8</s:alg>"                            \
	"<s:digestType>2</s:digestType><s:digest>" DIGEST "</s:digest><s:keyData><s:flags>257"     \
	"</s:flags><s:protocol>3</s:protocol><s:alg>15</s:alg><s:pubKey>" KEY                      \
	"</s:pubKey></s:keyData></s:dsData></s:create><u:unknown xmlns:u=\"urn:unknown:one\"/>"    \
	"</extension></command></epp>"
#define CREATED                                                                                    \
	EPP "<response><result code=\"1001\"><msg>Later</msg></result><resData><d:creData" D       \
	    "><d:name>a.example</d:name><d:exDate>2027-04-01T12:00:00Z</d:exDate></d:creData>"     \
	    "</resData>" TXN
#define OWN_UPDATE                                                                                 \
	"<epp xmlns=\"" OWN "epp-1.0.xsd\"><command><update><d:update xmlns:d=\"" OWN              \
	"domain-1.0.xsd\"><d:name>a.example</d:name><d:add><d:status s=\"clientHold\">why"         \
	"</d:status></d:add><d:rem><d:ns><d:hostObj>ns1.b.example</d:hostObj><d:hostObj>"          \
	"ns2.b.example</d:hostObj></d:ns></d:rem></d:update></update></command></epp>"
#define OWN_DONE "<epp xmlns=\"" OWN "epp-1.0.xsd\"><response><result code=\"1000\"/>" TXN
#define OWN_VERB                                                                                   \
	EPP "<command><undelete><d:undelete" D "><d:name>a.example</d:name></d:undelete>"          \
	    "</undelete></command></epp>"
#define NSSET                                                                                      \
	EPP "<command><update><n:update xmlns:n=\"http://www.nic.cz/xml/epp/nsset-1.2\"><n:id>"    \
	    "SET-1</n:id><n:add><n:ns><n:name>ns1.a.example</n:name><n:addr>192.0.2.1</n:addr>"    \
	    "</n:ns></n:add><n:rem><n:name>ns2.a.example</n:name></n:rem></n:update></update>"     \
	    "</command></epp>"
#define TRANSFER                                                                                   \
	EPP "<command><transfer op=\"request\"><d:transfer" D "><d:name>a.example</d:name>"        \
	    "</d:transfer></transfer></command></epp>"
#define TRANSFER_DATA                                                                              \
	"<d:trnData" D "><d:name>a.example</d:name><d:trStatus>pending</d:trStatus><d:reID>"       \
	"ClientX</d:reID><d:reDate>2027-04-01T12:00:00Z</d:reDate><d:acID>ClientY</d:acID>"        \
	"<d:acDate>2027-04-06T12:00:00Z</d:acDate></d:trnData>"
#define TRANSFERRED EPP "<response><result code=\"1001\"/><resData>" TRANSFER_DATA "</resData>" TXN
#define RENAME                                                                                     \
	EPP "<command><update><h:update xmlns:h=\"" IETF "host-1.0\"><h:name>ns1.a.example"        \
	    "</h:name><h:add><h:addr>192.0.2.2</h:addr></h:add><h:chg><h:name>ns9.a.example"       \
	    "</h:name></h:chg></h:update></update></command></epp>"
#define LOGIN EPP "<command><login><clID>ClientX</clID><pw>secret</pw></login></command></epp>"
#define POLL  EPP "<command><poll op=\"req\"/></command></epp>"
#define PENDED                                                                                     \
	QUEUE "<resData><d:panData" D "><d:name paResult=\"1\">a.example</d:name><d:paTRID>"       \
	      "<svTRID>SV-0</svTRID></d:paTRID><d:paDate>2027-04-01T12:00:00Z</d:paDate>"          \
	      "</d:panData></resData>" TXN
#define MOVED QUEUE "<resData>" TRANSFER_DATA "</resData>" TXN
#define LOCKED                                                                                     \
	QUEUE "<resData><l:infData xmlns:l=\"" IETF "regLock-1.0\"><l:domain>a.example</l:domain>" \
	      "<l:operation success=\"true\">update</l:operation><l:svTRID>SV-0</l:svTRID>"        \
	      "</l:infData></resData>" TXN
#define SERVERS                                                                                    \
	QUEUE "<resData><d:infData" D "><d:name>a.example</d:name><d:roid>R</d:roid><d:status "    \
	      "s=\"serverUpdateProhibited\"/><d:ns><d:hostObj>ns1.a.example</d:hostObj></d:ns>"    \
	      "</d:infData></resData><extension><s:infData xmlns:s=\"" IETF "secDNS-1.1\">"        \
	      "<s:dsData><s:keyTag>1</s:keyTag><s:alg>8</s:alg><s:digestType>2</s:digestType>"     \
	      "<s:digest>" DIGEST                                                                  \
	      "</s:digest></s:dsData></s:infData><x:changeData xmlns:x=\"" IETF                    \
	      "changePoll-1.0\" state=\"after\"><x:operation>update</x:operation><x:date>"         \
	      "2027-04-01T12:00:00Z</x:date><x:svTRID>SV-2</x:svTRID><x:who>somebody</x:who>"      \
	      "</x:changeData></extension>" TXN
#define FAILED                                                                                     \
	EPP "<response><result code=\"2303\"><msg>No such object</msg><value><u:name "             \
	    "xmlns:u=\"urn:unknown:two\">a.example</u:name></value></result>" TXN
#define NO_XML EPP "<command><create &lt;<![CDATA[ x ]]><a b='c'></b>"
#define NO_NAME                                                                                    \
	EPP "<command><delete><d:delete" D "><d:name>not a name</d:name></d:delete></delete>"      \
	    "</command></epp>"
#define UNKNOWN                                                                                    \
	EPP "<command><create><d:create xmlns:d=\"urn:unknown:three\"><d:name>a.example</d:name>"  \
	    "</d:create></create></command></epp>"
#define DOCTYPED "<!DOCTYPE epp [<!ENTITY a \"b\">]>" CREATE
#define ENCODED  "<?xml version=\"1.0\" encoding=\"nobodys\"?>" EPP

static struct config_pair frames_namespace_items[] = {{OWN "epp-1.0.xsd", IETF "epp-1.0"},
						      {OWN "domain-1.0.xsd", IETF "domain-1.0"}};
static struct config_pair frames_verb_items[] = {{"undelete", "restore"}};
static const struct config_pairs frames_namespaces = {frames_namespace_items, 2};
static const struct config_pairs frames_verbs = {frames_verb_items, 1};

#endif
