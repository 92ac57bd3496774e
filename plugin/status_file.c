#include "plugin/status_file.h"

#include "base/file.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_US = 1000000, STATUS_MAX = 65536 };

struct status_file {
	char folder[PATH_MAX];
	char path[PATH_MAX + 32];
	uint64_t writer;
	int64_t due_us;
	struct buffer written; /* what is in the file */
	struct buffer next;
};

int status_file_new(const char *state_dir, uint64_t writer, struct status_file **out)
{
	struct status_file *file = calloc(1, sizeof *file);
	*out = file;
	if (!file)
		return RESULT_NOMEM;
	snprintf(file->folder, sizeof file->folder, "%s/status", state_dir);
	snprintf(file->path, sizeof file->path, "%s/tap-%016" PRIx64 ".json", file->folder, writer);
	file->writer = writer;
	buffer_init(&file->written, STATUS_MAX);
	buffer_init(&file->next, STATUS_MAX);
	return RESULT_OK;
}

bool status_file_due(const struct status_file *file, int64_t now_us)
{
	return now_us >= file->due_us;
}

static bool same(const struct buffer *a, const struct buffer *b)
{
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

void status_file_write(struct status_file *file, const struct buffer *counters, int64_t now_us)
{
	struct buffer before = file->written;
	file->due_us = now_us + PAUSE_US;
	buffer_reset(&file->next);
	buffer_printf(&file->next,
		      "{\"version\":\"" EPPTAP_VERSION "\",\"pid\":%ld,\"writer\":\"%016" PRIx64
		      "\",",
		      (long)getpid(), file->writer);
	buffer_append(&file->next, counters->data, counters->size);
	buffer_append_text(&file->next, "}\n");
	if (counters->failed || file->next.failed || same(&file->next, &before) ||
	    file_make_folder(file->folder, 0700) != RESULT_OK ||
	    file_replace(file->path, file->next.data, file->next.size, 0600, false) != RESULT_OK)
		return;
	file->written = file->next;
	file->next = before;
}

void status_file_close(struct status_file **file)
{
	if (!*file)
		return;
	buffer_free(&(*file)->written);
	buffer_free(&(*file)->next);
	free(*file);
	*file = NULL;
}
