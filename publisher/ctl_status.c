/* ctl_status.c - epptapctl status: one screen for people */
#include "publisher/ctl.h"

#include "base/state_dir.h"
#include "publisher/feed_store.h"
#include "publisher/hold.h"
#include "publisher/publisher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Says which process has the state_dir open; *writer is 0 if none has. */
static int show_writer(const char *state_dir, long *writer)
{
	char path[PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	snprintf(path, sizeof path, "%s/" STATE_DIR_LOCKS_FILE, state_dir);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return ctl_fail("%s: %s; run this as the front end's user", path, strerror(errno));
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0)
		lock.l_type = F_UNLCK;
	if (fd >= 0)
		close(fd);
	*writer = lock.l_type == F_UNLCK ? 0 : (long)lock.l_pid;
	if (lock.l_type == F_UNLCK)
		printf("writer    none: no front end has it open\n");
	else
		printf("writer    process %ld has it open\n", (long)lock.l_pid);
	return CTL_OK;
}

static void show_spool(const char *state_dir)
{
	char folder[PATH_MAX];
	uint64_t bytes = 0;
	unsigned segments = 0, bad = 0;
	snprintf(folder, sizeof folder, "%s/" SPOOL_FOLDER, state_dir);
	DIR *dir = opendir(folder);
	if (!dir) {
		printf("spool     none yet\n");
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat file;
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || fstatat(dirfd(dir), entry->d_name, &file, 0) != 0)
			continue;
		bad += strcmp(dot, ".bad") == 0;
		if (strcmp(dot, ".seg") != 0)
			continue;
		segments++;
		bytes += (uint64_t)file.st_size;
	}
	closedir(dir);
	printf("spool     %u segment%s, %" PRIu64 " bytes\n", segments, segments == 1 ? "" : "s",
	       bytes);
	if (bad)
		printf("          %u file%s set aside as damaged: see *.bad in %s\n", bad,
		       bad == 1 ? "" : "s", folder);
}

static int show_channel(struct feed_txn *txn, const struct config_channel *channel, int64_t now_ms)
{
	struct channel_record record;
	int64_t due_ms = INT64_MAX;
	int result = feed_txn_channel(txn, channel->name, false, &record);
	if (result == RESULT_INVALID) {
		printf("channel   %-16s nothing yet\n", channel->name);
		return RESULT_OK;
	}
	if (result == RESULT_OK)
		result = hold_next_due(txn, &record, &due_ms);
	if (result != RESULT_OK)
		return result;
	printf("channel   %-16s %" PRIu64 " events, %" PRIu64 " held", channel->name,
	       record.next_index, record.held);
	if (due_ms != INT64_MAX)
		printf(", the next due in %" PRId64 " s",
		       due_ms > now_ms ? (due_ms - now_ms + 999) / 1000 : 0);
	printf("\n");
	return RESULT_OK;
}

static int show_channels(const struct config *config)
{
	char why[1024], boot_id[CLOCK_BOOT_ID_SIZE];
	struct feed_store *store;
	struct feed_txn txn = {0};
	struct feed_clock clock = {0};
	struct clock_reading now;
	if (!feed_store_exists(config->state_dir)) {
		printf("channels  nothing was published from this state_dir yet\n");
		return CTL_OK;
	}
	if (feed_store_open(config->state_dir, config->store_limit, true, &store, why,
			    sizeof why) != RESULT_OK)
		return ctl_fail("%s", why);
	int result = feed_txn_begin(store, true, &txn);
	if (result == RESULT_OK)
		result = feed_txn_clock(&txn, &clock);
	clock_read(&now);
	clock_boot_id(boot_id);
	int64_t now_ms = feed_clock_advance(&clock, &now, boot_id);
	for (size_t i = 0; i < config->channel_count && result == RESULT_OK; i++)
		result = show_channel(&txn, &config->channels[i], now_ms);
	feed_txn_abort(&txn);
	feed_store_close(&store);
	return result == RESULT_OK ? CTL_OK
				   : ctl_fail("the feed store can't be read: it is damaged");
}

/* The counters, a member of an object as object.member; those at zero are left out of groups. */
static void show_counters(const char *prefix, json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
	{
		char path[128];
		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", name);
		if (json_is_object(value))
			show_counters(path, value);
		else if (json_is_integer(value) && (json_integer_value(value) || !*prefix))
			printf("          %-34s %" JSON_INTEGER_FORMAT "\n", path,
			       json_integer_value(value));
		else if (json_is_string(value) && strcmp(name, "version") != 0)
			printf("          %-34s %s\n", path, json_string_value(value));
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

static void show_status_file(const char *state_dir, long writer)
{
	char path[PATH_MAX];
	json_error_t error;
	snprintf(path, sizeof path, "%s/" PUBLISHER_STATUS_FILE, state_dir);
	json_t *status = json_load_file(path, 0, &error);
	if (!status) {
		printf("counters  none yet: %s\n", path);
		return;
	}
	json_int_t pid = json_integer_value(json_object_get(status, "pid"));
	printf("counters  %s%" JSON_INTEGER_FORMAT ", since it opened the tap\n",
	       pid == writer ? "of process " : "of an earlier process, ", pid);
	printf("          %-34s %" JSON_INTEGER_FORMAT "\n", "lost, in all",
	       sum(json_object_get(status, "lost")));
	printf("          %-34s %" JSON_INTEGER_FORMAT "\n", "unreadable, in all",
	       sum(json_object_get(status, "unreadable")));
	json_object_del(status, "pid");
	show_counters("", status);
	json_decref(status);
}

int ctl_status(int argc, char **argv)
{
	(void)argc;
	struct config *config = ctl_load(argv[0]);
	if (!config)
		return CTL_FAILED;
	printf("state_dir %s\n", config->state_dir);
	long writer = 0;
	int status = show_writer(config->state_dir, &writer);
	if (status == CTL_OK) {
		show_spool(config->state_dir);
		status = show_channels(config);
		show_status_file(config->state_dir, writer);
	}
	config_free(&config);
	return status;
}
