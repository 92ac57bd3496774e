/* tap.h - what the benchmark programs share: the plugin, loaded as a registry loads it, and a pair of frames */
#ifndef CONFORMANCE_BENCH_TAP_H
#define CONFORMANCE_BENCH_TAP_H

#include "plugin/epptap.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct plugin {
	int (*open)(const char *config, struct epptap **tap, char *why, size_t why_size);
	int (*transaction)(struct epptap *tap, const char *registrar, const void *command,
			   size_t command_size, const void *response, size_t response_size);
	int (*flush)(struct epptap *tap, unsigned timeout_ms);
	void (*close)(struct epptap **tap, unsigned drain_ms);
	struct epptap *tap;
};

static inline void give_up(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static inline struct plugin load_plugin(const char *path, const char *config)
{
	struct plugin plugin;
	char why[1024];
	void *object = dlopen(path, RTLD_NOW);
	if (!object)
		give_up(path, dlerror());
	*(void **)&plugin.open = dlsym(object, "epptap_open");
	*(void **)&plugin.transaction = dlsym(object, "epptap_transaction");
	*(void **)&plugin.flush = dlsym(object, "epptap_flush");
	*(void **)&plugin.close = dlsym(object, "epptap_close");
	if (plugin.open(config, &plugin.tap, why, sizeof why) != EPPTAP_OK)
		give_up(config, why);
	return plugin;
}

static inline int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#define EPP_OPEN                                                                                   \
	"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"                           \
	"<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\">\n"

/* An update of about the size that updates have in the field. The number makes each one's name its own. */
static const char update_format[] = EPP_OPEN
	"  <command>\n    <update>\n"
	"      <domain:update xmlns:domain=\"urn:ietf:params:xml:ns:domain-1.0\">\n"
	"        <domain:name>bench-%08u.example</domain:name>\n"
	"        <domain:add>\n          <domain:ns>\n"
	"            <domain:hostObj>ns1.new-hoster.example</domain:hostObj>\n"
	"            <domain:hostObj>ns2.new-hoster.example</domain:hostObj>\n"
	"          </domain:ns>\n          <domain:status s=\"clientTransferProhibited\"/>\n"
	"        </domain:add>\n        <domain:rem>\n          <domain:ns>\n"
	"            <domain:hostObj>ns1.old-hoster.example</domain:hostObj>\n"
	"            <domain:hostObj>ns2.old-hoster.example</domain:hostObj>\n"
	"          </domain:ns>\n        </domain:rem>\n        <domain:chg>\n"
	"          <domain:registrant>handle-4711</domain:registrant>\n"
	"          <domain:authInfo><domain:pw>not-to-be-told</domain:pw></domain:authInfo>\n"
	"        </domain:chg>\n      </domain:update>\n    </update>\n"
	"    <clTRID>bench-client-%08u</clTRID>\n  </command>\n</epp>\n";

enum { COMMAND_ROOM = 4096 };

/* Update number `number`; its size. */
static inline size_t write_update(char command[COMMAND_ROOM], unsigned number)
{
	return (size_t)snprintf(command, COMMAND_ROOM, update_format, number, number);
}

static const char update_response[] =
	EPP_OPEN "  <response>\n    <result code=\"1000\"><msg>It is done</msg></result>\n"
		 "    <trID>\n      <clTRID>bench-client</clTRID>\n"
		 "      <svTRID>bench-server-4711</svTRID>\n    </trID>\n  </response>\n</epp>\n";

static const char check_command[] =
	EPP_OPEN "  <command>\n    <check>\n"
		 "      <domain:check xmlns:domain=\"urn:ietf:params:xml:ns:domain-1.0\">\n"
		 "        <domain:name>is-it-free.example</domain:name>\n"
		 "        <domain:name>or-this-one.example</domain:name>\n"
		 "      </domain:check>\n    </check>\n    <clTRID>bench-client</clTRID>\n"
		 "  </command>\n</epp>\n";

static const char check_response[] = EPP_OPEN
	"  <response>\n    <result code=\"1000\"><msg>It is done</msg></result>\n"
	"    <resData>\n      <domain:chkData xmlns:domain=\"urn:ietf:params:xml:ns:domain-1.0\">\n"
	"        <domain:cd><domain:name avail=\"1\">is-it-free.example</domain:name></domain:cd>\n"
	"        <domain:cd><domain:name "
	"avail=\"0\">or-this-one.example</domain:name></domain:cd>\n"
	"      </domain:chkData>\n    </resData>\n    <trID>\n"
	"      <clTRID>bench-client</clTRID>\n      <svTRID>bench-server-4711</svTRID>\n"
	"    </trID>\n  </response>\n</epp>\n";

#endif
