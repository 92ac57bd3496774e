#include "subscriber/own_lines.h"

#include "base/buffer.h"
#include "base/name.h"
#include "subscriber/complaint.h"
#include "subscriber/times.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 65536, WHY_SIZE = 512, SAID_MAX = 100 };

struct own_lines {
	const char *path;
	int fd;
	unsigned long number; /* of the line that was read last */
	bool is_long;         /* the line under way is over its limit, and passed over */
	struct buffer line;   /* what there is of it */
};

static int open_file(const char *path)
{
	return strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
				      : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int own_lines_open(const char *path, bool from_end, struct own_lines **lines, char *why,
		   size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	struct own_lines *made = calloc(1, sizeof *made);
	*lines = NULL;
	if (!made)
		return complain(&to, RESULT_NOMEM, "out of memory");
	buffer_init(&made->line, OWN_LINE_MAX);
	made->path = path;
	made->fd = open_file(path);
	if (made->fd < 0) {
		int result = complain(&to, RESULT_CONFIG, "can't be read: %s", strerror(errno));
		free(made);
		return result;
	}
	if (from_end)
		(void)lseek(made->fd, 0, SEEK_END); /* a pipe has no past */
	*lines = made;
	return RESULT_OK;
}

static unsigned actions_of(const json_t *action)
{
	unsigned actions = 0;
	if (json_is_string(action))
		return action_parse(json_string_value(action));
	for (size_t i = 0; i < json_array_size(action); i++) {
		const char *word = json_string_value(json_array_get(action, i));
		unsigned one = word ? action_parse(word) : 0;
		if (!one)
			return 0;
		actions |= one;
	}
	return actions;
}

/* What is wrong with it; NULL: nothing. */
static const char *take_members(const json_t *from, struct ledger_word *word)
{
	const char *txn = json_string_value(json_object_get(from, "svTRID"));
	const char *name = json_string_value(json_object_get(from, "domain"));
	const char *time = json_string_value(json_object_get(from, "time"));
	*word = (struct ledger_word){.index = UINT64_MAX};
	if (!txn || !token_is_id(txn, strlen(txn)))
		return "svTRID: the server's transaction id, at most 64 characters without "
		       "spaces, would be right";
	memcpy(word->txn, txn, strlen(txn) + 1);
	if (!name || name_read(name, strlen(name), word->name) != RESULT_OK)
		return "domain: a name, with xn-- labels for other alphabets, would be right";
	word->actions = actions_of(json_object_get(from, "action"));
	if (word->actions == 0)
		return "action: lock, unlock, create, update, delete, renew, transfer or restore, "
		       "or a list of these, would be right";
	if (time && !times_read(time, &word->time_ms))
		return "time: as 2026-11-27T21:00:00Z would be right";
	return NULL;
}

static int take_line(struct own_lines *lines, const char *text, size_t size,
		     const struct own_listener *listener)
{
	struct ledger_word word;
	json_error_t error;
	char what[WHY_SIZE];
	lines->number++;
	if (strspn(text, " \t\r") >= size)
		return RESULT_OK;
	json_t *parsed = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!parsed && json_error_code(&error) == json_error_out_of_memory)
		return RESULT_NOMEM;
	const char *wrong = json_is_object(parsed) ? take_members(parsed, &word)
						   : "a JSON object in one line would be right";
	json_decref(parsed);
	if (!wrong)
		return listener->word(listener->context, &word);
	snprintf(what, sizeof what, "%.*s: line %lu: %s", SAID_MAX, lines->path, lines->number,
		 wrong);
	return listener->wrong(listener->context, what);
}

static int end_line(struct own_lines *lines, const struct own_listener *listener)
{
	int result;
	if (lines->is_long) {
		char what[WHY_SIZE];
		snprintf(what, sizeof what, "%.*s: line %lu: over %d bytes", SAID_MAX, lines->path,
			 ++lines->number, OWN_LINE_MAX);
		result = listener->wrong(listener->context, what);
	} else {
		buffer_append_byte(&lines->line, '\0');
		result = lines->line.failed ? RESULT_NOMEM
					    : take_line(lines, lines->line.data,
							lines->line.size - 1, listener);
	}
	lines->is_long = false;
	buffer_reset(&lines->line);
	return result;
}

static int take_bytes(struct own_lines *lines, const char *bytes, size_t size,
		      const struct own_listener *listener)
{
	int result = RESULT_OK;
	while (size > 0 && result == RESULT_OK) {
		const char *newline = memchr(bytes, '\n', size);
		size_t part = newline ? (size_t)(newline - bytes) : size;
		if (lines->line.size + part >= OWN_LINE_MAX)
			lines->is_long = true;
		else if (!lines->is_long)
			buffer_append(&lines->line, bytes, part);
		if (newline)
			result = end_line(lines, listener);
		bytes += part + (newline != NULL);
		size -= part + (newline != NULL);
	}
	return result;
}

/* Was the file replaced, or cut? Then the new one is read from its begin. */
static void look_for_another(struct own_lines *lines)
{
	struct stat has, is;
	if (strcmp(lines->path, "-") == 0 || fstat(lines->fd, &has) != 0 ||
	    stat(lines->path, &is) != 0 || !S_ISREG(has.st_mode))
		return;
	bool is_cut = lseek(lines->fd, 0, SEEK_CUR) > has.st_size;
	if (has.st_ino == is.st_ino && has.st_dev == is.st_dev && !is_cut)
		return;
	int fd = open_file(lines->path);
	if (fd < 0)
		return;
	close(lines->fd);
	lines->fd = fd;
	lines->number = 0;
	lines->is_long = false;
	buffer_reset(&lines->line);
}

/* Without waiting: standard input may be a terminal, or a pipe, which others share. */
static ssize_t read_some(int fd, char *bytes, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	return poll(&ready, 1, 0) > 0 ? read(fd, bytes, size) : 0;
}

int own_lines_read(struct own_lines *lines, const struct own_listener *listener)
{
	char bytes[READ_SIZE];
	int result = RESULT_OK;
	for (;;) {
		ssize_t got = read_some(lines->fd, bytes, sizeof bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		result = take_bytes(lines, bytes, (size_t)got, listener);
		if (result != RESULT_OK)
			return result;
	}
	look_for_another(lines);
	return result;
}

int own_lines_end(struct own_lines *lines, const struct own_listener *listener)
{
	int result = own_lines_read(lines, listener);
	if (result == RESULT_OK && (lines->line.size > 0 || lines->is_long))
		result = end_line(lines, listener);
	return result;
}

void own_lines_close(struct own_lines **lines)
{
	if (!*lines)
		return;
	close((*lines)->fd);
	buffer_free(&(*lines)->line);
	free(*lines);
	*lines = NULL;
}
