#include "base/result.h"

const char *result_text(int result)
{
	switch (result) {
	case RESULT_OK:
		return "no error";
	case RESULT_INVALID:
		return "an argument is NULL, empty or out of its range";
	case RESULT_CONFIG:
		return "the configuration, or a file that it names, is wrong";
	case RESULT_FULL:
		return "no room is left in capture.queue or, of connections, in capture.streams: "
		       "what is lost is counted, and told in the feed";
	case RESULT_FORK:
		return "used in a child of the process that opened it: open it after the last fork";
	case RESULT_BUSY:
		return "the state directory is open already";
	case RESULT_STORE:
		return "the state directory can't be read or written";
	case RESULT_NOMEM:
		return "out of memory";
	case RESULT_TIMEOUT:
		return "the time given ran out";
	default:
		return "unknown result";
	}
}
