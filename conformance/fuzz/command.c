/* fuzz/command.c - a command, whatever its bytes: `make fuzz-command SECONDS=60`
 *
 * The scan never says no to what the parser takes for a change, and a parser that has read other frames before finds
 * what a new one finds.
 */
#include "conformance/fuzz/checks.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	begin_reading();
	return 0;
}

static void check_fresh(const uint8_t *bytes, size_t size, enum eppparse_result found)
{
	struct eppparse *fresh = new_parser();
	struct change other;
	change_init(&other);
	must(eppparse_command(fresh, bytes, size, &other) == found,
	     "a new parser finds something else");
	if (found == EPPPARSE_CHANGE)
		must_equal_encoded(&other, "a new parser finds another change");
	change_free(&other);
	eppparse_free(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	enum scan_command kind = scan_command((const char *)bytes, size, NULL);
	enum eppparse_result found = eppparse_command(parse, bytes, size, &change);
	check_found(found);
	must(kind == SCAN_MAYBE || found != EPPPARSE_CHANGE, "the scan hides a change");
	must(found != EPPPARSE_CHANGE || change.outcome == CHANGE_UNKNOWN,
	     "a command says what came of it");
	must(!change.is_message && !change.svtrid.text[0] && !change.has_expires,
	     "a command speaks for the server");
	check_fresh(bytes, size, found);
	return 0;
}
