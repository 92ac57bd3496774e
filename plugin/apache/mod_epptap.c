/* mod_epptap.c - the Apache httpd module: directives, and what is done when a child or a connection begins
 *
 *     EPPTap FILE           in a virtual host: its connections are shown to the tap that this configuration file describes
 *     EPPTapLibrary FILE    for the whole server: epptap.so, where it does not lie where it was installed
 */
#include "plugin/apache/child_tap.h"
#include "plugin/apache/connection.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_vhost.h>
#include <stddef.h>
#include <string.h>

extern module AP_MODULE_DECLARE_DATA epptap_module __attribute__((visibility("default")));
APLOG_USE_MODULE(epptap);

/* What a virtual host says, or the main server of its own connections. */
struct host {
	const server_rec *server;
	const char *config;    /* NULL: untapped */
	const char *library;   /* the main server's; NULL: where it was installed */
	struct child_tap *tap; /* in a child */
};

static void *make_host(apr_pool_t *pool, server_rec *server)
{
	struct host *host = apr_pcalloc(pool, sizeof *host);
	host->server = server;
	return host;
}

static struct host *host_of(const server_rec *server)
{
	return ap_get_module_config(server->module_config, &epptap_module);
}

/* What it says itself; NULL: nothing. The server hands a host that says nothing what the main one said, but HTTP must not be
 * tapped because EPP is. */
static const char *config_of(const server_rec *server)
{
	const struct host *host = host_of(server);
	return host->server == server ? host->config : NULL;
}

static const char *set_path(cmd_parms *command, const char **path, const char *value)
{
	if (*path)
		return apr_psprintf(command->pool, "%s is said twice: leave one of the two",
				    command->cmd->name);
	*path = ap_server_root_relative(command->pool, value);
	if (*path)
		return NULL;
	return apr_psprintf(command->pool, "%s: \"%s\" is no path", command->cmd->name, value);
}

static const char *set_config(cmd_parms *command, void *folder, const char *value)
{
	(void)folder;
	return set_path(command, &host_of(command->server)->config, value);
}

static const char *set_library(cmd_parms *command, void *folder, const char *value)
{
	(void)folder;
	const char *misplaced = ap_check_cmd_context(command, GLOBAL_ONLY);
	return misplaced ? misplaced : set_path(command, &host_of(command->server)->library, value);
}

static const command_rec directives[] = {
	AP_INIT_TAKE1("EPPTap", set_config, NULL, RSRC_CONF,
		      "epptap's configuration file, for the EPP connections of this virtual host"),
	AP_INIT_TAKE1("EPPTapLibrary", set_library, NULL, RSRC_CONF,
		      "where epptap.so lies; by default " EPPTAP_LIBRARY),
	{NULL, {NULL}, NULL, 0, RAW_ARGS, NULL},
};

static const char *library_of(server_rec *main_server)
{
	const char *library = host_of(main_server)->library;
	return library ? library : EPPTAP_LIBRARY;
}

/* The virtual host whose connections to an address are: the first of those that name it, since EPP says no name. */
static const server_rec *owner_of(server_rec *main_server, const server_addr_rec *address)
{
	apr_sockaddr_t local = *address->host_addr;
	conn_rec connection = {.local_addr = &local, .base_server = main_server};
	local.port = address->host_port;
	ap_update_vhost_given_ip(&connection);
	return connection.base_server;
}

static void warn_if_without_effect(server_rec *main_server, server_rec *server)
{
	for (const server_addr_rec *address = server->addrs; address; address = address->next) {
		const server_rec *owner = owner_of(main_server, address);
		const char *its = config_of(owner);
		if (owner == main_server || server == main_server ||
		    (its && strcmp(its, config_of(server)) == 0))
			continue;
		ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
			     "epptap: the EPPTap of the virtual host at %s:%u has no effect for "
			     "%s:%u: these "
			     "connections are those of the host at %s:%u, which comes first, since "
			     "EPP does not "
			     "say which host is meant. Write it there",
			     server->defn_name, server->defn_line_number, address->virthost,
			     address->host_port, owner->defn_name, owner->defn_line_number);
		return;
	}
}

static bool is_readable(apr_pool_t *pool, server_rec *server, const char *directive,
			const char *path)
{
	apr_file_t *file;
	apr_finfo_t info;
	apr_status_t status =
		apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool);
	if (status == APR_SUCCESS) {
		status = apr_file_info_get(&info, APR_FINFO_TYPE, file);
		apr_file_close(file);
		if (status == APR_SUCCESS && info.filetype == APR_REG)
			return true;
	}
	ap_log_error(APLOG_MARK, APLOG_CRIT, status, server,
		     "epptap: %s %s: %s. Changes would NOT be seen", directive, path,
		     status == APR_SUCCESS ? "this is no file" : "this file can't be read");
	return false;
}

/* What can be said before there are children. A test of the configuration fails by it; a server that starts serves untapped. */
static int check(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *temporary, server_rec *main_server)
{
	(void)pool;
	(void)log;
	bool good = true, needed = false;
	for (server_rec *server = main_server; server; server = server->next) {
		const char *config = config_of(server);
		if (!config)
			continue;
		needed = true;
		good &= is_readable(temporary, server, "EPPTap", config);
		warn_if_without_effect(main_server, server);
	}
	if (needed)
		good &= is_readable(temporary, main_server, "EPPTapLibrary",
				    library_of(main_server));
	return good || ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST ? OK : !OK;
}

/* The tap of a host before this one that names the same file. */
static struct child_tap *shared_tap(const server_rec *main_server, const server_rec *server)
{
	for (const server_rec *host = main_server; host != server; host = host->next) {
		const char *config = config_of(host);
		if (config && strcmp(config, config_of(server)) == 0)
			return host_of(host)->tap;
	}
	return NULL;
}

static void child_begins(apr_pool_t *child, server_rec *main_server)
{
	child_taps_start(child, library_of(main_server));
	for (server_rec *server = main_server; server; server = server->next) {
		const char *config = config_of(server);
		if (!config)
			continue;
		struct child_tap *tap = shared_tap(main_server, server);
		host_of(server)->tap = tap ? tap : child_tap_new(child, server, config);
	}
}

/* Connections that the server makes, as a proxy, and streams within one (HTTP/2) are no registrar's. */
static bool is_clients(const conn_rec *connection)
{
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 116)
	if (connection->outgoing)
		return false;
#endif
	return !connection->master && connection->sbh;
}

static int connection_begins(conn_rec *connection, void *socket)
{
	(void)socket;
	server_rec *server = connection->base_server;
	if (!config_of(server) || !is_clients(connection))
		return DECLINED;
	struct epptap_stream *stream = child_tap_stream(host_of(server)->tap, server);
	if (stream)
		connection_tap(connection, stream);
	return OK;
}

static void register_hooks(apr_pool_t *pool)
{
	(void)pool;
	connection_register_filters();
	ap_hook_check_config(check, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_child_init(child_begins, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_pre_connection(connection_begins, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA epptap_module = {
	STANDARD20_MODULE_STUFF, NULL, NULL, make_host, NULL, directives, register_hooks,
#if defined(AP_MODULE_FLAG_NONE)
	AP_MODULE_FLAG_NONE,
#endif
};
