/* front_end.c - a front end of a few lines: each line of stdin names a domain that a registrar has updated
 *
 *     front_end CONFIG      prints each name when the tap has taken its change
 */
#include <epptap.h>
#include <stdio.h>
#include <string.h>

static const char command[] =
	"<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command><update>"
	"<d:update xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\"><d:name>%s</d:name><d:add><d:ns>"
	"<d:hostObj>ns1.hoster.example</d:hostObj></d:ns></d:add></d:update>"
	"</update></command></epp>";
static const char response[] = "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response><result "
			       "code=\"1000\"><msg>Done</msg>"
			       "</result><trID><svTRID>S-%s</svTRID></trID></response></epp>";

int main(int argc, char **argv)
{
	struct epptap *tap;
	char why[1024], name[256], frame[2048], answer[2048];
	if (argc != 2 || epptap_open(argv[1], &tap, why, sizeof why) != EPPTAP_OK) {
		fprintf(stderr, "%s\n", argc == 2 ? why : "usage: front_end CONFIG");
		return 1;
	}
	while (fgets(name, sizeof name, stdin)) {
		name[strcspn(name, "\n")] = '\0';
		int frame_size = snprintf(frame, sizeof frame, command, name);
		int answer_size = snprintf(answer, sizeof answer, response, name);
		int result = epptap_transaction(tap, "clientx", frame, (size_t)frame_size, answer,
						(size_t)answer_size);
		if (result != EPPTAP_OK) {
			fprintf(stderr, "%s: %s\n", name, epptap_strerror(result));
			return 1;
		}
		puts(name);
		fflush(stdout);
	}
	epptap_close(&tap, 2000);
	return 0;
}
