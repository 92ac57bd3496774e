#include "subscriber/complaint.h"

#include "subscriber/printable.h"

#include <stdarg.h>
#include <stdio.h>

int complain(const struct complaint *to, int result, const char *format, ...)
{
	int at = 0;
	if (to->size == 0)
		return result;
	if (to->path)
		at = snprintf(to->text, to->size, "%s: ", to->path);
	if (at < 0 || (size_t)at >= to->size)
		return result;
	va_list args;
	va_start(args, format);
	if (vsnprintf(to->text + at, to->size - (size_t)at, format, args) < 0)
		to->text[at] = '\0';
	va_end(args);
	printable_in_place(to->text + at);
	return result;
}
