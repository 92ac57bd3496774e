#include "conformance/guest/look.h"

#include "conformance/guest/libraries.h"
#include "conformance/guest/state.h"

#include <stdio.h>
#include <stdlib.h>

char *guest_look(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		abort();
	fputs(guest_state(), out);
	libraries_write(out);
	fclose(out);
	return text;
}
