#include "conformance/refepp/journal.h"

#include "conformance/refepp/need.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct journal {
	int fd;
	char *path;
	off_t size; /* of the whole lines */
	struct text line;
};

/* Where the last whole line ends; -1 if the file can't be read. */
static off_t whole_lines(int fd, off_t size)
{
	char chunk[4096];

	while (size > 0) {
		off_t from = size > (off_t)sizeof(chunk) ? size - (off_t)sizeof(chunk) : 0;
		ssize_t got = pread(fd, chunk, (size_t)(size - from), from);
		const char *newline;

		if (got != size - from)
			return -1;
		newline = memrchr(chunk, '\n', (size_t)got);
		if (newline != NULL)
			return from + (newline - chunk) + 1;
		size = from;
	}
	return 0;
}

static bool prepare(struct journal *journal)
{
	struct stat status;

	if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0 || fstat(journal->fd, &status) != 0)
		return false;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return false;
	}
	journal->size = whole_lines(journal->fd, status.st_size);
	if (journal->size < 0)
		return false;
	if (journal->size == status.st_size)
		return true;
	fprintf(stderr, "refepp: %s: the last line was torn, its %lld bytes are dropped\n",
		journal->path, (long long)(status.st_size - journal->size));
	return ftruncate(journal->fd, journal->size) == 0;
}

struct journal *journal_open(const char *path, char *why, size_t why_size)
{
	struct journal *journal = need_zeroed(sizeof(*journal));

	journal->path = need_copy(path);
	journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal->fd >= 0 && prepare(journal))
		return journal;
	if (errno == EWOULDBLOCK)
		snprintf(why, why_size,
			 "%s: another process has this journal; --journal needs one of its own",
			 path);
	else
		snprintf(why, why_size,
			 "%s: %s; --journal needs a regular file that can be written", path,
			 strerror(errno));
	journal_close(&journal);
	return NULL;
}

void journal_close(struct journal **journal)
{
	if (*journal == NULL)
		return;
	if ((*journal)->fd >= 0)
		close((*journal)->fd);
	text_free(&(*journal)->line);
	free((*journal)->path);
	free(*journal);
	*journal = NULL;
}

static void put_member(struct text *line, const char *name, const char *value)
{
	text_printf(line, "\"%s\":", name);
	text_json(line, value, strlen(value));
	text_put(line, ",");
}

static void make_line(struct text *line, const struct journal_entry *entry)
{
	text_reset(line);
	text_put(line, "{");
	put_member(line, "svTRID", entry->sv_trid);
	put_member(line, "registrar", entry->registrar);
	put_member(line, "object", entry->object);
	put_member(line, "verb", entry->verb);
	put_member(line, "name", entry->name);
	text_printf(line,
		    "\"time\":%lld.%03d,\"code\":%d,\"command\":", (long long)entry->time_ms / 1000,
		    (int)(entry->time_ms % 1000), entry->code);
	if (text_json(line, entry->command->data, entry->command->size))
		text_put(line, ",\"bytes\":true");
	text_put(line, ",\"response\":");
	text_json(line, entry->response->data, entry->response->size);
	text_put(line, "}\n");
}

bool journal_append(struct journal *journal, const struct journal_entry *entry)
{
	ssize_t written;
	int error;

	make_line(&journal->line, entry);
	do
		written = write(journal->fd, journal->line.data, journal->line.size);
	while (written < 0 && errno == EINTR);
	if (written == (ssize_t)journal->line.size) {
		journal->size += written;
		return true;
	}
	error = written < 0 ? errno : ENOSPC;
	if (written > 0 && ftruncate(journal->fd, journal->size) != 0)
		error = errno;
	errno = error;
	return false;
}

/* The value of member `name`: of a string what stands between its quotes. NULL if there is none. A
 * quote inside a string is always written with a backslash, so ,"name": stands nowhere else. */
static const char *member(const char *line, const char *name, size_t *size)
{
	char key[32];
	int length = snprintf(key, sizeof(key), "\"%s\":", name);
	const char *at = line;

	do {
		at = strstr(at + 1, key);
	} while (at != NULL && at[-1] != ',' && at[-1] != '{');
	if (at == NULL)
		return NULL;
	at += length;
	*size = strcspn(at, ",}");
	if (*at == '"') {
		const char *end = ++at;

		while (*end != '\0' && *end != '"')
			end += *end == '\\' && end[1] != '\0' ? 2 : 1;
		*size = (size_t)(end - at);
	}
	return at;
}

static bool read_string(const char *line, const char *name, struct text *into)
{
	size_t size;
	const char *value = member(line, name, &size);

	text_reset(into);
	text_put(into, "");
	return value != NULL && text_unjson(into, value, size);
}

static bool read_time(const char *line, int64_t *time_ms)
{
	size_t size;
	const char *value = member(line, "time", &size);
	long long seconds;
	int milliseconds;

	if (value == NULL || sscanf(value, "%lld.%3d", &seconds, &milliseconds) != 2)
		return false;
	*time_ms = seconds * 1000 + milliseconds;
	return true;
}

static bool read_code(const char *line, int *code)
{
	size_t size;
	const char *value = member(line, "code", &size);

	*code = value == NULL ? 0 : atoi(value);
	return *code != 0;
}

enum { SV_TRID, REGISTRAR, OBJECT, VERB, NAME, COMMAND, RESPONSE, MEMBER_COUNT };

static bool read_entry(const char *line, struct text texts[MEMBER_COUNT],
		       struct journal_entry *entry)
{
	static const char *const names[MEMBER_COUNT] = {
		"svTRID", "registrar", "object", "verb", "name", "command", "response",
	};
	size_t i;

	for (i = 0; i < MEMBER_COUNT; i++) {
		if (!read_string(line, names[i], &texts[i]))
			return false;
	}
	*entry = (struct journal_entry){
		.sv_trid = texts[SV_TRID].data,
		.registrar = texts[REGISTRAR].data,
		.object = texts[OBJECT].data,
		.verb = texts[VERB].data,
		.name = texts[NAME].data,
		.command = &texts[COMMAND],
		.response = &texts[RESPONSE],
	};
	return read_time(line, &entry->time_ms) && read_code(line, &entry->code);
}

bool journal_replay(struct journal *journal,
		    bool (*take)(void *context, const struct journal_entry *entry), void *context,
		    char *why, size_t why_size)
{
	FILE *file = fopen(journal->path, "re");
	struct text texts[MEMBER_COUNT] = {0};
	struct journal_entry entry;
	const char *wrong = NULL;
	char *line = NULL;
	size_t capacity = 0, i;
	unsigned long number = 0;

	if (file == NULL) {
		snprintf(why, why_size, "%s: %s", journal->path, strerror(errno));
		return false;
	}
	while (wrong == NULL && getline(&line, &capacity, file) >= 0) {
		number++;
		if (!read_entry(line, texts, &entry))
			wrong = "no line of a refepp journal";
		else if (!take(context, &entry))
			wrong = "this command does not come to the same end as it did";
	}
	if (wrong != NULL)
		snprintf(why, why_size, "%s:%lu: %s; use another journal, or mend this one",
			 journal->path, number, wrong);
	for (i = 0; i < MEMBER_COUNT; i++)
		text_free(&texts[i]);
	free(line);
	fclose(file);
	return wrong == NULL;
}
