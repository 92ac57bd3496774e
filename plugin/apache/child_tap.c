#include "plugin/apache/child_tap.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>
#include <http_log.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

APLOG_USE_MODULE(epptap);

/* The parent kills a child that has not ended after nine seconds or so: all taps together must close sooner. */
enum {
	RETRY_SECONDS = 10,
	TELL_AGAIN_SECONDS = 600,
	TELL_UNSEEN_SECONDS = 60,
	CLOSE_ALL_MS = 4000,
	CLOSE_ONE_MS = 2000,
	CALLS_END_MS = 1000
};

struct child_tap {
	const char *config;
	struct child_tap *next;
	struct epptap *_Atomic handle; /* NULL: not open */
	atomic_uint unseen;         /* connections that began since the log was last told of them */
	_Atomic time_t told_unseen; /* when that was */
	/* What follows belongs to who holds child.opening. */
	time_t tried;       /* when it was last tried to open it */
	time_t told;        /* when the log was told why it couldn't be; 0: never */
	char refusal[2048]; /* and in which words */
};

/* Of this process. */
static struct {
	const char *file; /* epptap.so */
	bool loaded;
	struct tap_library library;
	struct child_tap *taps;
	unsigned tap_count;
	apr_thread_mutex_t *opening;
	bool threaded;
	atomic_uint calls; /* under way */
	atomic_bool closed;
} child;

static time_t seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* A child without threads is ended by a signal's handler. */
static void put_off_signals(sigset_t *before)
{
	sigset_t ending;
	if (child.threaded)
		return;
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ending, before);
}

static void let_signals_in(const sigset_t *before)
{
	if (!child.threaded)
		pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* May a call into the tap be made? If so, leave() must follow. No tap is closed while a call is under way. */
static bool enter(sigset_t *before)
{
	put_off_signals(before);
	atomic_fetch_add(&child.calls, 1);
	if (!atomic_load(&child.closed))
		return true;
	atomic_fetch_sub(&child.calls, 1);
	let_signals_in(before);
	return false;
}

static void leave(const sigset_t *before)
{
	atomic_fetch_sub(&child.calls, 1);
	let_signals_in(before);
}

/* Waits until no call is under way. False: one is still. */
static bool calls_have_ended(void)
{
	for (int waited = 0; atomic_load(&child.calls) > 0; waited++) {
		if (waited == CALLS_END_MS)
			return false;
		apr_sleep(1000);
	}
	return true;
}

/* The child's end. What a tap could not make durable in time is told in the feed, as a gap. */
static apr_status_t close_taps(void *unused)
{
	(void)unused;
	atomic_store(&child.closed, true);
	if (!calls_have_ended())
		return APR_SUCCESS;
	for (struct child_tap *tap = child.taps; tap; tap = tap->next) {
		struct epptap *handle = atomic_exchange(&tap->handle, NULL);
		unsigned share = CLOSE_ALL_MS / child.tap_count;
		if (handle)
			child.library.close(&handle, share < CLOSE_ONE_MS ? share : CLOSE_ONE_MS);
	}
	return APR_SUCCESS;
}

void child_taps_start(apr_pool_t *pool, const char *library)
{
	int threads = AP_MPMQ_NOT_SUPPORTED;
	ap_mpm_query(AP_MPMQ_IS_THREADED, &threads);
	memset(&child, 0, sizeof child);
	child.file = library;
	child.threaded = threads != AP_MPMQ_NOT_SUPPORTED;
	apr_thread_mutex_create(&child.opening, APR_THREAD_MUTEX_DEFAULT, pool);
	apr_pool_cleanup_register(pool, NULL, close_taps, apr_pool_cleanup_null);
}

static bool open_tap(struct child_tap *tap, char *why, size_t why_size)
{
	struct epptap *handle;
	if (!child.loaded)
		child.loaded = tap_library_load(&child.library, child.file, why, why_size);
	if (!child.loaded || child.library.open(tap->config, &handle, why, why_size) != EPPTAP_OK)
		return false;
	atomic_store(&tap->handle, handle);
	return true;
}

/* The same thing is not told again every ten seconds for a night. */
static bool is_news(struct child_tap *tap, const char *why, time_t now)
{
	if (tap->told && strcmp(tap->refusal, why) == 0 && now - tap->told < TELL_AGAIN_SECONDS)
		return false;
	apr_cpystrn(tap->refusal, why, sizeof tap->refusal);
	tap->told = now;
	return true;
}

/* With child.opening held. */
static void try_to_open(struct child_tap *tap, server_rec *server)
{
	char why[sizeof tap->refusal] = "";
	sigset_t before;
	tap->tried = seconds_now();
	put_off_signals(&before);
	bool opened = open_tap(tap, why, sizeof why);
	let_signals_in(&before);
	if (!opened && is_news(tap, why, tap->tried))
		ap_log_error(
			APLOG_MARK, APLOG_CRIT, 0, server,
			"epptap: changes are NOT seen: EPPTap %s: %s. This child serves untapped, "
			"and tries again when a connection begins, every %d seconds at most",
			tap->config, why, RETRY_SECONDS);
	if (opened)
		ap_log_error(APLOG_MARK, tap->told ? APLOG_NOTICE : APLOG_INFO, 0, server,
			     "epptap %s: %s is open%s", child.library.version(), tap->config,
			     tap->told ? "; changes of connections that begin from now on are seen"
				       : "");
}

struct child_tap *child_tap_new(apr_pool_t *pool, server_rec *server, const char *config)
{
	struct child_tap *tap = apr_pcalloc(pool, sizeof *tap);
	tap->config = config;
	tap->next = child.taps;
	child.taps = tap;
	child.tap_count++;
	try_to_open(tap, server);
	return tap;
}

/* The tap's handle, which is opened if it is time to try that again; NULL: it is not open. */
static struct epptap *opened(struct child_tap *tap, server_rec *server)
{
	struct epptap *handle = atomic_load(&tap->handle);
	if (handle || apr_thread_mutex_trylock(child.opening) != APR_SUCCESS)
		return handle;
	if (!atomic_load(&tap->handle) && !atomic_load(&child.closed) &&
	    seconds_now() - tap->tried >= RETRY_SECONDS)
		try_to_open(tap, server);
	apr_thread_mutex_unlock(child.opening);
	return atomic_load(&tap->handle);
}

/* Counts a connection that goes unseen, and tells of it, though not of each. */
static void tell_unseen(struct child_tap *tap, server_rec *server, const char *why)
{
	time_t now = seconds_now(), told = atomic_load(&tap->told_unseen);
	atomic_fetch_add(&tap->unseen, 1);
	if ((told && now - told < TELL_UNSEEN_SECONDS) ||
	    !atomic_compare_exchange_strong(&tap->told_unseen, &told, now))
		return;
	ap_log_error(APLOG_MARK, APLOG_CRIT, 0, server,
		     "epptap: changes are NOT seen on %u connection(s) begun since this was last "
		     "told, to their end: "
		     "EPPTap %s: %s",
		     atomic_exchange(&tap->unseen, 0), tap->config, why);
}

struct epptap_stream *child_tap_stream(struct child_tap *tap, server_rec *server)
{
	struct epptap_stream *stream = NULL;
	struct epptap *handle = opened(tap, server);
	sigset_t before;
	if (!handle) {
		tell_unseen(tap, server, "it is not open, for the reason told before");
		return NULL;
	}
	if (!enter(&before))
		return NULL;
	int result = child.library.stream_new(handle, NULL, &stream);
	leave(&before);
	if (result != EPPTAP_OK)
		tell_unseen(tap, server, child.library.strerror(result));
	return stream;
}

static void show(__typeof__(&epptap_stream_client) call, struct epptap_stream *stream,
		 const char *bytes, size_t size)
{
	sigset_t before;
	if (!enter(&before))
		return;
	(void)call(stream, bytes, size);
	leave(&before);
}

void child_tap_client(struct epptap_stream *stream, const char *bytes, size_t size)
{
	show(child.library.stream_client, stream, bytes, size);
}

void child_tap_server(struct epptap_stream *stream, const char *bytes, size_t size)
{
	show(child.library.stream_server, stream, bytes, size);
}

void child_tap_end(struct epptap_stream **stream)
{
	sigset_t before;
	if (*stream && enter(&before)) {
		child.library.stream_free(stream);
		leave(&before);
	}
	*stream = NULL;
}
