/* epptap.c - the life of a tap: its parts put together, looked at, and taken apart; calls.c has the rest of the ABI */
#include "plugin/tap.h"

#include "base/clock.h"
#include "base/log.h"
#include "plugin/permits.h"
#include "plugin/publisher_loader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ABI = 1, STATS_MAX = 65536 };

_Static_assert((int)EPPTAP_OK == (int)RESULT_OK, "OK");
_Static_assert((int)EPPTAP_EINVAL == (int)RESULT_INVALID, "EINVAL");
_Static_assert((int)EPPTAP_ECONFIG == (int)RESULT_CONFIG, "ECONFIG");
_Static_assert((int)EPPTAP_EFULL == (int)RESULT_FULL, "EFULL");
_Static_assert((int)EPPTAP_EFORK == (int)RESULT_FORK, "EFORK");
_Static_assert((int)EPPTAP_EBUSY == (int)RESULT_BUSY, "EBUSY");
_Static_assert((int)EPPTAP_ESTORE == (int)RESULT_STORE, "ESTORE");
_Static_assert((int)EPPTAP_ENOMEM == (int)RESULT_NOMEM, "ENOMEM");
_Static_assert((int)EPPTAP_ETIMEOUT == (int)RESULT_TIMEOUT, "ETIMEOUT");

unsigned epptap_abi(void)
{
	return ABI;
}

const char *epptap_version(void)
{
	return EPPTAP_VERSION;
}

const char *epptap_strerror(int result)
{
	return result_text(result);
}

static int make_mark(struct epptap *tap)
{
	void *page = mmap(NULL, sizeof *tap->mark, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return RESULT_NOMEM;
	tap->mark = page;
	if (madvise(page, (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK) != 0)
		return RESULT_STORE;
	*tap->mark = TAP_MARK;
	return RESULT_OK;
}

static void write_capture_stats(void *context, struct buffer *json)
{
	const struct epptap *tap = context;
	capture_write_stats(tap->capture, json);
}

/* With `publisher: process` epptapd publishes, and no module is loaded. */
static int start_publisher(struct epptap *tap, char *why, size_t why_size)
{
	if (tap_config(tap)->publisher == CONFIG_PUBLISHER_PROCESS)
		return RESULT_OK;
	int result = permits_publish(why, why_size);
	if (result == RESULT_OK)
		result = publisher_load(&tap->module, why, why_size);
	if (result != RESULT_OK)
		return result;
	const struct publisher_host host = {
		.config = tap_config(tap),
		.dir = tap->state_dir,
	};
	return tap->module->start(&host, &tap->publisher, why, why_size);
}

static int start_capture(struct epptap *tap)
{
	const struct capture_parts parts = {
		.config = tap_config(tap),
		.state_dir = state_dir_path(tap->state_dir),
		.queue = tap->queue,
		.registrars = tap->registrars,
		.tickets = tap->tickets,
		.spool = tap->spool,
		.counters = &tap->counters,
	};
	return capture_start(&parts, &tap->capture);
}

/* Opens all parts, in the order in which they need each other; `why` is filled on failure. */
static int open_parts(struct epptap *tap, const char *path, char *why, size_t why_size)
{
	pthread_mutex_init(&tap->reload_lock, NULL);
	int result = permits_capture(why, why_size);
	if (result != RESULT_OK)
		return result;
	result = make_mark(tap);
	if (result != RESULT_OK) {
		snprintf(why, why_size,
			 "this kernel has no MADV_WIPEONFORK, or no memory; Linux 4.14 or newer "
			 "is needed, and no filter of system calls that denies madvise()");
		return result;
	}
	struct tap_config *first;
	result = tap_load(&first, path, why, why_size);
	if (result != RESULT_OK)
		return result;
	tap_use(tap, first);
	const struct config *config = first->config;
	result = state_dir_open(config->state_dir, &tap->state_dir, why, why_size);
	if (result != RESULT_OK)
		return result;
	result = spool_writer_open(tap->state_dir, config->spool_limit, &tap->spool);
	if (result != RESULT_OK) {
		snprintf(why, why_size, "the spool in %s can't be begun: %s; %s", config->state_dir,
			 result == RESULT_STORE ? strerror(errno) : result_text(result),
			 permits_advice(errno));
		return result;
	}
	snprintf(why, why_size,
		 "out of memory, or no thread to be had: see to the limits of both (ulimit -v and "
		 "-u, a container's memory and pids), and whether a filter of system calls "
		 "(seccomp) denies clone3() or clone()");
	result = queue_new(config->capture.queue, &tap->queue);
	if (result == RESULT_OK)
		result = registrars_new(&tap->registrars);
	if (result == RESULT_OK)
		result = tickets_new(&tap->tickets);
	if (result == RESULT_OK)
		result = streams_new(tap, &tap->streams);
	if (result == RESULT_OK)
		result = start_capture(tap);
	return result == RESULT_OK ? start_publisher(tap, why, why_size) : result;
}

int epptap_open(const char *config, struct epptap **tap, char *why, size_t why_size)
{
	char text[TAP_WHY_SIZE] = "";
	if (tap)
		*tap = NULL;
	if (why && why_size)
		snprintf(why, why_size, "%s", result_text(EPPTAP_EINVAL));
	if (!config || !tap || (!why && why_size))
		return EPPTAP_EINVAL;
	log_begin();
	struct epptap *opened = calloc(1, sizeof *opened);
	int result = opened ? open_parts(opened, config, text, sizeof text) : RESULT_NOMEM;
	if (result == RESULT_OK) {
		if (why_size)
			*why = '\0';
		*tap = opened;
		return EPPTAP_OK;
	}
	if (why_size)
		snprintf(why, why_size, "%s", *text ? text : result_text(result));
	epptap_close(&opened, 0);
	return result;
}

int epptap_flush(struct epptap *tap, unsigned timeout_ms)
{
	if (!tap)
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	return capture_flush(tap->capture, timeout_ms);
}

int epptap_stats(struct epptap *tap, char *json, size_t *size)
{
	struct buffer text;
	if (!tap || !size || (!json && *size))
		return EPPTAP_EINVAL;
	if (tap_forked(tap))
		return EPPTAP_EFORK;
	buffer_init(&text, STATS_MAX);
	buffer_append_text(&text, "{\"version\":\"" EPPTAP_VERSION "\",");
	write_capture_stats(tap, &text);
	if (tap->publisher) {
		buffer_append_text(&text, ",");
		tap->module->write_stats(tap->publisher, &text);
	}
	buffer_append_text(&text, "}");
	int result = text.failed ? EPPTAP_ENOMEM : EPPTAP_OK;
	if (result == EPPTAP_OK && *size <= text.size) {
		*size = text.size + 1;
		result = EPPTAP_EINVAL;
	} else if (result == EPPTAP_OK) {
		memcpy(json, text.data, text.size);
		json[text.size] = '\0';
		*size = text.size;
	}
	buffer_free(&text);
	return result;
}

void epptap_close(struct epptap **tap, unsigned drain_ms)
{
	if (!tap || !*tap)
		return;
	struct epptap *closed = *tap;
	*tap = NULL;
	/* In a child the threads and sockets are the parent's: touch nothing. Its memory goes with the child. */
	if (closed->mark && *closed->mark == 0 && closed->capture)
		return;
	int64_t deadline_us = clock_monotonic_us() + (int64_t)drain_ms * 1000;
	bool nothing_missing = capture_stop(&closed->capture, drain_ms);
	spool_writer_close(&closed->spool, nothing_missing);
	int64_t left_us = deadline_us - clock_monotonic_us();
	if (closed->publisher)
		closed->module->stop(&closed->publisher,
				     left_us > 0 ? (unsigned)(left_us / 1000) : 0);
	streams_leave_tap(&closed->streams);
	queue_free(&closed->queue);
	registrars_free(&closed->registrars);
	tickets_free(&closed->tickets);
	state_dir_close(&closed->state_dir);
	tap_free_configs(&closed->configs);
	pthread_mutex_destroy(&closed->reload_lock);
	if (closed->mark)
		munmap((void *)(uintptr_t)closed->mark, sizeof *closed->mark);
	free(closed);
}
