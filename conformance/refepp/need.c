#include "conformance/refepp/need.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_end(void *memory)
{
	if (memory == NULL) {
		static const char message[] = "refepp: out of memory\n";
		ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

		(void)ignored;
		_exit(1);
	}
	return memory;
}

void *need_zeroed(size_t size)
{
	return or_end(calloc(1, size));
}

void *need_resized(void *old, size_t size)
{
	return or_end(realloc(old, size));
}

char *need_copy(const char *text)
{
	return text == NULL ? NULL : or_end(strdup(text));
}

void need_replace(char **slot, const char *text)
{
	char *copy = need_copy(text);

	free(*slot);
	*slot = copy;
}
