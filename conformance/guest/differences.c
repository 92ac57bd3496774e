#include "conformance/guest/differences.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MOST = 4096 };

static size_t split(char *text, char **lines)
{
	size_t count = 0;
	for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line && count < LINES_MOST;
	     line = strtok_r(NULL, "\n", &rest))
		lines[count++] = line;
	return count;
}

bool differences_write(FILE *out, const char *when, const char *before, const char *after)
{
	static char *was[LINES_MOST], *is[LINES_MOST];
	char *old = strdup(before), *now = strdup(after);
	size_t count = split(old, was), now_count = split(now, is);
	bool any = false;
	for (size_t i = 0; i < count || i < now_count; i++) {
		const char *a = i < count ? was[i] : "nothing", *b = i < now_count ? is[i] : NULL;
		if (!b && strncmp(a, "descriptor", strlen("descriptor")) == 0)
			break;
		if (b && strcmp(a, b) == 0)
			continue;
		fprintf(out, "%s: \"%s\" became \"%s\"\n", when, a, b ? b : "nothing");
		any = true;
	}
	free(old);
	free(now);
	return any;
}
