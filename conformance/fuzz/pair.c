/* fuzz/pair.c - a command with its response, whatever their bytes: `make fuzz-pair SECONDS=60`
 *
 * What the scans pass over is no change; read in one step or in two, a pair is the same; a login is one by its bytes
 * only if it is one for the parser.
 */
#include "conformance/fuzz/checks.h"
#include "eppparse/session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	begin_reading();
	return 0;
}

/* The same pair by eppparse_command() and eppparse_response(). */
static void check_two_steps(struct piece command, struct piece response, enum eppparse_result found)
{
	struct change other;
	change_init(&other);
	enum eppparse_result first = eppparse_command(parse, command.bytes, command.size, &other);
	enum eppparse_result last = eppparse_response(parse, response.bytes, response.size, &other);
	bool is_change = first == EPPPARSE_CHANGE && last == EPPPARSE_CHANGE;
	must(is_change == (found == EPPPARSE_CHANGE), "in two steps it is something else");
	if (is_change)
		must_equal_encoded(&other, "in two steps it is another change");
	change_free(&other);
}

/* Who logs in, by the bytes and by the parser: where both say it, it is the same. */
static void check_login(struct piece command, struct piece response)
{
	struct change_registrar login = {""};
	struct session_text text = session_login((const char *)command.bytes, command.size);
	unsigned code = session_code((const char *)response.bytes, response.size);
	enum eppparse_result found = eppparse_login(parse, command.bytes, command.size,
						    response.bytes, response.size, &login);
	must(memchr(login.text, '\0', sizeof login.text) != NULL, "a login without an end");
	if (found == EPPPARSE_CHANGE && text.size > 0)
		must(text.size == strlen(login.text) && memcmp(text.at, login.text, text.size) == 0,
		     "two logins");
	must(found != EPPPARSE_CHANGE || code == 0 || code == 1000, "a login that failed");
	check_silence();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct piece rest, command = split((struct piece){bytes, size}, &rest);
	struct piece response = split(rest, &rest);
	enum eppparse_result found = eppparse_pair(parse, command.bytes, command.size,
						   response.bytes, response.size, &change);
	check_found(found);
	/* A message is no business of a command's that asks something else. */
	bool message = found == EPPPARSE_CHANGE && change.is_message;
	must(message || found != EPPPARSE_CHANGE || !passed_over(command, response),
	     "the scans hide a change");
	if (!message)
		check_two_steps(command, response, found);
	check_login(command, response);
	return 0;
}
