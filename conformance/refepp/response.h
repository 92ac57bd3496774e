/* response.h - the frames a server sends
 *
 * Pure functions that append a whole XML document to a text. Nothing of a command stands in a
 * response but clTRID and what the registry stored, escaped.
 */
#ifndef REFEPP_RESPONSE_H
#define REFEPP_RESPONSE_H

#include "conformance/refepp/text.h"

#include <stdint.h>

struct response {
	int code;
	const char *why;       /* a constant text that says more, or NULL */
	const char *data;      /* inside <resData>; NULL or empty: none */
	const char *extension; /* inside <extension>, likewise */
	const char *cl_trid;   /* or NULL */
	const char *sv_trid;
};

void response_write(struct text *frame, const struct response *response);

void response_write_greeting(struct text *frame, int64_t now_ms);

#endif
