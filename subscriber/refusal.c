#include "subscriber/refusal.h"

#include "subscriber/printable.h"

#include <stdarg.h>
#include <stdio.h>

int refuse(struct refusal *why, enum refusal_reason reason, const char *format, ...)
{
	why->reason = reason;
	va_list args;
	va_start(args, format);
	if (vsnprintf(why->text, sizeof why->text, format, args) < 0)
		why->text[0] = '\0';
	va_end(args);
	printable_in_place(why->text);
	return RESULT_INVALID;
}
