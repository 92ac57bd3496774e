/* What config_load() makes of a good file. What it says of bad ones: test_config_errors.c. */
#include "base/config.h"
#include "base/test/config_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct config *load(const char *text)
{
	struct config *config;
	char why[512];
	int result = config_file_load(text, strlen(text), &config, why, sizeof why);
	if (result != RESULT_OK)
		fail_msg("%s", why);
	return config;
}

static void what_is_not_said_has_its_default(void **state)
{
	(void)state;
	struct config *config = load(MINIMAL);
	assert_string_equal(config->registry, "https://registry.example");
	assert_string_equal(config->state_dir, "/var/lib/epptap");
	assert_string_equal(config->key_event, "/etc/epptap/event.pem");
	assert_null(config->key_log);
	assert_null(config->key_cosigner);
	assert_int_equal(config->zones.count, 0);
	assert_int_equal(config->publisher, CONFIG_PUBLISHER_EMBEDDED);
	assert_int_equal(config->alg, CONFIG_ALG_EDDSA);
	assert_int_equal(config->capture.queue, 64 << 20);
	assert_int_equal(config->capture.streams, 256 << 20);
	assert_int_equal(config->capture.frame_limit, 1 << 20);
	assert_int_equal(config->capture.durability, CONFIG_DURABILITY_BATCH);
	assert_int_equal(config->capture.wait_limit_ms, 2000);
	assert_true(config->capture.intent);
	assert_int_equal(config->reorder_ms, 50);
	assert_int_equal(config->spool_limit, UINT64_C(8) << 30);
	assert_int_equal(config->store_limit, UINT64_C(64) << 30);
	assert_false(config->server_changes);
	assert_int_equal(config->sign_threads, 0);
	assert_int_equal(config->registrars.count + config->verbs.count, 0);
	assert_int_equal(config->retention_ms, INT64_C(30) * 86400000);
	assert_int_equal(config->checkpoint_ms, 1000);
	assert_null(config->metrics);
	config_free(&config);
}

static void a_key_is_a_path_or_a_uri(void **state)
{
	(void)state;
	static const char *const events[][2] = {
		{"/k//e.pem", "/k/e.pem"},
		{"file:/k/e.pem", "/k/e.pem"},
		{"file:///k/./e.pem", "/k/e.pem"},
		{"file://localhost/k/e.pem", "/k/e.pem"},
		{"pkcs11:token=a;object=b?pin-source=/c", "pkcs11:token=a;object=b?pin-source=/c"},
		{"handle:0x81000000", "handle:0x81000000"},
	};
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		char text[512];
		snprintf(text, sizeof text,
			 "registry: https://registry.example\n"
			 "state_dir: /s\n"
			 "keys: {event: '%s'}\n"
			 "channels: [{name: public, bind: 'tcp://*:7700'}]\n",
			 events[i][0]);
		struct config *config = load(text);
		assert_string_equal(config->key_event, events[i][1]);
		config_free(&config);
	}
}

static void a_channel_has_defaults_from_its_name_and_the_registry(void **state)
{
	(void)state;
	struct config *config = load("registry: https://Registry.Example:8443/epp\n"
				     "state_dir: /var/lib/epptap/\n"
				     "keys: {event: /e.pem}\n"
				     "channels: [{name: public, bind: 'tcp://*:7700'}]\n");
	assert_int_equal(config->channel_count, 1);
	const struct config_channel *channel = &config->channels[0];
	assert_string_equal(channel->name, "public");
	assert_string_equal(channel->bind, "tcp://*:7700");
	assert_int_equal(channel->connect.count, 1);
	assert_string_equal(channel->connect.items[0], "tcp://*:7700");
	assert_string_equal(channel->origin, "registry.example/public");
	assert_string_equal(channel->log_dir, "/var/lib/epptap/log/public");
	assert_null(channel->curve_secret);
	assert_null(channel->curve_clients);
	assert_false(channel->curve_any);
	assert_int_equal(channel->delay.create_ms, 0);
	assert_int_equal(channel->delay.delete_ms, 0);
	assert_null(channel->delay.zone);
	assert_int_equal(channel->zone_delay_count, 0);
	assert_int_equal(channel->zones.count, 0);
	assert_int_equal(channel->kinds, CONFIG_KIND_ALL);
	assert_int_equal(channel->high_water_mark, 10000);
	config_free(&config);
}

static void domain_names_lose_their_capitals_and_trailing_dot(void **state)
{
	(void)state;
	struct config *config = load(MINIMAL "zones: [Example., CO.example, xn--p1ai]\n");
	assert_int_equal(config->zones.count, 3);
	assert_string_equal(config->zones.items[0], "example");
	assert_string_equal(config->zones.items[1], "co.example");
	assert_string_equal(config->zones.items[2], "xn--p1ai");
	config_free(&config);
}

static void each_unit_counts_what_it_says(void **state)
{
	(void)state;
	struct config *config = load(MINIMAL "capture: {queue: 2097152B, streams: 4096KiB,\n"
					     "  frame_limit: 4KiB, wait_limit: 1m, intent: off}\n"
					     "spool: {limit: 3GiB}\n"
					     "reorder: 0\n"
					     "retention: 2h\n"
					     "checkpoint: 250ms\n");
	assert_int_equal(config->capture.queue, 2097152);
	assert_int_equal(config->capture.streams, 4194304);
	assert_int_equal(config->capture.frame_limit, 4096);
	assert_int_equal(config->capture.wait_limit_ms, 60000);
	assert_false(config->capture.intent);
	assert_int_equal(config->spool_limit, UINT64_C(3) << 30);
	assert_int_equal(config->reorder_ms, 0);
	assert_int_equal(config->retention_ms, 7200000);
	assert_int_equal(config->checkpoint_ms, 250);
	config_free(&config);
}

static void a_zones_delay_takes_what_it_does_not_say_from_the_channel(void **state)
{
	(void)state;
	struct config *config =
		load(CHANNEL
		     "    delay: {zones: {CO.example: {create: 1h}, net.example: {delete: 0s}},\n"
		     "      create: 24h, delete: 2d}\n");
	const struct config_channel *channel = &config->channels[0];
	assert_int_equal(channel->delay.create_ms, 86400000);
	assert_int_equal(channel->delay.delete_ms, 2 * 86400000);
	assert_int_equal(channel->zone_delay_count, 2);
	assert_string_equal(channel->zone_delays[0].zone, "co.example");
	assert_int_equal(channel->zone_delays[0].create_ms, 3600000);
	assert_int_equal(channel->zone_delays[0].delete_ms, 2 * 86400000);
	assert_int_equal(channel->zone_delays[1].create_ms, 86400000);
	assert_int_equal(channel->zone_delays[1].delete_ms, 0);
	config_free(&config);
}

static void curve_clients_are_a_folder_or_any(void **state)
{
	(void)state;
	struct config *config = load(CHANNEL "    curve: {secret: /s.key, clients: /clients/}\n"
					     "  - name: other\n"
					     "    bind: tcp://[::1]:7701\n"
					     "    curve: {secret: /s.key, clients: any}\n");
	assert_string_equal(config->channels[0].curve_secret, "/s.key");
	assert_string_equal(config->channels[0].curve_clients, "/clients");
	assert_false(config->channels[0].curve_any);
	assert_null(config->channels[1].curve_clients);
	assert_true(config->channels[1].curve_any);
	config_free(&config);
}

static void kinds_zones_connect_and_registrars_are_kept(void **state)
{
	(void)state;
	struct config *config =
		load(CHANNEL "    kinds: [delete, restore]\n"
			     "    zones: [example]\n"
			     "    connect: [tcp://feed.example:1, 'tcp://[2001:db8::1]:65535']\n"
			     "registrars: {clientx: ClientX Ltd, other: hide}\n"
			     "sign_threads: 64\n"
			     "alg: Ed25519\n"
			     "namespaces: {}\n"
			     "verbs: {}\n");
	const struct config_channel *channel = &config->channels[0];
	assert_int_equal(channel->kinds, CONFIG_KIND_DELETE | CONFIG_KIND_RESTORE);
	assert_string_equal(channel->zones.items[0], "example");
	assert_int_equal(channel->connect.count, 2);
	assert_string_equal(channel->connect.items[1], "tcp://[2001:db8::1]:65535");
	assert_int_equal(config->registrars.count, 2);
	assert_string_equal(config->registrars.items[0].from, "clientx");
	assert_string_equal(config->registrars.items[0].to, "ClientX Ltd");
	assert_string_equal(config->registrars.items[1].to, "hide");
	assert_int_equal(config->sign_threads, 64);
	assert_int_equal(config->alg, CONFIG_ALG_ED25519);
	config_free(&config);
}

static void what_frames_are_read_by_is_kept(void **state)
{
	(void)state;
	struct config *config =
		load(MINIMAL "namespaces:\n"
			     "  https://epp.tld.example/schema/domain-eis-1.0.xsd: "
			     "urn:ietf:params:xml:ns:domain-1.0\n"
			     "  'urn:own#?x=~': http://www.eurid.eu/xml/epp/domain-ext-2.4\n"
			     "verbs: {undelete: restore, un-list.ed_2: query}\n"
			     "server_changes: true\n");
	assert_int_equal(config->namespaces.count, 2);
	assert_string_equal(config->namespaces.items[0].from,
			    "https://epp.tld.example/schema/domain-eis-1.0.xsd");
	assert_string_equal(config->namespaces.items[0].to, "urn:ietf:params:xml:ns:domain-1.0");
	assert_string_equal(config->namespaces.items[1].from, "urn:own#?x=~");
	assert_int_equal(config->verbs.count, 2);
	assert_string_equal(config->verbs.items[0].from, "undelete");
	assert_string_equal(config->verbs.items[0].to, "restore");
	assert_string_equal(config->verbs.items[1].from, "un-list.ed_2");
	assert_string_equal(config->verbs.items[1].to, "query");
	assert_true(config->server_changes);
	config_free(&config);
}

/* Else a channel of this name would serve the store, or the spool. */
static void a_channels_log_has_a_folder_of_its_own_whatever_its_name(void **state)
{
	(void)state;
	struct config *config = load(TOP "channels:\n"
					 "  - {name: feed, bind: 'tcp://127.0.0.1:1'}\n"
					 "  - {name: spool, bind: 'tcp://127.0.0.1:2'}\n"
					 "  - {name: log, bind: 'tcp://127.0.0.1:3'}\n"
					 "  - {name: a, bind: 'tcp://127.0.0.1:4',\n"
					 "     log_dir: /var/lib/epptap/feeds}\n");
	assert_string_equal(config->channels[0].log_dir, "/var/lib/epptap/log/feed");
	assert_string_equal(config->channels[1].log_dir, "/var/lib/epptap/log/spool");
	assert_string_equal(config->channels[2].log_dir, "/var/lib/epptap/log/log");
	assert_string_equal(config->channels[3].log_dir, "/var/lib/epptap/feeds");
	config_free(&config);
}

static void paths_are_tidied(void **state)
{
	(void)state;
	struct config *config = load(CHANNEL "    log_dir: //srv/./epptap//public/.\n");
	assert_string_equal(config->channels[0].log_dir, "/srv/epptap/public");
	config_free(&config);
}

static void a_byte_order_mark_does_no_harm(void **state)
{
	(void)state;
	struct config *config = load("\xef\xbb\xbf" MINIMAL);
	config_free(&config);
	assert_null(config);
}

static void free_accepts_null_and_half_built(void **state)
{
	(void)state;
	struct config *config = NULL;
	config_free(&config);
	config = calloc(1, sizeof *config);
	assert_non_null(config);
	config->channels = calloc(2, sizeof *config->channels);
	config->channel_count = 2;
	config_free(&config);
	assert_null(config);
}

static void why_may_be_null_or_short(void **state)
{
	(void)state;
	struct config *config;
	char why[8];
	assert_int_equal(config_load("/nowhere/epptap.yaml", &config, NULL, 0), RESULT_CONFIG);
	assert_null(config);
	memset(why, 'x', sizeof why);
	assert_int_equal(config_load("/nowhere/epptap.yaml", &config, why, sizeof why),
			 RESULT_CONFIG);
	assert_string_equal(why, "/nowher");
	why[0] = 'x';
	assert_int_equal(config_load("/nowhere/epptap.yaml", &config, why, 1), RESULT_CONFIG);
	assert_string_equal(why, "");
}

static void a_name_belongs_to_the_longest_zone(void **state)
{
	(void)state;
	char *items[] = {"example", "co.example", "b.co.example"};
	struct config_texts zones = {.items = items, .count = 3};
	assert_string_equal(config_zone_of(&zones, "a.co.example"), "co.example");
	assert_string_equal(config_zone_of(&zones, "co.example"), "co.example");
	assert_string_equal(config_zone_of(&zones, "x.y.b.co.example"), "b.co.example");
	assert_string_equal(config_zone_of(&zones, "aco.example"), "example");
	assert_null(config_zone_of(&zones, "notexample"));
	assert_null(config_zone_of(&zones, "example.org"));
	assert_null(config_zone_of(&zones, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(a_key_is_a_path_or_a_uri),
		cmocka_unit_test(a_channel_has_defaults_from_its_name_and_the_registry),
		cmocka_unit_test(domain_names_lose_their_capitals_and_trailing_dot),
		cmocka_unit_test(each_unit_counts_what_it_says),
		cmocka_unit_test(a_zones_delay_takes_what_it_does_not_say_from_the_channel),
		cmocka_unit_test(curve_clients_are_a_folder_or_any),
		cmocka_unit_test(kinds_zones_connect_and_registrars_are_kept),
		cmocka_unit_test(what_frames_are_read_by_is_kept),
		cmocka_unit_test(a_channels_log_has_a_folder_of_its_own_whatever_its_name),
		cmocka_unit_test(paths_are_tidied),
		cmocka_unit_test(a_byte_order_mark_does_no_harm),
		cmocka_unit_test(free_accepts_null_and_half_built),
		cmocka_unit_test(why_may_be_null_or_short),
		cmocka_unit_test(a_name_belongs_to_the_longest_zone),
	};
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
