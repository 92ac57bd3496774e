/* publisher_loader.h - finds and loads epptap-publisher.so, which lies beside epptap.so
 *
 * It is never unloaded: its libraries keep threads and tables that must not be pulled away from under a front end.
 */
#ifndef PLUGIN_PUBLISHER_LOADER_H
#define PLUGIN_PUBLISHER_LOADER_H

#include "plugin/publisher_module.h"

/* RESULT_OK, or RESULT_CONFIG: `why` says what is wrong with which file. */
MUST_USE int publisher_load(const struct publisher_module **module, char *why, size_t why_size);

#endif
