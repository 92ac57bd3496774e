/* oom/parse.c - each allocation of reading a frame fails, alone or with all that follow: `make check-oom`
 *
 * By a new parser, and by one that has read before. Nothing leaks, crashes or goes to stderr; what comes out says that
 * there was no memory, or is right; and the same parser reads the next frame as ever.
 */
#include "base/buffer.h"
#include "base/test/failing_malloc.h"
#include "conformance/oom/frames.h"
#include "conformance/oom/quiet.h"
#include "eppparse/eppparse.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

enum way { PAIR, TWO_STEPS, MESSAGE, SERVER_CHANGE, LOGIN_PAIR };

enum { LEAST_POINTS = 50, CHANGE_MAX = 1 << 16 };

static const struct frames {
	const char *shows;
	enum way way;
	const char *command, *response;
	enum eppparse_result result;
} all[] = {
	{"a create", PAIR, CREATE, CREATED, EPPPARSE_CHANGE},
	{"a create in two steps", TWO_STEPS, CREATE, CREATED, EPPPARSE_CHANGE},
	{"namespaces of the registry's own", PAIR, OWN_UPDATE, OWN_DONE, EPPPARSE_CHANGE},
	{"a verb of its own", PAIR, OWN_VERB, DONE, EPPPARSE_CHANGE},
	{"an nsset", PAIR, NSSET, DONE, EPPPARSE_CHANGE},
	{"a transfer", PAIR, TRANSFER, TRANSFERRED, EPPPARSE_CHANGE},
	{"a host's new name", TWO_STEPS, RENAME, DONE, EPPPARSE_CHANGE},
	{"the end of a pending command", MESSAGE, POLL, PENDED, EPPPARSE_CHANGE},
	{"a transfer by poll", PAIR, POLL, MOVED, EPPPARSE_CHANGE},
	{"the end of a command on a locked domain", MESSAGE, POLL, LOCKED, EPPPARSE_CHANGE},
	{"what the registry did, by poll", MESSAGE, POLL, SERVERS, EPPPARSE_CHANGE},
	{"what the registry did", SERVER_CHANGE, "", SERVERS, EPPPARSE_CHANGE},
	{"a login", LOGIN_PAIR, LOGIN, DONE, EPPPARSE_CHANGE},
	{"a failure", PAIR, CREATE, FAILED, EPPPARSE_NOTHING},
	{"no XML", PAIR, NO_XML, DONE, EPPPARSE_MALFORMED},
	{"no name", PAIR, NO_NAME, DONE, EPPPARSE_VALUE},
	{"an unknown object", PAIR, UNKNOWN, DONE, EPPPARSE_NAMESPACE},
	{"a document type", PAIR, DOCTYPED, DONE, EPPPARSE_DOCTYPE},
	{"an encoding of nobody's", PAIR, ENCODED, DONE, EPPPARSE_ENCODING},
};

static char right[CHANGE_MAX]; /* what the frames come to if nothing fails */
static size_t right_size;

static enum eppparse_result read_frames(struct eppparse *parse, const struct frames *frames,
					struct change *change)
{
	const char *command = frames->command, *response = frames->response;
	size_t size = strlen(command), response_size = strlen(response);
	enum eppparse_result result;
	switch (frames->way) {
	case PAIR:
		return eppparse_pair(parse, command, size, response, response_size, change);
	case TWO_STEPS:
		result = eppparse_command(parse, command, size, change);
		return result == EPPPARSE_CHANGE
			       ? eppparse_response(parse, response, response_size, change)
			       : result;
	case MESSAGE:
		return eppparse_message(parse, response, response_size, change);
	case LOGIN_PAIR:
		change_clear(change);
		return eppparse_login(parse, command, size, response, response_size,
				      &change->registrar);
	default:
		return eppparse_server_change(parse, response, response_size, change);
	}
}

/* Is this what the frames come to? */
static bool is_right(const struct frames *frames, enum eppparse_result result,
		     const struct change *change)
{
	struct buffer encoded;
	if (result != frames->result)
		return false;
	if (result != EPPPARSE_CHANGE)
		return true;
	buffer_init(&encoded, CHANGE_MAX);
	change_encode(change, &encoded);
	bool same = !encoded.failed && encoded.size == right_size &&
		    memcmp(encoded.data, right, right_size) == 0;
	buffer_free(&encoded);
	return same;
}

struct outcome {
	enum eppparse_result result; /* of the reading in which an allocation failed, if any did */
	bool right;                  /* it is what it should be, or says that there was no memory */
	bool recovered;              /* and the parser's next reading is what it should be */
};

/* How a reading is to fail. */
struct failure {
	bool warm;    /* of a parser that has read before */
	bool lasting; /* once one allocation has failed, all do until the reading is over */
};

/* Makes a parser, lets it read once before, if it is to be warm, and once more with a failing allocation. */
static void read_with_failure(const struct frames *frames, struct failure how, long after,
			      struct outcome *outcome)
{
	struct eppparse *parse;
	struct change change;
	*outcome = (struct outcome){EPPPARSE_NOMEM, true, true};
	change_init(&change);
	failing_begin(how.warm ? -1 : after, how.lasting);
	if (eppparse_new(&parse) == RESULT_OK) {
		eppparse_use(parse, &frames_namespaces, &frames_verbs);
		if (how.warm) {
			outcome->recovered =
				is_right(frames, read_frames(parse, frames, &change), &change);
			change_free(&change);
			failing_go_on(after);
		}
		outcome->result = read_frames(parse, frames, &change);
		failing_go_on(-1);
		outcome->right = outcome->result == EPPPARSE_NOMEM ||
				 is_right(frames, outcome->result, &change);
		outcome->recovered &=
			is_right(frames, read_frames(parse, frames, &change), &change);
	}
	failing_go_on(-1);
	change_free(&change);
	eppparse_free(&parse);
	xmlResetLastError(); /* libxml2 keeps one of the thread's */
	failing_end();
}

static void fail_each(const struct frames *frames, struct failure failure, long *points)
{
	const char *how = failure.warm ? "again" : "at first";
	struct outcome outcome;
	long after = 0;
	for (;; after++) {
		quiet_begin();
		read_with_failure(frames, failure, after, &outcome);
		long complaints = quiet_end();
		if (complaints != 0)
			fail_msg("%s, %s, allocation %ld: %ld bytes on stderr", frames->shows, how,
				 after, complaints);
		if (failing_leaked() != 0)
			fail_msg("%s, %s, allocation %ld: %ld leaked", frames->shows, how, after,
				 failing_leaked());
		if (!outcome.right)
			fail_msg("%s, %s, allocation %ld: %s, or another change", frames->shows,
				 how, after, eppparse_reason(outcome.result));
		if (!outcome.recovered)
			fail_msg("%s, %s, allocation %ld: the next reading is wrong", frames->shows,
				 how, after);
		if (!failing_did_fail())
			break;
	}
	assert_int_equal(outcome.result, frames->result);
	*points += after;
}

/* What the frames come to, and all that libraries allocate once and keep. */
static void read_once(const struct frames *frames)
{
	struct eppparse *parse;
	struct change change;
	struct buffer encoded;
	change_init(&change);
	buffer_init(&encoded, CHANGE_MAX);
	assert_int_equal(eppparse_new(&parse), RESULT_OK);
	eppparse_use(parse, &frames_namespaces, &frames_verbs);
	enum eppparse_result result = read_frames(parse, frames, &change);
	if (result != frames->result)
		fail_msg("%s: %s", frames->shows, eppparse_reason(result));
	change_encode(&change, &encoded);
	assert_false(encoded.failed);
	memcpy(right, encoded.data, encoded.size);
	right_size = encoded.size;
	buffer_free(&encoded);
	change_free(&change);
	eppparse_free(&parse);
	xmlResetLastError();
}

static void each_allocation_fails_in_turn(void **state)
{
	long new_points = 0, warm_points = 0;
	const struct frames *frames = *state;
	read_once(frames);
	for (int lasting = 0; lasting <= 1; lasting++) {
		fail_each(frames, (struct failure){false, lasting}, &new_points);
		fail_each(frames, (struct failure){true, lasting}, &warm_points);
	}
	print_message("%s: %ld failures of a new parser, %ld of one that is used again\n",
		      frames->shows, new_points, warm_points);
	assert_true(new_points >= LEAST_POINTS);
}

int main(void)
{
	struct CMUnitTest tests[sizeof all / sizeof *all];
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		tests[i] = (struct CMUnitTest){all[i].shows, each_allocation_fails_in_turn, NULL,
					       NULL, (void *)&all[i]};
	if (eppparse_silence_thread() != RESULT_OK)
		return 1;
	return cmocka_run_group_tests_name("no memory: parse", tests, NULL, NULL);
}
