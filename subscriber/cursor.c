#include "subscriber/cursor.h"

#include "base/file.h"
#include "subscriber/complaint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 64, FILE_MODE = 0644, DIGITS_MAX = 19 };

static bool read_number(const struct buffer *file, uint64_t *index)
{
	size_t size = file->size;
	if (size > 0 && file->data[size - 1] == '\n')
		size--;
	*index = 0;
	for (size_t i = 0; i < size; i++) {
		if (file->data[i] < '0' || file->data[i] > '9')
			return false;
		*index = *index * 10 + (uint64_t)(file->data[i] - '0');
	}
	return size > 0 && size <= DIGITS_MAX && *index <= INT64_MAX;
}

int cursor_read(const char *path, bool *is_there, uint64_t *index, char *why, size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	struct buffer file;
	buffer_init(&file, FILE_MAX);
	int result = file_read(path, &file);
	*is_there = result == RESULT_OK;
	if (result == RESULT_STORE && errno == ENOENT)
		result = RESULT_OK;
	else if (result == RESULT_STORE)
		result = complain(&to, RESULT_CONFIG, "can't be read: %s", strerror(errno));
	else if (result == RESULT_FULL || (result == RESULT_OK && !read_number(&file, index)))
		result = complain(&to, RESULT_CONFIG,
				  "no cursor: a decimal number, and nothing else, would be right");
	buffer_free(&file);
	return result;
}

int cursor_write(const char *path, uint64_t index, char *why, size_t why_size)
{
	const struct complaint to = {.path = path, .text = why, .size = why_size};
	char text[DIGITS_MAX + 3];
	int size = snprintf(text, sizeof text, "%" PRIu64 "\n", index);
	if (file_replace(path, text, (size_t)size, FILE_MODE, true) == RESULT_OK)
		return RESULT_OK;
	return complain(&to, RESULT_STORE, "can't be written: %s", strerror(errno));
}
