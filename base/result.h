/* result.h - what a call inside epptap can come to
 *
 * One enum for the whole house; 0 is good. The numbers are those of the public ABI (plugin/epptap.h), so that
 * the plugin hands them on as they are: plugin/epptap.c holds the two together at compile time.
 */
#ifndef BASE_RESULT_H
#define BASE_RESULT_H

enum result {
	RESULT_OK = 0,
	RESULT_INVALID = -1, /* an argument makes no sense */
	RESULT_CONFIG = -2,  /* the configuration, or a file that it names, is wrong */
	RESULT_FULL = -3,    /* a bounded thing is at its bound */
	RESULT_FORK = -4,    /* used in a child of the process that opened it */
	RESULT_BUSY = -5,    /* somebody has it already */
	RESULT_STORE = -6,   /* a file or the feed store can't be read or written */
	RESULT_NOMEM = -7,   /* an allocation failed */
	RESULT_TIMEOUT = -8, /* the time given ran out */
};

#define RESULT_LAST RESULT_TIMEOUT

#define MUST_USE    __attribute__((warn_unused_result))

/* A sentence for `result`, for every int: "unknown result" for one that is none. Never NULL; static. */
const char *result_text(int result);

#endif
