#include "subscriber/option_table.h"

#include "base/name.h"
#include "base/token.h"
#include "publisher/feed_format.h"
#include "subscriber/impact.h"

#include <string.h>

#define TIMEOUT_MAX_S (100 * UINT64_C(366) * 86400)

static bool is_not_empty(const char *value)
{
	return *value != '\0';
}

static bool is_endpoint(const char *value)
{
	return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "ipc://", 6) == 0;
}

static bool is_channel(const char *value)
{
	size_t size = strlen(value);
	return size > 0 && size <= 63 &&
	       strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static bool is_registry(const char *value)
{
	return strncmp(value, "https://", 8) == 0 && value[8] != '\0';
}

static bool is_registrar(const char *value)
{
	return token_is_title(value, strlen(value));
}

/* A name as the feed has it; empty if it is none. */
static void normalise_name(char *copy)
{
	char name[NAME_SIZE];
	(void)!name_read(copy, strlen(copy), name);
	memcpy(copy, name, strlen(name) + 1); /* never longer */
}

static bool is_impact(const char *value)
{
	return impact_is_known(value);
}

static bool is_color(const char *value)
{
	return strcmp(value, "always") == 0 || strcmp(value, "never") == 0 ||
	       strcmp(value, "auto") == 0;
}

#define AT(member) offsetof(struct options, member)
#define FILE_NAME  "a file's name would be right"

enum {
	LIVE = OPTIONS_FOLLOW | OPTIONS_RECONCILE,
	LOG = OPTIONS_FOLLOW | OPTIONS_RECONCILE | OPTIONS_AUDIT | OPTIONS_PROVE,
	ALL = LOG | OPTIONS_VERIFY_PROOF,
};

static const struct option_row rows[] = {
	{ALL, "--key", "VERIFIER", OPTION_LIST, AT(keys), is_not_empty,
	 "a verifier key, NAME+ID+BASE64, would be right", 0, NULL,
	 "the log's key, or its cosigner's, to believe"},
	{LOG, "--state", "FOLDER", OPTION_TEXT, AT(state), is_not_empty,
	 "a folder's name would be right", 0, NULL,
	 "keys and checkpoints (~/.local/state/eppwatch)"},
	{LOG, "--ca-file", "FILE", OPTION_TEXT, AT(ca_file), is_not_empty, FILE_NAME, 0, NULL,
	 "who may vouch for the web server (PEM)"},
	{LOG, "--client-cert", "FILE", OPTION_TEXT, AT(client_cert), is_not_empty, FILE_NAME, 0,
	 NULL, NULL},
	{LOG, "--client-key", "FILE", OPTION_TEXT, AT(client_key), is_not_empty, FILE_NAME, 0, NULL,
	 "who we are, for it (PEM)"},
	{LIVE, "--curve-key", "FILE", OPTION_TEXT, AT(curve_key), is_not_empty, FILE_NAME, 0, NULL,
	 "your secret CURVE key, one z85 line, yours alone"},
	{OPTIONS_FOLLOW, "--from", "PLACE", OPTION_PLACE, AT(from), NULL, NULL, 0, NULL,
	 "INDEX, start, end; last: where we were (end)"},
	{OPTIONS_RECONCILE, "--from", "PLACE", OPTION_PLACE, AT(from), NULL, NULL, 0, NULL, NULL},
	{OPTIONS_RECONCILE, "--to", "PLACE", OPTION_PLACE, AT(to), NULL, NULL, 0, NULL,
	 "INDEX, start, end, last, or a time\n"
	 "as 2026-11-27T21:00:00Z (from end, live)"},
	{LIVE, "--cursor", "FILE", OPTION_TEXT, AT(cursor), is_not_empty, FILE_NAME, 0, NULL,
	 "keeps the next index; if there, begins with it"},
	{OPTIONS_RECONCILE, "--own", "FILE|URL", OPTION_TEXT, AT(own), is_not_empty,
	 "a file of JSON lines, - or a channel's address would be right", 0, NULL,
	 "what we sent: JSON lines, or our own channel"},
	{OPTIONS_RECONCILE, "--registrar", "ID", OPTION_LIST, AT(registrars), is_registrar,
	 "printable ASCII, single spaces within, at most 64 characters, would be right", 0, NULL,
	 "our id, as the feed has it"},
	{OPTIONS_RECONCILE, "--all", NULL, OPTION_FLAG, AT(all), NULL, NULL, 0, NULL,
	 "not lock and unlock alone, but every change"},
	{OPTIONS_RECONCILE, "--wait", "SECONDS", OPTION_NUMBER, AT(wait_s), NULL, NULL,
	 TIMEOUT_MAX_S, NULL, "until what we sent is missing (60)"},
	{OPTIONS_FOLLOW, "--name", "NAME", OPTION_LIST, AT(names), is_not_empty,
	 "a domain or host name would be right, with xn-- labels for other alphabets", 0,
	 normalise_name, NULL},
	{OPTIONS_FOLLOW, "--complete", NULL, OPTION_FLAG, AT(complete), NULL, NULL, 0, NULL,
	 "only this name, its hosts, its nameservers"},
	{OPTIONS_FOLLOW, "--registrar", "ID", OPTION_LIST, AT(registrars), is_registrar,
	 "printable ASCII, single spaces within, at most 64 characters, would be right", 0, NULL,
	 "only events of this registrar"},
	{OPTIONS_FOLLOW, "--impact", "CLASS", OPTION_LIST, AT(impacts), is_impact, NULL, 0, NULL,
	 "only events with this impact, see below"},
	{OPTIONS_FOLLOW, "--count", "N", OPTION_NUMBER, AT(count), NULL, NULL, INT64_MAX, NULL,
	 NULL},
	{LIVE, "--timeout", "SECONDS", OPTION_NUMBER, AT(timeout_s), NULL, NULL, TIMEOUT_MAX_S,
	 NULL, "end after so many, or this time"},
	{LIVE | OPTIONS_AUDIT, "--max-age", "SECONDS", OPTION_NUMBER, AT(max_age_s), NULL, NULL,
	 TIMEOUT_MAX_S, NULL, "of the checkpoint: else the feed stands still (60)"},
	{OPTIONS_FOLLOW, "--connect", "ENDPOINT", OPTION_TEXT, AT(connect), is_endpoint,
	 "tcp://HOST:PORT would be right", 0, NULL, ""},
	{OPTIONS_FOLLOW, "--channel", "NAME", OPTION_TEXT, AT(channel), is_channel,
	 "lower-case letters, digits and hyphens would be right", 0, NULL, ""},
	{OPTIONS_FOLLOW, "--registry", "URL", OPTION_TEXT, AT(registry), is_registry,
	 "the https:// URL that the registry puts into each event would be right", 0, NULL, ""},
	{OPTIONS_FOLLOW, "--jwks", "FILE", OPTION_TEXT, AT(jwks), is_not_empty, FILE_NAME, 0, NULL,
	 ""},
	{OPTIONS_FOLLOW, "--curve-server", "FILE", OPTION_TEXT, AT(curve_server), is_not_empty,
	 FILE_NAME, 0, NULL, ""},
	{OPTIONS_PROVE, "--out", "FILE", OPTION_TEXT, AT(out), is_not_empty, FILE_NAME, 0, NULL,
	 "writes the proof there, not to the screen"},
	{OPTIONS_PROVE, "--event", "FILE", OPTION_TEXT, AT(event), is_not_empty, FILE_NAME, 0, NULL,
	 "writes the event there (its JWS)"},
	{OPTIONS_VERIFY_PROOF, "--event", "FILE", OPTION_TEXT, AT(event), is_not_empty, FILE_NAME,
	 0, NULL, "the event (its JWS) that is proved"},
	{ALL & ~OPTIONS_PROVE, "--json", NULL, OPTION_FLAG, AT(json), NULL, NULL, 0, NULL,
	 "for programs"},
	{LIVE, "--color", "WHEN", OPTION_TEXT, AT(color), is_color,
	 "always, never or auto would be right", 0, NULL, "always, never or auto"},
	{ALL, "--help", NULL, OPTION_FLAG, AT(help), NULL, NULL, 0, NULL, ""},
	{ALL, "--version", NULL, OPTION_FLAG, AT(version), NULL, NULL, 0, NULL, ""},
};

static const struct option_argument arguments[] = {
	{LOG, OPTIONS_FOLLOW, "URL", OPTION_TEXT, AT(address),
	 "a channel's address, https://HOST/PATH/ or a folder"},
	{OPTIONS_PROVE, 0, "INDEX", OPTION_NUMBER, AT(index), "an entry's number in the log"},
	{OPTIONS_VERIFY_PROOF, 0, "FILE", OPTION_TEXT, AT(file), "a .tlog-proof file"},
};

static const struct option_usage usages[] = {
	{OPTIONS_FOLLOW, "follow", "URL [option]...",
	 "Shows the changes that a registry's EPP servers made, each verified first, none\n"
	 "left out: what the socket misses is read from the log. URL: of the channel.\n",
	 "Values of one option are alternatives, options narrow each other.\n"
	 "Without URL, nor its log: --connect ENDPOINT --channel NAME --registry URL\n"
	 "--jwks FILE [--curve-server FILE]. Exit: 0 done, 1 something did not verify,\n"
	 "2 usage, 3 time over or no connection, 4 feed stands still. Manual: eppwatch(1)\n"},
	{OPTIONS_AUDIT, "audit", "URL [option]...",
	 "Reads the whole log of a channel: each hash, each signature, keys, gaps, chains.\n",
	 "Exit: 0 all is right, 1 something is wrong, 2 usage, 4 the feed stands still.\n"
	 "Manual: eppwatch(1)\n"},
	{OPTIONS_PROVE, "prove", "URL INDEX [option]...",
	 "Proves that an event is in the log: a file for `eppwatch verify-proof`.\n",
	 "Exit: 0 done, 1 something did not verify, 2 usage. Manual: eppwatch(1)\n"},
	{OPTIONS_VERIFY_PROOF, "verify-proof", "FILE --key VERIFIER [--event FILE] [option]...",
	 "Holds a proof against the log's key, without asking anybody.\n",
	 "Exit: 0 it is proved, 1 it is not, 2 usage. Manual: eppwatch(1)\n"},
	{OPTIONS_RECONCILE, "reconcile", "URL --registrar ID --own FILE|URL [option]...",
	 "Compares what a registrar sent with what the registry says happened.\n",
	 "Lines: {\"svTRID\":\"R-1\",\"domain\":\"a.example\",\"action\":\"lock\"}; actions, or\n"
	 "lists of them: lock unlock update create delete renew transfer restore.\n"
	 "Exit: 0 they agree, 1 they differ or something did not verify, 2 usage,\n"
	 "3 no connection, 4 the feed stands still. Manual: eppwatch(1)\n"},
};

const struct option_row *option_row(size_t i)
{
	return i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

const struct option_argument *option_argument(size_t i)
{
	return i < sizeof arguments / sizeof *arguments ? &arguments[i] : NULL;
}

const struct option_usage *option_usage(enum options_of of)
{
	size_t i = 0;
	while (i + 1 < sizeof usages / sizeof *usages && usages[i].of != of)
		i++;
	return &usages[i];
}

void option_list_impacts(char *text, size_t size)
{
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < FEED_IMPACTS && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? " " : "",
				       feed_impact_name(i));
}
