/* frames.h - EPP frames for tests of what lies around the parser */
#ifndef PLUGIN_TEST_FRAMES_H
#define PLUGIN_TEST_FRAMES_H

#define FRAMES_EPP    "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">"
#define FRAMES_DOMAIN "xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\""

#define FRAME_UPDATE(name)                                                                         \
	FRAMES_EPP "<command><update><d:update " FRAMES_DOMAIN "><d:name>" name                    \
		   "</d:name><d:add><d:status s=\"clientHold\"/></d:add></d:update></update>"      \
		   "</command></epp>"
#define FRAME_CHECK                                                                                \
	FRAMES_EPP "<command><check><d:check " FRAMES_DOMAIN "><d:name>a.example</d:name>"         \
		   "</d:check></check></command></epp>"
#define FRAME_DONE                                                                                 \
	FRAMES_EPP "<response><result code=\"1000\"><msg>Done</msg></result><trID>"                \
		   "<clTRID>C</clTRID><svTRID>SV-1</svTRID></trID></response></epp>"

#define FRAME_POLL FRAMES_EPP "<command><poll op=\"req\"/></command></epp>"
#define FRAMES_MESSAGE                                                                             \
	FRAMES_EPP "<response><result code=\"1301\"><msg>News</msg></result><msgQ id=\"7\" "       \
		   "count=\"1\"/>"
#define FRAMES_POLLED "<trID><svTRID>POLL-1</svTRID></trID></response></epp>"
#define FRAME_NO_MESSAGE                                                                           \
	FRAMES_EPP "<response><result code=\"1300\"><msg>None</msg></result>" FRAMES_POLLED
/* The end of the pending command SV-1. */
#define FRAME_PENDING_DONE(name)                                                                   \
	FRAMES_MESSAGE "<resData><d:panData " FRAMES_DOMAIN "><d:name paResult=\"1\">" name        \
		       "</d:name><d:paTRID><svTRID>SV-1</svTRID></d:paTRID><d:paDate>"             \
		       "2026-01-02T03:04:05Z</d:paDate></d:panData></resData>" FRAMES_POLLED
#define FRAME_TRANSFERRED(name)                                                                    \
	FRAMES_MESSAGE                                                                             \
	"<resData><d:trnData " FRAMES_DOMAIN "><d:name>" name                                      \
	"</d:name><d:trStatus>clientApproved</d:trStatus><d:reID>gainer</d:reID>"                  \
	"<d:reDate>2026-01-01T00:00:00Z</d:reDate><d:acID>loser@x.example</d:acID>"                \
	"<d:acDate>2026-01-02T00:00:00Z</d:acDate></d:trnData></resData>" FRAMES_POLLED
/* What the registry did itself; `state` is before or after. */
#define FRAME_SERVER_CHANGE(name, state, what)                                                     \
	FRAMES_MESSAGE "<resData><d:infData " FRAMES_DOMAIN "><d:name>" name                       \
		       "</d:name><d:roid>R-1</d:roid><d:status s=\"serverHold\"/>" what            \
		       "<d:clID>sponsor</d:clID></d:infData></resData><extension><c:changeData "   \
		       "xmlns:c=\"urn:ietf:params:xml:ns:changePoll-1.0\" state=\"" state          \
		       "\"><c:operation>update</c:operation><c:date>2026-01-02T03:04:05Z</c:date>" \
		       "<c:svTRID>OWN-1</c:svTRID><c:who>CANARY Person</c:who></c:changeData>"     \
		       "</extension>" FRAMES_POLLED

#endif
