#include "plugin/nginx/worker_tap.h"

enum { RETRY_MS = 10000, TELL_AGAIN_SECONDS = 600, TELL_EVERY_MS = 10000 };

/* Of this process: it is loaded once, for all taps. */
static struct tap_library library;
static bool loaded;

static bool open_tap(struct worker_tap *tap, char *why, size_t why_size)
{
	if (!loaded) {
		loaded =
			tap_library_load(&library, (const char *)tap->library->data, why, why_size);
		if (!loaded)
			return false;
	}
	tap->calls = &library;
	return library.open((const char *)tap->config.data, &tap->handle, why, why_size) ==
	       EPPTAP_OK;
}

/* The same thing is not told again every ten seconds for a night. */
static bool is_news(struct worker_tap *tap, const char *why)
{
	if (ngx_strcmp(tap->refusal, why) == 0 && ngx_time() - tap->refused < TELL_AGAIN_SECONDS)
		return false;
	ngx_cpystrn((u_char *)tap->refusal, (u_char *)why, sizeof tap->refusal);
	tap->refused = ngx_time();
	return true;
}

static void try_open(struct worker_tap *tap, ngx_log_t *log)
{
	char why[sizeof tap->refusal] = "";
	bool again = tap->refused != 0;
	if (open_tap(tap, why, sizeof why)) {
		ngx_log_error(NGX_LOG_NOTICE, log, 0, "epptap %s: %V is open%s", library.version(),
			      &tap->config, again ? "; changes are seen again" : "");
		if (tap->unseen > 0)
			ngx_log_error(
				NGX_LOG_CRIT, log, 0,
				"epptap: changes of %ui connections that began before are NOT "
				"seen until these end",
				tap->unseen);
		return;
	}
	if (is_news(tap, why))
		ngx_log_error(
			NGX_LOG_CRIT, log, 0,
			"epptap: changes are NOT seen in servers with %V: %s. They are served "
			"untapped; it is tried again every %d seconds",
			&tap->config, why, RETRY_MS / 1000);
	ngx_add_timer(&tap->retry, RETRY_MS);
}

static void retry(ngx_event_t *event)
{
	struct worker_tap *tap = ngx_queue_data(event, struct worker_tap, retry);
	/* A worker that drains begins no sessions that could be seen. */
	if (!ngx_exiting)
		try_open(tap, event->log);
}

void worker_tap_open(struct worker_tap *tap, ngx_cycle_t *cycle)
{
	ngx_queue_init(&tap->sessions);
	tap->nobody.fd = (ngx_socket_t)-1;
	tap->retry.data = &tap->nobody;
	tap->retry.handler = retry;
	tap->retry.log = cycle->log;
	tap->retry.cancelable = 1;
	try_open(tap, cycle->log);
}

void worker_tap_close(struct worker_tap *tap, unsigned drain_ms)
{
	if (tap->retry.timer_set)
		ngx_del_timer(&tap->retry);
	if (tap->handle != NULL)
		tap->calls->close(&tap->handle, drain_ms);
}

bool worker_tap_may_tell(struct worker_tap *tap)
{
	if (tap->last_told != 0 && ngx_current_msec - tap->last_told < TELL_EVERY_MS)
		return false;
	tap->last_told = ngx_current_msec;
	return true;
}
