#include "base/config_read.h"

#define KIB            UINT64_C(1024)
#define MIB            (1024 * KIB)
#define GIB            (1024 * MIB)

#define SECOND         UINT64_C(1000)
#define HOUR           (3600 * SECOND)
#define DAY            (24 * HOUR)

#define OF_FILE(field) .scope = CONFIG_OF_FILE, .offset = offsetof(struct config, field)
#define OF_CHANNEL(field)                                                                          \
	.scope = CONFIG_OF_CHANNEL, .offset = offsetof(struct config_channel, field)
#define OF_ZONE(field)          .scope = CONFIG_OF_ZONE, .offset = offsetof(struct config_delay, field)

/* For values that fill more than one field: the slot is the whole struct. */
#define WHOLE_FILE              .scope = CONFIG_OF_FILE
#define WHOLE_CHANNEL           .scope = CONFIG_OF_CHANNEL

/* Kinds of value. A number, size or duration has its least, its default and its most. */
#define SCALAR(reader)          .shape = YAML_SCALAR_NODE, .read = (reader)
#define RANGE(low, usual, high) .min = (low), .initial = (usual), .max = (high)
#define SIZE(low, usual, high)                                                                     \
	SCALAR(config_read_size), RANGE(low, usual, high),                                         \
		.right = "a number with KiB, MiB or GiB, such as " usual
#define DURATION(low, usual, high)                                                                 \
	SCALAR(config_read_duration), RANGE(low, usual, high),                                     \
		.right = "a number with ms, s, m, h or d, such as " usual
#define ZONE_DURATION(high)                                                                        \
	SCALAR(config_read_duration), .max = (high),                                               \
				      .right = "a number with ms, s, m, h or d, such as 1h"
#define NUMBER(low, usual, high)                                                                   \
	SCALAR(config_read_number), RANGE(low, usual, high),                                       \
		.right = "a whole number, such as " usual
#define SWITCH(usual)                                                                              \
	SCALAR(config_read_switch), .initial = (usual), .right = "true, false, on or off"
#define CHOICE(list, usual, words)                                                                 \
	SCALAR(config_read_choice), .choices = (list), .initial = (usual), .right = (words)
#define PATH(example)                                                                              \
	SCALAR(config_read_path), .max = CONFIG_MAX_PATH,                                          \
				  .right = "an absolute path, such as " example
#define KEY(name)                                                                                  \
	SCALAR(config_read_key), .max = CONFIG_MAX_PATH,                                           \
				 .right = "an absolute path, such as /etc/epptap/" name            \
					  ".pem, or a URI, such as pkcs11:object=" name
#define LIST(most) .shape = YAML_SEQUENCE_NODE, .max = (most)
#define ZONES                                                                                      \
	LIST(CONFIG_MAX_ITEMS), .read = config_read_texts, .item = config_read_domain,             \
				.right = "a list of names, such as [example, co.example]"
#define PAIRS(reader, words)                                                                       \
	.shape = YAML_MAPPING_NODE, .read = (reader), .max = CONFIG_MAX_ITEMS, .right = (words)
#define REQUIRED .required = true

static const struct config_choice publishers[] = {
	{"embedded", CONFIG_PUBLISHER_EMBEDDED},
	{"process", CONFIG_PUBLISHER_PROCESS},
	{NULL, 0},
};

static const struct config_choice algs[] = {
	{"EdDSA", CONFIG_ALG_EDDSA},
	{"Ed25519", CONFIG_ALG_ED25519},
	{NULL, 0},
};

static const struct config_choice durabilities[] = {
	{"batch", CONFIG_DURABILITY_BATCH},
	{"wait", CONFIG_DURABILITY_WAIT},
	{NULL, 0},
};

static const struct config_choice kinds[] = {
	{"create", CONFIG_KIND_CREATE},
	{"update", CONFIG_KIND_UPDATE},
	{"delete", CONFIG_KIND_DELETE},
	{"renew", CONFIG_KIND_RENEW},
	{"transfer", CONFIG_KIND_TRANSFER},
	{"restore", CONFIG_KIND_RESTORE},
	{NULL, 0},
};

/* clang-format off */
const struct config_row config_rows[] = {
	{"registry", OF_FILE(registry), REQUIRED, SCALAR(config_read_registry), .max = 200,
	 .right = "https://HOST, such as https://registry.example, without user, query or fragment"},
	{"zones", OF_FILE(zones), ZONES},
	{"state_dir", OF_FILE(state_dir), REQUIRED, PATH("/var/lib/epptap")},
	{"keys.event", OF_FILE(key_event), REQUIRED, KEY("event")},
	{"keys.log", OF_FILE(key_log), KEY("log")},
	{"keys.log_before", OF_FILE(key_log_before), KEY("log-2026")},
	{"keys.cosigner", OF_FILE(key_cosigner), KEY("cosigner")},
	{"publisher", OF_FILE(publisher), CHOICE(publishers, "embedded", "embedded or process")},
	{"alg", OF_FILE(alg), CHOICE(algs, "EdDSA", "EdDSA or Ed25519")},

	{"capture.queue", OF_FILE(capture.queue), SIZE(MIB, "64MiB", 64 * GIB)},
	{"capture.streams", OF_FILE(capture.streams), SIZE(MIB, "256MiB", 64 * GIB)},
	{"capture.frame_limit", OF_FILE(capture.frame_limit), SIZE(4 * KIB, "1MiB", 64 * MIB)},
	{"capture.durability", OF_FILE(capture.durability),
	 CHOICE(durabilities, "batch", "batch or wait")},
	{"capture.wait_limit", OF_FILE(capture.wait_limit_ms), DURATION(1, "2s", 60 * SECOND)},
	{"capture.intent", OF_FILE(capture.intent), SWITCH("on")},

	{"reorder", OF_FILE(reorder_ms), DURATION(0, "50ms", 10 * SECOND)},
	{"spool.limit", OF_FILE(spool_limit), SIZE(MIB, "8GiB", 16384 * GIB)},
	{"store.limit", OF_FILE(store_limit), SIZE(MIB, "64GiB", 16384 * GIB)},
	{"server_changes", OF_FILE(server_changes), SWITCH("false")},
	{"sign_threads", OF_FILE(sign_threads), NUMBER(0, "0", 64)},
	{"registrars", OF_FILE(registrars), PAIRS(config_read_registrars,
	 "logins with names, such as {clientx: ClientX Ltd}")},
	{"namespaces", OF_FILE(namespaces), PAIRS(config_read_namespaces,
	 "the registry's own URIs with those that they stand for")},
	{"verbs", OF_FILE(verbs), PAIRS(config_read_verbs,
	 "the registry's own verbs with those of EPP, such as {undelete: restore}")},
	{"retention", OF_FILE(retention_ms), DURATION(HOUR, "30d", 36500 * DAY)},
	{"checkpoint", OF_FILE(checkpoint_ms), DURATION(100, "1s", 10 * SECOND)},

	{"channels", WHOLE_FILE, REQUIRED, LIST(CONFIG_MAX_CHANNELS), .read = config_read_channels,
	 .right = "a list of channels, each with name and bind"},
	{"channels.name", OF_CHANNEL(name), REQUIRED, SCALAR(config_read_name), .max = 32,
	 .right = "1 to 32 of a-z, 0-9 and hyphen, such as public"},
	{"channels.bind", OF_CHANNEL(bind), REQUIRED, SCALAR(config_read_bind), .max = 300,
	 .right = "tcp://ADDRESS:PORT, such as tcp://0.0.0.0:7700"},
	{"channels.connect", OF_CHANNEL(connect), LIST(16), .read = config_read_texts,
	 .item = config_read_connect,
	 .right = "a list of tcp://ADDRESS:PORT, such as [tcp://feed.registry.example:7700]"},
	{"channels.curve.secret", OF_CHANNEL(curve_secret), PATH("/etc/epptap/vetted.key")},
	{"channels.curve.clients", WHOLE_CHANNEL, SCALAR(config_read_clients), .max = CONFIG_MAX_PATH,
	 .right = "the absolute path of a folder, such as /etc/epptap/clients, or any"},
	{"channels.origin", OF_CHANNEL(origin), SCALAR(config_read_origin), .max = 200,
	 .right = "a name without spaces, such as registry.example/public"},
	{"channels.delay.create", OF_CHANNEL(delay.create_ms), DURATION(0, "0s", 365 * DAY)},
	{"channels.delay.delete", OF_CHANNEL(delay.delete_ms), DURATION(0, "0s", 365 * DAY)},
	{"channels.delay.zones", WHOLE_CHANNEL, .shape = YAML_MAPPING_NODE,
	 .read = config_read_zone_delays, .max = CONFIG_MAX_ITEMS,
	 .right = "zones with their delays, such as {co.example: {create: 1h}}"},
	{"channels.delay.zones.create", OF_ZONE(create_ms), ZONE_DURATION(365 * DAY)},
	{"channels.delay.zones.delete", OF_ZONE(delete_ms), ZONE_DURATION(365 * DAY)},
	{"channels.zones", OF_CHANNEL(zones), ZONES},
	{"channels.kinds", OF_CHANNEL(kinds), LIST(6), .read = config_read_kinds, .choices = kinds,
	 .right = "a list of create, update, delete, renew, transfer and restore"},
	{"channels.log_dir", OF_CHANNEL(log_dir), PATH("/var/lib/epptap/public")},
	{"channels.high_water_mark", OF_CHANNEL(high_water_mark), NUMBER(1, "10000", 10000000)},

	{"metrics", OF_FILE(metrics), PATH("/var/lib/prometheus/node-exporter/epptap.prom")},
};
/* clang-format on */

const size_t config_row_count = sizeof config_rows / sizeof config_rows[0];
