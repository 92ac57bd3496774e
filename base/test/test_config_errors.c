/* What config_load() says of a bad file: the exact line, column and words. */
#include "base/config.h"
#include "base/test/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define NO_TITLE                                                                                   \
	" can't be published; write 1 to 64 characters of printable ASCII, single spaces within, " \
	"or hide"
#define NO_LOGIN " is no login; write 1 to 64 characters of printable ASCII, without spaces"
#define OF_STATE " of state_dir, which is private; write a folder of its own"
#define KEY_EVENT                                                                                  \
	"an absolute path, such as /etc/epptap/event.pem, or a URI, such as pkcs11:object=event"
#define WITH_KEY(key) "registry: https://registry.example\nkeys: {event: " key "}\n"
#define SIXTEEN       "abcdefghijklmnop"
#define LONG          SIXTEEN SIXTEEN SIXTEEN SIXTEEN
#define DOMAIN_1_0    "urn:ietf:params:xml:ns:domain-1.0"
#define NO_URI                                                                                     \
	" is no URI of a namespace; write 1 to 255 printable characters of ASCII, without "        \
	"blanks, as the frames have it"
#define NO_NAMESPACE                                                                               \
	" is no namespace that epptap reads; write urn:ietf:params:xml:ns: with epp-1.0, "         \
	"domain-1.0, host-1.0, contact-1.0, secDNS-1.1, secDNS-1.0, rgp-1.0, changePoll-1.0, "     \
	"regLock-1.0 or epp:registryLock-1.0 behind it, or http://www.nic.cz/xml/epp/ with "       \
	"nsset-1.2 or keyset-1.3, or http://www.eurid.eu/xml/epp/ with nsgroup-1.1, "              \
	"keygroup-1.1 or domain-ext-2.4"
#define NO_VERB                                                                                    \
	" is no name of an element; write 1 to 64 letters, digits, dots, hyphens and "             \
	"underscores, without a prefix"

struct complaint {
	const char *shows;
	const char *text;
	const char *says;
};

/* clang-format off */
static const struct complaint complaints[] = {
	/* keys */
	{"an unknown key is answered with the nearest known one",
	 MINIMAL "capture:\n  queu: 64MiB\n",
	 ":7:3: capture.queu: unknown key; did you mean capture.queue?"},
	{"a key in the wrong place is sent to the right one", MINIMAL "queue: 64MiB\n",
	 ":6:1: queue: unknown key; did you mean capture.queue?"},
	{"a section in the wrong place is sent to the right one",
	 MINIMAL "curve: {secret: /a, clients: any}\n",
	 ":6:1: curve: unknown key; did you mean channels.curve?"},
	{"a key that begins like a known one is taken for it",
	 CHANNEL "    log_directory: /srv\n",
	 ":7:5: channels.log_directory: unknown key; did you mean channels.log_dir?"},
	{"an unknown key of a section with few keys lists them",
	 CHANNEL "    curve: {x: /a}\n",
	 ":7:13: channels.curve.x: unknown key; the keys here are secret, clients"},
	{"an unknown key of the file lists all", MINIMAL "wibble: 1\n",
	 ":6:1: wibble: unknown key; the keys here are registry, zones, state_dir, keys, "
	 "publisher, alg, capture, reorder, spool, store, server_changes, sign_threads, "
	 "registrars, namespaces, verbs, retention, checkpoint, channels, metrics"},
	{"an unknown key of a zone's delay has its full path",
	 CHANNEL "    delay: {zones: {example: {creat: 1h}}}\n",
	 ":7:31: channels.delay.zones.creat: unknown key; did you mean "
	 "channels.delay.zones.create?"},
	{"a dotted key is no way to write a section", MINIMAL "capture.queue: 64MiB\n",
	 ":6:1: capture.queue: unknown key; write capture:, and queue: below it"},
	{"a long unknown key is cut, and what can't be printed is not",
	 MINIMAL "\"\\e[31mabcdefghijklmnopqrstuvwxyz0123456789\": 1\n",
	 ":6:1: ?[31mabcdefghijklmnopqrstuvwxyz0...: unknown key; the keys here are registry, "
	 "zones, state_dir, keys, publisher, alg, capture, reorder, spool, store, "
	 "server_changes, sign_threads, registrars, namespaces, verbs, retention, checkpoint, "
	 "channels, metrics"},
	{"a key with a NUL byte is not the key before it", MINIMAL "\"alg\\0\": EdDSA\n",
	 ":6:1: alg?: unknown key; did you mean alg?"},
	{"a doubled key names the first one's line", MINIMAL "reorder: 1s\nalg: EdDSA\nreorder: 1s\n",
	 ":8:1: reorder: is here twice, first in line 6; keep one of them"},
	{"a doubled section is an error", MINIMAL "spool: {limit: 1GiB}\nspool: {limit: 1GiB}\n",
	 ":7:1: spool: is here twice, first in line 6; keep one of them"},
	{"a key that is a list is an error", MINIMAL "[a, b]: 1\n",
	 ":6:1: the file: a key is a list or a mapping; write key: value"},
	{"a section needs keys", MINIMAL "capture: 64MiB\n",
	 ":6:10: capture: has no keys; write some of queue, streams, frame_limit, durability, "
	 "wait_limit, intent below it, or take it out"},
	{"an empty section needs keys", MINIMAL "capture:\n",
	 ":6:9: capture: has no keys; write some of queue, streams, frame_limit, durability, "
	 "wait_limit, intent below it, or take it out"},

	/* shapes */
	{"a key without a value is an error", MINIMAL "reorder:\n",
	 ":6:9: reorder: has no value; write a number with ms, s, m, h or d, such as 50ms, or "
	 "take the key out"},
	{"null is no value", MINIMAL "metrics: null\n",
	 ":6:10: metrics: has no value; write an absolute path, such as "
	 "/var/lib/prometheus/node-exporter/epptap.prom, or take the key out"},
	{"a list where one value belongs is an error", MINIMAL "reorder: [1s]\n",
	 ":6:10: reorder: a list does not belong here; write a number with ms, s, m, h or d, "
	 "such as 50ms"},
	{"one value where a list belongs is an error", MINIMAL "zones: example\n",
	 ":6:8: zones: a single value does not belong here; write a list of names, such as "
	 "[example, co.example]"},
	{"a mapping where one value belongs is an error", MINIMAL "alg: {a: b}\n",
	 ":6:6: alg: a mapping does not belong here; write EdDSA or Ed25519"},
	{"an empty list is an error", MINIMAL "zones: []\n",
	 ":6:8: zones: is empty; write a list of names, such as [example, "
	 "co.example], or take the key out"},
	{"a list in a list is an error", MINIMAL "zones: [[example]]\n",
	 ":6:9: zones: a list does not belong here; write a list of names, such as [example, "
	 "co.example]"},
	{"a control character is an error", MINIMAL "metrics: \"/a\\0b\"\n",
	 ":6:10: metrics: holds a control character; write an absolute path, such as "
	 "/var/lib/prometheus/node-exporter/epptap.prom"},

	/* sizes, times, numbers, words */
	{"a wrong unit of size is told the right ones", MINIMAL "capture:\n  queue: \"64Mb\"\n",
	 ":7:10: capture.queue: \"64Mb\" is no size; write a number with KiB, MiB or GiB, "
	 "such as 64MiB"},
	{"a size without unit is an error", MINIMAL "spool: {limit: 1000000}\n",
	 ":6:16: spool.limit: \"1000000\" is no size; write a number with KiB, MiB or GiB, "
	 "such as 8GiB"},
	{"a size below its bound is told both bounds", MINIMAL "capture: {queue: 1023KiB}\n",
	 ":6:18: capture.queue: 1023KiB is too small; write 1MiB to 64GiB"},
	{"a size above its bound is told both bounds", MINIMAL "capture: {queue: 65GiB}\n",
	 ":6:18: capture.queue: 65GiB is too large; write 1MiB to 64GiB"},
	{"a size beyond 64 bits is too large", MINIMAL "capture: {queue: 99999999999999999999GiB}\n",
	 ":6:18: capture.queue: 99999999999999999999GiB is too large; write 1MiB to 64GiB"},
	{"a size whose bytes are beyond 64 bits is too large",
	 MINIMAL "capture: {queue: 18446744073709551615GiB}\n",
	 ":6:18: capture.queue: 18446744073709551615GiB is too large; write 1MiB to 64GiB"},
	{"a negative size is none", MINIMAL "store: {limit: -1GiB}\n",
	 ":6:16: store.limit: \"-1GiB\" is no size; write a number with KiB, MiB or GiB, such "
	 "as 64GiB"},
	{"a broken number is no size", MINIMAL "store: {limit: 1.5GiB}\n",
	 ":6:16: store.limit: \"1.5GiB\" is no size; write a number with KiB, MiB or GiB, "
	 "such as 64GiB"},
	{"a frame limit below 4KiB is too small", MINIMAL "capture: {frame_limit: 4095B}\n",
	 ":6:24: capture.frame_limit: 4095B is too small; write 4KiB to 64MiB"},
	{"a frame limit above 64MiB is too large", MINIMAL "capture: {frame_limit: 65MiB}\n",
	 ":6:24: capture.frame_limit: 65MiB is too large; write 4KiB to 64MiB"},
	{"a duration needs a unit", MINIMAL "reorder: 50\n",
	 ":6:10: reorder: \"50\" is no duration; write a number with ms, s, m, h or d, such "
	 "as 50ms"},
	{"a duration above its bound is told both", MINIMAL "reorder: 10001ms\n",
	 ":6:10: reorder: 10001ms is too large; write 0 to 10s"},
	{"retention is an hour at least", MINIMAL "retention: 59m\n",
	 ":6:12: retention: 59m is too small; write 1h to 36500d"},
	{"a checkpoint is due every 10s at least", MINIMAL "checkpoint: 1m\n",
	 ":6:13: checkpoint: 1m is too large; write 100ms to 10s"},
	{"a number takes no unit", MINIMAL "sign_threads: 4x\n",
	 ":6:15: sign_threads: \"4x\" is no number; write a whole number, such as 0"},
	{"more than 64 threads are too many", MINIMAL "sign_threads: 65\n",
	 ":6:15: sign_threads: 65 is too large; write 0 to 64"},
	{"a high-water mark of 0 would be no bound", CHANNEL "    high_water_mark: 0\n",
	 ":7:22: channels.high_water_mark: 0 is too small; write 1 to 10000000"},
	{"yes is neither true nor false", MINIMAL "capture: {intent: yes}\n",
	 ":6:19: capture.intent: \"yes\" is not known; write true, false, on or off"},
	{"an unknown choice is told the known ones", MINIMAL "alg: RS256\n",
	 ":6:6: alg: \"RS256\" is not known; write EdDSA or Ed25519"},
	{"an unknown kind is told the known ones", CHANNEL "    kinds: [create, drop]\n",
	 ":7:21: channels.kinds: \"drop\" is not known; write a list of create, update, "
	 "delete, renew, transfer and restore"},

	/* texts of a form */
	{"the registry is an https address", "registry: http://registry.example\n",
	 ":1:11: registry: \"http://registry.example\" is no address of a registry; write "
	 "https://HOST, such as https://registry.example, without user, query or fragment"},
	{"the registry's address has no query", "registry: https://registry.example/?a\n",
	 ":1:11: registry: \"https://registry.example/?a\" is no address of a registry; write "
	 "https://HOST, such as https://registry.example, without user, query or fragment"},
	{"the registry's address has a good port", "registry: https://registry.example:0/\n",
	 ":1:11: registry: \"https://registry.example:0/\" is no address of a registry; write "
	 "https://HOST, such as https://registry.example, without user, query or fragment"},
	{"a path is absolute", MINIMAL "metrics: var/epptap.prom\n",
	 ":6:10: metrics: \"var/epptap.prom\" is no absolute path; write an absolute path, "
	 "such as /var/lib/prometheus/node-exporter/epptap.prom"},
	{"a path does not go up", MINIMAL "metrics: /var/../epptap.prom\n",
	 ":6:10: metrics: \"/var/../epptap.prom\" goes up by ..; write the path without"},
	{"a key's path is absolute", WITH_KEY("event.pem"),
	 ":2:15: keys.event: is neither an absolute path nor a URI; write " KEY_EVENT},
	{"a key's path does not go up", WITH_KEY("'file:/a/../b'"),
	 ":2:15: keys.event: \"file:/a/../b\" goes up by ..; write the path without"},
	{"a file: URI has an absolute path", WITH_KEY("'file:event.pem'"),
	 ":2:15: keys.event: is neither an absolute path nor a URI; write " KEY_EVENT},
	{"a file: URI is this machine's", WITH_KEY("'file://other.example/event.pem'"),
	 ":2:15: keys.event: is neither an absolute path nor a URI; write " KEY_EVENT},
	{"a key's URI is one, and is not shown, as it may hold a PIN",
	 WITH_KEY("'pkcs11:object=my key?pin-value=1234'"),
	 ":2:15: keys.event: holds a character that a URI has only as %XX; write " KEY_EVENT},
	{"a key is not empty", WITH_KEY("''"),
	 ":2:15: keys.event: is neither an absolute path nor a URI; write " KEY_EVENT},
	{"a zone is a domain name", MINIMAL "zones: [example, -bad.example]\n",
	 ":6:18: zones: \"-bad.example\" is no domain name; write letters, digits and "
	 "hyphens, such as co.example, or xn--... for other scripts"},
	{"a zone in another script is told of its A-label", MINIMAL "zones: [\xc3\xbc.example]\n",
	 ":6:9: zones: \"??.example\" is no domain name; write letters, digits and hyphens, "
	 "such as co.example, or xn--... for other scripts"},
	{"a zone twice is an error, whatever its letters", MINIMAL "zones: [example, EXAMPLE.]\n",
	 ":6:18: zones: \"EXAMPLE.\" is here twice; keep one of them"},
	{"a login twice is an error", MINIMAL "registrars: {a: A, b: B, a: C}\n",
	 ":6:26: registrars: \"a\" is here twice; keep one of them"},
	{"a login's name is not empty", MINIMAL "registrars: {a: ''}\n",
	 ":6:17: registrars: \"\"" NO_TITLE},
	{"a login's name has no space in front", MINIMAL "registrars: {a: ' B'}\n",
	 ":6:17: registrars: \" B\"" NO_TITLE},
	{"a login's name has no space behind", MINIMAL "registrars: {a: 'B '}\n",
	 ":6:17: registrars: \"B \"" NO_TITLE},
	{"a login's name has no two spaces within", MINIMAL "registrars: {a: B  C}\n",
	 ":6:17: registrars: \"B  C\"" NO_TITLE},
	{"a login's name is ASCII", MINIMAL "registrars: {a: B\xc3\xbc}\n",
	 ":6:17: registrars: \"B??\"" NO_TITLE},
	{"a login's name has 64 characters at most",
	 MINIMAL "registrars: {a: " SIXTEEN SIXTEEN SIXTEEN SIXTEEN "7}\n",
	 ":6:17: registrars: \"" SIXTEEN SIXTEEN "...\"" NO_TITLE},
	{"a login is not empty", MINIMAL "registrars: {'': B}\n",
	 ":6:14: registrars: \"\"" NO_LOGIN},
	{"a login has no spaces", MINIMAL "registrars: {a: B, c d: E}\n",
	 ":6:20: registrars: \"c d\"" NO_LOGIN},
	{"a login is ASCII", MINIMAL "registrars: {\xc3\xbc: B}\n",
	 ":6:14: registrars: \"??\"" NO_LOGIN},
	{"a login has 64 characters at most",
	 MINIMAL "registrars: {" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "7: B}\n",
	 ":6:14: registrars: \"" SIXTEEN SIXTEEN "...\"" NO_LOGIN},
	{"a login's name is no list", MINIMAL "registrars: {a: [B]}\n",
	 ":6:17: registrars: a list does not belong here; write logins with names, such as "
	 "{clientx: ClientX Ltd}"},
	{"a verb is not empty", MINIMAL "verbs: {'': restore}\n", ":6:9: verbs: \"\"" NO_VERB},
	{"an origin has no spaces", CHANNEL "    origin: registry example\n",
	 ":7:13: channels.origin: \"registry example\" is no origin of a log; write a name "
	 "without spaces, such as registry.example/public"},

	/* what must be there */
	{"an empty file is told of the sample", "",
	 ":1:1: the file is empty; start from the sample, etc/epptap.yaml"},
	{"a file of comments is empty", "# nothing\n",
	 ":1:1: the file is empty; start from the sample, etc/epptap.yaml"},
	{"a file that is a list is told of the sample", "- a\n",
	 ":1:1: the file is no list of keys with values; start from the sample, "
	 "etc/epptap.yaml"},
	{"the registry must be there", "state_dir: /var/lib/epptap\n",
	 ":1:1: registry: is missing; write https://HOST, such as https://registry.example, "
	 "without user, query or fragment"},
	{"the state directory must be there", "registry: https://registry.example\n",
	 ":1:1: state_dir: is missing; write an absolute path, such as /var/lib/epptap"},
	{"the event key must be there",
	 "registry: https://registry.example\nstate_dir: /a\nkeys: {log: /b}\n",
	 ":1:1: keys.event: is missing; write " KEY_EVENT},
	{"a channel must be there", TOP,
	 ":1:1: channels: is missing; write a list of channels, each with name and bind"},
	{"an empty list of channels is none", TOP "channels: []\n",
	 ":4:11: channels: is empty; write a list of channels, each with name and bind"},
	{"a channel must have a name", TOP "channels:\n  - bind: tcp://127.0.0.1:1\n",
	 ":5:5: channels.name: is missing; write 1 to 32 of a-z, 0-9 and hyphen, such as "
	 "public"},
	{"a channel must have an address", TOP "channels:\n  - name: public\n",
	 ":5:5: channels.bind: is missing; write tcp://ADDRESS:PORT, such as "
	 "tcp://0.0.0.0:7700"},
	{"a channel is no single word", TOP "channels: [public]\n",
	 ":4:12: channels: a single value does not belong here; write a list of channels, "
	 "each with name and bind"},

	/* channels */
	{"a channel's name has no capitals", TOP "channels: [{name: Public}]\n",
	 ":4:19: channels.name: \"Public\" is no name of a channel; write 1 to 32 of a-z, 0-9 "
	 "and hyphen, such as public"},
	{"a channel's name has 32 characters at most",
	 TOP "channels: [{name: a23456789012345678901234567890123}]\n",
	 ":4:19: channels.name: \"a2345678901234567890123456789012...\" is no name of a "
	 "channel; write 1 to 32 of a-z, 0-9 and hyphen, such as public"},
	{"an address needs its scheme", TOP "channels: [{name: a, bind: '127.0.0.1:1'}]\n",
	 ":4:28: channels.bind: \"127.0.0.1:1\" is no address to listen on; write "
	 "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"an address needs its port", TOP "channels: [{name: a, bind: 'tcp://127.0.0.1'}]\n",
	 ":4:28: channels.bind: \"tcp://127.0.0.1\" is no address to listen on; write "
	 "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"a port is 65535 at most", TOP "channels: [{name: a, bind: 'tcp://127.0.0.1:65536'}]\n",
	 ":4:28: channels.bind: \"tcp://127.0.0.1:65536\" is no address to listen on; write "
	 "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"a name is no address to listen on",
	 TOP "channels: [{name: a, bind: 'tcp://localhost:7700'}]\n",
	 ":4:28: channels.bind: \"tcp://localhost:7700\" is no address to listen on; write "
	 "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"an IPv6 address stands in brackets", TOP "channels: [{name: a, bind: 'tcp://::1:7700'}]\n",
	 ":4:28: channels.bind: \"tcp://::1:7700\" is no address to listen on; write "
	 "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"any address is none to connect to", CHANNEL "    connect: ['tcp://*:7700']\n",
	 ":7:15: channels.connect: \"tcp://*:7700\" is no address to connect to; write a list "
	 "of tcp://ADDRESS:PORT, such as [tcp://feed.registry.example:7700]"},
	{"a bad IPv4 address is no host name", CHANNEL "    connect: ['tcp://1.2.3.400:1']\n",
	 ":7:15: channels.connect: \"tcp://1.2.3.400:1\" is no address to connect to; write a "
	 "list of tcp://ADDRESS:PORT, such as [tcp://feed.registry.example:7700]"},
	{"an ipc path is absolute", TOP "channels: [{name: a, bind: 'ipc://feed'}]\n",
	 ":4:28: channels.bind: \"ipc://feed\" is no address to listen on; write "
	 "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"two channels have two names",
	 CHANNEL "  - name: public\n    bind: tcp://127.0.0.1:7701\n",
	 ":7:11: channels.name: is that of channel 1 too; write one that no other channel has"},
	{"two channels have two addresses",
	 CHANNEL "  - name: other\n    bind: tcp://127.0.0.1:7700\n",
	 ":8:11: channels.bind: is that of channel 1 too; write one that no other channel has"},
	{"two channels have two origins",
	 CHANNEL "  - name: other\n    bind: tcp://127.0.0.1:1\n    origin: registry.example/public\n",
	 ":9:13: channels.origin: is that of channel 1 too; write one that no other channel "
	 "has"},
	{"two channels have two log folders, however written",
	 CHANNEL "    log_dir: /srv/a\n  - name: other\n    bind: tcp://127.0.0.1:1\n"
		 "    log_dir: /srv//a/\n",
	 ":10:14: channels.log_dir: is, holds or lies in the log_dir of channel public; write "
	 "a folder of its own"},
	{"a log folder lies in no other's",
	 CHANNEL "    log_dir: /srv/a\n  - name: other\n    bind: tcp://127.0.0.1:1\n"
		 "    log_dir: /srv/a/tile\n",
	 ":10:14: channels.log_dir: is, holds or lies in the log_dir of channel public; write "
	 "a folder of its own"},
	{"a log folder is not the state directory", CHANNEL "    log_dir: /var/lib/epptap\n",
	 ":7:14: channels.log_dir: is or holds state_dir; write a folder of its own"},
	{"a log folder is not the feed store's", CHANNEL "    log_dir: /var/lib/epptap/feed\n",
	 ":7:14: channels.log_dir: is or lies in the folder feed" OF_STATE},
	{"a log folder does not lie in the spool",
	 CHANNEL "    log_dir: /var/lib/epptap/spool/public\n",
	 ":7:14: channels.log_dir: is or lies in the folder spool" OF_STATE},
	{"a log folder is not where the locks are",
	 CHANNEL "    log_dir: /var//lib/epptap/./locks/\n",
	 ":7:14: channels.log_dir: is or lies in the folder locks" OF_STATE},
	{"curve needs a secret", CHANNEL "    curve: {clients: any}\n",
	 ":7:12: channels.curve.secret: is missing; write the path of the server's CURVE key"},
	{"curve needs clients", CHANNEL "    curve: {secret: /a.key}\n",
	 ":7:12: channels.curve.clients: is missing; write the path of a folder of public "
	 "keys, or any to let every client in"},
	{"an empty curve does not make a plain channel", CHANNEL "    curve: {}\n",
	 ":7:12: channels.curve.secret: is missing; write the path of the server's CURVE key"},
	{"clients are a folder or any", CHANNEL "    curve: {secret: /a.key, clients: all}\n",
	 ":7:38: channels.curve.clients: \"all\" is no absolute path; write the absolute path of a "
	 "folder, such as /etc/epptap/clients, or any"},
	{"creates are delayed only where they go",
	 CHANNEL "    delay: {create: 1h}\n    kinds: [update]\n",
	 ":7:12: channels.delay: creates can't be delayed on a channel without them, and updates "
	 "would tell the new names at once; add create to its kinds"},
	{"deletes of one zone, too, are delayed only where they go",
	 CHANNEL "    delay: {zones: {example: {delete: 1h}}}\n    kinds: [create]\n",
	 ":7:12: channels.delay: deletes can't be delayed on a channel without them; add delete to "
	 "its kinds, or take the delay out"},
	{"what waits must not be gone as it comes out",
	 CHANNEL "    delay: {create: 48h}\nretention: 1d\n",
	 ":7:12: channels.delay: is longer than retention, so what waited would be gone as it comes "
	 "out; make retention longer"},
	{"a channel's zone is one that the file publishes",
	 CHANNEL "    zones: [example, other]\nzones: [co.example]\n",
	 ":7:22: channels.zones: other lies in none of the zones of this file; write one of "
	 "those, or add it to them"},
	{"a zone's delay is for one that the file publishes",
	 CHANNEL "    delay: {zones: {other: {create: 1h}}}\nzones: [co.example]\n",
	 ":7:21: channels.delay.zones: other lies in none of the zones of this file; write "
	 "one of those, or add it to them"},
	{"a zone has one delay", CHANNEL "    delay: {zones: {a: {create: 1h}, A: {create: 2h}}}\n",
	 ":7:38: channels.delay.zones: \"A\" is here twice; keep one of them"},
	{"no delays of zones are no mapping", CHANNEL "    delay: {zones: {}}\n",
	 ":7:20: channels.delay.zones: is empty; write zones with their delays, such "
	 "as {co.example: {create: 1h}}, or take the key out"},

	/* keys against each other */
	{"the queue holds four frames", MINIMAL "capture: {queue: 2MiB}\n",
	 ":6:18: capture.queue: holds less than four frames of capture.frame_limit; write at "
	 "least 4MiB, or a smaller capture.frame_limit"},
	{"a frame limit four of which don't fit the queue is an error",
	 MINIMAL "capture: {frame_limit: 32MiB}\n",
	 ":6:24: capture.queue: holds less than four frames of capture.frame_limit; write at "
	 "least 128MiB, or a smaller capture.frame_limit"},
	{"the streams hold four frames", MINIMAL "capture:\n  streams: 1MiB\n",
	 ":7:12: capture.streams: holds less than four frames of capture.frame_limit; write "
	 "at least 4MiB, or a smaller capture.frame_limit"},
	{"each key has a file of its own",
	 "registry: https://registry.example\nstate_dir: /a\nkeys: {event: /b, log: //b}\n"
	 "channels: [{name: a, bind: 'tcp://127.0.0.1:1'}]\n",
	 ":3:24: keys.log: is the key of keys.event; write one of its own"},
	{"a key's file is the same as a path and as a URI",
	 "registry: https://registry.example\nstate_dir: /a\nkeys: {event: /b, log: 'file:///b'}\n"
	 "channels: [{name: a, bind: 'tcp://127.0.0.1:1'}]\n",
	 ":3:24: keys.log: is the key of keys.event; write one of its own"},
	{"a URI names one key",
	 "registry: https://registry.example\nstate_dir: /a\n"
	 "keys: {event: 'pkcs11:object=a', log: 'pkcs11:object=a'}\n"
	 "channels: [{name: a, bind: 'tcp://127.0.0.1:1'}]\n",
	 ":3:39: keys.log: is the key of keys.event; write one of its own"},

	/* what frames are read by */
	{"a namespace stands for one that is read", MINIMAL "namespaces: {'http://a': 'urn:b'}\n",
	 ":6:26: namespaces: \"urn:b\"" NO_NAMESPACE},
	{"a namespace has no blanks", MINIMAL "namespaces: {'http://a b': '" DOMAIN_1_0 "'}\n",
	 ":6:14: namespaces: \"http://a b\"" NO_URI},
	{"a namespace is not empty", MINIMAL "namespaces:\n  '': " DOMAIN_1_0 "\n",
	 ":7:3: namespaces: \"\"" NO_URI},
	{"a namespace has 255 characters at most",
	 MINIMAL "namespaces:\n  ? " LONG LONG LONG LONG "\n  : " DOMAIN_1_0 "\n",
	 ":7:5: namespaces: \"" SIXTEEN SIXTEEN "...\"" NO_URI},
	{"a namespace is ASCII", MINIMAL "namespaces:\n  urn:\xc3\xbc: " DOMAIN_1_0 "\n",
	 ":7:3: namespaces: \"urn:??\"" NO_URI},
	{"what a namespace stands for has no blank", MINIMAL "namespaces: {a: '" DOMAIN_1_0 " '}\n",
	 ":6:17: namespaces: \"urn:ietf:params:xml:ns:domain-1....\"" NO_NAMESPACE},
	{"a namespace twice is an error",
	 MINIMAL "namespaces:\n  urn:a: " DOMAIN_1_0 "\n  urn:a: " DOMAIN_1_0 "\n",
	 ":8:3: namespaces: \"urn:a\" is here twice; keep one of them"},
	{"a verb of EPP's own is read as it is", MINIMAL "verbs: {undelete: restore, update: create}\n",
	 ":6:28: verbs: \"update\" is a verb of EPP itself, which is read as it is; take it out"},
	{"a verb is a name of an element", MINIMAL "verbs: {'tra de': transfer}\n",
	 ":6:9: verbs: \"tra de\"" NO_VERB},
	{"a verb has no prefix", MINIMAL "verbs: {'eis:undelete': restore}\n",
	 ":6:9: verbs: \"eis:undelete\"" NO_VERB},
	{"a verb does not begin with a digit", MINIMAL "verbs: {2undelete: restore}\n",
	 ":6:9: verbs: \"2undelete\"" NO_VERB},
	{"a verb has 64 characters at most", MINIMAL "verbs:\n  ? " LONG "k\n  : restore\n",
	 ":7:5: verbs: \"" SIXTEEN SIXTEEN "...\"" NO_VERB},
	{"a verb stands for one that is known", MINIMAL "verbs: {trade: sell}\n",
	 ":6:16: verbs: \"sell\" is not known; write create, update, delete, renew, transfer, "
	 "restore, or query for one that changes nothing"},
	{"a verb stands for one", MINIMAL "verbs: {trade: [transfer]}\n",
	 ":6:16: verbs: a list does not belong here; write the registry's own verbs with those of "
	 "EPP, such as {undelete: restore}"},

	/* YAML itself */
	{"what is no YAML is shown where", MINIMAL "reorder: [1s\n",
	 ":7:1: not YAML: did not find expected ',' or ']'; look at the indentation, colons "
	 "and quotes here"},
	{"a tab for indentation is shown where", MINIMAL "capture:\n\tqueue: 64MiB\n",
	 ":7:1: not YAML: found character that cannot start any token; look at the "
	 "indentation, colons and quotes here"},
	{"a byte that is no UTF-8 is shown where", MINIMAL "metrics: /a\xff\n",
	 ":6:12: not YAML: invalid leading UTF-8 octet; write plain UTF-8 text"},
	{"an anchor is refused", MINIMAL "spool: &a {limit: 1GiB}\n",
	 ":6:8: YAML anchors (&name) are not read here; write the value out wherever it is "
	 "needed"},
	{"an alias is refused", MINIMAL "registrars: {a: *b}\n",
	 ":6:17: YAML aliases (*name) are not read here; write the value out"},
	{"a tag is refused", MINIMAL "reorder: !!str 1s\n",
	 ":6:10: YAML tags (!name) are not read here; write the value alone"},
	{"a second document is refused", MINIMAL "---\na: b\n",
	 ":6:1: a second YAML document starts here; keep one document"},
	{"brackets without end are refused early", "zones: [[[[[[[[[[[[[[[[\n",
	 ":1:15: nested more than 8 levels deep; look at the brackets and the indentation here"},
};
/* clang-format on */

enum { COUNT = sizeof complaints / sizeof complaints[0] };

static void is_said(void **state)
{
	const struct complaint *complaint = *state;
	struct config *config;
	char why[1024];
	int result = config_file_load(complaint->text, strlen(complaint->text), &config, why,
				      sizeof why);
	assert_null(config);
	assert_string_equal(why, complaint->says);
	assert_int_equal(result, RESULT_CONFIG);
}

static void a_file_that_is_not_there_is_said_without_a_place(void **state)
{
	(void)state;
	struct config *config;
	char why[512];
	assert_int_equal(config_load("/nowhere/a.yaml", &config, why, sizeof why), RESULT_CONFIG);
	assert_string_equal(why, "/nowhere/a.yaml: can't be read: No such file or directory; "
				 "name a file that this user may read");
	assert_int_equal(config_load("/tmp", &config, why, sizeof why), RESULT_CONFIG);
	assert_string_equal(why, "/tmp: can't be read: Is a directory; "
				 "name a file that this user may read");
}

static void a_file_over_1mib_is_not_read(void **state)
{
	(void)state;
	enum { SIZE = 1024 * 1024 + 1 };
	struct config *config;
	char why[512], *text = malloc(SIZE);
	assert_non_null(text);
	memset(text, '#', SIZE);
	assert_int_equal(config_file_load(text, SIZE, &config, why, sizeof why), RESULT_CONFIG);
	assert_string_equal(why, ": larger than 1MiB; is this the configuration?");
	assert_int_equal(config_file_load(text, SIZE - 1, &config, why, sizeof why), RESULT_CONFIG);
	assert_string_equal(why, ":1:1: the file is empty; start from the sample, etc/epptap.yaml");
	free(text);
}

/* `count` entries, each with its number after `left` and after `middle`, between `head` and `tail`. */
static const char *load_many(const char *head, const char *left, const char *middle,
			     const char *right, unsigned count, const char *tail)
{
	enum { SIZE = 512 * 1024 };
	static char why[512];
	struct config *config;
	char *text = malloc(SIZE);
	assert_non_null(text);
	int used = snprintf(text, SIZE, "%s", head);
	for (unsigned i = 0; i < count; i++)
		used += snprintf(text + used, (size_t)(SIZE - used), "%s%u%s%u%s", left, i, middle,
				 i, right);
	used += snprintf(text + used, (size_t)(SIZE - used), "%s", tail);
	(void)!config_file_load(text, (size_t)used, &config, why, sizeof why);
	config_free(&config);
	free(text);
	return why;
}

static void lists_and_mappings_have_a_most(void **state)
{
	(void)state;
	assert_string_equal(load_many(MINIMAL "zones: [", "z", "-", ",", 4096, "]\n"), "");
	assert_string_equal(load_many(MINIMAL "zones: [", "z", "-", ",", 4097, "]\n"),
			    ":6:8: zones: has 4097 entries; write at most 4096");
	assert_string_equal(load_many(MINIMAL "registrars: {", "l", ": N", ",", 4096, "}\n"), "");
	assert_string_equal(load_many(MINIMAL "registrars: {", "l", ": N", ",", 4097, "}\n"),
			    ":6:13: registrars: has 4097 entries; write at most 4096");
	static const char name[] = "{name: c", bind[] = ", bind: 'tcp://127.0.0.1:1", end[] = "'},";
	assert_string_equal(load_many(TOP "channels: [", name, bind, end, 64, "]\n"), "");
	assert_string_equal(load_many(TOP "channels: [", name, bind, end, 65, "]\n"),
			    ":4:11: channels: has 65 entries; write at most 64");
}

static void a_long_text_is_refused(void **state)
{
	(void)state;
	char why[512], path[1002];
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	char text[2048];
	snprintf(text, sizeof text, CHANNEL "    log_dir: %s\n", path);
	struct config *config;
	assert_int_equal(config_file_load(text, strlen(text), &config, why, sizeof why),
			 RESULT_CONFIG);
	assert_string_equal(why, ":7:14: channels.log_dir: is 1001 bytes long; write at most 1000");
}

int main(void)
{
	struct CMUnitTest tests[COUNT + 4] = {
		cmocka_unit_test(a_file_that_is_not_there_is_said_without_a_place),
		cmocka_unit_test(a_file_over_1mib_is_not_read),
		cmocka_unit_test(lists_and_mappings_have_a_most),
		cmocka_unit_test(a_long_text_is_refused),
	};
	for (size_t i = 0; i < COUNT; i++)
		tests[i + 4] = (struct CMUnitTest){.name = complaints[i].shows,
						   .test_func = is_said,
						   .initial_state = (void *)&complaints[i]};
	return cmocka_run_group_tests_name("config: complaints", tests, NULL, NULL);
}
