#include "publisher/status_files.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 4, PERMILLE = 1000 }; /* of objects within objects */

struct status_files {
	const char *state_dir;
	json_t *retired;
	struct buffer text; /* of publisher.json, as it should be */
};

/* An object; NULL: the text is none, or there is no memory. */
static json_t *parse(const struct buffer *text)
{
	json_t *object = text->size > 0 ? json_loadb(text->data, text->size, 0, NULL) : NULL;
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

/* An object read from <state_dir>/status/<name>; NULL: there is none that can be read. */
static json_t *load(const char *state_dir, const char *name)
{
	char path[PATH_MAX];
	struct buffer text;
	json_t *object = NULL;
	buffer_init(&text, STATUS_FILE_MAX);
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER "/%s", state_dir, name);
	if (file_read(path, &text) == RESULT_OK)
		object = parse(&text);
	buffer_free(&text);
	return object;
}

static json_int_t add_up(json_int_t a, json_int_t b)
{
	json_int_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Adds the integers of `object` to those of `sum`. False: no memory. */
static bool add_integers(json_t *sum, json_t *object, int depth)
{
	const char *name;
	json_t *value;
	bool good = true;
	json_object_foreach(object, name, value)
	{
		json_t *before = json_object_get(sum, name);
		if (json_is_object(value) && depth < DEPTH_MAX) {
			if (!json_is_object(before))
				good &= json_object_set_new(sum, name, json_object()) == 0;
			before = json_object_get(sum, name);
			good &= before && add_integers(before, value, depth + 1);
		} else if (json_is_integer(value)) {
			json_int_t total =
				add_up(json_integer_value(before), json_integer_value(value));
			good &= json_object_set_new(sum, name, json_integer(total)) == 0;
		}
	}
	return good;
}

/* The namespace whose loss is the least: one that made nothing unreadable, and is rare. */
static const char *least_namespace(json_t *namespaces)
{
	const char *name, *least = NULL;
	json_int_t least_unread = 0, least_passed_over = 0;
	json_t *value;
	json_object_foreach(namespaces, name, value)
	{
		json_int_t unread = json_integer_value(json_object_get(value, "unread"));
		json_int_t passed_over = json_integer_value(json_object_get(value, "passed_over"));
		if (strcmp(name, STATUS_OTHER_NAMESPACES) == 0 ||
		    (least && (unread > least_unread ||
			       (unread == least_unread && passed_over >= least_passed_over))))
			continue;
		least = name;
		least_unread = unread;
		least_passed_over = passed_over;
	}
	return least;
}

/* Adds the counters of `object`, a process's or a sum of them. Registrars may make up as many namespaces as they like, and
 * the sum lasts: of these it holds no more than a process does. False: no memory. */
static bool add_counters(json_t *sum, json_t *object)
{
	bool good = add_integers(sum, object, 0);
	json_t *namespaces = json_object_get(sum, "namespaces");
	while (good && json_object_size(namespaces) > STATUS_NAMESPACES_MAX + 1) {
		const char *least = least_namespace(namespaces);
		json_t *others = json_object();
		good = others && json_object_set(others, STATUS_OTHER_NAMESPACES,
						 json_object_get(namespaces, least)) == 0;
		good = good && json_object_del(namespaces, least) == 0 &&
		       add_integers(namespaces, others, 1);
		json_decref(others);
	}
	return good;
}

/* Takes out of a process's object what is no counter of its own. */
static void strip(json_t *tap)
{
	json_object_del(tap, "pid");
	json_object_del(tap, "writer");
}

/* The writer in a file's name. False: it is another file. */
static bool writer_of(const char *name, uint64_t *writer)
{
	char again[64];
	if (sscanf(name, "tap-%16" SCNx64, writer) != 1)
		return false;
	snprintf(again, sizeof again, STATUS_TAP_FILE, *writer);
	return strcmp(again, name) == 0;
}

static DIR *open_folder(const char *state_dir)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER, state_dir);
	return opendir(path);
}

static json_int_t permille_full(const json_t *tap)
{
	const json_t *queue = json_object_get(tap, "queue");
	json_int_t used = json_integer_value(json_object_get(queue, "used_bytes"));
	json_int_t size = json_integer_value(json_object_get(queue, "size_bytes"));
	return size > 0 && used > 0 && used <= size ? (json_int_t)((double)used * PERMILLE / size)
						    : 0;
}

struct gathering {
	json_t *sum;
	json_int_t taps, unread, fullest;
	bool failed;
};

static void gather_tap(struct gathering *gathering, const char *state_dir, const char *name)
{
	gathering->taps++;
	json_t *tap = gathering->taps <= STATUS_TAPS_MAX ? load(state_dir, name) : NULL;
	if (!tap) {
		gathering->unread++;
		return;
	}
	json_int_t full = permille_full(tap);
	if (full > gathering->fullest)
		gathering->fullest = full;
	strip(tap);
	if (!add_counters(gathering->sum, tap))
		gathering->failed = true;
	json_decref(tap);
}

static void gather_taps(struct gathering *gathering, const char *state_dir)
{
	uint64_t writer;
	DIR *dir = open_folder(state_dir);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (writer_of(entry->d_name, &writer))
			gather_tap(gathering, state_dir, entry->d_name);
	if (dir)
		closedir(dir);
}

/* How long ago the file was written; a clock that was set back counts as now. */
static json_int_t age_ms(const char *state_dir, const char *name, int64_t now_us)
{
	char path[PATH_MAX];
	struct stat file;
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER "/%s", state_dir, name);
	if (stat(path, &file) != 0)
		return 0;
	int64_t written_us = (int64_t)file.st_mtim.tv_sec * 1000000 + file.st_mtim.tv_nsec / 1000;
	return written_us < now_us ? (now_us - written_us) / 1000 : 0;
}

/* The publisher's own members, from its file; what is retired goes to the sum. NULL: there are none. */
static json_t *gather_publisher(struct gathering *gathering, const json_t *file, json_int_t age)
{
	json_t *publisher = json_object_get(file, "publisher");
	json_t *retired = json_object_get(file, "retired");
	if (json_is_object(retired) && !add_counters(gathering->sum, retired))
		gathering->failed = true;
	if (!json_is_object(publisher))
		return NULL;
	json_object_set(publisher, "pid", json_object_get(file, "pid"));
	json_object_set(publisher, "version", json_object_get(file, "version"));
	json_object_set_new(publisher, "age_ms", json_integer(age));
	return json_incref(publisher);
}

/* Takes `file`, the publisher's as an object, or NULL. */
static json_t *gather(const char *state_dir, json_t *file, json_int_t age, int64_t now_us)
{
	json_t *all = json_object();
	struct gathering gathering = {.sum = json_object()};
	gather_taps(&gathering, state_dir);
	json_t *publisher = gather_publisher(&gathering, file, age);
	json_decref(file);
	if (publisher)
		json_object_set_new(all, "publisher", publisher);
	if (gathering.taps > gathering.unread)
		json_object_set_new(all, "fullest_queue_permille", json_integer(gathering.fullest));
	json_object_set_new(all, "taps", json_integer(gathering.taps));
	json_object_set_new(all, "taps_unread", json_integer(gathering.unread));
	json_object_set_new(all, "now_ms", json_integer(now_us / 1000));
	if (json_object_set_new(all, "sum", gathering.sum) == 0 && !gathering.failed)
		return all;
	json_decref(all);
	return NULL;
}

json_t *status_files_gather(const char *state_dir, int64_t now_us)
{
	return gather(state_dir, load(state_dir, STATUS_PUBLISHER_FILE),
		      age_ms(state_dir, STATUS_PUBLISHER_FILE, now_us), now_us);
}

json_t *status_files_gather_own(const struct status_files *files, int64_t now_us)
{
	return gather(files->state_dir, parse(&files->text), 0, now_us);
}

int status_files_new(const char *state_dir, struct status_files **out)
{
	char path[PATH_MAX];
	struct status_files *files = calloc(1, sizeof *files);
	*out = NULL;
	if (!files)
		return RESULT_NOMEM;
	files->state_dir = state_dir;
	buffer_init(&files->text, STATUS_FILE_MAX);
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER, state_dir);
	int result = file_make_folder(path, 0700);
	json_t *file = result == RESULT_OK ? load(state_dir, STATUS_PUBLISHER_FILE) : NULL;
	json_t *retired = json_object_get(file, "retired");
	files->retired = json_is_object(retired) ? json_incref(retired) : json_object();
	json_decref(file);
	if (result == RESULT_OK && !files->retired)
		result = RESULT_NOMEM;
	if (result != RESULT_OK)
		status_files_free(&files);
	*out = files;
	return result;
}

void status_files_free(struct status_files **files)
{
	if (!*files)
		return;
	json_decref((*files)->retired);
	buffer_free(&(*files)->text);
	free(*files);
	*files = NULL;
}

int status_files_write(struct status_files *files, const struct buffer *members)
{
	char path[PATH_MAX];
	struct buffer *text = &files->text;
	char *retired = json_dumps(files->retired, JSON_COMPACT);
	buffer_reset(text);
	buffer_printf(text, "{\"version\":\"" EPPTAP_VERSION "\",\"pid\":%ld,", (long)getpid());
	buffer_append(text, members->data, members->size);
	buffer_printf(text, ",\"retired\":%s}\n", retired ? retired : "{}");
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER "/" STATUS_PUBLISHER_FILE,
		 files->state_dir);
	int result = !retired || members->failed || text->failed
			     ? RESULT_NOMEM
			     : file_replace(path, text->data, text->size, 0600, false);
	free(retired);
	return result;
}

size_t status_files_writers(const struct status_files *files, uint64_t *writers, size_t most)
{
	size_t count = 0;
	DIR *dir = open_folder(files->state_dir);
	for (struct dirent *entry; dir && count < most && (entry = readdir(dir));)
		count += writer_of(entry->d_name, &writers[count]);
	if (dir)
		closedir(dir);
	return count;
}

bool status_files_retire(struct status_files *files, uint64_t writer)
{
	char name[64], path[PATH_MAX];
	snprintf(name, sizeof name, STATUS_TAP_FILE, writer);
	snprintf(path, sizeof path, "%s/" STATUS_FOLDER "/%s", files->state_dir, name);
	json_t *tap = load(files->state_dir, name);
	json_t *sum = json_deep_copy(files->retired);
	bool good = sum != NULL;
	if (tap) {
		strip(tap);
		json_object_del(tap, "queue"); /* that was memory, and is gone */
		json_object_del(tap, "streams");
		good = good && add_counters(sum, tap);
	}
	good = good && (unlink(path) == 0 || errno == ENOENT);
	if (good) {
		json_decref(files->retired);
		files->retired = sum;
		sum = NULL;
	}
	json_decref(sum);
	json_decref(tap);
	return good;
}
