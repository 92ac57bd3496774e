/* ngx_stream_epptap_module.c - nginx's stream module as a way into the tap
 *
 * Directives:  epptap FILE;           in a stream server: tap its connections, by this configuration of the tap
 *              epptap_library FILE;   in stream: where epptap.so is; else where `make install` puts it (EPPTAP_LIBRARY)
 * What can be looked at without opening anything is looked at when nginx reads its configuration (`nginx -t`), and
 * told. It is never an error: Debian starts nginx only if `nginx -t` finds none, and a registry without a tap is better
 * than none. */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>

#include <sys/stat.h>
#include <unistd.h>

#include "plugin/nginx/session.h"
#include "plugin/nginx/worker_tap.h"

/* All taps together. The master kills a worker 1.5 seconds after it told it to end at once. */
enum { DRAIN_MS = 1000 };

struct main_conf {
	ngx_array_t taps; /* of struct worker_tap * */
	ngx_str_t library;
};

struct server_conf {
	struct worker_tap *tap; /* NULL: this server has none */
};

static ngx_stream_filter_pt next_filter;

static ngx_int_t filter(ngx_stream_session_t *s, ngx_chain_t *chain, ngx_uint_t from_upstream)
{
	const struct server_conf *conf =
		ngx_stream_get_module_srv_conf(s, ngx_stream_epptap_module);
	if (conf->tap != NULL)
		session_show(s, conf->tap, chain, from_upstream != 0);
	return next_filter(s, chain, from_upstream);
}

/* Says what is wrong with a file that will be needed. */
static void look_at(ngx_conf_t *cf, const ngx_str_t *path, const char *what)
{
	const char *file = (const char *)path->data;
	struct stat status;
	if (stat(file, &status) != 0 || access(file, R_OK) != 0)
		ngx_conf_log_error(NGX_LOG_CRIT, cf, ngx_errno,
				   "epptap: changes will NOT be seen: %s %V can't be read", what,
				   path);
	else if (!S_ISREG(status.st_mode))
		ngx_conf_log_error(NGX_LOG_CRIT, cf, 0,
				   "epptap: changes will NOT be seen: %s %V is no file", what,
				   path);
}

static struct worker_tap *tap_of(ngx_conf_t *cf, struct main_conf *conf, const ngx_str_t *path)
{
	struct worker_tap **taps = conf->taps.elts;
	struct worker_tap *tap, **place;
	for (ngx_uint_t i = 0; i < conf->taps.nelts; i++) {
		if (taps[i]->config.len == path->len &&
		    ngx_memcmp(taps[i]->config.data, path->data, path->len) == 0)
			return taps[i];
	}
	tap = ngx_pcalloc(cf->pool, sizeof *tap);
	place = tap == NULL ? NULL : ngx_array_push(&conf->taps);
	if (place == NULL)
		return NULL;
	*place = tap;
	tap->config = *path;
	tap->library = &conf->library;
	look_at(cf, path, "the tap's configuration");
	return tap;
}

static char *read_epptap(ngx_conf_t *cf, ngx_command_t *command, void *data)
{
	struct main_conf *main_conf =
		ngx_stream_conf_get_module_main_conf(cf, ngx_stream_epptap_module);
	struct server_conf *conf = data;
	ngx_str_t path = ((ngx_str_t *)cf->args->elts)[1];
	(void)command;
	if (conf->tap != NULL)
		return "is given twice in this server: a connection has one tap";
	/* a relative one is found beside nginx.conf, as nginx has it with all files */
	if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK)
		return NGX_CONF_ERROR;
	conf->tap = tap_of(cf, main_conf, &path);
	return conf->tap == NULL ? NGX_CONF_ERROR : NGX_CONF_OK;
}

static void *create_main_conf(ngx_conf_t *cf)
{
	struct main_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);
	if (conf == NULL ||
	    ngx_array_init(&conf->taps, cf->pool, 1, sizeof(struct worker_tap *)) != NGX_OK)
		return NULL;
	return conf;
}

static char *init_main_conf(ngx_conf_t *cf, void *data)
{
	struct main_conf *conf = data;
	if (conf->library.data == NULL)
		conf->library = (ngx_str_t)ngx_string(EPPTAP_LIBRARY);
	if (ngx_conf_full_name(cf->cycle, &conf->library, 1) != NGX_OK)
		return NGX_CONF_ERROR;
	if (conf->taps.nelts > 0)
		look_at(cf, &conf->library, "the tap's library");
	return NGX_CONF_OK;
}

static void *create_server_conf(ngx_conf_t *cf)
{
	return ngx_pcalloc(cf->pool, sizeof(struct server_conf));
}

/* The last one to be put on top is the first one asked: it sees what nginx read, before others pass it on. */
static ngx_int_t put_on_top(ngx_conf_t *cf)
{
	(void)cf;
	next_filter = ngx_stream_top_filter;
	ngx_stream_top_filter = filter;
	return NGX_OK;
}

/* Those that this process is to have. The cache manager comes by here too, but serves nobody; and there may be no `stream`
 * in the configuration. */
static struct worker_tap **own_taps(ngx_cycle_t *cycle, ngx_uint_t *count)
{
	const struct main_conf *conf =
		ngx_stream_cycle_get_module_main_conf(cycle, ngx_stream_epptap_module);
	bool serves = ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE;
	*count = conf != NULL && serves ? conf->taps.nelts : 0;
	return *count > 0 ? conf->taps.elts : NULL;
}

static ngx_int_t open_taps(ngx_cycle_t *cycle)
{
	ngx_uint_t count;
	struct worker_tap **taps = own_taps(cycle, &count);
	for (ngx_uint_t i = 0; i < count; i++)
		worker_tap_open(taps[i], cycle);
	return NGX_OK;
}

static void close_taps(ngx_cycle_t *cycle)
{
	ngx_uint_t count;
	struct worker_tap **taps = own_taps(cycle, &count);
	for (ngx_uint_t i = 0; i < count; i++) {
		session_end_all(taps[i]);
		worker_tap_close(taps[i], DRAIN_MS / (unsigned)count);
	}
}

static ngx_command_t commands[] = {
	{
		.name = ngx_string("epptap"),
		.type = NGX_STREAM_SRV_CONF | NGX_CONF_TAKE1,
		.set = read_epptap,
		.conf = NGX_STREAM_SRV_CONF_OFFSET,
	},
	{
		.name = ngx_string("epptap_library"),
		.type = NGX_STREAM_MAIN_CONF | NGX_CONF_TAKE1,
		.set = ngx_conf_set_str_slot,
		.conf = NGX_STREAM_MAIN_CONF_OFFSET,
		.offset = offsetof(struct main_conf, library),
	},
	ngx_null_command,
};

static ngx_stream_module_t context = {
	.postconfiguration = put_on_top,
	.create_main_conf = create_main_conf,
	.init_main_conf = init_main_conf,
	.create_srv_conf = create_server_conf,
};

ngx_module_t ngx_stream_epptap_module = {
	NGX_MODULE_V1,
	.ctx = &context,
	.commands = commands,
	.type = NGX_STREAM_MODULE,
	.init_process = open_taps,
	.exit_process = close_taps,
};
