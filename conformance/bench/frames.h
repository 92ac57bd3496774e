/* frames.h - pairs of frames of the size that they have in the field, each of a name of its own */
#ifndef CONFORMANCE_BENCH_FRAMES_H
#define CONFORMANCE_BENCH_FRAMES_H

#include "conformance/bench/tap.h"

#include <string.h>

enum { FRAME_ROOM = 8192 };

struct frame_pair {
	char command[FRAME_ROOM], response[FRAME_ROOM];
	size_t command_size, response_size;
};

struct frame_formats {
	const char *what;
	const char *command, *response; /* ######## stands for the number that makes it its own */
};

#define DOMAIN_NS   "xmlns:domain=\"urn:ietf:params:xml:ns:domain-1.0\""
#define DOMAIN_NAME "<domain:name>bench-########.example</domain:name>\n"
#define CLTRID      "    <clTRID>bench-client-########</clTRID>\n  </command>\n</epp>\n"
#define ANSWER(code)                                                                               \
	EPP_OPEN "  <response>\n    <result code=\"" code                                          \
		 "\">\n      <msg>Command completed</msg>\n    </result>\n"
#define TRID                                                                                       \
	"    <trID>\n      <clTRID>bench-client-########</clTRID>\n"                               \
	"      <svTRID>bench-server-########</svTRID>\n    </trID>\n  </response>\n</epp>\n"
#define DS(tag)                                                                                    \
	"          <secDNS:dsData>\n            <secDNS:keyTag>" tag "</secDNS:keyTag>\n"          \
	"            <secDNS:alg>13</secDNS:alg>\n"                                                \
	"            <secDNS:digestType>2</secDNS:digestType>\n"                                   \
	"            "                                                                             \
	"<secDNS:digest>e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"          \
	"</secDNS:digest>\n          </secDNS:dsData>\n"
#define NS(one, two)                                                                               \
	"          <domain:ns>\n            <domain:hostObj>" one "</domain:hostObj>\n"            \
	"            <domain:hostObj>" two "</domain:hostObj>\n          </domain:ns>\n"
#define TRANSFER_DATES                                                                             \
	"        <domain:reID>ClientX</domain:reID>\n"                                             \
	"        <domain:reDate>2027-04-03T22:00:00.0Z</domain:reDate>\n"                          \
	"        <domain:acID>ClientY</domain:acID>\n"                                             \
	"        <domain:acDate>2027-04-08T22:00:00.0Z</domain:acDate>\n"                          \
	"        <domain:exDate>2028-04-03T22:00:00.0Z</domain:exDate>\n"

/* One element a line, as on the wire. */
/* clang-format off */
static const struct frame_formats frame_formats[] = {
	{"create",
	 EPP_OPEN
	 "  <command>\n"
	 "    <create>\n"
	 "      <domain:create " DOMAIN_NS ">\n"
	 "        " DOMAIN_NAME
	 "        <domain:period unit=\"y\">2</domain:period>\n"
	 NS("ns1.some-hoster.example", "ns2.some-hoster.example")
	 "        <domain:registrant>handle-########</domain:registrant>\n"
	 "        <domain:contact type=\"admin\">handle-4711-admin</domain:contact>\n"
	 "        <domain:contact type=\"tech\">handle-4711-tech</domain:contact>\n"
	 "        <domain:contact type=\"billing\">handle-4711-billing</domain:contact>\n"
	 "        <domain:authInfo>\n"
	 "          <domain:pw>not-to-be-told</domain:pw>\n"
	 "        </domain:authInfo>\n"
	 "      </domain:create>\n"
	 "    </create>\n"
	 "    <extension>\n"
	 "      <secDNS:create xmlns:secDNS=\"urn:ietf:params:xml:ns:secDNS-1.1\">\n"
	 "        <secDNS:maxSigLife>604800</secDNS:maxSigLife>\n"
	 DS("12345")
	 "      </secDNS:create>\n"
	 "      <fee:create xmlns:fee=\"urn:ietf:params:xml:ns:epp:fee-1.0\">\n"
	 "        <fee:currency>EUR</fee:currency>\n"
	 "        <fee:fee>5.00</fee:fee>\n"
	 "      </fee:create>\n"
	 "    </extension>\n"
	 CLTRID,
	 ANSWER("1000")
	 "    <resData>\n"
	 "      <domain:creData " DOMAIN_NS ">\n"
	 "        " DOMAIN_NAME
	 "        <domain:crDate>2027-04-03T22:00:00.0Z</domain:crDate>\n"
	 "        <domain:exDate>2029-04-03T22:00:00.0Z</domain:exDate>\n"
	 "      </domain:creData>\n"
	 "    </resData>\n"
	 TRID},
	{"update",
	 EPP_OPEN
	 "  <command>\n"
	 "    <update>\n"
	 "      <domain:update " DOMAIN_NS ">\n"
	 "        " DOMAIN_NAME
	 "        <domain:add>\n"
	 NS("ns1.new-hoster.example", "ns2.new-hoster.example")
	 "          <domain:contact type=\"tech\">handle-4711</domain:contact>\n"
	 "          <domain:status s=\"clientTransferProhibited\" lang=\"en\"/>\n"
	 "        </domain:add>\n"
	 "        <domain:rem>\n"
	 NS("ns1.old-hoster.example", "ns2.old-hoster.example")
	 "          <domain:contact type=\"tech\">handle-0815</domain:contact>\n"
	 "        </domain:rem>\n"
	 "        <domain:chg>\n"
	 "          <domain:registrant>handle-########</domain:registrant>\n"
	 "        </domain:chg>\n"
	 "      </domain:update>\n"
	 "    </update>\n"
	 "    <extension>\n"
	 "      <secDNS:update xmlns:secDNS=\"urn:ietf:params:xml:ns:secDNS-1.1\">\n"
	 "        <secDNS:rem>\n"
	 DS("12345")
	 "        </secDNS:rem>\n"
	 "        <secDNS:add>\n"
	 DS("23456")
	 "        </secDNS:add>\n"
	 "      </secDNS:update>\n"
	 "    </extension>\n"
	 CLTRID,
	 ANSWER("1000")
	 TRID},
	{"transfer",
	 EPP_OPEN
	 "  <command>\n"
	 "    <transfer op=\"request\">\n"
	 "      <domain:transfer " DOMAIN_NS ">\n"
	 "        " DOMAIN_NAME
	 "        <domain:authInfo>\n"
	 "          <domain:pw>not-to-be-told</domain:pw>\n"
	 "        </domain:authInfo>\n"
	 "      </domain:transfer>\n"
	 "    </transfer>\n"
	 CLTRID,
	 ANSWER("1001")
	 "    <resData>\n"
	 "      <domain:trnData " DOMAIN_NS ">\n"
	 "        " DOMAIN_NAME
	 "        <domain:trStatus>pending</domain:trStatus>\n"
	 TRANSFER_DATES
	 "      </domain:trnData>\n"
	 "    </resData>\n"
	 TRID},
	{"poll",
	 EPP_OPEN
	 "  <command>\n"
	 "    <poll op=\"req\"/>\n"
	 CLTRID,
	 ANSWER("1301")
	 "    <msgQ count=\"5\" id=\"########\">\n"
	 "      <qDate>2027-04-03T22:00:00.0Z</qDate>\n"
	 "      <msg>Transfer requested.</msg>\n"
	 "    </msgQ>\n"
	 "    <resData>\n"
	 "      <domain:trnData " DOMAIN_NS ">\n"
	 "        " DOMAIN_NAME
	 "        <domain:trStatus>serverApproved</domain:trStatus>\n"
	 TRANSFER_DATES
	 "      </domain:trnData>\n"
	 "    </resData>\n"
	 TRID},
};
/* clang-format on */

enum { FRAME_KINDS = sizeof frame_formats / sizeof *frame_formats };

/* Puts the number wherever the format has ########. */
static inline size_t write_frame(char frame[FRAME_ROOM], const char *format, unsigned number)
{
	static const char mark[] = "########";
	char digits[16];
	size_t size = strlen(format);
	if (size >= FRAME_ROOM)
		give_up("frames", "one is too large");
	memcpy(frame, format, size + 1);
	snprintf(digits, sizeof digits, "%08u", number % 100000000);
	for (char *at = frame; (at = strstr(at, mark)); at += sizeof mark - 1)
		memcpy(at, digits, sizeof mark - 1);
	return size;
}

static inline void write_pair(struct frame_pair *pair, unsigned kind, unsigned number)
{
	const struct frame_formats *formats = &frame_formats[kind % FRAME_KINDS];
	pair->command_size = write_frame(pair->command, formats->command, number);
	pair->response_size = write_frame(pair->response, formats->response, number);
}

#endif
