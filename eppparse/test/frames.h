/* frames.h - what tests of the parser share: frames, a parser that lives through all tests of a program, and asserts */
#ifndef EPPPARSE_TEST_FRAMES_H
#define EPPPARSE_TEST_FRAMES_H

#include "base/buffer.h"
#include "eppparse/eppparse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a)           (sizeof(a) / sizeof *(a))

#define EPP                "urn:ietf:params:xml:ns:epp-1.0"
#define DOMAIN             "urn:ietf:params:xml:ns:domain-1.0"
#define HOST               "urn:ietf:params:xml:ns:host-1.0"
#define CONTACT            "urn:ietf:params:xml:ns:contact-1.0"
#define SECDNS             "urn:ietf:params:xml:ns:secDNS-1.1"
#define SECDNS_1_0         "urn:ietf:params:xml:ns:secDNS-1.0"
#define RGP                "urn:ietf:params:xml:ns:rgp-1.0"
#define REG_LOCK           "urn:ietf:params:xml:ns:regLock-1.0"
#define NSSET              "http://www.nic.cz/xml/epp/nsset-1.2"
#define KEYSET             "http://www.nic.cz/xml/epp/keyset-1.3"
#define NSGROUP            "http://www.eurid.eu/xml/epp/nsgroup-1.1"
#define KEYGROUP           "http://www.eurid.eu/xml/epp/keygroup-1.1"
#define DOMAIN_EXT         "http://www.eurid.eu/xml/epp/domain-ext-2.4"

#define FRAME(inner)       "<epp xmlns=\"" EPP "\">" inner "</epp>"
#define COMMAND(inner)     FRAME("<command>" inner "</command>")
/* A command of a registry's own, RFC 5730, section 2.7.1 */
#define PROTOCOL(inner)    FRAME("<extension>" inner "</extension>")

/* The prefix d is bound to domains within these. */
#define D(what, inner)     "<d:" what " xmlns:d=\"" DOMAIN "\">" inner "</d:" what ">"
#define NAMED              "<d:name>example.org</d:name>"
#define DOMAIN_DO(verb)    "<" verb ">" D(verb, NAMED) "</" verb ">"
#define EXTENSION(inner)   "<extension>" inner "</extension>"
#define UPDATE(inner)      COMMAND("<update>" D("update", NAMED inner) "</update>")
#define UPDATE_WITH(inner) COMMAND(DOMAIN_DO("update") EXTENSION(inner))
#define CREATE_WITH(inner) COMMAND(DOMAIN_DO("create") EXTENSION(inner))

#define RESPONSE(code, inner)                                                                      \
	FRAME("<response><result code=\"" code "\"><msg>As told</msg></result>" inner "</"         \
	      "response>")
#define POLLED "<trID><clTRID>C</clTRID><svTRID>POLL-1</svTRID></trID>"
/* The response to a poll: its msgQ/msg, resData and extension. */
#define MESSAGE(text, data, extension)                                                             \
	RESPONSE("1301", "<msgQ count=\"2\" id=\"M-1\"><qDate>2026-04-03T22:00:00Z</qDate><msg>"   \
			 "CANARY" text "</msg></msgQ><resData>" data                               \
			 "</resData><extension>" extension "</extension>" POLLED)

/* A DS record and a key as long as they have to be, and how the two begin. */
#define SHA256       "a1b2000000000000000000000000000000000000000000000000000000000000"
#define DIGEST_START "\xa1\xb2"
#define P256                                                                                       \
	"QUJDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define KEY_START "ABC"
#define DS_OF(p, tag)                                                                              \
	"<" p ":keyTag>" tag "</" p ":keyTag><" p ":alg>13</" p ":alg><" p ":digestType>2</" p     \
	":digestType><" p ":digest>" SHA256 "</" p ":digest>"
#define KEY_OF(p, flags)                                                                           \
	"<" p ":flags>" flags "</" p ":flags><" p ":protocol>3</" p ":protocol><" p ":alg>13</" p  \
	":alg><" p ":pubKey>" P256 "</" p ":pubKey>"

static const char done[] = RESPONSE("1000", "<trID><clTRID>C</clTRID><svTRID>SV-1</svTRID></trID>");
static const char moved[] =
	UPDATE("<d:add><d:ns><d:hostObj>ns1.example.net</d:hostObj></d:ns></d:add>");

/* What all tests use: a parser that lives through them, as in the capture thread. */
static struct eppparse *parse;
static struct change change;

static inline enum eppparse_result read_bytes(const void *command, size_t size,
					      const char *response)
{
	return eppparse_pair(parse, command, size, response, strlen(response), &change);
}

static inline enum eppparse_result read_pair(const char *command, const char *response)
{
	return read_bytes(command, strlen(command), response);
}

static inline enum eppparse_result read_command(const char *command)
{
	return read_pair(command, done);
}

static inline enum eppparse_result read_message(const char *response)
{
	return eppparse_message(parse, response, strlen(response), &change);
}

/* Fails if the change that was read holds a text that no change may hold. */
static inline void assert_no_canary(void)
{
	struct buffer bytes;
	buffer_init(&bytes, 1 << 26);
	change_encode(&change, &bytes);
	assert_false(bytes.failed);
	if (memmem(bytes.data, bytes.size, "CANARY", 6) ||
	    memmem(bytes.data, bytes.size, "canary", 6))
		fail_msg("a canary stands in the change");
	buffer_free(&bytes);
}

#define assert_result(result, expected)                                                            \
	do {                                                                                       \
		assert_string_equal(eppparse_reason(result), expected);                            \
		assert_no_canary();                                                                \
	} while (0)
#define assert_reads(command, expected)   assert_result(read_command(command), expected)
#define assert_message(message, expected) assert_result(read_message(message), expected)

#define assert_host(delta, i, expected)                                                            \
	do {                                                                                       \
		assert_true((i) < (delta).hosts.count);                                            \
		assert_string_equal((delta).hosts.items[i].text, expected);                        \
	} while (0)

/* The command came as an update of example.org with nothing in it but what is asserted beside. */
#define assert_subject(is_object, is_verb, subject)                                                \
	do {                                                                                       \
		assert_int_equal(change.object, is_object);                                        \
		assert_int_equal(change.verb, is_verb);                                            \
		if (change.object == CHANGE_DOMAIN || change.object == CHANGE_HOST)                \
			assert_string_equal(change.name.text, subject);                            \
		else                                                                               \
			assert_string_equal(change.handle.text, subject);                          \
	} while (0)

/* Is there nothing in it? */
static inline bool delta_is_empty(const struct change_delta *delta)
{
	return delta->hosts.count + delta->addresses.count + delta->ds.count + delta->keys.count +
			       delta->references.count ==
		       0 &&
	       delta->status == 0 && delta->status_others == 0 && !delta->all_secdns &&
	       !delta->all_hosts;
}

/* After whatever came before, a good frame is read as ever. */
static inline void assert_still_well(void)
{
	assert_reads(moved, "change");
	assert_string_equal(change.name.text, "example.org");
	assert_int_equal(change.add.hosts.count, 1);
	assert_string_equal(change.add.hosts.items[0].text, "ns1.example.net");
	assert_true(delta_is_empty(&change.remove));
	assert_true(delta_is_empty(&change.state));
	assert_false(change.is_message);
	assert_string_equal(change.svtrid.text, "SV-1");
}

/* Runs tests once more with stderr in a file, which must stay empty. */
static inline void assert_quiet(void (*const tests[])(void **), size_t count, void **state)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	fflush(stderr);
	int kept = dup(STDERR_FILENO);
	assert_true(kept >= 0);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	for (size_t i = 0; i < count; i++)
		tests[i](state);
	fflush(stderr);
	off_t printed = lseek(fileno(file), 0, SEEK_END);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
	fclose(file);
	assert_int_equal(printed, 0);
}

/* domain-ext is read only where the config names it. */
static struct config_pair frames_domain_ext = {
	(char *)"http://www.eurid.eu/xml/epp/domain-ext-2.4",
	(char *)"http://www.eurid.eu/xml/epp/domain-ext-2.4",
};
static const struct config_pairs frames_namespaces = {&frames_domain_ext, 1};

static inline int frames_begin(void **state)
{
	(void)state;
	change_init(&change);
	if (eppparse_silence_thread() != RESULT_OK || eppparse_new(&parse) != RESULT_OK)
		return 1;
	eppparse_use(parse, &frames_namespaces, NULL);
	return 0;
}

static inline int frames_end(void **state)
{
	(void)state;
	eppparse_free(&parse);
	eppparse_free(&parse);
	change_free(&change);
	return 0;
}

#endif
