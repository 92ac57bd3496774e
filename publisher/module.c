/* module.c - the entry of epptap-publisher.so */
#include "publisher/publisher.h"

__attribute__((visibility("default"))) publisher_module_entry epptap_publisher_module;

const struct publisher_module *epptap_publisher_module(void)
{
	static const struct publisher_module module = {
		.version = EPPTAP_VERSION,
		.start = publisher_start,
		.reload = publisher_reload,
		.write_stats = publisher_write_stats,
		.stop = publisher_stop,
	};
	return &module;
}
