#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subscriber/options.h"

#include <stdlib.h>
#include <string.h>

#define NEEDED                                                                                     \
	"--connect", "tcp://[::1]:5555", "--channel", "vetted", "--registry",                      \
		"https://registry.example", "--jwks", "jwks.json"
#define COUNT_OF(list) ((int)(sizeof(list) / sizeof *(list)))

/* The arguments are read; the options are for options_free(). */
#define PARSED(options, ...)                                                                       \
	do {                                                                                       \
		char *arguments[] = {__VA_ARGS__};                                                 \
		char why[512] = "";                                                                \
		int result = options_parse(OPTIONS_FOLLOW, COUNT_OF(arguments), arguments,         \
					   options, why, sizeof why);                              \
		assert_string_equal(why, "");                                                      \
		assert_int_equal(result, RESULT_OK);                                               \
	} while (0)

/* They are refused, with this in the message. */
#define REFUSED(said, ...)                                                                         \
	do {                                                                                       \
		char *arguments[] = {__VA_ARGS__};                                                 \
		char why[512] = "";                                                                \
		struct options options;                                                            \
		assert_int_equal(options_parse(OPTIONS_FOLLOW, COUNT_OF(arguments), arguments,     \
					       &options, why, sizeof why),                         \
				 RESULT_INVALID);                                                  \
		if (!strstr(why, said))                                                            \
			print_error("%s\n", why);                                                  \
		assert_non_null(strstr(why, said));                                                \
		assert_null(options.names.items);                                                  \
	} while (0)

static void all_options_are_read(void **state)
{
	(void)state;
	struct options options;
	PARSED(&options, NEEDED, "--name=Example.ORG.", "--name", "xn--bcher-kva.example",
	       "--registrar", "ClientX", "--registrar=Client-Y", "--impact", "lock", "--impact",
	       "unlock", "--count", "3", "--timeout=60", "--json", "--color", "never",
	       "--curve-server", "s.pub", "--curve-key", "c.key");
	assert_string_equal(options.connect, "tcp://[::1]:5555");
	assert_string_equal(options.channel, "vetted");
	assert_string_equal(options.registry, "https://registry.example");
	assert_string_equal(options.jwks, "jwks.json");
	assert_string_equal(options.curve_server, "s.pub");
	assert_string_equal(options.curve_key, "c.key");
	assert_int_equal(options.names.count, 2);
	assert_string_equal(options.names.items[0], "example.org");
	assert_string_equal(options.names.items[1], "xn--bcher-kva.example");
	assert_int_equal(options.registrars.count, 2);
	assert_string_equal(options.registrars.items[1], "Client-Y");
	assert_int_equal(options.impacts.count, 2);
	assert_int_equal(options.count, 3);
	assert_int_equal(options.timeout_s, 60);
	assert_true(options.json);
	assert_string_equal(options.color, "never");
	options_free(&options);
	assert_null(options.names.items);
}

static void what_is_not_given_is_off(void **state)
{
	(void)state;
	struct options options;
	PARSED(&options, NEEDED);
	assert_int_equal(options.count, 0);
	assert_int_equal(options.timeout_s, 0);
	assert_int_equal(options.names.count, 0);
	assert_false(options.json);
	assert_null(options.color);
	options_free(&options);
}

static void help_and_version_need_nothing_else(void **state)
{
	(void)state;
	struct options options;
	PARSED(&options, "--help");
	assert_true(options.help);
	options_free(&options);
	PARSED(&options, "--version");
	assert_true(options.version);
	options_free(&options);
}

static void each_needed_option_is_asked_for(void **state)
{
	(void)state;
	REFUSED("--connect ENDPOINT is missing", "--channel", "a");
	REFUSED("--channel NAME is missing", "--connect", "tcp://a:1");
	REFUSED("--registry URL is missing", "--connect", "tcp://a:1", "--channel", "a");
	REFUSED("--jwks FILE is missing", "--connect", "tcp://a:1", "--channel", "a", "--registry",
		"https://a");
}

static void an_impact_must_be_a_known_one(void **state)
{
	(void)state;
	REFUSED("create delete restore renew transfer registrar delegation glue dnssec-added "
		"dnssec-changed dnssec-removed lock unlock hold unhold contacts none",
		NEEDED, "--impact", "Lock");
}

static void values_that_cannot_be_right_are_refused(void **state)
{
	(void)state;
	REFUSED("tcp://HOST:PORT would be right", "--connect", "host:5555");
	REFUSED("lower-case letters", "--channel", "Vetted");
	REFUSED("https://", "--registry", "registry.example");
	REFUSED("xn--", NEEDED, "--name", "b\303\274cher.example");
	REFUSED("domain or host name", NEEDED, "--name", "");
	REFUSED("domain or host name", NEEDED, "--name", ".");
	REFUSED("--count 0: a whole number from 1", NEEDED, "--count", "0");
	REFUSED("--count -1: a whole", NEEDED, "--count", "-1");
	REFUSED("--count 1x: a whole", NEEDED, "--count", "1x");
	REFUSED("a whole number", NEEDED, "--count", "99999999999999999999999999");
	REFUSED("a whole number", NEEDED, "--timeout", "");
	REFUSED("always, never or auto", NEEDED, "--color", "blue");
}

static void options_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	REFUSED("--nam: no such option", NEEDED, "--nam", "a");
	REFUSED("no such option", NEEDED, "/a/channel", "vetted");
	REFUSED("no such option", NEEDED, "");
	REFUSED("?[2J: no such option", NEEDED, "\033[2J");
	REFUSED("--json takes no value", NEEDED, "--json=1");
	REFUSED("--name lacks its value", NEEDED, "--name");
	REFUSED("--channel stands twice", NEEDED, "--channel", "b");
	REFUSED("--count stands twice", NEEDED, "--count=1", "--count=2");
}

static void curve_keys_go_together(void **state)
{
	(void)state;
	REFUSED("go together", NEEDED, "--curve-server", "s.pub");
	REFUSED("go together", NEEDED, "--curve-key", "c.key");
}

static void names_are_judged(void **state)
{
	(void)state;
	struct options good;
	PARSED(&good, NEEDED, "--name", "_dmarc.example.org");
	assert_string_equal(good.names.items[0], "_dmarc.example.org");
	options_free(&good);
	REFUSED("--name .org: a domain or host name", NEEDED, "--name", ".org");
	REFUSED("--name a b: a domain or host name", NEEDED, "--name", "a b");
	REFUSED("--name a..b: a domain or host name", NEEDED, "--name", "a..b");
}

static void a_registrar_may_have_single_spaces_within(void **state)
{
	(void)state;
	struct options good;
	PARSED(&good, NEEDED, "--registrar", "ClientX Ltd", "--registrar=A B C");
	assert_string_equal(good.registrars.items[0], "ClientX Ltd");
	assert_string_equal(good.registrars.items[1], "A B C");
	options_free(&good);
	REFUSED("single spaces within", NEEDED, "--registrar", "Client  X");
	REFUSED("single spaces within", NEEDED, "--registrar", " ClientX");
	REFUSED("single spaces within", NEEDED, "--registrar", "ClientX ");
	REFUSED("single spaces within", NEEDED, "--registrar", "Client\tX");
	REFUSED("single spaces within", NEEDED, "--registrar", "");
}

/* Of any subcommand: RESULT_OK, or what the message must have. */
#define GIVES(of, said, ...)                                                                       \
	do {                                                                                       \
		char *arguments[] = {__VA_ARGS__};                                                 \
		char why[512] = "";                                                                \
		struct options given;                                                              \
		int result = options_parse(of, COUNT_OF(arguments), arguments, &given, why,        \
					   sizeof why);                                            \
		if (!strstr(why, said))                                                            \
			print_error("%s\n", why);                                                  \
		assert_non_null(strstr(why, said));                                                \
		assert_int_equal(result, *said ? RESULT_INVALID : RESULT_OK);                      \
		options_free(&given);                                                              \
	} while (0)

static void a_channel_with_a_log_needs_its_address_alone(void **state)
{
	(void)state;
	struct options options;
	PARSED(&options, "https://feed.example/public/", "--from", "17", "--key", "a+b+c",
	       "--key=d");
	assert_string_equal(options.address, "https://feed.example/public/");
	assert_int_equal(options.from.kind, PLACE_INDEX);
	assert_int_equal(options.from.index, 17);
	assert_int_equal(options.keys.count, 2);
	options_free(&options);
	GIVES(OPTIONS_FOLLOW, "", "/log", "--from", "start");
	GIVES(OPTIONS_FOLLOW, "", "/log", "--from=last", "--cursor", "c");
	GIVES(OPTIONS_FOLLOW, "a number, start, end", "/log", "--from", "begin");
	GIVES(OPTIONS_FOLLOW, "a number, start, end", "/log", "--from", "2026-11-27T21:00:00Z");
	GIVES(OPTIONS_FOLLOW, "--from stands twice", "/log", "--from", "1", "--from", "2");
	GIVES(OPTIONS_FOLLOW, "with a URL, its feed.json says it", "/log", "--registry",
	      "https://a");
	GIVES(OPTIONS_FOLLOW, "--client-cert and --client-key go together", "/log", "--client-cert",
	      "c.pem");
	GIVES(OPTIONS_FOLLOW, "need a log", NEEDED, "--from", "start");
	GIVES(OPTIONS_FOLLOW, "need a log", NEEDED, "--name", "a.example", "--complete");
	GIVES(OPTIONS_FOLLOW, "", "/log", "--name", "a.example", "--complete");
	GIVES(OPTIONS_FOLLOW, "--complete is for --name", "/log", "--complete");
}

static void each_subcommand_has_its_own(void **state)
{
	(void)state;
	GIVES(OPTIONS_AUDIT, "URL is missing", "--json");
	GIVES(OPTIONS_AUDIT, "no such option: eppwatch audit --help", "/log", "--name",
	      "a.example");
	GIVES(OPTIONS_PROVE, "INDEX is missing", "/log");
	GIVES(OPTIONS_PROVE, "INDEX x: an entry's number", "/log", "x");
	GIVES(OPTIONS_PROVE, "", "/log", "0", "--out", "p");
	GIVES(OPTIONS_VERIFY_PROOF, "--key VERIFIER is missing", "p.tlog-proof");
	GIVES(OPTIONS_VERIFY_PROOF, "FILE is missing", "--key", "k");
	GIVES(OPTIONS_RECONCILE, "--registrar ID is missing", "/log", "--own", "-");
	GIVES(OPTIONS_RECONCILE, "--own FILE|URL is missing", "/log", "--registrar", "ClientX");
	GIVES(OPTIONS_RECONCILE, "", "/log", "--registrar", "ClientX", "--own", "-", "--from",
	      "2026-11-27T21:00:00Z", "--to", "end", "--all", "--wait", "5");
}

static void the_help_of_each_fits_a_screen(void **state)
{
	(void)state;
	static const enum options_of all[] = {OPTIONS_FOLLOW, OPTIONS_AUDIT, OPTIONS_PROVE,
					      OPTIONS_VERIFY_PROOF, OPTIONS_RECONCILE};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		char *text = NULL;
		size_t size = 0, lines = 0;
		FILE *out = open_memstream(&text, &size);
		options_help(all[i], out);
		fclose(out);
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
			if (strlen(line) > 80)
				print_error("%s\n", line);
			assert_true(strlen(line) <= 80);
		}
		assert_true(lines > 3 && lines <= 24);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_options_are_read),
		cmocka_unit_test(what_is_not_given_is_off),
		cmocka_unit_test(help_and_version_need_nothing_else),
		cmocka_unit_test(each_needed_option_is_asked_for),
		cmocka_unit_test(an_impact_must_be_a_known_one),
		cmocka_unit_test(values_that_cannot_be_right_are_refused),
		cmocka_unit_test(options_that_do_not_exist_are_refused),
		cmocka_unit_test(curve_keys_go_together),
		cmocka_unit_test(names_are_judged),
		cmocka_unit_test(a_registrar_may_have_single_spaces_within),
		cmocka_unit_test(a_channel_with_a_log_needs_its_address_alone),
		cmocka_unit_test(each_subcommand_has_its_own),
		cmocka_unit_test(the_help_of_each_fits_a_screen),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
