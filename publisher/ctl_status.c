/* ctl_status.c - epptapctl status: one screen for people, and in the end what is wrong */
#include "publisher/ctl.h"

#include "base/state_dir.h"
#include "publisher/ctl_refusal.h"
#include "publisher/gauges.h"
#include "publisher/status_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* From when on something is wrong. etc/prometheus has the same limits, but for times that an alert must last. */
enum {
	SILENT_MS = 5000, /* the publisher writes its status once a second */
	LAG_MOST_MS = 10000,
	OVERDUE_MOST_MS = 60000,
	CHECKPOINT_MOST_MS = 30000, /* with news or without, one is signed every 10 s */
	METRICS_MOST_S = 60,
	QUEUE_MOST_PERMILLE = 750,
	SPOOL_MOST_PERCENT = 75,
	STORE_MOST_PERCENT = 90,
	DISK_LEAST_BYTES = 256 << 20,
	WRITERS_SHOWN = 64,
};

struct view {
	const struct config *config;
	const json_t *all;       /* status_files_gather() */
	const json_t *publisher; /* of it; NULL: none ever wrote here */
	bool publishes;          /* it told so a moment ago */
	size_t writers;          /* processes that have the state_dir open */
	long writer_ids[WRITERS_SHOWN];
	struct spool_gauge spool;
	char refusal[1024]; /* why none would publish; empty: one would */
	unsigned wrong;     /* complaints */
};

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *state_of(const struct view *view)
{
	const char *state = json_string_value(json_object_get(view->publisher, "state"));
	return state ? state : "unknown";
}

__attribute__((format(printf, 2, 3))) static void complain(struct view *view, const char *format,
							   ...)
{
	va_list args;
	va_start(args, format);
	fputs("WRONG     ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	view->wrong++;
}

static int find_writers(struct view *view)
{
	const char *path = view->config->state_dir;
	int result = state_dir_find_writers(path, view->writer_ids, WRITERS_SHOWN, &view->writers);
	if (result == RESULT_OK)
		return CTL_OK;
	return ctl_fail("%s/" STATE_DIR_LOCKS_FILE ": %s; run this as the front end's user", path,
			strerror(errno));
}

static void show_processes(const struct view *view)
{
	if (!view->writers)
		printf("writer    none: no front end has it open\n");
	for (size_t i = 0; i < view->writers; i++)
		if (view->writer_ids[i] == STATE_DIR_SOMEBODY)
			printf("writer    a process of another PID namespace has it open\n");
		else
			printf("writer    process %ld has it open\n", view->writer_ids[i]);
	if (view->writers == WRITERS_SHOWN)
		printf("writer    and perhaps more\n");
	if (!view->publisher)
		printf("publisher none wrote here yet\n");
	else
		printf("publisher %s, said process %" JSON_INTEGER_FORMAT " %" JSON_INTEGER_FORMAT
		       " s ago\n",
		       state_of(view), number(view->publisher, "pid"),
		       number(view->publisher, "age_ms") / 1000);
}

static void show_spool(const struct view *view)
{
	const struct spool_gauge *spool = &view->spool;
	printf("spool     %u segment%s, %" PRIu64 " bytes, %" PRIu64 " not published\n",
	       spool->segments, spool->segments == 1 ? "" : "s", spool->bytes,
	       spool->waiting_bytes);
}

static void show_log(const struct channel_gauge *gauge)
{
	printf(", log of %" PRIu64, gauge->log_size);
	if (gauge->shown_ms_ago != NEVER_SHOWN)
		printf(", signed %" PRId64 " s ago",
		       gauge->shown_ms_ago > 0 ? gauge->shown_ms_ago / 1000 : 0);
}

static int show_channel(struct feed_txn *txn, const struct config *config, size_t i, int64_t now_ms,
			int64_t wall_us)
{
	struct channel_gauge gauge;
	const char *name = config->channels[i].name;
	int result = gauge_channel(txn, &config->channels[i], now_ms, wall_us, &gauge);
	if (result == RESULT_INVALID) {
		printf("channel   %-16s nothing yet\n", name);
		return RESULT_OK;
	}
	if (result != RESULT_OK)
		return result;
	printf("channel   %-16s %" PRIu64 " events, %" PRIu64 " held", name, gauge.events,
	       gauge.held);
	if (config->key_log && gauge.has_log)
		show_log(&gauge);
	if (gauge.next_due_ms != NOTHING_DUE)
		printf(", the next due in %" PRId64 " s",
		       gauge.next_due_ms > 0 ? (gauge.next_due_ms + 999) / 1000 : 0);
	printf("\n");
	return RESULT_OK;
}

static int show_stored(struct view *view, struct feed_txn *txn)
{
	const struct config *config = view->config;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	struct feed_clock clock;
	struct clock_reading now;
	int result = feed_txn_clock(txn, &clock);
	clock_read(&now);
	clock_boot_id(boot_id);
	int64_t now_ms = feed_clock_advance(&clock, &now, boot_id);
	gauge_spool(config->state_dir, txn, &view->spool);
	show_spool(view);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = show_channel(txn, config, i, now_ms, now.wall_us);
	return result;
}

static void look_for_refusal(struct view *view, struct feed_store *store)
{
	char why[sizeof view->refusal];
	if (ctl_refuses(view->config, store, why, sizeof why))
		snprintf(view->refusal, sizeof view->refusal, "%s", why);
}

/* Spool and channels. They are looked at here, and not in the publisher's file: nobody may publish. */
static int show_places(struct view *view)
{
	const struct config *config = view->config;
	char why[1024];
	struct feed_store *store;
	struct feed_txn txn = {0};
	if (!feed_store_exists(config->state_dir)) {
		look_for_refusal(view, NULL);
		gauge_spool(config->state_dir, NULL, &view->spool);
		show_spool(view);
		printf("channels  nothing was published from this state_dir yet\n");
		return CTL_OK;
	}
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	look_for_refusal(view, store);
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = show_stored(view, &txn);
	feed_txn_abort(&txn);
	feed_store_close(&store);
	return result == RESULT_OK ? CTL_OK
				   : ctl_fail("the feed store can't be read: it is damaged");
}

/* What show_places() and show_namespaces() show better. */
static bool is_shown_elsewhere(const char *path)
{
	static const char *const paths[] = {"publisher.channels", "publisher.spool",
					    "publisher.age_ms", "publisher.state", "namespaces"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (strcmp(path, paths[i]) == 0)
			return true;
	return false;
}

/* The counters, a member of an object as object.member; those at zero are left out of groups. */
static void show_counters(const char *prefix, const json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		char path[128];
		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", name);
		if (is_shown_elsewhere(path) || strcmp(name, "pid") == 0)
			continue;
		if (json_is_object(value))
			show_counters(path, value);
		else if (json_is_integer(value) && (json_integer_value(value) || !*prefix))
			printf("          %-34s %" JSON_INTEGER_FORMAT "\n", path,
			       json_integer_value(value));
	}
}

/* The sum of an object's numbers. */
static json_int_t sum(const json_t *object)
{
	json_int_t total = 0;
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, name, value) total +=
		json_integer_value(value);
	return total;
}

static void show_sums(const struct view *view)
{
	const json_t *sums = json_object_get(view->all, "sum");
	if (json_object_size(sums) == 0) {
		printf("counters  none yet\n");
		return;
	}
	printf("counters  of all front ends, those that ended included; of the publisher since its "
	       "start\n");
	printf("          %-34s %" JSON_INTEGER_FORMAT "\n", "lost, in all",
	       sum(json_object_get(sums, "lost")));
	printf("          %-34s %" JSON_INTEGER_FORMAT "\n", "unreadable, in all",
	       sum(json_object_get(sums, "unreadable")));
	show_counters("", sums);
	show_counters("publisher", view->publisher);
}

static bool is_mapped(const struct view *view, const char *uri)
{
	const struct config_pairs *mapped = &view->config->namespaces;
	for (size_t i = 0; i < mapped->count; i++)
		if (strcmp(mapped->items[i].from, uri) == 0)
			return true;
	return false;
}

static void show_namespace(const struct view *view, const char *uri, const json_t *met)
{
	json_int_t unread = number(met, "unread"), passed_over = number(met, "passed_over");
	bool others = strcmp(uri, STATUS_OTHER_NAMESPACES) == 0;
	const char *hint = others ? ""
			   : is_mapped(view, uri)
				   ? ", before the config mapped it"
				   : ": if it stands for one that epptap reads, map it in the "
				     "config, `namespaces:`";
	const char *name = others ? "others, too many to be named or not fit to be shown" : uri;
	if (unread)
		printf("namespace %s: made %" JSON_INTEGER_FORMAT " frame%s unreadable%s\n", name,
		       unread, unread == 1 ? "" : "s", hint);
	if (passed_over)
		printf("namespace %s: passed over in %" JSON_INTEGER_FORMAT
		       " frame%s, as an extension that epptap does not read\n",
		       name, passed_over, passed_over == 1 ? "" : "s");
}

/* Those met that epptap has no rule for; first what cost frames. */
static void show_namespaces(const struct view *view)
{
	json_t *met = json_object_get(json_object_get(view->all, "sum"), "namespaces"), *one;
	const char *uri;
	for (int unread = 1; unread >= 0; unread--)
		json_object_foreach(met, uri, one) if ((number(one, "unread") > 0) == unread)
			show_namespace(view, uri, one);
}

static void judge_publisher(struct view *view)
{
	bool ended = !view->publisher || strcmp(state_of(view), "ended") == 0;
	bool refused = view->publishes && strcmp(state_of(view), "refused") == 0;
	if (*view->refusal)
		complain(view, "it can't be published from: %s", view->refusal);
	else if (refused)
		complain(view,
			 "the publisher refuses to publish: the log says why; once a key or the "
			 "config is mended, reload");
	if (refused)
		return;
	if (view->publishes && strcmp(state_of(view), "waits_for_port") == 0)
		complain(view, "a channel's port is taken: changes wait in the spool; the log says "
			       "which");
	else if (view->publishes && strcmp(state_of(view), "store_fails") == 0)
		complain(view,
			 "the feed store can't be written: changes wait in the spool; the log "
			 "says why");
	else if (view->publishes && strcmp(state_of(view), "publishing") != 0 &&
		 strcmp(state_of(view), "starting") != 0)
		complain(view, "the publisher does not publish: its state is %.32s",
			 state_of(view));
	else if (!view->publishes && (view->writers || view->spool.waiting_bytes))
		complain(view,
			 "nobody publishes: changes stay in the spool until epptapd runs, or, "
			 "`publisher: embedded`, a front end");
	else if (!view->publishes && !ended)
		complain(view, "the publisher has ended uncleanly, and no front end has it open");
}

/* With epptapd each channel has one. */
static void judge_senders(struct view *view)
{
	const char *name;
	json_t *sender;
	json_object_foreach(json_object_get(view->publisher, "senders"), name, sender)
	{
		const char *state = json_string_value(json_object_get(sender, "state"));
		if (!view->publishes || !state || strcmp(state, "sending") == 0)
			continue;
		complain(view,
			 "nobody hears channel %.32s live: its sender %s; the log of epptapd says "
			 "why",
			 name,
			 strcmp(state, "down") == 0 ? "has ended, and is started again"
						    : "waits for its port");
	}
}

static void judge_delays(struct view *view)
{
	const char *name;
	json_t *channel;
	json_int_t lag_ms = number(view->publisher, "lag_ms");
	if (!view->publishes)
		return;
	if (lag_ms > LAG_MOST_MS)
		complain(view,
			 "the oldest change that is not published came %" JSON_INTEGER_FORMAT
			 " s ago",
			 lag_ms / 1000);
	json_object_foreach(json_object_get(view->publisher, "channels"), name, channel)
	{
		json_int_t overdue_ms = -number(channel, "next_due_ms");
		if (overdue_ms > OVERDUE_MOST_MS)
			complain(view,
				 "channel %.32s holds an event that should be out since "
				 "%" JSON_INTEGER_FORMAT " s",
				 name, overdue_ms / 1000);
		if (number(channel, "checkpoint_age_ms") > CHECKPOINT_MOST_MS)
			complain(view,
				 "the log of channel %.32s was last signed "
				 "%" JSON_INTEGER_FORMAT " s ago: the publisher's log says why",
				 name, number(channel, "checkpoint_age_ms") / 1000);
	}
	if (number(view->publisher, "quarantined") > 0)
		complain(view,
			 "%" JSON_INTEGER_FORMAT " changes are set aside: see epptapctl "
			 "quarantine",
			 number(view->publisher, "quarantined"));
}

static void judge_room(struct view *view)
{
	const json_t *store = json_object_get(view->publisher, "store");
	json_int_t queue = number(view->all, "fullest_queue_permille");
	uint64_t spool = view->spool.bytes / (view->config->spool_limit / 100);
	json_int_t used =
		number(store, "used_bytes") / (json_int_t)(view->config->store_limit / 100);
	if (view->writers && queue >= QUEUE_MOST_PERMILLE)
		complain(view, "a queue is %d %% full: what finds no room is lost",
			 (int)(queue / 10));
	if (view->spool.disk_free_bytes < DISK_LEAST_BYTES && view->writers)
		complain(view,
			 "the disk of state_dir has %" PRIu64
			 " MiB left; on a full one nothing can be spooled or published",
			 view->spool.disk_free_bytes >> 20);
	if (spool >= SPOOL_MOST_PERCENT)
		complain(view,
			 "the spool is %" PRIu64 " %% full: at spool.limit changes wait in the "
			 "queue",
			 spool);
	if (used >= STORE_MOST_PERCENT)
		complain(view,
			 "the feed store is %" JSON_INTEGER_FORMAT
			 " %% full: raise store.limit, or shorten retention",
			 used);
	if (view->spool.bad)
		complain(view, "%u file%s of the spool set aside as damaged: see *.bad in %s/%s",
			 view->spool.bad, view->spool.bad == 1 ? "" : "s", view->config->state_dir,
			 SPOOL_FOLDER);
}

static void judge_metrics(struct view *view)
{
	struct stat file;
	const char *path = view->config->metrics;
	json_int_t now_s = number(view->all, "now_ms") / 1000;
	if (!path || !view->publishes)
		return;
	if (stat(path, &file) != 0)
		complain(view, "metrics %s: %s", path, strerror(errno));
	else if (now_s - file.st_mtim.tv_sec > METRICS_MOST_S)
		complain(view, "metrics %s: was written %" JSON_INTEGER_FORMAT " s ago", path,
			 now_s - (json_int_t)file.st_mtim.tv_sec);
}

static int show_all(struct view *view)
{
	printf("state_dir %s\n", view->config->state_dir);
	int status = find_writers(view);
	if (status != CTL_OK)
		return status;
	show_processes(view);
	status = show_places(view);
	show_sums(view);
	show_namespaces(view);
	judge_publisher(view);
	judge_senders(view);
	judge_delays(view);
	judge_room(view);
	judge_metrics(view);
	if (status == CTL_OK && !view->wrong)
		printf("good      nothing is wrong\n");
	return view->wrong ? CTL_FAILED : status;
}

int ctl_status(int argc, char **argv)
{
	struct clock_reading now;
	(void)argc;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	clock_read(&now);
	json_t *all = status_files_gather(config->state_dir, now.wall_us);
	struct view view = {.config = config, .all = all};
	view.publisher = json_object_get(all, "publisher");
	view.publishes = view.publisher && number(view.publisher, "age_ms") < SILENT_MS &&
			 strcmp(state_of(&view), "ended") != 0;
	int status = all ? show_all(&view) : ctl_fail("out of memory");
	json_decref(all);
	config_free(&config);
	return status;
}
