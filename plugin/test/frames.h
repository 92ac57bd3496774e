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

#endif
