#include "conformance/fuzz/grammar.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_MAX = 6, LIST_MAX = 4 };

/* The text of a piece. "%" and a letter stand for something to be chosen: see put_choice(). */
typedef const char *const texts[];

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A canary has this in it, or is decoded to something that has. */
static const char mark[] = "kanari";
static const char guard[] = "@  kanari";

static texts guarded = {"@  Kanari", "K@  Kanari Vogelsang@  ", "-@  kanari-\xc3\xa4"};
static texts plain = {
	"Kanari-Vogelsang",
	"kanari.vogelsang.example",
	"kanari@person.example",
	"KANARI-4711",
	"Kanari Vogelsang",
	"a2FuYXJpa2FuYXJpa2FuYXJpa2FuYXJp",         /* base64 of it, four times */
	"6b616e6172696b616e6172696b616e6172696b61", /* hex, as long as an SHA-1 */
	"kanari",
};

/* Prefixes: e EPP, d domain, h host, c contact, s secDNS, S secDNS-1.0, r RGP, x changePoll, l and w locks, N nsset,
 * K keyset, G nsgroup, Q keygroup, X domain-ext, o a registry's own commands, u unknown. */
static texts roots = {"urn:ietf:params:xml:ns:epp-1.0", "https://epp.tld.ee/schema/epp-ee-1.0.xsd",
		      "http://www.dns.pl/nask-epp-schema/epp-2.1",
		      "http://www.eurid.eu/xml/epp/epp-1.0", "urn:unknown:epp"};
static texts domains = {"urn:ietf:params:xml:ns:domain-1.0",
			"https://epp.tld.ee/schema/domain-eis-1.0.xsd",
			"http://www.nic.cz/xml/epp/domain-1.4",
			"http://www.dns.pl/nask-epp-schema/domain-2.1",
			"http://hostmaster.ua/epp/domain-1.1",
			"http://www.rotld.ro/xml/epp/domain-1.0",
			"urn:ietf:params:xml:ns:obj-1.0",
			"http://www.nominet.org.uk/epp/xml/std-release-1.0",
			"urn:unknown:domain"};
static texts own = {"http://www.afnic.fr/xml/epp/frnic-1.4", "urn:X-ar:params:xml:ns:arext-1.0",
		    "http://rxsd.domain-registry.nl/sidn-ext-epp-1.0",
		    "http://www.nic.cz/xml/epp/fred-1.5", "urn:unknown:own"};
static const char others[] = " xmlns:h=\"urn:ietf:params:xml:ns:host-1.0\""
			     " xmlns:c=\"urn:ietf:params:xml:ns:contact-1.0\""
			     " xmlns:s=\"urn:ietf:params:xml:ns:secDNS-1.1\""
			     " xmlns:S=\"urn:ietf:params:xml:ns:secDNS-1.0\""
			     " xmlns:r=\"urn:ietf:params:xml:ns:rgp-1.0\""
			     " xmlns:x=\"urn:ietf:params:xml:ns:changePoll-1.0\""
			     " xmlns:l=\"urn:ietf:params:xml:ns:regLock-1.0\""
			     " xmlns:w=\"urn:ietf:params:xml:ns:epp:registryLock-1.0\""
			     " xmlns:N=\"http://www.nic.cz/xml/epp/nsset-1.2\""
			     " xmlns:K=\"http://www.nic.cz/xml/epp/keyset-1.3\""
			     " xmlns:G=\"http://www.eurid.eu/xml/epp/nsgroup-1.1\""
			     " xmlns:Q=\"http://www.eurid.eu/xml/epp/keygroup-1.1\""
			     " xmlns:X=\"http://www.eurid.eu/xml/epp/domain-ext-2.4\""
			     " xmlns:u=\"urn:unknown:extension\" xmlns:z=\"urn:x?kanari\"";

static texts declarations = {"", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "\xef\xbb\xbf",
			     "<?xml version='1.0' encoding='ISO-8859-1' standalone='no'?>",
			     "<?xml version=\"1.0\"?><!-- %c -->"};

static texts names = {"a.example",
		      "Some-Shop.EXAMPLE",
		      "xn--mnchen-3ya.example.",
		      " a.example ",
		      "<![CDATA[b.example]]>",
		      "c<!-- %c -->.example",
		      "&#x64;.example",
		      "m\xc3\xbcnchen.example",
		      "_dmarc.b.example",
		      "-bad..example",
		      ""};
static texts hosts = {"ns1.hoster.example", "NS2.hoster.example.", "ns.a.example",
		      "n\xc3\xa4me.example", ""};
static texts addresses = {"192.0.2.1", "2001:db8::1", "2001:DB8:0:0:0:0:0:2", "192.0.2.300", ""};
static texts ids = {"SET-1", "nssid:4711", "keyset/2", "", "has blank"};
static texts dates = {"2027-04-01T12:00:00Z", "2027-04-01", "2027-04-01T12:00:00.5+02:00",
		      "0001-01-01T00:00:00", "soon"};
static texts digests = {"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
			"da39a3ee5e6b4b0d 3255bfef95601890afd80709", "zz", ""};
static texts keys = {"oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkq"
		     "mVfRvMGPmM1x8fGAa2XhSA==",
		     "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", "AQ==", "-"};
static texts numbers = {"13", "8", "2", "1", "257", "3", "65535", "-1", ""};
static texts statuses = {"clientHold",    "clientUpdateProhibited", "serverDeleteProhibited", "ok",
			 "serverBlocked", "domainLocked",           "pendingDelete",          "%c"};
static texts ops = {"request", "approve", "query", "reject", "cancel", "%c", ""};
static texts operations = {"update",   "autoDelete", "create", "autoPurge",
			   "transfer", "restore",    "custom", "%c"};
static texts booleans = {"true", "false", "1", "0", "%c"};
static texts codes = {"1000", "1001", "1301", "2303", "1300", "%c"};
static texts transfer_statuses = {"pending",        "clientApproved", "serverApproved",
				  "clientRejected", "Transferred",    "%c"};
static texts logins = {"ClientX", "Registrar Y", "REG-Z", ""};
static texts transactions = {"SV-4711", "54322-XYZ ", "\xc3\xa9", ""};

/* Pieces longer than a line are no forgotten commas. NOLINTBEGIN(bugprone-suspicious-missing-comma) */

/* Of persons, and secrets: whatever frames were seen to hold, and wherever. */
static texts secrets = {
	"<d:authInfo><d:pw roid=\"%c\">%c</d:pw><d:pwregistranttransfer>%c"
	"</d:pwregistranttransfer></d:authInfo>",
	"<d:authInfo>%c</d:authInfo>",
	"<d:registrant verified=\"yes\">%c</d:registrant>",
	"<d:registrant><![CDATA[%c]]></d:registrant>",
	"<d:contact type=\"%c\">%c</d:contact>",
	"<d:admin>%c</d:admin><d:tempcontact>%c</d:tempcontact>",
	"<d:registrylock type=\"activate\"><d:smsnumber>%c</d:smsnumber><d:authkey>%c</d:authkey>"
	"</d:registrylock>",
	"<d:status s=\"%u\" lang=\"%c\">%c</d:status>",
	"<d:crID>%c</d:crID><d:upID>%c</d:upID><d:roid>%c</d:roid>",
	"<d:domain_password>%c</d:domain_password><d:authorization_key>%c</d:authorization_key>",
	"<d:reason lang=\"en\">%c</d:reason><d:legalDocument type=\"pdf\">%c</d:legalDocument>",
	"<c:id>%c</c:id><c:postalInfo><c:name>%c</c:name><c:addr><c:street>%c</c:street></c:addr>"
	"</c:postalInfo><c:voice>%c</c:voice><c:email>%c</c:email>",
	"<c:infData><c:id>%c</c:id><c:ident type=\"birthday\">%c</c:ident></c:infData>",
	"<N:tech>%c</N:tech><N:authInfo>%c</N:authInfo><K:tech>%c</K:tech>"
	"<K:authInfo>%c</K:authInfo>",
	"<X:registrant>%c</X:registrant><X:contact type=\"reseller\">%c</X:contact>",
	"<x:who>%c</x:who><x:caseId type=\"udrp\">%c</x:caseId><x:reason>%c</x:reason>",
	"<l:contacts><l:contact><l:id>%c</l:id><l:method>%c</l:method></l:contact></l:contacts>",
	"<l:approvedBy><l:contact><l:id>%c</l:id></l:contact></l:approvedBy>",
	"<r:report><r:preData>%c<d:name>%c</d:name></r:preData><r:postData>%c</r:postData>"
	"<r:resReason>%c</r:resReason><r:statement>%c</r:statement></r:report>",
	"<e:clTRID>%c</e:clTRID><e:msg lang=\"%c\">%c</e:msg><e:reason>%c</e:reason>",
	"<e:value><u:pw>%c</u:pw>%c</e:value>",
	"<u:extdata a=\"%c\"><u:legalDocument>%c</u:legalDocument><u:ident cc=\"%c\">%c</u:ident>"
	"<u:allocationToken>%c</u:allocationToken><u:vat>%c</u:vat></u:extdata>",
	"<u:oldData><d:infData><d:name>%c</d:name><d:authInfo>%c</d:authInfo></d:infData>"
	"</u:oldData>",
	"<z:newAuthInfo><z:pw>%c</z:pw></z:newAuthInfo>",
	"<u:echo><e:command><e:update><d:update><d:name>%c</d:name></d:update></e:update>"
	"</e:command></u:echo>",
	"<pw>%c</pw><PW>%c</PW><newPW>%c</newPW>",
};

/* What may stand between elements. */
static texts noise = {"",
		      "\n  ",
		      "%s",
		      "<!-- %c -->",
		      "<?kanari %c?>",
		      "<u:unknown>%s</u:unknown>",
		      "<e:unknown>%c</e:unknown>",
		      "&amp;",
		      "%c"};

static texts nameservers = {
	"<d:ns><d:hostObj>%h</d:hostObj>%e<d:hostObj>%h</d:hostObj></d:ns>",
	"<d:ns><d:hostAttr><d:hostName>%h</d:hostName>%e<d:hostAddr ip=\"%c\">%a</d:hostAddr>"
	"</d:hostAttr></d:ns>",
	"<d:ns>%h</d:ns><d:ns>%h</d:ns>",
	"<d:nsset>%i</d:nsset>",
	"<d:keyset>%i</d:keyset>",
	"<d:nsset/>",
};
static texts parts = {"%H", "%s", "<d:status s=\"%u\">%c</d:status>", "<h:addr>%a</h:addr>",
		      "<h:status s=\"%u\">%c</h:status>"};
static texts changes = {"%s", "<d:nsset>%i</d:nsset>", "<d:keyset/>",
			"<d:registrylock type=\"%c\"/>", "<d:registrant>%c</d:registrant>"};
static texts records = {
	"<s:dsData><s:keyTag>%g</s:keyTag><s:alg>%g</s:alg><s:digestType>2</s:digestType>"
	"<s:digest>%x</s:digest>%e</s:dsData>",
	"<s:keyData><s:flags>257</s:flags><s:protocol>3</s:protocol><s:alg>%g</s:alg>"
	"<s:pubKey>%k</s:pubKey>%e</s:keyData>",
	"<s:all>%b</s:all>",
	"<s:maxSigLife>%g</s:maxSigLife>",
	"<S:dsData><S:keyTag>%g</S:keyTag><S:alg>%g</S:alg><S:digestType>1</S:digestType>"
	"<S:digest>%x</S:digest></S:dsData>",
	"<S:keyTag>%g</S:keyTag>",
	"%s",
};
static texts set_parts = {
	"<N:ns><N:name>%h</N:name><N:addr>%a</N:addr>%e</N:ns>",
	"<N:name>%h</N:name>",
	"%s",
	"<K:dnskey><K:flags>257</K:flags><K:protocol>3</K:protocol><K:alg>%g</K:alg>"
	"<K:pubKey>%k</K:pubKey></K:dnskey>",
	"<K:ds><K:keyTag>%g</K:keyTag><K:alg>%g</K:alg><K:digestType>2</K:digestType>"
	"<K:digest>%x</K:digest></K:ds>",
};

static texts commands = {
	"<e:update><d:update><d:name>%n</d:name>%e<d:add>%P</d:add><d:rem>%P</d:rem>"
	"<d:chg>%C</d:chg></d:update></e:update>",
	"<e:create><d:create><d:name>%n</d:name>%P%C%e</d:create></e:create>",
	"<e:delete><d:delete><d:name>%n</d:name>%e</d:delete></e:delete>",
	"<e:renew><d:renew><d:name>%n</d:name>%e<d:curExpDate>%t</d:curExpDate></d:renew></"
	"e:renew>",
	"<e:renew><d:autorenew><d:name>%n</d:name><d:value>1</d:value></d:autorenew></e:renew>",
	"<e:transfer op=\"%o\"><d:transfer><d:name>%n</d:name>%e%H%s</d:transfer></e:transfer>",
	"<e:create><h:create><h:name>%h</h:name>%P</h:create></e:create>",
	"<e:update><h:update><h:name>%h</h:name><h:add>%P</h:add><h:rem>%P</h:rem><h:chg>"
	"<h:name>%h</h:name>%e</h:chg></h:update></e:update>",
	"<e:delete><h:delete><h:name>%h</h:name>%e</h:delete></e:delete>",
	"<e:create><N:create><N:id>%i</N:id>%N</N:create></e:create>",
	"<e:update><N:update><N:id>%i</N:id><N:add>%N</N:add><N:rem>%N</N:rem><N:chg>%s</N:chg>"
	"</N:update></e:update>",
	"<e:update><K:update><K:id>%i</K:id><K:add>%N</K:add><K:rem>%N</K:rem><K:chg>%s</K:chg>"
	"</K:update></e:update>",
	"<e:transfer op=\"%o\"><N:transfer><N:id>%i</N:id>%s</N:transfer></e:transfer>",
	"<e:update><G:update><G:name>%i</G:name><G:ns>%h</G:ns>%e</G:update></e:update>",
	"<e:update><Q:update><Q:name>%i</Q:name><Q:key><Q:flags>257</Q:flags><Q:protocol>3"
	"</Q:protocol><Q:algorithm>%g</Q:algorithm><Q:pubKey>%k</Q:pubKey></Q:key>%e</Q:update>"
	"</e:update>",
	"<e:update><c:update><c:id>%c</c:id>%s</c:update></e:update>",
	"<e:create><c:create>%s</c:create></e:create>",
	"<e:trade op=\"%o\"><d:trade><d:name>%n</d:name>%s</d:trade></e:trade>",
	"<e:undelete><d:undelete><d:name>%n</d:name>%s</d:undelete></e:undelete>",
	"<e:update><d:release><d:domainName>%n</d:domainName><d:registrarTag>%r</d:registrarTag>"
	"%e</d:release></e:update>",
	"<e:poll op=\"%o\" msgID=\"%c\"/>",
	"<e:check><d:check><d:name>%n</d:name>%s</d:check></e:check>",
	"<e:login><e:clID>%r</e:clID><e:pw>%c</e:pw><e:newPW>%c</e:newPW></e:login>",
	"<e:bespoke><d:bespoke>%s</d:bespoke></e:bespoke>",
};
static texts own_commands = {
	"<o:command><o:recover op=\"%o\"><o:domain keepDS=\"%b\"><o:name>%n</o:name>%s</o:domain>"
	"</o:recover><o:clTRID>%c</o:clTRID></o:command>",
	"<o:ext><o:command><o:trade op=\"%o\"><o:domain keepDS=\"%b\"><o:name>%n</o:name>%s"
	"</o:domain></o:trade></o:command></o:ext>",
	"<o:command><o:domainCancelDelete><o:name>%n</o:name>%e</o:domainCancelDelete></o:command>",
	"<o:command><o:withdraw><d:withdraw><d:name>%n</d:name>%s</d:withdraw></o:withdraw>"
	"</o:command>",
	"<o:extcommand><o:sendAuthInfo>%s</o:sendAuthInfo></o:extcommand>",
};
static texts command_extensions = {
	"<s:create>%S</s:create>",
	"<s:update urgent=\"%c\"><s:rem>%S</s:rem><s:add>%S</s:add><s:chg><s:maxSigLife>%g"
	"</s:maxSigLife></s:chg></s:update>",
	"<S:update><S:chg>%S</S:chg></S:update>",
	"<r:update><r:restore op=\"request\">%s</r:restore></r:update>",
	"<r:update><r:restore op=\"report\">%s</r:restore></r:update>",
	"<l:create><l:policy><l:timeout>%c</l:timeout></l:policy>%s</l:create>",
	"<l:update><l:add>%s</l:add></l:update>",
	"<w:lock/>",
	"<X:create><X:nsgroup>%i</X:nsgroup><X:keygroup>%i</X:keygroup>%s</X:create>",
	"<X:update><X:add><X:nsgroup>%i</X:nsgroup>%s</X:add><X:rem><X:nsgroup>%i</X:nsgroup>"
	"</X:rem></X:update>",
	"<X:transfer><X:request>%s<X:ns><d:hostObj>%h</d:hostObj></X:ns></X:request></X:transfer>",
	"<X:delete><X:cancel/></X:delete>",
	"<X:delete><X:schedule><X:delDate>%t</X:delDate></X:schedule></X:delete>",
	"<u:extension>%s</u:extension>",
	"%s",
};

/* What a response tells, wherever it stands. */
static texts told = {
	"<d:creData><d:name>%n</d:name><d:crDate>%t</d:crDate><d:exDate>%t</d:exDate></d:creData>",
	"<d:panData><d:name paResult=\"%b\">%n</d:name><d:paTRID><e:clTRID>%c</e:clTRID>"
	"<e:svTRID>%v</e:svTRID></d:paTRID><d:paDate>%t</d:paDate></d:panData>",
	"<h:panData><h:name paResult=\"%b\">%h</h:name><h:paTRID><e:svTRID>%v</e:svTRID></h:paTRID>"
	"</h:panData>",
	"<d:trnData><d:name>%n</d:name><d:trStatus>%f</d:trStatus><d:reID>%r</d:reID><d:reDate>%t"
	"</d:reDate><d:acID>%r</d:acID><d:acDate>%t</d:acDate><d:exDate>%t</d:exDate></d:trnData>",
	"<d:infData><d:name>%n</d:name><d:roid>%c</d:roid>%P%e%C<d:exDate>%t</d:exDate></"
	"d:infData>",
	"<h:infData><h:name>%h</h:name><h:roid>%c</h:roid>%P%e</h:infData>",
	"<x:changeData state=\"after\"><x:operation op=\"%c\">%O</x:operation><x:date>%t</x:date>"
	"<x:svTRID>%v</x:svTRID><x:who>%c</x:who><x:reason "
	"lang=\"%c\">%c</x:reason></x:changeData>",
	"<x:changeData state=\"before\"><x:operation>%O</x:operation>%e</x:changeData>",
	"<x:changeData><x:operation>%O</x:operation>%s</x:changeData>",
	"<s:infData>%S</s:infData>",
	"<l:infData><l:domain>%n</l:domain><l:operation success=\"%b\">update</l:operation>"
	"<l:svTRID>%v</l:svTRID>%s</l:infData>",
	"<d:updateData><d:opTRID>%v</d:opTRID><d:oldData>%s<d:infData><d:name>%n</d:name>%P"
	"</d:infData></d:oldData><d:newData><d:infData><d:name>%n</d:name>%P%s</d:infData>"
	"</d:newData></d:updateData>",
	"<N:updateData><N:opTRID>%v</N:opTRID><N:newData><N:infData><N:id>%i</N:id>%N</N:infData>"
	"</N:newData></N:updateData>",
	"<d:delData><d:name>%n</d:name><d:exDate>%t</d:exDate></d:delData>",
	"<N:idleDelData><N:id>%i</N:id></N:idleDelData>",
	"<N:trnData><N:id>%i</N:id><N:trDate>%t</N:trDate><N:clID>%r</N:clID></N:trnData>",
	"<c:panData><c:id paResult=\"%b\">%c</c:id></c:panData>",
	"<c:infData>%s</c:infData>",
	"<u:pollData><u:object>%c</u:object><u:detail>%c</u:detail></u:pollData>",
	"%s",
};
static texts response_parts = {
	"<e:result code=\"%q\"><e:msg lang=\"%c\">%c</e:msg></e:result>",
	"<e:resData>%T</e:resData>",
	"<e:extension>%T</e:extension>",
	"<e:msgQ count=\"1\" id=\"%c\"><e:qDate>%t</e:qDate><e:msg>%c%T</e:msg></e:msgQ>",
	"<e:result code=\"%q\"><e:msg>%c</e:msg><e:value>%s</e:value><e:extValue><e:value>%T"
	"</e:value><e:reason>%c</e:reason></e:extValue></e:result>",
	"%s",
};

/* NOLINTEND(bugprone-suspicious-missing-comma) */

unsigned choose(struct choices *choices, unsigned count)
{
	if (choices->size == 0)
		return 0;
	choices->size--;
	return *choices->bytes++ % count;
}

struct writer {
	struct choices *choices;
	enum canaries canaries;
	struct buffer *into;
};

static void put(struct writer *writer, const char *text, int depth);

static void put_one(struct writer *writer, const char *const *table, size_t count, int depth)
{
	put(writer, table[choose(writer->choices, (unsigned)count)], depth + 1);
}

/* One to LIST_MAX of them. */
static void put_some(struct writer *writer, const char *const *table, size_t count, int depth)
{
	for (unsigned left = 1 + choose(writer->choices, LIST_MAX); left > 0; left--)
		put_one(writer, table, count, depth);
}

static const struct {
	char letter;
	bool several;
	const char *const *table;
	size_t count;
} letters[] = {
#define ONE(letter, table)                                                                         \
	{                                                                                          \
		letter, false, table, COUNT(table)                                                 \
	}
#define SOME(letter, table)                                                                        \
	{                                                                                          \
		letter, true, table, COUNT(table)                                                  \
	}
	ONE('n', names),       ONE('h', hosts),
	ONE('a', addresses),   ONE('i', ids),
	ONE('t', dates),       ONE('x', digests),
	ONE('k', keys),        ONE('g', numbers),
	ONE('u', statuses),    ONE('o', ops),
	ONE('O', operations),  ONE('b', booleans),
	ONE('q', codes),       ONE('f', transfer_statuses),
	ONE('r', logins),      ONE('v', transactions),
	ONE('s', secrets),     ONE('e', noise),
	ONE('H', nameservers), SOME('P', parts),
	SOME('C', changes),    SOME('S', records),
	SOME('N', set_parts),  SOME('T', told),
};

static void put_choice(struct writer *writer, char letter, int depth)
{
	if (letter == 'c') {
		if (writer->canaries == CANARIES_GUARDED)
			put_one(writer, guarded, COUNT(guarded), depth);
		else
			put_one(writer, plain, COUNT(plain), depth);
		return;
	}
	for (size_t i = 0; i < COUNT(letters); i++) {
		if (letters[i].letter != letter)
			continue;
		if (letters[i].several)
			put_some(writer, letters[i].table, letters[i].count, depth);
		else
			put_one(writer, letters[i].table, letters[i].count, depth);
	}
}

static void put(struct writer *writer, const char *text, int depth)
{
	for (;;) {
		size_t size = strcspn(text, "%");
		buffer_append(writer->into, text, size);
		text += size;
		if (!*text)
			return;
		if (depth < DEPTH_MAX)
			put_choice(writer, text[1], depth);
		text += 2;
	}
}

static void put_attribute(struct writer *writer, const char *name, const char *const *table,
			  size_t count)
{
	buffer_printf(writer->into, " xmlns:%s=\"", name);
	put_one(writer, table, count, 0);
	buffer_append_text(writer->into, "\"");
}

static void open_root(struct writer *writer)
{
	put_one(writer, declarations, COUNT(declarations), 0);
	buffer_append_text(writer->into, "<e:epp");
	put_attribute(writer, "e", roots, COUNT(roots));
	put_attribute(writer, "d", domains, COUNT(domains));
	put_attribute(writer, "o", own, COUNT(own));
	buffer_append_text(writer->into, others);
	buffer_append_text(writer->into, ">");
}

void grammar_command(struct choices *choices, enum canaries canaries, struct buffer *into)
{
	struct writer writer = {choices, canaries, into};
	open_root(&writer);
	if (choose(choices, 8) == 7) {
		buffer_append_text(into, "<e:extension>");
		put_one(&writer, own_commands, COUNT(own_commands), 0);
		put(&writer, "</e:extension></e:epp>", 0);
		return;
	}
	put(&writer, "<e:command>", 0);
	put_one(&writer, commands, COUNT(commands), 0);
	if (choose(choices, 2)) {
		put(&writer, "<e:extension>", 0);
		put_some(&writer, command_extensions, COUNT(command_extensions), 0);
		put(&writer, "</e:extension>", 0);
	}
	put(&writer, "<e:clTRID>%c</e:clTRID></e:command>", 0);
	put(&writer, choose(choices, 8) == 7 ? "%e</e:epp>" : "</e:epp>", 0);
}

void grammar_response(struct choices *choices, enum canaries canaries, struct buffer *into)
{
	struct writer writer = {choices, canaries, into};
	open_root(&writer);
	put(&writer, "<e:response>", 0);
	put(&writer, response_parts[0], 0);
	put_some(&writer, response_parts, COUNT(response_parts), 0);
	put(&writer,
	    "<e:trID><e:clTRID>%c</e:clTRID><e:svTRID>%v</e:svTRID></e:trID></e:response></e:epp>",
	    0);
}

static bool is_at(const uint8_t *bytes, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (tolower(bytes[i]) != text[i])
			return false;
	return true;
}

static bool has(const uint8_t *bytes, size_t size, const char *text)
{
	size_t length = strlen(text);
	for (size_t i = 0; i + length <= size; i++)
		if (is_at(bytes + i, text, length))
			return true;
	return false;
}

bool grammar_canary_in(const void *bytes, size_t size, enum canaries canaries)
{
	return has(bytes, size, canaries == CANARIES_PLAIN ? mark : guard);
}
