/* fuzz/response.c - a response, whatever its bytes: `make fuzz-response SECONDS=60`
 *
 * Read as a poll's, as the registry's own change, and as the answer to a command.
 */
#include "conformance/fuzz/checks.h"

static const char command[] =
	"<epp xmlns='urn:ietf:params:xml:ns:epp-1.0'><command><transfer op='request'>"
	"<d:transfer xmlns:d='urn:ietf:params:xml:ns:domain-1.0'><d:name>a.example</d:name>"
	"</d:transfer></transfer></command></epp>";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	begin_reading();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	bool tells = scan_may_tell((const char *)bytes, size);
	bool succeeds = scan_may_succeed((const char *)bytes, size);
	enum eppparse_result found = eppparse_message(parse, bytes, size, &change);
	check_found(found);
	must(found != EPPPARSE_CHANGE || tells, "the scan hides a message");
	must(found != EPPPARSE_CHANGE || change.is_message, "a message that is none");

	found = eppparse_server_change(parse, bytes, size, &change);
	check_found(found);
	must(found != EPPPARSE_CHANGE || change.is_message, "a server's change that is no message");

	found = eppparse_command(parse, command, sizeof command - 1, &change);
	must(found == EPPPARSE_CHANGE, "the command can't be read any more");
	found = eppparse_response(parse, bytes, size, &change);
	check_found(found);
	must(found != EPPPARSE_CHANGE || succeeds, "the scan hides a success");
	must(strcmp(change.name.text, "a.example") == 0 && change.object == CHANGE_DOMAIN,
	     "the response changed what the command said");
	return 0;
}
